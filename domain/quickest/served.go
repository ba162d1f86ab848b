package quickest

// served is what capacity and reachability allow at all, whatever the time.
type served struct {
	max     int64
	noRoute int64 // units of sources that reach no sink
}

// maxServed computes the largest number of units that any plan can bring to sinks. Given time enough every
// edge carries any number, so that only reachability and the room of the sinks count; all nodes of a strongly
// connected component are then one, and what is left is a small flow problem on the components.
func (p *problem) maxServed() served {
	component, count := p.components()
	g := newStaticFlow(count + 2)
	from, to := int32(count), int32(count+1)
	var s served
	reaches := p.reachesSink()
	for i, v := range p.origin {
		if !reaches[v] {
			s.noRoute += int64(p.supply[i])
		}
		g.arc(from, component[v], 0, int64(p.supply[i]))
	}
	for i, v := range p.haven {
		g.arc(component[v], to, 0, int64(p.room[i]))
	}
	for i := range p.edges {
		if a, b := component[p.edges[i].from], component[p.edges[i].to]; a != b {
			g.arc(a, b, 0, p.total)
		}
	}
	s.max = g.maxFlow(from, to)
	return s
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

// staticFlow is Dinic's maximum flow (1970) on an explicit network.
type staticFlow struct {
	head []int32 // by node: its first arc, or -1
	arcs []staticArc
	away []int // by node: how far it is, where only the arcs of shortest ways count (see cheapest); or nil
}

// staticArc is one direction of an arc; the other lies beside it, at index^1.
type staticArc struct {
	to, next int32
	length   int32 // of one way; the other has -length
	rest     int64
}

func newStaticFlow(nodes int) *staticFlow { return &staticFlow{head: fill(nodes)} }

func (g *staticFlow) arc(from, to, length int32, capacity int64) {
	g.arcs = append(g.arcs, staticArc{to, g.head[from], length, capacity}, staticArc{from, g.head[to], -length, 0})
	g.head[from], g.head[to] = int32(len(g.arcs)-2), int32(len(g.arcs)-1)
}

func (g *staticFlow) maxFlow(from, to int32) (flow int64) {
	for {
		level := g.levels(from, to)
		if level[to] < 0 {
			return flow
		}
		next := append([]int32(nil), g.head...)
		for {
			pushed := g.push(from, to, 1<<62, level, next)
			if pushed == 0 {
				break
			}
			flow += pushed
		}
	}
}

// levels counts the arcs from a node to the others, until it comes to the end.
func (g *staticFlow) levels(from, end int32) []int32 {
	level := fill(len(g.head))
	level[from] = 0
	todo := []int32{from}
	for len(todo) > 0 {
		v := todo[0]
		todo = todo[1:]
		for a := g.head[v]; a >= 0; a = g.arcs[a].next {
			if w := g.arcs[a].to; level[w] < 0 && g.isOpen(v, a) {
				level[w] = level[v] + 1
				if w == end {
					return level
				}
				todo = append(todo, w)
			}
		}
	}
	return level
}

// isOpen reports whether arc a, which leaves v, still takes units.
func (g *staticFlow) isOpen(v, a int32) bool {
	arc := &g.arcs[a]
	return arc.rest > 0 && (g.away == nil || g.away[v]+int(arc.length) == g.away[arc.to])
}

// push sends units along one path of the level graph. It keeps the path on the heap: a chain of components
// may be as long as the network.
func (g *staticFlow) push(from, to int32, amount int64, level, next []int32) int64 {
	var path []int32
	v := from
	for v != to {
		a := next[v]
		switch {
		case a < 0 && len(path) == 0:
			return 0
		case a < 0: // a dead end: step back and never come again
			last := path[len(path)-1]
			path = path[:len(path)-1]
			v = g.arcs[last^1].to
			next[v] = g.arcs[next[v]].next
		case level[g.arcs[a].to] == level[v]+1 && g.isOpen(v, a):
			path = append(path, a)
			v = g.arcs[a].to
		default:
			next[v] = g.arcs[a].next
		}
	}
	for _, a := range path {
		amount = min(amount, g.arcs[a].rest)
	}
	for _, a := range path {
		g.arcs[a].rest -= amount
		g.arcs[a^1].rest += amount
	}
	return amount
}
