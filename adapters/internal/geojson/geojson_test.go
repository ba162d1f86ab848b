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

func TestFeaturesAndCollectionsAreOneArea(t *testing.T) {
	triangle := geo.Ring{{Lon: 1, Lat: 2}, {Lon: 3, Lat: 2}, {Lon: 3, Lat: 4}, {Lon: 1, Lat: 2}}
	const rings = `[[[1,2],[3,2],[3,4],[1,2]]]`
	const polygon = `{"type":"Polygon","coordinates":` + rings + `}`
	const feature = `{"type":"Feature","id":1,"properties":{"a":1},"geometry":` + polygon + `}`
	for text, want := range map[string]evacuation.Extent{
		feature: {Single: true, Polygons: geo.MultiPolygon{{triangle}}, Pointers: []string{"/geometry/coordinates"}},
		`{"type":"FeatureCollection","name":"x","features":[` + feature + `,` + feature + `]}`: {
			Polygons: geo.MultiPolygon{{triangle}, {triangle}}, Pointers: []string{"/features/0/geometry/coordinates", "/features/1/geometry/coordinates"},
		},
		`{"type":"GeometryCollection","geometries":[` + polygon + `,{"type":"MultiPolygon","coordinates":[` + rings + `]}]}`: {
			Polygons: geo.MultiPolygon{{triangle}, {triangle}}, Pointers: []string{"/geometries/0/coordinates", "/geometries/1/coordinates/0"},
		},
		`{"type":"FeatureCollection","features":[]}`: {Pointers: []string{}},
	} {
		got, bad := read(t, text)
		if bad != nil {
			t.Errorf("%s: %v", text, bad)
		} else if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestOnlyWGS84IsTaken(t *testing.T) {
	for crs, want := range map[string]bool{
		`null`: true,
		`{"type":"name","properties":{"name":"urn:ogc:def:crs:OGC:1.3:CRS84"}}`:              true,
		`{"type":"name","properties":{"name":"urn:ogc:def:crs:OGC::CRS84"}}`:                 true,
		`{"type":"name","properties":{"name":"http://www.opengis.net/def/crs/OGC/0/CRS84"}}`: true,
		`{"type":"name","properties":{"name":"EPSG:4326"}}`:                                  true,
		`{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::4326"}}`:                 true,
		`{"type":"name","properties":{"name":"EPSG:3857"}}`:                                  false,
		`{"type":"name","properties":{"name":"EPSG:43260"}}`:                                 false,
		`{"type":"name","properties":{"name":"ESRI:4326"}}`:                                  false,
		`{"type":"name","properties":{"name":""}}`:                                           false,
		`{"type":"link","properties":{"href":"CRS84"}}`:                                      false,
		`{}`: false,
		`7`:  false,
	} {
		vs, err := ReadCollection([]byte(`{"type":"FeatureCollection","features":[],"crs":`+crs+`}`), nil)
		if err != nil || (len(vs) == 0) != want {
			t.Errorf("%s in a file: %v, %v", crs, vs, err)
		}
		for _, text := range []string{
			`{"type":"MultiPolygon","coordinates":[],"crs":` + crs + `}`, `{"type":"FeatureCollection","features":[],"crs":` + crs + `}`,
			`{"type":"GeometryCollection","geometries":[],"crs":` + crs + `}`,
			`{"type":"Feature","crs":` + crs + `,"geometry":{"type":"MultiPolygon","coordinates":[]}}`,
		} {
			if _, bad := read(t, text); (len(bad) == 0) != want || len(bad) > 0 && bad[0].Pointer != "/flood_extent/crs" {
				t.Errorf("%s: %v", text, bad)
			}
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
		`{"type":"Polygon","coordinates":[[]],"crs":{},"a/b":1}`: {"/a~1b unknown_field", "/crs format"},
		`{"type":"Polygon","coordinates":[1,[2],[[3]]]}`:         {"/coordinates/0 type", "/coordinates/1/0 type", "/coordinates/2/0 size"},
		`{"type":"MultiPolygon","coordinates":[[[[0,0,0,0],[0,true],[{},0]]],{}]}`: {
			"/coordinates/0/0/0 size", "/coordinates/0/0/1/1 type", "/coordinates/0/0/2/0 type", "/coordinates/1 type",
		},
		`{"type":"Feature"}`:                         {"/geometry required"},
		`{"type":"Feature","geometry":5}`:            {"/geometry type"},
		`{"type":"FeatureCollection"}`:               {"/features required"},
		`{"type":"FeatureCollection","features":{}}`: {"/features type"},
		`{"type":"FeatureCollection","features":[5,{"type":"Polygon"},{"type":"Feature","geometry":{"type":"Polygon"}}]}`: {
			"/features/0 type", "/features/1/type format", "/features/2/geometry/coordinates required",
		},
		`{"type":"GeometryCollection","coordinates":[]}`: {"/coordinates unknown_field", "/geometries required"},
		`{"type":"GeometryCollection","geometries":[5,{"type":"GeometryCollection","geometries":[]},{"type":"Point","coordinates":[]}]}`: {
			"/geometries/0 type", "/geometries/1/type format", "/geometries/2/type format",
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
	f.Add(`{"type":"FeatureCollection","crs":{},"features":[{"type":"Feature","geometry":{"type":"GeometryCollection","geometries":[{}]}}]}`)
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
			extent.Validate("/flood_extent", geo.DefaultLimits())
		}
	})
}
