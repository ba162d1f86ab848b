package roadplan

import (
	"cmp"
	"math"
	"slices"

	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/region"
	"github.com/guardy-ai/guardy/domain/roads"
)

// group is the people of one zone who set out at one vertex.
type group struct {
	zone   int
	vertex roads.Vertex
	people int64
}

// crowd is everybody who has to leave.
type crowd struct {
	groups []group // by zone, then vertex
	// lost counts, by zone, the people who live far from every road.
	lost []int64
}

// count fills the zones with people and returns them, and how they were counted; ok is false when nothing
// is known about people.
func (d *draft) count() (c crowd, ok bool) {
	switch {
	case len(d.ground.region.People.Cells()) > 0:
		d.answer.Sources.Population = d.ground.source(region.SourcePopulation)
		if !math.IsNaN(d.request.PopulationDensity) {
			d.note("population_density was not used: the region knows its people.")
		}
		return d.fromCells(), true
	case !math.IsNaN(d.request.PopulationDensity):
		evacuation.CountByDensity(d.answer.Zones, d.request.PopulationDensity)
		d.answer.Sources.Population = evacuation.SourceDensity
		d.note(evacuation.AssumedDensity)
		return d.fromDensity(), true
	}
	d.note("The number of people is not known: neither the region nor population_density gives it.")
	return crowd{}, false
}

// share is an amount of people, not whole, of a zone at a vertex.
type share struct {
	zone   int
	vertex roads.Vertex
	lost   bool
	amount float64
}

// fromCells counts the people of the region's cells by the centre of each.
func (d *draft) fromCells() crowd {
	zones := d.answer.Zones
	amounts := make([]float64, len(zones))
	var shares []share
	d.ground.region.People.Within(d.centre, d.outer, func(i int, cell region.Cell) {
		if cell.Persons == 0 {
			return
		}
		z := d.zoneAt(d.metresTo(cell.Point))
		amounts[z] += cell.Persons
		homes := d.ground.homesOf(i)
		if len(homes) == 0 {
			shares = append(shares, share{zone: z, lost: true, amount: cell.Persons})
		}
		for _, v := range homes {
			shares = append(shares, share{zone: z, vertex: v, amount: cell.Persons / float64(len(homes))})
		}
	})
	for z, n := range evacuation.Apportion(amounts) {
		zones[z].Affected = evacuation.Known(n)
	}
	return d.settle(shares)
}

// fromDensity spreads the people of each ring evenly over the crossings in it.
func (d *draft) fromDensity() crowd {
	zones := d.answer.Zones
	var shares []share
	d.ground.crossings(d, func(v roads.Vertex, metres float64) {
		shares = append(shares, share{zone: d.zoneAt(metres), vertex: v, amount: 1})
	})
	for z := range zones {
		if !slices.ContainsFunc(shares, func(s share) bool { return s.zone == z }) {
			shares = append(shares, share{zone: z, lost: true, amount: 1})
		}
	}
	d.note("People set out at the crossings of their ring, the same number at each.")
	return d.settle(shares)
}

// settle makes whole people of shares so that each zone has as many as were counted in it.
func (d *draft) settle(shares []share) crowd {
	slices.SortStableFunc(shares, func(a, b share) int {
		return cmp.Or(cmp.Compare(a.zone, b.zone), compareBool(a.lost, b.lost), cmp.Compare(a.vertex, b.vertex))
	})
	c := crowd{lost: make([]int64, len(d.answer.Zones))}
	for len(shares) > 0 {
		z, n := shares[0].zone, 0
		var weight float64
		for n < len(shares) && shares[n].zone == z {
			weight += shares[n].amount
			n++
		}
		total, _ := d.answer.Zones[z].Affected.Get()
		var sum float64
		var given int64
		for i, s := range shares[:n] {
			// Rounding the running sum leaves nobody out and never is off by more than one.
			sum += s.amount
			upTo := total
			if i < n-1 {
				upTo = min(total, int64(math.Round(float64(total)*sum/weight)))
			}
			c.add(s, upTo-given)
			given = upTo
		}
		shares = shares[n:]
	}
	return c
}

func (c *crowd) add(s share, people int64) {
	switch last := len(c.groups) - 1; {
	case people == 0:
	case s.lost:
		c.lost[s.zone] += people
	case last >= 0 && c.groups[last].zone == s.zone && c.groups[last].vertex == s.vertex:
		c.groups[last].people += people
	default:
		c.groups = append(c.groups, group{s.zone, s.vertex, people})
	}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
