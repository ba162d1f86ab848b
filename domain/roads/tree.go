package roads

import (
	"math"

	"github.com/guardy-ai/guardy/domain/internal/heap"
)

// seed is a junction where a search begins, and the time until there.
type seed struct {
	junction uint32
	seconds  float64
}

// tree is a search for the fastest ways from or to one place: Dijkstra's algorithm.
type tree struct {
	seconds []float64                  // of each junction, infinite where there is no way
	queue   heap.Heap[float64, uint32] // of junctions
}

func newTree(junctions int) *tree { return &tree{seconds: make([]float64, junctions)} }

func (t *tree) grow(deadEnds bitset, at []uint32, arcs []arc, m *Mask, seeds ...seed) {
	for i := range t.seconds {
		t.seconds[i] = math.Inf(1)
	}
	t.queue = t.queue[:0]
	for _, s := range seeds {
		if t.reach(s.junction, s.seconds) {
			t.queue.Push(s.seconds, s.junction)
		}
	}
	for len(t.queue) > 0 {
		seconds, junction := t.queue.Pop()
		if seconds > t.seconds[junction] {
			continue
		}
		for _, a := range arcs[at[junction]:at[junction+1]] {
			if m.chains.has(a.link.chain()) {
				continue
			}
			if s := seconds + a.seconds; t.reach(a.head, s) && !deadEnds.has(a.head) {
				t.queue.Push(s, a.head)
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
