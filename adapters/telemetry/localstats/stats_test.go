package localstats

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/fx"
	"pgregory.net/rapid"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/recordertest"
)

var riskRef = domain.ModelRef{Name: domain.RiskScorer, Version: "1.0.0", Digest: "sha256:00"}

// clockAt is a clock that stands until it is moved.
type clockAt struct{ t time.Time }

func (c *clockAt) now() time.Time { return c.t }

func newStats() (*Stats, *clockAt) {
	c := &clockAt{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	return New(c.now), c
}

func TestStatsKeepTheRecorderContract(t *testing.T) {
	recordertest.Run(t, func(*testing.T) recordertest.Subject {
		s, _ := newStats()
		return recordertest.Subject{Recorder: s, Series: func(*testing.T) int {
			n := 0
			for i := range s.shards {
				f := s.shards[i].now
				n += len(f.models) + len(f.requests.byRoute) + len(f.requests.byCode)
			}
			return n
		}}
	})
}

func TestAModelNeverAskedHasNoFigures(t *testing.T) {
	s, _ := newStats()
	if d := cmp.Diff(ports.ModelStats{}, s.Model(domain.Nowcaster)); d != "" {
		t.Error(d)
	}
}

func TestModelCountsAreExact(t *testing.T) {
	s, _ := newStats()
	ctx := t.Context()
	s.Predicted(ctx, riskRef, nil, 4, 40*time.Microsecond)
	s.Predicted(ctx, riskRef, nil, 1, 15*time.Microsecond)
	s.Served(ctx, riskRef, &domain.LevelCounts{domain.LevelLow: 6, domain.LevelExtreme: 1}, 7)
	s.Failed(ctx, domain.RiskScorer, domain.KindInvalid, 2)
	s.CacheLookup(ctx, domain.RiskScorer, domain.CacheHit, 3, time.Microsecond)
	s.CacheLookup(ctx, domain.RiskScorer, domain.CacheMiss, 1, time.Microsecond)
	s.CacheLookup(ctx, domain.RiskScorer, domain.CacheError, 5, time.Microsecond)
	s.CacheLookup(ctx, domain.RiskScorer, domain.CacheBypass, 8, time.Microsecond)
	s.Loaded(ctx, riskRef, time.Second, errors.New("digest differs"))

	got := s.Model(domain.RiskScorer)
	want := ports.ModelStats{
		Predictions: 7, Computed: 5, Errors: 2,
		ByLevel: domain.LevelCounts{domain.LevelLow: 6, domain.LevelExtreme: 1},
		Mean:    11 * time.Microsecond, P95: 15 * time.Microsecond, P99: 15 * time.Microsecond,
		CacheHits: 3, CacheMisses: 1, CacheErrors: 5,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got.HitRate() != 0.75 {
		t.Errorf("hit rate %v, want 0.75", got.HitRate())
	}
	if d := cmp.Diff(ports.ModelStats{}, s.Model(domain.Nowcaster)); d != "" {
		t.Errorf("another model has figures:\n%s", d)
	}
}

func TestABatchCountsEachAnswerWithItsShareOfTheTime(t *testing.T) {
	s, _ := newStats()
	s.Predicted(t.Context(), riskRef, nil, 99, 99*10*time.Microsecond)
	s.Predicted(t.Context(), riskRef, nil, 1, 10*time.Millisecond)
	m := s.Model(domain.RiskScorer)
	if want := 109900 * time.Nanosecond; m.Mean != want {
		t.Errorf("mean %v, want %v", m.Mean, want)
	}
	if m.P95.Round(100*time.Nanosecond) != 10*time.Microsecond || m.P99.Round(100*time.Nanosecond) != 10*time.Microsecond {
		t.Errorf("p95 %v and p99 %v, want 10µs: one slow answer in a hundred is beyond both", m.P95, m.P99)
	}
}

func TestRequestFiguresOfAllTransportsAreKeptTogether(t *testing.T) {
	s, clock := newStats()
	ctx := t.Context()
	s.Requested(ctx, "http", "POST /api/v1/predict/flood-risk", "200", false, 2*time.Millisecond)
	s.Requested(ctx, "http", "POST /api/v1/predict/flood-risk", "422", true, time.Millisecond)
	s.Requested(ctx, "connect", "guardy.v1.PredictionService/AssessFloodRisk", "ok", false, 3*time.Millisecond)
	clock.t = clock.t.Add(2 * time.Second)

	want := ports.RequestStats{
		Since: clock.t.Add(-2 * time.Second), Total: 3, Failed: 1,
		ByRoute:   map[string]uint64{"POST /api/v1/predict/flood-risk": 2, "guardy.v1.PredictionService/AssessFloodRisk": 1},
		ByCode:    map[string]uint64{"200": 1, "422": 1, "ok": 1},
		PerSecond: 1.5,
		Mean:      2 * time.Millisecond, Median: 2 * time.Millisecond,
		P95: 3 * time.Millisecond, P99: 3 * time.Millisecond, Min: time.Millisecond, Max: 3 * time.Millisecond,
	}
	got := s.Requests()
	got.Median = got.Median.Round(20 * time.Microsecond) // within one in 128
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestPercentilesAreWithinOneIn128(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, _ := newStats()
		took := rapid.SliceOfN(rapid.Int64Range(0, int64(longest)), 1, 200).Draw(t, "took")
		for i, d := range took {
			s.Requested(t.Context(), "http", "GET /livez", "200", false, time.Duration(d))
			if i%50 == 0 {
				s.Requests() // what was read before counts on
			}
		}
		slices.Sort(took)
		r := s.Requests()
		for p, got := range map[int]time.Duration{50: r.Median, 95: r.P95, 99: r.P99} {
			want := took[(len(took)*p+99)/100-1]
			if off := int64(got) - want; off < 0 || off > want/128 || got < r.Min || got > r.Max {
				t.Errorf("p%d of %d durations is %d, want %d", p, len(took), got, want)
			}
		}
		if int64(r.Min) != took[0] || int64(r.Max) != took[len(took)-1] {
			t.Errorf("min %d and max %d, want %d and %d", r.Min, r.Max, took[0], took[len(took)-1])
		}
	})
}

func TestMoreThanAnHourCountsAsOne(t *testing.T) {
	s, _ := newStats()
	for range 2 { // the second reading finds nothing of the first in the shards
		s.Requested(t.Context(), "http", "GET /livez", "200", false, 30*time.Hour)
		s.Requested(t.Context(), "http", "GET /livez", "200", false, 50*time.Hour)
		r := s.Requests()
		if r.Min != 30*time.Hour || r.Max != 50*time.Hour || r.Mean != 40*time.Hour {
			t.Errorf("%+v", r)
		}
		if r.Median != 30*time.Hour || r.P99 != 30*time.Hour {
			t.Errorf("median %v and p99 %v, want the shortest seen", r.Median, r.P99)
		}
	}
}

func TestReadingChangesNothing(t *testing.T) {
	s, _ := newStats()
	s.Requested(t.Context(), "http", "GET /livez", "200", false, time.Millisecond)
	s.Served(t.Context(), riskRef, nil, 3)
	first, firstModel := s.Requests(), s.Model(domain.RiskScorer)
	if d := cmp.Diff(first, s.Requests()); d != "" {
		t.Errorf("second reading differs:\n%s", d)
	}
	if d := cmp.Diff(firstModel, s.Model(domain.RiskScorer)); d != "" {
		t.Errorf("second reading differs:\n%s", d)
	}
}

func TestResetStartsCountingAnew(t *testing.T) {
	s, clock := newStats()
	ctx := t.Context()
	s.Requested(ctx, "http", "GET /livez", "200", true, time.Hour)
	s.Predicted(ctx, riskRef, nil, 1, time.Hour)
	s.Served(ctx, riskRef, &domain.LevelCounts{domain.LevelHigh: 1}, 1)
	clock.t = clock.t.Add(time.Minute)
	s.Reset()

	want := ports.RequestStats{Since: clock.t, ByRoute: map[string]uint64{}, ByCode: map[string]uint64{}}
	if d := cmp.Diff(want, s.Requests()); d != "" {
		t.Errorf("requests after Reset (-want +got):\n%s", d)
	}
	if d := cmp.Diff(ports.ModelStats{}, s.Model(domain.RiskScorer)); d != "" {
		t.Errorf("model after Reset (-want +got):\n%s", d)
	}
	s.Requested(ctx, "http", "GET /livez", "200", false, time.Millisecond)
	if r := s.Requests(); r.Total != 1 || r.Max != time.Millisecond || r.Min != time.Millisecond {
		t.Errorf("first request after Reset: %+v", r)
	}
}

func TestNoFactIsLostBetweenRecordersAndReaders(t *testing.T) {
	s, _ := newStats()
	const workers, each = 8, 2000
	stop := make(chan struct{})
	var readers, recorders sync.WaitGroup
	readers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				s.Requests()
				s.Model(domain.RiskScorer)
				runtime.Gosched()
			}
		}
	})
	for range workers {
		recorders.Go(func() {
			for range each {
				s.Requested(t.Context(), "http", "GET /livez", "200", false, time.Microsecond)
				s.Served(t.Context(), riskRef, &domain.LevelCounts{domain.LevelLow: 1}, 1)
			}
		})
	}
	recorders.Wait()
	close(stop)
	readers.Wait()
	if r := s.Requests(); r.Total != workers*each || r.ByCode["200"] != workers*each {
		t.Errorf("counted %d requests, %d of them 200; want %d", r.Total, r.ByCode["200"], workers*each)
	}
	if m := s.Model(domain.RiskScorer); m.Predictions != workers*each || m.ByLevel[domain.LevelLow] != workers*each {
		t.Errorf("counted %d answers, want %d", m.Predictions, workers*each)
	}
}

