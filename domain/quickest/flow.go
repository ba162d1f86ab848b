package quickest

import "slices"

// flow is a flow over time: how many units enter each edge, wait at each node, leave each source and stay at
// each sink, step by step. It stands for the time-expanded network without ever building it.
type flow struct {
	p         *problem
	edges     []row // units that enter each edge
	waiting   []row // by node: units that stay from a step to the next
	released  []row // by source: units that leave its store
	deposited []row // by sink: units that stay for good
	supply    []int32
	room      []int32
	value     int64 // units at sinks
	open      int   // sinks with room
}

func newFlow(p *problem) *flow {
	return &flow{
		p: p, edges: make([]row, len(p.edges)), waiting: make([]row, p.nodes),
		released: make([]row, len(p.origin)), deposited: make([]row, len(p.haven)),
		supply: slices.Clone(p.supply), room: slices.Clone(p.room), open: len(p.haven),
	}
}

// served returns how many units are at sinks.
func (f *flow) served() int64 { return f.value }

// last returns the step of the last arrival.
func (f *flow) last() int {
	last := 0
	for i := range f.deposited {
		last = max(last, f.deposited[i].lastUsed())
	}
	return last
}

// move is one arc of an augmenting path. Backward ones take units away.
type move struct {
	kind moveKind
	id   int32 // position of the edge, node, source or sink
	t    int   // step
	till int   // of a wait: the step it ends at
}

type moveKind uint8

const (
	moveEnter moveKind = iota
	moveLeave
	moveWait
	moveHurry
	moveRelease
	moveRecall
	moveDeposit
	moveWithdraw
)

// limit returns how many units a move can carry.
func (f *flow) limit(m *move) int32 {
	switch m.kind {
	case moveEnter:
		return f.p.edges[m.id].capacity - f.edges[m.id].at(m.t)
	case moveLeave:
		return f.edges[m.id].at(m.t)
	case moveHurry:
		return f.waiting[m.id].least(m.t, m.till)
	case moveRecall:
		return f.released[m.id].at(m.t)
	case moveWithdraw:
		return f.deposited[m.id].at(m.t)
	default:
		return Unlimited
	}
}

// apply carries units along a move.
func (f *flow) apply(m *move, units int32) {
	switch m.kind {
	case moveEnter:
		f.edges[m.id].add(m.t, units, f.p.edges[m.id].capacity)
	case moveLeave:
		f.edges[m.id].add(m.t, -units, f.p.edges[m.id].capacity)
	case moveWait, moveHurry:
		if m.kind == moveHurry {
			units = -units
		}
		f.waiting[m.id].addAll(m.t, m.till, units)
	case moveRelease:
		f.released[m.id].add(m.t, units, 0)
	case moveRecall:
		f.released[m.id].add(m.t, -units, 0)
	case moveDeposit:
		f.deposited[m.id].add(m.t, units, 0)
	case moveWithdraw:
		f.deposited[m.id].add(m.t, -units, 0)
	}
}

// carry sends as many units as fit along the moves of a path.
func (f *flow) carry(path []move, source, sink int32) {
	units := min(f.supply[source], f.room[sink])
	for i := range path {
		units = min(units, f.limit(&path[i]))
	}
	for i := range path {
		f.apply(&path[i], units)
	}
	f.supply[source] -= units
	f.room[sink] -= units
	f.value += int64(units)
	if f.room[sink] == 0 {
		f.open--
	}
}
