package contractjson

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

// TestFieldsOfAnswersAreListed holds fields.json, the one list of the fields of answers, to what is written; -update
// writes it anew. The
// schema of RPC, openapi.yaml, the conformance corpus and the load tests are held to the list beside them.
func TestFieldsOfAnswersAreListed(t *testing.T) {
	written := map[string][]string{}
	for method, answer := range answers(t) {
		seen := map[string]bool{}
		bodies, err := transporttest.Requests(method)
		if err != nil {
			t.Fatal(err)
		}
		if len(bodies) == 0 {
			t.Fatalf("the corpus has no request to %s", method)
		}
		for _, body := range bodies {
			out, err := answer(body)
			if err != nil {
				continue // the fake was asked to fail
			}
			var v any
			if err := json.Unmarshal(out, &v); err != nil {
				t.Fatalf("%v in %s", err, out)
			}
			transporttest.Fields(v, seen)
		}
		written[method] = slices.Sorted(maps.Keys(seen))
	}
	const name = "fields.json"
	if *transporttest.Update {
		out, err := json.MarshalIndent(written, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, append(out, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var listed map[string][]string
	if err := json.Unmarshal(data, &listed); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(listed, written); diff != "" {
		t.Errorf("%s and what is written differ (-listed +written):\n%s", name, diff)
	}
}

// answers are the functions that answer a request of each method.
func answers(t *testing.T) map[string]func(body []byte) ([]byte, error) {
	t.Helper()
	s, ctx := transporttest.NewService(), t.Context()
	return map[string]func(body []byte) ([]byte, error){
		"AssessFloodRisk": func(body []byte) ([]byte, error) {
			var w FloodRisk
			var r risk.Request
			if err := w.Question(Decode(body, &w, Options{}), &r, Asking{Explain: true, Now: time.Now}); err != nil {
				return nil, err
			}
			var a risk.Assessment
			err := s.Assess(ctx, &r, &a)
			return AppendAssessment(nil, &r, &a), err
		},
		"AssessFloodRiskBatch": func(body []byte) ([]byte, error) {
			var w Batch
			var items Items
			most := Options{MaxBatch: transporttest.MaxBatchSize}
			if err := w.Questions(Decode(body, &w, most), most.MaxBatch, Asking{Now: time.Now}, &items); err != nil {
				return nil, err
			}
			to, err := s.Begin(ctx)
			if err == nil {
				to.Assess(ctx, items.Requests, items.Outcomes)
			}
			return AppendBatch(nil, &items, "1.2.3", time.Millisecond), err
		},
		"Nowcast": func(body []byte) ([]byte, error) {
			var w Nowcast
			r, err := w.Question(Decode(body, &w, Options{}), false)
			if err != nil {
				return nil, err
			}
			var f nowcast.Forecast
			if err := s.Nowcast(ctx, &r, &f); err != nil {
				return nil, err
			}
			return AppendForecast(nil, &r, &f), nil
		},
		"DetectAnomaly": func(body []byte) ([]byte, error) {
			var w Anomaly
			r, err := w.Question(Decode(body, &w, Options{}), false)
			if err != nil {
				return nil, err
			}
			var a anomaly.Answer
			err = s.DetectAnomaly(ctx, &r, &a)
			return AppendVerdict(nil, &r, &a), err
		},
		"PlanEvacuation": func(body []byte) ([]byte, error) {
			var w Evacuation
			r, err := w.Question(Decode(body, &w, Options{}), false)
			if err != nil {
				return nil, err
			}
			var a evacuation.Answer
			if err := s.PlanEvacuation(ctx, &r, &a); err != nil {
				return nil, err
			}
			return AppendEvacuation(nil, &r, &a), nil
		},
		"ListModels":   func([]byte) ([]byte, error) { return AppendModels(nil, s.List(ctx)) },
		"ReloadModels": func([]byte) ([]byte, error) { return AppendModels(nil, s.List(ctx)) },
		"GetModel": func([]byte) ([]byte, error) {
			m, err := s.Get(ctx, domain.RiskScorer)
			if err != nil {
				return nil, err
			}
			m.LastError = "text"
			c, err := s.Card(ctx, domain.RiskScorer)
			if err != nil {
				return nil, err
			}
			return AppendMetadata(nil, &m, &c)
		},
		"GetModelStats": func([]byte) ([]byte, error) {
			m, err := s.Get(ctx, domain.RiskScorer)
			if err != nil {
				return nil, err
			}
			return AppendModelStats(nil, &m)
		},
		"ClearModelCache": func([]byte) ([]byte, error) { return AppendCleared(nil, domain.RiskScorer, 17) },
	}
}
