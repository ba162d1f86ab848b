package trees

import (
	"fmt"
	"math"
	"sync"
	"unsafe"
)

// Ensemble is a validated, compiled list of trees. Use [New].
type Ensemble struct {
	numFeatures int
	numTrees    int
	maxDepth    int
	base        float32
	uses        []bool // by feature

	complete *completeForest // nil if the trees are too deep, or too ragged to pad
	walk     *walkForest     // nil unless complete is
	edges    *edgeForest
	bias     float64 // expected margin

	// Made when first asked for: most members of a model are never asked for a batch or for an explanation, and memory
	// is what a replica is sized by.
	sliced func() *slicedForest // for batches; nil if complete is or there are too many distinct splits
	tables func() *tableForest  // nil if they would be too large
}

// Shallow trees are padded to complete ones unless that would multiply their nodes by more than maxPadding,
// as one deep tree among thousands of stumps does. Below minPadding leaves it never matters.
const (
	maxPadding = 8
	minPadding = 1 << 12
)

// New compiles an ensemble over rows of numFeatures columns. It refuses, with the tree and node named,
// whatever is not a proper ensemble within the limits above, and keeps no reference to the trees.
func New(numFeatures int, baseMargin float32, trees []Tree) (*Ensemble, error) {
	if numFeatures < 1 || numFeatures > MaxFeatures {
		return nil, fmt.Errorf("%d features are not in [1, %d]", numFeatures, MaxFeatures)
	}
	if len(trees) > MaxTrees {
		return nil, fmt.Errorf("%d trees are more than %d", len(trees), MaxTrees)
	}
	if !finite(baseMargin) {
		return nil, fmt.Errorf("base margin %v is not finite", baseMargin)
	}
	e := &Ensemble{
		numFeatures: numFeatures,
		numTrees:    len(trees),
		// Adding zero turns -0, which XGBoost derives from a base score of one half, into +0. A sum that
		// starts there never is -0, so that adding the zero leaves of padding trees changes no bit.
		base: baseMargin + 0,
		uses: make([]bool, numFeatures),
	}
	nodes, bound := 0, math.Abs(float64(baseMargin))
	for i := range trees {
		if nodes += len(trees[i].Nodes); nodes > MaxNodes {
			return nil, fmt.Errorf("more than %d nodes", MaxNodes)
		}
		s, err := trees[i].check(numFeatures)
		if err != nil {
			return nil, fmt.Errorf("tree %d: %w", i, err)
		}
		e.maxDepth = max(e.maxDepth, s.depth)
		e.bias += trees[i].expectation(0, 1)
		bound += s.maxValue
		for j := range trees[i].Nodes {
			if n := &trees[i].Nodes[j]; !n.isLeaf() {
				e.uses[n.Feature] = true
			}
		}
	}
	if bound > MaxMargin {
		return nil, fmt.Errorf("margins up to %g exceed %g", bound, float64(MaxMargin))
	}
	e.edges = newEdgeForest(trees)
	if padded := len(trees) << e.maxDepth; e.maxDepth <= completeDepth && padded <= max(minPadding, maxPadding*nodes) {
		e.complete = newCompleteForest(trees, e.maxDepth)
	} else {
		e.walk = newWalkForest(trees)
	}
	e.bias += float64(e.base)
	e.sliced = sync.OnceValue(func() *slicedForest {
		if e.complete == nil {
			return nil
		}
		return newSlicedForest(e.edges, e.maxDepth)
	})
	e.tables = sync.OnceValue(func() *tableForest { return newTableForest(e.edges, e.maxDepth) })
	return e, nil
}

// NumFeatures is the length of a row.
func (e *Ensemble) NumFeatures() int { return e.numFeatures }

// NumTrees is the number of trees.
func (e *Ensemble) NumTrees() int { return e.numTrees }

// Uses reports whether any tree splits on the feature.
func (e *Ensemble) Uses(feature int) bool { return e.uses[feature] }

// MaxDepth is the number of splits on the longest path of any tree.
func (e *Ensemble) MaxDepth() int { return e.maxDepth }

// BaseMargin is the margin that an ensemble without trees would give to every row.
func (e *Ensemble) BaseMargin() float32 { return e.base }

// Bytes is the memory that the ensemble holds, but for what the first batch and the first Shapley make.
func (e *Ensemble) Bytes() int {
	n := 0
	if e.complete != nil {
		n += e.complete.bytes()
	}
	if e.walk != nil {
		n += e.walk.bytes()
	}
	return n + e.edges.bytes()
}

// Margin scores one row of NumFeatures columns; NaN is a missing value. It does not allocate, and panics
// if row has another length.
func (e *Ensemble) Margin(row []float32) float32 {
	if len(row) != e.numFeatures {
		panic(fmt.Sprintf("trees: row of %d columns, want %d", len(row), e.numFeatures))
	}
	var keys rowKeys
	keys.fill(row)
	if e.complete != nil {
		return e.complete.margin(e.base, &keys)
	}
	return e.walk.margin(e.base, &keys)
}

// Margins scores len(dst) rows stored one after the other in rows (row-major, NumFeatures columns each)
// into dst. Each margin equals that of [Ensemble.Margin] bit for bit. It does not allocate in the steady
// state, and panics if the lengths do not fit.
func (e *Ensemble) Margins(dst, rows []float32) {
	if len(rows) != len(dst)*e.numFeatures {
		panic(fmt.Sprintf("trees: %d values for %d rows of %d columns", len(rows), len(dst), e.numFeatures))
	}
	done := 0
	if e.walk != nil {
		done = e.walk.margins(e.base, dst, rows, e.numFeatures)
	} else if len(dst) >= slicedMinRows {
		if sliced := e.sliced(); sliced != nil {
			done = sliced.margins(e.base, dst, rows, e.numFeatures)
		}
	}
	for i := done; i < len(dst); i++ {
		dst[i] = e.Margin(rows[i*e.numFeatures : (i+1)*e.numFeatures])
	}
}

func sliceBytes[T any](s []T) int {
	var zero T
	return cap(s) * int(unsafe.Sizeof(zero))
}
