package anomaly_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/qartod"
	"github.com/guardy-ai/guardy/domain/trees"
)

// leafPath is c(n), written out from the paper.
func leafPath(n float64) float64 {
	if n < 2 {
		return 0
	}
	if n == 2 {
		return 1
	}
	return 2*(math.Log(n-1)+0.5772156649015329) - 2*(n-1)/n
}

// isolationForest grows trees over random splits of an imagined sample.
func isolationForest(count, rows int) anomaly.ForestSpec {
	rng := rand.New(rand.NewPCG(3, 4))
	spec := anomaly.ForestSpec{Rows: rows, Suspect: 0.55, Fail: 0.6}
	for f := range anomaly.NumFeatures {
		spec.Features = append(spec.Features, f.String())
	}
	for range count {
		var nodes []trees.Node
		var grow func(n, depth int) int32
		grow = func(n, depth int) int32 {
			i := int32(len(nodes))
			nodes = append(nodes, trees.Node{
				Left: trees.NoChild, Right: trees.NoChild, Cover: float32(n), Value: float32(float64(depth) + leafPath(float64(n))),
			})
			if n > 1 && depth < 8 {
				left := 1 + rng.IntN(n-1)
				feature, threshold := int32(rng.IntN(int(anomaly.NumFeatures))), float32(3*rng.Float64())
				l, r := grow(left, depth+1), grow(n-left, depth+1)
				nodes[i].Left, nodes[i].Right, nodes[i].Feature, nodes[i].Threshold = l, r, feature, threshold
			}
			return i
		}
		grow(rows, 0)
		spec.Trees = append(spec.Trees, trees.Tree{Nodes: nodes})
	}
	return spec
}

func newForest(tb testing.TB, spec anomaly.ForestSpec) *anomaly.Forest {
	tb.Helper()
	f, err := anomaly.NewForest(spec)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// TestForestScore holds the score to its definition and the contributions to their sum.
func TestForestScore(t *testing.T) {
	spec := isolationForest(40, 100)
	forest := newForest(t, spec)
	rng := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		var x anomaly.Features
		for i := range x {
			x[i] = float32(4 * rng.Float64())
		}
		mean := 0.0
		for _, tree := range spec.Trees {
			i := int32(0)
			for n := &tree.Nodes[0]; n.Left != trees.NoChild; n = &tree.Nodes[i] {
				if i = n.Right; x[n.Feature] < n.Threshold {
					i = n.Left
				}
			}
			mean += float64(tree.Nodes[i].Value) / float64(len(spec.Trees))
		}
		want := math.Exp2(-mean / leafPath(100))
		if got := forest.Score(&x); math.Abs(got-want) > 1e-6 {
			t.Fatalf("score %v, want %v", got, want)
		}
		var parts [anomaly.NumFeatures]float64
		sum := forest.Contributions(&parts, &x)
		for _, part := range parts {
			sum += part
		}
		if math.Abs(math.Exp2(sum)-want) > 1e-6 {
			t.Fatalf("contributions give %v, want %v", math.Exp2(sum), want)
		}
	}
}

// TestForestIsChecked refuses what is no isolation forest over the features of this build.
func TestForestIsChecked(t *testing.T) {
	for name, spoil := range map[string]func(*anomaly.ForestSpec){
		"no trees":        func(s *anomaly.ForestSpec) { s.Trees = nil },
		"a feature less":  func(s *anomaly.ForestSpec) { s.Features = s.Features[1:] },
		"another feature": func(s *anomaly.ForestSpec) { s.Features[3] = "depth" },
		"one row":         func(s *anomaly.ForestSpec) { s.Rows = 1 },
		"scores swapped":  func(s *anomaly.ForestSpec) { s.Suspect, s.Fail = s.Fail, s.Suspect },
		"score of one":    func(s *anomaly.ForestSpec) { s.Fail = 1 },
		"not a number":    func(s *anomaly.ForestSpec) { s.Suspect = nan },
		"a short path":    func(s *anomaly.ForestSpec) { s.Trees[1].Nodes[0].Value = -1 },
		"a broken tree":   func(s *anomaly.ForestSpec) { s.Trees[0].Nodes[0].Left = 7000 },
	} {
		spec := isolationForest(2, 20)
		spoil(&spec)
		if _, err := anomaly.NewForest(spec); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestForestFlagsAndNothingElse: a forest gives flags and scores; what is an anomaly and what is learnt stays
// as it is without one.
func TestForestFlagsAndNothingElse(t *testing.T) {
	plain, err := anomaly.NewModel(anomaly.Spec{Tunings: anomaly.DefaultTunings()})
	if err != nil {
		t.Fatal(err)
	}
	m, err := anomaly.NewModel(anomaly.Spec{Tunings: anomaly.DefaultTunings(), Forest: newForest(t, isolationForest(20, 64))})
	if err != nil {
		t.Fatal(err)
	}
	var a, b anomaly.DeviceState
	asked := map[qartod.Flag]int{}
	for _, r := range faulty(2000, 3) {
		want, got := plain.Detector("").Step(&a, r), m.Detector("").Step(&b, r)
		if want.Score != got.Score || want.Alarm != got.Alarm || want.Explanation() != got.Explanation() {
			t.Fatalf("without %v %q, with %v %q", want.Score, want.Explanation(), got.Score, got.Explanation())
		}
		for i := range got.Findings() {
			f := &got.Findings()[i]
			var parts [anomaly.NumFeatures]float64
			if _, ok := m.Contributions(&parts, f); ok != (f.Isolation > 0) {
				t.Fatalf("isolation %v, explained %v", f.Isolation, ok)
			}
			if f.Isolation > 0 && f.Flags[anomaly.TestMultivariate] != qartod.NotEvaluated {
				asked[f.Flags[anomaly.TestMultivariate]]++
			}
			if _, ok := plain.Contributions(&parts, f); ok {
				t.Fatal("a model without a forest explains")
			}
		}
	}
	if !bytes.Equal(a.AppendBinary(nil), b.AppendBinary(nil)) {
		t.Error("the states differ")
	}
	if len(asked) < 2 {
		t.Errorf("the forest said %v", asked)
	}
}

// BenchmarkStepForest is BenchmarkStep with a forest of the shipped size, which is asked about what stands out.
func BenchmarkStepForest(b *testing.B) {
	m, err := anomaly.NewModel(anomaly.Spec{Tunings: anomaly.DefaultTunings(), Forest: newForest(b, isolationForest(64, 128))})
	if err != nil {
		b.Fatal(err)
	}
	d, rs := m.Detector(""), station(4096)
	var s anomaly.DeviceState
	var v anomaly.Verdict
	asked := 0
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		r := rs[i&4095]
		r.Time = epoch.Add(time.Duration(i) * time.Hour)
		d.StepInto(&v, &s, &r)
		for k := range v.Findings() {
			if v.Findings()[k].Isolation > 0 {
				asked++
			}
		}
	}
	b.ReportMetric(float64(asked)/float64(b.N), "asked/op")
}

// BenchmarkForest asks a forest of the shipped size, and explains the answer.
func BenchmarkForest(b *testing.B) {
	forest := newForest(b, isolationForest(64, 128))
	x := anomaly.Features{1, 2, 0.5, 1.5}
	b.Run("score", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			forest.Score(&x)
		}
	})
	b.Run("contributions", func(b *testing.B) {
		var parts [anomaly.NumFeatures]float64
		b.ReportAllocs()
		for range b.N {
			forest.Contributions(&parts, &x)
		}
	})
}
