//go:build race

package localstats

// raceEnabled: under the race detector a sync.Pool drops items on purpose.
func raceEnabled() bool { return true }
