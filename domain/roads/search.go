package roads

import (
	"math"

	"github.com/guardy-ai/guardy/domain/internal/heap"
)

// search is the workspace of one route. It is reused: a label counts only while it bears the generation of
// the search.
//
// Both sides are led by one potential, the mean of the lower bounds towards the end and from the begin (Ikeda
// and others 1994), which leaves no step of negative length for either, so that the search may end as soon
// as the two nearest keys together exceed the best route that was found.
type search struct {
	network    *Network
	mask       *Mask
	generation uint32
	sides      [2]side
	potential  potential
	best       found
	links      []link
}

// The sides of a search.
const (
	departing = iota
	arriving
)

type side struct {
	labels []label                    // of each junction
	queue  heap.Heap[float64, uint32] // of junctions
	seeds  []origin
	ends   ends
}

// label is the fastest way known to a junction.
type label struct {
	seconds    float64
	potential  float64
	previous   uint32 // junction; noJunction where the search began
	via        uint32 // the link from there, or the seed where the search began
	generation uint32
}

const noJunction = ^uint32(0)

// found is the best route so far.
type found struct {
	seconds float64
	kind    foundKind
	// Where the sides have met.
	junction uint32
	// A route that passes no junction, or only touches one at its end: the steps of an origin, that end at
	// an end of the other side.
	along origin
	to    int
}

type foundKind uint8

const (
	foundNothing foundKind = iota
	foundPart              // both places are on one segment
	foundChain             // both places are on one chain
	foundMeeting
)

// borrow returns a workspace of the core's size.
func (n *Network) borrow() *search {
	s, ok := n.core.spare.Get().(*search)
	if !ok {
		s = &search{network: n}
		for i := range s.sides {
			s.sides[i].labels = make([]label, len(n.core.junctions))
		}
	}
	s.generation++
	if s.generation == 0 { // after four thousand million routes the labels of the first would count again
		for i := range s.sides {
			clear(s.sides[i].labels)
		}
		s.generation = 1
	}
	return s
}

// begin spreads both sides to their first junctions.
func (s *search) begin(from, to Place) {
	n := s.network
	s.best = found{seconds: math.Inf(1)}
	if seconds, ok := n.alongSegment(from, to, s.mask); ok {
		s.best = found{seconds: seconds, kind: foundPart}
	}
	s.sides[departing].ends = n.endsOf(from, s.mask, false)
	s.sides[arriving].ends = n.endsOf(to, s.mask, true) // before the departing side looks for them
	for i := range s.sides {
		d := &s.sides[i]
		d.queue, d.seeds = d.queue[:0], d.seeds[:0]
		for k, e := range d.ends.all() {
			s.spread(i, k, e)
		}
	}
	s.potential.lead(n.core.marks, s.sides[departing].seeds, s.sides[arriving].seeds)
	for i := range s.sides {
		for k := range s.sides[i].seeds {
			o := &s.sides[i].seeds[k]
			s.reach(i, o.junction, o.seconds, noJunction, uint32(k))
		}
	}
}

// spread walks from an end of the route to the nearest junctions.
func (s *search) spread(i, end int, from start) {
	var origins [maxOrigins]origin
	found := s.network.spread(origins[:0], from, s.mask, i == arriving, func(v Vertex, o origin) {
		if i == departing {
			o.end = end
			s.meetEnd(v, o)
		}
	})
	for _, o := range found {
		o.end = end
		s.sides[i].seeds = append(s.sides[i].seeds, o)
	}
}

// meetEnd notes a route from an end of the departing side that comes to an end of the other.
func (s *search) meetEnd(v Vertex, o origin) {
	for k, e := range s.sides[arriving].ends.all() {
		if e.vertex == v && o.seconds+e.seconds < s.best.seconds {
			s.best = found{seconds: o.seconds + e.seconds, kind: foundChain, along: o, to: k}
		}
	}
}

