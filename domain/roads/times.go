package roads

import "math"

// Times are the times that the fastest routes to one place take, from everywhere, under one mask.
type Times struct {
	network *Network
	mask    *Mask
	ends    ends
	tree    *tree
}

// TimesTo searches backward from a place until every vertex is reached that can be.
func (n *Network) TimesTo(to Place, m *Mask) *Times {
	t := &Times{network: n, mask: n.orOpen(m), tree: newTree(len(n.core.junctions))}
	t.ends = n.endsOf(to, t.mask, true)
	var seeds []seed
	for _, e := range t.ends.all() {
		for _, o := range n.spread(nil, e, t.mask, true, func(Vertex, origin) {}) {
			seeds = append(seeds, o.seed)
		}
	}
	t.tree.grow(n.core.deadEnds, n.core.enteringAt, n.core.entering, t.mask, seeds...)
	return t
}

// From returns the seconds from v, infinite when the place cannot be reached.
func (t *Times) From(v Vertex) float64 {
	best := math.Inf(1)
	var memory [maxOrigins]origin
	origins := t.network.spread(memory[:0], start{vertex: v}, t.mask, false, func(w Vertex, o origin) {
		for _, e := range t.ends.all() {
			if e.vertex == w {
				best = min(best, o.seconds+e.seconds)
			}
		}
	})
	for _, o := range origins {
		best = min(best, o.seconds+t.tree.seconds[o.junction])
	}
	return best
}
