package xgbjson

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The fixtures of testdata are models of invented data, made by testdata/make.py with XGBoost 1.7.4,
// together with what XGBoost itself answers.
var fixtures = []struct {
	name            string
	trees, maxDepth int
	features        int
}{
	{"depth4", 40, 4, 12},
	{"depth5", 25, 5, 10},
	{"pruned", 30, 6, 8},
	{"deep", 6, 12, 6},
	{"stumps", 4, 0, 3},
	{"forest", 20, 3, 7},
	{"uncovered", 6, 3, 5},
}

type golden struct {
	Rows          [][]*float32 `json:"rows"`
	Margins       []float32    `json:"margins"`
	Contributions [][]float64  `json:"contributions"`
}

func read(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func readGolden(tb testing.TB, name string) (g golden, rows [][]float32) {
	tb.Helper()
	if err := json.Unmarshal(read(tb, name), &g); err != nil {
		tb.Fatal(err)
	}
	for _, r := range g.Rows {
		row := make([]float32, len(r))
		for i, v := range r {
			if row[i] = float32(math.NaN()); v != nil {
				row[i] = *v
			}
		}
		rows = append(rows, row)
	}
	return g, rows
}

func TestMarginsAndContributionsEqualXGBoost(t *testing.T) {
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			m, err := Parse(read(t, f.name+".json"), DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			e := m.Ensemble
			if e.NumTrees() != f.trees || e.NumFeatures() != f.features {
				t.Errorf("%d trees of %d features, want %d of %d", e.NumTrees(), e.NumFeatures(), f.trees, f.features)
			}
			if e.MaxDepth() != f.maxDepth {
				t.Errorf("depth %d, want %d", e.MaxDepth(), f.maxDepth)
			}
			if m.Version != [3]int{1, 7, 4} || m.Objective != "binary:logistic" || m.FeatureNames[1] != "feature_1" {
				t.Errorf("version %v, objective %q, features %q", m.Version, m.Objective, m.FeatureNames)
			}
			g, rows := readGolden(t, f.name+".golden.json")
			var flat []float32
			for i, row := range rows {
				flat = append(flat, row...)
				if got := e.Margin(row); got != g.Margins[i] {
					t.Errorf("row %d: margin %v, want %v", i, got, g.Margins[i])
				}
				phi := make([]float64, len(row))
				bias := e.Shapley(phi, row)
				sum := bias
				for u, got := range append(phi, bias) {
					if want := g.Contributions[i][u]; !(math.Abs(got-want) <= 1e-5) {
						t.Errorf("row %d: feature %d contributes %v, want %v", i, u, got, want)
					}
				}
				for _, c := range phi {
					sum += c
				}
				if want := float64(g.Margins[i]); !(math.Abs(sum-want) <= 2e-6*(1+math.Abs(want))) {
					t.Errorf("row %d: contributions add up to %v, the margin is %v", i, sum, want)
				}
			}
			batch := make([]float32, len(rows))
			e.Margins(batch, flat)
			for i, got := range batch {
				if got != g.Margins[i] {
					t.Errorf("row %d of the batch: margin %v, want %v", i, got, g.Margins[i])
				}
			}
		})
	}
}

