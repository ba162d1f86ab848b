package predictortest

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/ports"
)

// SameEvacuation compares evacuation answers by everything but where they come from.
var SameEvacuation = cmp.Options{
	cmpopts.EquateNaNs(), cmpopts.EquateEmpty(), cmp.AllowUnexported(evacuation.Count{}),
	cmpopts.IgnoreFields(evacuation.Answer{}, "Provenance"),
}

// RandomEvacuation returns a valid question about any place on Earth.
func RandomEvacuation(rng *rand.Rand) evacuation.Request {
	r := evacuation.NewRequest()
	r.Latitude, r.Longitude, r.FloodProbability = rng.Float64()*180-90, rng.Float64()*360-180, rng.Float64()
	r.RiskLevel = domain.Level(rng.IntN(int(domain.NumLevels))).String()
	for range rng.IntN(evacuation.MaxZones + 1) {
		r.Radii = append(r.Radii, 50+rng.Float64()*49_950)
	}
	if rng.IntN(2) == 0 {
		r.PopulationDensity = rng.ExpFloat64() * 3000
	}
	if rng.IntN(3) == 0 {
		r.PersonsPerVehicle = 1 + rng.Float64()*4
	}
	if rng.IntN(3) == 0 {
		r.AssumeCapacity = evacuation.Known(rng.Int64N(500))
	}
	r.IncludeShelters = rng.IntN(3) > 0
	r.Bridges = []string{"", evacuation.BridgesClosed, evacuation.BridgesOpen}[rng.IntN(3)]
	if rng.IntN(2) == 0 {
		r.Flood = randomFlood(rng)
	}
	return r
}

// randomFlood is a star around a place.
func randomFlood(rng *rand.Rand) *evacuation.Extent {
	lon, lat := rng.Float64()*300-150, rng.Float64()*150-75
	size, n := 0.01+rng.Float64(), 5+rng.IntN(30)
	ring := make(geo.Ring, 0, n+1)
	for i := range n {
		sin, cos := math.Sincos(2 * math.Pi * (float64(i) + rng.Float64()/2) / float64(n))
		reach := size * (1 + rng.Float64()/2)
		ring = append(ring, geo.Point{Lon: lon + reach*cos, Lat: lat + reach*sin})
	}
	ring = append(ring, ring[0])
	return &evacuation.Extent{Polygons: geo.MultiPolygon{{ring}}, Single: rng.IntN(2) == 0}
}

// CloneEvacuation copies a request with what PlanEvacuation sorts in place.
func CloneEvacuation(r evacuation.Request) evacuation.Request {
	r.Radii = slices.Clone(r.Radii)
	return r
}

// RunEvacuationPlanner holds a planner without a region to the contract. Its clock should stand still.
func RunEvacuationPlanner(t *testing.T, open func(t *testing.T) ports.EvacuationPlanner) {
	t.Helper()
	t.Run("zones keep their promises", func(t *testing.T) { zonePromises(t, open(t)) })
	t.Run("the order of the radii does not matter", func(t *testing.T) { radiiInAnyOrder(t, open(t)) })
	t.Run("a higher level is never less urgent", func(t *testing.T) { urgency(t, open(t)) })
	t.Run("a refused question names every violation", func(t *testing.T) { evacuationViolations(t, open(t)) })
	t.Run("an ended context is not answered", func(t *testing.T) { endedPlan(t, open(t)) })
	t.Run("many at once are answered as one by one", func(t *testing.T) { plansAtOnce(t, open(t)) })
}

func plan(t *testing.T, p ports.EvacuationPlanner, r evacuation.Request) evacuation.Answer {
	t.Helper()
	r = CloneEvacuation(r)
	a := evacuation.Answer{Shelters: make([]evacuation.Shelter, 1), Plan: evacuation.Plan{Served: evacuation.Known(1)}} // must not show
	if err := p.PlanEvacuation(t.Context(), &r, &a); err != nil {
		t.Fatalf("%v for %+v", err, r)
	}
	return a
}

