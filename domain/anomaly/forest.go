package anomaly

import (
	"errors"
	"fmt"
	"math"

	"github.com/guardy-ai/guardy/domain/qartod"
	"github.com/guardy-ai/guardy/domain/trees"
)

// Forest is an isolation forest over Features (Liu, Ting and Zhou 2008, Isolation Forest, ICDM): values
// that few random splits set apart from the training values are unusual. It is immutable and safe for
// concurrent use.
type Forest struct {
	ensemble      *trees.Ensemble
	suspect, fail float64
}

// ForestSpec is what a forest is made of. NewForest checks it completely.
type ForestSpec struct {
	// Features are the names of the columns in the trees' order; they must be all of Features in its order.
	Features []string
	// Trees have the path length at their leaves: the splits above one and the average path of an unbuilt tree
	// over the rows it holds, c(n) of the paper's equation 1. A value goes left if it is below the threshold.
	Trees []trees.Tree
	// Rows is the size of the sample that each tree was grown on.
	Rows int
	// Suspect and Fail are the scores from which the multivariate flag says so.
	Suspect, Fail float64
}

// NewForest checks spec and returns the forest.
func NewForest(spec ForestSpec) (*Forest, error) {
	if len(spec.Features) != int(NumFeatures) {
		return nil, fmt.Errorf("forest: %d features, want %d", len(spec.Features), NumFeatures)
	}
	for i, name := range spec.Features {
		if want := Feature(i).String(); name != want {
			return nil, fmt.Errorf("forest: feature %d is %q, want %q", i, name, want)
		}
	}
	if len(spec.Trees) == 0 || spec.Rows < 2 {
		return nil, errors.New("forest: no trees, or trees of less than two rows")
	}
	if !(spec.Suspect > 0 && spec.Suspect <= spec.Fail && spec.Fail < 1) {
		return nil, fmt.Errorf("forest: scores %v and %v are not in order between 0 and 1", spec.Suspect, spec.Fail)
	}
	// The margin is to be the exponent of the score, so leaves are scaled before they become float32 sums.
	scale := 1 / (float64(len(spec.Trees)) * averagePath(spec.Rows))
	scaled := make([]trees.Tree, len(spec.Trees))
	for i := range spec.Trees {
		nodes := append([]trees.Node(nil), spec.Trees[i].Nodes...)
		for j := range nodes {
			if nodes[j].Value < 0 {
				return nil, fmt.Errorf("forest: tree %d, node %d: path of %v splits", i, j, nodes[j].Value)
			}
			nodes[j].Value = float32(float64(nodes[j].Value) * scale)
		}
		scaled[i].Nodes = nodes
	}
	ensemble, err := trees.New(int(NumFeatures), 0, scaled)
	if err != nil {
		return nil, fmt.Errorf("forest: %w", err)
	}
	return &Forest{ensemble: ensemble, suspect: spec.Suspect, fail: spec.Fail}, nil
}

// averagePath is c(n), the average path length of an unsuccessful search in a binary tree of n rows
// (equation 1 of the paper).
func averagePath(n int) float64 {
	if n == 2 {
		return 1
	}
	const euler = 0.5772156649015329
	m := float64(n)
	return 2*(math.Log(m-1)+euler) - 2*(m-1)/m
}

// Score returns the anomaly score of the paper's equation 2, from 0 to 1: about one half for what is usual.
func (fo *Forest) Score(x *Features) float64 {
	return math.Exp2(-float64(fo.ensemble.Margin(x[:])))
}

// Contributions sets dst to what every feature adds to the base-2 logarithm of the score: the exact Shapley
// values of the mean path length with the sign turned, so that what shortens the path is positive. Score
// equals 2 to the power of bias and their sum.
func (fo *Forest) Contributions(dst *[NumFeatures]float64, x *Features) (bias float64) {
	bias = fo.ensemble.Shapley(dst[:], x[:])
	for i := range dst {
		dst[i] = -dst[i]
	}
	return -bias
}

// judge asks the forest about a sample if anything about it stands out.
func (fo *Forest) judge(f *Finding, q *variable, s *sample, w *weather) {
	f.Flags[TestMultivariate] = qartod.Pass
	if !q.stands(s) {
		return
	}
	q.features(&f.features, s, f.Novelty, w)
	f.Isolation = fo.Score(&f.features)
	switch {
	case f.Isolation >= fo.fail:
		f.Flags[TestMultivariate] = qartod.Fail
	case f.Isolation >= fo.suspect:
		f.Flags[TestMultivariate] = qartod.Suspect
	}
}

// Features returns what the forest saw of the value, and whether it was asked.
func (f *Finding) Features() (*Features, bool) { return &f.features, f.Isolation > 0 }

// Contributions explains Isolation, see Forest.Contributions; false where the forest was not asked.
func (m *Model) Contributions(dst *[NumFeatures]float64, f *Finding) (bias float64, ok bool) {
	if m.detector.forest == nil || f.Isolation == 0 {
		return 0, false
	}
	return m.detector.forest.Contributions(dst, &f.features), true
}