func TestNamesBeyondTheBoundCountAsOther(t *testing.T) {
	s, _ := newStats()
	for i := range 10 * maxRoutes {
		s.Requested(t.Context(), "http", fmt.Sprintf("GET /%d", i), "200", false, time.Millisecond)
	}
	r := s.Requests()
	if len(r.ByRoute) > maxRoutes+1 {
		t.Errorf("%d routes are held, want at most %d", len(r.ByRoute), maxRoutes+1)
	}
	var sum uint64
	for _, n := range r.ByRoute {
		sum += n
	}
	if sum != r.Total || r.ByRoute[otherName] == 0 {
		t.Errorf("routes add up to %d of %d, %d of them other", sum, r.Total, r.ByRoute[otherName])
	}
}

func TestNamesLentByATransportAreCopied(t *testing.T) {
	s, _ := newStats()
	buf := []byte("GET /livez")
	s.Requested(t.Context(), "http", unsafeString(buf), "200", false, time.Millisecond)
	copy(buf, "XXX XXXXXX")
	if r := s.Requests(); r.ByRoute["GET /livez"] != 1 {
		t.Errorf("routes are %v, want GET /livez", r.ByRoute)
	}
}

func TestProcessIsDescribed(t *testing.T) {
	s, clock := newStats()
	p := s.Process()
	if !p.StartedAt.Equal(clock.t) || p.HeapBytes == 0 || p.ResidentBytes == 0 || p.Goroutines == 0 || p.CPUs == 0 || p.GoVersion == "" {
		t.Errorf("incomplete: %+v", p)
	}
	if runtime.GOOS == "linux" && p.CPUSeconds <= 0 {
		t.Errorf("processor time is %v", p.CPUSeconds)
	}
}

