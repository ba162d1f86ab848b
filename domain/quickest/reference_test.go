package quickest_test

import (
	"math/rand/v2"

	"github.com/guardy-ai/guardy/domain/quickest"
)

// arrivals returns how many units can be at sinks by the horizon at most: the time-expanded network of the
// textbook, arc by arc, with augmenting paths by breadth-first search. Slow, and nothing like the planner.
func arrivals(n *quickest.Network, s *quickest.Scenario, horizon int) int {
	blocked := map[int]bool{}
	for _, e := range s.Blocked {
		blocked[e] = true
	}
	copies := n.Nodes * (horizon + 1)
	source, sink := copies, copies+1
	depot := func(i int) int { return copies + 2 + i }
	size := copies + 2 + len(s.Sinks)
	capacity := make([]map[int]int, size)
	for i := range capacity {
		capacity[i] = map[int]int{}
	}
	at := func(v int32, t int) int { return int(v)*(horizon+1) + t }
	const plenty = 1 << 30
	for v := range int32(n.Nodes) {
		for t := range horizon {
			capacity[at(v, t)][at(v, t+1)] = plenty
		}
	}
	for i, e := range n.Edges {
		for t := 0; t+int(e.Transit) <= horizon && !blocked[i] && e.From != e.To; t++ {
			capacity[at(e.From, t)][at(e.To, t+int(e.Transit))] += int(n.Entries(&e, t+1) - n.Entries(&e, t))
		}
	}
	for _, from := range s.Sources {
		capacity[source][at(from.Node, 0)] += int(from.Supply)
	}
	for i, to := range s.Sinks {
		capacity[at(to.Node, horizon)][depot(i)] = plenty
		capacity[depot(i)][sink] = int(to.Capacity)
	}
	return maxFlow(capacity, source, sink)
}

func maxFlow(capacity []map[int]int, source, sink int) (flow int) {
	for {
		from := map[int]int{source: source}
		for todo := []int{source}; len(todo) > 0; todo = todo[1:] {
			for w, c := range capacity[todo[0]] {
				if _, seen := from[w]; !seen && c > 0 {
					from[w] = todo[0]
					todo = append(todo, w)
				}
			}
		}
		if _, reached := from[sink]; !reached {
			return flow
		}
		units := 1 << 30
		for w := sink; w != source; w = from[w] {
			units = min(units, capacity[from[w]][w])
		}
		for w := sink; w != source; w = from[w] {
			capacity[from[w]][w] -= units
			capacity[w][from[w]] += units
		}
		flow += units
	}
}

// anyInstance makes a small instance with everything that real ones have and some things that they should
// not: loops, parallel edges, edges without capacity or length, sources that are sinks, nodes nobody reaches.
func anyInstance(rng *rand.Rand) (*quickest.Network, *quickest.Scenario) {
	n := &quickest.Network{Nodes: 1 + rng.IntN(7), Per: max(rng.Int32N(6)-2, 0)}
	node := func() int32 { return rng.Int32N(int32(n.Nodes)) }
	for range rng.IntN(3 * n.Nodes) {
		n.Edges = append(n.Edges, quickest.Edge{From: node(), To: node(), Transit: rng.Int32N(4), Capacity: rng.Int32N(4)})
	}
	s := &quickest.Scenario{}
	for range rng.IntN(4) {
		s.Sources = append(s.Sources, quickest.Source{Node: node(), Supply: rng.Int32N(9)})
	}
	for range rng.IntN(4) {
		capacity := rng.Int32N(9)
		if rng.IntN(4) == 0 {
			capacity = quickest.Unlimited
		}
		s.Sinks = append(s.Sinks, quickest.Sink{Node: node(), Capacity: capacity})
	}
	for range rng.IntN(3) {
		if len(n.Edges) > 0 {
			s.Blocked = append(s.Blocked, rng.IntN(len(n.Edges)))
		}
	}
	return n, s
}
