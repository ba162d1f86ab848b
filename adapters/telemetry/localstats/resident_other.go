//go:build !linux

package localstats

// residentBytes is known on Linux only.
func residentBytes() (uint64, bool) { return 0, false }
