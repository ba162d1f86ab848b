package fileregister

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/fx"
	"pgregory.net/rapid"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

// violations parses data and returns "pointer code" of everything that is wrong with it.
func violations(t *testing.T, p parser, data string) []string {
	t.Helper()
	r, err := parse(p, []byte(data))
	if err == nil {
		return nil
	}
	var e *domain.Error
	if r != nil || !errors.As(err, &e) || e.Kind != domain.KindInvalid {
		t.Fatalf("register %v, error %v", r, err)
	}
	var out []string
	for _, v := range e.Violations {
		out = append(out, v.Pointer+" "+v.Code)
		if v.Detail == "" {
			t.Errorf("%s: no detail", v.Pointer)
		}
	}
	return out
}

func TestBothFormatsGiveTheSameSites(t *testing.T) {
	mill, ford, gauge := unknownSite(), unknownSite(), unknownSite()
	mill.ID, mill.Name, mill.Latitude, mill.Longitude = "self-made-1", "Mill Bridge, made up", 47.25, 11.5
	mill.Normal, mill.FloodThreshold = 0.8, 2.4
	mill.Site.AreaKM2, mill.Site.ElevationM, mill.Site.SnowFraction = 310.5, 820, 0.31
	ford.ID, ford.Name, ford.Latitude, ford.Longitude = "self-made-2", "Ford without a gauge", -1.5, 36.75
	ford.Site.AreaKM2, ford.Site.ElevationM = 95, 1650
	gauge.ID, gauge.Normal, gauge.FloodThreshold = "self-made-3", 12, 240

	for _, file := range []string{"sites.csv", "sites.geojson"} {
		r, err := New(Config{Path: filepath.Join("testdata", file)})
		if err != nil {
			t.Fatal(err)
		}
		if r.Len() != 3 {
			t.Errorf("%s: %d sites", file, r.Len())
		}
		for _, want := range []ports.RegisteredSite{mill, ford, gauge} {
			got, ok := r.Lookup(want.ID)
			if d := cmp.Diff(want, got, cmpopts.EquateNaNs()); !ok || d != "" {
				t.Errorf("%s, %s: found %v (-want +got):\n%s", file, want.ID, ok, d)
			}
		}
		if _, ok := r.Lookup("elsewhere"); ok {
			t.Errorf("%s: a site that is not registered was found", file)
		}
	}
}

