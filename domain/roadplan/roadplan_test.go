package roadplan_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/region"
	"github.com/guardy-ai/guardy/domain/roadplan"
	"github.com/guardy-ai/guardy/domain/roads"
)

// The made-up town of these tests: streets on a grid of width × height crossings, spacing degrees apart, the
// southern half in the way of the water, shelters in the north.
const (
	width, height = 9, 9
	spacing       = 0.002 // degrees, some 150 to 220 m
	west, south   = 10.0, 45.0
)

func crossing(x, y int) geo.Point {
	return geo.Point{Lon: west + spacing*float64(x), Lat: south + spacing*float64(y)}
}

func town(t testing.TB) *roads.Network {
	t.Helper()
	b := roads.NewBuilder()
	id := func(x, y int) int64 { return int64(1 + x + width*y) }
	for y := range height {
		var nodes []int64
		for x := range width {
			nodes = append(nodes, id(x, y))
		}
		b.AddWay(&roads.Way{ID: int64(100 + y), Tags: roads.Tags{{Key: "highway", Value: "residential"}}, Nodes: nodes})
	}
	for x := range width {
		var nodes []int64
		for y := range height {
			nodes = append(nodes, id(x, y))
		}
		tags := roads.Tags{{Key: "highway", Value: "secondary"}}
		if x == 4 {
			tags = append(tags, roads.Tag{Key: "bridge", Value: "yes"})
		}
		b.AddWay(&roads.Way{ID: int64(200 + x), Tags: tags, Nodes: nodes})
	}
	for y := range height {
		for x := range width {
			b.AddNode(&roads.Node{ID: id(x, y), Point: crossing(x, y)})
		}
	}
	n, report, err := b.Build()
	if err != nil || report.MissingNodes > 0 {
		t.Fatal(err, report)
	}
	return n
}

// place is the people or the shelter of a test.
type place struct {
	x, y   int
	amount float64
}

func ground(t testing.TB, people, shelters []place) *roadplan.Ground {
	t.Helper()
	c := region.NewCollector(town(t), roads.Report{})
	for i, p := range people {
		c.AddCell(fmt.Sprintf("/lines/%d", i), region.Cell{Point: crossing(p.x, p.y), Persons: p.amount})
	}
	for i, s := range shelters {
		c.AddShelter(fmt.Sprintf("/features/%d", i), region.Shelter{ID: fmt.Sprint(i), Name: fmt.Sprint("Hall ", i), Point: crossing(s.x, s.y), Capacity: int(s.amount)})
	}
	r := c.Region()
	if n := r.Defects.Total(); n > 0 {
		t.Fatalf("%d defects: %+v", n, r.Defects.Listed)
	}
	r.Origin.Names = [...]string{"a made-up town", "made-up shelters", "made-up people"}
	return roadplan.New(r)
}

func ask(radii ...float64) evacuation.Request {
	r := evacuation.NewRequest()
	centre := crossing(4, 2)
	r.Latitude, r.Longitude, r.FloodProbability, r.RiskLevel, r.Radii = centre.Lat, centre.Lon, 0.9, "extreme", radii
	return r
}

// water covers the streets from y = from to y = to and a little beyond, from x = 0 to x = end.
func water(from, to, end float64) *evacuation.Extent {
	const margin = 0.1
	p := func(x, y float64) geo.Point { return geo.Point{Lon: west + spacing*x, Lat: south + spacing*y} }
	return &evacuation.Extent{Single: true, Polygons: geo.MultiPolygon{{{
		p(-margin, from-margin), p(end+margin, from-margin), p(end+margin, to+margin), p(-margin, to+margin), p(-margin, from-margin),
	}}}}
}

func plan(t testing.TB, g *roadplan.Ground, r evacuation.Request) *evacuation.Answer {
	t.Helper()
	r.Canonicalize()
	if vs := r.Validate(); vs != nil {
		t.Fatal(vs)
	}
	a := new(evacuation.Answer)
	if err := evacuation.NewPlanner(g, "sha256:town").Plan(&r, func() float64 { return 0 }, a); err != nil {
		t.Fatal(err)
	}
	return a
}

func number(c evacuation.Count) int64 {
	n, known := c.Get()
	if !known {
		return -1
	}
	return n
}

func counts(a *evacuation.Answer) [3]int64 {
	return [3]int64{number(a.Plan.Served), number(a.Plan.UnservedNoRoute), number(a.Plan.UnservedSheltersFull)}
}

