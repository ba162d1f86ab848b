package quickest

// staticFlow is Dinic's maximum flow (1970) on an explicit network, each of whose phases is one depth-first search
// that goes on where the last way was full.
type staticFlow struct {
	arcs  []staticArc
	first []int32 // by node: its arcs are at order[first[v]:first[v+1]]
	order []int32
	level []int32
	next  []int32
	queue []int32
	flow  int64
}

// staticArc is one direction of an arc; the other lies beside it, at index^1.
type staticArc struct {
	to   int32
	rest int64
}

func newStaticFlow(nodes int) *staticFlow {
	return &staticFlow{first: make([]int32, nodes+1), level: make([]int32, nodes), next: make([]int32, nodes)}
}

// arc adds an arc. Arc i has the capacity that is left at 2i and its flow at 2i+1.
func (g *staticFlow) arc(from, to int32, capacity int64) {
	g.arcs = append(g.arcs, staticArc{to, capacity}, staticArc{from, 0})
	g.first[from+1]++
	g.first[to+1]++
}

// link ends the time of adding arcs.
func (g *staticFlow) link() {
	nodes := len(g.level)
	for v := range nodes {
		g.first[v+1] += g.first[v]
	}
	g.order = make([]int32, len(g.arcs))
	copy(g.next, g.first)
	for a := range g.arcs {
		from := g.arcs[a^1].to
		g.order[g.next[from]] = int32(a)
		g.next[from]++
	}
}

// widen makes the capacity of arc i no less than its flow and otherwise what is given.
func (g *staticFlow) widen(i int32, capacity int64) {
	g.arcs[2*i].rest = max(capacity-g.arcs[2*i+1].rest, 0)
}

// maxFlow makes the flow a maximum and returns its value.
func (g *staticFlow) maxFlow(from, to int32) int64 {
	for {
		g.levels(from, to)
		if g.level[to] < 0 {
			return g.flow
		}
		copy(g.next, g.first)
		g.block(from, to)
	}
}

// levels counts the arcs from a node to the others, until it comes to the end.
func (g *staticFlow) levels(from, end int32) []int32 {
	for v := range g.level {
		g.level[v] = -1
	}
	g.level[from] = 0
	g.queue = append(g.queue[:0], from)
	for i := 0; i < len(g.queue); i++ {
		v := g.queue[i]
		for _, a := range g.order[g.first[v]:g.first[v+1]] {
			if arc := &g.arcs[a]; g.level[arc.to] < 0 && arc.rest > 0 {
				g.level[arc.to] = g.level[v] + 1
				if arc.to == end {
					return g.level
				}
				g.queue = append(g.queue, arc.to)
			}
		}
	}
	return g.level
}

// block sends units along the level graph until no way is left. It keeps the path on the heap: a chain of components
// may be as long as the network.
func (g *staticFlow) block(from, to int32) {
	path := g.queue[:0]
	for v := from; ; {
		if v == to {
			path = g.send(path)
			v = from
			if n := len(path); n > 0 {
				v = g.arcs[path[n-1]].to
			}
			continue
		}
		if g.next[v] == g.first[v+1] { // a dead end: step back and never come again
			if len(path) == 0 {
				return
			}
			v = g.arcs[path[len(path)-1]^1].to
			path = path[:len(path)-1]
			g.next[v]++
			continue
		}
		a := g.order[g.next[v]]
		if arc := &g.arcs[a]; arc.rest > 0 && g.level[arc.to] == g.level[v]+1 {
			path = append(path, a)
			v = arc.to
		} else {
			g.next[v]++
		}
	}
}

// send sends what fits along a path, and returns the part of it before the first arc that is full.
func (g *staticFlow) send(path []int32) []int32 {
	units := g.arcs[path[0]].rest
	for _, a := range path {
		units = min(units, g.arcs[a].rest)
	}
	full := len(path)
	for k := len(path) - 1; k >= 0; k-- {
		a := path[k]
		g.arcs[a].rest -= units
		g.arcs[a^1].rest += units
		if g.arcs[a].rest == 0 {
			full = k
		}
	}
	g.flow += units
	return path[:full]
}
