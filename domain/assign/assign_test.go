package assign

import (
	"math"
	"math/rand/v2"
	"testing"
)

// every tries all distributions of small numbers and returns the most that can be served, at the least cost.
func every(supply, capacity []int64, cost [][]float64) (served int64, total float64) {
	var try func(i, j int, left int64, n int64, c float64)
	room := append([]int64(nil), capacity...)
	try = func(i, j int, left, n int64, c float64) {
		if i == len(supply) {
			if n > served || n == served && c < total {
				served, total = n, c
			}
			return
		}
		if j == len(capacity) {
			next := int64(0)
			if i+1 < len(supply) {
				next = supply[i+1]
			}
			try(i+1, 0, next, n, c)
			return
		}
		most := min(left, room[j])
		if math.IsInf(cost[i][j], 1) {
			most = 0
		}
		for k := range most + 1 {
			add := 0.0
			if k > 0 {
				add = float64(k) * cost[i][j]
			}
			room[j] -= k
			try(i, j+1, left-k, n+k, c+add)
			room[j] += k
		}
	}
	served, total = -1, 0
	first := int64(0)
	if len(supply) > 0 {
		first = supply[0]
	}
	try(0, 0, first, 0, 0)
	return served, total
}

// problem draws a small one, with ties and pairs between which there is no way.
func problem(r *rand.Rand) (supply, capacity []int64, cost [][]float64) {
	amounts := func() []int64 {
		list := make([]int64, r.IntN(4))
		for i := range list {
			list[i] = r.Int64N(4)
		}
		return list
	}
	supply, capacity = amounts(), amounts()
	cost = make([][]float64, len(supply))
	for i := range cost {
		for range capacity {
			c := float64(r.IntN(10))
			if c == 9 {
				c = math.Inf(1)
			}
			cost[i] = append(cost[i], c)
		}
	}
	return supply, capacity, cost
}

func TestSolveIsTheBestOfAll(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 3000 {
		supply, capacity, cost := problem(r)
		p := Solve(supply, capacity, cost)
		served, total := every(supply, capacity, cost)
		if p.Served != served || math.Abs(p.Cost-total) > 1e-9 {
			t.Fatalf("%v to %v at %v: %d at %g, want %d at %g", supply, capacity, cost, p.Served, p.Cost, served, total)
		}
		sum := int64(0)
		arrived := make([]int64, len(capacity))
		for i, row := range p.Flow {
			left := supply[i]
			for j, n := range row {
				if n < 0 || n > 0 && math.IsInf(cost[i][j], 1) {
					t.Fatalf("%d go from %d to %d", n, i, j)
				}
				left, sum, arrived[j] = left-n, sum+n, arrived[j]+n
			}
			if left < 0 {
				t.Fatalf("more than its supply leaves %d", i)
			}
		}
		for j := range arrived {
			if arrived[j] > capacity[j] {
				t.Fatalf("more than its capacity comes to %d", j)
			}
		}
		if sum != p.Served {
			t.Fatalf("%d are on their way, %d served", sum, p.Served)
		}
	}
}
