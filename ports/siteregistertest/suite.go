// Package siteregistertest is the acceptance test of ports.SiteRegister.
package siteregistertest

import (
	"math"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/guardy-ai/guardy/domain/vector"
	"github.com/guardy-ai/guardy/ports"
)

// Sites are the two sites that Run expects in the register, for the adapter's test to write down in
// its own format: one with everything that is looked at, one with nothing but its id and place. They
// are made up.
func Sites() []ports.RegisteredSite {
	nan := math.NaN()
	unknown := vector.Missing().Site
	known := unknown
	known.AreaKM2, known.SnowFraction = 812.5, 0.25
	return []ports.RegisteredSite{
		{ID: "old-bridge", Name: "Old bridge", Latitude: 45.17, Longitude: -69.31, Site: known, Normal: 1.2, FloodThreshold: 3.4},
		{ID: "mill", Latitude: -12.5, Longitude: 130.25, Site: unknown, Normal: nan, FloodThreshold: nan},
	}
}

// Run holds a register that contains exactly Sites to the contract.
func Run(t *testing.T, open func(t *testing.T) ports.SiteRegister) {
	t.Helper()
	t.Run("every site is found as it was written, missing numbers as NaN", func(t *testing.T) {
		r := open(t)
		for _, want := range Sites() {
			got, ok := r.Lookup(want.ID)
			if !ok {
				t.Fatalf("%s is not found", want.ID)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", want.ID, diff)
			}
		}
		if n := r.Len(); n != len(Sites()) {
			t.Errorf("%d sites, want %d", n, len(Sites()))
		}
	})
	t.Run("ids are opaque: no trimming, no folding", func(t *testing.T) {
		r := open(t)
		for _, id := range []string{"", "MILL", " mill", "mill ", "nowhere"} {
			if _, ok := r.Lookup(id); ok {
				t.Errorf("%q is found", id)
			}
		}
	})
	t.Run("the nearest id is one of the register's, and none where none is near", func(t *testing.T) {
		r := open(t)
		for id, want := range map[string]string{"old-bridg": "old-bridge", "Old_Bridge": "old-bridge", "mlil": "mill", "": "", "nowhere-at-all": ""} {
			if got := r.Nearest(id); got != want {
				t.Errorf("%q is near %q, want %q", id, got, want)
			}
		}
	})
	t.Run("lookups are safe beside each other", func(t *testing.T) {
		r := open(t)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 1000 {
					r.Lookup("mill")
				}
			})
		}
		wg.Wait()
	})
}
