package strictjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"github.com/guardy-ai/guardy/domain"
)

type river struct {
	Value          float64 `json:"value" missing:"nan"`
	FloodThreshold float64 `json:"flood_threshold" missing:"nan"`
}

type place struct {
	Latitude   float64            `json:"latitude" missing:"nan"`
	Longitude  *float64           `json:"longitude,omitempty"`
	LocationID string             `json:"location_id"`
	Name       *string            `json:"name"`
	Explain    *bool              `json:"explain"`
	Hours      int32              `json:"hours"`
	Rain       []float64          `json:"rainfall_history_mm"`
	Horizons   []int32            `json:"horizons"`
	River      river              `json:"river"`
	Gauge      *river             `json:"gauge"`
	Others     map[string]float64 `json:"others"`
	Extent     json.RawMessage    `json:"extent"`
	Tree       map[string]any     `json:"tree"`
	Struct     *structpb.Struct   `json:"struct"`
	Ignored    chan int
	hidden     int //nolint:unused // an unexported field, as generated messages have
}

type batch struct {
	Locations []*place `json:"locations"`
	Places    []place  `json:"places"`
}

func ptr[T any](v T) *T { return &v }

func TestDecodeSetsEveryKindOfField(t *testing.T) {
	var got place
	err := Decode([]byte(` {"latitude":6.5,"longitude":-3.25e0,"location_id":"L\u00e9\ud83c\udf0a\n","name":"x","explain":false,
		"hours":12,"rainfall_history_mm":[1,null,2.5],"horizons":[1,3],"river":{"value":2},"gauge":{"flood_threshold":3},
		"others":{"a/b":1,"c":null},"extent":{"type":"Point", "coordinates":[1,2]}} `), &got, Options{})
	if err != nil {
		t.Fatal(err)
	}
	nan := math.NaN()
	want := place{
		Latitude: 6.5, Longitude: ptr(-3.25), LocationID: "Lé🌊\n", Name: ptr("x"), Explain: ptr(false), Hours: 12,
		Rain: []float64{1, nan, 2.5}, Horizons: []int32{1, 3}, River: river{2, nan}, Gauge: &river{nan, 3},
		Others: map[string]float64{"a/b": 1, "c": nan}, Extent: json.RawMessage(`{"type":"Point", "coordinates":[1,2]}`),
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.IgnoreUnexported(place{}, structpb.Struct{})); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeReadsAbsentAndNullAlike(t *testing.T) {
	for _, body := range []string{
		`{}`,
		`{"latitude":null,"longitude":null,"location_id":null,"name":null,"explain":null,"hours":null,"rainfall_history_mm":null,` +
			`"river":null,"gauge":null,"others":null,"extent":null}`,
	} {
		var got place
		if err := Decode([]byte(body), &got, Options{}); err != nil {
			t.Fatal(err)
		}
		nan := math.NaN()
		want := place{Latitude: nan, River: river{nan, nan}}
		if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.IgnoreUnexported(place{}, structpb.Struct{})); diff != "" {
			t.Error(diff)
		}
	}
}

func TestAnyObjectIsDecodedToATree(t *testing.T) {
	const object = `{"type":"Polygon","at":[[[1,-2.5e1]],[]],"is":[true,false,null,"\u00e9"],"in":{"a":{}}}`
	want := map[string]any{
		"type": "Polygon", "at": []any{[]any{[]any{1.0, -25.0}}, []any{}}, "is": []any{true, false, nil, "é"}, "in": map[string]any{"a": map[string]any{}},
	}
	var got place
	if err := Decode([]byte(`{"tree":`+object+`,"struct":`+object+`}`), &got, Options{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Tree); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, got.Struct.AsMap()); diff != "" {
		t.Error(diff)
	}
	for _, field := range []string{"tree", "struct"} {
		for bad, violation := range map[string]string{
			`[]`: "/FIELD type", `{"a":{"b":1,"b":2}}`: "/FIELD/a/b duplicate", `{"a":[0,1e999]}`: "/FIELD/a/1 not_finite",
		} {
			var got place
			err := Decode([]byte(`{"`+field+`":`+bad+`}`), &got, Options{})
			vs := Violations(err)
			if len(vs) != 1 || vs[0].Pointer+" "+vs[0].Code != strings.Replace(violation, "FIELD", field, 1) || got.Tree != nil || got.Struct != nil {
				t.Errorf("%s %s: %v, kept %v %v", field, bad, err, got.Tree, got.Struct)
			}
		}
	}
}

