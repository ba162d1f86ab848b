package trees

import (
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// small is a proper tree of two splits over two features.
func small() Tree {
	return Tree{Nodes: []Node{
		{Left: 1, Right: 2, Feature: 1, Threshold: 0.5, Cover: 10},
		{Left: NoChild, Right: NoChild, Value: -1, Cover: 4},
		{Left: 3, Right: 4, Feature: 0, Threshold: 2, DefaultLeft: true, Cover: 6},
		{Left: NoChild, Right: NoChild, Value: 2, Cover: 5},
		{Left: NoChild, Right: NoChild, Value: 3, Cover: 1},
	}}
}

func TestNewRefusesWhatIsNotAProperEnsemble(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		name  string
		spoil func(n []Node)
		want  string
	}{
		{"cycle", func(n []Node) { n[2].Right = 0 }, "reached twice"},
		{"shared child", func(n []Node) { n[2].Right = 3 }, "reached twice"},
		{"self", func(n []Node) { n[2].Left = 2 }, "reached twice"},
		{"child beyond the end", func(n []Node) { n[2].Left = 5 }, "child 5"},
		{"negative child", func(n []Node) { n[2].Left = -2 }, "child -2"},
		{"one child", func(n []Node) { n[2].Left = NoChild }, "child -1"},
		{"nodes out of reach", func(n []Node) { n[2].Left, n[2].Right = NoChild, NoChild }, "only 3 of 5"},
		{"feature beyond the row", func(n []Node) { n[0].Feature = 2 }, "feature 2"},
		{"negative feature", func(n []Node) { n[0].Feature = -1 }, "feature -1"},
		{"infinite threshold", func(n []Node) { n[0].Threshold = inf }, "threshold"},
		{"threshold NaN", func(n []Node) { n[0].Threshold = nan }, "threshold"},
		{"leaf NaN", func(n []Node) { n[3].Value = nan }, "leaf value"},
		{"infinite leaf", func(n []Node) { n[3].Value = -inf }, "leaf value"},
		{"leaf beyond all margins", func(n []Node) { n[3].Value = 2e6 }, "margins"},
		{"cover of zero", func(n []Node) { n[2].Cover, n[3].Cover, n[4].Cover = 0, 0, 0 }, "cover"},
		{"negative cover", func(n []Node) { n[1].Cover = -1 }, "cover"},
		{"cover NaN", func(n []Node) { n[1].Cover = nan }, "cover"},
		{"infinite cover", func(n []Node) { n[0].Cover = inf }, "cover"},
		{"cover above the parent's", func(n []Node) { n[3].Cover = 7 }, "cover"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spoilt := small()
			c.spoil(spoilt.Nodes)
			_, err := New(2, 0, []Tree{small(), spoilt})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error about %q", err, c.want)
			}
			if !strings.Contains(err.Error(), "tree 1") && c.want != "margins" {
				t.Errorf("%q does not name the tree", err)
			}
		})
	}
	chain := Tree{}
	for d := range MaxDepth + 1 {
		chain.Nodes = append(chain.Nodes,
			Node{Left: int32(2*d + 1), Right: int32(2*d + 2), Cover: 1},
			Node{Left: NoChild, Right: NoChild, Cover: 1})
	}
	chain.Nodes = append(chain.Nodes, Node{Left: NoChild, Right: NoChild, Cover: 1})
	many := make([]Node, MaxNodes)
	for _, c := range []struct {
		name     string
		features int
		base     float32
		trees    []Tree
		want     string
	}{
		{"no features", 0, 0, nil, "features"},
		{"too many features", MaxFeatures + 1, 0, nil, "features"},
		{"base NaN", 2, nan, nil, "base margin"},
		{"infinite base", 2, inf, nil, "base margin"},
		{"base beyond all margins", 2, 1e7, nil, "margins"},
		{"too many trees", 2, 0, make([]Tree, MaxTrees+1), "trees"},
		{"too many nodes", 2, 0, []Tree{small(), {Nodes: many}}, "nodes"},
		{"empty tree", 2, 0, []Tree{{}}, "no nodes"},
		{"too deep", 2, 0, []Tree{chain}, "deeper"},
	} {
		if _, err := New(c.features, c.base, c.trees); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error about %q", c.name, err, c.want)
		}
	}
}

