package trees

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// conditionalMean is the expectation of a tree for a row of which only the features in known are seen
// (Lundberg et al. 2020, Algorithm 1).
func conditionalMean(t *Tree, node int32, row []float32, known uint) float64 {
	n := &t.Nodes[node]
	if n.isLeaf() {
		return float64(n.Value)
	}
	l, r := &t.Nodes[n.Left], &t.Nodes[n.Right]
	if known>>n.Feature&1 == 1 {
		if goesLeft(n, row) {
			return conditionalMean(t, n.Left, row, known)
		}
		return conditionalMean(t, n.Right, row, known)
	}
	return (conditionalMean(t, n.Left, row, known)*float64(l.Cover) +
		conditionalMean(t, n.Right, row, known)*float64(r.Cover)) / float64(n.Cover)
}

// subsetShapley is the definition: the mean over all coalitions, each evaluated on its own.
func subsetShapley(forest []Tree, row []float32) []float64 {
	m := len(row)
	mean := make([]float64, 1<<m)
	for s := range mean {
		for i := range forest {
			mean[s] += conditionalMean(&forest[i], 0, row, uint(s))
		}
	}
	phi := make([]float64, m)
	for u := range phi {
		for s := range mean {
			if s>>u&1 == 1 {
				continue
			}
			k := bits.OnesCount(uint(s))
			// k!(m-1-k)!/m!
			weight := math.Gamma(float64(k+1)) * math.Gamma(float64(m-k)) / math.Gamma(float64(m+1))
			phi[u] += weight * (mean[s|1<<u] - mean[s])
		}
	}
	return phi
}

// pathEntry is one distinct feature on a path, in the words of Lundberg et al. 2020, Algorithm 2.
type pathEntry struct {
	feature   int32
	zero, one float64 // share of paths through when the feature is unknown, known
	weight    float64
}

func extendPath(m []pathEntry, zero, one float64, feature int32) []pathEntry {
	l := len(m)
	out := append(append([]pathEntry(nil), m...), pathEntry{feature, zero, one, 0})
	if l == 0 {
		out[0].weight = 1
	}
	for i := l - 1; i >= 0; i-- {
		out[i+1].weight += one * out[i].weight * float64(i+1) / float64(l+1)
		out[i].weight = zero * out[i].weight * float64(l-i) / float64(l+1)
	}
	return out
}

func unwindPath(m []pathEntry, i int) []pathEntry {
	l := len(m) - 1
	out := append([]pathEntry(nil), m[:l]...)
	next := m[l].weight
	for j := l - 1; j >= 0; j-- {
		if m[i].one != 0 {
			w := m[j].weight
			out[j].weight = next * float64(l+1) / (float64(j+1) * m[i].one)
			next = w - out[j].weight*m[i].zero*float64(l-j)/float64(l+1)
		} else {
			out[j].weight = m[j].weight * float64(l+1) / (m[i].zero * float64(l-j))
		}
	}
	for j := i; j < l; j++ {
		out[j].feature, out[j].zero, out[j].one = m[j+1].feature, m[j+1].zero, m[j+1].one
	}
	return out
}

// textbookShapley is Algorithm 2 of Lundberg et al. 2020, copied with its recursion.
func textbookShapley(forest []Tree, row []float32) []float64 {
	phi := make([]float64, len(row))
	for i := range forest {
		t := &forest[i]
		var recurse func(node int32, m []pathEntry, zero, one float64, feature int32)
		recurse = func(node int32, m []pathEntry, zero, one float64, feature int32) {
			n := &t.Nodes[node]
			m = extendPath(m, zero, one, feature)
			if n.isLeaf() {
				for i := 1; i < len(m); i++ {
					sum := 0.0
					for _, e := range unwindPath(m, i) {
						sum += e.weight
					}
					phi[m[i].feature] += sum * (m[i].one - m[i].zero) * float64(n.Value)
				}
				return
			}
			hot, cold := n.Right, n.Left
			if goesLeft(n, row) {
				hot, cold = n.Left, n.Right
			}
			zero, one = 1, 1
			for k := 1; k < len(m); k++ {
				if m[k].feature == n.Feature {
					zero, one = m[k].zero, m[k].one
					m = unwindPath(m, k)
					break
				}
			}
			recurse(hot, m, zero*float64(t.Nodes[hot].Cover)/float64(n.Cover), one, n.Feature)
			recurse(cold, m, zero*float64(t.Nodes[cold].Cover)/float64(n.Cover), 0, n.Feature)
		}
		recurse(0, nil, 1, 1, -1)
	}
	return phi
}

// engines computes Shapley values in every way that the package knows and that fits the ensemble.
func engines(e *Ensemble, row []float32) map[string][]float64 {
	out := map[string][]float64{}
	public := make([]float64, len(row))
	e.Shapley(public, row)
	out["Shapley"] = public
	quadrature := make([]float64, len(row))
	e.ShapleyByQuadrature(quadrature, row)
	out["quadrature"] = quadrature
	return out
}

func compare(t *testing.T, name string, got, want []float64, tolerance float64) {
	t.Helper()
	for u := range want {
		if !(math.Abs(got[u]-want[u]) <= tolerance) {
			t.Fatalf("%s: feature %d contributes %v, want %v", name, u, got[u], want[u])
		}
	}
}

