package evacuation

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
)

func TestPrioritiesFollowTheLevelAndTheRing(t *testing.T) {
	const i, h, m, l = PriorityImmediate, PriorityHigh, PriorityMedium, PriorityLow
	for level, want := range map[domain.Level][5]Priority{
		domain.LevelExtreme:  {i, i, h, m, l},
		domain.LevelHigh:     {i, h, m, l, l},
		domain.LevelUnknown:  {i, h, m, l, l},
		domain.LevelModerate: {h, m, l, l, l},
		domain.LevelLow:      {m, l, l, l, l},
		domain.LevelVeryLow:  {l, l, l, l, l},
	} {
		for ring, p := range want {
			if got := PriorityOf(level, ring); got != p {
				t.Errorf("%v, ring %d: %v, want %v", level, ring, got, p)
			}
		}
	}
}

func TestApportionedPeopleAddUp(t *testing.T) {
	for _, tt := range []struct {
		amounts []float64
		want    []int64
	}{
		{[]float64{0.4, 0.4, 0.4}, []int64{1, 0, 0}},
		{[]float64{1.2, 2.7, 3.6}, []int64{1, 3, 4}},
		{[]float64{0, 0}, []int64{0, 0}},
		{[]float64{2.5, 2.5}, []int64{3, 2}},
		{nil, []int64{}},
	} {
		if got := Apportion(tt.amounts); !slices.Equal(got, tt.want) {
			t.Errorf("%v: %v, want %v", tt.amounts, got, tt.want)
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		amounts := make([]float64, 1+rng.IntN(MaxZones))
		sum := 0.0
		for i := range amounts {
			amounts[i] = rng.ExpFloat64() * math.Pow(10, float64(rng.IntN(9)))
			sum += amounts[i]
		}
		var got int64
		for i, n := range Apportion(amounts) {
			if math.Abs(float64(n)-amounts[i]) > 1 {
				t.Fatalf("%v was rounded to %d", amounts[i], n)
			}
			got += n
		}
		if got != int64(math.Round(sum)) {
			t.Fatalf("%v add up to %d, want %v", amounts, got, sum)
		}
	}
}

// randomRequest is a valid question.
func randomRequest(rng *rand.Rand) Request {
	r := NewRequest()
	r.Latitude, r.Longitude, r.FloodProbability = rng.Float64()*180-90, rng.Float64()*360-180, rng.Float64()
	r.RiskLevel = domain.Level(rng.IntN(int(domain.NumLevels))).String()
	for range rng.IntN(MaxZones) {
		r.Radii = append(r.Radii, 50+rng.Float64()*49_950)
	}
	if rng.IntN(2) == 0 {
		r.PopulationDensity = rng.ExpFloat64() * 3000
	}
	r.IncludeShelters = rng.IntN(3) > 0
	if rng.IntN(2) == 0 {
		r.Flood = square(rng.Float64()*300-150, rng.Float64()*150-75, rng.Float64()+0.01)
	}
	if rng.IntN(2) == 0 {
		r.AssumeCapacity = Known(rng.Int64N(500))
	}
	return r
}

func TestWithoutARegionNoShelterRouteOrTimeIsEverAnswered(t *testing.T) {
	p := NewPlanner(nil, "sha256:00")
	rng := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		r := randomRequest(rng)
		if vs := r.Validate(); vs != nil {
			t.Fatal(vs)
		}
		r.Canonicalize()
		var a Answer
		if err := p.Plan(&r, func() float64 { return 0 }, &a); err != nil {
			t.Fatal(err)
		}
		if len(a.Shelters)+len(a.Routes)+len(a.Plan.Bottlenecks) > 0 || a.Plan.Status != StatusNoRegion {
			t.Fatalf("status %v, shelters %v, routes %v", a.Plan.Status, a.Shelters, a.Routes)
		}
		for _, v := range []float64{a.Plan.ClearanceMinutes, a.Plan.LowerBoundMinutes, a.Plan.GapPercent} {
			if !math.IsNaN(v) {
				t.Fatalf("the plan has the number %v", v)
			}
		}
		for _, c := range []Count{a.Plan.Served, a.Plan.UnservedNoRoute, a.Plan.UnservedSheltersFull} {
			if _, known := c.Get(); known {
				t.Fatalf("the plan counts %v", c)
			}
		}
		if s := a.Sources; s.Roads+s.Shelters+s.Attribution != "" || len(a.Plan.Assumptions) == 0 {
			t.Fatalf("sources %+v, assumptions %q", s, a.Plan.Assumptions)
		}
		var people int64
		for i, z := range a.Zones {
			if !math.IsNaN(z.ClearanceMinutes) || !math.IsNaN(z.LowerBoundMinutes) {
				t.Fatalf("zone %d takes %v, at least %v", i, z.ClearanceMinutes, z.LowerBoundMinutes)
			}
			n, known := z.Affected.Get()
			if known != !math.IsNaN(r.PopulationDensity) {
				t.Fatalf("zone %d has %v people with a density of %v", i, z.Affected, r.PopulationDensity)
			}
			people += n
		}
		if want := ringArea(0, r.Radii[len(r.Radii)-1]) / 1e6 * r.PopulationDensity; math.Abs(float64(people)-want) > 0.51+want*1e-9 {
			t.Fatalf("%d people, want %v", people, want)
		}
	}
}

