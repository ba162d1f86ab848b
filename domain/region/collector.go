package region

import (
	"math"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/roads"
)

// MaxRoadMetres is how far from a road a shelter may be and still be in the region.
const MaxRoadMetres = 1000

// Limits of what a region holds.
const (
	MaxShelters = 100_000
	MaxCells    = 5_000_000
	maxCapacity = 10_000_000 // persons in one shelter; more is another unit
	maxPersons  = 10_000_000 // in one cell
)

// Collector makes a region of what its files hold, and reports what cannot be used.
type Collector struct {
	region Region
	cells  []Cell
	ids    map[string]string // pointer of each shelter by its id
	places map[shelterPlace]string
}

type shelterPlace struct {
	name  string
	point geo.Point
}

// NewCollector begins a region on roads.
func NewCollector(n *roads.Network, report roads.Report) *Collector {
	c := &Collector{ids: map[string]string{}, places: map[shelterPlace]string{}}
	c.region.Roads, c.region.RoadsReport = n, report
	for _, d := range []struct {
		count   int
		code    string
		details string
	}{
		{report.MissingNodes, domain.CodeNotFound, "%d nodes of roads are not in the file; their segments are left out"},
		{report.InvalidNodes, domain.CodeRange, "%d nodes of roads are no place on Earth; their segments are left out"},
		{report.RepeatedNodes, domain.CodeDuplicate, "%d nodes of roads are given again; the first one counts"},
		{report.RepeatedWays, domain.CodeDuplicate, "%d roads are given again; the first one counts"},
		{report.SkippedEqual, domain.CodeInconsistent, "%d times a road goes from a node to the same node"},
	} {
		if d.count > 0 {
			c.region.Defects.Add(SourceRoads, "", d.code, d.details, d.count)
		}
	}
	if n.NumSegments() == 0 {
		c.region.Defects.Add(SourceRoads, "", domain.CodeSize, "the file has no road for cars")
	}
	return c
}

// Refuse reports what a file holds that is no shelter and no cell.
func (c *Collector) Refuse(s Source, pointer, code, format string, args ...any) {
	c.region.Defects.Add(s, pointer, code, format, args...)
}

// AddShelter adds the shelter at a pointer of its file, if it can be one. Its vertex is found here.
func (c *Collector) AddShelter(pointer string, s Shelter) {
	refuse := func(sub, code, format string, args ...any) {
		c.Refuse(SourceShelters, pointer+sub, code, format, args...)
	}
	before := c.region.Defects.Counts[SourceShelters]
	if s.Capacity != CapacityUnknown && (s.Capacity < 0 || s.Capacity > maxCapacity) {
		refuse("/properties/capacity", domain.CodeRange, "a capacity of %d persons is not between 0 and %d", s.Capacity, maxCapacity)
	}
	if first, ok := c.ids[s.ID]; ok {
		refuse("/properties/id", domain.CodeDuplicate, "the id %.40q stands at %s already", s.ID, first)
	}
	at := shelterPlace{s.Name, s.Point}
	if first, ok := c.places[at]; ok && s.Name != "" {
		refuse("", domain.CodeDuplicate, "the shelter %.40q is at the place of %s", s.Name, first)
	}
	if !s.Point.IsValid() {
		refuse("/geometry/coordinates", domain.CodeRange, "%g, %g is no longitude in [-180, 180] and latitude in [-90, 90]", s.Point.Lon, s.Point.Lat)
	} else {
		var ok bool
		s.Vertex, s.RoadMetres, ok = c.region.Roads.NearestVertex(s.Point)
		if !ok || s.RoadMetres > MaxRoadMetres {
			refuse("/geometry/coordinates", domain.CodeRange, "the shelter is outside the region: no road is within %d m of %g, %g", MaxRoadMetres, s.Point.Lon, s.Point.Lat)
		}
	}
	if len(c.region.Shelters) == MaxShelters {
		refuse("", domain.CodeSize, "a region holds at most %d shelters", MaxShelters)
	}
	if c.region.Defects.Counts[SourceShelters] > before {
		return
	}
	c.ids[s.ID], c.places[at] = pointer, pointer
	c.region.Shelters = append(c.region.Shelters, s)
}

// AddCell adds the people at a pointer of their file, if there can be so many.
func (c *Collector) AddCell(pointer string, cell Cell) {
	before := c.region.Defects.Counts[SourcePopulation]
	if !(cell.Persons >= 0 && cell.Persons <= maxPersons) {
		c.Refuse(SourcePopulation, pointer+"/population", domain.CodeRange, "%g persons are not between 0 and %d", cell.Persons, maxPersons)
	}
	if !(math.Abs(cell.Point.Lon) <= 180) {
		c.Refuse(SourcePopulation, pointer+"/lon", domain.CodeRange, "%g is no longitude in [-180, 180]", cell.Point.Lon)
	}
	if !(math.Abs(cell.Point.Lat) <= 90) {
		c.Refuse(SourcePopulation, pointer+"/lat", domain.CodeRange, "%g is no latitude in [-90, 90]", cell.Point.Lat)
	}
	if len(c.cells) == MaxCells {
		c.Refuse(SourcePopulation, pointer, domain.CodeSize, "a region holds at most %d places of people", MaxCells)
	}
	if c.region.Defects.Counts[SourcePopulation] == before {
		c.cells = append(c.cells, cell)
	}
}

// Region returns the region. The collector must not be used again.
func (c *Collector) Region() *Region {
	c.region.People = NewPeople(c.cells)
	return &c.region
}
