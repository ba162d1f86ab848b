package predict_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/guardy-ai/guardy/app/predict"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/cachetest"
	"github.com/guardy-ai/guardy/ports/predictortest"
	"github.com/guardy-ai/guardy/ports/recordertest"
)

func mustPlan(t *testing.T, p ports.EvacuationPlanner, r evacuation.Request) evacuation.Answer {
	t.Helper()
	r = predictortest.CloneEvacuation(r)
	var a evacuation.Answer
	if err := p.PlanEvacuation(t.Context(), &r, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// aFlood is a question that a town answers.
func aFlood() evacuation.Request {
	r := evacuation.NewRequest()
	r.Latitude, r.Longitude, r.FloodProbability, r.RiskLevel = 47.16, 9.51, 0.9, "extreme"
	return r
}

// town is a region with one road. It plans for as long as it is told.
type town struct {
	digest string
	work   func(spent func() float64) // nil: no work
	err    error
}

func (t *town) Digest() string                { return t.digest }
func (*town) Describe() string                { return "the town" }
func (*town) Complete(card *domain.ModelCard) { card.Text += "One road.\n" }
func (t *town) Plan(r *evacuation.Request, spent func() float64, a *evacuation.Answer) error {
	if t.work != nil {
		t.work(spent)
	}
	if t.err != nil {
		return t.err
	}
	for i := range a.Zones {
		z, nobody := &a.Zones[i], evacuation.Known(0)
		z.Affected, z.Served, z.UnservedNoRoute, z.UnservedSheltersFull = nobody, nobody, nobody, nobody
		z.ClearanceMinutes, z.LowerBoundMinutes = 12, 12
	}
	a.Zones[0].Affected, a.Zones[0].Served, a.Zones[0].UnservedSheltersFull = evacuation.Known(30), evacuation.Known(25), evacuation.Known(5)
	a.Shelters = []evacuation.Shelter{{
		ID: "school", Name: "School", At: geo.Point{Lon: 9.52000004, Lat: 47.17}, Capacity: evacuation.Known(25), Status: evacuation.ShelterFull,
		DistanceM: 1500, TravelSeconds: 140, DrySeconds: 120, Assigned: 25,
	}}
	a.Routes = []evacuation.Route{{
		People: 25, LengthM: 1500, TravelSeconds: 140, Line: []geo.Point{r.Centre(), {Lon: 9.52, Lat: 47.17}},
		Departures: []evacuation.Departure{{ToMinutes: 10, People: 25, VehiclesPerMinute: 1}},
	}}
	a.Plan = evacuation.Plan{
		Status: evacuation.StatusPlanned, Objective: evacuation.ObjectiveInnerFirst, ClearanceMinutes: 12, LowerBoundMinutes: 12,
		Served: evacuation.Known(25), UnservedNoRoute: evacuation.Known(0), UnservedSheltersFull: evacuation.Known(5),
	}
	if spent() >= 1 {
		a.Plan.Status = evacuation.StatusTimeLimited
	}
	a.Sources = evacuation.Sources{Roads: "the town", Population: "the town", Shelters: "the town", Attribution: "© OpenStreetMap contributors"}
	return nil
}

// planning is the use case with everything around it under the test's control. Of the models, only the planner is
// loaded.
type planning struct {
	*predict.Evacuations
	region   evacuation.RegionPlanner // is loaded at the next load
	models   *predict.Models
	recorder *recordertest.Fake
}

// without returns the use case without a region.
func without(t *testing.T, cached bool) *planning {
	t.Helper()
	w := &planning{recorder: &recordertest.Fake{}}
	clock := &cachetest.Clock{}
	clock.Advance(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Sub(clock.Now()))
	deps := predict.Deps{
		Source: &scriptedSource{}, Region: func(context.Context) (evacuation.RegionPlanner, error) { return w.region, nil },
		Statistics: noStatistics{}, Recorder: w.recorder, Clock: clock.Now, TTL: predict.TTL{Evacuation: 15 * time.Minute},
		Planning: predict.Planning{Workers: 1, Queue: 1, Budget: time.Second},
	}
	if cached {
		deps.Cache = cachetest.NewFake(clock.Now)
	}
	u := predict.New(deps)
	w.models, w.Evacuations = u.Models, u.Evacuations
	w.reload(t)
	return w
}

func (w *planning) reload(t *testing.T) {
	t.Helper()
	if _, err := w.models.Reload(t.Context(), domain.EvacuationPlanner); err != nil {
		t.Fatal(err)
	}
}

// inTown returns the use case with a region.
func inTown(t *testing.T, cached bool, region *town) *planning {
	t.Helper()
	w := without(t, cached)
	w.region = region
	w.reload(t)
	return w
}

func TestEvacuationsKeepTheContractWithACacheAndWithout(t *testing.T) {
	for name, cached := range map[string]bool{"computed": false, "cached": true} {
		t.Run(name, func(t *testing.T) {
			predictortest.RunEvacuationPlanner(t, func(t *testing.T) ports.EvacuationPlanner { return without(t, cached) })
		})
	}
}

func TestACachedEvacuationIsTheComputedOne(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 42))
	for name, open := range map[string]func(cached bool) *planning{
		"without a region": func(cached bool) *planning { return without(t, cached) },
		"with a region":    func(cached bool) *planning { return inTown(t, cached, &town{digest: "sha256:ab"}) },
	} {
		t.Run(name, func(t *testing.T) {
			plain, cached := open(false), open(true)
			for range 100 {
				r := predictortest.RandomEvacuation(rng)
				want := mustPlan(t, plain, r)
				miss, hit := mustPlan(t, cached, r), mustPlan(t, cached, r)
				if miss.Provenance.Cache != domain.CacheMiss || hit.Provenance.Cache != domain.CacheHit {
					t.Fatalf("outcomes %v, %v; want miss, hit", miss.Provenance.Cache, hit.Provenance.Cache)
				}
				if ttl := hit.Provenance.TTL; ttl <= 13*time.Minute || ttl > 15*time.Minute {
					t.Fatalf("the ttl is %v, want 15 minutes less at most a tenth", ttl)
				}
				for _, got := range []evacuation.Answer{miss, hit} {
					if diff := cmp.Diff(want, got, predictortest.SameEvacuation); diff != "" {
						t.Fatalf("the cache changed the answer (-computed +cached):\n%s", diff)
					}
				}
			}
		})
	}
}

