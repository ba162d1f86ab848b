package fiberhttp

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/qartod"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

const anomalyPath = "/api/v1/predict/anomaly"

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
			answer := contractjson.AppendVerdict(nil, &r, &a)
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
		"history":         {transporttest.AnomalyBody(2), "guardy; fwd=miss; stored", "private, max-age=300"},
		"a history again": {strings.Replace(transporttest.AnomalyBody(2), "gauge-7", "cached", 1), "guardy; hit; ttl=212", "private, max-age=300"},
		"kept state":      {transporttest.AnomalyBody(0), "", "no-store"},
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
	full := do(t, http.MethodPost, url+anomalyPath, strings.NewReader(transporttest.AnomalyBody(anomaly.MaxHistory)), "Content-Type: application/json")
	if full.StatusCode != http.StatusOK {
		t.Errorf("%d readings: %d %.300s", anomaly.MaxHistory, full.StatusCode, full.body)
	}
	long := do(t, http.MethodPost, url+anomalyPath, strings.NewReader(transporttest.AnomalyBody(anomaly.MaxHistory+1)), "Content-Type: application/json")
	if long.StatusCode != http.StatusUnprocessableEntity || !bytes.Contains(long.body, []byte(`"/history"`)) {
		t.Errorf("%d readings: %d %.300s", anomaly.MaxHistory+1, long.StatusCode, long.body)
	}
}

func TestAnomalyLinesAnswerAsTheAPI(t *testing.T) {
	service := transporttest.NewService()
	answersAsTheAPI(t, service, contractjson.NewAnomalyLines(service, 1<<20), anomalyPath, transporttest.AnomalyBody(3), `{"device_id":"x"}`)
}

func BenchmarkAnomaly(b *testing.B) {
	for _, readings := range []int{0, 96} {
		b.Run(fmt.Sprintf("history=%d", readings), func(b *testing.B) {
			s := benchmarkServer(b)
			s.deps.Anomaly = transporttest.NewDetector(b)
			benchmarkExchange(b, s, anomalyPath, transporttest.AnomalyBody(readings), 1)
		})
	}
}
