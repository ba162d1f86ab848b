// Package trees evaluates ensembles of regression trees as XGBoost trains them: the margin (the raw
// score, in log-odds for a binary:logistic model) and the exact Shapley values that explain it.
//
// It is not a learner, knows no file format, and does not turn margins into probabilities: calibration
// belongs to the risk package, parsing to the model source.
//
// # Semantics
//
// They are those of XGBoost's CPU predictor. A split sends a row left if and only if x < threshold in
// float32, so a tie goes right; a missing value (NaN) goes to the split's default side; the margin is the
// base margin plus one leaf value per tree, added in float32 in tree order. [Ensemble.Margin] and
// [Ensemble.Margins] add the same leaves in the same order and therefore agree bit for bit.
//
// # Layout
//
// A float compare, a test for NaN and a jump that cannot be predicted would dominate the work of so small
// a model. New therefore rewrites the trees:
//
//   - Floats become integers of the same order (see keyOf), and each feature is kept twice, once with a
//     missing value below every threshold and once above. A split names the copy that suits its default
//     side, so that one integer comparison decides it.
//   - Trees of up to eight levels are padded to complete trees of equal depth. The descent is arithmetic,
//     child = 2*node + bit, and four trees go down side by side because each step alone waits for memory.
//   - Batches are evaluated for 64 rows at a time with one bit per row (see sliced.go).
//   - Deeper trees are walked node by node (see walk.go).
//   - Shapley values of shallow trees are looked up in tables made beforehand (see tables.go); those of
//     deep trees come from a quadrature that is exact (see quadrature.go).
//
// An Ensemble is immutable and safe for concurrent use.
package trees
