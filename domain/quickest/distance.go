package quickest

import "github.com/guardy-ai/guardy/domain/internal/heap"

// distances returns the steps from the nearest of some nodes to each node, or with back from each node to the
// nearest of them (Dijkstra). With back it does not look at the step from which on nobody may enter an edge.
func (p *problem) distances(nodes []int32, back bool) []int32 {
	distance := make([]int32, p.nodes)
	for v := range distance {
		distance[v] = unreachable
	}
	var q heap.Heap[int32, int32] // of nodes
	reach := func(v, d int32) {
		// Ways so long that they are refused later are no shorter than the longest that can be told.
		if d = min(d, unreachable-1); d < distance[v] {
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
				reach(p.edges[i].from, d+p.edges[i].transit)
			}
		default:
			for i := from; i < to; i++ {
				if e := &p.edges[i]; d < e.until {
					reach(e.to, d+e.transit)
				}
			}
		}
	}
	return distance
}
