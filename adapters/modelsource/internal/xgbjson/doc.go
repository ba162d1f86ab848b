// Package xgbjson reads XGBoost's own model formats, what booster.save_model writes to "m.json" and to "m.ubj", into a
// [trees.Ensemble]. It accepts what Guardy can serve, a gbtree booster with the objective binary:logistic
// and numerical splits, as written by XGBoost 1.0 to 3.x, and refuses everything else with the reason.
//
// The whole model counts. One that was stopped early is refused while it still has trees after its best iteration:
// XGBoost's Booster counts them, its scikit-learn wrapper does not. XGBoost leaves the nodes that pruning removed in
// the arrays of a tree; they are dropped.
//
// A file may come from a stranger. Parse reads it as a stream of tokens, never sizes anything by a number that the
// file states, and stops at the limits; it needs a small multiple of the memory of the file. A binary file is written
// as JSON first. The format is described by doc/model.schema in XGBoost's repository; its fields are cited here by
// their names there.
package xgbjson
