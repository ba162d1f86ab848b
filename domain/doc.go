// Package domain holds Guardy's vocabulary: the nouns that every capability shares, the levels of
// risk, and the only error vocabulary that crosses a port.
//
// It is pure: the standard library and gonum, no I/O, no clock, no environment, no logging, no
// package-level mutable state. Subpackages hold one capability each (risk, …) and the numeric
// cores they stand on (vector: inputs to features; trees: boosted tree ensembles; qartod: the standard
// tests of sensor series; quickest: evacuation as a flow over time) and that
// they share (doubt: what a value may be mistaken for; instant: the times that clients write).
//
// Conventions that hold everywhere below:
//
//   - SI units named in the identifier or the comment (RainfallMM, millimetres); degrees are WGS 84.
//   - A missing number is NaN inside the core, absent or null on the wire. Missing is never zero.
//   - Score, probability and level are three different things: the model's output, the calibrated
//     chance, the decision.
//   - A failure never looks like "no risk": what could not be answered is an Error, a level that is
//     not known is LevelUnknown.
package domain
