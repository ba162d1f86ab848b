package quickest

// trip is one group of units that leave at one step.
type trip struct {
	rank         int32
	source, sink int32 // nodes
	units        int32
	leave        int32   // the step of the departure
	path         []int32 // positions in problem.edges
	enter        []int32 // steps after the departure
}

// settle takes the flow of a rank apart, trip by trip, and leaves the units on the roads. With all of them there from the
// beginning, a trip finds its waits moved home only where nobody else is.
func (w *work) settle(rank int, x *search) {
	w.hold(w.plan.Clearance)
	for i := range int32(len(w.p.edges)) {
		for t := x.road.nextUsed(i, 0); t != noStep; t = x.road.nextUsed(i, t+1) {
			w.held.add(i, t, x.road.at(i, t))
		}
	}
	x.takeApart(func(tr *trip) {
		tr.rank = int32(rank)
		tr.postpone(w.p, &w.held)
		if w.each == nil {
			w.trips = append(w.trips, tr.clone())
			return
		}
		w.each(w.p.departure(tr))
	})
}

// clone returns the trip with memory of its own.
func (tr *trip) clone() trip {
	c, n := *tr, len(tr.path)
	both := append(append(make([]int32, 0, 2*n), tr.path...), tr.enter...)
	c.path, c.enter = both[:n:n], both[n:]
	return c
}

// hold makes the table of those on the roads one up to a step.
func (w *work) hold(last int) {
	at := func(i int) span {
		e := &w.p.edges[i]
		return span{int(w.reach[e.from]), last - int(e.transit)}
	}
	if w.held.base == nil {
		w.held = newGrid(len(w.p.edges), at)
	} else {
		w.held = w.held.widened(at)
	}
}

// postpone moves the waits of a trip towards its source as far as the edges have room: better wait at home
// than on the road. The arrival stays what it is.
func (tr *trip) postpone(p *problem, used *grid) {
	for k := len(tr.path) - 2; k >= 0; k-- {
		i := tr.path[k]
		e := &p.edges[i]
		entered := int(tr.leave + tr.enter[k])
		for t := int(tr.leave+tr.enter[k+1]) - int(e.transit); t > entered; t-- {
			if used.at(i, t)+tr.units <= p.capacity(e, t) {
				used.add(i, entered, -tr.units)
				used.add(i, t, tr.units)
				tr.enter[k] = int32(t) - tr.leave
				break
			}
		}
	}
	if len(tr.path) > 0 {
		later := tr.enter[0]
		tr.leave += later
		for k := range tr.enter {
			tr.enter[k] -= later
		}
	}
}

// takeApart follows units from each source, step by step, until they are at a sink, and takes them out of the flow.
// visit must not keep the trip. Flow in loops that come from no source is left.
func (x *search) takeApart(visit func(*trip)) {
	w := walker{search: x, seen: fill(x.p.nodes)}
	for i, o := range x.origins {
		for t := x.gone.nextUsed(int32(i), 0); t != noStep; t = x.gone.nextUsed(int32(i), t) {
			tr := w.walk(o.node, t, x.gone.at(int32(i), t))
			x.gone.add(int32(i), t, -tr.units)
			visit(&tr)
		}
	}
}

// walker takes a flow apart.
type walker struct {
	*search
	seen  []int32 // by node: its place on the walk, or -1
	moves []move
	path  []int32
	enter []int32
}

// move is one part of a walk: along an edge or until a later step.
type move struct {
	id      int32 // of the edge; of the node that is waited at; of the sink
	t, till int32 // till is the step to which units wait, or noStep for an edge, or stays for good
}

// stays is the end of a wait that does not end.
const stays = unreachable

// walk follows at most so many units from node v at step t, and takes them out of the flow. Who comes back to
// a node might as well have waited there, so that the trip has no loops; one that takes no time is taken out
// of the flow at once, or the walk would go round and round.
func (w *walker) walk(v int32, t int, most int32) trip {
	source, leave := v, t
	var units int32
again:
	v, t, units = source, leave, most
	w.moves, w.path, w.enter = w.moves[:0], w.path[:0], w.enter[:0]
	w.seen[v] = 0
	for {
		m := w.onward(v, t)
		w.moves = append(w.moves, m)
		units = min(units, w.left(&m))
		if m.till == stays {
			break
		}
		if m.till != noStep {
			t = int(m.till)
			continue
		}
		w.path, w.enter = append(w.path, m.id), append(w.enter, int32(t))
		t += int(w.p.edges[m.id].transit)
		v = w.p.edges[m.id].to
		if at := w.seen[v]; at >= 0 {
			if int(w.enter[at]) == t {
				// What was walked before may have counted on what is taken out here, so the walk begins anew.
				// That ends: with each loop there is less flow.
				w.cancel(len(w.path) - int(at))
				w.forget(source)
				goto again
			}
			for _, i := range w.path[at:] {
				w.seen[w.p.edges[i].to] = -1
			}
			w.path, w.enter = w.path[:at], w.enter[:at]
		}
		w.seen[v] = int32(len(w.path))
	}
	w.forget(source)
	for i := range w.moves {
		w.takeOut(&w.moves[i], units)
	}
	tr := trip{source: source, sink: v, units: units, leave: int32(leave)}
	for k := range w.enter {
		w.enter[k] -= tr.leave
	}
	tr.path, tr.enter = w.path, w.enter
	return tr
}

// forget makes the nodes of a walk unseen.
func (w *walker) forget(source int32) {
	w.seen[source] = -1
	for _, i := range w.path {
		w.seen[w.p.edges[i].to] = -1
	}
}

// cancel takes the last moves, a loop, out of the flow.
func (w *walker) cancel(last int) {
	loop := w.moves[len(w.moves)-last:]
	units := int32(Unlimited)
	for i := range loop {
		units = min(units, w.left(&loop[i]))
	}
	for i := range loop {
		w.takeOut(&loop[i], units)
	}
}

// onward returns where units at v go at step t: to stay for good, on, or nowhere until a later step.
func (w *walker) onward(v int32, t int) move {
	k := w.p.sink[v]
	if k >= 0 && w.kept.at(k, t) > 0 {
		return move{k, int32(t), stays}
	}
	later := unreachable
	if k >= 0 {
		if s := w.kept.nextUsed(k, t); s != noStep {
			later = s
		}
	}
	from, to := w.p.out(v)
	for i := from; i < to; i++ {
		switch s := w.road.nextUsed(i, t); {
		case s == t:
			return move{i, int32(t), noStep}
		case s != noStep:
			later = min(later, s)
		}
	}
	return move{v, int32(t), int32(later)}
}

// left returns how many units a move is still for.
func (w *walker) left(m *move) int32 {
	switch m.till {
	case noStep:
		return w.road.at(m.id, int(m.t))
	case stays:
		return w.kept.at(m.id, int(m.t))
	}
	return w.wait.least(m.id, int(m.t), int(m.till))
}

func (w *walker) takeOut(m *move, units int32) {
	switch m.till {
	case noStep:
		w.road.add(m.id, int(m.t), -units)
	case stays:
		w.kept.add(m.id, int(m.t), -units)
	default:
		w.wait.addAll(m.id, int(m.t), int(m.till), -units)
	}
}
