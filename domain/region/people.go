package region

import (
	"cmp"
	"math"
	"slices"

	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/roads"
)

// Cell is a place where people live: a building, a populated place, or a cell of a grid by its centre.
type Cell struct {
	Point   geo.Point
	Persons float64 // not always whole: estimates spread a town over its houses
}

// People are the cells of a region. They never change.
type People struct {
	cells []Cell // along a Hilbert curve
	tree  geo.BoxTree
	total float64
}

// NewPeople returns the people of cells, which it keeps and sorts.
func NewPeople(cells []Cell) *People {
	p := &People{cells: cells}
	box := geo.EmptyBox()
	for _, c := range cells {
		p.total += c.Persons
		box = box.Add(c.Point)
	}
	slices.SortStableFunc(cells, func(a, b Cell) int { return cmp.Compare(geo.Hilbert(box, a.Point), geo.Hilbert(box, b.Point)) })
	p.tree = geo.NewBoxTree(len(cells), func(i int) geo.Box { return geo.EmptyBox().Add(cells[i].Point) })
	return p
}

// Cells returns all cells, not to be changed. Neighbours on the ground stand near each other.
func (p *People) Cells() []Cell { return p.cells }

// Total returns how many persons there are.
func (p *People) Total() float64 { return p.total }

// Within calls visit with each cell whose centre is at most metres from a place, and with its place in Cells.
func (p *People) Within(centre geo.Point, metres float64, visit func(i int, c Cell)) {
	p.search(geo.Around(centre, metres), func(i int, c Cell) {
		if geo.Distance(centre, c.Point) <= metres {
			visit(i, c)
		}
	})
}

// In calls visit with each cell whose centre is in the area or on its border.
func (p *People) In(area *geo.Area, visit func(Cell)) {
	p.search(area.Box(), func(_ int, c Cell) {
		if area.Covers(c.Point) {
			visit(c)
		}
	})
}

func (p *People) search(box geo.Box, visit func(i int, c Cell)) {
	p.tree.Search(box, func(first, last int) bool {
		for i := first; i < last; i++ {
			visit(i, p.cells[i])
		}
		return true
	})
}

// reach returns how far from its centre a place certainly belongs to a cell: half the way to the next centre.
func (p *People) reach(c Cell) float64 {
	pl, nearest := geo.PlaneAt(c.Point), math.Inf(1)
	p.tree.Nearest(pl, func(first, last int) float64 {
		for _, other := range p.cells[first:last] {
			if other.Point != c.Point {
				nearest = min(nearest, math.Hypot(pl.Metres(other.Point)))
			}
		}
		return nearest
	})
	return nearest / 2
}

// maxReach bounds the size of a cell in metres where neighbours are far or missing.
const maxReach = 1000

// Homes returns the vertices on which the people of a cell are spread: those inside it or, when there is none, the
// nearest one. They are of the largest component of the roads. It is empty where no road is within MaxRoadMetres.
// A file gives the centres of cells only; what is nearer to the centre than half the way to the next is inside.
func (r *Region) Homes(c Cell) []roads.Vertex {
	if inside := r.Roads.VerticesWithin(c.Point, min(r.People.reach(c), maxReach)); len(inside) > 0 {
		return inside
	}
	if v, metres, ok := r.Roads.NearestVertex(c.Point); ok && metres <= MaxRoadMetres {
		return []roads.Vertex{v}
	}
	return nil
}
