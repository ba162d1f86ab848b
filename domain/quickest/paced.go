package quickest

import (
	"cmp"
	"slices"
)

// paced plans without ever undoing much: which ways people go comes from the relaxation without time, and when
// they go from letting the longest ways have the roads first. That takes a moment where the search for the
// optimum takes minutes. What comes in late then looks for other ways, as long as there is time.
func paced(p *problem, target int64, bound int, b *budget) (carrier, int) {
	r := relaxation{p, p.nearest(p.room)}
	g, begin, end := r.network(bound)
	g.cheapest(begin, end, b.aborted)
	s := newSchedule(p)
	if b.err != nil {
		return s, bound
	}
	s.sendAll(r.ways(g))
	s.hasten(bound, b)
	return s, bound
}

// schedule is a flow over time that is known by its trips.
type schedule struct {
	f    *flow // of which only edges, supply, room, value and open are kept
	done []trip
}

func newSchedule(p *problem) *schedule { return &schedule{f: newFlow(p)} }

func (s *schedule) served() int64 { return s.f.value }

func (s *schedule) trips() []trip { return s.done }

// length returns how many steps a way takes on empty roads.
func (p *problem) length(way *trip) (steps int) {
	for _, i := range way.path {
		steps += int(p.edges[i].transit)
	}
	return steps
}

// arrival returns the step at which a trip is at its sink.
func (p *problem) arrival(tr *trip) int {
	if len(tr.path) == 0 {
		return 0
	}
	last := len(tr.path) - 1
	return tr.enter[last] + int(p.edges[tr.path[last]].transit)
}

// sendAll sends the units of all ways, those of the longest first.
func (s *schedule) sendAll(ways []trip) {
	slices.SortStableFunc(ways, func(a, b trip) int { return cmp.Compare(s.f.p.length(&b), s.f.p.length(&a)) })
	for i := range ways {
		s.send(ways[i], unreachable)
	}
}

// send sends the units of a way as early as its roads take them, while they arrive by a step.
func (s *schedule) send(way trip, by int) {
	start := 0
	for way.units > 0 {
		tr := s.follow(&way, start)
		if s.f.p.arrival(&tr) > by {
			return
		}
		if len(tr.path) > 0 {
			start = tr.enter[0]
		}
		way.units -= tr.units
		s.add(tr)
	}
}

// follow returns the next trip of a way, from a step on.
func (s *schedule) follow(way *trip, t int) trip {
	p := s.f.p
	tr := *way
	tr.enter = make([]int, len(way.path))
	for k, i := range way.path {
		t = s.f.edges[i].nextFree(t)
		tr.enter[k] = t
		tr.units = min(tr.units, p.edges[i].capacity-s.f.edges[i].at(t))
		t += int(p.edges[i].transit)
	}
	return tr
}

// add puts a trip on the roads.
func (s *schedule) add(tr trip) {
	s.done = append(s.done, tr)
	s.count(&tr, 1)
}

// count counts a trip in, or out.
func (s *schedule) count(tr *trip, sign int32) {
	f := s.f
	tr.occupy(f.p, f.edges, sign)
	sink := f.p.sink[tr.sink]
	f.supply[f.p.source[tr.source]] -= sign * tr.units
	if f.room[sink] > 0 {
		f.open--
	}
	f.room[sink] -= sign * tr.units
	if f.room[sink] > 0 {
		f.open++
	}
	f.value += int64(sign * tr.units)
}

// clearance returns the step of the last arrival.
func (s *schedule) clearance() (steps int) {
	for i := range s.done {
		steps = max(steps, s.f.p.arrival(&s.done[i]))
	}
	return steps
}

// hasten lets those who come last go other ways, again and again, as long as everybody is in earlier then.
func (s *schedule) hasten(bound int, b *budget) {
	g, away := newRouter(s.f), s.f.p.nearest(s.f.p.room)
	order := make([]int32, len(s.f.p.origin))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(away[s.f.p.origin[b]], away[s.f.p.origin[a]]) })
	high, failures := s.clearance(), 0
	for low := bound - 1; high > bound && failures < maxFailures && !b.spent(); {
		// Small steps: each is soon done, and what it brings is kept when the time is up.
		by := high - (high-low+3)/4
		from := by - by*failures/maxFailures
		failed, ok := s.reroute(g, order, from, by, b)
		if ok {
			high, failures = s.clearance(), 0
			continue
		}
		// Next time less is asked for, more may change, and who found no way chooses first.
		failures++
		low = min(max(by, low), high-2)
		at := slices.Index(order, failed)
		copy(order[1:at+1], order[:at])
		order[0] = failed
	}
}

// maxFailures is how many times in a row nothing may get better before that is taken for the best.
const maxFailures = 12

// reroute sends the units that arrive after a step on other ways, source by source, so that they arrive by
// another one. Where that is not possible it leaves everything as it was and returns the source that failed.
func (s *schedule) reroute(g *router, order []int32, from, by int, b *budget) (failed int32, ok bool) {
	before := s.done
	s.done = nil
	unserved := slices.Clone(s.f.supply) // those whom no plan serves
	for i := range before {
		if tr := &before[i]; s.f.p.arrival(tr) > from {
			s.count(tr, -1)
		} else {
			s.done = append(s.done, *tr)
		}
	}
	kept := len(s.done)
	for _, i := range order {
		for s.f.supply[i] > unserved[i] {
			v, ok := g.findFrom(i, by)
			if !ok || b.tick() {
				s.restore(before, kept, from)
				return i, false
			}
			way := trip{sink: v, source: g.trace(v), path: slices.Clone(g.path)}
			slices.Reverse(way.path)
			way.units = min(s.f.supply[i]-unserved[i], s.f.room[s.f.p.sink[v]])
			// A way that is looked for again before its roads are much fuller is found again.
			s.send(way, min(by, g.arrival[v]+by/10))
		}
	}
	return 0, true
}

// restore takes back the trips from the kept ones on and puts those that were late in their place.
func (s *schedule) restore(before []trip, kept, from int) {
	for i := range s.done[kept:] {
		s.count(&s.done[kept+i], -1)
	}
	for i := range before {
		if s.f.p.arrival(&before[i]) > from {
			s.count(&before[i], 1)
		}
	}
	s.done = before
}