func TestAnotherRegionIsAnotherModel(t *testing.T) {
	w := without(t, true)
	before := mustPlan(t, w, aFlood())
	status, err := w.models.Get(t.Context(), domain.EvacuationPlanner)
	if err != nil || status.Source != "no region" || !status.Loaded || status.Ref != before.Model {
		t.Errorf("status %+v, %v", status, err)
	}
	w.region = &town{digest: "sha256:ab"}
	if status, err = w.models.Reload(t.Context(), domain.EvacuationPlanner); err != nil || status.Source != "the town" {
		t.Errorf("after the reload: %+v, %v", status, err)
	}
	after := mustPlan(t, w, aFlood())
	if after.Provenance.Cache != domain.CacheMiss || after.Plan.Status != evacuation.StatusPlanned || after.Model == before.Model {
		t.Errorf("after the reload: %v, %v of %+v", after.Provenance.Cache, after.Plan.Status, after.Model)
	}
	if n, err := w.models.ClearCache(t.Context(), domain.EvacuationPlanner); n != 2 || err != nil {
		t.Errorf("%d entries cleared, %v", n, err)
	}
}

func TestARegionThatCannotBeLoadedKeepsTheOldOne(t *testing.T) {
	broken := errors.New("the file ends in the middle of a block")
	deps := bare(&scriptedSource{})
	deps.Region = func(context.Context) (evacuation.RegionPlanner, error) {
		return nil, &domain.Error{Kind: domain.KindInvalid, Msg: broken.Error(), Err: broken}
	}
	u := predict.New(deps)
	if err := u.Models.Load(t.Context(), true); !errors.Is(err, broken) {
		t.Errorf("the load answers %v", err)
	}
	r := aFlood()
	if err := u.Evacuations.PlanEvacuation(t.Context(), &r, new(evacuation.Answer)); domain.KindOf(err) != domain.KindUnavailable {
		t.Errorf("error %v, want unavailable", err)
	}
}

func TestPlansWaitForTheirTurnAndTooManyAreShed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var working, most atomic.Int64
		w := inTown(t, false, &town{digest: "sha256:ab", work: func(func() float64) {
			most.Store(max(most.Load(), working.Add(1)))
			<-release
			working.Add(-1)
		}})
		ask := func() error {
			r := aFlood()
			return w.PlanEvacuation(t.Context(), &r, new(evacuation.Answer))
		}
		var wg sync.WaitGroup
		for range 2 { // one at work, one waiting
			wg.Go(func() {
				if err := ask(); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if err := ask(); domain.KindOf(err) != domain.KindUnavailable {
			t.Errorf("the third answers %v, want unavailable", err)
		}
		r := aFlood()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := w.PlanEvacuation(ctx, &r, new(evacuation.Answer)); domain.KindOf(err) != domain.KindUnavailable {
			t.Errorf("the fourth answers %v, want unavailable", err)
		}
		close(release)
		wg.Wait()
		if most.Load() != 1 {
			t.Errorf("%d plans were made at once", most.Load())
		}
		if err := ask(); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// untilStopped works until it is told to stop.
func untilStopped(spent func() float64) {
	for spent() < 1 {
		time.Sleep(time.Millisecond) // of the test's own clock
	}
}

func TestAPlanEndsWithTheBestSoFarBeforeItsTimeIsUp(t *testing.T) {
	for name, tt := range map[string]struct{ timeout, want time.Duration }{
		"by its budget":              {0, time.Second},
		"by the time of the request": {500 * time.Millisecond, 450 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := inTown(t, true, &town{digest: "sha256:ab", work: untilStopped})
				ctx, cancel := context.WithCancel(t.Context())
				if tt.timeout > 0 {
					ctx, cancel = context.WithTimeout(t.Context(), tt.timeout)
				}
				defer cancel()
				start := time.Now()
				r := aFlood()
				var a evacuation.Answer
				if err := w.PlanEvacuation(ctx, &r, &a); err != nil || a.Plan.Status != evacuation.StatusTimeLimited {
					t.Fatalf("%v, %v", a.Plan.Status, err)
				}
				if took := time.Since(start).Round(10 * time.Millisecond); took != tt.want {
					t.Errorf("the plan took %v, want %v", took, tt.want)
				}
			})
		})
	}
}

func TestACallerWhoGivesUpStopsThePlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inTown(t, true, &town{digest: "sha256:ab", work: untilStopped})
		ctx, giveUp := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer giveUp()
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(50*time.Millisecond, cancel)
		start := time.Now()
		r := aFlood()
		if err := w.PlanEvacuation(ctx, &r, new(evacuation.Answer)); domain.KindOf(err) != domain.KindCanceled {
			t.Errorf("error %v, want canceled", err)
		}
		if took := time.Since(start); took > 60*time.Millisecond {
			t.Errorf("the plan went on for %v", took)
		}
	})
}

func TestALeaderWhoGivesUpDoesNotFailThoseBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inTown(t, true, &town{digest: "sha256:ab", work: untilStopped})
		w.recorder.Reset()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			r := aFlood()
			if err := w.PlanEvacuation(ctx, &r, new(evacuation.Answer)); domain.KindOf(err) != domain.KindCanceled {
				t.Errorf("the leader: %v", err)
			}
		})
		time.Sleep(10 * time.Millisecond)
		for range 3 {
			wg.Go(func() {
				r := aFlood()
				var a evacuation.Answer
				if err := w.PlanEvacuation(t.Context(), &r, &a); err != nil || a.Plan.Status != evacuation.StatusTimeLimited {
					t.Errorf("behind: %v, %v", a.Plan.Status, err)
				}
			})
		}
		synctest.Wait()
		cancel()
		wg.Wait()
		if n := len(recordertest.Only[recordertest.Predicted](w.recorder.Facts())); n != 1 {
			t.Errorf("%d plans were made for those behind, want 1", n)
		}
	})
}

// counted is an admission that counts the slots that are taken.
type counted struct{ used atomic.Int64 }

// countedSlot is a slot of it.
type countedSlot struct {
	of      *counted
	resting bool
}

func (s *countedSlot) Rest() {
	if !s.resting {
		s.resting = true
		s.of.used.Add(-1)
	}
}

func (s *countedSlot) Resume(context.Context) error {
	if s.resting {
		s.resting = false
		s.of.used.Add(1)
	}
	return nil
}

func (s *countedSlot) Leave() { s.Rest() }

func TestWhoeverWaitsForTheSamePlanHoldsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		w := inTown(t, true, &town{digest: "sha256:ab", work: func(func() float64) { <-release }})
		w.recorder.Reset()
		slots := new(counted)
		var wg sync.WaitGroup
		for range 600 {
			wg.Go(func() {
				slots.used.Add(1)
				s := &countedSlot{of: slots}
				defer s.Leave()
				r := aFlood()
				if err := w.PlanEvacuation(ports.WithSlot(t.Context(), s), &r, new(evacuation.Answer)); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if used := slots.used.Load(); used != 0 {
			t.Errorf("%d slots are held while one plan is made for 600", used)
		}
		close(release)
		wg.Wait()
		if n := len(recordertest.Only[recordertest.Predicted](w.recorder.Facts())); n != 1 || slots.used.Load() != 0 {
			t.Errorf("%d plans were made, %d slots are left", n, slots.used.Load())
		}
	})
}

func TestAnErrorOfTheRegionIsTheAnswer(t *testing.T) {
	w := inTown(t, true, &town{digest: "sha256:ab", err: &domain.Error{Kind: domain.KindDeadline, Msg: "no plan yet"}})
	r := aFlood()
	if err := w.PlanEvacuation(t.Context(), &r, new(evacuation.Answer)); domain.KindOf(err) != domain.KindDeadline {
		t.Errorf("error %v, want that of the region", err)
	}
}

func BenchmarkPlanEvacuationWithoutARegion(b *testing.B) {
	s := loaded(b, bare(shipped)).Evacuations
	b.ReportAllocs()
	for b.Loop() {
		r := aFlood()
		r.PopulationDensity = 1200
		if err := s.PlanEvacuation(b.Context(), &r, new(evacuation.Answer)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "answers/s")
}
