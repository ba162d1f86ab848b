package predict_test

import (
	"testing"
	"time"

	"github.com/guardy-ai/guardy/adapters/modelsource/embedded"
	"github.com/guardy-ai/guardy/adapters/regionsource/osmregion"
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

func TestEveryWordOfARiskHasACase(t *testing.T) {
	predictortest.RunRiskWords(t, func(t *testing.T) ports.RiskAssessor { return newWorld(t, false).Service })
}

// onTown returns a planner on the made-up town, without its people where people is empty.
func onTown(t *testing.T, people string, budget time.Duration) ports.EvacuationPlanner {
	t.Helper()
	const dir = "../../adapters/regionsource/osmregion/testdata/eldermere/"
	cfg := osmregion.Config{OSM: dir + "roads.osm.pbf", Shelters: dir + "shelters.geojson"}
	if people != "" {
		cfg.Population = dir + people
	}
	source, err := osmregion.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	models := predict.NewModels(&scriptedSource{}, predict.RegionFrom(source), nil, noStatistics{}, ports.NopRecorder{}, time.Now)
	if _, err := models.Reload(t.Context(), domain.EvacuationPlanner); err != nil {
		t.Fatal(err)
	}
	return predict.NewEvacuations(predict.Deps{
		Models: models, Recorder: ports.NopRecorder{}, Clock: time.Now, Planning: predict.Planning{Workers: 1, Queue: 1, Budget: budget},
	})
}

func TestEveryWordOfAnEvacuationHasACase(t *testing.T) {
	predictortest.RunEvacuationPlannerWords(t, func(t *testing.T) predictortest.Planners {
		return predictortest.Planners{
			NoRegion: without(t, false),
			Town:     onTown(t, "population.csv", 0),
			NoPeople: onTown(t, "", 0),
			Hurried:  onTown(t, "population.csv", time.Nanosecond),
		}
	})
}
