package predict_test

import (
	"testing"
	"time"

	"github.com/guardy-ai/guardy/adapters/modelsource/embedded"
	"github.com/guardy-ai/guardy/app/predict"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/predictortest"
)

func TestEveryWordOfANowcastHasACase(t *testing.T) {
	predictortest.RunNowcasterWords(t, func(t *testing.T) ports.Nowcaster { return newWorld(t, false).Nowcasts })
}

func TestEveryWordOfAVerdictOnAReadingHasACase(t *testing.T) {
	predictortest.RunAnomalyDetectorWords(t, func(t *testing.T, now time.Time, limits anomaly.Overrides) predictortest.Watch {
		w := newWorld(t, false)
		w.clock.Advance(now.Sub(w.clock.Now()))
		w.source.set(predict.WithLimits(embedded.New(), limits), nil)
		if _, err := w.models.Reload(t.Context(), domain.AnomalyDetector); err != nil {
			t.Fatal(err)
		}
		return predictortest.Watch{AnomalyDetector: w.Anomalies, FailStates: w.states.Fail}
	})
}
