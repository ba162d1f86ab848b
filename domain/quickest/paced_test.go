package quickest_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain/quickest"
)

// city makes a square grid of streets of the size of a large town: people at random crossings around the
// middle, shelters at random ones anywhere, each with somewhat more room than its share.
func city(side, homes, shelters, people int) (*quickest.Network, *quickest.Scenario) {
	rng := rand.New(rand.NewPCG(1, 14))
	n, s := &quickest.Network{Nodes: side * side}, new(quickest.Scenario)
	street := func(from, to int) {
		transit, capacity := rng.Int32N(3), 6+rng.Int32N(8)
		if rng.IntN(10) == 0 {
			capacity *= 3
		}
		n.Edges = append(n.Edges,
			quickest.Edge{From: int32(from), To: int32(to), Transit: transit, Capacity: capacity},
			quickest.Edge{From: int32(to), To: int32(from), Transit: transit, Capacity: capacity})
	}
	for v := range n.Nodes {
		if v%side > 0 && rng.IntN(10) < 6 {
			street(v-1, v)
		}
		if v >= side && rng.IntN(10) < 9 {
			street(v-side, v)
		}
	}
	for range homes {
		row, column := side/4+rng.IntN(side/2), side/4+rng.IntN(side/2)
		s.Sources = append(s.Sources, quickest.Source{Node: int32(row*side + column), Supply: int32(people / homes)})
	}
	for range shelters {
		s.Sinks = append(s.Sinks, quickest.Sink{Node: rng.Int32N(int32(n.Nodes)), Capacity: int32(people * 5 / 4 / shelters)})
	}
	return n, s
}

// TestPacedPlansAreWholeAndFeasible makes of every kind of instance what is made of large ones in a short time.
func TestPacedPlansAreWholeAndFeasible(t *testing.T) {
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 15))
		n, s := anyInstance(rng)
		polls := rng.IntN(6)
		got, err := quickest.Paced(n, s, quickest.Options{Enough: func() bool { polls--; return polls < 0 }})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		check(t, n, s, got)
		best := plan(t, n, s, quickest.Options{})
		if got.Served != best.Served || got.Clearance < best.Clearance || got.LowerBound > best.Clearance {
			t.Fatalf("seed %d: %d served by step %d (at least %d); the optimum is %d by %d",
				seed, got.Served, got.Clearance, got.LowerBound, best.Served, best.Clearance)
		}
	}
}

func TestMoreTimeNeverMakesAPacedPlanWorse(t *testing.T) {
	n, s := city(20, 40, 8, 3000)
	before := 1 << 30
	for polls := range 30 {
		left := polls
		got, err := quickest.Paced(n, s, quickest.Options{Enough: func() bool { left--; return left < 0 }})
		if err != nil {
			t.Fatal(err)
		}
		check(t, n, s, got)
		if got.Clearance > before {
			t.Fatalf("clearance %d after %d questions, %d before", got.Clearance, polls, before)
		}
		before = got.Clearance
	}
}

func BenchmarkCityInOneSecond(b *testing.B) {
	n, s := city(110, 1000, 150, 90_000)
	b.ReportAllocs()
	var p *quickest.Plan
	for b.Loop() {
		start := time.Now()
		var err error
		if p, err = quickest.New(n, s, quickest.Options{Enough: func() bool { return time.Since(start) > time.Second }}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(p.Served), "units")
	b.ReportMetric(float64(p.Clearance), "steps")
	b.ReportMetric(p.Gap(), "gap%")
	b.ReportMetric(float64(len(p.Departures)), "departures")
}
