package domain_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/guardy-ai/guardy/domain"
)

type letter uint8

func (l letter) String() string { return string(rune('A' + l)) }

func TestASetHasWhatWasAddedInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		added := rapid.SliceOfDistinct(rapid.Map(rapid.Uint8Range(0, 63), func(n uint8) letter { return letter(n) }), rapid.ID).Draw(t, "added")
		var s domain.Set[letter]
		for _, l := range append(added, added...) {
			s = s.With(l)
		}
		slices.Sort(added)
		want := make([]string, 0)
		for _, l := range added {
			want = append(want, l.String())
		}
		if got := slices.Collect(s.All); !slices.Equal(got, added) || s.Len() != len(added) {
			t.Fatalf("%v of length %d", got, s.Len())
		}
		if got := s.Names(); got == nil || !slices.Equal(got, want) {
			t.Fatalf("names %v, want %v", got, want)
		}
		for l := range letter(64) {
			if s.Has(l) != slices.Contains(added, l) {
				t.Fatalf("has %v: %t", l, s.Has(l))
			}
		}
		for range s.All {
			break // a caller may stop
		}
	})
}