func TestATreeThatIsTooLargeIsNotKept(t *testing.T) {
	for _, field := range []string{"tree", "struct"} {
		var got place
		body := `{"` + field + `":{"a":[` + strings.TrimSuffix(strings.Repeat("1,", maxNodes+100), ",") + `]}}`
		err := Decode([]byte(body), &got, Options{})
		vs := Violations(err)
		if len(vs) != 1 || vs[0].Code != domain.CodeSize || got.Tree != nil || got.Struct != nil {
			t.Errorf("%s: %v", field, err)
		}
		body = `{"` + field + `":{"a":[` + strings.TrimSuffix(strings.Repeat("1,", maxNodes-2), ",") + `]}}`
		if err := Decode([]byte(body), &got, Options{}); err != nil || got.Tree == nil && got.Struct == nil {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestDecodeRefusesWhatIsNotJSON(t *testing.T) {
	for body, want := range map[string]string{
		"":                                  "empty",
		" \n":                               "empty",
		`{"latitude":1} x`:                  "after the end",
		`{"latitude":1}{}`:                  "after the end",
		`{"latitude":NaN}`:                  "NaN is not a JSON number",
		`{"latitude":-Infinity}`:            "-Infinity is not a JSON number",
		`{"latitude":1`:                     "ends where",
		`{"latitude" 1}`:                    "colon",
		`{"latitude":01}`:                   "comma",
		`{"latitude":+1}`:                   "expected",
		`{"latitude":.5}`:                   "expected",
		`{"latitude":1.}`:                   "after the decimal point",
		`{"latitude":1e}`:                   "exponent",
		`{"latitude":1,}`:                   "field name",
		`{'latitude':1}`:                    "field name",
		`{"location_id":"a`:                 "does not end",
		"{\"location_id\":\"\xff\"}":        "UTF-8",
		"{\"location_id\":\"é\\n\xc3\"}":    "UTF-8",
		"{\"\xffx\":1}":                     "UTF-8",
		`{"location_id":"\ud83c"}`:          "surrogate",
		`{"location_id":"\x"}`:              "escape",
		"{\"location_id\":\"a\nb\"}":        "control character",
		"\xef\xbb\xbf{}":                    "expected",
		`{"extent":[1,}`:                    "expected",
		`{"latitude":tru}`:                  "expected",
		`location=1`:                        "expected",
		"{\"latitude\":1}\x00":              "after the end",
		strings.Repeat("[", 10_000):         "deeper than 32",
		strings.Repeat(`{"extent":`, 10000): "deeper than 32",
		`{"extent":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`: "deeper than 32",
	} {
		err := Decode([]byte(body), new(place), Options{})
		var e *domain.Error
		if !errors.As(err, &e) || e.Kind != domain.KindMalformed || len(e.Violations) != 1 ||
			e.Violations[0].Code != domain.CodeSyntax || !strings.Contains(e.Violations[0].Detail, want) {
			t.Errorf("%.40q: got %v, want malformed with %q", body, err, want)
		}
	}
}

func TestDecodeReportsEveryViolationOfShape(t *testing.T) {
	err := Decode([]byte(`{"latitude":"1","longitud":1,"hours":1.5,"hours":2,"name":5,"explain":"yes","rainfall_history_mm":[1,"a",{}],
		"river":[],"gauge":{"valeu":{"deep":[1]}},"LATITUDE":1,"horizons":[1,99999999999],"others":{"a~/b":"x","c":1,"c":2},
		"extent":{"anything":[]},"lat":0,"zzz":0,"":1e999}`), new(place), Options{})
	got := Violations(err)
	want := []domain.Violation{
		{Pointer: "/latitude", Code: domain.CodeType, Detail: "a number is required, not a string"},
		{Pointer: "/longitud", Code: domain.CodeUnknownField, Detail: `there is no field "longitud"; did you mean "longitude"?`},
		{Pointer: "/hours", Code: domain.CodeType, Detail: "a whole number is required"},
		{Pointer: "/hours", Code: domain.CodeDuplicate, Detail: "the field is given more than once"},
		{Pointer: "/name", Code: domain.CodeType, Detail: "a string is required, not a number"},
		{Pointer: "/explain", Code: domain.CodeType, Detail: "true or false is required, not a string"},
		{Pointer: "/rainfall_history_mm/1", Code: domain.CodeType, Detail: "a number is required, not a string"},
		{Pointer: "/rainfall_history_mm/2", Code: domain.CodeType, Detail: "a number is required, not an object"},
		{Pointer: "/river", Code: domain.CodeType, Detail: "an object is required, not an array"},
		{Pointer: "/gauge/valeu", Code: domain.CodeUnknownField, Detail: `there is no field "valeu"; did you mean "value"?`},
		{Pointer: "/LATITUDE", Code: domain.CodeUnknownField, Detail: `there is no field "LATITUDE"; did you mean "latitude"?`},
		{Pointer: "/horizons/1", Code: domain.CodeRange, Detail: "9.9999999999e+10 is outside -2.147483648e+09 to 2.147483647e+09"},
		{Pointer: "/others/a~0~1b", Code: domain.CodeType, Detail: "a number is required, not a string"},
		{Pointer: "/others/c", Code: domain.CodeDuplicate, Detail: "the field is given more than once"},
		{Pointer: "/lat", Code: domain.CodeUnknownField, Detail: `there is no field "lat"; did you mean "latitude"?`},
		{Pointer: "/zzz", Code: domain.CodeUnknownField, Detail: `there is no field "zzz"`},
		{Pointer: "/", Code: domain.CodeUnknownField, Detail: `there is no field ""`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if domain.KindOf(err) != domain.KindInvalid {
		t.Error("kind", domain.KindOf(err))
	}
}

func TestDecodeNamesTheTopLevelByTheEmptyPointer(t *testing.T) {
	for body, got := range map[string]string{`[]`: "an array", `null`: "null", `"a"`: "a string", `1`: "a number"} {
		want := []domain.Violation{{Code: domain.CodeType, Detail: "an object is required, not " + got}}
		if diff := cmp.Diff(want, Violations(Decode([]byte(body), new(place), Options{}))); diff != "" {
			t.Error(body, diff)
		}
	}
}

func TestDecodeRefusesNumbersTooLargeToRepresent(t *testing.T) {
	want := []domain.Violation{{Pointer: "/latitude", Code: domain.CodeNotFinite, Detail: "the number is too large to be represented"}}
	if diff := cmp.Diff(want, Violations(Decode([]byte(`{"latitude":-1e999}`), new(place), Options{}))); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeKeepsWhatItCouldReadNextToAViolation(t *testing.T) {
	var got place
	err := Decode([]byte(`{"latitude":"x","longitude":2,"gauge":{"value":true,"flood_threshold":4}}`), &got, Options{})
	if err == nil || got.Longitude == nil || *got.Longitude != 2 || got.Gauge == nil || got.Gauge.FloodThreshold != 4 || got.Latitude == got.Latitude {
		t.Errorf("err %v, got %+v", err, got)
	}
}

func TestCamelCaseNamesAreAcceptedOnlyWhenAskedFor(t *testing.T) {
	body := []byte(`{"locationId":"a","rainfallHistoryMm":[1]}`)
	if vs := Violations(Decode(body, new(place), Options{})); len(vs) != 2 || vs[0].Code != domain.CodeUnknownField {
		t.Error(vs)
	}
	var got place
	if err := Decode(body, &got, Options{CamelCase: true}); err != nil || got.LocationID != "a" || len(got.Rain) != 1 {
		t.Error(err, got)
	}
	vs := Violations(Decode([]byte(`{"locationId":"a","location_id":"b"}`), &got, Options{CamelCase: true}))
	if len(vs) != 1 || vs[0].Pointer != "/location_id" || vs[0].Code != domain.CodeDuplicate {
		t.Error(vs)
	}
}

func TestViolationsOfABatchNameTheItem(t *testing.T) {
	var got batch
	err := Decode([]byte(`{"locations":[{"latitude":1},{"latitude":"1"},null],"places":[{},{"river":{"value":"x"}}],"location":1}`), &got, Options{})
	items, rest := ByItem(Violations(err), "/locations")
	if len(items) != 2 || items[1][0].Pointer != "/locations/1/latitude" || items[2][0].Pointer != "/locations/2" {
		t.Error(items)
	}
	if len(rest) != 2 || rest[0].Pointer != "/places/1/river/value" || rest[1].Pointer != "/location" {
		t.Error(rest)
	}
	if len(got.Locations) != 3 || len(got.Places) != 2 || got.Places[0].Latitude == got.Places[0].Latitude {
		t.Errorf("%+v", got)
	}
}

func TestEveryBadItemIsReportedHoweverBadTheOthersAre(t *testing.T) {
	bad := `{` + strings.Repeat(`"x":1,`, 500) + `"latitude":"1"}`
	body := `{"places":[` + strings.Repeat(bad+",", 30) + `{},` + bad + `]` + strings.Repeat(`,"y":1`, 500) + `}`
	items, rest := ByItem(Violations(Decode([]byte(body), new(batch), Options{})), "/places")
	if len(items) != 31 || len(items[31]) != maxItemViolations+1 || items[30] != nil {
		t.Errorf("%d items, the last has %d", len(items), len(items[31]))
	}
	if last := items[31][maxItemViolations]; last.Pointer != "/places/31" || last.Detail != "485 more violations are not listed" {
		t.Error(last)
	}
	if len(rest) != maxViolations+1 || rest[maxViolations].Detail != "400 more violations are not listed" {
		t.Errorf("%d of the whole: %v", len(rest), rest[len(rest)-1])
	}
}

// To report the nearest name of each of half a million keys took three seconds of a processor.
func TestDetailsStopAtTheLimitThatIsReported(t *testing.T) {
	allocations := func(keys int) float64 {
		body := []byte("{" + strings.Repeat(`"latitud":1,`, keys) + `"hours":1}`)
		return testing.AllocsPerRun(1, func() {
			vs := Violations(Decode(body, new(place), Options{}))
			if last := vs[len(vs)-1]; len(vs) != 101 || last.Code != domain.CodeSize || last.Detail != strconv.Itoa(keys-100)+" more violations are not listed" {
				t.Errorf("%d violations, the last of which is %v", len(vs), last)
			}
		})
	}
	if few, many := allocations(1000), allocations(100_000); many > few+100 {
		t.Errorf("%v allocations for a hundred thousand unknown keys, %v for a thousand", many, few)
	}
}

func TestMoreItemsThanAllowedAreCountedButNotKept(t *testing.T) {
	var got batch
	vs := Violations(Decode([]byte(`{"places":[{},{},{},{"unknown":1}]}`), &got, Options{MaxItems: 2}))
	want := []domain.Violation{{Pointer: "/places", Code: domain.CodeSize, Detail: "4 items were given, 1 to 2 are allowed"}}
	if diff := cmp.Diff(want, vs); diff != "" || len(got.Places) != 2 {
		t.Error(diff, len(got.Places))
	}
}

func TestMergeDropsWhatFollowsFromAViolationOfShape(t *testing.T) {
	v := func(p, c string) domain.Violation { return domain.Violation{Pointer: p, Code: c} }
	shape := []domain.Violation{v("/latitude", domain.CodeType), v("/longitud", domain.CodeUnknownField)}
	meaning := []domain.Violation{v("/latitude", domain.CodeRequired), v("/longitude", domain.CodeRequired)}
	want := []domain.Violation{shape[0], shape[1], meaning[1]}
	if diff := cmp.Diff(want, Merge(shape, meaning)); diff != "" {
		t.Error(diff)
	}
	if got := Merge([]domain.Violation{v("", domain.CodeType)}, meaning); len(got) != 1 {
		t.Error(got)
	}
	if got := Merge(shape, []domain.Violation{v("", domain.CodeRequired)}); len(got) != len(shape) {
		t.Error(got)
	}
}

func TestOptionalNumbersThatShareMemoryStayApart(t *testing.T) {
	const n = 40
	body := `{"points":[{"x":0}`
	for i := 1; i < n; i++ {
		body += `,{"x":` + strconv.Itoa(i) + `}`
	}
	type point struct {
		X *float64 `json:"x"`
	}
	var v struct {
		Points []point `json:"points"`
	}
	if err := Decode([]byte(body+"]}"), &v, Options{}); err != nil {
		t.Fatal(err)
	}
	for i := range v.Points {
		if *v.Points[i].X != float64(i) {
			t.Errorf("number %d is %v", i, *v.Points[i].X)
		}
		*v.Points[i].X = -1
	}
	if len(v.Points) != n {
		t.Errorf("%d points", len(v.Points))
	}
}

func TestDecodedStringsDoNotAliasTheBody(t *testing.T) {
	body := []byte(`{"location_id":"station","extent":[1]}`)
	var got place
	if err := Decode(body, &got, Options{}); err != nil {
		t.Fatal(err)
	}
	clear(body)
	if got.LocationID != "station" || string(got.Extent) != "[1]" {
		t.Errorf("%+v", got)
	}
}

func TestPlainFloatsEqualStrconv(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,16})(\.[0-9]{1,12})?(e-?[0-9])?`).Draw(t, "text")
		want, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		d := decoder{data: []byte(text + ",")}
		got, plain := d.plainFloat()
		if plain && (math.Float64bits(got) != math.Float64bits(want) || d.pos != len(text)) {
			t.Fatalf("%s: got %v and byte %d, want %v", text, got, d.pos, want)
		}
		digits := len(strings.Trim(strings.ReplaceAll(text, ".", ""), "-"))
		if short := digits <= 15 && !strings.Contains(text, "e"); plain != short {
			t.Fatalf("%s is plain: %v", text, plain)
		}
	})
}

// A document of names that the contract does not have costs no search for what each of them was meant to be.
func TestNamesBeyondTheListOfViolationsAreOnlyCounted(t *testing.T) {
	var body strings.Builder
	const names = 200_000
	body.WriteString(`{"latitude":1`)
	for i := range names {
		fmt.Fprintf(&body, `,"k%d":0`, i)
	}
	body.WriteByte('}')
	text := []byte(body.String())
	var p place
	var err error
	allocations := testing.AllocsPerRun(1, func() { err = Decode(text, &p, Options{}) })
	vs := Violations(err)
	if len(vs) != maxViolations+1 {
		t.Fatalf("%d violations", len(vs))
	}
	if want := strconv.Itoa(names-maxViolations) + " more violations are not listed"; vs[maxViolations].Detail != want {
		t.Errorf("%q, want %q", vs[maxViolations].Detail, want)
	}
	if allocations > 100*maxViolations {
		t.Errorf("%v allocations for %d names", allocations, names)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{}`, benchmarkBody, `{"locations":[{"latitude":1},null]}`, `{"latitude":NaN}`, "{\"a\":\"\xff\"}", `{"a":"\ud800\udc00"}`,
		`{"extent":[[[]]],"others":{"a":1e999,"a":-0}}`, `{"tree":{"a":[{"b":[null,"",1,true]}]},"struct":{"a":{},"a":[]}}`, `{"latitude":1e308,"latitude":1}`, "[1,2]", `"\u0000"`, "-0", "1e-400",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, target := range []any{new(place), new(batch)} {
			before := string(body)
			err := Decode(body, target, Options{CamelCase: true, MaxItems: 5})
			if string(body) != before {
				t.Fatal("the body was changed")
			}
			valid := jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true))
			malformed := err != nil && domain.KindOf(err) == domain.KindMalformed
			if deep := malformed && strings.Contains(err.Error(), "deeper than"); valid == malformed && !deep {
				t.Fatalf("valid JSON: %v, yet %v", valid, err)
			}
			for _, v := range Violations(err) {
				if v.Code == "" || v.Detail == "" || (v.Pointer != "" && v.Pointer[0] != '/') {
					t.Fatalf("%+v", v)
				}
				if jsontext.Pointer(v.Pointer).IsValid() == false {
					t.Fatalf("pointer %q", v.Pointer)
				}
			}
			if err == nil {
				agree(t, body, target)
			}
		}
	})
}

// agree checks that encoding/json reads the same out of a document that Decode found good. It cannot
// tell NaN, so those are compared only for place.
func agree(t *testing.T, body []byte, target any) {
	p, ok := target.(*place)
	if !ok {
		return
	}
	var want map[string]any
	if err := json.Unmarshal(body, &want); err != nil {
		t.Fatal(err)
	}
	if f, ok := want["latitude"].(float64); ok && f != p.Latitude {
		t.Fatalf("latitude %v, want %v", p.Latitude, f)
	}
	if s, ok := want["location_id"].(string); ok && s != p.LocationID {
		t.Fatalf("location_id %q, want %q", p.LocationID, s)
	}
	for field, got := range map[string]map[string]any{"tree": p.Tree, "struct": p.Struct.AsMap()} {
		if o, ok := want[field].(map[string]any); ok && !cmp.Equal(o, got, cmpopts.EquateEmpty()) {
			t.Fatalf("%s %v, want %v", field, got, o)
		}
	}
	if a, ok := want["rainfall_history_mm"].([]any); ok && len(a) != len(p.Rain) {
		t.Fatalf("%d days, want %d", len(p.Rain), len(a))
	}
}

// benchmarkBody is a flood-risk request of the usual size.
const benchmarkBody = `{"latitude":38.4192,"longitude":-82.4452,"rainfall_mm":41.2,"temperature":17.4,"humidity":88,"location_id":"03206600",` +
	`"location_name":"East Fork Twelvepole Creek","date":"2014-04-29","rainfall_7d_mean":9.8,"rainfall_30d_mean":4.1,` +
	`"rainfall_history_mm":[12.4,0,3.1,0.2,22.8,0,0],"temperature_7d_mean":15.2,"temperature_30d_mean":12.9,` +
	`"river":{"value":1.82,"normal":0.64,"flood_threshold":3.4},"site":{"elevation_m":291.5,"slope_m_per_km":38.4,"area_km2":98.7},"explain":true}`

type benchmarkRequest struct {
	Latitude          float64   `json:"latitude" missing:"nan"`
	Longitude         float64   `json:"longitude" missing:"nan"`
	RainfallMM        float64   `json:"rainfall_mm" missing:"nan"`
	Temperature       float64   `json:"temperature" missing:"nan"`
	Humidity          float64   `json:"humidity" missing:"nan"`
	LocationID        string    `json:"location_id"`
	LocationName      string    `json:"location_name"`
	Date              string    `json:"date"`
	Rainfall7dMean    float64   `json:"rainfall_7d_mean" missing:"nan"`
	Rainfall30dMean   float64   `json:"rainfall_30d_mean" missing:"nan"`
	RainfallHistoryMM []float64 `json:"rainfall_history_mm"`
	Temperature7d     float64   `json:"temperature_7d_mean" missing:"nan"`
	Temperature30d    float64   `json:"temperature_30d_mean" missing:"nan"`
	River             struct {
		Value          float64 `json:"value" missing:"nan"`
		Normal         float64 `json:"normal" missing:"nan"`
		FloodThreshold float64 `json:"flood_threshold" missing:"nan"`
	} `json:"river"`
	Site struct {
		ElevationM  float64 `json:"elevation_m" missing:"nan"`
		SlopeMPerKM float64 `json:"slope_m_per_km" missing:"nan"`
		AreaKM2     float64 `json:"area_km2" missing:"nan"`
	} `json:"site"`
	Explain bool `json:"explain"`
}

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(benchmarkBody)))
	body := []byte(benchmarkBody)
	for b.Loop() {
		var r benchmarkRequest
		if err := Decode(body, &r, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTokens is the floor of any decoder that stands on jsontext's tokens.
func BenchmarkTokens(b *testing.B) {
	b.ReportAllocs()
	body := []byte(benchmarkBody)
	var d jsontext.Decoder
	r := strings.NewReader("")
	for b.Loop() {
		r.Reset(string(body))
		d.Reset(r, jsontext.AllowDuplicateNames(true))
		for {
			tok, err := d.ReadToken()
			if err != nil {
				break
			}
			if tok.Kind() == '0' {
				if _, err := strconv.ParseFloat(tok.String(), 64); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}

func BenchmarkDecodeBombOfBrackets(b *testing.B) {
	b.ReportAllocs()
	body := []byte(strings.Repeat("[", 10_000))
	for b.Loop() {
		if Decode(body, new(place), Options{}) == nil {
			b.Fatal("accepted")
		}
	}
}

func TestDayIsADayOrATimeWithAnOffset(t *testing.T) {
	for text, want := range map[string]string{
		"2024-02-29": "2024-02-29T00:00:00Z", "2024-02-29T23:30:00.5+02:00": "2024-02-29T23:30:00+02:00",
		"2023-02-29": "", "2024-02-29T23:30:00": "", "yesterday": "", "": "", "2024-2-9": "",
	} {
		got, v := Day("/date", text)
		if (v == nil) != (want != "") || v == nil && got.Format("2006-01-02T15:04:05Z07:00") != want {
			t.Errorf("%q: got %v %v, want %q", text, got, v, want)
		}
	}
}

func TestTimeHasAnOffset(t *testing.T) {
	for text, want := range map[string]string{
		"2024-02-29T23:30:00.5+02:00": "2024-02-29T23:30:00+02:00", "2024-02-29T23:30:00Z": "2024-02-29T23:30:00Z",
		"2024-02-29": "", "2023-02-29T00:00:00Z": "", "2024-02-29T23:30:00": "", "yesterday": "", "": "",
	} {
		got, v := Time("/timestamp", text)
		if (v == nil) != (want != "") || v == nil && got.Format("2006-01-02T15:04:05Z07:00") != want {
			t.Errorf("%q: got %v %v, want %q", text, got, v, want)
		}
	}
}

func TestNaNIsATextWhereProtobufWritesIt(t *testing.T) {
	const body = `{"rainfall_history_mm":[1,"NaN",null,2]}`
	var got place
	if err := Decode([]byte(body), &got, Options{NaNText: true}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{1, math.NaN(), math.NaN(), 2}, got.Rain, cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
	for _, c := range []struct {
		body string
		opt  Options
	}{
		{body, Options{}},
		{`{"latitude":"NaN"}`, Options{NaNText: true}},
		{`{"rainfall_history_mm":["Infinity"]}`, Options{NaNText: true}},
		{`{"rainfall_history_mm":["nan"]}`, Options{NaNText: true}},
		{`{"others":{"x":"NaN"}}`, Options{NaNText: true}},
		{`{"rainfall_history_mm":["NaN"`, Options{NaNText: true}},
	} {
		if err := Decode([]byte(c.body), new(place), c.opt); err == nil {
			t.Errorf("%s is taken", c.body)
		}
	}
}
