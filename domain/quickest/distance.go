package quickest

import "github.com/guardy-ai/guardy/domain/internal/heap"

// earliest returns the earliest step at which a unit can be at each node, unreachable where none can.
func (p *problem) earliest() []int { return p.distances(p.origin, false) }

// nearest returns how many steps each node is from the nearest sink that has room, unreachable where there is
// none.
func (p *problem) nearest(room []int32) []int {
	var open []int32
	for i, v := range p.haven {
		if room[i] > 0 {
			open = append(open, v)
		}
	}
	return p.distances(open, true)
}

// distances returns the steps from the nearest of some nodes to each node, or with back from each node to the
// nearest of them (Dijkstra).
func (p *problem) distances(nodes []int32, back bool) []int {
	distance := make([]int, p.nodes)
	for v := range distance {
		distance[v] = unreachable
	}
	var q heap.Heap[int, int32] // of nodes
	reach := func(v int32, d int) {
		if d < distance[v] {
			distance[v] = d
			q.Push(d, v)
		}
	}
	for _, v := range nodes {
		reach(v, 0)
	}
	for len(q) > 0 {
		d, v := q.Pop()
		switch from, to := p.out(v); {
		case d > distance[v]:
		case back:
			for _, i := range p.in(v) {
				reach(p.edges[i].from, d+int(p.edges[i].transit))
			}
		default:
			for i := from; i < to; i++ {
				reach(p.edges[i].to, d+int(p.edges[i].transit))
			}
		}
	}
	return distance
}
