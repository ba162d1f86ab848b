package contractjson

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

func TestARecordHasItsHistoryInItsLines(t *testing.T) {
	_, err := DecodeReading([]byte(transporttest.AnomalyBody(2)), "")
	if vs := domainViolations(err); len(vs) != 1 || vs[0].Pointer != "/history" || vs[0].Code != domain.CodeInconsistent {
		t.Error(err)
	}
}

// FuzzAnomalyLine looks for a line that is answered with anything but one JSON object, and for flags that
// the standard does not have. Readings without history come to a device that said something before.
func FuzzAnomalyLine(f *testing.F) {
	f.Add([]byte(transporttest.AnomalyBody(2)))
	f.Add([]byte(`{"device_id":"a","timestamp":"2026-03-01T00:00:00Z","rainfall_mm":1e308,"measurements":{"x\"\n":-9999}}`))
	f.Add([]byte(`{"device_id":"a","timestamp":"2026-03-01T00:00:00Z","humidity":null,"temperature":-0.0,"history":[{},null]}`))
	lines := NewAnomalyLines(transporttest.NewDetector(f), math.MaxInt)
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.IndexByte(line, '\n') >= 0 {
			t.Skip("more than a line")
		}
		out, failed := lines.Append(t.Context(), nil, [][]byte{line, line}, 0)
		for answer := range bytes.Lines(out) {
			checkVerdict(t, line, answer, failed == 0)
		}
	})
}

// FuzzReading judges whatever decodes as a reading of a record.
func FuzzReading(f *testing.F) {
	f.Add([]byte(`{"device_id":"a","timestamp":"2026-03-01T00:00:00Z","rainfall_mm":1e308,"measurements":{"x\"\n":-9999}}`))
	f.Add([]byte(`{"device_id":"a","timestamp":"2026-03-01T00:00:00Z","humidity":null,"temperature":-0.0,"history":[]}`))
	detector := transporttest.NewDetector(f)
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := DecodeReading(line, "")
		if err != nil {
			if !json.Valid(AppendLineError(nil, 1, err)) {
				t.Fatalf("%q: the error is no JSON", line)
			}
			return
		}
		detector.Reset()
		for range 2 {
			var a anomaly.Answer
			if err := detector.DetectAnomaly(t.Context(), &r, &a); err != nil {
				t.Fatalf("%q was decoded and is refused: %v", line, err)
			}
			checkVerdict(t, line, AppendVerdict(nil, &r, &a), true)
			r.Reading.Time = r.Reading.Time.Add(time.Hour)
		}
	})
}

