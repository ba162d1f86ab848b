package heap_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/guardy-ai/guardy/domain/internal/heap"
)

func TestEntriesComeInTheOrderOfTheirKeys(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var h heap.Heap[int, int]
		var waiting, want, got []int
		for i := range rng.IntN(200) {
			if len(h) > 0 && rng.IntN(3) == 0 {
				key, value := h.Pop()
				if key != value/1000 {
					t.Fatalf("the entry %d came with the key %d", value, key)
				}
				slices.Sort(waiting)
				got, want = append(got, key), append(want, waiting[0])
				waiting = waiting[1:]
				continue
			}
			key := rng.IntN(40) // many are equal
			h.Push(key, 1000*key+i)
			waiting = append(waiting, key)
		}
		slices.Sort(waiting)
		for want = append(want, waiting...); len(h) > 0; {
			key, _ := h.Pop()
			got = append(got, key)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}
