package quickest

import (
	"cmp"
	"slices"
)

// Departure is a group of units that go the same way: at each step from First to Last, Units of them leave
// the source.
type Departure struct {
	Source, Sink int32 // nodes
	// Path are the indices of the edges in Network.Edges; it is empty where the source is the sink.
	Path []int32
	// Enter says for each edge of Path how many steps after its departure a unit enters it.
	Enter       []int32
	First, Last int   // steps
	Units       int32 // that leave at each step
}

// Arrival returns the step at which the last of the group is at the sink.
func (d *Departure) Arrival(n *Network) int {
	if len(d.Path) == 0 {
		return d.Last
	}
	end := len(d.Path) - 1
	return d.Last + int(d.Enter[end]) + int(n.Edges[d.Path[end]].Transit)
}

// trip is one group of units that leave at one step.
type trip struct {
	source, sink int32
	units        int32
	path         []int32 // positions in problem.edges
	enter        []int   // steps
	leave        int     // the step of the departure, once enter counts from it
}

// departures makes the ways that people go of trips.
func (p *problem) departures(trips []trip) []Departure {
	used := make([]row, len(p.edges))
	for i := range trips {
		trips[i].occupy(p, used, 1)
	}
	for i := range trips {
		trips[i].postpone(p, used)
	}
	return p.group(trips)
}

// trips takes the flow apart: it follows units from each source, step by step, until they are at a sink.
func (f *flow) trips() []trip {
	w := walker{
		p: f.p, edges: cloneRows(f.edges), waiting: cloneRows(f.waiting), deposited: cloneRows(f.deposited),
		seen: fill(f.p.nodes),
	}
	var trips []trip
	for i := range f.p.origin {
		released := f.released[i].clone()
		for t := released.firstUsed(); t >= 0; t = released.nextUsed(t) {
			tr := w.walk(f.p.origin[i], t, released.at(t))
			released.add(t, -tr.units, 0)
			trips = append(trips, tr)
		}
	}
	return trips
}

func cloneRows(rows []row) []row {
	c := make([]row, len(rows))
	for i := range rows {
		c[i] = rows[i].clone()
	}
	return c
}

// walker holds what is left of a flow.
type walker struct {
	p                         *problem
	edges, waiting, deposited []row
	seen                      []int32 // by node: its place on the walk, or -1
	moves                     []move
}

// walk follows at most so many units from node v at step t, and takes them out of the flow. Who comes back to
// a node might as well have waited there, so that the trip has no loops; one that takes no time is taken out
// of the flow at once, or the walk would go round and round.
func (w *walker) walk(v int32, t int, units int32) trip {
	tr, leave, most := trip{source: v}, t, units
	w.moves = w.moves[:0]
	w.seen[v] = 0
	for {
		m, more := w.next(v, t)
		w.moves = append(w.moves, m)
		units = min(units, w.left(&m))
		if !more {
			break
		}
		if m.kind == moveWait {
			t = m.till
			continue
		}
		tr.path, tr.enter = append(tr.path, m.id), append(tr.enter, t)
		t += int(w.p.edges[m.id].transit)
		v = w.p.edges[m.id].to
		if at := w.seen[v]; at >= 0 {
			if tr.enter[at] == t {
				// What was walked before may have counted on what is taken out here, so the walk begins anew.
				// That ends: with each loop there is less flow.
				w.cancel(len(tr.path) - int(at))
				w.forget(&tr)
				return w.walk(tr.source, leave, most)
			}
			for _, i := range tr.path[at:] {
				w.seen[w.p.edges[i].to] = -1
			}
			tr.path, tr.enter = tr.path[:at], tr.enter[:at]
		}
		w.seen[v] = int32(len(tr.path))
	}
	w.forget(&tr)
	for i := range w.moves {
		w.take(&w.moves[i], units)
	}
	tr.sink, tr.units = v, units
	return tr
}

// forget makes the nodes of a walk unseen.
func (w *walker) forget(tr *trip) {
	w.seen[tr.source] = -1
	for _, i := range tr.path {
		w.seen[w.p.edges[i].to] = -1
	}
}

// cancel takes the last moves, a loop, out of the walk and of the flow.
func (w *walker) cancel(last int) {
	loop := w.moves[len(w.moves)-last:]
	units := int32(Unlimited)
	for i := range loop {
		units = min(units, w.left(&loop[i]))
	}
	for i := range loop {
		w.take(&loop[i], units)
	}
	w.moves = w.moves[:len(w.moves)-last]
}

