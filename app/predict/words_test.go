package predict_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/adapters/modelsource/embedded"
	"github.com/guardy-ai/guardy/adapters/regionsource/osmregion"
	"github.com/guardy-ai/guardy/app/predict"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/cachetest"
	"github.com/guardy-ai/guardy/ports/devicestatestest"
	"github.com/guardy-ai/guardy/ports/predictortest"
	"github.com/guardy-ai/guardy/ports/wordtest"
)

// TestEveryWordOfAnAnswerHasACase provokes every word on the embedded models and on the made-up town.
func TestEveryWordOfAnAnswerHasACase(t *testing.T) {
	w := newWorld(t, false)
	t.Run("risk", func(t *testing.T) {
		predictortest.RunRiskWords(t, func(*testing.T) ports.RiskAssessor { return w.Service })
	})
	t.Run("nowcast", func(t *testing.T) {
		predictortest.RunNowcasterWords(t, func(*testing.T) ports.Nowcaster { return w.Nowcasts })
	})
	t.Run("anomaly", func(t *testing.T) {
		open := func(t *testing.T, now time.Time, limits anomaly.Overrides) predictortest.Watch {
			w.clock.Advance(now.Sub(w.clock.Now()))
			w.source.set(predict.WithLimits(embedded.New(), limits), nil)
			if _, err := w.models.Reload(t.Context(), domain.AnomalyDetector); err != nil {
				t.Fatal(err)
			}
			return predictortest.Watch{AnomalyDetector: w.Anomalies, FailStates: w.states.Fail}
		}
		predictortest.RunAnomalyDetectorWords(t, open)
	})
	t.Run("evacuation", func(t *testing.T) {
		predictortest.RunEvacuationPlannerWords(t, func(t *testing.T) predictortest.Planners {
			return predictortest.Planners{
				NoRegion: without(t, false),
				Town:     onTown(t, "population.csv", 0),
				NoPeople: onTown(t, "", 0),
				Hurried:  onTown(t, "population.csv", -time.Second), // over before it begins
			}
		})
	})
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
	load, recorder := predict.RegionFrom(source), ports.NopRecorder{}
	models := predict.NewModels(&scriptedSource{}, load, nil, noStatistics{}, recorder, time.Now)
	if _, err := models.Reload(t.Context(), domain.EvacuationPlanner); err != nil {
		t.Fatal(err)
	}
	return predict.NewEvacuations(predict.Deps{
		Models: models, Recorder: recorder, Clock: time.Now,
		Planning: predict.Planning{Workers: 1, Queue: 1, Budget: budget},
	})
}

// asking asks a use case. It returns what the cache had to do with the answer.
type asking func(ctx context.Context, fresh bool) (domain.CacheOutcome, error)

// capabilities are the use cases on models by name; cache is nil without one.
func capabilities(models *predict.Models, cache *cachetest.Fake) map[string]asking {
	clock := &cachetest.Clock{}
	deps := predict.Deps{
		Models: models, Sites: sites{}, States: devicestatestest.NewFake(), Recorder: ports.NopRecorder{}, Clock: clock.Now,
		TTL: predict.TTL{
			FloodRisk: time.Minute, Batch: time.Minute, Nowcast: time.Minute, Anomaly: time.Minute, Evacuation: time.Minute,
		},
	}
	if cache != nil {
		deps.Cache = cache
	}
	risks, nowcasts, anomalies := predict.New(deps), predict.NewNowcasts(deps), predict.NewAnomalies(deps)
	evacuations := predict.NewEvacuations(deps)
	record := predictortest.RandomReadings(rand.New(rand.NewPCG(1, 2)), 30)
	sequence := predictortest.RandomNowcast(rand.New(rand.NewPCG(3, 4)))
	return map[string]asking{
		"risk": func(ctx context.Context, fresh bool) (domain.CacheOutcome, error) {
			r, a := wet(), risk.Assessment{}
			r.Fresh = fresh
			err := risks.Assess(ctx, &r, &a)
			return a.Provenance.Cache, err
		},
		"batch": func(ctx context.Context, fresh bool) (domain.CacheOutcome, error) {
			batch, err := risks.Begin(ctx)
			if err != nil {
				return domain.CacheNone, err
			}
			rs, out := []risk.Request{wet()}, make([]risk.Outcome, 1)
			rs[0].Fresh, rs[0].RainfallMM = fresh, 40 // another question than that of risk
			batch.Assess(ctx, rs, out)
			return out[0].Assessment.Provenance.Cache, out[0].Err
		},
		"nowcast": func(ctx context.Context, fresh bool) (domain.CacheOutcome, error) {
			r := predictortest.CloneNowcast(sequence)
			r.Fresh = fresh
			f, err := nowcasts.Nowcast(ctx, &r)
			return f.Provenance.Cache, err
		},
		"anomaly": func(ctx context.Context, fresh bool) (domain.CacheOutcome, error) {
			r, a := predictortest.Asked("d", record[29], record[:29]...), anomaly.Answer{}
			r.Fresh = fresh
			err := anomalies.DetectAnomaly(ctx, r, &a)
			return a.Provenance.Cache, err
		},
		"evacuation": func(ctx context.Context, fresh bool) (domain.CacheOutcome, error) {
			r := aFlood()
			r.Fresh = fresh
			a, err := evacuations.PlanEvacuation(ctx, &r)
			return a.Provenance.Cache, err
		},
	}
}

