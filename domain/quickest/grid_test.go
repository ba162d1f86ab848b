package quickest

import (
	"math/rand/v2"
	"testing"
)

func TestGridAnswersLikeAPlainArray(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		spans := make([]span, 3)
		for r := range spans {
			first := rng.IntN(100)
			spans[r] = span{first, first + rng.IntN(300) - 20}
		}
		g := newGrid(len(spans), func(r int) span { return spans[r] })
		plain := make([][]int32, len(spans))
		for r := range plain {
			plain[r] = make([]int32, 1000)
		}
		for range 200 {
			r := rng.Int32N(int32(len(spans)))
			if s := spans[r]; s.last >= s.first {
				at := s.first + rng.IntN(s.last-s.first+1)
				units := rng.Int32N(3) - min(plain[r][at], 1)
				plain[r][at] += units
				if g.add(r, at, units) != plain[r][at] {
					t.Fatalf("seed %d: not the units of the array", seed)
				}
			}
			compareGrid(t, &g, r, plain[r], rng.IntN(600))
			if rng.IntN(50) == 0 {
				for i := range spans {
					spans[i].last = max(spans[i].last, spans[i].first+rng.IntN(500))
				}
				g = g.widened(func(r int) span { return spans[r] })
			}
		}
	}
}

func compareGrid(t *testing.T, g *grid, r int32, plain []int32, t0 int) {
	t.Helper()
	if got := g.at(r, t0); got != plain[t0] {
		t.Fatalf("%d units at %d, want %d", got, t0, plain[t0])
	}
	next, idle := t0, t0
	for next < len(plain) && plain[next] == 0 {
		next++
	}
	for idle < len(plain) && plain[idle] > 0 {
		idle++
	}
	if next == len(plain) {
		next = noStep
	}
	if got := g.nextUsed(r, t0); got != next {
		t.Fatalf("the next step in use from %d is %d, want %d", t0, got, next)
	}
	if got := g.nextIdle(r, t0); got != idle {
		t.Fatalf("the next idle step from %d is %d, want %d", t0, got, idle)
	}
	last, rest := t0, t0
	for last >= 0 && plain[last] == 0 {
		last--
	}
	for rest >= 0 && plain[rest] > 0 {
		rest--
	}
	if got := g.prevUsed(r, t0); got != last {
		t.Fatalf("the last step in use up to %d is %d, want %d", t0, got, last)
	}
	if got := g.prevIdle(r, t0); got != rest {
		t.Fatalf("the last idle step up to %d is %d, want %d", t0, got, rest)
	}
}
