package roads

import (
	"math"
	"slices"

	"github.com/guardy-ai/guardy/domain/geo"
)

// Place is where a route begins or ends: a vertex, or a point on a segment.
type Place struct {
	segment  Segment
	fraction float64 // of the segment, from its first end
	vertex   Vertex
	isVertex bool
}

// At returns the place of a vertex.
func At(v Vertex) Place { return Place{vertex: v, isVertex: true} }

// IsVertex reports whether p is a vertex.
func (p Place) IsVertex() bool { return p.isVertex }

// PointOf returns where p is.
func (n *Network) PointOf(p Place) geo.Point {
	if p.isVertex {
		return n.points[p.vertex]
	}
	return n.Line(p.segment).At(p.fraction)
}

// Snapped is the place on the roads that is nearest to a point.
type Snapped struct {
	Place
	Segment Segment // nearest; of several the one with the smallest number
	Metres  float64 // from the point
}

// snapMetres is how near to its end a place on a segment is the vertex itself.
const snapMetres = 0.01

// Snap returns the nearest place on the roads, flooded or not, by distance in the plane at p. ok is false on
// a network without segments.
func (n *Network) Snap(p geo.Point) (s Snapped, ok bool) {
	pl := geo.PlaneAt(p)
	s.Metres = math.Inf(1)
	n.tree.Nearest(pl, func(first, last int) float64 {
		for i := Segment(first); i < Segment(last); i++ {
			metres, fraction := pl.ToSegment(n.Line(i))
			if metres < s.Metres || metres == s.Metres && i < s.Segment {
				s.Segment, s.Metres, s.fraction = i, metres, fraction
			}
		}
		return s.Metres
	})
	if math.IsInf(s.Metres, 1) {
		return Snapped{}, false
	}
	at := n.segments[s.Segment]
	s.Place = Place{segment: s.Segment, fraction: s.fraction}
	switch {
	case s.fraction*at.metres <= snapMetres:
		s.Place = At(at.from)
	case (1-s.fraction)*at.metres <= snapMetres:
		s.Place = At(at.to)
	}
	return s, true
}

// NearestVertex returns the vertex of the largest component that is nearest to p in the plane at p. ok is
// false on a network without segments.
func (n *Network) NearestVertex(p geo.Point) (v Vertex, metres float64, ok bool) {
	pl := geo.PlaneAt(p)
	metres = math.Inf(1)
	consider := func(w Vertex) {
		if !n.InLargestComponent(w) {
			return
		}
		if d := math.Hypot(pl.Metres(n.points[w])); d < metres || d == metres && w < v {
			v, metres = w, d
		}
	}
	n.tree.Nearest(pl, func(first, last int) float64 {
		for _, s := range n.segments[first:last] {
			consider(s.from)
			consider(s.to)
		}
		return metres
	})
	return v, metres, !math.IsInf(metres, 1)
}

// VerticesWithin returns the vertices of the largest component that are at most metres from p in the plane at p, in
// ascending order.
func (n *Network) VerticesWithin(p geo.Point, metres float64) []Vertex {
	pl := geo.PlaneAt(p)
	var found []Vertex
	n.tree.Search(geo.Around(p, metres), func(first, last int) bool {
		for _, s := range n.segments[first:last] {
			for _, v := range [...]Vertex{s.from, s.to} {
				if n.InLargestComponent(v) && math.Hypot(pl.Metres(n.points[v])) <= metres {
					found = append(found, v)
				}
			}
		}
		return true
	})
	slices.Sort(found)
	return slices.Compact(found)
}

// planeAtMiddle returns the plane at the middle of a box.
func planeAtMiddle(b geo.Box) geo.Plane {
	return geo.PlaneAt(geo.Point{Lon: (b.MinLon + b.MaxLon) / 2, Lat: (b.MinLat + b.MaxLat) / 2})
}

// start is a vertex that a place reaches first.
type start struct {
	vertex  Vertex
	seconds float64
	metres  float64
}

// ends are at most two starts.
type ends struct {
	list [2]start
	n    int
}

func (e *ends) add(s start) {
	e.list[e.n] = s
	e.n++
}

func (e *ends) all() []start { return e.list[:e.n] }

// endsOf returns the vertices that p reaches along its segment or, arriving, is reached from. It is empty
// for a place on a blocked segment.
func (n *Network) endsOf(p Place, m *Mask, arriving bool) (e ends) {
	if p.isVertex {
		e.add(start{vertex: p.vertex})
		return e
	}
	if m.Blocks(p.segment) {
		return e
	}
	at := &n.segments[p.segment]
	seconds := n.Seconds(p.segment)
	forward, backward := n.ways[at.way].Forward, n.ways[at.way].Backward
	if arriving {
		forward, backward = backward, forward
	}
	if forward {
		e.add(start{at.to, (1 - p.fraction) * seconds, (1 - p.fraction) * at.metres})
	}
	if backward {
		e.add(start{at.from, p.fraction * seconds, p.fraction * at.metres})
	}
	return e
}

// origin is a vertex that is reached from an end of a route without passing a junction.
type origin struct {
	seed       // the junction, where the vertex is one
	end   int  // which end of the route
	first Step // if steps > 0
	steps int
}

// maxOrigins is how many junctions an end reaches first: itself, or both ends of its chain.
const maxOrigins = 2

// spread appends the junctions that are reached first from an end of a route or, arriving, from which it is
// reached, and calls visit with each vertex on the way to them, both ends included.
func (n *Network) spread(origins []origin, from start, m *Mask, arriving bool, visit func(Vertex, origin)) []origin {
	here := origin{seed: seed{n.core.index[from.vertex], from.seconds}}
	if visit(from.vertex, here); !n.isInside(from.vertex) {
		return append(origins, here)
	}
	for _, first := range n.Steps(from.vertex) {
		o := origin{seed: seed{notJunction, from.seconds}, first: first}
		for next := first; n.isOpen(next, m, arriving); next = n.following(next) {
			o.seconds += n.Seconds(next.Segment())
			o.steps++
			o.junction = n.core.index[n.Head(next)]
			visit(n.Head(next), o)
			if o.junction != notJunction {
				origins = append(origins, o)
				break
			}
		}
	}
	return origins
}

// isOpen reports whether a step can be driven or, reversed, whether one can come along it.
func (n *Network) isOpen(s Step, m *Mask, reversed bool) bool {
	if m.Blocks(s.Segment()) {
		return false
	}
	if reversed {
		s = s.reversed()
	}
	return n.IsAllowed(s)
}
