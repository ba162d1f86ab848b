package evacuation

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/guardy-ai/guardy/domain/geo"
)

// signedArea returns twice the area of a ring in square degrees, positive counter-clockwise.
func signedArea(ring geo.Ring) (twice float64) {
	for i := 1; i < len(ring); i++ {
		a, b := ring[i-1], ring[i]
		twice += (a.Lon-ring[0].Lon)*(b.Lat-ring[0].Lat) - (b.Lon-ring[0].Lon)*(a.Lat-ring[0].Lat)
	}
	return twice
}

// groundArea returns the area of the polygons on the sphere in m2, by integrating sin(latitude) over the longitude
// along the edges.
func groundArea(m geo.MultiPolygon) (sum float64) {
	for _, p := range m {
		for _, ring := range p {
			for i := 1; i < len(ring); i++ {
				const steps = 64
				a, b := ring[i-1], ring[i]
				for k := range steps {
					lat := a.Lat + (b.Lat-a.Lat)*(float64(k)+0.5)/steps
					sum -= (b.Lon - a.Lon) / steps * radians * math.Sin(lat*radians) * geo.EarthRadius * geo.EarthRadius
				}
			}
		}
	}
	return sum
}

// inside counts, by the crossings of a ray, whether a point is in the polygons.
func inside(m geo.MultiPolygon, q geo.Point) bool {
	in := false
	for _, p := range m {
		for _, ring := range p {
			for i := 1; i < len(ring); i++ {
				a, b := ring[i-1], ring[i]
				if (a.Lat > q.Lat) != (b.Lat > q.Lat) && q.Lon < a.Lon+(b.Lon-a.Lon)*(q.Lat-a.Lat)/(b.Lat-a.Lat) {
					in = !in
				}
			}
		}
	}
	return in
}

func checkArea(t *testing.T, centre geo.Point, inner, outer float64) geo.MultiPolygon {
	t.Helper()
	area := Area(centre, inner, outer)
	if len(area) == 0 {
		t.Fatalf("%v %v–%v m: no polygon", centre, inner, outer)
	}
	for _, p := range area {
		for i, ring := range p {
			if len(ring) < 4 || ring[0] != ring[len(ring)-1] {
				t.Fatalf("%v %v–%v m: a ring of %d positions from %v to %v", centre, inner, outer, len(ring), ring[0], ring[len(ring)-1])
			}
			for _, q := range ring {
				if !q.IsValid() || q != roundPoint(q) {
					t.Fatalf("%v %v–%v m: the position %v", centre, inner, outer, q)
				}
			}
			if twice := signedArea(ring); (i == 0) != (twice > 0) {
				t.Fatalf("%v %v–%v m: ring %d has the signed area %v", centre, inner, outer, i, twice)
			}
		}
	}
	want, got := ringArea(inner, outer), groundArea(area)
	if math.Abs(got-want) > 0.02*want+0.012*ringArea(0, outer)*math.Min(1, inner/outer) {
		t.Fatalf("%v %v–%v m: the area is %.6g m2, want %.6g", centre, inner, outer, got, want)
	}
	return area
}

var places = map[string]geo.Point{
	"equator":                {Lon: 0, Lat: 0},
	"town":                   {Lon: 9.51, Lat: 47.16},
	"west of the line":       {Lon: 179.9999, Lat: -16.8},
	"on the line":            {Lon: 180, Lat: 65},
	"on the line, from east": {Lon: -180, Lat: 10},
	"east of the line":       {Lon: -179.995, Lat: 52},
	"north pole":             {Lon: 0, Lat: 90},
	"south pole":             {Lon: 77, Lat: -90},
	"near the north pole":    {Lon: 179.9, Lat: 89.99},
	"near the south pole":    {Lon: -60, Lat: -89.7},
	"just off the pole":      {Lon: -179.99, Lat: 89.56},
}

