package quickest

// augmenter finds augmenting paths by depth-first search along labels. A node that led nowhere at some step
// leads nowhere later either, so one falling number a node is all that the search remembers.
type augmenter struct {
	*labels
	path  []visit
	moves []move
}

// visit is a node of the path being built.
type visit struct {
	node    int32
	arrival int // the step at which the path comes
	from    int // the earliest step it can go on at, after undoing what can be undone
	was     int // the node's label before
	via     int32
	forward bool // came by entering edge via at step entry; else by undoing that
	entry   int
}

// augment sends units from a source to a sink along one path and reports whether it did; when not, the labels
// lead nowhere any more.
func (a *augmenter) augment(source int32) bool {
	v := a.f.p.origin[source]
	if a.last[v] < 0 {
		return false
	}
	a.path = a.path[:0]
	done := a.visit(visit{node: v, via: -1})
	for !done {
		next, ok := a.step(&a.path[len(a.path)-1])
		if ok {
			done = a.visit(next)
			continue
		}
		a.path = a.path[:len(a.path)-1]
		if len(a.path) == 0 {
			return false
		}
	}
	for i := len(a.path) - 1; i >= 0; i-- {
		a.last[a.path[i].node] = a.path[i].was
	}
	a.send(source)
	return true
}

// visit appends a node to the path and reports whether it is a sink with room.
func (a *augmenter) visit(v visit) (done bool) {
	v.was = a.last[v.node]
	if i := a.f.p.sink[v.node]; i >= 0 && a.f.room[i] > 0 {
		v.from, done = v.arrival, true
	} else {
		v.from = a.rewind(v.node, v.arrival, false)
	}
	a.last[v.node] = v.from - 1
	a.path = append(a.path, v)
	return done
}

// step returns the way on from a visit that leaves most time to spare.
func (a *augmenter) step(v *visit) (best visit, ok bool) {
	p, slack := a.f.p, -1
	from, to := p.out(v.node)
	for i := from; i < to; i++ {
		e := &p.edges[i]
		if a.last[e.to]-v.from-int(e.transit) <= slack {
			continue
		}
		entry := a.f.edges[i].nextFree(v.from)
		arrival := entry + int(e.transit)
		if s := a.last[e.to] - arrival; s > slack {
			slack, best = s, visit{node: e.to, arrival: arrival, via: i, forward: true, entry: entry}
		}
	}
	for _, i := range p.in(v.node) {
		e := &p.edges[i]
		entry := a.f.edges[i].nextUsed(max(0, v.from-int(e.transit)))
		if entry < 0 {
			continue
		}
		if s := a.last[e.from] - entry; s > slack {
			slack, best = s, visit{node: e.from, arrival: entry, via: i, entry: entry}
		}
	}
	return best, slack >= 0
}

// rewind returns the earliest step at node v that undoing waits, departures and arrivals leads to from step
// t; with record it also appends the moves.
func (a *augmenter) rewind(v int32, t int, record bool) int {
	f, p := a.f, a.f.p
	for {
		begin := t
		if i := p.source[v]; i >= 0 && t > 0 {
			if last := f.released[i].lastUsed(); last >= t {
				if record {
					a.wait(v, t, last)
					a.moves = append(a.moves, move{kind: moveRecall, id: i, t: last}, move{kind: moveRelease, id: i})
				}
				return 0
			}
		}
		if i := p.sink[v]; i >= 0 {
			if first := f.deposited[i].firstUsed(); first >= 0 && first < t {
				if record {
					a.moves = append(a.moves, move{kind: moveDeposit, id: i, t: t}, move{kind: moveWithdraw, id: i, t: first})
				}
				t = first
			}
		}
		if idle := f.waiting[v].prevIdle(t-1) + 1; idle < t && t > 0 {
			if record {
				a.moves = append(a.moves, move{kind: moveHurry, id: v, t: idle, till: t})
			}
			t = idle
		}
		if t == begin {
			return t
		}
	}
}

// wait records a wait; who has just left a source's store leaves it later instead.
func (a *augmenter) wait(v int32, from, till int) {
	if from == till {
		return
	}
	if n := len(a.moves); n > 0 && a.moves[n-1].kind == moveRelease && a.f.p.origin[a.moves[n-1].id] == v {
		a.moves[n-1].t = till
		return
	}
	a.moves = append(a.moves, move{kind: moveWait, id: v, t: from, till: till})
}

// send carries as many units along the path as fit.
func (a *augmenter) send(source int32) {
	p := a.f.p
	a.moves = append(a.moves[:0], move{kind: moveRelease, id: source})
	for i := range a.path {
		v := &a.path[i]
		if i > 0 {
			before, e := &a.path[i-1], &p.edges[v.via]
			if v.forward {
				a.wait(before.node, before.from, v.entry)
				a.moves = append(a.moves, move{kind: moveEnter, id: v.via, t: v.entry})
			} else {
				a.wait(before.node, before.from, v.entry+int(e.transit))
				a.moves = append(a.moves, move{kind: moveLeave, id: v.via, t: v.entry})
			}
		}
		if i < len(a.path)-1 {
			a.rewind(v.node, v.arrival, true)
		}
	}
	end := &a.path[len(a.path)-1]
	sink := p.sink[end.node]
	a.moves = append(a.moves, move{kind: moveDeposit, id: sink, t: end.arrival})

	a.f.carry(a.moves, source, sink)
}
