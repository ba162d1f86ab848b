package quickest

import (
	"slices"

	"github.com/guardy-ai/guardy/domain/internal/heap"
)

// cheapest makes the maximum flow of which all units together have the shortest ways, by the primal-dual
// method (Ford and Fulkerson 1962): the ways of one length are filled in bulk before longer ones are looked at.
// Once stop says so, the flow stays what it is.
func (g *staticFlow) cheapest(from, to int32, stop func() bool) {
	g.away = make([]int, len(g.head))
	for !stop() && g.lengthen(from, to) {
		g.sweep(from, to)
	}
}

// sweep sends units along shortest ways by one depth-first search, which does not come back to where it found
// no way on. It may leave some of those ways, for the next sweep, but not all.
func (g *staticFlow) sweep(from, to int32) {
	next := slices.Clone(g.head)
	seen := make([]bool, len(g.head))
	seen[from] = true
	var path []int32
	for v := from; ; {
		a := next[v]
		switch {
		case a < 0 && len(path) == 0:
			return
		case a < 0:
			last := path[len(path)-1]
			path = path[:len(path)-1]
			v = g.arcs[last^1].to
			next[v] = g.arcs[last].next
		case g.arcs[a].to == to && g.isOpen(v, a):
			path = g.carry(append(path, a), seen)
			v = from
			if n := len(path); n > 0 {
				v = g.arcs[path[n-1]].to
			}
		case !seen[g.arcs[a].to] && g.isOpen(v, a):
			v = g.arcs[a].to
			seen[v] = true
			path = append(path, a)
		default:
			next[v] = g.arcs[a].next
		}
	}
}

// carry sends what fits along a path, and returns the part of it before the first arc that is full. The nodes
// of the rest are no longer seen.
func (g *staticFlow) carry(path []int32, seen []bool) []int32 {
	amount := g.arcs[path[0]].rest
	for _, a := range path {
		amount = min(amount, g.arcs[a].rest)
	}
	full := len(path)
	for k, a := range path {
		g.arcs[a].rest -= amount
		g.arcs[a^1].rest += amount
		if g.arcs[a].rest == 0 {
			full = min(full, k)
		}
	}
	for _, a := range path[full:] {
		seen[g.arcs[a].to] = false
	}
	return path[:full]
}

// lengthen moves away on to the shortest ways that are left, and reports whether there are any. Beyond the end
// of the way nothing needs to be known: those nodes move on by as much as the end.
func (g *staticFlow) lengthen(from, to int32) bool {
	more := make([]int, len(g.head))
	for v := range more {
		more[v] = unreachable
	}
	var q heap.Heap[int, int32] // of nodes
	more[from] = 0
	q.Push(0, from)
	for len(q) > 0 {
		d, v := q.Pop()
		if v == to {
			break
		}
		if d > more[v] {
			continue
		}
		for a := g.head[v]; a >= 0; a = g.arcs[a].next {
			arc := &g.arcs[a]
			if arc.rest == 0 {
				continue
			}
			if s := d + g.away[v] + int(arc.length) - g.away[arc.to]; s < more[arc.to] {
				more[arc.to] = s
				q.Push(s, arc.to)
			}
		}
	}
	if more[to] == unreachable {
		return false
	}
	for v := range more {
		g.away[v] += min(more[v], more[to])
	}
	return true
}

// ways takes a static flow on the network of a relaxation apart: it follows units from each source to a sink.
func (r *relaxation) ways(g *staticFlow) []trip {
	w := stroller{p: r.p, seen: fill(r.p.nodes), amounts: make([]int64, len(r.p.edges)), stay: make([]int64, len(r.p.haven))}
	for i := range w.amounts {
		w.amounts[i] = g.arcs[2*i+1].rest
	}
	begin := 2 * len(r.p.edges)
	end := begin + 2*len(r.p.origin)
	for i := range w.stay {
		w.stay[i] = g.arcs[end+2*i+1].rest
	}
	var ways []trip
	for i, v := range r.p.origin {
		for left := g.arcs[begin+2*i+1].rest; left > 0; {
			tr := w.walk(v, left)
			left -= int64(tr.units)
			ways = append(ways, tr)
		}
	}
	return ways
}

// stroller holds what is left of a static flow.
type stroller struct {
	p       *problem
	amounts []int64 // by edge
	stay    []int64 // by sink
	seen    []int32 // by node: its place on the walk, or -1
}

// walk follows at most so many units from node v, and takes them out of the flow, as well as the loops that it
// comes into.
func (w *stroller) walk(v int32, units int64) trip {
	tr := trip{source: v}
	w.seen[v] = 0
	for {
		if i := w.p.sink[v]; i >= 0 && w.stay[i] > 0 {
			units = min(units, w.stay[i])
			break
		}
		i, to := w.p.out(v)
		for i < to && w.amounts[i] == 0 {
			i++
		}
		tr.path = append(tr.path, i)
		v = w.p.edges[i].to
		if at := w.seen[v]; at >= 0 {
			w.take(tr.path[at:], w.least(tr.path[at:], w.p.total))
			for _, i := range tr.path[at:] {
				w.seen[w.p.edges[i].to] = -1
			}
			tr.path = tr.path[:at]
		}
		w.seen[v] = int32(len(tr.path))
	}
	w.seen[tr.source] = -1
	for _, i := range tr.path {
		w.seen[w.p.edges[i].to] = -1
	}
	units = w.least(tr.path, units)
	w.take(tr.path, units)
	w.stay[w.p.sink[v]] -= units
	tr.sink, tr.units = v, int32(units)
	return tr
}

func (w *stroller) least(path []int32, units int64) int64 {
	for _, i := range path {
		units = min(units, w.amounts[i])
	}
	return units
}

func (w *stroller) take(path []int32, units int64) {
	for _, i := range path {
		w.amounts[i] -= units
	}
}
