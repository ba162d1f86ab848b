// Package xgbjson reads XGBoost's own JSON model format, what booster.save_model("m.json") writes, into a
// [trees.Ensemble]. It accepts what Guardy can serve, a gbtree booster with the objective binary:logistic
// and numerical splits, as written by XGBoost 1.0 to 3.x, and refuses everything else with the reason.
//
// The whole model counts: unlike the scikit-learn wrapper, best_iteration in the attributes does not
// shorten it. XGBoost leaves the nodes that pruning removed in the arrays of a tree; they are dropped.
//
// A file may come from a stranger. Parse reads it as a stream of tokens, keeps no copy of it, never sizes
// anything by a number that the file states, and stops at the limits; it needs a small multiple of the
// memory of the file. The format is described by doc/model.schema in XGBoost's repository; its fields are
// cited here by their names there.
package xgbjson
