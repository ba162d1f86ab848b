package trees

import "fmt"

// contributions holds one sum per feature. Its length makes every uint8 a valid index, which spares a
// bounds check; the tables use the upper half for padding.
type contributions [2 * MaxFeatures]float64

// Shapley writes to dst, NumFeatures long, how much each feature of row moves the margin away from bias,
// the margin expected of the training rows. The values are exact and path-dependent, as XGBoost's
// pred_contribs: their sum plus bias is the margin, up to the rounding of float32. The unit is that of the
// margin. Shapley does not allocate, and panics if a length is not NumFeatures.
func (e *Ensemble) Shapley(dst []float64, row []float32) (bias float64) {
	if len(row) != e.numFeatures || len(dst) != e.numFeatures {
		panic(fmt.Sprintf("trees: %d contributions of a row of %d columns, want %d of both",
			len(dst), len(row), e.numFeatures))
	}
	var (
		keys rowKeys
		phi  contributions
	)
	keys.fill(row)
	if e.tables != nil {
		e.tables.shapley(&phi, &keys)
	} else {
		e.edges.shapley(&phi, &keys)
	}
	copy(dst, phi[:])
	return e.bias
}

// expectation is the mean of the leaves, each weighted with the chance to reach it from the root.
func (t *Tree) expectation(node int32, chance float64) float64 {
	n := &t.Nodes[node]
	if n.isLeaf() {
		return chance * float64(n.Value)
	}
	chance /= float64(n.Cover)
	return t.expectation(n.Left, chance*float64(t.Nodes[n.Left].Cover)) +
		t.expectation(n.Right, chance*float64(t.Nodes[n.Right].Cover))
}
