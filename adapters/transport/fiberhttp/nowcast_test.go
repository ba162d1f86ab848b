package fiberhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

const nowcastPath = "/api/v1/predict/nowcast"

// sequence is the JSON of n hourly readings.
func sequence(n int) string {
	var b strings.Builder
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"timestamp":"%s","rainfall_mm":%.1f,"temperature":%.1f,"humidity":%d,"water_level_m":%.3f}`,
			at.Add(time.Duration(i)*time.Hour).Format(time.RFC3339), float64(i%7)/3, 10+float64(i%9)/2, 60+i%30, 0.3+float64(i%40)/100)
	}
	return b.String()
}

func nowcastBody(readings int) string {
	return `{"latitude":45.78,"longitude":9.25,"river":{"normal":0.22,"flood_threshold":0.88},"weather_sequence":[` + sequence(readings) + `]}`
}

// fixedNowcast answers the same to everything that can be meant.
type fixedNowcast struct{ forecast nowcast.Forecast }

func (f fixedNowcast) Nowcast(_ context.Context, r *nowcast.Request, to *nowcast.Forecast) error {
	if err := domain.Invalid("nowcast", r.Validate()); err != nil {
		return err
	}
	r.Canonicalize()
	*to = f.forecast
	return nil
}

func someForecast() nowcast.Forecast {
	f := nowcast.Forecast{
		IssuedFor: transporttest.AssessedAt.Truncate(time.Second), Observed: nowcast.SeriesWaterLevel, Coverage: 0.9,
		MaxRisk: 1, Trend: nowcast.TrendRising, EarlyWarning: true, SequenceLength: 168,
		Model: domain.ModelRef{Name: domain.Nowcaster, Version: "1.2.3", Digest: transporttest.Ref.Digest}, PredictedAt: transporttest.AssessedAt,
	}
	for i, h := range nowcast.DefaultHorizons {
		p := 0.2 + float64(i%2)/7
		f.Predictions = append(f.Predictions, nowcast.Prediction{
			HoursAhead: h, Probability: p, Lower: p / 2, Upper: (1 + p) / 2, Confidence: 0.4567, Level: domain.LevelModerate,
			Quantiles: nowcast.Quantiles{P10: 0.3123, P25: 0.4123, P50: 0.5123, P75: 0.6123, P90: 0.7123},
		})
	}
	f.Quality.Missing = f.Quality.Missing.With(nowcast.InputRainfallForecast)
	f.Quality.Ignored = f.Quality.Ignored.With(nowcast.InputTemperature).With(nowcast.InputHumidity)
	return f
}

// TestEveryPartOfANowcastIsOfTheContract holds answers with every name that the domain has against the
// OpenAPI document.
func TestEveryPartOfANowcastIsOfTheContract(t *testing.T) {
	f := someForecast()
	for c := range nowcast.NumConditions {
		f.Quality.Conditions = f.Quality.Conditions.With(c)
	}
	for i := range nowcast.NumInputs {
		f.Quality.OutOfDomain = f.Quality.OutOfDomain.With(i)
	}
	for s := range nowcast.NumSeries {
		for fault := range nowcast.NumFaults {
			f.Quality.Faults[s][fault] = uint16(s) + 1
		}
	}
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	for trend := range nowcast.NumTrends {
		for level := range domain.NumLevels {
			f.Trend, f.Predictions[f.MaxRisk].Level = trend, level
			for _, f.Observed = range []nowcast.Series{nowcast.SeriesRainfall, nowcast.SeriesWaterLevel, nowcast.SeriesDischarge} {
				r := nowcast.Request{LocationID: "a\"b", LocationName: "Côa"}
				if err := c.validate("/components/schemas/NowcastAnswer", appendForecast(nil, &r, &f)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func TestASequenceTooLongIsRefusedWhole(t *testing.T) {
	cfg := testConfig()
	cfg.MaxBodyBytes = 4 << 20
	_, url := start(t, cfg, testDeps(transporttest.NewService()))
	long := do(t, http.MethodPost, url+nowcastPath, strings.NewReader(nowcastBody(nowcast.MaxReadings+1)), "Content-Type: application/json")
	if long.StatusCode != http.StatusUnprocessableEntity || !bytes.Contains(long.body, []byte(`"/weather_sequence"`)) {
		t.Errorf("%d readings: %d %.300s", nowcast.MaxReadings+1, long.StatusCode, long.body)
	}
	huge := do(t, http.MethodPost, url+nowcastPath, strings.NewReader(nowcastBody(100_000)), "Content-Type: application/json")
	if huge.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("100000 readings: %d %.300s", huge.StatusCode, huge.body)
	}
}

func TestNowcastLinesAnswerAsTheAPI(t *testing.T) {
	service := transporttest.NewService()
	answersAsTheAPI(t, service, NewNowcastLines(service, 1<<20), nowcastPath, nowcastBody(12), `{"latitude":1}`)
}

// answersAsTheAPI asks one good line and three that are refused.
func answersAsTheAPI(t *testing.T, service *transporttest.Service, lines interface {
	Append(ctx context.Context, out []byte, lines [][]byte, first int) ([]byte, int)
}, path, good, invalid string,
) {
	t.Helper()
	_, url := start(t, testConfig(), testDeps(service))
	api := do(t, http.MethodPost, url+path, strings.NewReader(good), "Content-Type: application/json")
	out, failed := lines.Append(t.Context(), nil, [][]byte{[]byte(good), nil, []byte(invalid), []byte("{")}, 5)
	got := bytes.Split(out, []byte("\n"))
	if failed != 3 || len(got) != 5 || !bytes.Equal(got[0], api.body) {
		t.Fatalf("%d failed:\n%s\nthe API says\n%s", failed, out, api.body)
	}
	for i, code := range []string{"too_large", "invalid", "malformed"} {
		if want := fmt.Sprintf(`{"index":%d,"status":"error","error":{"code":"%s"`, 6+i, code); !bytes.HasPrefix(got[1+i], []byte(want)) {
			t.Errorf("line %d: %s, want %s…", 1+i, got[1+i], want)
		}
	}
}

// FuzzNowcastLine looks for a line that is answered with anything but one JSON object.
func FuzzNowcastLine(f *testing.F) {
	f.Add([]byte(nowcastBody(7)))
	f.Add([]byte(`{"latitude":45,"longitude":9,"forecast_horizons":[1,24],"rainfall_forecast_mm":[null,1e2],"weather_sequence":[{"timestamp":"2026-01-01T00:00:00+09:00","rainfall_mm":-999}]}`))
	f.Add([]byte(`{"weather_sequence":[{"timestamp":"0001-01-01T00:00:00Z"},{"timestamp":""},{}],"river":{"normal":1e308,"flood_threshold":-1e308}}`))
	lines := NewNowcastLines(fixedNowcast{someForecast()}, math.MaxInt)
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

func BenchmarkNowcast(b *testing.B) {
	s := benchmarkServer(b)
	s.deps.Nowcast = fixedNowcast{someForecast()}
	benchmarkExchange(b, s, nowcastPath, nowcastBody(168), 1)
}
