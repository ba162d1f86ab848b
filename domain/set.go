package domain

import (
	"fmt"
	"math/bits"
)

// Enum is an enumeration whose values have names.
type Enum interface {
	~uint8
	fmt.Stringer
}

// Set is a set of values of an enumeration that has at most 64 of them, with a bit for each.
type Set[E Enum] uint64

// With returns the set with e added.
func (s Set[E]) With(e E) Set[E] { return s | 1<<e }

// Has reports whether e is in the set.
func (s Set[E]) Has(e E) bool { return s&(1<<e) != 0 }

// Len returns the number of values in the set.
func (s Set[E]) Len() int { return bits.OnesCount64(uint64(s)) }

// All yields the values in their order.
func (s Set[E]) All(yield func(E) bool) {
	for ; s != 0; s &= s - 1 {
		if !yield(E(bits.TrailingZeros64(uint64(s)))) {
			return
		}
	}
}

// Names returns the names in the order of their values; never nil.
func (s Set[E]) Names() []string {
	names := make([]string, 0, s.Len())
	for e := range s.All {
		names = append(names, e.String())
	}
	return names
}
