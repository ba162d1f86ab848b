package predict_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/adapters/regionsource/osmregion"
	"github.com/guardy-ai/guardy/app/predict"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/cachetest"
	"github.com/guardy-ai/guardy/ports/predictortest"
	"github.com/guardy-ai/guardy/ports/wordtest"
)

// TestEveryWordOfAnAnswerHasACase provokes every word on the embedded models and on the made-up town.
func TestEveryWordOfAnAnswerHasACase(t *testing.T) {
	w := newWorld(t, false)
	t.Run("risk", func(t *testing.T) {
		predictortest.RunRiskWords(t, func(*testing.T) ports.RiskAssessor { return w.FloodRisks })
	})
	t.Run("nowcast", func(t *testing.T) {
		predictortest.RunNowcasterWords(t, func(*testing.T) ports.Nowcaster { return w.Nowcasts })
	})
	t.Run("anomaly", func(t *testing.T) {
		open := func(t *testing.T, now time.Time, limits anomaly.Overrides) predictortest.Watch {
			w.clock.Advance(now.Sub(w.clock.Now()))
			w.source.set(predict.WithLimits(shipped, limits), nil)
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
	deps := bare(&scriptedSource{})
	deps.Region = predict.RegionFrom(source)
	deps.Planning = predict.Planning{Workers: 1, Queue: 1, Budget: budget}
	u := predict.New(deps)
	if _, err := u.Models.Reload(t.Context(), domain.EvacuationPlanner); err != nil {
		t.Fatal(err)
	}
	return u.Evacuations
}

// asking asks a use case. It returns what the cache had to do with the answer.
type asking func(ctx context.Context, fresh bool) (domain.CacheOutcome, error)

// overCache is what the use cases need, with a cache unless it is nil.
func overCache(source ports.ModelSource, cache *cachetest.Fake) predict.Deps {
	deps := bare(source)
	deps.Clock = new(cachetest.Clock).Now
	deps.TTL = predict.TTL{
		FloodRisk: time.Minute, Batch: time.Minute, Nowcast: time.Minute, Anomaly: time.Minute, Evacuation: time.Minute,
	}
	if cache != nil {
		deps.Cache = cache
	}
	return deps
}

// capabilities are the use cases by name.
func capabilities(u *predict.UseCases) map[string]asking {
	record := predictortest.RandomReadings(rand.New(rand.NewPCG(1, 2)), 30)
	sequence := predictortest.RandomNowcast(rand.New(rand.NewPCG(3, 4)))
	return map[string]asking{
		"risk": func(ctx context.Context, fresh bool) (domain.CacheOutcome, error) {
			r, a := wet(), risk.Assessment{}
			r.Fresh = fresh
			err := u.FloodRisks.Assess(ctx, &r, &a)
			return a.Provenance.Cache, err
		},
		"batch": func(ctx context.Context, fresh bool) (domain.CacheOutcome, error) {
			batch, err := u.FloodRisks.Begin(ctx)
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
			var f nowcast.Forecast
			err := u.Nowcasts.Nowcast(ctx, &r, &f)
			return f.Provenance.Cache, err
		},
		"anomaly": func(ctx context.Context, fresh bool) (domain.CacheOutcome, error) {
			r, a := predictortest.Asked("d", record[29], record[:29]...), anomaly.Answer{}
			r.Fresh = fresh
			err := u.Anomalies.DetectAnomaly(ctx, r, &a)
			return a.Provenance.Cache, err
		},
		"evacuation": func(ctx context.Context, fresh bool) (domain.CacheOutcome, error) {
			r := aFlood()
			r.Fresh = fresh
			var a evacuation.Answer
			err := u.Evacuations.PlanEvacuation(ctx, &r, &a)
			return a.Provenance.Cache, err
		},
	}
}

// TestEveryCacheOutcomeHasACase asks every use case in the ways in which a cache may take part.
func TestEveryCacheOutcomeHasACase(t *testing.T) {
	clock := &cachetest.Clock{}
	broken := cachetest.NewFake(clock.Now)
	broken.Fail(errors.New("the cable is cut"))
	without := loaded(t, overCache(shipped, nil))
	cached := loaded(t, overCache(shipped, cachetest.NewFake(clock.Now)))
	down := loaded(t, overCache(shipped, broken))
	type way struct {
		over  *predict.UseCases
		fresh bool
	}
	ways := []wordtest.Case[way]{
		{Name: "without a cache", Ask: way{without, false}, Says: "cache=none"},
		{Name: "for the first time", Ask: way{cached, false}, Says: "cache=miss"},
		{Name: "again", Ask: way{cached, false}, Says: "cache=hit"},
		{Name: "for a fresh answer", Ask: way{cached, true}, Says: "cache=bypass"},
		{Name: "with a cache that is down", Ask: way{down, false}, Says: "cache=error"},
	}
	for name := range capabilities(without) {
		t.Run(name, func(t *testing.T) {
			outcomes := []wordtest.Set{wordtest.Of("cache", domain.NumCacheOutcomes)}
			wordtest.Run(t, outcomes, ways, func(t *testing.T, w way) wordtest.Said {
				outcome, err := capabilities(w.over)[name](t.Context(), w.fresh)
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
	ready := loaded(t, bare(shipped))
	unloaded := predict.New(bare(shipped))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	type ask = func(t *testing.T) error
	// each asks every use case and returns their common error.
	each := func(ctx context.Context, u *predict.UseCases) ask {
		return func(t *testing.T) error {
			var common error
			for name, ask := range capabilities(u) {
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
		{Name: "a caller who gave up", Ask: each(gone, ready), Says: "kind=canceled"},
		{Name: "a deadline in the past", Ask: each(late, ready), Says: "kind=deadline"},
		{Name: "before the models are loaded", Ask: each(t.Context(), unloaded), Says: "kind=unavailable"},
		{Name: "a place beyond the poles", Ask: func(t *testing.T) error {
			r := aFlood()
			r.Latitude = 91
			return without(t, false).PlanEvacuation(t.Context(), &r, new(evacuation.Answer))
		}, Says: "kind=invalid"},
		{Name: "a model that is none", Ask: func(t *testing.T) error {
			_, err := ready.Models.Get(t.Context(), "oracle")
			return err
		}, Says: "kind=not_found"},
		{Name: "a region whose plan breaks", Ask: func(t *testing.T) error {
			r := aFlood()
			broken := inTown(t, false, &town{digest: "sha256:ab", err: errors.New("a defect")})
			return broken.PlanEvacuation(t.Context(), &r, new(evacuation.Answer))
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
