package roads

import (
	"math"
	"slices"

	"github.com/guardy-ai/guardy/domain/geo"
)

// Route is a way from one place to another.
type Route struct {
	Seconds, Metres float64
	From, To        Place
	// Steps are the whole segments, in order. The parts of segments before the first and after the last, of
	// places inside segments, are not among them.
	Steps []Step
}

// Route returns the fastest route under the mask, and whether there is one. The memory of buffer, which may be
// nil, is used for its steps. It is found on the core of the network by searches from both sides at once, led by the landmarks.
func (n *Network) Route(from, to Place, m *Mask, buffer []Step) (Route, bool) {
	s := n.borrow()
	s.mask = n.orOpen(m)
	s.begin(from, to)
	s.run()
	r := Route{From: from, To: to, Steps: buffer[:0]}
	s.unpack(&r)
	ok := s.best.kind != foundNothing
	n.core.spare.Put(s)
	return r, ok
}

// alongSegment returns the time between two places inside one segment, along it.
func (n *Network) alongSegment(from, to Place, m *Mask) (seconds float64, ok bool) {
	if from.isVertex || to.isVertex || from.segment != to.segment || m.Blocks(from.segment) {
		return 0, false
	}
	part := to.fraction - from.fraction
	if part != 0 && !n.IsAllowed(step(from.segment, part < 0)) {
		return 0, false
	}
	return math.Abs(part) * n.Seconds(from.segment), true
}

// metresBetween returns the length between two places inside one segment.
func (n *Network) metresBetween(from, to Place) float64 {
	return math.Abs(to.fraction-from.fraction) * n.Metres(from.segment)
}

// RouteLine returns the points of r, those at which nothing turns included.
func (n *Network) RouteLine(r Route) []geo.Point {
	line := []geo.Point{n.PointOf(r.From)}
	for i, s := range r.Steps {
		if i == 0 {
			line = append(line, n.points[n.Tail(s)])
		}
		line = append(line, n.points[n.Head(s)])
	}
	return slices.Compact(append(line, n.PointOf(r.To)))
}