func TestEverybodyIsLedToTheShelterOutsideTheZone(t *testing.T) {
	a := plan(t, ground(t, []place{{4, 2, 1200}, {0, 0, 300.4}}, []place{{4, 8, 2000}, {4, 3, 5000}}), ask(500, 1000))
	if a.Plan.Status != evacuation.StatusPlanned || counts(a) != [3]int64{1500, 0, 0} {
		t.Fatalf("%s %v", a.Plan.Status, counts(a))
	}
	if a.Shelters[0].Assigned != 1500 || a.Shelters[1].Status != evacuation.ShelterFlooded || a.Shelters[1].Assigned != 0 {
		t.Errorf("shelters: %+v", a.Shelters)
	}
	// 1200 people in cars of 2.5 cannot all be through the streets at once.
	fastest := a.Shelters[0].TravelSeconds / 60
	if a.Plan.ClearanceMinutes < fastest-0.5 || a.Plan.LowerBoundMinutes > a.Plan.ClearanceMinutes || a.Plan.GapPercent != 0 {
		t.Errorf("cleared in %g of at least %g minutes, %g %%; the way takes %g", a.Plan.ClearanceMinutes, a.Plan.LowerBoundMinutes, a.Plan.GapPercent, fastest)
	}
	if z := a.Zones[0]; number(z.Affected) != 1200 || z.ClearanceMinutes > a.Plan.ClearanceMinutes {
		t.Errorf("the inner zone: %+v", z)
	}
}

func TestTheWaterClosesRoadsAndShelters(t *testing.T) {
	people := []place{{4, 0, 50}, {4, 1, 50}, {4, 4, 50}, {4, 5, 50}} // neighbours, so that they reach no farther
	shelters := []place{{0, 8, 1000}, {8, 3, 1000}}
	// A band of water from the west to the east, between the people in the south and everything else.
	r := ask(2000)
	r.Flood = water(2, 3, 8)
	a := plan(t, ground(t, people, shelters), r)
	if counts(a) != [3]int64{100, 100, 0} || a.Shelters[1].Status != evacuation.ShelterFlooded {
		t.Fatalf("closed: %v, %s", counts(a), a.Shelters[1].Status)
	}
	r.Bridges = evacuation.BridgesOpen
	if a = plan(t, ground(t, people, shelters), r); counts(a) != [3]int64{200, 0, 0} {
		t.Errorf("with the bridge: %v", counts(a))
	}
}

// TestWaysFromAFloodedCentreBeginWhereRoadsAreOpen: that the centre is under water is why people ask.
func TestWaysFromAFloodedCentreBeginWhereRoadsAreOpen(t *testing.T) {
	g := ground(t, nil, []place{{4, 8, 10}})
	r := ask(2000)
	r.Flood = water(1, 3, 6)
	a := plan(t, g, r)
	if s := a.Shelters[0]; !(s.TravelSeconds >= s.DrySeconds) || !strings.Contains(strings.Join(a.Plan.Assumptions, " "), "The centre is under water") {
		t.Errorf("%+v, %q", s, a.Plan.Assumptions)
	}
	r.Flood = water(-1, 9, 9)
	if a = plan(t, g, r); !math.IsNaN(a.Shelters[0].TravelSeconds) || a.Shelters[0].Status != evacuation.ShelterFlooded {
		t.Errorf("all under water: %+v", a.Shelters[0])
	}
}

func TestSheltersTakeWhatTheyHold(t *testing.T) {
	unknown := float64(region.CapacityUnknown)
	g := ground(t, []place{{4, 2, 700}}, []place{{4, 8, 200}, {0, 8, unknown}})
	a := plan(t, g, ask(600))
	if counts(a) != [3]int64{200, 0, 500} || a.Shelters[0].Status != evacuation.ShelterFull || a.Shelters[1].Assigned != 0 {
		t.Fatalf("%v %+v", counts(a), a.Shelters)
	}
	if !strings.Contains(strings.Join(a.Plan.Assumptions, " "), "capacity of 1 shelters is not known") {
		t.Errorf("assumptions: %q", a.Plan.Assumptions)
	}
	r := ask(600)
	r.AssumeCapacity = evacuation.Known(400)
	if a = plan(t, g, r); counts(a) != [3]int64{600, 0, 100} || number(a.Shelters[1].Capacity) != -1 {
		t.Errorf("assumed: %v %+v", counts(a), a.Shelters)
	}
}

// TestEverybodyInAZoneIsCounted wherever the cells lie and in whatever order the region keeps them: those of a
// ring are the ones that a loop over all finds.
func TestEverybodyInAZoneIsCounted(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var people []place
	for y := range height {
		for x := range width {
			people = append(people, place{x, y, float64(1 + rng.IntN(50))})
		}
	}
	r := ask(200, 400, 600)
	a := plan(t, ground(t, people, []place{{4, 8, 10_000}}), r)
	want := make([]int64, len(a.Zones))
	for _, p := range people {
		metres := geo.Distance(geo.Point{Lon: r.Longitude, Lat: r.Latitude}, crossing(p.x, p.y))
		for z := range a.Zones {
			if metres > a.Zones[z].Inner && metres <= a.Zones[z].Outer || z == 0 && metres == 0 {
				want[z] += int64(p.amount)
			}
		}
	}
	for z := range a.Zones {
		if got := number(a.Zones[z].Affected); got != want[z] {
			t.Errorf("zone %d has %d people, want %d", z, got, want[z])
		}
	}
}