// document is a model that can be spoiled one member at a time.
func document(t *testing.T) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(read(t, "forest.json"), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// at follows a path of member names and indices, and returns the object it ends in.
func at(t *testing.T, doc any, path ...any) map[string]any {
	t.Helper()
	for _, p := range path {
		switch p := p.(type) {
		case string:
			doc = doc.(map[string]any)[p]
		case int:
			doc = doc.([]any)[p]
		}
	}
	return doc.(map[string]any)
}

func learner(t *testing.T, doc map[string]any) map[string]any { return at(t, doc, "learner") }
func gbtree(t *testing.T, doc map[string]any) map[string]any {
	return at(t, doc, "learner", "gradient_booster", "model")
}

func modelParam(t *testing.T, doc map[string]any) map[string]any {
	return at(t, doc, "learner", "learner_model_param")
}

func secondTree(t *testing.T, doc map[string]any) map[string]any {
	return at(t, doc, "learner", "gradient_booster", "model", "trees", 1)
}

func TestModelsThatCannotBeServedAreRefusedWithAReason(t *testing.T) {
	list := func(m map[string]any, name string) []any { return m[name].([]any) }
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, doc map[string]any)
		want  string
	}{
		{"objective", func(t *testing.T, d map[string]any) {
			at(t, d, "learner", "objective")["name"] = "reg:squarederror"
		}, `objective "reg:squarederror"`},
		{"no objective", func(t *testing.T, d map[string]any) { delete(learner(t, d), "objective") }, `objective ""`},
		{"dart", func(t *testing.T, d map[string]any) {
			at(t, d, "learner")["gradient_booster"] = map[string]any{"gbtree": map[string]any{}, "name": "dart"}
		}, `booster "dart"`},
		{"gblinear", func(t *testing.T, d map[string]any) {
			at(t, d, "learner", "gradient_booster")["name"] = "gblinear"
		}, `booster "gblinear"`},
		{"classes", func(t *testing.T, d map[string]any) { modelParam(t, d)["num_class"] = "3" }, "one output"},
		{"targets", func(t *testing.T, d map[string]any) { modelParam(t, d)["num_target"] = "2" }, "one output"},
		{"groups", func(t *testing.T, d map[string]any) { list(gbtree(t, d), "tree_info")[2] = 1 }, "one output"},
		{"vector leaf", func(t *testing.T, d map[string]any) {
			at(t, d, "learner", "gradient_booster", "model", "trees", 1, "tree_param")["size_leaf_vector"] = "2"
		}, "one output"},
		{"base score of one", func(t *testing.T, d map[string]any) { modelParam(t, d)["base_score"] = "1E0" }, "base_score"},
		{"base score of nothing", func(t *testing.T, d map[string]any) { delete(modelParam(t, d), "base_score") }, "base_score"},
		{"base score not a number", func(t *testing.T, d map[string]any) { modelParam(t, d)["base_score"] = "NaN" }, "base_score"},
		{"base scores", func(t *testing.T, d map[string]any) { modelParam(t, d)["base_score"] = "[5E-1,5E-1]" }, "base_score"},
		{"no feature names", func(t *testing.T, d map[string]any) { learner(t, d)["feature_names"] = []any{} }, "feature_names is empty"},
		{"fewer feature names", func(t *testing.T, d map[string]any) {
			learner(t, d)["feature_names"] = list(learner(t, d), "feature_names")[1:]
		}, "num_feature"},
		{"equal feature names", func(t *testing.T, d map[string]any) {
			list(learner(t, d), "feature_names")[1] = "feature_0"
		}, "occurs twice"},
		{"feature name too long", func(t *testing.T, d map[string]any) {
			list(learner(t, d), "feature_names")[1] = strings.Repeat("x", 1000)
		}, "feature name"},
		{"number of trees", func(t *testing.T, d map[string]any) {
			gbtree(t, d)["trees"] = list(gbtree(t, d), "trees")[1:]
		}, "num_trees"},
		{"tree_info", func(t *testing.T, d map[string]any) { gbtree(t, d)["tree_info"] = []any{0} }, "tree_info"},
		{"categorical split", func(t *testing.T, d map[string]any) { list(secondTree(t, d), "split_type")[0] = 1 }, "categorical"},
		{"categories", func(t *testing.T, d map[string]any) { secondTree(t, d)["categories"] = []any{1} }, "categorical"},
		{"array too short", func(t *testing.T, d map[string]any) { secondTree(t, d)["sum_hessian"] = []any{1} }, "sum_hessian has 1"},
		{"array missing", func(t *testing.T, d map[string]any) { delete(secondTree(t, d), "default_left") }, "default_left has 0"},
		{"number of nodes", func(t *testing.T, d map[string]any) {
			at(t, d, "learner", "gradient_booster", "model", "trees", 1, "tree_param")["num_nodes"] = "2000000000"
		}, "num_nodes"},
		{"child out of range", func(t *testing.T, d map[string]any) { list(secondTree(t, d), "left_children")[0] = 4000 }, "child 4000"},
		{"child beyond 32 bits", func(t *testing.T, d map[string]any) { list(secondTree(t, d), "left_children")[0] = 1<<32 + 1 }, "child 4294967297"},
		{"cycle", func(t *testing.T, d map[string]any) { list(secondTree(t, d), "left_children")[1] = 0 }, "reached twice"},
		{"half a leaf", func(t *testing.T, d map[string]any) { list(secondTree(t, d), "left_children")[0] = -1 }, "child -1"},
		{"nodes cut off", func(t *testing.T, d map[string]any) {
			list(secondTree(t, d), "left_children")[0] = -1
			list(secondTree(t, d), "right_children")[0] = -1
		}, "num_deleted"},
		{"feature out of range", func(t *testing.T, d map[string]any) { list(secondTree(t, d), "split_indices")[0] = 7 }, "feature 7"},
		{"feature beyond 32 bits", func(t *testing.T, d map[string]any) { list(secondTree(t, d), "split_indices")[0] = 1 << 32 }, "feature 4294967296"},
		{"cover of zero", func(t *testing.T, d map[string]any) { list(secondTree(t, d), "sum_hessian")[0] = 0 }, "cover"},
		{"dropout", func(t *testing.T, d map[string]any) {
			at(t, d, "learner", "gradient_booster")["weight_drop"] = []any{1, 0.5}
		}, `tree 1 has the factor "0.5"`},
		{"stopped early", func(t *testing.T, d map[string]any) {
			at(t, d, "learner")["attributes"] = map[string]any{"best_iteration": "1"}
		}, "save booster[:2]"},
		{"best iteration that is no number", func(t *testing.T, d map[string]any) {
			at(t, d, "learner")["attributes"] = map[string]any{"best_iteration": "eleven"}
		}, "eleven"},
		{"value beyond float32", func(t *testing.T, d map[string]any) { list(secondTree(t, d), "split_conditions")[1] = 1e300 }, "float32"},
		{"threshold as text", func(t *testing.T, d map[string]any) { list(secondTree(t, d), "split_conditions")[1] = "1" }, "float32"},
		{"threshold null", func(t *testing.T, d map[string]any) { list(secondTree(t, d), "split_conditions")[1] = nil }, "null"},
		{"index of a half", func(t *testing.T, d map[string]any) { list(secondTree(t, d), "split_indices")[1] = 0.5 }, "not an integer"},
		{"flag of two", func(t *testing.T, d map[string]any) { list(secondTree(t, d), "default_left")[0] = 2 }, "neither 0 nor 1"},
		{"trees is an object", func(t *testing.T, d map[string]any) { gbtree(t, d)["trees"] = map[string]any{} }, "instead of"},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc := document(t)
			c.spoil(t, doc)
			data, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse(data, DefaultLimits())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error about %q", err, c.want)
			}
		})
	}
}

