package geojson

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
)

func read(t testing.TB, text string) (*evacuation.Extent, []domain.Violation) {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		t.Skip(err)
	}
	return ReadExtent("/flood_extent", object)
}

func TestGeometriesAreReadRingByRing(t *testing.T) {
	triangle := geo.Ring{{Lon: 1, Lat: 2}, {Lon: 3, Lat: 2}, {Lon: 3, Lat: 4}, {Lon: 1, Lat: 2}}
	for text, want := range map[string]evacuation.Extent{
		`{"type":"Polygon","coordinates":[[[1,2],[3,2,9.5],[3,4],[1,2]]]}`: {Single: true, Polygons: geo.MultiPolygon{{triangle}}},
		`{"type":"MultiPolygon","coordinates":[[[[1,2],[3,2],[3,4],[1,2]],[[1,2],[3,2],[3,4],[1,2]]],[]],"bbox":[1,2,3,4]}`: {
			Polygons: geo.MultiPolygon{{triangle, triangle}, {}},
		},
		`{"type":"MultiPolygon","coordinates":[]}`: {Polygons: geo.MultiPolygon{}},
	} {
		got, bad := read(t, text)
		if bad != nil {
			t.Errorf("%s: %v", text, bad)
		} else if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestWhatIsNoGeometryIsNamed(t *testing.T) {
	for text, want := range map[string][]string{
		`{}`:                                                     {"/coordinates required", "/type required"},
		`{"type":"Polygon","coordinates":null}`:                  {"/coordinates required"},
		`{"type":null,"coordinates":[]}`:                         {"/type required"},
		`{"type":7,"coordinates":"x"}`:                           {"/coordinates type", "/type type"},
		`{"type":"polygon","coordinates":[]}`:                    {"/type format"},
		`{"type":"Polygon","coordinates":[[]],"crs":{},"a/b":1}`: {"/a~1b unknown_field", "/crs unknown_field"},
		`{"type":"Polygon","coordinates":[1,[2],[[3]]]}`:         {"/coordinates/0 type", "/coordinates/1/0 type", "/coordinates/2/0 size"},
		`{"type":"MultiPolygon","coordinates":[[[[0,0,0,0],[0,true],[{},0]]],{}]}`: {
			"/coordinates/0/0/0 size", "/coordinates/0/0/1/1 type", "/coordinates/0/0/2/0 type", "/coordinates/1 type",
		},
	} {
		extent, bad := read(t, text)
		var got []string
		for _, v := range bad {
			got = append(got, strings.TrimPrefix(v.Pointer, "/flood_extent")+" "+v.Code)
		}
		if extent != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// FuzzReadExtent looks for a geometry that is neither read nor refused with a reason.
func FuzzReadExtent(f *testing.F) {
	f.Add(`{"type":"Polygon","coordinates":[[[1,2],[3,2],[3,4],[1,2]]]}`)
	f.Add(`{"type":"MultiPolygon","coordinates":[[[[1,2],[3,2],[3,4],[1,2]]]],"bbox":[]}`)
	f.Add(`{"type":"Feature","geometry":null,"coordinates":[[[[]]],"x",{"":[1e308]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		extent, bad := read(t, text)
		if (extent == nil) != (len(bad) > 0) || len(bad) > maxListed+1 {
			t.Fatalf("%s: %v, %v", text, extent, bad)
		}
		for _, v := range bad {
			if !strings.HasPrefix(v.Pointer, "/flood_extent") || v.Code == "" || v.Detail == "" {
				t.Fatalf("%s: %+v", text, v)
			}
		}
		if extent != nil {
			extent.Polygons.Validate("/flood_extent/coordinates", extent.Single, geo.DefaultLimits())
		}
	})
}

func TestWrittenCollectionsAreJSON(t *testing.T) {
	r := evacuation.NewRequest()
	r.Latitude, r.Longitude, r.RiskLevel, r.Radii = -89.9, 179.95, "low", []float64{50, 7000.5, 50_000}
	var a evacuation.Answer
	if err := evacuation.NewPlanner(nil, "").Plan(&r, func() bool { return false }, &a); err != nil {
		t.Fatal(err)
	}
	a.Shelters = []evacuation.Shelter{{ID: "\x00\xff\"", Name: "</script>\u2028"}}
	a.Routes = []evacuation.Route{{Line: []geo.Point{{}, {Lon: -1e-6, Lat: 1e-6}}}}
	var got struct {
		Type     string
		Features []struct {
			Geometry   struct{ Type string }
			Properties map[string]any
		}
	}
	if err := json.Unmarshal(AppendCollection(nil, &r, &a), &got); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, f := range got.Features {
		kinds = append(kinds, f.Properties["kind"].(string)+" "+f.Geometry.Type)
	}
	want := []string{"zone Polygon", "zone MultiPolygon", "zone MultiPolygon", "route LineString", "shelter Point"}
	if !slices.Equal(kinds, want) {
		t.Errorf("%q, want %q", kinds, want)
	}
}

func BenchmarkAppendCollection(b *testing.B) {
	r := evacuation.NewRequest()
	r.Latitude, r.Longitude, r.RiskLevel, r.Radii = 47, 9, "low", []float64{500, 1000, 2000}
	var a evacuation.Answer
	if err := evacuation.NewPlanner(nil, "").Plan(&r, func() bool { return false }, &a); err != nil {
		b.Fatal(err)
	}
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out = AppendCollection(out[:0], &r, &a)
	}
	b.SetBytes(int64(len(out)))
}
