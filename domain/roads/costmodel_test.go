package roads

import (
	"math"
	"testing"
)

// tags makes tags of keys and values in turn.
func tags(pairs ...string) Tags {
	var ts Tags
	for i := 0; i < len(pairs); i += 2 {
		ts = append(ts, Tag{pairs[i], pairs[i+1]})
	}
	return ts
}

func TestEveryHighwayOfTheTable(t *testing.T) {
	for highway, want := range map[string]struct {
		speed    float64
		capacity int32
	}{
		"motorway": {100, 4000}, "motorway_link": {60, 1500}, "trunk": {80, 2000}, "trunk_link": {50, 1500},
		"primary": {60, 1500}, "primary_link": {50, 1500}, "secondary": {50, 1000}, "secondary_link": {40, 1000},
		"tertiary": {40, 600}, "tertiary_link": {30, 600}, "unclassified": {40, 600}, "residential": {30, 600},
		"living_street": {10, 300}, "service": {15, 300}, "road": {30, 300},
	} {
		p, ok := ProfileOf(tags("highway", highway))
		if !ok || p.Speed != want.speed || p.Capacity != want.capacity || !p.Forward || p.Backward != (highway != "motorway") || p.Bridge {
			t.Errorf("%s: %+v, %v; want %v", highway, p, ok, want)
		}
	}
}

func TestWaysThatAreNotForCars(t *testing.T) {
	for _, ts := range []Tags{
		nil,
		tags("highway", "footway"), tags("highway", "track"), tags("highway", "path"), tags("highway", "construction"),
		tags("highway", "Residential"), tags("waterway", "river"),
		tags("highway", "residential", "area", "yes"),
		tags("highway", "residential", "access", "no"),
		tags("highway", "residential", "access", "private"),
		tags("highway", "residential", "vehicle", "agricultural"),
		tags("highway", "residential", "motor_vehicle", "forestry"),
		tags("highway", "residential", "motorcar", "military"),
		tags("highway", "residential", "access", "emergency"),
		tags("highway", "residential", "access", "psv"),
		tags("highway", "residential", "access", "bus"),
		tags("highway", "residential", "access", "delivery"),
		tags("highway", "residential", "access", "yes", "motorcar", "no"),
		tags("highway", "residential", "access", "yes", "vehicle", "no"),
		tags("highway", "residential", "oneway", "reversible"),
		tags("highway", "residential", "oneway", "alternating"),
	} {
		if p, ok := ProfileOf(ts); ok {
			t.Errorf("%v is accepted: %+v", ts, p)
		}
	}
}

func TestWaysThatAreForCars(t *testing.T) {
	for _, ts := range []Tags{
		tags("highway", "residential", "area", "no"),
		tags("highway", "residential", "access", "destination"),
		tags("highway", "residential", "access", "no", "motorcar", "yes"),
		tags("highway", "residential", "access", "private", "motor_vehicle", "designated"),
		tags("highway", "residential", "vehicle", "no", "motor_vehicle", "yes"),
		tags("highway", "residential", "motor_vehicle", "no", "motorcar", ""),
		tags("highway", "residential", "access", "No"),
		tags("highway", "residential", "bicycle", "no"),
	} {
		if _, ok := ProfileOf(ts); !ok {
			t.Errorf("%v is refused", ts)
		}
	}
}

func TestDirections(t *testing.T) {
	for _, c := range []struct {
		tags              Tags
		forward, backward bool
	}{
		{tags("highway", "primary"), true, true},
		{tags("highway", "primary", "oneway", "yes"), true, false},
		{tags("highway", "primary", "oneway", "true"), true, false},
		{tags("highway", "primary", "oneway", "1"), true, false},
		{tags("highway", "primary", "oneway", "-1"), false, true},
		{tags("highway", "primary", "oneway", "reverse"), false, true},
		{tags("highway", "primary", "oneway", "no"), true, true},
		{tags("highway", "motorway", "oneway", "no"), true, true},
		{tags("highway", "motorway", "oneway", "false"), true, true},
		{tags("highway", "motorway", "oneway", "0"), true, true},
		{tags("highway", "motorway"), true, false},
		{tags("highway", "motorway", "oneway", "sometimes"), true, false},
		{tags("highway", "motorway_link"), true, true},
		{tags("highway", "primary", "junction", "roundabout"), true, false},
		{tags("highway", "primary", "junction", "circular"), true, false},
		{tags("highway", "primary", "junction", "jughandle"), true, true},
		{tags("highway", "primary", "junction", "roundabout", "oneway", "no"), true, true},
		{tags("highway", "primary", "oneway", "sometimes"), true, true},
	} {
		if p, ok := ProfileOf(c.tags); !ok || p.Forward != c.forward || p.Backward != c.backward {
			t.Errorf("%v: %+v, %v", c.tags, p, ok)
		}
	}
}

