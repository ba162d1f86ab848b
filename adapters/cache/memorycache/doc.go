// Package memorycache keeps answers in the process, bounded by bytes. It is the default: nothing to
// install, a hit costs a fraction of a microsecond, and every replica remembers for itself.
package memorycache
