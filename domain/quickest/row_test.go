package quickest

import (
	"math/rand/v2"
	"testing"
)

// TestRowAnswersLikeAPlainArray changes steps at random and compares every question with a scan.
func TestRowAnswersLikeAPlainArray(t *testing.T) {
	const steps, limit = 300, 3
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var r row
		var plain [steps]int32
		for range 400 {
			s := rng.IntN(steps)
			if seed%2 == 0 {
				delta := rng.Int32N(limit+1) - plain[s]
				plain[s] += delta
				r.add(s, delta, limit)
			} else {
				till := s + 1 + rng.IntN(steps-s)
				delta := rng.Int32N(3)
				if least := r.least(s, till); delta == 0 {
					delta = -least
				}
				for i := s; i < till; i++ {
					plain[i] += delta
				}
				r.addAll(s, till, delta)
			}
			at := rng.IntN(steps)
			compareRow(t, &r, plain[:], at, limit)
		}
	}
}

func compareRow(t *testing.T, r *row, plain []int32, at int, limit int32) {
	t.Helper()
	next := func(want func(int32) bool, else_ int) int {
		for s := at; s < len(plain); s++ {
			if want(plain[s]) {
				return s
			}
		}
		return else_
	}
	prev := func(want func(int32) bool) int {
		for s := at; s >= 0; s-- {
			if want(plain[s]) {
				return s
			}
		}
		return -1
	}
	used := func(u int32) bool { return u > 0 }
	idle := func(u int32) bool { return u == 0 }
	free := func(u int32) bool { return u != limit }
	if r.full == nil {
		free = func(int32) bool { return true }
	}
	for _, c := range []struct {
		name      string
		got, want int
	}{
		{"at", int(r.at(at)), int(plain[at])},
		{"nextUsed", r.nextUsed(at), next(used, noStep)},
		{"nextIdle", min(r.nextIdle(at), len(plain)), next(idle, len(plain))},
		{"nextFree", min(r.nextFree(at), len(plain)), next(free, len(plain))},
		{"prevUsed", r.prevUsed(at), prev(used)},
		{"prevIdle", max(r.prevIdle(at), -1), prev(idle)},
		{"prevFree", max(r.prevFree(at), -1), prev(free)},
	} {
		if c.got != c.want {
			t.Fatalf("%s(%d) = %d, want %d", c.name, at, c.got, c.want)
		}
	}
}
