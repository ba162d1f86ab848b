package quickest

import "github.com/guardy-ai/guardy/domain/internal/heap"

// labels say for every node the last step at which a unit there still gets to a place, in the residual
// network of a flow up to a horizon; noStep where it never does. Waiting is free, so that the residual
// time-expanded network is searched with one number a node instead of one mark a node and step.
type labels struct {
	f       *flow
	horizon int
	last    []int
	queue   heap.Heap[int, int32] // of nodes
}

func newLabels(f *flow) *labels { return &labels{f: f, last: make([]int, f.p.nodes)} }

// compute finds the labels of a horizon.
func (l *labels) compute(horizon int) {
	l.horizon = horizon
	for v := range l.last {
		l.last[v] = noStep
	}
	for i, v := range l.f.p.haven {
		if l.f.room[i] > 0 {
			l.raise(v, horizon)
		}
	}
	for len(l.queue) > 0 {
		key, v := l.queue.Pop()
		if -key == l.last[v] {
			l.scan(v)
		}
	}
}

// raise says that a unit at v at step t gets to a place. Steps at which nobody can be at v do not count.
func (l *labels) raise(v int32, t int) {
	if t <= l.last[v] || t < l.f.p.reach[v] {
		return
	}
	l.last[v] = t
	l.queue.Push(-t, v)
}

// scan spreads the label of v over the arcs that end there.
func (l *labels) scan(v int32) {
	p, f := l.f.p, l.f
	t := l.settle(v, l.last[v])
	l.last[v] = t
	for _, i := range p.in(v) {
		e := &p.edges[i]
		if s := t - int(e.transit); s > l.last[e.from] {
			l.raise(e.from, f.edges[i].prevFree(s))
		}
	}
	from, to := p.out(v)
	for i := from; i < to; i++ {
		if s := f.edges[i].prevUsed(t); s >= 0 {
			l.raise(p.edges[i].to, s+int(p.edges[i].transit))
		}
	}
}

// settle returns the last step at v from which undoing waits, departures or arrivals leads back to step t.
func (l *labels) settle(v int32, t int) int {
	p, f := l.f.p, l.f
	if i := p.source[v]; i >= 0 {
		t = max(t, f.released[i].lastUsed())
	}
	t = f.waiting[v].nextIdle(t)
	if i := p.sink[v]; i >= 0 {
		if first := f.deposited[i].firstUsed(); first >= 0 && first <= t {
			t = l.horizon
		}
	}
	return t
}
