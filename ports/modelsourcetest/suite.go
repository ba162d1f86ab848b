// Package modelsourcetest is the acceptance test of ports.ModelSource.
package modelsourcetest

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

// Run holds a source that has every model to the contract.
func Run(t *testing.T, open func(t *testing.T) ports.ModelSource) {
	t.Helper()
	t.Run("risk_scorer", func(t *testing.T) {
		m := loads(t, domain.RiskScorer, open, ports.ModelSource.LoadRisk)
		r := risk.NewRequest()
		r.Latitude, r.Longitude, r.RainfallMM = 45, -90, 10
		r.Canonicalize()
		var a risk.Assessment
		m.Assess(&r, &a)
		if a.Model != m.Ref() || a.Level == domain.LevelUnknown || !(0 < a.Probability && a.Probability < 1) {
			t.Errorf("answer %+v", a)
		}
	})
	t.Run("nowcaster", func(t *testing.T) {
		m := loads(t, domain.Nowcaster, open, ports.ModelSource.LoadNowcast)
		r := nowcast.NewRequest()
		r.Latitude, r.Longitude, r.Normal, r.FloodThreshold = 45, 9, 0.2, 1
		for i := range 24 {
			v := nowcast.MissingReading()
			v.Time = time.Date(2026, 1, 1, i, 0, 0, 0, time.UTC)
			v.RainfallMM, v.WaterLevelM = 1, 0.3+float64(i)/1000 // a gauge that stands still in rain is doubted
			r.Readings = append(r.Readings, v)
		}
		r.Canonicalize()
		var f nowcast.Forecast
		m.Forecast(&r, &f)
		if f.Model != m.Ref() || f.HighestLevel() == domain.LevelUnknown || !(0 < f.Predictions[0].Probability && f.Predictions[0].Probability < 1) {
			t.Errorf("answer %+v", f)
		}
	})
	t.Run("anomaly_detector", func(t *testing.T) {
		m := loads(t, domain.AnomalyDetector, open, ports.ModelSource.LoadAnomaly)
		r := anomaly.NewRequest()
		r.DeviceID = "gauge-7"
		r.Reading = anomaly.Reading{Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Values: []anomaly.Value{{Name: anomaly.NameTemperature, Value: -9999}}}
		r.Canonicalize()
		var a anomaly.Answer
		m.Assess(&r, new(anomaly.DeviceState), &a)
		if a.Model != m.Ref() || !a.IsAnomaly || !(anomaly.Threshold <= a.Score && a.Score <= 1) {
			t.Errorf("answer %+v", a)
		}
	})
	t.Run("it says where models come from", func(t *testing.T) {
		if open(t).Describe() == "" {
			t.Error("no description")
		}
	})
}

// model is what every model can say of itself.
type model interface {
	comparable
	Ref() domain.ModelRef
}

// loads holds one of the source's models to the contract and returns it.
func loads[M model](
	t *testing.T, name domain.ModelName, open func(t *testing.T) ports.ModelSource,
	load func(ports.ModelSource, context.Context) (M, domain.ModelCard, error),
) M {
	t.Helper()
	s := open(t)
	m, card, err := load(s, t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Run("a loaded model is identified and carded", func(t *testing.T) {
		ref := m.Ref()
		if ref != card.Ref || ref.Name != name || ref.Version == "" || !strings.HasPrefix(ref.Digest, "sha256:") {
			t.Errorf("model %+v, card %+v", ref, card.Ref)
		}
		if card.Text == "" || card.SizeBytes <= 0 || len(card.Features) == 0 || card.CreatedAt.IsZero() {
			t.Errorf("the card is incomplete: %+v", card)
		}
		if !json.Valid(card.Training) || !json.Valid(card.Skill) {
			t.Error("the card's training or skill is not JSON")
		}
	})
	t.Run("loading again gives the same model and leaves the first alone", func(t *testing.T) {
		second, _, err := load(s, t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if m == second || m.Ref() != second.Ref() {
			t.Errorf("%+v, then %+v", m.Ref(), second.Ref())
		}
	})
	t.Run("an ended context stops the load", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var none M
		if m, _, err := load(open(t), ctx); m != none || domain.KindOf(err) != domain.KindCanceled {
			t.Errorf("model %v, error %v", m, err)
		}
	})
	return m
}
