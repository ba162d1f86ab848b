package transporttest

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
)

func TestCorpusIsReadable(t *testing.T) {
	cases, err := load()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		ends := 0
		for _, end := range [][]byte{c.answer, c.lines, c.refuse} {
			if end != nil {
				decodeEach(t, end, c.lines != nil)
				ends++
			}
		}
		if ends != 1 || (c.call.Body == nil) == (c.call.Lines == nil) {
			t.Errorf("%s has %d ends, want one request and one end", c.name, ends)
		}
	}
}

func decodeEach(t *testing.T, data []byte, stream bool) {
	t.Helper()
	if !stream {
		data = append([]byte(nil), data...)
		decode(t, data)
		return
	}
	for _, line := range lines(data) {
		decode(t, line)
	}
}

func TestServiceRefusesWhatTheDomainRefuses(t *testing.T) {
	r := risk.NewRequest()
	err := NewService().Assess(t.Context(), &r, new(risk.Assessment))
	var e *domain.Error
	if !errors.As(err, &e) || e.Kind != domain.KindInvalid || len(e.Violations) != 3 {
		t.Error(err)
	}
}

func TestServiceAnswersFiniteNumbers(t *testing.T) {
	r := risk.NewRequest()
	r.Latitude, r.Longitude, r.RainfallMM = 1, 2, 2000
	var a risk.Assessment
	err := NewService().Assess(t.Context(), &r, &a)
	if err != nil || !(a.Probability > 0 && a.Probability < 1) || math.IsNaN(a.Score) || a.Level != domain.LevelExtreme {
		t.Error(a, err)
	}
}

// nowhere are the fields that no answer of the corpus can have.
var nowhere = []string{
	"AssessFloodRiskBatch processing_time_ms", // differs from run to run
	"ReloadModels models[].last_error",        // is the error of the call then
	"GetModel model.last_error",               // belongs to a model without a card, which HTTP refuses
}

// Every field that an answer can have stands in an answer of the corpus, so that it is compared on every transport.
func TestTheCorpusHasTheListedFields(t *testing.T) {
	for method, listed := range ListedFields(t, "../../adapters/contractjson/fields.json") {
		answers, err := Answers(method)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, answer := range answers {
			var v any
			if err := json.Unmarshal(answer, &v); err != nil {
				t.Fatal(err)
			}
			Fields(v, seen)
		}
		for _, name := range listed {
			if !seen[name] && !slices.Contains(nowhere, method+" "+name) {
				t.Errorf("no answer of %s in the corpus has %s", method, name)
			}
			delete(seen, name)
		}
		for name := range seen {
			t.Errorf("an answer of %s in the corpus has %s, which is not listed", method, name)
		}
	}
}