func TestEveryBadLineOfACSVFileIsReported(t *testing.T) {
	const header = "location_id,name,latitude,longitude,normal,flood_threshold,area_km2\n"
	for name, c := range map[string]struct {
		data string
		want []string
	}{
		"many lines": {
			header + "a,A,47,11,1,2,100\n" +
				"b,B,91,11,1,2,100\n" + // latitude
				"c,C,47,11,2,2,-999\n" + // threshold not above normal, area
				"a,again,47,11,1,2,100\n" + // duplicate
				",nameless,47,11,1,2,100\n" +
				"d,D,47,11,high,NaN,1e999\n" + // no numbers
				"e,E,47,,1,2,100\n" + // half a place
				"f,F,x,11,1,2,100\n" + // one report, not two
				"g,G,47,11,-999,2,100\n" + // a mark for a missing value
				"h,H,47,11,1,2,100,7\n" + // too many fields
				"i,I,47\n" + // too few
				"j,\"J,47,11,1,2,100\n", // a quote that never ends
			[]string{
				"/lines/3/latitude range", "/lines/4/area_km2 range", "/lines/4/flood_threshold inconsistent",
				"/lines/5/location_id duplicate", "/lines/6/location_id required",
				"/lines/7/normal type", "/lines/7/flood_threshold type", "/lines/7/area_km2 type",
				"/lines/8/longitude required", "/lines/9/latitude type", "/lines/10/normal range",
				"/lines/11 size", "/lines/12 size", "/lines/12/longitude required", "/lines/13 syntax",
			},
		},
		"other ways to write a number": {
			"location_id,area_km2\na,0x10\nb,1_000\nc,\"1,5\"\nd,Inf\ne,1e2\n",
			[]string{"/lines/2/area_km2 type", "/lines/3/area_km2 type", "/lines/4/area_km2 type", "/lines/5/area_km2 type"},
		},
		"unknown and repeated columns": {
			"location_id,area,area_km2,area_km2,\na,1,1,1,1\nb,1,-1,1,1\n",
			[]string{"/lines/1/area unknown_field", "/lines/1/area_km2 duplicate", "/lines/1 required", "/lines/3/area_km2 range"},
		},
		"two words for the name":   {"location_id,name,location_name\na,A,A\n", []string{"/lines/1/location_name duplicate"}},
		"no id column":             {"name\nA\n", []string{"/lines/1/location_id required"}},
		"empty":                    {"", []string{"/lines/1 required"}},
		"semicolons":               {"location_id;name\na;A\n", []string{"/lines/1 syntax"}},
		"UTF-16":                   {"\xff\xfel\x00o\x00", []string{"/lines/1 syntax"}},
		"a bad quote in a header":  {"location_id,\"na\"me\na,A\n", []string{"/lines/1 syntax"}},
		"a bad quote, then a line": {"location_id,name\na,\"A\"A\nb,B,B\n", []string{"/lines/2 syntax", "/lines/3 size"}},
		"invalid UTF-8":            {"location_id,name\n\xff,\xfe\n", []string{"/lines/2/location_id format", "/lines/2/name format"}},
		"long texts": {
			"location_id,name\n" + strings.Repeat("a", domain.MaxTextLength+1) + "," + strings.Repeat("b", domain.MaxTextLength+1) + "\n",
			[]string{"/lines/2/location_id size", "/lines/2/name size"},
		},
		"only a header": {header, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := violations(t, parseCSV, c.data)
			less := func(a, b string) bool { return a < b }
			if d := cmp.Diff(c.want, got, cmpopts.SortSlices(less)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestEveryBadFeatureOfAGeoJSONFileIsReported(t *testing.T) {
	collection := func(features string) string { return `{"type":"FeatureCollection","features":[` + features + `]}` }
	point := `"type":"Feature","geometry":{"type":"Point","coordinates":[11,47]}`
	for name, c := range map[string]struct {
		data string
		want []string
	}{
		"many features": {
			collection(`{` + point + `,"properties":{"location_id":"a","area_km2":"10","soil_dept_m":1}},` +
				`{` + point + `,"id":"a","properties":{"area_km2":-1,"soil_dept_m":1}},` +
				`{"type":"Feature","id":"b","geometry":{"type":"Polygon","coordinates":[]},"properties":null},` +
				`{"type":"Feature","id":"c","geometry":{"type":"Point","coordinates":[200,47]}},` +
				`{"type":"Feature","id":"d","geometry":{"type":"Point","coordinates":[11]}},` +
				`{"type":"Feature","id":"e","geometry":{"type":"Point","coordinates":[null,null]}},` +
				`{` + point + `,"id":"f","properties":{"latitude":48}},` +
				`{` + point + `,"id":{},"properties":{"name":7}},` +
				`{` + point + `},` +
				`{"type":"Point","id":"g","geometry":null},` +
				`{` + point + `,"id":"h","properties":{"normal":1e999}},` +
				`7`),
			[]string{
				"/features/0/properties/area_km2 type", "/features/0/properties/soil_dept_m unknown_field",
				"/features/1/properties/area_km2 range", "/features/1/properties/location_id duplicate",
				"/features/2/geometry/type format", "/features/3/properties/longitude range",
				"/features/4/geometry/coordinates size", "/features/5/geometry/coordinates/0 type",
				"/features/6/properties/latitude inconsistent", "/features/7/id type", "/features/7/properties/name type",
				"/features/8/properties/location_id required", "/features/9/type format",
				"/features/10/properties/normal range", "/features/11 type",
			},
		},
		"wrong types inside":      {collection(`{"type":7},{"type":"Feature","properties":[]},{"geometry":{"coordinates":["x"]}}`), []string{"/features/0/type format", "/features/1/properties type", "/features/2/type format"}},
		"another object":          {`{"type":"Feature"}`, []string{"/type format", "/features required"}},
		"no object":               {`[]`, []string{" type"}},
		"features are no list":    {`{"type":"FeatureCollection","features":{}}`, []string{"/features required"}},
		"another map projection":  {`{"type":"FeatureCollection","crs":{"properties":{"name":"EPSG:3857"}},"features":[]}`, []string{"/crs format"}},
		"something after the end": {collection("") + "x", []string{" syntax"}},
		"cut off":                 {collection(`{` + point + `,"id":"a"}`)[:100], []string{"/features/0/geometry/coordinates syntax"}},
		"a repeated property":     {collection(`{` + point + `,"id":"a","id":"b"}`), []string{"/features/0/id syntax"}},
		"empty":                   {"", []string{" syntax"}},
		"empty ids":               {collection(`{` + point + `,"id":" "},{` + point + `,"properties":{"location_id":""}}`), []string{"/features/0/id required", "/features/1/properties/location_id required"}},
		"numbers as ids":          {collection(`{` + point + `,"id":7},{` + point + `,"properties":{"location_id":8}}`), nil},
		"foreign members":         {`{"name":"x","bbox":[0],"crs":null,"type":"FeatureCollection","features":[{` + point + `,"id":"a","bbox":[1]}]}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := violations(t, parseGeoJSON, c.data)
			less := func(a, b string) bool { return a < b }
			if d := cmp.Diff(c.want, got, cmpopts.SortSlices(less)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestMessagesSayWhereAndWhatWouldBeRight(t *testing.T) {
	_, err := parse(parseCSV, []byte("location_id,elevation,flod_threshold\na,1,2\na,3,4\nb,low,1\n"))
	var e *domain.Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	var got []string
	for _, v := range e.Violations {
		got = append(got, v.Detail)
	}
	want := []string{
		"line 1, elevation: there is no such column; did you mean elevation_m?",
		"line 1, flod_threshold: there is no such column; did you mean flood_threshold?",
		`line 3, location_id: "a" stands at line 2 already`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if e.Msg != "problems in the file: 3; nothing was loaded" {
		t.Errorf("message %q", e.Msg)
	}
}

func TestAByteOrderMarkCRLFAndSpacesAreTolerated(t *testing.T) {
	r, err := parse(parseCSV, []byte("\xef\xbb\xbflocation_id , latitude,longitude\r\n a , 47 ,11\r\n\r\n\"b\",,\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := r.Lookup("a"); !ok || s.Latitude != 47 || s.Longitude != 11 || r.Len() != 2 {
		t.Errorf("%d sites, a is %+v", r.Len(), s)
	}
}

func TestCodesForNoDataAreRefused(t *testing.T) {
	for _, code := range []string{"-9999", "-999999", "999999", "9999.9", "-28316.8", "-8.88"} {
		got := violations(t, parseCSV, "location_id,normal,flood_threshold\na,"+code+",2e6\nb,-2e6,"+code+"\n")
		if d := cmp.Diff([]string{"/lines/2/normal range", "/lines/3/flood_threshold range"}, got); d != "" {
			t.Errorf("%s: %s", code, d)
		}
	}
}

func TestTheNearestIDIsFoundAmongMany(t *testing.T) {
	var file strings.Builder
	file.WriteString("location_id\n")
	for i := range 20_000 {
		fmt.Fprintf(&file, "gauge-%05d\n", i)
	}
	r, err := parse(parseCSV, []byte(file.String()))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"gauge-12345x", "gauge-1234"} {
		if got := r.Nearest(id); !strings.HasPrefix(got, "gauge-12") {
			t.Errorf("%s is near %q", id, got)
		}
	}
	if got := r.Nearest("Somewhere on the Danube"); got != "" {
		t.Errorf("%q is near", got)
	}
}

func TestTheListOfProblemsIsBoundedAndTheCountIsNot(t *testing.T) {
	var b strings.Builder
	b.WriteString("location_id\n")
	for range 5000 {
		b.WriteString("a\n")
	}
	_, err := parse(parseCSV, []byte(b.String()))
	var e *domain.Error
	if !errors.As(err, &e) || len(e.Violations) != maxListed || !strings.Contains(e.Msg, "4999") || !strings.Contains(e.Msg, "first 1000") {
		t.Errorf("%d violations, message %q", len(e.Violations), e.Msg)
	}
}

func TestTooManySitesAreRefusedOnce(t *testing.T) {
	for name, p := range map[string]parser{"csv": parseCSV, "geojson": parseGeoJSON} {
		l := newLoader()
		l.register.sites = make([]ports.RegisteredSite, maxSites)
		data := "location_id\na\nb\n"
		if name == "geojson" {
			data = `{"type":"FeatureCollection","features":[{},{}]}`
		}
		p(l, []byte(data))
		if l.problems != 1 || l.listed[0].Code != domain.CodeSize {
			t.Errorf("%s: %d problems, %v", name, l.problems, l.listed)
		}
	}
}

func TestAFileThatCannotBeReadSaysWhy(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.csv")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, maxBytes+1); err != nil { // a hole, not 64 MiB of disk
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.csv"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]domain.Kind{
		filepath.Join(dir, "absent.csv"): domain.KindNotFound,
		filepath.Join(dir, "folder.csv"): domain.KindInvalid,
		filepath.Join(dir, "sites.xlsx"): domain.KindInvalid,
		large:                            domain.KindInvalid,
	} {
		r, err := New(Config{Path: path})
		if r != nil || domain.KindOf(err) != want {
			t.Errorf("%s: register %v, error %v, want kind %v", filepath.Base(path), r, err, want)
		}
	}
}

func TestWithoutAPathTheRegisterIsEmpty(t *testing.T) {
	r, err := New(DefaultConfig())
	if err != nil || r.Len() != 0 {
		t.Fatalf("%v, %v", r, err)
	}
	if _, ok := r.Lookup("a"); ok {
		t.Error("found a site")
	}
}

func TestConfigRefusesAFormatThatIsNotKnown(t *testing.T) {
	for path, want := range map[string]bool{"": true, "a.csv": true, "A.CSV": true, "a.geojson": true, "a.json": true, "a.txt": false, "csv": false} {
		if err := (Config{Path: path}).Validate(); (err == nil) != want {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestModuleProvidesTheRegisterOrStopsTheStart(t *testing.T) {
	var r ports.SiteRegister
	if err := fx.New(fx.NopLogger, Module(Config{Path: "testdata/sites.csv"}), fx.Populate(&r)).Err(); err != nil || r.Len() != 3 {
		t.Errorf("%v, %v", r, err)
	}
	if err := fx.New(fx.NopLogger, Module(Config{Path: "testdata/absent.csv"}), fx.Populate(&r)).Err(); err == nil {
		t.Error("started without its register")
	}
}

func TestWhatIsWrittenAsCSVIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-zäöü,"; \n]{0,12}x`)
		want := make(map[string]ports.RegisteredSite)
		var file bytes.Buffer
		w := csv.NewWriter(&file)
		order := rapid.Permutation(columns).Draw(t, "columns")
		must(t, w.Write(order))
		for n := range rapid.IntRange(0, 5).Draw(t, "sites") {
			s := unknownSite()
			s.ID, s.Name = fmt.Sprintf("%d%s", n, strings.TrimSpace(text.Draw(t, "id"))), strings.TrimSpace(text.Draw(t, "name"))
			for c := colLatitude; c < len(columns); c++ {
				if c <= colLongitude || rapid.Bool().Draw(t, "known") {
					*number(&s, c) = rapid.Float64Range(-1e-3, 0).Draw(t, columns[c]) + 2e-3 // within every range
				}
			}
			if s.FloodThreshold <= s.Normal {
				s.Normal, s.FloodThreshold = s.FloodThreshold, s.Normal+1
			}
			if s.Site.GeologyPermeabilityLog10M2 > 0 {
				s.Site.GeologyPermeabilityLog10M2 *= -1
			}
			record := make([]string, len(order))
			for i, name := range order {
				switch c := slices.Index(columns, name); c {
				case colID:
					record[i] = s.ID
				case colName:
					record[i] = s.Name
				default:
					if v := *number(&s, c); v == v {
						record[i] = strconv.FormatFloat(v, 'g', -1, 64)
					}
				}
			}
			must(t, w.Write(record))
			want[s.ID] = s
		}
		w.Flush()
		r, err := parse(parseCSV, file.Bytes())
		if err != nil {
			t.Fatalf("%v in\n%s", err, file.String())
		}
		for id, s := range want {
			got, _ := r.Lookup(id)
			if d := cmp.Diff(s, got, cmpopts.EquateNaNs()); d != "" {
				t.Fatalf("%s (-want +got):\n%s", id, d)
			}
		}
	})
}

func must(t *rapid.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

// checkParsed holds whatever a parser made of arbitrary bytes to the register's promises.
func checkParsed(t *testing.T, p parser, data []byte) {
	r, err := parse(p, data)
	if err != nil {
		var e *domain.Error
		if r != nil || !errors.As(err, &e) || len(e.Violations) == 0 || len(e.Violations) > maxListed {
			t.Fatalf("register %v, error %v", r, err)
		}
		return
	}
	if len(r.byID) != r.Len() {
		t.Fatalf("%d ids of %d sites", len(r.byID), r.Len())
	}
	for id := range r.byID {
		s, ok := r.Lookup(id)
		if !ok || s.ID != id || id == "" {
			t.Fatalf("%q: %v, %+v", id, ok, s)
		}
		q := risk.NewRequest()
		q.Latitude, q.Longitude, q.RainfallMM = 0, 0, 0
		if s.Latitude == s.Latitude {
			q.Latitude, q.Longitude = s.Latitude, s.Longitude
		}
		q.Site, q.River.Normal, q.River.FloodThreshold = s.Site, s.Normal, s.FloodThreshold
		if vs := q.Validate(); vs != nil {
			t.Fatalf("%q was accepted with %v", id, vs)
		}
	}
}

func FuzzCSV(f *testing.F) {
	seed(f, "sites.csv")
	f.Add([]byte("location_id,area_km2\r\na,1\r\n\"b\"\"\",2\r\n"))
	f.Add([]byte("\xef\xbb\xbflocation_id\na,b\n"))
	f.Fuzz(func(t *testing.T, data []byte) { checkParsed(t, parseCSV, data) })
}

func FuzzGeoJSON(f *testing.F) {
	seed(f, "sites.geojson")
	f.Add([]byte(`{"type":"FeatureCollection","features":[{"type":"Feature","id":1,"geometry":{"type":"Point","coordinates":[0,0]}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) { checkParsed(t, parseGeoJSON, data) })
}

func seed(f *testing.F, file string) {
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
}

func BenchmarkParseCSV(b *testing.B) {
	var file strings.Builder
	file.WriteString("location_id,name,latitude,longitude,normal,flood_threshold,area_km2,elevation_m\n")
	const sites = 10_000
	for i := range sites {
		fmt.Fprintf(&file, "site-%d,Site %d,47.5,11.25,0.8,2.4,310.5,%d\n", i, i, i%3000)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parse(parseCSV, []byte(file.String())); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(sites*b.N)/b.Elapsed().Seconds(), "sites/s")
}

func BenchmarkLookup(b *testing.B) {
	r, err := New(Config{Path: "testdata/sites.csv"})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Lookup("self-made-2")
	}
}