func TestACellsPeopleSetOutAllOverIt(t *testing.T) {
	// Two cells, 800 m apart, reach 460 m each: several crossings.
	a := plan(t, ground(t, []place{{2, 2, 500}, {6, 2, 500}}, []place{{4, 8, 2000}}), ask(900))
	starts := map[geo.Point]bool{}
	for i := range a.Routes {
		starts[a.Routes[i].Line[0]] = true
	}
	if len(starts) < 10 {
		t.Errorf("all set out from %d crossings", len(starts))
	}
}

func TestWithoutPeopleThereAreSheltersAndNoPlan(t *testing.T) {
	a := plan(t, ground(t, nil, []place{{4, 8, 200}}), ask(600))
	if a.Plan.Status != evacuation.StatusNoPopulation || len(a.Routes) != 0 || len(a.Shelters) != 1 || counts(a) != [3]int64{-1, -1, -1} {
		t.Fatalf("%s, %d routes, %d shelters, %v", a.Plan.Status, len(a.Routes), len(a.Shelters), counts(a))
	}
	r := ask(600)
	r.PopulationDensity = 1000
	a = plan(t, ground(t, nil, []place{{4, 8, 2000}}), r)
	if affected := number(a.Zones[0].Affected); a.Plan.Status != evacuation.StatusPlanned || affected < 1100 || counts(a) != [3]int64{affected, 0, 0} {
		t.Errorf("by density: %s, %d affected, %v", a.Plan.Status, affected, counts(a))
	}
}

func TestAPlaceElsewhereGetsZonesOnly(t *testing.T) {
	r := ask(600)
	r.Latitude += 5
	a := plan(t, ground(t, []place{{4, 2, 700}}, []place{{4, 8, 200}}), r)
	if a.Plan.Status != evacuation.StatusOutsideRegion || len(a.Zones) != 1 || len(a.Shelters) != 0 {
		t.Errorf("%s, %d zones, %d shelters", a.Plan.Status, len(a.Zones), len(a.Shelters))
	}
}

// TestRandomRegionsArePlanned holds what must always hold: everybody is counted once, no route enters the
// water, no shelter takes more than it has, and more places never serve fewer.
func TestRandomRegionsArePlanned(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	somewhere := func(amount float64) place { return place{rng.IntN(width), rng.IntN(height), amount} }
	for range 60 {
		var people, shelters []place
		for range 1 + rng.IntN(12) {
			people = append(people, somewhere(math.Round(2000*rng.Float64())/8))
		}
		taken := map[[2]int]bool{}
		for range 1 + rng.IntN(5) {
			if s := somewhere(float64(rng.IntN(900))); !taken[[2]int{s.x, s.y}] {
				taken[[2]int{s.x, s.y}] = true
				shelters = append(shelters, s)
			}
		}
		r := ask(300, 700, 1600)
		r.PersonsPerVehicle = 1 + 3*rng.Float64()
		if rng.IntN(2) == 0 {
			from := 8 * rng.Float64()
			r.Flood = water(from, from+2*rng.Float64(), 8*rng.Float64())
		}
		a := plan(t, ground(t, people, shelters), r)

		var affected int64
		for _, z := range a.Zones {
			affected += number(z.Affected)
		}
		c := counts(a)
		if c[0]+c[1]+c[2] != affected {
			t.Errorf("%v do not add up to %d", c, affected)
		}
		var area *geo.Area
		if r.Flood != nil {
			area = geo.NewArea(r.Flood.Polygons)
		}
		for _, route := range a.Routes {
			if area == nil {
				break
			}
			for i := range len(route.Line) - 1 {
				if s := (geo.Segment{A: route.Line[i], B: route.Line[i+1]}); area.Meets(s) {
					t.Errorf("a route enters the water at %v", s)
				}
			}
		}
		for i, s := range a.Shelters {
			if float64(s.Assigned) > shelters[i].amount {
				t.Errorf("shelter %d has %d people and %g places", i, s.Assigned, shelters[i].amount)
			}
		}
		for i := range shelters {
			shelters[i].amount += 500
		}
		if more := counts(plan(t, ground(t, people, shelters), r)); more[0] < c[0] {
			t.Errorf("with more places %d are served, before %d", more[0], c[0])
		}
	}
}