func TestShapleyEqualsTheMeanOverAllCoalitions(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	for _, depth := range []int{0, 1, 2, 3, 4, 5, 6, 8, 9, 11} {
		for _, stop := range []float64{0, 0.25} {
			s := forestSpec{features: 1 + r.IntN(6), trees: 3, depth: depth, stop: stop}
			t.Run(fmt.Sprintf("%v stop %v", s, stop), func(t *testing.T) {
				forest := s.random(r)
				e, err := New(s.features, -0.5, forest)
				if err != nil {
					t.Fatal(err)
				}
				const n = 5
				rows := randomRows(r, n, s.features, 0.2)
				for i := range n {
					row := rows[i*s.features:][:s.features]
					want := subsetShapley(forest, row)
					compare(t, "textbook", textbookShapley(forest, row), want, 1e-9)
					for name, got := range engines(e, row) {
						tolerance := 1e-12
						if name == "Shapley" && e.tables() != nil {
							tolerance = 1e-6
						}
						compare(t, name, got, want, tolerance)
					}
				}
			})
		}
	}
}

func TestShapleyEqualsTheTextbookAlgorithmOnManyFeatures(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 5))
	for _, s := range []forestSpec{
		{features: 40, trees: 20, depth: 4},
		{features: 40, trees: 20, depth: 5, stop: 0.1},
		{features: 128, trees: 5, depth: 7, stop: 0.1},
		{features: 60, trees: 1, depth: 10},
		{features: 128, trees: 5, depth: 20, stop: 0.25},
	} {
		t.Run(s.String(), func(t *testing.T) {
			forest := s.random(r)
			e, err := New(s.features, 0.25, forest)
			if err != nil {
				t.Fatal(err)
			}
			const n = 4
			rows := randomRows(r, n, s.features, 0.2)
			for i := range n {
				row := rows[i*s.features:][:s.features]
				want := textbookShapley(forest, row)
				for name, got := range engines(e, row) {
					compare(t, name, got, want, 1e-6)
				}
				checkAdditivity(t, e, row)
			}
		})
	}
}

func checkAdditivity(t *testing.T, e *Ensemble, row []float32) {
	t.Helper()
	phi := make([]float64, e.NumFeatures())
	sum := e.Shapley(phi, row)
	for _, c := range phi {
		sum += c
	}
	if m := float64(e.Margin(row)); !(math.Abs(sum-m) <= 1e-5*(1+math.Abs(m))) {
		t.Fatalf("contributions add up to %v, the margin is %v", sum, m)
	}
}

// A chain is as deep as a tree may be, and tests as many features as a path may hold.
func TestShapleyOfTheDeepestTree(t *testing.T) {
	for _, features := range []int{1, 5, MaxDepth, MaxFeatures} {
		var tree Tree
		for d := range MaxDepth {
			cover := float32(math.Pow(0.6, float64(d)))
			tree.Nodes = append(tree.Nodes,
				Node{Left: int32(2*d + 1), Right: int32(2*d + 2), Feature: int32(d % features), Threshold: float32(d), Cover: cover},
				Node{Left: NoChild, Right: NoChild, Value: float32(d), Cover: 0.4 * cover})
		}
		tree.Nodes = append(tree.Nodes, Node{Left: NoChild, Right: NoChild, Value: 1, Cover: float32(math.Pow(0.6, MaxDepth))})
		e, err := New(features, 0, []Tree{tree})
		if err != nil {
			t.Fatal(err)
		}
		row := make([]float32, features)
		for _, x := range []float32{-1, 3.5, 20, 100} {
			for u := range row {
				row[u] = x
			}
			checkAdditivity(t, e, row)
		}
	}
}

func TestQuadratureIsExactForItsDegree(t *testing.T) {
	for n := 1; n <= maxPoints; n++ {
		q := newQuadrature(n)
		for k := range 2 * n {
			sum := 0.0
			for i, y := range q.y {
				sum += q.w[i] * math.Pow(y, float64(k))
			}
			if want := 1 / float64(k+1); math.Abs(sum-want) > 1e-13 {
				t.Errorf("%d points: integral of y^%d is %v, want %v", n, k, sum, want)
			}
		}
	}
}

func BenchmarkShapley(b *testing.B) {
	for _, s := range benchShapes {
		b.Run(s.String(), func(b *testing.B) {
			e, r := s.ensemble(b)
			const n = 512
			rows := randomRows(r, n, s.features, 0.1)
			dst := make([]float64, s.features)
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				e.Shapley(dst, rows[i*s.features:(i+1)*s.features])
				i = (i + 1) % n
			}
			reportRows(b, 1)
		})
	}
}

func BenchmarkNew(b *testing.B) {
	for _, s := range benchShapes {
		b.Run(s.String(), func(b *testing.B) {
			forest := s.random(rand.New(rand.NewPCG(1, 2)))
			b.ReportAllocs()
			for b.Loop() {
				e, err := New(s.features, 0, forest)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(e.Bytes()), "bytes/ensemble")
			}
		})
	}
}
