package geo

import (
	"math"
	"math/rand/v2"
	"testing"
)

func ring(xy ...float64) Ring {
	var r Ring
	for i := 0; i < len(xy); i += 2 {
		r = append(r, Point{xy[i], xy[i+1]})
	}
	return append(r, r[0])
}

func square(x, y, half float64) Ring {
	return ring(x-half, y-half, x+half, y-half, x+half, y+half, x-half, y+half)
}

// lake is a square with an island that has a pond, and beside it another square.
var lake = MultiPolygon{
	{square(0, 0, 3), square(0, 0, 2)},
	{square(0, 0, 1)},
	{square(10, 0, 1)},
}

func TestAreaHasHolesIslandsAndABorder(t *testing.T) {
	a := NewArea(lake)
	for p, want := range map[Point]bool{
		{0, 0}: true, {1, 1}: true, {1, 0}: true, {1.5, 0}: false, {2, 0}: true, {2, 2}: true, {2.5, 0}: true,
		{3, 3}: true, {3, -3}: true, {-3, 1}: true, {3.5, 0}: false, {0, 3.5}: false, {10, 0}: true, {12, 0}: false,
		{-10, 1}: false, {-10, 3}: false, {-10, 2}: false, {5, 3}: false,
	} {
		if got := a.Covers(p); got != want {
			t.Errorf("%v is covered: %v", p, got)
		}
	}
	for _, c := range []struct {
		s    Segment
		want bool
	}{
		{Segment{Point{1.2, 0}, Point{1.8, 0}}, false},                                    // on the island
		{Segment{Point{1.2, 0}, Point{1, 0}}, true},                                       // to the shore of the pond
		{Segment{Point{0.1, 0}, Point{0.2, 0}}, true},                                     // in the pond
		{Segment{Point{-1.5, -1.5}, Point{1.5, -1.5}}, false},                             // along the island
		{Segment{Point{-5, 0}, Point{5, 0}}, true},                                        // through everything
		{Segment{Point{-4, 3}, Point{4, 3}}, true},                                        // along the shore
		{Segment{Point{-4, math.Nextafter(3, 4)}, Point{4, math.Nextafter(3, 4)}}, false}, // as near to it as can be
		{Segment{Point{-4, 3.0000001}, Point{4, 3.0000001}}, false},                       // a centimetre off it
		{Segment{Point{3.5, 0}, Point{8.5, 0}}, false},                                    // between the squares
		{Segment{Point{2, 4}, Point{4, 2}}, true},                                         // touches a corner
		{Segment{Point{2, 4}, Point{math.Nextafter(4, 5), 2.1}}, false},                   // passes it
	} {
		if got := a.Meets(c.s); got != c.want {
			t.Errorf("%v meets the area: %v", c.s, got)
		}
	}
}

// star returns a ring without crossings round (0, 0).
func star(r *rand.Rand, corners int) Ring {
	var out Ring
	for i := range corners {
		angle, radius := 2*math.Pi*float64(i)/float64(corners), 0.2+r.Float64()
		out = append(out, Point{radius * math.Cos(angle), radius * math.Sin(angle)})
	}
	return append(out, out[0])
}

// winding counts how often a ring goes round p, by angles.
func winding(ring Ring, p Point) int {
	sum := 0.0
	for i := 1; i < len(ring); i++ {
		a := math.Atan2(ring[i-1].Lat-p.Lat, ring[i-1].Lon-p.Lon)
		b := math.Atan2(ring[i].Lat-p.Lat, ring[i].Lon-p.Lon)
		sum += math.Remainder(b-a, 2*math.Pi)
	}
	return int(math.Round(sum / (2 * math.Pi)))
}

func TestCoversIsTheWindingNumber(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		ring := star(r, 3+r.IntN(200))
		m := MultiPolygon{{ring}}
		if vs := m.Validate("", false, DefaultLimits()); len(vs) > 0 {
			t.Fatal(vs)
		}
		a := NewArea(m)
		for range 200 {
			p := Point{3*r.Float64() - 1.5, 3*r.Float64() - 1.5}
			if got, want := a.Covers(p), winding(ring, p) != 0; got != want {
				t.Fatalf("%v in %v: %v", p, ring, got)
			}
		}
		for _, p := range ring {
			if !a.Covers(p) {
				t.Fatalf("the corner %v is not covered", p)
			}
		}
	}
}

func TestAParallelThroughCornersIsCountedOnce(t *testing.T) {
	for _, c := range []struct {
		ring Ring
		want map[Point]bool
	}{
		{ring(2, 0, 4, 2, 2, 4, 0, 2), map[Point]bool{{1, 2}: true, {3, 2}: true, {0.5, 1}: false, {3.9, 3}: false}},          // a diamond
		{ring(0, 0, 2, 2, 4, 0, 4, 4, 0, 4), map[Point]bool{{1, 2}: true, {2, 1}: false, {3, 2}: true}},                       // a notch from below
		{ring(0, 0, 4, 0, 4, 4, 2, 2, 0, 4), map[Point]bool{{1, 2}: true, {2, 3}: false, {3, 2}: true}},                       // and from above
		{ring(0, 0, 4, 0, 4, 4, 3, 4, 3, 2, 1, 2, 1, 4, 0, 4), map[Point]bool{{0.5, 2}: true, {2, 3}: false, {3.5, 2}: true}}, // a flat one
	} {
		a := NewArea(MultiPolygon{{c.ring}})
		for p, want := range c.want {
			if got := a.Covers(p); got != want {
				t.Errorf("%v in %v: %v", p, c.ring, got)
			}
		}
	}
}
