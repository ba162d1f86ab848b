package fiberhttp

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

const nowcastPath = "/api/v1/predict/nowcast"

// TestEveryPartOfANowcastIsOfTheContract holds answers with every name that the domain has against the
// OpenAPI document.
func TestEveryPartOfANowcastIsOfTheContract(t *testing.T) {
	f := transporttest.SomeForecast()
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
				if err := c.validate("/components/schemas/NowcastAnswer", contractjson.AppendForecast(nil, &r, &f)); err != nil {
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
	long := do(t, http.MethodPost, url+nowcastPath, strings.NewReader(transporttest.NowcastBody(nowcast.MaxReadings+1)), "Content-Type: application/json")
	if long.StatusCode != http.StatusUnprocessableEntity || !bytes.Contains(long.body, []byte(`"/weather_sequence"`)) {
		t.Errorf("%d readings: %d %.300s", nowcast.MaxReadings+1, long.StatusCode, long.body)
	}
	huge := do(t, http.MethodPost, url+nowcastPath, strings.NewReader(transporttest.NowcastBody(100_000)), "Content-Type: application/json")
	if huge.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("100000 readings: %d %.300s", huge.StatusCode, huge.body)
	}
}

func TestNowcastLinesAnswerAsTheAPI(t *testing.T) {
	service := transporttest.NewService()
	answersAsTheAPI(t, service, contractjson.NewNowcastLines(service, 1<<20), nowcastPath, transporttest.NowcastBody(12), `{"latitude":1}`)
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

func BenchmarkNowcast(b *testing.B) {
	s := benchmarkServer(b)
	s.deps.Nowcast = transporttest.FixedNowcast{Forecast: transporttest.SomeForecast()}
	benchmarkExchange(b, s, nowcastPath, transporttest.NowcastBody(168), 1)
}
