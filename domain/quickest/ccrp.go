package quickest

import "github.com/guardy-ai/guardy/domain/internal/heap"

// greedy plans by capacity-constrained route planning (Lu, George and Shekhar 2005): again and again the
// path that arrives earliest, over all sources and sinks, takes as many units as fit. Nothing is ever undone,
// which is what it loses against the optimum. Units that it leaves behind because it filled the wrong sinks
// are brought in by augmenting paths. The flow misses its target where that takes longer than the horizon.
func greedy(p *problem, target int64, b *budget, horizon int) *flow {
	x := newExact(p, target, b)
	if x.advance(horizon, 0) {
		x.complete(x.f.last(), horizon)
	}
	return x.f
}

// router finds earliest arrivals in what a flow leaves free.
type router struct {
	f       *flow
	away    []int // from each node to the nearest sink with room
	open    int   // sinks with room when away was computed
	arrival []int
	via     []int32 // the edge that each node is reached by, or -1
	touched []int32
	queue   heap.Heap[int, int32] // of nodes
	moves   []move
	path    []int32
}

func newRouter(f *flow) *router {
	g := &router{f: f, arrival: make([]int, f.p.nodes), via: make([]int32, f.p.nodes)}
	for v := range g.arrival {
		g.arrival[v] = unreachable
	}
	return g
}

// route sends units along the path that arrives earliest, if that is by the horizon, and reports whether there
// was one. More units follow the same way while they arrive no more than patience later.
func (g *router) route(horizon, patience int) bool {
	g.reset()
	for i, v := range g.f.p.origin {
		if g.f.supply[i] > 0 {
			g.reach(v, 0, -1)
		}
	}
	v, ok := g.search(horizon)
	if ok {
		g.send(v, min(horizon, g.arrival[v]+patience))
	}
	return ok
}

// findFrom looks for the path from one source that arrives earliest, if that is by the horizon, and returns the
// sink's node.
func (g *router) findFrom(source int32, horizon int) (end int32, ok bool) {
	g.reset()
	g.reach(g.f.p.origin[source], 0, -1)
	return g.search(horizon)
}

// tieBits are the low bits of a key in the queue. They make the search look first, of all nodes that may arrive as
// early, at those nearest to a sink.
const tieBits = 20

// search is A*: what is left of the way counts as if the network were empty.
func (g *router) search(horizon int) (end int32, ok bool) {
	p, f := g.f.p, g.f
	for len(g.queue) > 0 {
		key, v := g.queue.Pop()
		key >>= tieBits
		t := g.arrival[v]
		if key > horizon {
			return 0, false
		}
		if key > t+g.away[v] {
			continue
		}
		if i := p.sink[v]; i >= 0 && f.room[i] > 0 {
			return v, true
		}
		from, to := p.out(v)
		for i := from; i < to; i++ {
			e := &p.edges[i]
			if t+int(e.transit) < g.arrival[e.to] {
				g.reach(e.to, f.edges[i].nextFree(t)+int(e.transit), i)
			}
		}
	}
	return 0, false
}

func (g *router) reset() {
	if g.away == nil || g.open != g.f.open {
		g.away, g.open = g.f.p.nearest(g.f.room), g.f.open
	}
	for _, v := range g.touched {
		g.arrival[v] = unreachable
	}
	g.touched, g.queue = g.touched[:0], g.queue[:0]
}

func (g *router) reach(v int32, t int, via int32) {
	if t >= g.arrival[v] || g.away[v] == unreachable {
		return
	}
	g.arrival[v], g.via[v] = t, via
	g.touched = append(g.touched, v)
	g.queue.Push((t+g.away[v])<<tieBits|min(g.away[v], 1<<tieBits-1), v)
}

// send carries units along the path to a sink, and more of them the same way while they arrive by the
// deadline.
func (g *router) send(v int32, deadline int) {
	p, f := g.f.p, g.f
	sink := p.sink[v]
	source := p.source[g.trace(v)]
	for f.supply[source] > 0 && f.room[sink] > 0 {
		if g.follow(source) > deadline {
			return
		}
		f.carry(g.moves, source, sink)
	}
}

// trace makes the path to v, the last edge first, and returns where it begins.
func (g *router) trace(v int32) (origin int32) {
	g.path = g.path[:0]
	for ; g.via[v] >= 0; v = g.f.p.edges[g.via[v]].from {
		g.path = append(g.path, g.via[v])
	}
	return v
}

// follow records how the path is gone at the earliest, and returns the step of the arrival.
func (g *router) follow(source int32) int {
	p, f := g.f.p, g.f
	v, t := p.origin[source], 0
	g.moves = append(g.moves[:0], move{kind: moveRelease, id: source})
	for k := len(g.path) - 1; k >= 0; k-- {
		i := g.path[k]
		entry := f.edges[i].nextFree(t)
		if k == len(g.path)-1 {
			g.moves[0].t = entry
		} else if entry > t {
			g.moves = append(g.moves, move{kind: moveWait, id: v, t: t, till: entry})
		}
		g.moves = append(g.moves, move{kind: moveEnter, id: i, t: entry})
		v, t = p.edges[i].to, entry+int(p.edges[i].transit)
	}
	g.moves = append(g.moves, move{kind: moveDeposit, id: p.sink[v], t: t})
	return t
}