func TestRecordingDoesNotAllocate(t *testing.T) {
	s, _ := newStats()
	ctx, levels := t.Context(), &domain.LevelCounts{domain.LevelLow: 1}
	all := func() {
		s.Predicted(ctx, riskRef, levels, 1, 3*time.Microsecond)
		s.Served(ctx, riskRef, levels, 1)
		s.CacheLookup(ctx, domain.RiskScorer, domain.CacheHit, 1, time.Microsecond)
		s.Failed(ctx, domain.RiskScorer, domain.KindInvalid, 1)
		s.Requested(ctx, "http", "POST /api/v1/predict/flood-risk", "200", false, time.Millisecond)
	}
	for range 100 { // every shard has met every name
		all()
	}
	if n := testing.AllocsPerRun(1000, all); n >= 1 && !raceEnabled() {
		t.Errorf("%v allocations for five facts", n)
	}
}

func TestModuleProvidesStatistics(t *testing.T) {
	var s ports.Statistics
	app := fx.New(fx.NopLogger, fx.Supply(ports.Clock(time.Now)), Module(), fx.Populate(&s))
	if err := app.Err(); err != nil || s == nil {
		t.Fatalf("statistics %v, error %v", s, err)
	}
}

func BenchmarkRecord(b *testing.B) {
	levels := &domain.LevelCounts{domain.LevelLow: 1}
	ctx := b.Context()
	facts := map[string]func(s *Stats, took time.Duration){
		"Predicted":   func(s *Stats, took time.Duration) { s.Predicted(ctx, riskRef, levels, 1, took) },
		"Served":      func(s *Stats, _ time.Duration) { s.Served(ctx, riskRef, levels, 1) },
		"CacheLookup": func(s *Stats, took time.Duration) { s.CacheLookup(ctx, riskRef.Name, domain.CacheHit, 1, took) },
		"Requested": func(s *Stats, took time.Duration) {
			s.Requested(ctx, "http", "POST /api/v1/predict/flood-risk", "200", false, took)
		},
	}
	for _, name := range []string{"Predicted", "Served", "CacheLookup", "Requested"} {
		fact := facts[name]
		b.Run(name, func(b *testing.B) {
			s := New(time.Now)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				took := time.Duration(rand.IntN(1000))
				for pb.Next() {
					took = (took*5 + 1) % (10 * time.Millisecond)
					fact(s, took)
				}
			})
		})
	}
}

// BenchmarkRead reads what the operations API shows of requests and of every model, each time after
// something new of each was recorded.
func BenchmarkRead(b *testing.B) {
	s := New(time.Now)
	ctx := b.Context()
	models := []domain.ModelName{domain.RiskScorer, domain.Nowcaster, domain.AnomalyDetector, domain.EvacuationPlanner}
	b.ReportAllocs()
	for b.Loop() {
		for i, name := range models {
			s.Predicted(ctx, domain.ModelRef{Name: name}, nil, 1, time.Duration(3+100*i)*time.Microsecond)
			s.Requested(ctx, "http", "POST /api/v1/predict/flood-risk", "200", false, time.Duration(1+i)*5*time.Millisecond)
		}
		s.Requests()
		for _, name := range models {
			s.Model(name)
		}
	}
}
