package region

import (
	"cmp"
	"slices"

	"github.com/guardy-ai/guardy/domain/geo"
)

// Cell is a place where people live: a building, a populated place, or a cell of a grid by its centre.
type Cell struct {
	Point   geo.Point
	Persons float64 // not always whole: estimates spread a town over its houses
}

// People are the cells of a region. They never change.
type People struct {
	cells []Cell // from south to north
	total float64
}

// NewPeople returns the people of cells, which it keeps and sorts.
func NewPeople(cells []Cell) *People {
	slices.SortStableFunc(cells, func(a, b Cell) int { return cmp.Compare(a.Point.Lat, b.Point.Lat) })
	p := &People{cells: cells}
	for _, c := range cells {
		p.total += c.Persons
	}
	return p
}

// Cells returns all cells from south to north, not to be changed.
func (p *People) Cells() []Cell { return p.cells }

// Total returns how many persons there are.
func (p *People) Total() float64 { return p.total }

// Within calls visit with each cell whose centre is at most metres from a place, from south to north.
func (p *People) Within(centre geo.Point, metres float64, visit func(Cell)) {
	// A degree of latitude has the same length everywhere; the margin is for rounding.
	span := metres/geo.MetresPerDegree + 1e-9
	for _, c := range p.between(centre.Lat-span, centre.Lat+span) {
		if geo.Distance(centre, c.Point) <= metres {
			visit(c)
		}
	}
}

// In calls visit with each cell whose centre is in the area or on its border, from south to north.
func (p *People) In(area *geo.Area, visit func(Cell)) {
	box := area.Box()
	for _, c := range p.between(box.MinLat, box.MaxLat) {
		if area.Covers(c.Point) {
			visit(c)
		}
	}
}

// between returns the cells from one latitude to another.
func (p *People) between(south, north float64) []Cell {
	first, _ := slices.BinarySearchFunc(p.cells, south, func(c Cell, lat float64) int { return cmp.Compare(c.Point.Lat, lat) })
	last := first
	for last < len(p.cells) && p.cells[last].Point.Lat <= north {
		last++
	}
	return p.cells[first:last]
}
