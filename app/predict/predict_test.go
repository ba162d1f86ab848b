package predict_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/guardy-ai/guardy/adapters/modelsource/dir"
	"github.com/guardy-ai/guardy/adapters/modelsource/embedded"
	"github.com/guardy-ai/guardy/app/predict"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/models"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/cachetest"
	"github.com/guardy-ai/guardy/ports/devicestatestest"
	"github.com/guardy-ai/guardy/ports/modelsourcetest"
	"github.com/guardy-ai/guardy/ports/predictortest"
	"github.com/guardy-ai/guardy/ports/recordertest"
)

// world is the use cases on the embedded models with everything around them under the test's control.
type world struct {
	*predict.FloodRisks
	*predict.Nowcasts
	*predict.Anomalies
	states   *devicestatestest.Fake
	models   *predict.Models
	deps     predict.Deps
	source   *scriptedSource
	cache    *cachetest.Fake
	recorder *recordertest.Fake
	sites    sites
	clock    *cachetest.Clock
}

func newWorld(t *testing.T, cached bool) *world {
	t.Helper()
	w := &world{
		states: devicestatestest.NewFake(), source: &scriptedSource{}, recorder: &recordertest.Fake{}, sites: sites{}, clock: &cachetest.Clock{},
	}
	w.clock.Advance(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Sub(w.clock.Now()))
	w.deps = predict.Deps{
		Source: w.source, Sites: w.sites, States: w.states, Statistics: noStatistics{}, Recorder: w.recorder, Clock: w.clock.Now,
		TTL: predict.TTL{FloodRisk: 5 * time.Minute, Batch: 3 * time.Minute, Nowcast: 10 * time.Minute, Anomaly: time.Minute},
	}
	if cached {
		w.cache = cachetest.NewFake(w.clock.Now)
		w.deps.Cache = w.cache
	}
	u := predict.New(w.deps)
	w.models, w.FloodRisks, w.Nowcasts, w.Anomalies = u.Models, u.FloodRisks, u.Nowcasts, u.Anomalies
	if err := w.models.Load(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	return w
}

// shipped are the models of the binary.
var shipped = modelsourcetest.Once(embedded.New())

// scriptedSource gives the embedded model until it is told otherwise.
type scriptedSource struct {
	mu   sync.Mutex
	fail error
	now  ports.ModelSource
}

func (s *scriptedSource) Describe() string { return "scripted" }

// set replaces the source (nil: the embedded one), or makes loading fail.
func (s *scriptedSource) set(now ports.ModelSource, fail error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now, s.fail = now, fail
}

func (s *scriptedSource) LoadRisk(ctx context.Context) (*risk.Model, domain.ModelCard, error) {
	source, err := s.get()
	if err != nil {
		return nil, domain.ModelCard{}, err
	}
	return source.LoadRisk(ctx)
}

func (s *scriptedSource) LoadNowcast(ctx context.Context) (*nowcast.Model, domain.ModelCard, error) {
	source, err := s.get()
	if err != nil {
		return nil, domain.ModelCard{}, err
	}
	return source.LoadNowcast(ctx)
}

func (s *scriptedSource) LoadAnomaly(ctx context.Context) (*anomaly.Model, domain.ModelCard, error) {
	source, err := s.get()
	if err != nil {
		return nil, domain.ModelCard{}, err
	}
	return source.LoadAnomaly(ctx)
}

func (s *scriptedSource) get() (ports.ModelSource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil {
		return shipped, s.fail
	}
	return s.now, s.fail
}

// released has the embedded models under another version, and therefore another digest.
func released(t *testing.T, version string) ports.ModelSource {
	t.Helper()
	path := t.TempDir()
	if err := os.CopyFS(path, models.FS); err != nil {
		t.Fatal(err)
	}
	rewrite := func(name string, change func(m map[string]any)) (digest string) {
		name = filepath.Join(path, name)
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		if data, err = json.Marshal(m); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%x", sha256.Sum256(data))
	}
	rewrite("manifest.json", func(m map[string]any) {
		for _, of := range m["models"].([]any) {
			entry := of.(map[string]any)
			manifest := filepath.Join(entry["path"].(string), "manifest.json")
			entry["version"], entry["sha256"] = version, rewrite(manifest, func(m map[string]any) { m["version"] = version })
		}
	})
	source, err := dir.New(dir.Config{Path: path}, shipped)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

type noStatistics struct{ ports.NopRecorder }

func (noStatistics) Model(domain.ModelName) ports.ModelStats { return ports.ModelStats{} }
func (noStatistics) Requests() ports.RequestStats            { return ports.RequestStats{} }
func (noStatistics) Process() ports.ProcessStats             { return ports.ProcessStats{} }
func (noStatistics) Reset()                                  {}

type sites map[string]ports.RegisteredSite

func (s sites) Len() int { return len(s) }
func (s sites) Nearest(id string) string {
	return domain.NearestName(id, maps.Keys(s))
}

func (s sites) Lookup(id string) (ports.RegisteredSite, bool) {
	site, ok := s[id]
	return site, ok
}

// wet is a valid question.
func wet() risk.Request {
	r := risk.NewRequest()
	r.Latitude, r.Longitude, r.RainfallMM, r.Temperature = 45.17, -69.31, 62.4, 11
	r.Rainfall7dMean, r.Rainfall30dMean = 14, 6
	r.Explain = true
	return r
}

func TestACachedAnswerIsTheComputedAnswer(t *testing.T) {
	plain, cached := newWorld(t, false), newWorld(t, true)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		r := predictortest.Random(rng)
		want := predictortest.Ask(t, plain.FloodRisks, r)
		miss := predictortest.Ask(t, cached.FloodRisks, r)
		hit := predictortest.Ask(t, cached.FloodRisks, r)
		if miss.Provenance.Cache != domain.CacheMiss || hit.Provenance.Cache != domain.CacheHit {
			t.Fatalf("outcomes %v, %v; want miss, hit", miss.Provenance.Cache, hit.Provenance.Cache)
		}
		for _, got := range []risk.Assessment{miss, hit} {
			if diff := cmp.Diff(want, got, predictortest.SameAnswer); diff != "" {
				t.Fatalf("the cache changed the answer (-computed +cached):\n%s", diff)
			}
		}
	}
}

func TestFloodRisksKeepTheContractWithACacheAndWithout(t *testing.T) {
	for name, cached := range map[string]bool{"computed": false, "cached": true} {
		t.Run(name, func(t *testing.T) {
			predictortest.Run(t, func(t *testing.T) predictortest.Predictor { return newWorld(t, cached).FloodRisks })
		})
	}
}

func TestConcurrentMissesOfOneKeyComputeOnce(t *testing.T) {
	w := newWorld(t, true)
	gate := &gatedCache{Fake: w.cache}
	w.deps.Cache = gate
	s := loaded(t, w.deps).FloodRisks
	w.recorder.Reset()
	const callers = 8
	synctest.Test(t, func(t *testing.T) {
		gate.release = make(chan struct{})
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				r := wet()
				if err := s.Assess(t.Context(), &r, new(risk.Assessment)); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // everyone has missed and waits: one in Put, the others behind it
		close(gate.release)
		wg.Wait()
	})
	if n := len(recordertest.Only[recordertest.Predicted](w.recorder.Facts())); n != 1 {
		t.Fatalf("%d computations, want 1", n)
	}
}

// gatedCache holds Put until it is released, so that every caller misses first.
type gatedCache struct {
	*cachetest.Fake
	release chan struct{}
}

func (g *gatedCache) Put(ctx context.Context, k domain.Key, v []byte, ttl time.Duration) error {
	<-g.release
	return g.Fake.Put(ctx, k, v, ttl)
}

func TestAFailingCacheNeverFailsAQuestion(t *testing.T) {
	w := newWorld(t, true)
	w.cache.Fail(errors.New("connection refused"))
	a := predictortest.Ask(t, w.FloodRisks, wet())
	if a.Provenance.Cache != domain.CacheError || a.Probability <= 0 {
		t.Fatalf("outcome %v, probability %v", a.Provenance.Cache, a.Probability)
	}
	batch, _ := w.Begin(t.Context())
	rs, out := []risk.Request{wet()}, make([]risk.Outcome, 1)
	batch.Assess(t.Context(), rs, out)
	if out[0].Err != nil || out[0].Assessment.Probability != a.Probability {
		t.Fatalf("batch item: %+v", out[0])
	}
}

func TestGarbageInTheCacheIsNeverAnAnswer(t *testing.T) {
	w := newWorld(t, true)
	want := predictortest.Ask(t, w.FloodRisks, wet())
	for _, garbage := range [][]byte{{}, {1}, make([]byte, 61), []byte("not an assessment, but long enough to look like one, perhaps even more")} {
		if err := w.cache.Put(t.Context(), want.Provenance.Key, garbage, time.Minute); err != nil {
			t.Fatal(err)
		}
		got := predictortest.Ask(t, w.FloodRisks, wet())
		if got.Provenance.Cache != domain.CacheError && len(garbage) > 0 {
			t.Fatalf("garbage %q: outcome %v", garbage, got.Provenance.Cache)
		}
		if diff := cmp.Diff(want, got, predictortest.SameAnswer, cmpopts.IgnoreFields(risk.Assessment{}, "AssessedAt")); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestAFreshAnswerByPassesTheLookupAndIsStored(t *testing.T) {
	w := newWorld(t, true)
	predictortest.Ask(t, w.FloodRisks, wet())
	w.clock.Advance(time.Minute)
	r := wet()
	r.Fresh = true
	fresh := predictortest.Ask(t, w.FloodRisks, r)
	if fresh.Provenance.Cache != domain.CacheBypass || !fresh.AssessedAt.Equal(w.clock.Now()) {
		t.Fatalf("outcome %v at %v", fresh.Provenance.Cache, fresh.AssessedAt)
	}
	w.clock.Advance(time.Second)
	again := predictortest.Ask(t, w.FloodRisks, wet())
	if again.Provenance.Cache != domain.CacheHit || again.Provenance.Age != time.Second {
		t.Fatalf("outcome %v, age %v; want the fresh answer from the cache", again.Provenance.Cache, again.Provenance.Age)
	}
}

func TestEqualWeatherMeetsInTheCacheAndDifferentWeatherDoesNot(t *testing.T) {
	w := newWorld(t, true)
	base := predictortest.Ask(t, w.FloodRisks, wet())
	same := wet()
	same.RainfallMM, same.Latitude, same.LocationName = 62.41, 45.1712, "another name"
	if a := predictortest.Ask(t, w.FloodRisks, same); a.Provenance.Cache != domain.CacheHit {
		t.Fatalf("the same weather with other digits: %v", a.Provenance.Cache)
	}
	for name, change := range map[string]func(*risk.Request){
		"rain":        func(r *risk.Request) { r.RainfallMM += .1 },
		"date":        func(r *risk.Request) { r.Date = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) },
		"explain":     func(r *risk.Request) { r.Explain = false },
		"history":     func(r *risk.Request) { r.RainfallHistoryMM = []float64{0} },
		"longer":      func(r *risk.Request) { r.RainfallHistoryMM = []float64{0, 0} },
		"humidity":    func(r *risk.Request) { r.Humidity = 0 },
		"site":        func(r *risk.Request) { r.Site.AreaKM2 = 10 },
		"river":       func(r *risk.Request) { r.River.Value, r.River.Normal, r.River.FloodThreshold = 1, 0, 2 },
		"hemisphere":  func(r *risk.Request) { r.Latitude = -r.Latitude },
		"temperature": func(r *risk.Request) { r.Temperature = math.NaN() },
	} {
		r := wet()
		change(&r)
		if a := predictortest.Ask(t, w.FloodRisks, r); a.Provenance.Cache != domain.CacheMiss || a.Provenance.Key == base.Provenance.Key {
			t.Errorf("%s: outcome %v; want a key of its own", name, a.Provenance.Cache)
		}
	}
}

func TestAReloadInvalidatesAndABatchUnderWayKeepsItsModel(t *testing.T) {
	w := newWorld(t, true)
	before := predictortest.Ask(t, w.FloodRisks, wet())
	batch, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.source.set(released(t, "2.0.0"), nil)
	if _, err := w.models.Reload(t.Context(), domain.RiskScorer); err != nil {
		t.Fatal(err)
	}
	after := predictortest.Ask(t, w.FloodRisks, wet())
	if after.Model.Version != "2.0.0" || after.Provenance.Cache != domain.CacheMiss {
		t.Fatalf("after the reload: model %v, outcome %v", after.Model, after.Provenance.Cache)
	}
	rs, out := []risk.Request{wet()}, make([]risk.Outcome, 1)
	batch.Assess(t.Context(), rs, out)
	if out[0].Err != nil || out[0].Assessment.Model != before.Model || batch.Model() != before.Model {
		t.Fatalf("the batch changed its model to %v", out[0].Assessment.Model)
	}
}

func TestAFailedReloadKeepsTheOldModelAndSaysWhy(t *testing.T) {
	w := newWorld(t, false)
	w.source.set(nil, &domain.Error{Kind: domain.KindInvalid, Msg: "the model was refused: truncated"})
	_, err := w.models.Reload(t.Context(), domain.RiskScorer)
	var e *domain.Error
	if !errors.As(err, &e) || e.Kind != domain.KindInvalid || e.Msg != "the model was refused: truncated" {
		t.Fatalf("error %v", err)
	}
	predictortest.Ask(t, w.FloodRisks, wet())
	status, err := w.models.Get(t.Context(), domain.RiskScorer)
	if err != nil || !status.Loaded || status.LastError == "" {
		t.Fatalf("status %+v, %v", status, err)
	}
	if _, err := w.models.Reload(t.Context(), "oracle"); domain.KindOf(err) != domain.KindNotFound {
		t.Fatalf("an unknown model: %v", err)
	}
}

func TestReloadsUnderLoadDropAndMixNothing(t *testing.T) {
	w := newWorld(t, true)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for i := range 4 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 9))
			for {
				select {
				case <-stop:
					return
				default:
				}
				batch, err := w.Begin(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				rs, out := []risk.Request{predictortest.Random(rng), predictortest.Random(rng), predictortest.Random(rng)}, make([]risk.Outcome, 3)
				batch.Assess(context.Background(), rs, out)
				for _, o := range out {
					if o.Err != nil || o.Assessment.Model != batch.Model() {
						t.Errorf("dropped or mixed: %v, %v", o.Err, o.Assessment.Model)
						return
					}
				}
			}
		})
	}
	for _, v := range []string{"2.0.0", "3.0.0", "4.0.0"} {
		w.source.set(released(t, v), nil)
		if _, err := w.models.Reload(t.Context(), domain.RiskScorer); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
}