func TestWhatOtherVersionsWriteIsAccepted(t *testing.T) {
	want, err := Parse(read(t, "forest.json"), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	_, rows := readGolden(t, "forest.golden.json")
	for _, c := range []struct {
		name   string
		change func(t *testing.T, doc map[string]any)
	}{
		{"1.0: flags are bools, no split types", func(t *testing.T, d map[string]any) {
			for _, tree := range gbtree(t, d)["trees"].([]any) {
				tree := tree.(map[string]any)
				flags := tree["default_left"].([]any)
				for i, f := range flags {
					flags[i] = f == 1.0
				}
				delete(tree, "split_type")
				delete(tree, "categories")
				delete(tree, "categories_nodes")
			}
			delete(modelParam(t, d), "num_target")
			delete(d, "version")
		}},
		{"2.0: one value per leaf, iteration_indptr", func(t *testing.T, d map[string]any) {
			at(t, d, "learner", "gradient_booster", "model", "gbtree_model_param")["size_leaf_vector"] = "1"
			gbtree(t, d)["iteration_indptr"] = []any{0, 1}
			modelParam(t, d)["boost_from_average"] = "1"
		}},
		{"3.1: base score in brackets, cats", func(t *testing.T, d map[string]any) {
			modelParam(t, d)["base_score"] = "[5E-1]"
			gbtree(t, d)["cats"] = map[string]any{"enc": []any{}, "feature_segments": []any{}}
			d["version"] = []any{3, 1, 0, "rc1"}[:3]
		}},
		{"numbers instead of strings", func(t *testing.T, d map[string]any) {
			modelParam(t, d)["base_score"] = 0.5
			modelParam(t, d)["num_feature"] = 7
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc := document(t)
			c.change(t, doc)
			data, err := json.MarshalIndent(doc, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got, err := Parse(data, DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			for i, row := range rows {
				if g, w := got.Ensemble.Margin(row), want.Ensemble.Margin(row); g != w {
					t.Errorf("row %d: margin %v, want %v", i, g, w)
				}
			}
		})
	}
}

func TestBytesThatAreNotOneJSONObjectAreRefused(t *testing.T) {
	whole := string(read(t, "stumps.json"))
	for name, data := range map[string]string{
		"empty":             "",
		"binary":            "binf\x00\x01\x02",
		"UBJSON":            "{L\x00\x00\x00\x00\x00\x00\x00\x07learner{",
		"an array":          "[]",
		"null":              "null",
		"an empty object":   "{}",
		"trailing data":     whole + "{}",
		"a name twice":      strings.Replace(whole, `"version"`, `"learner"`, 1),
		"NaN":               strings.Replace(whole, `"split_conditions":[`, `"split_conditions":[NaN,`, 1),
		"infinity":          strings.Replace(whole, `"sum_hessian":[`, `"sum_hessian":[Infinity,`, 1),
		"nesting":           strings.Repeat("[", 1<<20),
		"nested member":     `{"x":` + strings.Repeat(`{"x":`, 1<<16),
		"invalid UTF-8":     strings.Replace(whole, "feature_0", "feature_\xff", 1),
		"learner is a list": `{"learner":[]}`,
	} {
		if _, err := Parse([]byte(data), DefaultLimits()); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, end := range []int{1, 10, 100, len(whole) / 2, len(whole) - 1} {
		if _, err := Parse([]byte(whole[:end]), DefaultLimits()); err == nil {
			t.Errorf("accepted the first %d bytes", end)
		}
	}
}

func TestLimitsAreEnforced(t *testing.T) {
	data := read(t, "depth4.json")
	for _, c := range []struct {
		want   string
		change func(*Limits)
	}{
		{"bytes", func(l *Limits) { l.Bytes = len(data) - 1 }},
		{"trees", func(l *Limits) { l.Trees = 39 }},
		{"nodes", func(l *Limits) { l.Nodes = 500 }},
		{"nodes", func(l *Limits) { l.Nodes = 5 }},
	} {
		limits := DefaultLimits()
		c.change(&limits)
		if _, err := Parse(data, limits); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want an error about %s", err, c.want)
		}
	}
}

// What costs a writer two bytes must not cost the reader hundreds.
func TestHostileFilesCostMemoryInProportion(t *testing.T) {
	const size = 4 << 20
	for name, data := range map[string]string{
		"empty trees": `{"learner":{"gradient_booster":{"model":{"trees":[` + strings.Repeat("{},", size/3),
		"trees of one leaf": `{"learner":{"gradient_booster":{"model":{"trees":[` + strings.Repeat(
			`{"left_children":[-1],"right_children":[-1],"split_indices":[0],"split_conditions":[0],`+
				`"sum_hessian":[1],"default_left":[0]},`, size/120),
		"long arrays":    `{"learner":{"gradient_booster":{"model":{"trees":[{"left_children":[` + strings.Repeat("1,", size/2),
		"many names":     `{"learner":{"feature_names":[` + strings.Repeat(`"",`, size/3),
		"members":        `{` + strings.Repeat(`"":0,`, size/5),
		"nested skipped": `{"x":` + strings.Repeat("[", size),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			if _, err := Parse([]byte(data), DefaultLimits()); err == nil {
				t.Error("accepted")
			}
			runtime.ReadMemStats(&after)
			if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(16*len(data)); got > limit {
				t.Errorf("allocated %d bytes for a file of %d, want at most %d", got, len(data), limit)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	// Short seeds: mutations of a long one rarely hit anything but the middle of an array of numbers.
	f.Add(read(f, "stumps.json"))
	f.Add([]byte(`{"learner":{"feature_names":["a","b"],"gradient_booster":{"model":{"gbtree_model_param":` +
		`{"num_trees":"1"},"tree_info":[0],"trees":[{"default_left":[1,0,0],"left_children":[1,-1,-1],` +
		`"right_children":[2,-1,-1],"split_conditions":[0.5,-1,1],"split_indices":[1,0,0],"split_type":` +
		`[0,0,0],"sum_hessian":[3,1,2],"tree_param":{"num_nodes":"3"}}]},"name":"gbtree"},` +
		`"learner_model_param":{"base_score":"[5E-1]","num_feature":"2"},"objective":{"name":` +
		`"binary:logistic"}},"version":[3,1,0]}`))
	limits := Limits{Bytes: 1 << 16, Trees: 20, Nodes: 2000}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data, limits)
		if err != nil {
			return
		}
		e := m.Ensemble
		if len(m.FeatureNames) != e.NumFeatures() {
			t.Fatalf("%d names for %d features", len(m.FeatureNames), e.NumFeatures())
		}
		row := make([]float32, e.NumFeatures())
		phi := make([]float64, e.NumFeatures())
		for _, x := range []float32{0, float32(math.NaN()), -1e30, 1e30} {
			for i := range row {
				row[i] = x
			}
			margin := float64(e.Margin(row))
			sum := e.Shapley(phi, row)
			for _, c := range phi {
				sum += c
			}
			if !(math.Abs(margin) <= 2e6) || !(math.Abs(sum) <= 1e9) {
				t.Fatalf("margin %v, contributions add up to %v", margin, sum)
			}
		}
	})
}
