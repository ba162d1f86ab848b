// Package regionsourcetest is the acceptance test of ports.RegionSource.
package regionsourcetest

import (
	"context"
	"math"
	"reflect"
	"testing"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/region"
	"github.com/guardy-ai/guardy/ports"
)

// Sources are what the adapter's test opens for Run.
type Sources struct {
	Region ports.RegionSource // roads, shelters and people
	Roads  ports.RegionSource // roads alone
	None   ports.RegionSource // without configuration
	Absent ports.RegionSource // configured, but not there
	Broken ports.RegionSource // there, but no region
}

// Run holds the sources of an adapter to the contract.
func Run(t *testing.T, s Sources) {
	t.Helper()
	t.Run("a region is whole", func(t *testing.T) {
		r := load(t, s.Region)
		CheckRegion(t, r)
		if r.Roads.NumSegments() == 0 || len(r.Shelters) == 0 || len(r.People.Cells()) == 0 {
			t.Error("roads, shelters or people are missing")
		}
		if s.Region.Describe() == "" {
			t.Error("it does not say where it comes from")
		}
	})
	t.Run("a region may be roads alone", func(t *testing.T) {
		r := load(t, s.Roads)
		CheckRegion(t, r)
		if len(r.Shelters) != 0 || r.People == nil || r.People.Total() != 0 {
			t.Errorf("%d shelters, people %v", len(r.Shelters), r.People)
		}
	})
	t.Run("loaded again, a region is the same and another", func(t *testing.T) {
		a, b := load(t, s.Region), load(t, s.Region)
		if a == b || a.Roads == b.Roads {
			t.Error("two loads share a region")
		}
		if a.Roads.Figures() != b.Roads.Figures() || !reflect.DeepEqual(a.Shelters, b.Shelters) ||
			!reflect.DeepEqual(a.People, b.People) || !reflect.DeepEqual(a.Defects, b.Defects) {
			t.Error("two loads differ")
		}
	})
	t.Run("a region that is not there is told from one that is refused", func(t *testing.T) {
		for _, c := range []struct {
			source ports.RegionSource
			want   domain.Kind
		}{{s.None, domain.KindNotFound}, {s.Absent, domain.KindNotFound}, {s.Broken, domain.KindInvalid}} {
			if r, err := c.source.LoadRegion(t.Context()); r != nil || domain.KindOf(err) != c.want {
				t.Errorf("%q: %v, want %s", c.source.Describe(), err, c.want)
			}
		}
		if d := s.None.Describe(); d != "" {
			t.Errorf("without configuration it comes from %q", d)
		}
	})
	t.Run("loading ends with its context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if r, err := s.Region.LoadRegion(ctx); r != nil || domain.KindOf(err) != domain.KindCanceled {
			t.Errorf("%v", err)
		}
	})
}

func load(t *testing.T, s ports.RegionSource) *region.Region {
	t.Helper()
	r, err := s.LoadRegion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// CheckRegion holds a region to what every region is.
func CheckRegion(t *testing.T, r *region.Region) {
	t.Helper()
	ids := map[string]bool{}
	for i := range r.Shelters {
		s := &r.Shelters[i]
		if s.ID == "" || ids[s.ID] {
			t.Errorf("the id %q is empty or given twice", s.ID)
		}
		ids[s.ID] = true
		if s.Capacity < region.CapacityUnknown || !s.Point.IsValid() {
			t.Errorf("%s: capacity %d at %v", s.ID, s.Capacity, s.Point)
		}
		if int(s.Vertex) >= r.Roads.NumVertices() || !r.Roads.InLargestComponent(s.Vertex) || !(s.RoadMetres <= region.MaxRoadMetres) {
			t.Errorf("%s is %g m from the vertex %d", s.ID, s.RoadMetres, s.Vertex)
		}
	}
	total := 0.0
	for _, c := range r.People.Cells() {
		if !c.Point.IsValid() || !(c.Persons >= 0) {
			t.Errorf("%g persons at %v", c.Persons, c.Point)
		}
		total += c.Persons
	}
	if math.Abs(total-r.People.Total()) > 1e-6*(1+total) {
		t.Errorf("%g persons in all, %g in the cells", r.People.Total(), total)
	}
	for _, d := range r.Defects.Listed {
		if d.Code == "" || d.Detail == "" {
			t.Errorf("a defect that says nothing: %+v", d)
		}
	}
	if len(r.Defects.Listed) > r.Defects.Total() {
		t.Errorf("%d defects are listed, %d counted", len(r.Defects.Listed), r.Defects.Total())
	}
}
