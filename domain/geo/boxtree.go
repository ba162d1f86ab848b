package geo

import "math"

// Box is the bounds of something, edges included.
type Box struct{ MinLon, MinLat, MaxLon, MaxLat float64 }

// EmptyBox returns the bounds of nothing: it overlaps no box, and united with a box it is that box.
func EmptyBox() Box { return Box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)} }

// Overlaps reports whether b and c have a point in common.
func (b Box) Overlaps(c Box) bool {
	return b.MinLon <= c.MaxLon && c.MinLon <= b.MaxLon && b.MinLat <= c.MaxLat && c.MinLat <= b.MaxLat
}

// Contains reports whether p is in b.
func (b Box) Contains(p Point) bool {
	return b.MinLon <= p.Lon && p.Lon <= b.MaxLon && b.MinLat <= p.Lat && p.Lat <= b.MaxLat
}

// Union returns the bounds of both.
func (b Box) Union(c Box) Box {
	return Box{
		min(b.MinLon, c.MinLon), min(b.MinLat, c.MinLat),
		max(b.MaxLon, c.MaxLon), max(b.MaxLat, c.MaxLat),
	}
}

// Add returns the bounds of b and p.
func (b Box) Add(p Point) Box { return b.Union(Box{p.Lon, p.Lat, p.Lon, p.Lat}) }

// BoxTree finds the items of a sequence near a place. It is a packed R-tree over the order in which the
// items stand, so that it has no entries of its own: neighbours in the sequence should be neighbours
// on the ground, as the edges of a ring are, and anything along a Hilbert curve. Items are asked for by
// runs of at most RunLength, because looking at a few items in a row is cheaper than looking up one.
type BoxTree struct {
	items  int
	levels [][]Box // levels[0] bounds runs of items, each further one runs of boxes below
}

// RunLength is the number of items under one box.
const RunLength = 8

// NewBoxTree indexes n items.
func NewBoxTree(n int, box func(i int) Box) BoxTree {
	t := BoxTree{items: n}
	for width := n; width > 1 || len(t.levels) == 0 && width > 0; {
		level := make([]Box, (width+RunLength-1)/RunLength)
		for i := range level {
			b := EmptyBox()
			for j := i * RunLength; j < min((i+1)*RunLength, width); j++ {
				b = b.Union(box(j))
			}
			level[i] = b
		}
		t.levels = append(t.levels, level)
		width, box = len(level), func(i int) Box { return level[i] }
	}
	return t
}

// Box returns the bounds of all items.
func (t *BoxTree) Box() Box {
	if len(t.levels) == 0 {
		return EmptyBox()
	}
	return t.levels[len(t.levels)-1][0]
}

// Search calls visit with runs [first, last) of items that hold every item whose box overlaps q, until
// visit returns false.
func (t *BoxTree) Search(q Box, visit func(first, last int) bool) {
	if top := len(t.levels) - 1; top >= 0 && t.levels[top][0].Overlaps(q) {
		t.search(top, 0, q, visit)
	}
}

func (t *BoxTree) search(level, i int, q Box, visit func(first, last int) bool) bool {
	if level == 0 {
		return visit(i*RunLength, min((i+1)*RunLength, t.items))
	}
	below := t.levels[level-1]
	for j := i * RunLength; j < min((i+1)*RunLength, len(below)); j++ {
		if below[j].Overlaps(q) && !t.search(level-1, j, q, visit) {
			return false
		}
	}
	return true
}

// Nearest calls visit with runs [first, last) of items, nearer ones early, until no other run can hold an
// item nearer to the origin of pl than the bound in metres that visit returned last.
func (t *BoxTree) Nearest(pl Plane, visit func(first, last int) (bound float64)) {
	if top := len(t.levels) - 1; top >= 0 {
		t.nearest(top, 0, pl, math.Inf(1), visit)
	}
}

// roundingMetres is more than the distance to a box and that to an item on its edge differ by rounding, on the
// whole Earth. Without it one of two items that are equally near could be passed over.
const roundingMetres = 1e-6

func (t *BoxTree) nearest(level, i int, pl Plane, bound float64, visit func(first, last int) float64) float64 {
	if level == 0 {
		return visit(i*RunLength, min((i+1)*RunLength, t.items))
	}
	below := t.levels[level-1]
	var order [RunLength]struct {
		metres float64
		j      int
	}
	n := 0
	for j := i * RunLength; j < min((i+1)*RunLength, len(below)); j++ {
		k, metres := n, pl.ToBox(below[j])
		for ; k > 0 && order[k-1].metres > metres; k-- {
			order[k] = order[k-1]
		}
		order[k].metres, order[k].j = metres, j
		n++
	}
	for _, next := range order[:n] {
		if next.metres > bound+roundingMetres {
			break
		}
		bound = t.nearest(level-1, next.j, pl, bound, visit)
	}
	return bound
}

// Hilbert returns how far along a Hilbert curve through b the point p is: points that are near on the
// curve are near on the ground.
func Hilbert(b Box, p Point) uint32 {
	x, y := cell(p.Lon, b.MinLon, b.MaxLon), cell(p.Lat, b.MinLat, b.MaxLat)
	var d uint32
	for side := uint32(1 << (hilbertBits - 1)); side > 0; side /= 2 {
		var rx, ry uint32
		if x&side != 0 {
			rx = 1
		}
		if y&side != 0 {
			ry = 1
		}
		d += side * side * (3*rx ^ ry)
		if ry == 0 { // turn the quadrant
			if rx == 1 {
				x, y = ^x&(1<<hilbertBits-1), ^y&(1<<hilbertBits-1)
			}
			x, y = y, x
		}
	}
	return d
}

const hilbertBits = 16

// cell returns the column or row of v.
func cell(v, low, high float64) uint32 {
	if !(high > low) {
		return 0
	}
	return uint32(min(max((v-low)/(high-low), 0), 1) * (1<<hilbertBits - 1))
}
