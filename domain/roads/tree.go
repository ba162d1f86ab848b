package roads

import "math"

// seed is a junction where a search begins, and the time until there.
type seed struct {
	junction uint32
	seconds  float64
}

// tree is a search for the fastest ways from or to one place: Dijkstra's algorithm.
type tree struct {
	seconds []float64 // of each junction, infinite where there is no way
	queue   heap
}

func newTree(junctions int) *tree { return &tree{seconds: make([]float64, junctions)} }

func (t *tree) grow(deadEnds bitset, at []uint32, arcs []arc, m *Mask, seeds ...seed) {
	for i := range t.seconds {
		t.seconds[i] = math.Inf(1)
	}
	t.queue = t.queue[:0]
	for _, s := range seeds {
		if t.reach(s.junction, s.seconds) {
			t.queue.push(queued{s.seconds, s.junction})
		}
	}
	for len(t.queue) > 0 {
		top := t.queue.pop()
		if top.key > t.seconds[top.junction] {
			continue
		}
		for _, a := range arcs[at[top.junction]:at[top.junction+1]] {
			if m.chains.has(a.link.chain()) {
				continue
			}
			if seconds := top.key + a.seconds; t.reach(a.head, seconds) && !deadEnds.has(a.head) {
				t.queue.push(queued{seconds, a.head})
			}
		}
	}
}

// reach notes a way to a junction and reports whether it is the fastest yet.
func (t *tree) reach(junction uint32, seconds float64) bool {
	if seconds >= t.seconds[junction] {
		return false
	}
	t.seconds[junction] = seconds
	return true
}
