package contractjson

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
)

func TestWrittenCollectionsAreJSON(t *testing.T) {
	r := evacuation.NewRequest()
	r.Latitude, r.Longitude, r.RiskLevel, r.Radii = -89.9, 179.95, "low", []float64{50, 7000.5, 50_000}
	var a evacuation.Answer
	if err := evacuation.NewPlanner(nil, "").Plan(&r, func() float64 { return 0 }, &a); err != nil {
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
	if err := json.Unmarshal(appendCollection(nil, &r, &a), &got); err != nil {
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
	if err := evacuation.NewPlanner(nil, "").Plan(&r, func() float64 { return 0 }, &a); err != nil {
		b.Fatal(err)
	}
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out = appendCollection(out[:0], &r, &a)
	}
	b.SetBytes(int64(len(out)))
}
