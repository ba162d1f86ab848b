package evacuation

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
)

// asked is a request that can be answered.
func asked() Request {
	r := NewRequest()
	r.Latitude, r.Longitude, r.FloodProbability, r.RiskLevel = 47.16, 9.51, 0.8, "high"
	return r
}

// square is a flood around a place.
func square(lon, lat, half float64) *Extent {
	return &Extent{Single: true, Polygons: geo.MultiPolygon{{{
		{Lon: lon - half, Lat: lat - half},
		{Lon: lon + half, Lat: lat - half},
		{Lon: lon + half, Lat: lat + half},
		{Lon: lon - half, Lat: lat + half},
		{Lon: lon - half, Lat: lat - half},
	}}}}
}

func TestARequestOfTheRequiredFieldsCanBeAnswered(t *testing.T) {
	r := asked()
	if vs := r.Validate(); vs != nil {
		t.Fatal(vs)
	}
	r.Canonicalize()
	if !slices.Equal(r.Radii, DefaultRadii[:]) || r.Bridges != BridgesClosed || r.PersonsPerVehicle != DefaultPersonsPerVehicle || !r.IncludeShelters {
		t.Errorf("the defaults are %+v", r)
	}
}

func TestEveryViolationIsReported(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(r *Request)
		want   []string
	}{
		{"nothing given", func(r *Request) { *r = NewRequest() }, []string{
			"/latitude required", "/longitude required", "/flood_probability required", "/risk_level required",
		}},
		{"everything wrong", func(r *Request) {
			r.Latitude, r.Longitude, r.FloodProbability = 90.1, math.Inf(1), -0.1
			r.RiskLevel, r.Bridges = "severe", "shut"
			r.LocationName = strings.Repeat("x", domain.MaxTextLength+1)
			r.PopulationDensity, r.PersonsPerVehicle, r.AssumeCapacity = -1, 0.5, Known(-1)
			r.Radii = []float64{1000, 49.9, 1000.04, math.NaN(), 50_001, 500}
			r.Flood = square(9.5, 47.1, 0.01)
			r.Flood.Polygons[0][0] = r.Flood.Polygons[0][0][:4]
		}, []string{
			"/latitude range", "/longitude not_finite", "/flood_probability range", "/risk_level format", "/location_name size",
			"/population_density range", "/zone_radii/1 range", "/zone_radii/2 duplicate", "/zone_radii/3 required", "/zone_radii/4 range",
			"/flood_extent/coordinates/0 inconsistent", "/bridges format", "/persons_per_vehicle range", "/assume_capacity range",
		}},
		{"too many radii are not judged one by one", func(r *Request) { r.Radii = make([]float64, MaxZones+1) }, []string{"/zone_radii size"}},
		{"an empty flood", func(r *Request) { r.Flood = &Extent{} }, []string{"/flood_extent/coordinates size"}},
		{"a flood as large as the planet", func(r *Request) { r.Flood = square(0, 0, 80) }, []string{"/flood_extent/coordinates range"}},
		{"a flood that crosses itself", func(r *Request) {
			r.Flood = square(9.5, 47.1, 0.01)
			ring := r.Flood.Polygons[0][0]
			ring[1], ring[2] = ring[2], ring[1]
		}, []string{"/flood_extent/coordinates inconsistent"}},
		{"a flood of too many points", func(r *Request) {
			r.Flood = &Extent{Polygons: geo.MultiPolygon{{make(geo.Ring, geo.DefaultLimits().MaxPoints+1)}}}
		}, []string{"/flood_extent/coordinates size"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := asked()
			tt.change(&r)
			var got []string
			for _, v := range r.Validate() {
				got = append(got, v.Pointer+" "+v.Code)
				if v.Detail == "" {
					t.Errorf("%s says nothing", v.Pointer)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestAWordThatIsNearlyRightGetsAHint(t *testing.T) {
	r := asked()
	r.RiskLevel = "Very-Low"
	if vs := r.Validate(); len(vs) != 1 || !strings.Contains(vs[0].Detail, `did you mean "very_low"?`) {
		t.Error(vs)
	}
}

// TestTheKeyIsThatOfWhatChangesTheAnswer changes one field after the other.
func TestTheKeyIsThatOfWhatChangesTheAnswer(t *testing.T) {
	key := func(change func(r *Request)) string {
		r := asked()
		r.Radii = []float64{900, 300}
		r.Flood = square(9.5, 47.1, 0.01)
		change(&r)
		if vs := r.Validate(); vs != nil {
			t.Fatal(vs)
		}
		r.Canonicalize()
		return string(r.AppendCanonical(nil))
	}
	same := key(func(*Request) {})
	for name, change := range map[string]func(r *Request){
		"location_name":                  func(r *Request) { r.LocationName = "Ruggell" },
		"flood_probability":              func(r *Request) { r.FloodProbability = 0.1 },
		"radii in another order":         func(r *Request) { r.Radii = []float64{300, 900} },
		"defaults said":                  func(r *Request) { r.Bridges, r.PersonsPerVehicle = BridgesClosed, 2.5 },
		"a centimetre":                   func(r *Request) { r.Latitude += 1e-7 },
		"a fresh answer":                 func(r *Request) { r.Fresh = true },
		"a Polygon said as MultiPolygon": func(r *Request) { r.Flood.Single = false },
	} {
		if key(change) != same {
			t.Errorf("%s changes the key", name)
		}
	}
	seen := map[string]string{same: "nothing"}
	for name, change := range map[string]func(r *Request){
		"latitude":            func(r *Request) { r.Latitude += 1e-5 },
		"longitude":           func(r *Request) { r.Longitude += 1e-5 },
		"risk_level":          func(r *Request) { r.RiskLevel = "unknown" },
		"population_density":  func(r *Request) { r.PopulationDensity = 0 },
		"include_shelters":    func(r *Request) { r.IncludeShelters = false },
		"zone_radii":          func(r *Request) { r.Radii = r.Radii[:1] },
		"flood_extent":        func(r *Request) { r.Flood = square(9.5, 47.1, 0.011) },
		"no flood_extent":     func(r *Request) { r.Flood = nil },
		"bridges":             func(r *Request) { r.Bridges = BridgesOpen },
		"persons_per_vehicle": func(r *Request) { r.PersonsPerVehicle = 3 },
		"assume_capacity":     func(r *Request) { r.AssumeCapacity = Known(0) },
		"assume_capacity 1":   func(r *Request) { r.AssumeCapacity = Known(1) },
	} {
		k := key(change)
		if other, ok := seen[k]; ok {
			t.Errorf("%s has the key of %s", name, other)
		}
		seen[k] = name
	}
}

func BenchmarkValidateALargeFlood(b *testing.B) {
	const n = 20_000
	ring := make(geo.Ring, 0, n+1)
	for i := range n {
		angle := 2 * math.Pi * float64(i) / n
		reach := 0.1 + 0.01*math.Sin(50*angle)
		ring = append(ring, geo.Point{Lon: 9.5 + reach*math.Cos(angle), Lat: 47.1 + reach*math.Sin(angle)})
	}
	r := asked()
	r.Flood = &Extent{Polygons: geo.MultiPolygon{{append(ring, ring[0])}}}
	b.ReportAllocs()
	for b.Loop() {
		if vs := r.Validate(); vs != nil {
			b.Fatal(vs)
		}
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "points/s")
}
