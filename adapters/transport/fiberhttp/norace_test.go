//go:build !race

package fiberhttp

// raceEnabled is true when the race detector, which allocates, is on.
const raceEnabled = false