// checkVerdict holds an answer to what the contract promises of its numbers.
func checkVerdict(t *testing.T, line, data []byte, answered bool) {
	t.Helper()
	var answer struct {
		Score float64                   `json:"anomaly_score"`
		Flags map[string]map[string]int `json:"flags"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		t.Fatalf("%q is judged %s: %v", line, data, err)
	}
	if !(answer.Score >= 0 && answer.Score <= 1) || answered && len(answer.Flags) == 0 {
		t.Fatalf("%q is judged %s", line, data)
	}
	for name, flags := range answer.Flags {
		if len(flags) != int(anomaly.NumTests) {
			t.Fatalf("%s has the flags %v", name, flags)
		}
		for test, flag := range flags {
			if !slices.Contains([]int{1, 2, 3, 4, 9}, flag) {
				t.Fatalf("%s of %s is flagged %d", test, name, flag)
			}
		}
	}
}

func TestAReadingSaysAllThatIsWrongWithIt(t *testing.T) {
	_, err := DecodeReading([]byte(`{"timestamp":"yesterday","temperature":"warm","humidity":101,"measurments":{}}`), "")
	var pointers []string
	for _, v := range domainViolations(err) {
		pointers = append(pointers, v.Pointer)
	}
	for _, want := range []string{"/temperature", "/measurments", "/timestamp", "/device_id"} {
		if !slices.Contains(pointers, want) {
			t.Errorf("%v lacks %s", pointers, want)
		}
	}
	r, err := DecodeReading([]byte(`{"device_id":"a","timestamp":"2026-03-01T00:00:00Z","humidity":101,"measurements":{"b":1,"a":null}}`), "")
	if err != nil || len(r.Reading.Values) != 2 || r.Reading.Values[1].Name != "b" || math.IsNaN(r.Reading.Values[0].Value) {
		t.Errorf("%+v, %v", r.Reading, err)
	}
}

func domainViolations(err error) []domain.Violation {
	_, _, violations := Classify(err)
	return violations
}

// FuzzNowcastLine looks for a line that is answered with anything but one JSON object.
func FuzzNowcastLine(f *testing.F) {
	f.Add([]byte(transporttest.NowcastBody(7)))
	f.Add([]byte(`{"latitude":45,"longitude":9,"forecast_horizons":[1,24],"rainfall_forecast_mm":[null,1e2],"weather_sequence":[{"timestamp":"2026-01-01T00:00:00+09:00","rainfall_mm":-999}]}`))
	f.Add([]byte(`{"weather_sequence":[{"timestamp":"0001-01-01T00:00:00Z"},{"timestamp":""},{}],"river":{"normal":1e308,"flood_threshold":-1e308}}`))
	lines := NewNowcastLines(transporttest.FixedNowcast{Forecast: transporttest.SomeForecast()}, math.MaxInt)
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.IndexByte(line, '\n') >= 0 {
			t.Skip("more than a line")
		}
		out, _ := lines.Append(t.Context(), nil, [][]byte{line}, 0)
		if !json.Valid(out) || bytes.Count(out, []byte("\n")) != 1 {
			t.Fatalf("%q is answered with %q", line, out)
		}
	})
}

// FuzzEvacuationLine looks for a line that is answered with anything but one JSON object, and for an answer of zones
// that has a shelter, a route or a time.
func FuzzEvacuationLine(f *testing.F) {
	f.Add([]byte(transporttest.EvacuationBody))
	f.Add([]byte(transporttest.FloodBody(5)))
	f.Add([]byte(`{"latitude":-90,"longitude":180,"flood_probability":1,"risk_level":"unknown","zone_radii":[50000,50.00001,null],"bridges":"open"}`))
	f.Add([]byte(transporttest.EvacuationHead + `,"zone_radii":[50,51,49999.99],"assume_capacity":0,"persons_per_vehicle":1e2}`))
	f.Add([]byte(transporttest.EvacuationHead + `,"flood_extent":{"type":"MultiPolygon","bbox":[],"coordinates":[[[[9,47],[10,47,3],[10,48],[9,47]],[]],[]]}}`))
	f.Add([]byte(transporttest.EvacuationHead + `,"flood_extent":{"type":{},"coordinates":{"a":[1e308,-0,null]}}}`))
	lines := NewEvacuationLines(transporttest.ZonesOnly{}, math.MaxInt)
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.IndexByte(line, '\n') >= 0 {
			t.Skip("more than a line")
		}
		out, failed := lines.Append(t.Context(), nil, [][]byte{line}, 0)
		if !json.Valid(out) || bytes.Count(out, []byte("\n")) != 1 {
			t.Fatalf("%q is answered with %q", line, out)
		}
		if failed == 0 && !bytes.Contains(out, []byte(`"shelters":null,"routes":null,"plan":{"status":"no_region_data","objective":null,"clearance_time_minutes":null,`)) {
			t.Fatalf("%q is answered with %q", line, out)
		}
	})
}

func TestEncodedStringsAreJSONAndReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "s")
		var got string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil {
			t.Fatal(err)
		}
		if want := strings.ToValidUTF8(s, "\ufffd"); utf8.ValidString(s) && got != want {
			t.Fatalf("%q became %q", s, got)
		}
	})
}

func TestEncodedNumbersReadBackOrAreNull(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		var got *float64
		if err := json.Unmarshal(appendFloat(nil, f, 64), &got); err != nil {
			t.Fatal(err)
		}
		finite := !math.IsNaN(f) && !math.IsInf(f, 0)
		if finite != (got != nil) || finite && *got != f {
			t.Fatalf("%v became %v", f, got)
		}
	})
}
