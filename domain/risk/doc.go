// Package risk turns one place's rain, weather, river and catchment into a calibrated probability
// of flood, the decision level that follows from it, and the contributions that explain it.
//
// Flood means river flow at or above its 2-year level (the median of the annual maxima) today or
// tomorrow. The package is pure: a Model is immutable and safe for concurrent use, the caller
// brings the clock. It is not a hydraulic model and says nothing about depth, extent or pluvial
// flooding of a street.
package risk