// run searches until no better route is possible.
func (s *search) run() {
	f, b := &s.sides[departing].queue, &s.sides[arriving].queue
	// Bounds are rounded, so that potentials are a little wrong: each by twice the rounding of a bound, on both
	// sides and at both ends of what is compared.
	slack := 8 * s.network.core.marks.rounding
	for i := departing; len(*f) > 0 && len(*b) > 0 && (*f)[0].Key+(*b)[0].Key < s.best.seconds+slack; i = 1 - i {
		s.expand(i)
	}
}

func (s *search) expand(i int) {
	d, core := &s.sides[i], &s.network.core
	at, arcs := core.leavingAt, core.leaving
	if i == arriving {
		at, arcs = core.enteringAt, core.entering
	}
	key, junction := d.queue.Pop()
	l := &d.labels[junction]
	if key > l.key(i) {
		return // it was reached faster since
	}
	for _, a := range arcs[at[junction]:at[junction+1]] {
		if !s.mask.chains.has(a.link.chain()) {
			s.reach(i, a.head, l.seconds+a.seconds, junction, uint32(a.link))
		}
	}
}

func (l *label) key(i int) float64 {
	if i == arriving {
		return l.seconds - l.potential
	}
	return l.seconds + l.potential
}

// reach notes a way to a junction if it is the fastest yet.
func (s *search) reach(i int, junction uint32, seconds float64, previous, via uint32) {
	l := &s.sides[i].labels[junction]
	if l.generation != s.generation {
		l.generation, l.seconds = s.generation, math.Inf(1)
		l.potential = s.potential.of(&s.network.core.marks.bounds[junction])
	}
	if seconds >= l.seconds || math.IsInf(l.potential, 0) || math.IsNaN(l.potential) {
		return // an infinite potential: no route comes through here, flood or no flood
	}
	l.seconds, l.previous, l.via = seconds, previous, via
	other := &s.sides[1-i].labels[junction]
	if other.generation == s.generation && seconds+other.seconds < s.best.seconds {
		s.best = found{seconds: seconds + other.seconds, kind: foundMeeting, junction: junction}
	}
	if previous == noJunction || !s.network.core.deadEnds.has(junction) {
		s.sides[i].queue.Push(l.key(i), junction)
	}
}

// potential bounds the time from the begin of a route, and to its end, from below.
type potential struct {
	// The times of the ends from and to each landmark, the times between the ends and their first junctions
	// included, in the way that keeps the triangle inequality true for whichever of the junctions is taken.
	begin, end bounds
}

func (p *potential) lead(m landmarks, begin, end []origin) {
	inf := float32(math.Inf(1))
	for k := range numLandmarks {
		p.begin.from[k], p.begin.to[k] = -inf, inf
		p.end.from[k], p.end.to[k] = inf, -inf
		for _, o := range begin {
			b := &m.bounds[o.junction]
			p.begin.from[k] = max(p.begin.from[k], b.from[k]-float32(o.seconds))
			p.begin.to[k] = min(p.begin.to[k], b.to[k]+float32(o.seconds))
		}
		for _, o := range end {
			b := &m.bounds[o.junction]
			p.end.from[k] = min(p.end.from[k], b.from[k]+float32(o.seconds))
			p.end.to[k] = max(p.end.to[k], b.to[k]-float32(o.seconds))
		}
	}
}

// of returns the potential of a junction: half of what is still to go less what is behind, in seconds. Where
// a landmark tells nothing, the difference of two infinities, the comparison is false.
func (p *potential) of(b *bounds) float64 {
	var ahead, behind float32
	for k := range numLandmarks {
		if v := p.end.from[k] - b.from[k]; v > ahead {
			ahead = v
		}
		if v := b.to[k] - p.end.to[k]; v > ahead {
			ahead = v
		}
		if v := b.from[k] - p.begin.from[k]; v > behind {
			behind = v
		}
		if v := p.begin.to[k] - b.to[k]; v > behind {
			behind = v
		}
	}
	return (float64(ahead) - float64(behind)) / 2
}
