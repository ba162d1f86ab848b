package bundle

import (
	"fmt"
	"math"

	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/trees"
)

// forestFile is the isolation forest of the anomaly detector.
type forestFile struct {
	Format   int          `json:"format"`
	Features []string     `json:"features"`
	Rows     int          `json:"rows"`
	Suspect  float64      `json:"suspect"`
	Fail     float64      `json:"fail"`
	Trees    []forestTree `json:"trees"`
}

// forestTree is a tree in preorder: the left child of a split is the next node, and a leaf has feature -1.
type forestTree struct {
	Feature   []int32   `json:"feature"`
	Threshold []float32 `json:"threshold"`
	Right     []int32   `json:"right"`
	Path      []float32 `json:"path"`
	Rows      []float32 `json:"rows"`
}

// forestGolden are rows of features with scikit-learn's scores, the sign turned.
type forestGolden struct {
	Rows []struct {
		Features []float32 `json:"features"`
		Score    float64   `json:"score"`
	} `json:"rows"`
}

// explainedRows are the golden rows whose contributions are summed: explaining takes a thousand times as long as
// scoring.
const explainedRows = 3

// forest reads the forest and proves it; nil where the manifest has none.
func (l *loader) forest(dir string, f, golden file) (*anomaly.Forest, error) {
	if f == (file{}) && golden == (file{}) {
		return nil, nil
	}
	data, err := l.verified(dir, f)
	if err != nil {
		return nil, err
	}
	var from forestFile
	if err := decode(data, &from); err != nil {
		return nil, fmt.Errorf("%s: %w", f.File, err)
	}
	forest, err := from.build()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.File, err)
	}
	if data, err = l.verified(dir, golden); err != nil {
		return nil, err
	}
	var g forestGolden
	if err := decode(data, &g); err != nil {
		return nil, fmt.Errorf("%s: %w", golden.File, err)
	}
	if err := g.verify(forest); err != nil {
		return nil, fmt.Errorf("%s: %w", golden.File, err)
	}
	return forest, nil
}

func (f *forestFile) build() (*anomaly.Forest, error) {
	if f.Format != format {
		return nil, fmt.Errorf("format %d, want %d", f.Format, format)
	}
	spec := anomaly.ForestSpec{Features: f.Features, Rows: f.Rows, Suspect: f.Suspect, Fail: f.Fail, Trees: make([]trees.Tree, len(f.Trees))}
	for i := range f.Trees {
		nodes, err := f.Trees[i].nodes()
		if err != nil {
			return nil, fmt.Errorf("tree %d: %w", i, err)
		}
		spec.Trees[i].Nodes = nodes
	}
	return anomaly.NewForest(spec)
}

func (t *forestTree) nodes() ([]trees.Node, error) {
	n := len(t.Feature)
	if len(t.Threshold) != n || len(t.Right) != n || len(t.Path) != n || len(t.Rows) != n {
		return nil, fmt.Errorf("%d features, %d thresholds, %d right children, %d paths and %d counts of rows",
			n, len(t.Threshold), len(t.Right), len(t.Path), len(t.Rows))
	}
	out := make([]trees.Node, n)
	for i := range out {
		out[i] = trees.Node{Left: trees.NoChild, Right: trees.NoChild, Value: t.Path[i], Cover: t.Rows[i]}
		if t.Feature[i] >= 0 {
			out[i] = trees.Node{Left: int32(i + 1), Right: t.Right[i], Feature: t.Feature[i], Threshold: t.Threshold[i], Cover: t.Rows[i]}
		}
	}
	return out, nil
}

func (g *forestGolden) verify(forest *anomaly.Forest) error {
	if len(g.Rows) == 0 || len(g.Rows) > maxGoldenRows {
		return fmt.Errorf("%d golden rows are outside 1 to %d: the forest cannot be proven", len(g.Rows), maxGoldenRows)
	}
	for i, row := range g.Rows {
		if len(row.Features) != int(anomaly.NumFeatures) {
			return fmt.Errorf("row %d has %d features, want %d", i, len(row.Features), anomaly.NumFeatures)
		}
		x := anomaly.Features(row.Features)
		if err := near("score", forest.Score(&x), row.Score, scoreTolerance); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
		if i >= explainedRows {
			continue
		}
		var parts [anomaly.NumFeatures]float64
		sum := forest.Contributions(&parts, &x)
		for _, part := range parts {
			sum += part
		}
		if err := near("sum of contributions", math.Exp2(sum), row.Score, scoreTolerance); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
	}
	return nil
}