func TestRingsAreOfRFC7946Everywhere(t *testing.T) {
	for name, centre := range places {
		t.Run(name, func(t *testing.T) {
			for _, radii := range [][]float64{{500, 1000, 2000}, {50}, {50, 50_000}, {1000, 1100, 20_000, 50_000}} {
				inner := 0.0
				for _, outer := range radii {
					checkArea(t, centre, inner, outer)
					inner = outer
				}
			}
		})
	}
}

func TestARandomRingHoldsWhatIsAtItsDistance(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		centre := geo.Point{Lon: rng.Float64()*360 - 180, Lat: rng.Float64()*180 - 90}
		switch rng.IntN(4) {
		case 0: // near the antimeridian
			centre.Lon = math.Copysign(180-rng.ExpFloat64()/10, centre.Lon)
		case 1: // near a pole
			centre.Lat = math.Copysign(90-min(rng.ExpFloat64()/3, 90), centre.Lat)
		case 2: // near both
			centre.Lon, centre.Lat = math.Copysign(180-rng.ExpFloat64(), centre.Lon), math.Copysign(90-rng.ExpFloat64()/3, centre.Lat)
		}
		centre = roundPoint(centre)
		inner := 0.0
		if rng.IntN(2) == 0 {
			inner = 50 * math.Pow(900, rng.Float64())
		}
		outer := max(inner*1.1, 50) + rng.Float64()*(50_000-max(inner*1.1, 50))
		area := checkArea(t, centre, inner, outer)
		d := newDisc(centre, outer)
		for range 20 {
			south, north := d.interval(0)
			reach := (north - south) * 0.6
			q := geo.Point{Lat: min(max(centre.Lat+(rng.Float64()*2-1)*reach, -90), 90)}
			q.Lon = centre.Lon + (rng.Float64()*2-1)*min(180, reach/max(1e-9, math.Cos(q.Lat*radians)))
			q.Lon = math.Remainder(q.Lon, 360)
			distance := geo.Distance(centre, q)
			slack := 1.5 * tolerance
			switch near := math.Abs(distance-outer) < slack*outer+0.3 || math.Abs(distance-inner) < slack*inner+0.3; {
			case near || math.Abs(q.Lon) > 179.999 || math.Abs(q.Lat) > 89.9999:
			case inside(area, q) != (distance <= outer && distance > inner):
				t.Fatalf("%v is %.1f m from %v; in the ring of %.1f–%.1f m: %v", q, distance, centre, inner, outer, inside(area, q))
			}
		}
	}
}

func TestARingIsSplitAtTheAntimeridian(t *testing.T) {
	area := checkArea(t, geo.Point{Lon: 179.999, Lat: 0}, 500, 1000)
	if len(area) != 2 {
		t.Fatalf("%d polygons, want 2", len(area))
	}
	if got := checkArea(t, geo.Point{Lon: 179.993, Lat: 0}, 500, 1000); len(got) != 2 || len(got[0])+len(got[1]) != 3 {
		t.Errorf("a hole that does not reach the line: %v", got)
	}
	if got := checkArea(t, geo.Point{Lon: 9, Lat: 47}, 500, 1000); len(got) != 1 || len(got[0]) != 2 || len(got[0][0]) != corners+1 {
		t.Errorf("a ring elsewhere: %v", got)
	}
}

func TestACircleOverAPoleReachesAroundTheWorld(t *testing.T) {
	area := checkArea(t, geo.Point{Lon: 30, Lat: 89.9}, 0, 50_000)
	corners := 0
	for _, q := range area[0][0] {
		if math.Abs(q.Lon) == 180 && q.Lat == 90 {
			corners++
		}
	}
	if len(area) != 1 || corners != 2 {
		t.Errorf("the corners at the pole: %d of %v", corners, area)
	}
	if band := checkArea(t, geo.Point{Lon: 0, Lat: -90}, 1000, 2000); len(band) != 1 || len(band[0]) != 1 {
		t.Errorf("the band around a pole: %v", band)
	}
}

func BenchmarkArea(b *testing.B) {
	for name, centre := range map[string]geo.Point{"town": places["town"], "near the pole": places["just off the pole"]} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Area(centre, 1000, 2000)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rings/s")
		})
	}
}