func TestAnIDThatTheRegisterDoesNotHoldIsRefused(t *testing.T) {
	w := newWorld(t, false)
	r := wet()
	r.LocationID = "bridge-7"
	if diff := cmp.Diff(predictortest.Ask(t, w.FloodRisks, wet()), predictortest.Ask(t, w.FloodRisks, r), predictortest.SameAnswer); diff != "" {
		t.Fatalf("without a register an id changed the answer:\n%s", diff)
	}
	w.sites["bridge-1"] = ports.RegisteredSite{ID: "bridge-1"}

	want := []domain.Violation{
		{Pointer: "/location_id", Code: domain.CodeNotFound, Detail: `the site register has no site "bridge-7"; did you mean "bridge-1"?`},
		{Pointer: "/humidity", Code: domain.CodeRange, Detail: "101 is outside 0 to 100 %"},
	}
	r.Humidity = 101
	var a risk.Assessment
	check := func(what string, err error, want []domain.Violation) {
		t.Helper()
		var e *domain.Error
		if !errors.As(err, &e) || e.Kind != domain.KindInvalid {
			t.Fatalf("%s: %v", what, err)
		}
		if diff := cmp.Diff(want, e.Violations); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	check("one", w.Assess(t.Context(), &r, &a), want)

	b, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rs, out := []risk.Request{wet(), r}, make([]risk.Outcome, 2)
	b.Assess(t.Context(), rs, out)
	if out[0].Err != nil {
		t.Errorf("the item beside it: %v", out[0].Err)
	}
	check("a batch's item", out[1].Err, want)

	q := riverOnly(t)
	q.LocationID = "somewhere else"
	check("a nowcast", w.Nowcast(t.Context(), &q, new(nowcast.Forecast)), []domain.Violation{{Pointer: "/location_id", Code: domain.CodeNotFound, Detail: `the site register has no site "somewhere else"`}})
}

func TestTheRegisterKnowsWhereASiteIs(t *testing.T) {
	w := newWorld(t, false)
	w.sites["bridge"] = ports.RegisteredSite{
		ID: "bridge", Latitude: 45.17, Longitude: -69.31, Site: risk.NewRequest().Site, Normal: math.NaN(), FloodThreshold: math.NaN(),
	}
	at := func(latitude, longitude float64) risk.Assessment {
		r := wet()
		r.LocationID, r.Latitude, r.Longitude = "bridge", latitude, longitude
		return predictortest.Ask(t, w.FloodRisks, r)
	}
	home := at(45.17, -69.31)
	nan := math.NaN()
	if diff := cmp.Diff(home, at(nan, nan), predictortest.SameAnswer); diff != "" {
		t.Errorf("without coordinates: %s", diff)
	}
	for reason, place := range map[domain.DoubtReason][2]float64{domain.DoubtOrder: {-69.31, 45.17}, domain.DoubtSign: {45.17, 69.31}} {
		got := at(place[0], place[1])
		want := home
		want.Quality.Doubtful = []domain.Doubt{
			{Pointer: "/latitude", Reason: reason, Treated: domain.TreatedMissing},
			{Pointer: "/longitude", Reason: reason, Treated: domain.TreatedMissing},
		}
		if diff := cmp.Diff(want, got, predictortest.SameAnswer); diff != "" {
			t.Errorf("%v: %s", place, diff)
		}
	}
	var invalid risk.Assessment
	half := wet()
	half.LocationID, half.Longitude = "bridge", nan
	if err := w.Assess(t.Context(), &half, &invalid); domain.KindOf(err) != domain.KindInvalid {
		t.Errorf("half a place: %v", err)
	}
}

func TestTheRegisterFillsAndTheRequestWins(t *testing.T) {
	w := newWorld(t, false)
	in := risk.NewRequest()
	site := in.Site
	site.AreaKM2, site.PrecipitationMeanMMDay = 800, 3.5
	w.sites["bridge"] = ports.RegisteredSite{ID: "bridge", Name: "Old bridge", Site: site, Normal: 1, FloodThreshold: 4}

	r := wet()
	r.LocationID, r.River.Value, r.Site.AreaKM2 = "bridge", 3, 500
	byID := predictortest.Ask(t, w.FloodRisks, r)

	explicit := wet()
	explicit.Site.AreaKM2, explicit.Site.PrecipitationMeanMMDay = 500, 3.5
	explicit.River.Value, explicit.River.Normal, explicit.River.FloodThreshold = 3, 1, 4
	if diff := cmp.Diff(predictortest.Ask(t, w.FloodRisks, explicit), byID, predictortest.SameAnswer); diff != "" {
		t.Fatalf("-explicit +registered:\n%s", diff)
	}

	// One threshold from the request and one from the register could mix units.
	half := wet()
	half.LocationID, half.River.Value, half.River.Normal = "bridge", 3, 100
	if a := predictortest.Ask(t, w.FloodRisks, half); !a.Quality.Missing.Has(risk.InputRiver) {
		t.Fatal("a river with thresholds from two sources was used")
	}
}

func TestAnEndedContextIsADeadlineOrACancellation(t *testing.T) {
	w := newWorld(t, true)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancelLate := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancelLate()
	for ctx, want := range map[context.Context]domain.Kind{cancelled: domain.KindCanceled, late: domain.KindDeadline} {
		batch, _ := w.Begin(ctx)
		rs, out := []risk.Request{wet()}, make([]risk.Outcome, 1)
		batch.Assess(ctx, rs, out)
		if got := domain.KindOf(out[0].Err); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

func TestBeforeAModelIsLoadedTheServiceIsUnavailableNotSilent(t *testing.T) {
	u := predict.New(bare(&scriptedSource{}))
	s, models, health := u.FloodRisks, u.Models, u.Health
	r := wet()
	if err := s.Assess(t.Context(), &r, new(risk.Assessment)); domain.KindOf(err) != domain.KindUnavailable {
		t.Fatalf("error %v", err)
	}
	if _, err := s.Begin(t.Context()); domain.KindOf(err) != domain.KindUnavailable {
		t.Fatalf("error %v", err)
	}
	if h := health.Health(t.Context()); h.Ready {
		t.Fatal("ready without a model")
	}
	if err := models.Load(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if h := health.Health(t.Context()); !h.Ready {
		t.Fatal("not ready with a model")
	}
	health.Drain()
	if h := health.Health(t.Context()); h.Ready || !h.Draining {
		t.Fatal("ready while draining")
	}
}

func BenchmarkAssess(b *testing.B) {
	w := loaded(b, bare(shipped)).FloodRisks
	for name, explain := range map[string]bool{"plain": false, "explain": true} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var a risk.Assessment
			for b.Loop() {
				r := wet()
				r.Explain = explain
				if err := w.Assess(b.Context(), &r, &a); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAssessLookAside measures a question and a batch of a hundred over a cache, where they are there and where
// they are asked for afresh, and the batch without a cache.
func BenchmarkAssessLookAside(b *testing.B) {
	deps := bare(shipped)
	without := loaded(b, deps).FloodRisks
	deps.Cache, deps.TTL = cachetest.NewFake(time.Now), predict.TTL{FloodRisk: time.Hour, Batch: time.Hour}
	cached := loaded(b, deps).FloodRisks
	rng := rand.New(rand.NewPCG(11, 12))
	rs, out := make([]risk.Request, 100), make([]risk.Outcome, 100)
	for i := range rs {
		rs[i] = predictortest.Random(rng)
		rs[i].Explain = false
	}
	for name, fresh := range map[string]bool{"hit": false, "fresh": true} {
		b.Run("one/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				rs[0].Fresh = fresh
				if err := cached.Assess(b.Context(), &rs[0], &out[0].Assessment); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for name, tt := range map[string]struct {
		s     *predict.FloodRisks
		fresh bool
	}{"hit": {cached, false}, "fresh": {cached, true}, "without": {without, false}} {
		b.Run("batch/"+name, func(b *testing.B) {
			batch, err := tt.s.Begin(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			for i := range rs {
				rs[i].Fresh = tt.fresh
			}
			b.ReportAllocs()
			for b.Loop() {
				batch.Assess(b.Context(), rs, out)
			}
			if out[0].Err != nil {
				b.Fatal(out[0].Err)
			}
		})
	}
}

// bare is what the use cases need to answer from the models of a source, without a cache.
func bare(source ports.ModelSource) predict.Deps {
	return predict.Deps{
		Source: source, Sites: sites{}, States: devicestatestest.NewFake(), Statistics: noStatistics{}, Recorder: ports.NopRecorder{}, Clock: time.Now,
	}
}

// loaded returns the use cases with their models.
func loaded(t testing.TB, d predict.Deps) *predict.UseCases {
	t.Helper()
	u := predict.New(d)
	if err := u.Models.Load(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	return u
}
