// Package modelsourcetest is the acceptance test of ports.ModelSource.
package modelsourcetest

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

// Run holds a source that has a good risk scorer to the contract.
func Run(t *testing.T, open func(t *testing.T) ports.ModelSource) {
	t.Helper()
	t.Run("a loaded model is identified, carded and answers", func(t *testing.T) {
		m, card, err := open(t).LoadRisk(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ref := m.Ref()
		if ref != card.Ref || ref.Name != domain.RiskScorer || ref.Version == "" || !strings.HasPrefix(ref.Digest, "sha256:") {
			t.Errorf("model %+v, card %+v", ref, card.Ref)
		}
		if card.Text == "" || card.SizeBytes <= 0 || len(card.Features) == 0 || card.CreatedAt.IsZero() {
			t.Errorf("the card is incomplete: %+v", card)
		}
		if !json.Valid(card.Training) || !json.Valid(card.Skill) {
			t.Error("the card's training or skill is not JSON")
		}
		r := risk.NewRequest()
		r.Latitude, r.Longitude, r.RainfallMM = 45, -90, 10
		r.Canonicalize()
		var a risk.Assessment
		m.Assess(&r, &a)
		if a.Model != ref || a.Level == domain.LevelUnknown || !(0 < a.Probability && a.Probability < 1) {
			t.Errorf("answer %+v", a)
		}
	})
	t.Run("loading again gives the same model and leaves the first alone", func(t *testing.T) {
		s := open(t)
		first, _, err := s.LoadRisk(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		second, _, err := s.LoadRisk(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if first == second || first.Ref() != second.Ref() {
			t.Errorf("%p %+v, then %p %+v", first, first.Ref(), second, second.Ref())
		}
	})
	t.Run("an ended context stops the load", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if m, _, err := open(t).LoadRisk(ctx); m != nil || domain.KindOf(err) != domain.KindCanceled {
			t.Errorf("model %v, error %v", m, err)
		}
	})
	t.Run("it says where models come from", func(t *testing.T) {
		if open(t).Describe() == "" {
			t.Error("no description")
		}
	})
}
