package bundle

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/domain/anomaly"
)

const forestFolder = "anomaly_detector/v1"

func shippedForest(t *testing.T) (f forestFile, g forestGolden) {
	t.Helper()
	for name, to := range map[string]any{"forest.json": &f, "forest_golden.json": &g} {
		if err := decode(read(t, filepath.Join(forestFolder, name)), to); err != nil {
			t.Fatal(err)
		}
	}
	return f, g
}

// TestTheForestScoresAsScikitLearn does, and its contributions add up.
func TestTheForestScoresAsScikitLearn(t *testing.T) {
	f, g := shippedForest(t)
	forest, err := f.build()
	if err != nil {
		t.Fatal(err)
	}
	if err := g.verify(forest); err != nil {
		t.Error(err)
	}
	if len(g.Rows) < 100 {
		t.Errorf("only %d golden rows", len(g.Rows))
	}
}

func TestAForestIsRefusedWithTheReason(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(f *forestFile, g *forestGolden)
		want  string
	}{
		"format":        {func(f *forestFile, _ *forestGolden) { f.Format = 9 }, "format 9"},
		"features":      {func(f *forestFile, _ *forestGolden) { f.Features[0] = "depth" }, `"depth"`},
		"a short tree":  {func(f *forestFile, _ *forestGolden) { f.Trees[3].Path = f.Trees[3].Path[1:] }, "tree 3"},
		"a loop":        {func(f *forestFile, _ *forestGolden) { f.Trees[2].Right[0] = 0 }, "tree 2"},
		"a threshold":   {func(f *forestFile, _ *forestGolden) { scale(f.Trees[0].Threshold, 0.5) }, "where the model was trained"},
		"a path":        {func(f *forestFile, _ *forestGolden) { scale(f.Trees[0].Path, 1.01) }, "where the model was trained"},
		"no proof":      {func(_ *forestFile, g *forestGolden) { g.Rows = nil }, "cannot be proven"},
		"a narrow row":  {func(_ *forestFile, g *forestGolden) { g.Rows[4].Features = g.Rows[4].Features[1:] }, "row 4"},
		"another score": {func(_ *forestFile, g *forestGolden) { g.Rows[7].Score += 1e-5 }, "row 7"},
	} {
		t.Run(name, func(t *testing.T) {
			f, g := shippedForest(t)
			c.spoil(&f, &g)
			forest, err := f.build()
			if err == nil {
				err = g.verify(forest)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want something about %s", err, c.want)
			}
		})
	}
}

func scale(values []float32, by float32) {
	for i := range values {
		values[i] *= by
	}
}

// FuzzForest: whatever the bytes are, they are refused or make a forest whose scores are scores.
func FuzzForest(f *testing.F) {
	names := make([]string, anomaly.NumFeatures)
	for i := range anomaly.NumFeatures {
		names[i] = i.String()
	}
	small, err := json.Marshal(forestFile{
		Format: format, Features: names, Rows: 3, Suspect: 0.5, Fail: 0.6, Trees: []forestTree{{
			Feature: []int32{2, -1, -1}, Threshold: []float32{0.5, 0, 0}, Right: []int32{2, 0, 0}, Path: []float32{0, 1, 2}, Rows: []float32{3, 1, 2},
		}},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(small)
	f.Add([]byte(`{"format":1,"trees":[{"feature":[0],"right":[-5]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var from forestFile
		if decode(data, &from) != nil {
			return
		}
		forest, err := from.build()
		if err != nil {
			return
		}
		for _, x := range []anomaly.Features{{}, {1, 2, 3}, {0: 1e6, 5: -1}} {
			if score := forest.Score(&x); !(score >= 0 && score <= 1) {
				t.Fatalf("score %v", score)
			}
		}
	})
}
