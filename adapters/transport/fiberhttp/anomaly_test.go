package fiberhttp

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
)

// FuzzReading judges whatever decodes as a reading, twice in a row: the verdict is JSON with a flag of the
// standard for every test.
func FuzzReading(f *testing.F) {
	f.Add([]byte(`{"device_id":"a","timestamp":"2026-03-01T00:00:00Z","rainfall_mm":1e308,"measurements":{"x\"\n":-9999}}`))
	f.Add([]byte(`{"device_id":"a","timestamp":"2026-03-01T00:00:00Z","humidity":null,"temperature":-0.0}`))
	detector, err := anomaly.NewDetector(anomaly.DefaultTunings(), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := DecodeReading(line)
		if err != nil {
			if !json.Valid(AppendLineError(nil, 1, err)) {
				t.Fatalf("%q: the error is no JSON", line)
			}
			return
		}
		var state anomaly.DeviceState
		for range 2 {
			a := anomaly.Answer{DetectedAt: time.Unix(0, 0), Verdict: detector.Step(&state, r.Reading)}
			var answer struct {
				Score float64                   `json:"anomaly_score"`
				Flags map[string]map[string]int `json:"flags"`
			}
			data := AppendVerdict(nil, &r, &a)
			if err := json.Unmarshal(data, &answer); err != nil {
				t.Fatalf("%q is judged %s: %v", line, data, err)
			}
			if answer.Score < 0 || answer.Score > 1 {
				t.Fatalf("score %v", answer.Score)
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
			r.Reading.Time = r.Reading.Time.Add(time.Hour)
		}
	})
}

func TestAReadingSaysAllThatIsWrongWithIt(t *testing.T) {
	_, err := DecodeReading([]byte(`{"timestamp":"yesterday","temperature":"warm","humidity":101,"measurments":{}}`))
	var pointers []string
	for _, v := range domainViolations(err) {
		pointers = append(pointers, v.Pointer)
	}
	for _, want := range []string{"/temperature", "/measurments", "/timestamp", "/device_id"} {
		if !slices.Contains(pointers, want) {
			t.Errorf("%v lacks %s", pointers, want)
		}
	}
	r, err := DecodeReading([]byte(`{"device_id":"a","timestamp":"2026-03-01T00:00:00Z","humidity":101,"measurements":{"b":1,"a":null}}`))
	if err != nil || len(r.Reading.Values) != 2 || r.Reading.Values[1].Name != "b" || math.IsNaN(r.Reading.Values[0].Value) {
		t.Errorf("%+v, %v", r.Reading, err)
	}
}

func domainViolations(err error) []domain.Violation {
	_, _, violations := classify(err)
	return violations
}
