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
	"github.com/guardy-ai/guardy/ports/predictortest"
	"github.com/guardy-ai/guardy/ports/wordtest"
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
			Hurried:  onTown(t, "population.csv", -time.Second), // over before it begins
		}
	})
}

// asking asks a use case. It returns what the cache had to do with the answer.
type asking func(ctx context.Context, fresh bool) (domain.CacheOutcome, error)

// capabilities are the use cases on w by name.
func capabilities(w *world) map[string]asking {
	deps := predict.Deps{Models: w.models, Recorder: w.recorder, Clock: w.clock.Now, TTL: predict.TTL{Evacuation: time.Minute}}
	if w.cache != nil {
		deps.Cache = w.cache
	}
	p := predict.NewEvacuations(deps)
	record := predictortest.RandomReadings(rand.New(rand.NewPCG(1, 2)), 30)
	sequence := predictortest.RandomNowcast(rand.New(rand.NewPCG(3, 4)))
	return map[string]asking{
		"risk": func(ctx context.Context, fresh bool) (domain.CacheOutcome, error) {
			r, a := wet(), risk.Assessment{}
			r.Fresh = fresh
			err := w.Assess(ctx, &r, &a)
			return a.Provenance.Cache, err
		},
		"batch": func(ctx context.Context, fresh bool) (domain.CacheOutcome, error) {
			batch, err := w.Begin(ctx)
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
			f, err := w.Nowcast(ctx, &r)
			return f.Provenance.Cache, err
		},
		"anomaly": func(ctx context.Context, fresh bool) (domain.CacheOutcome, error) {
			r, a := predictortest.Asked("d", record[29], record[:29]...), anomaly.Answer{}
			r.Fresh = fresh
			err := w.DetectAnomaly(ctx, r, &a)
			return a.Provenance.Cache, err
		},
		"evacuation": func(ctx context.Context, fresh bool) (domain.CacheOutcome, error) {
			r := aFlood()
			r.Fresh = fresh
			a, err := p.PlanEvacuation(ctx, &r)
			return a.Provenance.Cache, err
		},
	}
}

// TestEveryCacheOutcomeHasACase asks every use case in the ways in which a cache may take part.
func TestEveryCacheOutcomeHasACase(t *testing.T) {
	plain, cached, down := newWorld(t, false), newWorld(t, true), newWorld(t, true)
	down.cache.Fail(errors.New("the cable is cut"))
	type way struct {
		*world
		fresh bool
	}
	ways := []wordtest.Case[way]{
		{Name: "without a cache", Ask: way{plain, false}, Says: []string{"cache=none"}},
		{Name: "for the first time", Ask: way{cached, false}, Says: []string{"cache=miss"}},
		{Name: "again", Ask: way{cached, false}, Says: []string{"cache=hit"}},
		{Name: "for a fresh answer", Ask: way{cached, true}, Says: []string{"cache=bypass"}},
		{Name: "with a cache that is down", Ask: way{down, false}, Says: []string{"cache=error"}},
	}
	for name := range capabilities(plain) {
		t.Run(name, func(t *testing.T) {
			wordtest.Run(t, []wordtest.Set{wordtest.Of("cache", domain.NumCacheOutcomes)}, ways, func(t *testing.T, w way) wordtest.Said {
				outcome, err := capabilities(w.world)[name](t.Context(), w.fresh)
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
	kinds := wordtest.Of("kind", domain.NumKinds).Except(transport, "malformed", "unauthenticated", "forbidden", "exhausted").
		Except("a plan that is refused for its size takes minutes to try; a transport makes it, too", "too_large")
	loaded, unloaded := newWorld(t, false), newWorld(t, false)
	unloaded.models = predict.NewModels(&scriptedSource{}, predict.NoRegion, nil, noStatistics{}, unloaded.recorder, unloaded.clock.Now)
	deps := predict.Deps{Models: unloaded.models, Recorder: unloaded.recorder, Clock: unloaded.clock.Now}
	unloaded.Service, unloaded.Nowcasts, unloaded.Anomalies = predict.New(deps), predict.NewNowcasts(deps), predict.NewAnomalies(deps)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	type ask = func(t *testing.T) error
	// each asks every use case and returns their common error.
	each := func(ctx context.Context, w *world) ask {
		return func(t *testing.T) error {
			var common error
			for name, ask := range capabilities(w) {
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
		{Name: "a caller who gave up", Ask: each(gone, loaded), Says: []string{"kind=canceled"}},
		{Name: "a deadline in the past", Ask: each(late, loaded), Says: []string{"kind=deadline"}},
		{Name: "before the models are loaded", Ask: each(t.Context(), unloaded), Says: []string{"kind=unavailable"}},
		{Name: "a place beyond the poles", Ask: func(t *testing.T) error {
			r := aFlood()
			r.Latitude = 91
			_, err := without(t, false).PlanEvacuation(t.Context(), &r)
			return err
		}, Says: []string{"kind=invalid"}},
		{Name: "a model that is none", Ask: func(t *testing.T) error {
			_, err := loaded.models.Get(t.Context(), "oracle")
			return err
		}, Says: []string{"kind=not_found"}},
		{Name: "a region whose plan breaks", Ask: func(t *testing.T) error {
			r := aFlood()
			_, err := inTown(t, false, &town{digest: "sha256:ab", err: errors.New("a defect")}).PlanEvacuation(t.Context(), &r)
			return err
		}, Says: []string{"kind=internal"}},
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
