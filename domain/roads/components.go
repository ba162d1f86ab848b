package roads

// largestComponent returns the vertices of the largest strongly connected component of n and how many they
// are, by Tarjan's algorithm (1972) without recursion. Of equally large ones it is the one found first.
func (n *Network) largestComponent() (bitset, int) {
	const unseen = 0
	var (
		order  = make([]uint32, len(n.nodes)) // of discovery from 1; done once the component is known
		low    = make([]uint32, len(n.nodes))
		next   = make([]uint32, len(n.nodes)) // step to look at
		stack  []Vertex                       // vertices without a component
		calls  []Vertex
		seen   uint32
		best   []Vertex
		assign = make([]bool, len(n.nodes))
	)
	for root := range order {
		if order[root] != unseen {
			continue
		}
		calls = append(calls, Vertex(root))
		for len(calls) > 0 {
			v := calls[len(calls)-1]
			if order[v] == unseen {
				seen++
				order[v], low[v], next[v] = seen, seen, n.stepsAt[v]
				stack = append(stack, v)
			}
			descended := false
			for next[v] < n.stepsAt[v+1] {
				s := n.steps[next[v]]
				w := n.Head(s)
				if n.IsAllowed(s) {
					if order[w] == unseen {
						calls, descended = append(calls, w), true
						break // and look at this step again when w is done
					}
					if !assign[w] {
						low[v] = min(low[v], low[w])
					}
				}
				next[v]++
			}
			if descended {
				continue
			}
			calls = calls[:len(calls)-1]
			if low[v] != order[v] {
				continue
			}
			first := len(stack) - 1
			for stack[first] != v {
				first--
			}
			for _, w := range stack[first:] {
				assign[w] = true
			}
			if len(stack)-first > len(best) {
				best = append(best[:0], stack[first:]...)
			}
			stack = stack[:first]
		}
	}
	in := newBitset(len(n.nodes))
	for _, v := range best {
		in.put(uint32(v))
	}
	return in, len(best)
}