// TestEveryCacheOutcomeHasACase asks every use case in the ways in which a cache may take part.
func TestEveryCacheOutcomeHasACase(t *testing.T) {
	models := newWorld(t, false).models
	clock := &cachetest.Clock{}
	cached, down := cachetest.NewFake(clock.Now), cachetest.NewFake(clock.Now)
	down.Fail(errors.New("the cable is cut"))
	type way struct {
		cache *cachetest.Fake
		fresh bool
	}
	ways := []wordtest.Case[way]{
		{Name: "without a cache", Ask: way{nil, false}, Says: "cache=none"},
		{Name: "for the first time", Ask: way{cached, false}, Says: "cache=miss"},
		{Name: "again", Ask: way{cached, false}, Says: "cache=hit"},
		{Name: "for a fresh answer", Ask: way{cached, true}, Says: "cache=bypass"},
		{Name: "with a cache that is down", Ask: way{down, false}, Says: "cache=error"},
	}
	for name := range capabilities(models, nil) {
		t.Run(name, func(t *testing.T) {
			outcomes := []wordtest.Set{wordtest.Of("cache", domain.NumCacheOutcomes)}
			wordtest.Run(t, outcomes, ways, func(t *testing.T, w way) wordtest.Said {
				outcome, err := capabilities(models, w.cache)[name](t.Context(), w.fresh)
				if err != nil {
					t.Fatal(err)
				}
				said := wordtest.Said{}
				said.Add("cache", outcome.String())
				return said
			})
		})
	}
}

// TestEveryKindOfErrorHasACase: those that only transports make are provoked in ports/transporttest.
func TestEveryKindOfErrorHasACase(t *testing.T) {
	const transport = "a transport makes it"
	kinds := wordtest.Of("kind", domain.NumKinds).
		Except(transport, "malformed unauthenticated forbidden exhausted").
		Except("a plan that is refused for its size takes minutes to try; a transport makes it, too", "too_large")
	loaded := newWorld(t, false).models
	unloaded := predict.NewModels(&scriptedSource{}, predict.NoRegion, nil, noStatistics{}, ports.NopRecorder{}, time.Now)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	type ask = func(t *testing.T) error
	// each asks every use case and returns their common error.
	each := func(ctx context.Context, models *predict.Models) ask {
		return func(t *testing.T) error {
			var common error
			for name, ask := range capabilities(models, nil) {
				_, err := ask(ctx, false)
				if common != nil && domain.KindOf(err) != domain.KindOf(common) {
					t.Errorf("%s: %v, where another use case says %v", name, err, common)
				}
				common = err
			}
			return common
		}
	}
	wordtest.Run(t, []wordtest.Set{kinds}, []wordtest.Case[ask]{
		{Name: "a caller who gave up", Ask: each(gone, loaded), Says: "kind=canceled"},
		{Name: "a deadline in the past", Ask: each(late, loaded), Says: "kind=deadline"},
		{Name: "before the models are loaded", Ask: each(t.Context(), unloaded), Says: "kind=unavailable"},
		{Name: "a place beyond the poles", Ask: func(t *testing.T) error {
			r := aFlood()
			r.Latitude = 91
			_, err := without(t, false).PlanEvacuation(t.Context(), &r)
			return err
		}, Says: "kind=invalid"},
		{Name: "a model that is none", Ask: func(t *testing.T) error {
			_, err := loaded.Get(t.Context(), "oracle")
			return err
		}, Says: "kind=not_found"},
		{Name: "a region whose plan breaks", Ask: func(t *testing.T) error {
			r := aFlood()
			broken := inTown(t, false, &town{digest: "sha256:ab", err: errors.New("a defect")})
			_, err := broken.PlanEvacuation(t.Context(), &r)
			return err
		}, Says: "kind=internal"},
	}, func(t *testing.T, ask ask) wordtest.Said {
		err := ask(t)
		if err == nil {
			t.Fatal("no error")
		}
		said := wordtest.Said{}
		said.Add("kind", domain.KindOf(err).String())
		return said
	})
}
