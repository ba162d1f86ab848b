package main

import (
	"context"
	"fmt"
	"math"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guardy-ai/guardy/domain/region"
	"github.com/guardy-ai/guardy/domain/roads"
)

type regionCheckCmd struct {
	regionFiles
	regionPicture
}

// Help is shown by guardy region check --help.
func (regionCheckCmd) Help() string {
	return `Reads the files of a region as the service does, and writes a JSON document with what they hold
and with everything that was left out of them. The exit code is 1 when a file is refused, or when a
shelter or a line of people was left out. --picture draws the roads, the water, the shelters and the
people; with --request also the zones and the plan for them.`
}

// Run checks a region.
func (c *regionCheckCmd) Run(ctx context.Context, std stdio) error {
	r, err := c.load(ctx)
	if err != nil {
		return err
	}
	text, err := json.Marshal(reportOf(r), jsontext.WithIndent("  "), json.Deterministic(true))
	if err != nil {
		return err
	}
	if _, err := std.out.Write(append(text, '\n')); err != nil {
		return err
	}
	if err := c.draw(ctx, r); err != nil {
		return err
	}
	if shelters, people := r.Defects.Counts[region.SourceShelters], r.Defects.Counts[region.SourcePopulation]; shelters+people > 0 {
		return fmt.Errorf("what cannot be used is left out; problems of shelters: %d, of people: %d", shelters, people)
	}
	return nil
}

// regionReport is what guardy region check writes.
type regionReport struct {
	CostModel   string         `json:"cost_model"`
	Attribution string         `json:"attribution"`
	Network     networkReport  `json:"network"`
	LeftOut     leftOutReport  `json:"left_out"`
	Shelters    shelterReport  `json:"shelters"`
	People      peopleReport   `json:"people"`
	Problems    problemsReport `json:"problems"`
}

type networkReport struct {
	Ways               int     `json:"ways"`
	Vertices           int     `json:"vertices"`
	Segments           int     `json:"segments"`
	DirectedEdges      int     `json:"directed_edges"`
	NetworkKM          float64 `json:"network_km"`
	LargestSCCVertices int     `json:"largest_scc_vertices"`
	LargestSCCPercent  float64 `json:"largest_scc_percent"`
	ClosedBarrierNodes int     `json:"closed_barrier_nodes"`
	SouthWest          latLon  `json:"south_west,omitzero"`
	NorthEast          latLon  `json:"north_east,omitzero"`
}

// latLon is latitude and longitude in degrees.
type latLon [2]float64

type leftOutReport struct {
	WaysNotForCars       int `json:"ways_not_for_cars"`
	SegmentsAtBarriers   int `json:"segments_at_closed_barriers"`
	SegmentsWithoutNodes int `json:"segments_with_missing_nodes"`
}

type shelterReport struct {
	Shelters         int     `json:"shelters"`
	CapacityKnown    int     `json:"capacity_known"`
	CapacityUnknown  int     `json:"capacity_unknown"`
	Places           int     `json:"places"`
	FarthestFromRoad float64 `json:"farthest_from_road_m"`
}

type peopleReport struct {
	Cells   int     `json:"cells"`
	Persons float64 `json:"persons"`
	// Far persons live farther than region.MaxRoadMetres from the roads.
	Far float64 `json:"persons_far_from_roads"`
}

type problemsReport struct {
	Roads      int           `json:"roads"`
	Shelters   int           `json:"shelters"`
	Population int           `json:"population"`
	Listed     []problemLine `json:"listed"`
}

type problemLine struct {
	File    string `json:"file"`
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

func reportOf(r *region.Region) regionReport {
	return regionReport{
		CostModel: roads.CostModel, Attribution: region.Attribution,
		Network: networkOf(r), Shelters: sheltersOf(r), People: peopleOf(r), Problems: problemsOf(r),
		LeftOut: leftOutReport{r.RoadsReport.RefusedWays, r.RoadsReport.SkippedClosed, r.RoadsReport.SkippedMissing},
	}
}

func networkOf(r *region.Region) networkReport {
	f := r.Roads.Figures()
	n := networkReport{
		Ways: f.Ways, Vertices: f.Vertices, Segments: f.Segments, DirectedEdges: f.DirectedEdges,
		NetworkKM: rounded(f.Metres/1000, 3), LargestSCCVertices: f.LargestComponent,
		ClosedBarrierNodes: r.RoadsReport.ClosedBarriers,
	}
	if f.Vertices > 0 {
		n.LargestSCCPercent = rounded(100*float64(f.LargestComponent)/float64(f.Vertices), 2)
		box := r.Roads.Box()
		n.SouthWest, n.NorthEast = latLon{box.MinLat, box.MinLon}, latLon{box.MaxLat, box.MaxLon}
	}
	return n
}

func sheltersOf(r *region.Region) (s shelterReport) {
	s.Shelters = len(r.Shelters)
	for i := range r.Shelters {
		at := &r.Shelters[i]
		s.FarthestFromRoad = max(s.FarthestFromRoad, rounded(at.RoadMetres, 1))
		if at.Capacity == region.CapacityUnknown {
			s.CapacityUnknown++
			continue
		}
		s.CapacityKnown++
		s.Places += at.Capacity
	}
	return s
}

func peopleOf(r *region.Region) (p peopleReport) {
	for _, c := range r.People.Cells() {
		p.Cells++
		if len(r.Homes(c)) == 0 {
			p.Far += c.Persons
		}
	}
	p.Persons, p.Far = rounded(r.People.Total(), 3), rounded(p.Far, 3)
	return p
}

func problemsOf(r *region.Region) problemsReport {
	d := &r.Defects
	p := problemsReport{
		Roads: d.Counts[region.SourceRoads], Shelters: d.Counts[region.SourceShelters], Population: d.Counts[region.SourcePopulation],
		Listed: []problemLine{},
	}
	for _, at := range d.Listed {
		p.Listed = append(p.Listed, problemLine{at.Source.String(), at.Pointer, at.Code, at.Detail})
	}
	return p
}

func rounded(v float64, digits int) float64 {
	unit := math.Pow10(digits)
	return math.Round(v*unit) / unit
}