// zonePromises also checks that no shelter, route or time is ever answered without a region.
func zonePromises(t *testing.T, p ports.EvacuationPlanner) {
	rng := rand.New(rand.NewPCG(31, 32))
	for range 1000 {
		r := RandomEvacuation(rng)
		a := plan(t, p, r)
		want := slices.Clone(r.Radii)
		if len(want) == 0 {
			want = evacuation.DefaultRadii[:]
		}
		slices.Sort(want)
		if len(a.Zones) != len(want) || a.Model.Name != domain.EvacuationPlanner || a.Model.Digest == "" || a.GeneratedAt.IsZero() {
			t.Fatalf("%d zones for %v, model %+v", len(a.Zones), want, a.Model)
		}
		inner := 0.0
		for i, z := range a.Zones {
			if z.Inner != inner || math.Abs(z.Outer-want[i]) > 0.051 || i > 0 && z.Priority < a.Zones[i-1].Priority {
				t.Fatalf("zone %d is %+v, want one from %v to %v", i, z, inner, want[i])
			}
			inner = z.Outer
			if _, counted := z.Affected.Get(); counted == math.IsNaN(r.PopulationDensity) {
				t.Fatalf("zone %d counts %v with a density of %v", i, z.Affected, r.PopulationDensity)
			}
			if !math.IsNaN(z.ClearanceMinutes) {
				t.Fatalf("zone %d takes %v minutes", i, z.ClearanceMinutes)
			}
		}
		if a.Plan.Status != evacuation.StatusNoRegion || len(a.Shelters)+len(a.Routes)+len(a.Plan.Bottlenecks) > 0 ||
			!math.IsNaN(a.Plan.ClearanceMinutes) || !math.IsNaN(a.Plan.LowerBoundMinutes) || !math.IsNaN(a.Plan.GapPercent) ||
			a.Plan.Served != (evacuation.Count{}) || a.Plan.UnservedNoRoute != (evacuation.Count{}) || a.Plan.UnservedSheltersFull != (evacuation.Count{}) {
			t.Fatalf("without a region the answer is %+v", a)
		}
	}
}

func radiiInAnyOrder(t *testing.T, p ports.EvacuationPlanner) {
	rng := rand.New(rand.NewPCG(33, 34))
	for range 200 {
		r := RandomEvacuation(rng)
		want := plan(t, p, r)
		r = CloneEvacuation(r)
		rng.Shuffle(len(r.Radii), func(i, j int) { r.Radii[i], r.Radii[j] = r.Radii[j], r.Radii[i] })
		if diff := cmp.Diff(want, plan(t, p, r), SameEvacuation); diff != "" {
			t.Fatalf("the order %v matters:\n%s", r.Radii, diff)
		}
	}
}

func urgency(t *testing.T, p ports.EvacuationPlanner) {
	rng := rand.New(rand.NewPCG(35, 36))
	for range 50 {
		r := RandomEvacuation(rng)
		answers := map[domain.Level]evacuation.Answer{}
		for level := range domain.NumLevels {
			r.RiskLevel = level.String()
			answers[level] = plan(t, p, r)
		}
		for i := range answers[domain.LevelUnknown].Zones {
			for level := domain.LevelVeryLow; level < domain.LevelExtreme; level++ {
				if low, high := answers[level].Zones[i].Priority, answers[level+1].Zones[i].Priority; high > low {
					t.Fatalf("zone %d has the priority %v at %v and %v at %v", i, low, level, high, level+1)
				}
			}
			if unknown, moderate := answers[domain.LevelUnknown].Zones[i].Priority, answers[domain.LevelModerate].Zones[i].Priority; unknown > moderate {
				t.Fatalf("zone %d of an unknown level has the priority %v", i, unknown)
			}
		}
	}
}

func evacuationViolations(t *testing.T, p ports.EvacuationPlanner) {
	r := evacuation.NewRequest()
	r.Latitude, r.RiskLevel, r.Bridges = 100, "severe", "shut"
	r.Radii = []float64{500, 1, 500}
	r.Flood = &evacuation.Extent{Single: true, Polygons: geo.MultiPolygon{{{{Lon: 1, Lat: 1}, {Lon: 2, Lat: 1}, {Lon: 2, Lat: 2}, {Lon: 1, Lat: 2}}}}}
	a := evacuation.Answer{Shelters: make([]evacuation.Shelter, 1)}
	refused(t, p.PlanEvacuation(t.Context(), &r, &a), "/latitude", "/longitude", "/flood_probability", "/risk_level", "/zone_radii/1", "/zone_radii/2",
		"/flood_extent/coordinates/0", "/bridges")
	emptied(t, a)
}

func endedPlan(t *testing.T, p ports.EvacuationPlanner) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := RandomEvacuation(rand.New(rand.NewPCG(37, 38)))
	a := evacuation.Answer{Shelters: make([]evacuation.Shelter, 1)}
	if err := p.PlanEvacuation(ctx, &r, &a); domain.KindOf(err) != domain.KindCanceled {
		t.Fatalf("error %v, want one of kind canceled", err)
	}
	emptied(t, a)
}

func plansAtOnce(t *testing.T, p ports.EvacuationPlanner) {
	sameAtOnce(t, rand.New(rand.NewPCG(39, 40)), RandomEvacuation, SameEvacuation, func(r evacuation.Request) (a evacuation.Answer, err error) {
		r = CloneEvacuation(r)
		err = p.PlanEvacuation(t.Context(), &r, &a)
		return a, err
	})
}