// One deep tree must not make every stump beside it a deep tree too.
func TestPaddingIsBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	forest := forestSpec{features: 4, trees: 1, depth: completeDepth}.random(r)
	forest = append(forest, forestSpec{features: 4, trees: 5000, depth: 1}.random(r)...)
	e, err := New(4, 0, forest)
	if err != nil {
		t.Fatal(err)
	}
	nodes := 0
	for i := range forest {
		nodes += len(forest[i].Nodes)
	}
	if limit := 300 * nodes; e.Bytes() > limit {
		t.Errorf("%d bytes for %d nodes, want at most %d", e.Bytes(), nodes, limit)
	}
	rows := randomRows(r, 40, 4, 0.1)
	got := make([]float32, 40)
	e.Margins(got, rows)
	for i := range got {
		if want := plainMargin(0, forest, rows[4*i:4*i+4]); got[i] != want {
			t.Errorf("row %d: %v, want %v", i, got[i], want)
		}
	}
}

func TestScoringDoesNotAllocate(t *testing.T) {
	for _, s := range []forestSpec{
		{features: 40, trees: 30, depth: 5},
		{features: 40, trees: 5, depth: 12, stop: 0.2},
	} {
		e, r := s.ensemble(t)
		const n = 100
		rows := randomRows(r, n, s.features, 0.1)
		margins, phi := make([]float32, n), make([]float64, s.features)
		for name, f := range map[string]func(){
			"Margin":  func() { e.Margin(rows[:s.features]) },
			"Margins": func() { e.Margins(margins, rows) },
			"Shapley": func() { e.Shapley(phi, rows[:s.features]) },
		} {
			// Less than one: a collection may empty the pool of scratch memory.
			if got := testing.AllocsPerRun(100, f); got >= 1 {
				t.Errorf("%v: %s allocates %v times", s, name, got)
			}
		}
	}
}

func TestAnEnsembleIsSafeForConcurrentUse(t *testing.T) {
	s := forestSpec{features: 20, trees: 20, depth: 5, stop: 0.1}
	e, r := s.ensemble(t)
	const n = 130
	rows := randomRows(r, n, s.features, 0.1)
	want := make([]float32, n)
	e.Margins(want, rows)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, phi := make([]float32, n), make([]float64, s.features)
			for range 20 {
				e.Margins(got, rows)
				for i := range got {
					if got[i] != want[i] {
						t.Errorf("row %d: %v, want %v", i, got[i], want[i])
						return
					}
				}
				e.Shapley(phi, rows[:s.features])
			}
		})
	}
	wg.Wait()
}

func TestLengthsThatDoNotFitPanic(t *testing.T) {
	e, err := New(2, 0, []Tree{small()})
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(){
		"Margin":            func() { e.Margin(make([]float32, 3)) },
		"Margins":           func() { e.Margins(make([]float32, 2), make([]float32, 3)) },
		"Shapley, row":      func() { e.Shapley(make([]float64, 2), make([]float32, 1)) },
		"Shapley, features": func() { e.Shapley(make([]float64, 3), make([]float32, 2)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestKeysHaveTheOrderOfTheirFloats(t *testing.T) {
	inf := float32(math.Inf(1))
	values := []float32{
		-inf, -math.MaxFloat32, -1, -math.SmallestNonzeroFloat32, 0,
		math.SmallestNonzeroFloat32, 1, math.MaxFloat32, inf,
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		if x := math.Float32frombits(r.Uint32()); x == x {
			values = append(values, x)
		}
	}
	values = append(values, float32(math.Copysign(0, -1)))
	for _, a := range values {
		if k := keyOf(a); k <= missingLeft || k >= missingRight {
			t.Errorf("key of %v is that of a missing value", a)
		}
		for _, b := range values {
			if (keyOf(a) < keyOf(b)) != (a < b) {
				t.Errorf("keys of %v and %v have another order than they", a, b)
			}
		}
	}
}
