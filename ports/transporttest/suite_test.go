package transporttest

import (
	"errors"
	"math"
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
