//go:build !race

package localstats

func raceEnabled() bool { return false }
