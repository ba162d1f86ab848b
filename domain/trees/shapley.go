package trees

import "fmt"

// contributions holds one sum per feature. Its length makes every uint8 a valid index, which spares a
// bounds check; the tables use the upper half for padding.
type contributions [2 * MaxFeatures]float64

// Shapley writes to dst, NumFeatures long, how much each feature of row moves the margin away from bias,
// the margin expected of the training rows. The values are exact and path-dependent, as XGBoost's
// pred_contribs: their sum plus bias is the margin, up to the rounding of float32. The unit is that of the
// margin. It panics if a length is not NumFeatures.
//
// The first call makes the tables of this ensemble, which takes tens of milliseconds and up to tableBudget of
// memory: an ensemble that nobody asks to explain itself goes without. Later calls do not allocate.
func (e *Ensemble) Shapley(dst []float64, row []float32) (bias float64) {
	t := e.tables()
	if t == nil {
		return e.ShapleyByQuadrature(dst, row)
	}
	keys := e.explains(dst, row)
	var phi contributions
	t.shapley(&phi, &keys)
	copy(dst, phi[:])
	return e.bias
}

// ShapleyByQuadrature is Shapley without tables: for the few rows that prove a model while it is loaded.
func (e *Ensemble) ShapleyByQuadrature(dst []float64, row []float32) (bias float64) {
	keys := e.explains(dst, row)
	var phi contributions
	e.edges.shapley(&phi, &keys)
	copy(dst, phi[:])
	return e.bias
}

// explains checks the lengths and returns the keys of a row.
func (e *Ensemble) explains(dst []float64, row []float32) (keys rowKeys) {
	if len(row) != e.numFeatures || len(dst) != e.numFeatures {
		panic(fmt.Sprintf("trees: %d contributions of a row of %d columns, want %d of both",
			len(dst), len(row), e.numFeatures))
	}
	keys.fill(row)
	return keys
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