func TestMaxspeed(t *testing.T) {
	const table = 60 // of a primary
	for text, want := range map[string]float64{
		"": table, "50": 50, " 50 ": 50, "50.5": 50.5, "50 km/h": 50, "50km/h": 50, "50kmh": 50, "50  kph\t": 50,
		"30 mph": 30 * 1.609344, "30mph": 30 * 1.609344, "100 mph": 140, "3 mph": 5, "3": 5, "0.5": 5, "500": 140,
		"0": table, "0.0": table, "0 mph": table, "-50": table, "+50": table, "50.": table, ".5": table, "5e1": table,
		"50,5": table, "50;70": table, "50 MPH": table, "50 knots": table, "walk": table, "none": table, "signals": table,
		"DE:urban": table, "50 km/h limit": table, "50 60": table, "0x20": table, "Inf": table, "NaN": table, "1_0": table,
		"99999999999999999999999999999999999999999": 140,
	} {
		if p, ok := ProfileOf(tags("highway", "primary", "maxspeed", text)); !ok || math.Abs(p.Speed-want) > 1e-12 {
			t.Errorf("maxspeed %q: %g km/h, want %g", text, p.Speed, want)
		}
	}
}

func TestLanes(t *testing.T) {
	for _, c := range []struct {
		lanes, oneway string
		capacity      int32
	}{
		{"", "no", 1500},
		{"1", "no", 1500},
		{"2", "no", 1500},
		{"3", "no", 1500},
		{"4", "no", 3000},
		{"5", "no", 3000},
		{"20", "no", 15000},
		{"21", "no", 1500},
		{"0", "no", 1500},
		{"-2", "no", 1500},
		{"2.5", "no", 1500},
		{"2;3", "no", 1500},
		{"many", "no", 1500},
		{"", "yes", 1500},
		{"1", "yes", 1500},
		{"2", "yes", 3000},
		{"3", "-1", 4500},
	} {
		p, _ := ProfileOf(tags("highway", "primary", "lanes", c.lanes, "oneway", c.oneway))
		if p.Capacity != c.capacity {
			t.Errorf("lanes=%q, oneway=%s: %d vehicles an hour, want %d", c.lanes, c.oneway, p.Capacity, c.capacity)
		}
	}
	if p, _ := ProfileOf(tags("highway", "motorway", "lanes", "3")); p.Capacity != 6000 {
		t.Errorf("three lanes of a motorway, that is one-way: %d vehicles an hour, want 6000", p.Capacity)
	}
}

func TestBridges(t *testing.T) {
	for value, want := range map[string]bool{"yes": true, "viaduct": true, "no": false, "": true} {
		if p, _ := ProfileOf(tags("highway", "primary", "bridge", value)); p.Bridge != want {
			t.Errorf("bridge=%q: %v", value, p.Bridge)
		}
	}
}

func TestBarriers(t *testing.T) {
	for _, c := range []struct {
		tags   Tags
		closed bool
	}{
		{nil, false},
		{tags("access", "no"), false},
		{tags("barrier", "bollard"), true},
		{tags("barrier", "bollard", "access", "no"), true},
		{tags("barrier", "bollard", "access", "emergency"), true},
		{tags("barrier", "bollard", "access", "unknown"), true},
		{tags("barrier", "bollard", "access", "yes"), false},
		{tags("barrier", "bollard", "access", "permissive"), false},
		{tags("barrier", "bollard", "vehicle", "designated"), false},
		{tags("barrier", "bollard", "motor_vehicle", "destination"), false},
		{tags("barrier", "bollard", "motorcar", "customers"), false},
		{tags("barrier", "bollard", "motorcar", "no", "access", "yes"), true},
		{tags("barrier", "bollard", "bicycle", "yes"), true},
		{tags("barrier", "gate"), false},
		{tags("barrier", "gate", "access", "yes"), false},
		{tags("barrier", "gate", "access", "private"), true},
		{tags("barrier", "gate", "motorcar", "yes", "access", "private"), false},
		{tags("barrier", "lift_gate", "motor_vehicle", "no"), true},
		{tags("barrier", "kerb"), false},
	} {
		if got := IsClosedBarrier(c.tags); got != c.closed {
			t.Errorf("%v is closed: %v", c.tags, got)
		}
	}
	for _, barrier := range []string{
		"bollard", "block", "jersey_barrier", "debris", "log", "cycle_barrier", "motorcycle_barrier", "stile",
		"kissing_gate", "turnstile", "horse_stile",
	} {
		if !IsClosedBarrier(tags("barrier", barrier)) {
			t.Errorf("barrier=%s is open", barrier)
		}
	}
}