// townRegion is a region that answers what it is told.
type townRegion struct {
	digest string
	plan   func(r *Request, spent func() float64, a *Answer) error
}

func (t townRegion) Digest() string                { return t.digest }
func (townRegion) Describe() string                { return "a town" }
func (townRegion) Complete(card *domain.ModelCard) { card.Text += "A town.\n" }
func (t townRegion) Plan(r *Request, spent func() float64, a *Answer) error {
	return t.plan(r, spent, a)
}

// planned completes a with a random plan that holds.
func planned(rng *rand.Rand, a *Answer) {
	point := func() geo.Point {
		return roundPoint(geo.Point{Lon: rng.Float64()*360 - 180, Lat: rng.Float64()*180 - 90})
	}
	bottleneck := func() Bottleneck {
		return Bottleneck{
			Way: rng.Int64N(1 << 40), Name: "Rheinstraße", From: point(), To: point(),
			VehiclesPerHour: 600, PeopleOverIt: rng.Int64N(1000), SaturatedMinutes: rng.Float64() * 60,
		}
	}
	nan := math.NaN()
	for i := range 1 + rng.IntN(5) {
		a.Shelters = append(a.Shelters, Shelter{
			ID: string(rune('a' + i)), Name: "Schule", At: point(), Status: ShelterStatus(rng.IntN(int(NumShelterStatuses))),
			DistanceM: rng.Float64() * 5000, TravelSeconds: nan, DrySeconds: rng.Float64() * 900,
			Resources: []string{"water", "beds"}[:rng.IntN(3)], Contact: "town hall",
		})
	}
	zonePeople := make([]int64, len(a.Zones))
	var served int64
	for range rng.IntN(8) {
		route := Route{
			Zone: rng.IntN(len(a.Zones)), Shelter: rng.IntN(len(a.Shelters)), LengthM: rng.Float64() * 9000, TravelSeconds: rng.Float64() * 900,
			Line: []geo.Point{point(), point(), point()}[:2+rng.IntN(2)],
		}
		for k := range 1 + rng.IntN(3) {
			d := Departure{FromMinutes: float64(k), ToMinutes: float64(k + 1), People: 1 + rng.Int64N(100), VehiclesPerMinute: 7.5}
			route.Departures = append(route.Departures, d)
			route.People += d.People
		}
		if rng.IntN(2) == 0 {
			b := bottleneck()
			route.Bottleneck = &b
		}
		a.Shelters[route.Shelter].Assigned += route.People
		zonePeople[route.Zone] += route.People
		served += route.People
		a.Routes = append(a.Routes, route)
	}
	cutOff, turnedAway := rng.Int64N(50), rng.Int64N(50)
	zonePeople[0] += cutOff + turnedAway
	for i := range a.Zones {
		z := &a.Zones[i]
		z.Affected, z.Served, z.UnservedNoRoute, z.UnservedSheltersFull = Known(zonePeople[i]), Known(zonePeople[i]), Known(0), Known(0)
		z.LowerBoundMinutes = rng.Float64() * 90
		z.ClearanceMinutes = z.LowerBoundMinutes + float64(rng.IntN(2))
	}
	inner := &a.Zones[0]
	inner.Served, inner.UnservedNoRoute, inner.UnservedSheltersFull = Known(zonePeople[0]-cutOff-turnedAway), Known(cutOff), Known(turnedAway)
	for i := range a.Shelters {
		if s := &a.Shelters[i]; rng.IntN(2) == 0 {
			s.Capacity = Known(s.Assigned + rng.Int64N(100))
		}
	}
	a.Plan = Plan{
		Status: StatusPlanned, Objective: ObjectiveInnerFirst, PrecedenceMinutes: 2, ClearanceMinutes: 60, LowerBoundMinutes: 50 + rng.Float64()*10, GapPercent: 3, Served: Known(served),
		UnservedNoRoute: Known(cutOff), UnservedSheltersFull: Known(turnedAway), Assumptions: []string{"None."},
		Bottlenecks: []Bottleneck{bottleneck(), bottleneck()}[:rng.IntN(3)],
	}
	a.Sources = Sources{"OSM", "grid", "file", "© OpenStreetMap contributors"}
	a.GeneratedAt = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
}

