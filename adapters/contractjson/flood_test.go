package contractjson

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
)

const square = `[[[0,0],[1,0],[1,1],[0,1,25.5],[0,0]]]`

func TestEveryFormOfAnAreaIsRead(t *testing.T) {
	polygon := `{"type":"Polygon","coordinates":` + square + `}`
	feature := `{"type":"Feature","id":1,"properties":{"name":"a"},"geometry":` + polygon + `}`
	for _, text := range []string{
		polygon, feature, `{"type":"MultiPolygon","coordinates":[` + square + `]}`,
		`{"type":"FeatureCollection","features":[` + feature + `,` + feature + `]}`,
		`{"type":"FeatureCollection","bbox":[0,0,1,1],"features":[` + feature + `]}`,
		`{"type":"FeatureCollection","name":"water","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:OGC:1.3:CRS84"}},"features":[` + feature + `]}`,
		`{"type":"GeometryCollection","geometries":[` + polygon + `,` + polygon + `]}`,
		"\xef\xbb\xbf" + polygon,
	} {
		polygons, err := ReadFlood([]byte(text), geo.DefaultLimits())
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		a := geo.NewArea(polygons)
		if !a.Covers(geo.Point{Lon: 0.5, Lat: 0.25}) || a.Covers(geo.Point{Lon: 2, Lat: 0.25}) {
			t.Errorf("%s covers something else", text)
		}
	}
}

func TestWhatIsNoAreaIsRefusedWithItsPlace(t *testing.T) {
	for _, c := range []struct{ text, msg, pointers string }{
		{``, "not GeoJSON", ""},
		{`{"type":"Polygon","type":"x"}`, "not GeoJSON", ""},
		{`[]`, "not GeoJSON", ""},
		{`{"type":"FeatureCollection","features":[]}`, "no area", "."},
		{`{"type":"Point","coordinates":[0,0]}`, "", "/type"},
		{`{}`, "", "/coordinates /type"},
		{`{"type":"Feature","geometry":null}`, "", "/geometry"},
		{`{"type":"Polygon"}`, "", "/coordinates"},
		{`{"type":"Polygon","coordinates":[]}`, "", "/coordinates"},
		{`{"type":"MultiPolygon","coordinates":[]}`, "", "/coordinates"},
		{`{"type":"Polygon","coordinates":[[[0,0],[1],[1,1],[0,0]]]}`, "", "/coordinates/0/1"},
		{`{"type":"Polygon","coordinates":[[[0,0],["1",0],[1,1],[0,0]]]}`, "", "/coordinates/0/1/0"},
		{`{"type":"Polygon","coordinates":[[[0,0],[1,0,0,0],[1,1],[0,0]]]}`, "", "/coordinates/0/1"},
		{`{"type":"Polygon","coordinates":[[[0,0],null,[1,1],[0,0]]]}`, "", "/coordinates/0/1"},
		{`{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1]]]}`, "", "/coordinates/0"},
		{`{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"MultiPolygon","coordinates":[` + square + `,[[[0,0],[1,1],[1,0],[0,1],[0,0]]]]}},
			{"type":"Feature","geometry":` + `{"type":"Polygon","coordinates":` + square + `}}]}`, "", "/features/0/geometry/coordinates/1"},
		{`{"type":"FeatureCollection","features":[{"type":"Feature"},5,{}]}`, "", "/features/0/geometry /features/1 /features/2/type"},
		{
			`{"type":"GeometryCollection","geometries":[{"type":"LineString","coordinates":[]},{"type":"GeometryCollection"}]}`, "",
			"/geometries/0/type /geometries/1/type",
		},
		{`{"type":"Feature","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::3857"}},"geometry":{"type":"Polygon","coordinates":` + square + `}}`, "", "/crs"},
	} {
		_, err := ReadFlood([]byte(c.text), geo.DefaultLimits())
		var e *domain.Error
		if !errors.As(err, &e) || e.Kind != domain.KindInvalid || !strings.Contains(e.Msg, c.msg) {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		var pointers []string
		for _, v := range e.Violations {
			pointers = append(pointers, cmp.Or(v.Pointer, "."))
		}
		if !slices.Equal(pointers, strings.Fields(c.pointers)) {
			t.Errorf("%s: %q, want %s", c.text, pointers, c.pointers)
		}
	}
}

// FuzzReadFlood looks for bytes that panic, or that give an area without a polygon.
func FuzzReadFlood(f *testing.F) {
	f.Add([]byte(`{"type":"Polygon","coordinates":` + square + `}`))
	f.Add([]byte(`{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"MultiPolygon","coordinates":[` + square + `]}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := ReadFlood(data, geo.Limits{MaxPoints: 1000, MaxSpan: 10})
		if (a == nil) != (err != nil) {
			t.Fatalf("area %v, error %v", a, err)
		}
		if a != nil && len(a) == 0 {
			t.Error("the area is nowhere")
		}
	})
}
