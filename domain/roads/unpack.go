package roads

import "slices"

// unpack turns what was found into the route, and adds up its time and length segment by segment.
func (s *search) unpack(r *Route) {
	n := s.network
	var from, to start
	switch s.best.kind {
	case foundNothing:
		return
	case foundPart:
		r.Seconds = s.best.seconds
		r.Metres = n.metresBetween(r.From, r.To)
		return
	case foundChain:
		r.Steps = n.appendWalk(r.Steps, s.best.along)
		from, to = s.sides[departing].ends.list[s.best.along.end], s.sides[arriving].ends.list[s.best.to]
	case foundMeeting:
		from = s.unpackBegin(r)
		to = s.unpackEnd(r)
	}
	r.Seconds, r.Metres = from.seconds, from.metres
	for _, step := range r.Steps {
		r.Seconds += n.Seconds(step.Segment())
		r.Metres += n.Metres(step.Segment())
	}
	r.Seconds += to.seconds
	r.Metres += to.metres
}

// unpackBegin appends the steps to the junction where the sides met.
func (s *search) unpackBegin(r *Route) start {
	d := &s.sides[departing]
	s.links = s.links[:0]
	l := &d.labels[s.best.junction]
	for ; l.previous != noJunction; l = &d.labels[l.previous] {
		s.links = append(s.links, link(l.via))
	}
	o := d.seeds[l.via]
	r.Steps = s.network.appendWalk(r.Steps, o)
	for _, next := range slices.Backward(s.links) {
		r.Steps = s.network.appendLink(r.Steps, next)
	}
	return d.ends.list[o.end]
}

// unpackEnd appends the steps from there.
func (s *search) unpackEnd(r *Route) start {
	d := &s.sides[arriving]
	l := &d.labels[s.best.junction]
	for ; l.previous != noJunction; l = &d.labels[l.previous] {
		r.Steps = s.network.appendLink(r.Steps, link(l.via))
	}
	o := d.seeds[l.via]
	walk := len(r.Steps)
	r.Steps = s.network.appendWalk(r.Steps, o)
	slices.Reverse(r.Steps[walk:]) // it was walked from the end
	for i := range r.Steps[walk:] {
		r.Steps[walk+i] = r.Steps[walk+i].reversed()
	}
	return d.ends.list[o.end]
}

// appendWalk appends the steps of o.
func (n *Network) appendWalk(steps []Step, o origin) []Step {
	next := o.first
	for i := range o.steps {
		if i > 0 {
			next = n.following(next)
		}
		steps = append(steps, next)
	}
	return steps
}

// appendLink appends the steps of a chain.
func (n *Network) appendLink(steps []Step, l link) []Step {
	next := n.firstStep(l)
	for n.isInside(n.Head(next)) {
		steps = append(steps, next)
		next = n.following(next)
	}
	return append(steps, next)
}