// next returns where units at v go at step t: to stay for good, on, or nowhere until the next step.
func (w *walker) next(v int32, t int) (m move, more bool) {
	if i := w.p.sink[v]; i >= 0 && w.deposited[i].at(t) > 0 {
		return move{kind: moveDeposit, id: i, t: t}, false
	}
	from, to := w.p.out(v)
	for i := from; i < to; i++ {
		if w.edges[i].at(t) > 0 {
			return move{kind: moveEnter, id: i, t: t}, true
		}
	}
	return move{kind: moveWait, id: v, t: t, till: w.leaves(v, t)}, true
}

// leaves returns the next step after t at which some units leave node v, or stay there for good.
func (w *walker) leaves(v int32, t int) int {
	next := unreachable
	if i := w.p.sink[v]; i >= 0 {
		if s := w.deposited[i].nextUsed(t); s >= 0 {
			next = s
		}
	}
	from, to := w.p.out(v)
	for i := from; i < to; i++ {
		if s := w.edges[i].nextUsed(t); s >= 0 {
			next = min(next, s)
		}
	}
	return next
}

// left returns how many units a move is still for.
func (w *walker) left(m *move) int32 {
	switch m.kind {
	case moveEnter:
		return w.edges[m.id].at(m.t)
	case moveWait:
		return w.waiting[m.id].least(m.t, m.till)
	default:
		return w.deposited[m.id].at(m.t)
	}
}

func (w *walker) take(m *move, units int32) {
	switch m.kind {
	case moveEnter:
		w.edges[m.id].add(m.t, -units, 0)
	case moveWait:
		w.waiting[m.id].addAll(m.t, m.till, -units)
	default:
		w.deposited[m.id].add(m.t, -units, 0)
	}
}

// occupy adds the trip to the units that enter each edge, or takes it away.
func (tr *trip) occupy(p *problem, used []row, sign int32) {
	for k, i := range tr.path {
		used[i].add(tr.enter[k], sign*tr.units, p.edges[i].capacity)
	}
}

// postpone moves the waits of a trip towards its source as far as the edges have room: better wait at home
// than on the road. The arrival stays what it is.
func (tr *trip) postpone(p *problem, used []row) {
	for k := len(tr.path) - 2; k >= 0; k-- {
		i := tr.path[k]
		e := &p.edges[i]
		latest := tr.enter[k+1] - int(e.transit)
		for t := latest; t > tr.enter[k]; t-- {
			if int64(used[i].at(t))+int64(tr.units) <= int64(e.capacity) {
				used[i].add(tr.enter[k], -tr.units, e.capacity)
				used[i].add(t, tr.units, e.capacity)
				tr.enter[k] = t
				break
			}
		}
	}
}

// group merges trips of the same way, and those at consecutive steps.
func (p *problem) group(trips []trip) []Departure {
	for i := range trips {
		trips[i].relative()
	}
	slices.SortFunc(trips, func(a, b trip) int { return cmp.Or(compareWays(&a, &b), cmp.Compare(a.leave, b.leave)) })
	trips = mergeSteps(trips)
	var groups []Departure
	for i := range trips {
		tr := &trips[i]
		if i > 0 && compareWays(&trips[i-1], tr) == 0 {
			if d := &groups[len(groups)-1]; d.Last+1 == tr.leave && d.Units == tr.units {
				d.Last++
				continue
			}
		}
		d := Departure{Source: tr.source, Sink: tr.sink, First: tr.leave, Last: tr.leave, Units: tr.units}
		for k, i := range tr.path {
			d.Path, d.Enter = append(d.Path, p.edges[i].edge), append(d.Enter, int32(tr.enter[k]))
		}
		groups = append(groups, d)
	}
	return groups
}

// relative makes the steps of a trip count from its departure.
func (tr *trip) relative() {
	tr.leave = 0
	if len(tr.path) > 0 {
		tr.leave = tr.enter[0]
	}
	for k := range tr.enter {
		tr.enter[k] -= tr.leave
	}
}

// compareWays orders trips by everything but their departure and their units.
func compareWays(a, b *trip) int {
	return cmp.Or(
		cmp.Compare(a.source, b.source), cmp.Compare(a.sink, b.sink),
		slices.Compare(a.path, b.path), slices.Compare(a.enter, b.enter),
	)
}

// mergeSteps adds up the trips of one way and one step.
func mergeSteps(trips []trip) []trip {
	merged := trips[:0]
	for _, tr := range trips {
		if n := len(merged) - 1; n >= 0 && merged[n].leave == tr.leave && compareWays(&merged[n], &tr) == 0 {
			merged[n].units += tr.units
			continue
		}
		merged = append(merged, tr)
	}
	return merged
}