var sameAnswer = cmp.Options{cmpopts.EquateNaNs(), cmpopts.EquateEmpty(), cmp.AllowUnexported(Count{})}

func randomAnswer(t testing.TB, rng *rand.Rand) Answer {
	t.Helper()
	p := NewPlanner(townRegion{"sha256:ab", func(_ *Request, _ func() float64, a *Answer) error {
		planned(rng, a)
		return nil
	}}, "sha256:00")
	r := randomRequest(rng)
	r.Canonicalize()
	var a Answer
	if err := p.Plan(&r, func() float64 { return 0 }, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAnAnswerSurvivesTheCache(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 500 {
		want := randomAnswer(t, rng)
		var got Answer
		if err := Decode(want.AppendBinary(nil), want.Model, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, sameAnswer); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestARegionThatContradictsItselfIsNotAnswered(t *testing.T) {
	for name, spoil := range map[string]func(a *Answer){
		"a person of a zone too many": func(a *Answer) { a.Zones[1].Served = Known(1) },
		"a person too many":           func(a *Answer) { a.Plan.Served = Known(12) },
		"a count that is not known":   func(a *Answer) { a.Plan.UnservedNoRoute = Count{} },
		"routes without a plan":       func(a *Answer) { a.Plan.Status = StatusNoPopulation },
		"shelters without a region":   func(a *Answer) { a.Plan = Plan{Status: StatusNoRegion}; a.Routes = nil },
		"a full shelter":              func(a *Answer) { a.Shelters[0].Capacity = Known(10) },
		"a shelter's own count":       func(a *Answer) { a.Shelters[0].Assigned = 10 },
		"a route to nowhere":          func(a *Answer) { a.Routes[0].Shelter = 1 },
		"a route from nowhere":        func(a *Answer) { a.Routes[0].Zone = -1 },
		"a route of nobody":           func(a *Answer) { a.Routes[0].Departures = nil },
		"a route without an end":      func(a *Answer) { a.Routes[0].Line = a.Routes[0].Line[:1] },
		"a time that is infinite":     func(a *Answer) { a.Plan.ClearanceMinutes = math.Inf(1) },
		"a bound above the plan":      func(a *Answer) { a.Plan.LowerBoundMinutes = 61 },
		"a zone lost":                 func(a *Answer) { a.Zones = nil },
		"zones that overlap":          func(a *Answer) { a.Zones[1].Inner = 0 },
		"a departure into the past":   func(a *Answer) { a.Routes[0].Departures[0].ToMinutes = -1 },
		"a negative distance":         func(a *Answer) { a.Shelters[0].DistanceM = -1 },
		"a place that is none":        func(a *Answer) { a.Shelters[0].At.Lat = math.NaN() },
		"a bottleneck that is none":   func(a *Answer) { a.Plan.Bottlenecks = []Bottleneck{{VehiclesPerHour: math.NaN()}} },
		"nobody counted in the zone":  func(a *Answer) { a.Zones[0].Affected = Count{} },
	} {
		t.Run(name, func(t *testing.T) {
			p := NewPlanner(townRegion{"sha256:ab", func(_ *Request, _ func() float64, a *Answer) error {
				nan := math.NaN()
				for i := range a.Zones {
					z, people := &a.Zones[i], Known(int64(max(11-11*i, 0)))
					z.Affected, z.Served, z.UnservedNoRoute, z.UnservedSheltersFull = people, people, Known(0), Known(0)
				}
				a.Shelters = []Shelter{{ID: "a", DistanceM: 1, TravelSeconds: 1, DrySeconds: nan, Assigned: 11}}
				a.Routes = []Route{{
					People: 11, Departures: []Departure{{FromMinutes: 0, ToMinutes: 2, People: 11}}, Line: make([]geo.Point, 2),
				}}
				a.Plan = Plan{
					Status: StatusPlanned, Objective: ObjectiveInnerFirst, PrecedenceMinutes: 2, ClearanceMinutes: 60, LowerBoundMinutes: 60, Served: Known(11), UnservedNoRoute: Known(0), UnservedSheltersFull: Known(0),
				}
				if spoil != nil {
					spoil(a)
				}
				return nil
			}}, "sha256:00")
			r := asked()
			r.Canonicalize()
			var a Answer
			if err := p.Plan(&r, func() float64 { return 0 }, &a); domain.KindOf(err) != domain.KindInternal || !errors.Is(err, errContradiction) {
				t.Errorf("error %v, want a contradiction", err)
			}
			spoil = nil
			if err := p.Plan(&r, func() float64 { return 0 }, &a); err != nil {
				t.Errorf("without the fault: %v", err)
			}
		})
	}
}

func TestPlannersOfDifferentRegionsAreDifferentModels(t *testing.T) {
	identities := map[string]bool{}
	for _, r := range []RegionPlanner{nil, townRegion{digest: "sha256:ab"}, townRegion{digest: "sha256:cd"}} {
		identities[string(Identity(r))] = true
		p := NewPlanner(r, "sha256:00")
		if card := p.Card(); card.Ref != p.Ref() || card.Text == cardText || p.HasRegion() != (r != nil) {
			t.Errorf("the card of %v: %+v", r, card)
		}
	}
	if len(identities) != 3 {
		t.Errorf("the identities are %v", identities)
	}
}

// FuzzDecode looks for bytes that are decoded to an answer that contradicts itself, or that does not come back.
func FuzzDecode(f *testing.F) {
	rng := rand.New(rand.NewPCG(9, 10))
	for range 8 {
		a := randomAnswer(f, rng)
		f.Add(a.AppendBinary(nil))
	}
	f.Add([]byte{encodingVersion})
	f.Add([]byte{encodingVersion, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, data []byte) {
		var a, again Answer
		if Decode(data, domain.ModelRef{}, &a) != nil {
			return
		}
		if err := a.verify(); err != nil {
			t.Fatal(err)
		}
		if err := Decode(a.AppendBinary(nil), domain.ModelRef{}, &again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(a, again, sameAnswer); diff != "" {
			t.Fatal(diff)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	a := randomAnswer(b, rand.New(rand.NewPCG(11, 12)))
	data := a.AppendBinary(nil)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Decode(data, a.Model, &a); err != nil {
			b.Fatal(err)
		}
	}
}
