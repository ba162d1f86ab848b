package fiberhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/qartod"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

const anomalyPath = "/api/v1/predict/anomaly"

// anomalyBody is a question with n earlier readings.
func anomalyBody(n int) string {
	var b strings.Builder
	b.WriteString(`{"device_id":"gauge-7","timestamp":"2026-02-01T00:00:00Z","rainfall_mm":0.4,"temperature":4.1,"water_level_m":1000,"measurements":{"conductivity":311.5},"history":[`)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"timestamp":"%s","rainfall_mm":%.1f,"temperature":%.1f,"water_level_m":%.3f,"measurements":{"conductivity":%d}}`,
			at.Add(time.Duration(i)*time.Minute).Format(time.RFC3339), float64(i%7)/3, 10+float64(i%9)/2, 0.3+float64(i%40)/100, 300+i%20)
	}
	b.WriteString("]}")
	return b.String()
}

// steppingDetector judges by the tests themselves and keeps the state of one device.
type steppingDetector struct {
	model *anomaly.Model
	state anomaly.DeviceState
}

func newSteppingDetector(tb testing.TB) *steppingDetector {
	tb.Helper()
	model, err := anomaly.NewModel(anomaly.Spec{
		Ref: domain.ModelRef{Name: domain.AnomalyDetector, Version: "1.2.3", Digest: transporttest.Ref.Digest}, Tunings: anomaly.DefaultTunings(),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return &steppingDetector{model: model}
}

func (d *steppingDetector) DetectAnomaly(_ context.Context, r *anomaly.Request, a *anomaly.Answer) error {
	if err := domain.Invalid("anomaly", r.Validate()); err != nil {
		return err
	}
	r.Canonicalize()
	d.model.Assess(r, &d.state, a)
	a.DetectedAt = transporttest.AssessedAt
	return nil
}

// TestEveryPartOfAVerdictIsOfTheContract holds answers with every name that the domain has against the
// OpenAPI document.
func TestEveryPartOfAVerdictIsOfTheContract(t *testing.T) {
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	r := anomaly.Request{DeviceID: "a\"b", LocationName: "Côa", Reading: anomaly.Reading{Time: transporttest.AssessedAt}}
	for condition := range anomaly.NumConditions {
		for i, number := range []float64{0, 1e308, math.NaN(), math.Inf(-1)} {
			a := anomaly.Answer{
				Verdict: anomaly.Verdict{
					Alarm: anomaly.Alarm(int(condition) % int(anomaly.NumAlarms)), Severity: anomaly.Severity(int(condition) % int(anomaly.NumSeverities)),
					Quality: anomaly.Quality(1<<condition | 1<<i),
				},
				Model: domain.ModelRef{Digest: transporttest.Ref.Digest}, DetectedAt: transporttest.AssessedAt,
			}
			a.Quality &= anomaly.QualityFuture<<1 - 1
			for k, name := range []string{"fine", "anomalous", "guarded\n"} {
				f := anomaly.Finding{Name: name, Condition: condition, Value: number, Expected: number, Limit: number, Score: float64(k%2) * 0.9, Guarded: k == 2}
				for test := range f.Flags {
					f.Flags[test] = []qartod.Flag{qartod.Pass, qartod.NotEvaluated, qartod.Suspect, qartod.Fail, qartod.Missing}[(test+i)%5]
				}
				a.AddFinding(f)
			}
			answer := AppendVerdict(nil, &r, &a)
			if err := c.validate("/components/schemas/AnomalyAnswer", answer); err != nil {
				t.Fatalf("%s: %v", answer, err)
			}
			if n := bytes.Count(answer, []byte(`"condition":`)); n != 2 {
				t.Errorf("%d findings, want those of the two that stood out: %s", n, answer)
			}
		}
	}
}

func TestOnlyAnAnswerFromHistoryIsCached(t *testing.T) {
	_, url := start(t, testConfig(), testDeps(transporttest.NewService()))
	for name, c := range map[string]struct{ body, status, control string }{
		"history":         {anomalyBody(2), "guardy; fwd=miss; stored", "private, max-age=300"},
		"a history again": {strings.Replace(anomalyBody(2), "gauge-7", "cached", 1), "guardy; hit; ttl=212", "private, max-age=300"},
		"kept state":      {anomalyBody(0), "", "no-store"},
	} {
		a := do(t, http.MethodPost, url+anomalyPath, strings.NewReader(c.body), "Content-Type: application/json")
		h := a.Header
		if a.StatusCode != http.StatusOK || h.Get("Cache-Status") != c.status || h.Get("Cache-Control") != c.control || (h.Get("ETag") == "") != (c.status == "") {
			t.Errorf("%s: %d %v %s", name, a.StatusCode, h, a.body)
		}
	}
}

func TestAHistoryTooLongIsRefusedWhole(t *testing.T) {
	cfg := testConfig()
	cfg.MaxBodyBytes = 4 << 20
	_, url := start(t, cfg, testDeps(transporttest.NewService()))
	full := do(t, http.MethodPost, url+anomalyPath, strings.NewReader(anomalyBody(anomaly.MaxHistory)), "Content-Type: application/json")
	if full.StatusCode != http.StatusOK {
		t.Errorf("%d readings: %d %.300s", anomaly.MaxHistory, full.StatusCode, full.body)
	}
	long := do(t, http.MethodPost, url+anomalyPath, strings.NewReader(anomalyBody(anomaly.MaxHistory+1)), "Content-Type: application/json")
	if long.StatusCode != http.StatusUnprocessableEntity || !bytes.Contains(long.body, []byte(`"/history"`)) {
		t.Errorf("%d readings: %d %.300s", anomaly.MaxHistory+1, long.StatusCode, long.body)
	}
}

func TestAnomalyLinesAnswerAsTheAPI(t *testing.T) {
	service := transporttest.NewService()
	answersAsTheAPI(t, service, NewAnomalyLines(service, 1<<20), anomalyPath, anomalyBody(3), `{"device_id":"x"}`)
}

func TestARecordHasItsHistoryInItsLines(t *testing.T) {
	_, err := DecodeReading([]byte(anomalyBody(2)))
	if vs := domainViolations(err); len(vs) != 1 || vs[0].Pointer != "/history" || vs[0].Code != domain.CodeInconsistent {
		t.Error(err)
	}
}

// FuzzAnomalyLine looks for a line that is answered with anything but one JSON object, and for flags that
// the standard does not have. Readings without history come to a device that said something before.
func FuzzAnomalyLine(f *testing.F) {
	f.Add([]byte(anomalyBody(2)))
	f.Add([]byte(`{"device_id":"a","timestamp":"2026-03-01T00:00:00Z","rainfall_mm":1e308,"measurements":{"x\"\n":-9999}}`))
	f.Add([]byte(`{"device_id":"a","timestamp":"2026-03-01T00:00:00Z","humidity":null,"temperature":-0.0,"history":[{},null]}`))
	lines := NewAnomalyLines(newSteppingDetector(f), math.MaxInt)
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
	detector := newSteppingDetector(f)
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := DecodeReading(line)
		if err != nil {
			if !json.Valid(AppendLineError(nil, 1, err)) {
				t.Fatalf("%q: the error is no JSON", line)
			}
			return
		}
		detector.state = anomaly.DeviceState{}
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

func BenchmarkAnomaly(b *testing.B) {
	for _, readings := range []int{0, 96} {
		b.Run(fmt.Sprintf("history=%d", readings), func(b *testing.B) {
			s := benchmarkServer(b)
			s.deps.Anomaly = newSteppingDetector(b)
			benchmarkExchange(b, s, anomalyPath, anomalyBody(readings), 1)
		})
	}
}
