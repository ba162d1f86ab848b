package contractjson

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/guardy-ai/guardy/domain/risk"
)

// asked is what a query and a body make of the same fields.
func asked(t *testing.T, decoded error, w *FloodRisk) (risk.Request, error) {
	t.Helper()
	var r risk.Request
	err := w.Question(decoded, &r, Asking{Explain: true, Now: func() time.Time { return time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC) }})
	return r, err
}

func TestAQueryIsReadAsTheSameFieldsOfABody(t *testing.T) {
	values := map[string]string{
		"latitude": "45.5", "longitude": "-9e0", "rainfall_mm": "12.5", "temperature": "", "humidity": "80", "location_id": "12",
		"location_name": `Côa "left"`, "date": "2026-01-02T03:04:05+01:00", "rainfall_7d_mean": "1", "river.value": "1.5",
		"river.normal": "1", "river.flood_threshold": "3", "site.area_km2": "44", "site.geology_permeability_log10_m2": "-14.1", "explain": "false",
	}
	var q Query
	for _, name := range slices.Sorted(maps.Keys(values)) {
		q.Add(name, values[name])
	}
	var fromQuery, fromBody FloodRisk
	a, err := asked(t, q.Decode(&fromQuery), &fromQuery)
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"latitude":45.5,"longitude":-9,"rainfall_mm":12.5,"humidity":80,"location_id":"12","location_name":"Côa \"left\"",
		"date":"2026-01-02T03:04:05+01:00","rainfall_7d_mean":1,"river":{"value":1.5,"normal":1,"flood_threshold":3},
		"site":{"area_km2":44,"geology_permeability_log10_m2":-14.1},"explain":false}`
	b, err := asked(t, Decode([]byte(body), &fromBody, Options{}), &fromBody)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, b, cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatAQueryCannotSayIsRefusedWithItsName(t *testing.T) {
	for name, c := range map[string]struct {
		parameters [][2]string
		want       []string // pointer, code and a word of the detail
	}{
		"a misspelt name":         {[][2]string{{"rainfal_mm", "3"}}, []string{"/rainfal_mm unknown_field rainfall_mm"}},
		"a name of nothing":       {[][2]string{{"a/b~", "3"}}, []string{"/a~1b~0 unknown_field no parameter"}},
		"a site's name, misspelt": {[][2]string{{"site.area", "3"}}, []string{"/site.area unknown_field site.area_km2"}},
		"twice":                   {[][2]string{{"humidity", "3"}, {"humidity", "3"}}, []string{"/humidity duplicate more than once"}},
		"twice, once empty":       {[][2]string{{"humidity", ""}, {"humidity", "3"}}, []string{"/humidity duplicate more than once"}},
		"a sequence":              {[][2]string{{"rainfall_history_mm", "1,2"}}, []string{"/rainfall_history_mm type post"}},
		"a history":               {[][2]string{{"river.history", "[]"}}, []string{"/river/history type post"}},
		"an object":               {[][2]string{{"river", "{}"}}, []string{"/river type post"}},
		"NaN":                     {[][2]string{{"humidity", "NaN"}}, []string{"/humidity type number"}},
		"a comma":                 {[][2]string{{"river.value", "1,5"}}, []string{"/river/value type number"}},
		"hexadecimal":             {[][2]string{{"humidity", "0x1p4"}}, []string{"/humidity type number"}},
		"another JSON value":      {[][2]string{{"humidity", "1,\"explain\":false"}}, []string{"/humidity type number"}},
		"true for a number":       {[][2]string{{"humidity", "true"}}, []string{"/humidity type number"}},
		"a number for true":       {[][2]string{{"explain", "1"}}, []string{"/explain type true"}},
		"a code":                  {[][2]string{{"river.value", "-9999"}}, []string{"/river/value range code"}},
		"infinite":                {[][2]string{{"humidity", "1e999"}}, []string{"/humidity not_finite too large"}},
		"two":                     {[][2]string{{"humid", "1"}, {"site.area_km2", "x"}}, []string{"/humid unknown_field humidity", "/site/area_km2 type number"}},
	} {
		var q Query
		q.Add("latitude", "45")
		q.Add("longitude", "9")
		q.Add("rainfall_mm", "3")
		for _, p := range c.parameters {
			q.Add(p[0], p[1])
		}
		var w FloodRisk
		r, err := asked(t, q.Decode(&w), &w)
		_, _, vs := Classify(err)
		if err == nil {
			vs = r.Validate()
		}
		if len(vs) != len(c.want) {
			t.Errorf("%s: %+v", name, vs)
			continue
		}
		for i, want := range c.want {
			part := strings.SplitN(want, " ", 3)
			if v := vs[i]; v.Pointer != part[0] || v.Code != part[1] || !strings.Contains(v.Detail, part[2]) {
				t.Errorf("%s: %+v, want %s", name, v, want)
			}
		}
	}
	var many Query
	for i := range 100 {
		many.Add(strings.Repeat("x", i+1), "")
	}
	var w FloodRisk
	if _, _, vs := Classify(many.Decode(&w)); len(vs) != maxQueryViolations {
		t.Errorf("%d violations", len(vs))
	}
}

func FuzzAQueryNumberIsOneOfJSON(f *testing.F) {
	for _, text := range []string{"", "-", "0", "-0", "00", "01", "1.", ".5", "1e", "1e+", "1e+5", "1E-5", "1e5x", "Infinity", "+1", " 1", "1_0", "0x1", "٣"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var v json.Number
		want := len(text) > 0 && (text[0] == '-' || text[0]-'0' < 10) && strings.TrimSpace(text) == text && json.Unmarshal([]byte(text), &v) == nil
		if got := isNumber(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	})
}

func TestAMissingValueOfAQueryIsMissing(t *testing.T) {
	var q Query
	var w FloodRisk
	for _, name := range parameters {
		q.Add(name, "")
	}
	r, err := asked(t, q.Decode(&w), &w)
	if err != nil || !math.IsNaN(r.RainfallMM) || !math.IsNaN(r.River.Value) || r.LocationID != "" {
		t.Errorf("%+v, %v", r.Inputs, err)
	}
}
