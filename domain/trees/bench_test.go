package trees

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

var benchShapes = []forestSpec{
	{features: 40, trees: 300, depth: 4, stop: 0.05},
	{features: 40, trees: 200, depth: 5, stop: 0.05},
	{features: 40, trees: 150, depth: 6, stop: 0.05},
	{features: 40, trees: 100, depth: 12, stop: 0.15},
}

func (s forestSpec) String() string { return fmt.Sprintf("%dxd%d", s.trees, s.depth) }

func (s forestSpec) ensemble(tb testing.TB) (*Ensemble, *rand.Rand) {
	tb.Helper()
	r := rand.New(rand.NewPCG(1, uint64(s.depth)))
	e, err := New(s.features, 0.1, s.random(r))
	if err != nil {
		tb.Fatal(err)
	}
	return e, r
}

func BenchmarkMargin(b *testing.B) {
	for _, s := range benchShapes {
		b.Run(s.String(), func(b *testing.B) {
			e, r := s.ensemble(b)
			// Many rows in turn, so that no branch predictor learns one by heart.
			const n = 512
			rows := randomRows(r, n, s.features, 0.1)
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				e.Margin(rows[i*s.features : (i+1)*s.features])
				i = (i + 1) % n
			}
			reportRows(b, 1)
		})
	}
}

func BenchmarkMargins(b *testing.B) {
	for _, s := range benchShapes {
		for _, n := range []int{8, 64, 500, 10000} {
			b.Run(fmt.Sprintf("%v/%d", s, n), func(b *testing.B) {
				e, r := s.ensemble(b)
				rows := randomRows(r, n, s.features, 0.1)
				dst := make([]float32, n)
				b.ReportAllocs()
				for b.Loop() {
					e.Margins(dst, rows)
				}
				reportRows(b, n)
			})
		}
	}
}

func reportRows(b *testing.B, perOp int) {
	rows := float64(b.N) * float64(perOp)
	b.ReportMetric(rows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/rows, "ns/row")
}
