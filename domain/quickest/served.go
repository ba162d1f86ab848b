package quickest

// served is what capacity and reachability allow at all, whatever the time.
type served struct {
	target []int64   // by rank: the units that are served
	quota  [][]int32 // by rank and sink: places with which every rank can have what it is due
}

// fair finds who can be served by any plan.
type fair struct {
	p         *problem
	component []int32 // by node
	count     int     // of the components
	noRoute   []int64 // by rank: units of sources that reach no sink
}

// newFair looks at the network. Given time enough every edge carries any number, so that only reachability and the
// room of the sinks count; all nodes of a strongly connected component are then one.
func newFair(p *problem) *fair {
	f := &fair{p: p, noRoute: make([]int64, len(p.ranks))}
	f.component, f.count = p.components()
	reaches := p.reachesSink()
	for rank, origins := range p.ranks {
		for _, o := range origins {
			if !reaches[o.node] {
				f.noRoute[rank] += int64(o.supply)
			}
		}
	}
	return f
}

// serve returns how many units can be served of the ranks from one on when there is so much room: as many of the
// first as possible, then of the next, and so on. Units of a rank never lose their places to later ones, because
// an augmenting path takes nobody away, so that as many as possible are served in all, too (the independent sets of a
// gammoid). It is a small flow problem on the components.
func (f *fair) serve(first int, room []int32) served {
	p := f.p
	end := int32(f.count + len(p.ranks))
	g := newStaticFlow(int(end) + 1)
	s := served{target: make([]int64, len(p.ranks)), quota: make([][]int32, len(p.ranks))}
	for rank := first; rank < len(p.ranks); rank++ {
		for _, o := range p.ranks[rank] {
			g.arc(int32(f.count+rank), f.component[o.node], int64(o.supply))
		}
	}
	sinks := len(g.arcs) / 2
	for k, v := range p.haven {
		g.arc(f.component[v], end, int64(room[k]))
	}
	for i := range p.edges {
		if a, b := f.component[p.edges[i].from], f.component[p.edges[i].to]; a != b {
			g.arc(a, b, p.total)
		}
	}
	g.link()
	var before int64
	for rank := first; rank < len(p.ranks); rank++ {
		all := g.maxFlow(int32(f.count+rank), end)
		s.target[rank], before = all-before, all
	}
	for rank := first; rank < len(p.ranks); rank++ {
		s.quota[rank] = g.take(int32(f.count+rank), end, sinks, len(p.haven))
	}
	return s
}

// take follows the units from a node to the end, takes them out of the flow, and returns how many of them come by each of
// the arcs from the first one on. The network must have no cycles with flow.
func (g *staticFlow) take(from, end int32, first, arcs int) []int32 {
	taken := make([]int32, arcs)
	for {
		var path []int32
		units := int64(1) << 62
		for v := from; v != end; {
			next := int32(-1)
			for _, a := range g.order[g.first[v]:g.first[v+1]] {
				if a&1 == 0 && g.arcs[a^1].rest > 0 {
					next = a
					break
				}
			}
			if next < 0 {
				return taken // at the very beginning: flow is never lost on the way
			}
			path, units = append(path, next), min(units, g.arcs[next^1].rest)
			v = g.arcs[next].to
		}
		for _, a := range path {
			g.arcs[a^1].rest -= units
		}
		taken[int(path[len(path)-1])/2-first] += int32(units)
	}
}

// reachesSink marks the nodes from which some sink can be reached.
func (p *problem) reachesSink() []bool {
	seen := make([]bool, p.nodes)
	var todo []int32
	for _, v := range p.haven {
		seen[v] = true
		todo = append(todo, v)
	}
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, i := range p.in(v) {
			if u := p.edges[i].from; !seen[u] {
				seen[u] = true
				todo = append(todo, u)
			}
		}
	}
	return seen
}

// components numbers the strongly connected components (Tarjan 1972, without recursion).
func (p *problem) components() (component []int32, count int) {
	component = fill(p.nodes)
	index, low := fill(p.nodes), make([]int32, p.nodes)
	var stack, path []int32
	next := make([]int32, p.nodes) // the edge of each node to look at next
	var clock int32
	for root := range int32(p.nodes) {
		if index[root] >= 0 {
			continue
		}
		path = append(path, root)
		for len(path) > 0 {
			v := path[len(path)-1]
			if index[v] < 0 {
				index[v], low[v] = clock, clock
				clock++
				stack = append(stack, v)
				next[v] = p.first[v]
			}
			if next[v] < p.first[v+1] {
				w := p.edges[next[v]].to
				next[v]++
				if index[w] < 0 {
					path = append(path, w)
				} else if component[w] < 0 {
					low[v] = min(low[v], index[w])
				}
				continue
			}
			path = path[:len(path)-1]
			if len(path) > 0 {
				u := path[len(path)-1]
				low[u] = min(low[u], low[v])
			}
			if low[v] != index[v] {
				continue
			}
			for {
				w := stack[len(stack)-1]
				stack = stack[:len(stack)-1]
				component[w] = int32(count)
				if w == v {
					break
				}
			}
			count++
		}
	}
	return component, count
}
