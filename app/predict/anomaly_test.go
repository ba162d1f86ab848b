package predict_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/adapters/devicestates/memorystates"
	"github.com/guardy-ai/guardy/adapters/modelsource/embedded"
	"github.com/guardy-ai/guardy/app/predict"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/devicestatestest"
	"github.com/guardy-ai/guardy/ports/recordertest"
)

var nan = math.NaN()

// readings is a self-made record of a station at a river, hourly until a little before the clock of a world,
// with faults here and there.
func readings(rng *rand.Rand, n int) []anomaly.Reading {
	begin := time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC).Add(-time.Duration(n) * time.Hour)
	out := make([]anomaly.Reading, n)
	level := 1.0
	for i := range out {
		day := math.Sin(2 * math.Pi * float64(i) / 24)
		level += 0.01 * rng.NormFloat64()
		values := []anomaly.Value{
			{Name: anomaly.NameRain, Value: 0},
			{Name: anomaly.NameTemperature, Value: math.Round(10*(12+6*day+0.3*rng.NormFloat64())) / 10},
			{Name: anomaly.NameHumidity, Value: math.Round(75 - 15*day + 1.5*rng.NormFloat64())},
			{Name: anomaly.NameWaterLevel, Value: math.Round(1000*level) / 1000},
			{Name: "turbidity", Value: math.Round(20 + rng.NormFloat64())},
		}
		if rng.IntN(12) == 0 {
			values[rng.IntN(len(values))].Value = []float64{-9999, nan, 1e308, 400, 0, 55}[rng.IntN(6)]
		}
		out[i] = anomaly.Reading{Time: begin.Add(time.Duration(i) * time.Hour), Values: values[rng.IntN(2):]}
		if i > 0 && rng.IntN(20) == 0 {
			out[i].Time = out[i-1].Time // sent again
		}
	}
	return out
}

func asked(device string, r anomaly.Reading, history ...anomaly.Reading) *anomaly.Request {
	clone := func(r anomaly.Reading) anomaly.Reading {
		r.Values = append([]anomaly.Value(nil), r.Values...)
		return r
	}
	out := anomaly.Request{DeviceID: device, Reading: clone(r)}
	for _, h := range history {
		out.History = append(out.History, clone(h))
	}
	return &out
}

func detect(t *testing.T, s ports.AnomalyDetector, r *anomaly.Request) *anomaly.Answer {
	t.Helper()
	var a anomaly.Answer
	if err := s.DetectAnomaly(t.Context(), r, &a); err != nil {
		t.Fatal(err)
	}
	return &a
}

// verdict is everything that an answer says but when and from where it came.
func verdict(a *anomaly.Answer) string {
	b := *a
	b.DetectedAt = time.Time{}
	return b.Model.Digest + string(b.AppendBinary(nil))
}

// replicas answer in turn, over one store.
type replicas []ports.AnomalyDetector

func (rs replicas) of(i int) ports.AnomalyDetector { return rs[i%len(rs)] }

func over(t testing.TB, states ports.DeviceStates) ports.AnomalyDetector {
	t.Helper()
	models := predict.NewModels(embedded.New(), predict.NoRegion, nil, noStatistics{}, ports.NopRecorder{}, time.Now)
	if _, err := models.Reload(t.Context(), domain.AnomalyDetector); err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
	return predict.NewAnomalies(predict.Deps{Models: models, States: states, Recorder: ports.NopRecorder{}, Clock: clock})
}

func memory(t testing.TB) ports.DeviceStates {
	t.Helper()
	s, err := memorystates.New(memorystates.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestAHistoryAndAKeptStateGiveTheSameVerdict(t *testing.T) {
	for name, of := range map[string]func(t *testing.T) replicas{
		"memory": func(t *testing.T) replicas { return replicas{over(t, memory(t))} },
	} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			rs := of(t)
			anomalies := 0
			for device := range 3 {
				id := fmt.Sprintf("%s-%d", name, device)
				record := readings(rng, 150)
				for i, r := range record {
					kept := detect(t, rs.of(i), asked(id, r))
					if cold := kept.Quality&anomaly.QualityNoState != 0; cold != (i == 0) {
						t.Fatalf("reading %d: %v", i, kept.Quality.Names())
					}
					if i == 0 {
						continue
					}
					replayed := detect(t, rs.of(i+1), asked(id, r, record[:i]...))
					if verdict(kept) != verdict(replayed) {
						t.Fatalf("reading %d\nkept     %v %q %v\nreplayed %v %q %v", i,
							kept.Score, kept.Explanation(), kept.Quality.Names(), replayed.Score, replayed.Explanation(), replayed.Quality.Names())
					}
					if kept.IsAnomaly {
						anomalies++
					}
				}
			}
			if anomalies < 10 {
				t.Errorf("only %d anomalies: the record proves nothing", anomalies)
			}
		})
	}
}

func TestWritersOfOneDeviceDoNotLoseReadings(t *testing.T) {
	store := memory(t)
	s := over(t, store)
	const writers, rounds = 4, 50
	var wg sync.WaitGroup
	var mu sync.Mutex
	lost := 0
	for w := range writers {
		wg.Go(func() {
			for i := range rounds {
				r := anomaly.Reading{Time: time.Date(2026, 1, 1, i, w, 0, 0, time.UTC), Values: []anomaly.Value{{Name: "x", Value: float64(i + w)}}}
				var a anomaly.Answer
				if err := s.DetectAnomaly(t.Context(), asked("shared", r), &a); err != nil {
					t.Error(err)
				}
				mu.Lock()
				// Late ones are judged, too, but not counted by the state.
				if a.Quality&(anomaly.QualityStateLost|anomaly.QualityOutOfOrder) != 0 {
					lost++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	end := detect(t, s, asked("shared", anomaly.Reading{Time: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), Values: []anomaly.Value{{Name: "x", Value: 0}}}))
	if end.Quality&(anomaly.QualityNoState|anomaly.QualityStateLost) != 0 {
		t.Errorf("at the end: %v", end.Quality.Names())
	}
	if lost == writers*rounds {
		t.Error("no reading was taken in")
	}
}

func TestACachedVerdictIsTheComputedVerdict(t *testing.T) {
	plain, cached := newWorld(t, false), newWorld(t, true)
	record := readings(rand.New(rand.NewPCG(3, 4)), 120)
	for i := 100; i < len(record); i++ {
		ask := func() *anomaly.Request { return asked("d", record[i], record[:i]...) }
		want := detect(t, plain, ask())
		miss, hit := detect(t, cached, ask()), detect(t, cached, ask())
		if want.Provenance.Cache != domain.CacheNone || miss.Provenance.Cache != domain.CacheMiss || hit.Provenance.Cache != domain.CacheHit {
			t.Fatalf("outcomes %v, %v, %v; want none, miss, hit", want.Provenance.Cache, miss.Provenance.Cache, hit.Provenance.Cache)
		}
		if hit.Provenance.TTL <= 54*time.Second-time.Second || hit.Provenance.TTL > time.Minute {
			t.Fatalf("the ttl is %v, want a minute less at most a tenth", hit.Provenance.TTL)
		}
		for _, got := range []*anomaly.Answer{miss, hit} {
			if verdict(got) != verdict(want) {
				t.Fatalf("the cache changed the answer: %q, want %q", got.Explanation(), want.Explanation())
			}
		}
		fresh := ask()
		fresh.Fresh = true
		if a := detect(t, cached, fresh); a.Provenance.Cache != domain.CacheBypass {
			t.Fatalf("a fresh answer has the outcome %v", a.Provenance.Cache)
		}
	}
	if cached.states.Len() != 0 {
		t.Error("a question with history left a state behind")
	}
	kept := detect(t, cached, asked("d", record[0]))
	if kept.Provenance != (domain.Provenance{}) || cached.states.Len() != 1 {
		t.Errorf("an answer from kept state has the provenance %+v", kept.Provenance)
	}
}

func TestOtherLimitsAnswerForThemselves(t *testing.T) {
	w := newWorld(t, true)
	record := readings(rand.New(rand.NewPCG(3, 5)), 3)
	cold := record[2]
	cold.Values = []anomaly.Value{{Name: anomaly.NameTemperature, Value: 3}}
	detect(t, w, asked("greenhouse", record[0]))
	if a := detect(t, w, asked("greenhouse", cold, record[:2]...)); a.IsAnomaly {
		t.Fatal("3 °C are an anomaly without limits")
	}
	limits := anomaly.Overrides{Devices: map[string]map[string]anomaly.LimitsText{"greenhouse": {anomaly.NameTemperature: {Fail: []float64{5, 50}}}}}
	w.source.set(predict.WithLimits(embedded.New(), limits), nil)
	if _, err := w.models.Reload(t.Context(), domain.AnomalyDetector); err != nil {
		t.Fatal(err)
	}
	if a := detect(t, w, asked("greenhouse", cold, record[:2]...)); !a.IsAnomaly || a.Provenance.Cache != domain.CacheMiss {
		t.Errorf("under the limits: %v from %v", a.IsAnomaly, a.Provenance.Cache)
	}
	if a := detect(t, w, asked("greenhouse", cold)); !a.IsAnomaly || a.Quality&anomaly.QualityNoState != 0 {
		t.Errorf("kept, under the limits: %v %v", a.IsAnomaly, a.Quality.Names())
	}
	if a := detect(t, w, asked("elsewhere", cold)); a.IsAnomaly {
		t.Error("the limits of one device hold for another")
	}
	bad := anomaly.Overrides{Variables: map[string]anomaly.LimitsText{"x": {Fail: []float64{1}}}}
	w.source.set(predict.WithLimits(embedded.New(), bad), nil)
	if _, err := w.models.Reload(t.Context(), domain.AnomalyDetector); domain.KindOf(err) != domain.KindInvalid {
		t.Errorf("limits that cannot be meant: %v", err)
	}
	w.source.set(released(t, "2.0.0"), nil)
	if _, err := w.models.Reload(t.Context(), domain.AnomalyDetector); err != nil {
		t.Fatal(err)
	}
	if a := detect(t, w, asked("greenhouse", cold)); a.Quality&anomaly.QualityNoState == 0 || a.Model.Version != "2.0.0" {
		t.Errorf("another model goes on with the states of the one before: %v", a.Quality.Names())
	}
}

// TestAFailingStoreCostsTheStateAndNeverTheAnswer: and what is kept survives the outage.
func TestAFailingStoreCostsTheStateAndNeverTheAnswer(t *testing.T) {
	w := newWorld(t, false)
	record := readings(rand.New(rand.NewPCG(6, 7)), 60)
	for _, r := range record[:57] {
		detect(t, w, asked("d", r))
	}
	w.states.Fail(errors.New("the cable is cut"))
	lost := detect(t, w, asked("d", record[57]))
	if lost.Quality&anomaly.QualityStateLost == 0 || lost.Quality&anomaly.QualityNoState != 0 {
		t.Errorf("quality %v", lost.Quality.Names())
	}
	w.states.Fail(nil)
	w.states.BeforeStore(func() { w.states.Fail(errors.New("the cable is cut again")) })
	half := detect(t, w, asked("d", record[58]))
	if half.Quality&anomaly.QualityStateLost == 0 {
		t.Errorf("what could not be replaced is not named: %v", half.Quality.Names())
	}
	w.states.BeforeStore(nil)
	w.states.Fail(nil)
	back := detect(t, w, asked("d", record[59]))
	want := detect(t, w, asked("d", record[59], record[:57]...))
	if verdict(back) != verdict(want) {
		t.Errorf("after the outage %q %v, want %q %v", back.Explanation(), back.Quality.Names(), want.Explanation(), want.Quality.Names())
	}
}

func TestAnotherWriterIsWaitedForAndNotForEver(t *testing.T) {
	w := newWorld(t, false)
	record := readings(rand.New(rand.NewPCG(8, 9)), 40)
	detect(t, w, asked("d", record[0]))
	// The other replica is faster, three times.
	i := 0
	var other func()
	other = func() {
		if i < 3 {
			i++
			w.states.BeforeStore(nil)
			detect(t, w, asked("d", record[i]))
			w.states.BeforeStore(other)
		}
	}
	w.states.BeforeStore(other)
	last := detect(t, w, asked("d", record[4]))
	w.states.BeforeStore(nil)
	if want := detect(t, w, asked("d", record[4], record[:4]...)); verdict(last) != verdict(want) {
		t.Errorf("%q %v, want %q %v", last.Explanation(), last.Quality.Names(), want.Explanation(), want.Quality.Names())
	}
	// It is faster always.
	i = 4
	var always func()
	always = func() {
		i++
		w.states.BeforeStore(nil)
		detect(t, w, asked("d", record[i]))
		w.states.BeforeStore(always)
	}
	w.states.BeforeStore(always)
	if a := detect(t, w, asked("d", record[39])); a.Quality&anomaly.QualityStateLost == 0 || i > 30 {
		t.Errorf("%d others came first: %v", i-4, a.Quality.Names())
	}
}

func TestGarbageInTheStoreIsReplaced(t *testing.T) {
	w := newWorld(t, false)
	m, err := w.models.Anomaly()
	if err != nil {
		t.Fatal(err)
	}
	record := readings(rand.New(rand.NewPCG(10, 11)), 3)
	if stored, err := w.states.Store(t.Context(), predict.StateKey(m, "d"), []byte("garbage"), ports.NoRevision); !stored || err != nil {
		t.Fatal(err)
	}
	if a := detect(t, w, asked("d", record[0])); a.Quality&anomaly.QualityStateLost == 0 {
		t.Errorf("garbage: %v", a.Quality.Names())
	}
	if a := detect(t, w, asked("d", record[1])); a.Quality&(anomaly.QualityStateLost|anomaly.QualityNoState) != 0 {
		t.Errorf("after it: %v", a.Quality.Names())
	}
}

// TestAReadingFromTheFutureDoesNotSilenceTheDevice: it is judged, and the next real one is not late.
func TestAReadingFromTheFutureDoesNotSilenceTheDevice(t *testing.T) {
	w := newWorld(t, false)
	record := readings(rand.New(rand.NewPCG(12, 13)), 80)
	for _, r := range record[:60] {
		detect(t, w, asked("d", r))
	}
	future := record[60]
	future.Values = []anomaly.Value{{Name: anomaly.NameTemperature, Value: 1000}}
	for _, ahead := range []time.Duration{5*time.Minute + time.Millisecond, 24 * time.Hour, 50 * 365 * 24 * time.Hour} {
		future.Time = w.clock.Now().Add(ahead)
		a := detect(t, w, asked("d", future))
		if a.Quality&anomaly.QualityFuture == 0 || !a.IsAnomaly {
			t.Errorf("%v ahead: %v, anomaly %t", ahead, a.Quality.Names(), a.IsAnomaly)
		}
	}
	a := detect(t, w, asked("d", record[60]))
	want := detect(t, w, asked("d", record[60], record[:60]...))
	if verdict(a) != verdict(want) {
		t.Errorf("afterwards %q %v, want %q %v", a.Explanation(), a.Quality.Names(), want.Explanation(), want.Quality.Names())
	}
	soon := record[61]
	soon.Time = w.clock.Now().Add(5 * time.Minute) // clocks differ a little
	if a := detect(t, w, asked("d", soon)); a.Quality&anomaly.QualityFuture != 0 {
		t.Errorf("five minutes ahead: %v", a.Quality.Names())
	}
	soon.Time = soon.Time.Add(-time.Minute)
	if a := detect(t, w, asked("d", soon)); a.Quality&anomaly.QualityOutOfOrder == 0 {
		t.Errorf("a reading within five minutes was not kept: %v", a.Quality.Names())
	}
	// With a history the answer depends on the request alone.
	future.Time = w.clock.Now().Add(time.Hour)
	if a := detect(t, w, asked("d", future, record...)); a.Quality&anomaly.QualityFuture != 0 {
		t.Errorf("with history: %v", a.Quality.Names())
	}
}

func TestWhatCannotBeAskedIsRefusedAndCounted(t *testing.T) {
	w := newWorld(t, true)
	r := asked("", anomaly.Reading{})
	if err := w.DetectAnomaly(t.Context(), r, new(anomaly.Answer)); domain.KindOf(err) != domain.KindInvalid {
		t.Errorf("%v", err)
	}
	record := readings(rand.New(rand.NewPCG(14, 15)), 2)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.DetectAnomaly(gone, asked("d", record[0]), new(anomaly.Answer)); domain.KindOf(err) != domain.KindCanceled {
		t.Errorf("%v", err)
	}
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	if err := w.DetectAnomaly(late, asked("d", record[0]), new(anomaly.Answer)); domain.KindOf(err) != domain.KindDeadline {
		t.Errorf("%v", err)
	}
	if n := len(recordertest.Only[recordertest.Failed](w.recorder.Facts())); n != 3 {
		t.Errorf("%d failures were told", n)
	}
	models := predict.NewModels(&scriptedSource{}, predict.NoRegion, nil, noStatistics{}, ports.NopRecorder{}, time.Now)
	s := predict.NewAnomalies(predict.Deps{Models: models, States: devicestatestest.NewFake(), Recorder: ports.NopRecorder{}, Clock: time.Now})
	if err := s.DetectAnomaly(t.Context(), asked("d", record[0]), new(anomaly.Answer)); domain.KindOf(err) != domain.KindUnavailable {
		t.Errorf("before the model is loaded: %v", err)
	}
}

// TestASeverityIsNoLevelOfRisk: an answer is counted, under no level of flood risk.
func TestASeverityIsNoLevelOfRisk(t *testing.T) {
	w := newWorld(t, true)
	record := readings(rand.New(rand.NewPCG(16, 17)), 5)
	detect(t, w, asked("d", record[0]))
	detect(t, w, asked("d", record[4], record[:4]...))
	detect(t, w, asked("d", record[4], record[:4]...))
	served, predicted := 0, 0
	for _, f := range recordertest.Only[recordertest.Served](w.recorder.Facts()) {
		served += f.N
		if f.Levels != (domain.LevelCounts{}) || f.Model.Name != domain.AnomalyDetector {
			t.Errorf("%+v", f)
		}
	}
	for _, f := range recordertest.Only[recordertest.Predicted](w.recorder.Facts()) {
		predicted += f.N
	}
	if served != 3 || predicted != 2 {
		t.Errorf("%d were served and %d computed, want 3 and 2", served, predicted)
	}
}

// BenchmarkDetectAnomaly measures a valid request to its answer: with the state kept in memory, and with 96
// readings of history and no cache.
func BenchmarkDetectAnomaly(b *testing.B) {
	deps := newWorldFor(b)
	deps.States = memory(b)
	s := predict.NewAnomalies(deps)
	record := readings(rand.New(rand.NewPCG(18, 19)), 200)
	for i := range record { // all variables, in time
		record[i].Time = record[0].Time.Add(time.Duration(i) * time.Hour)
		if len(record[i].Values) == 4 {
			record[i].Values = append([]anomaly.Value{{Name: anomaly.NameRain, Value: 0}}, record[i].Values...)
		}
	}
	for _, variables := range []int{3, 5} {
		b.Run(fmt.Sprintf("kept/variables=%d", variables), func(b *testing.B) {
			r, begin := asked(fmt.Sprint("kept-", variables), record[0]), record[0].Time
			var a anomaly.Answer
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r.Reading = anomaly.Reading{Time: begin.Add(time.Duration(i) * time.Second), Values: record[i%len(record)].Values[:variables]}
				if err := s.DetectAnomaly(b.Context(), r, &a); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "readings/s")
		})
	}
	b.Run("history=96", func(b *testing.B) {
		r := asked("stateless", record[96], record[:96]...)
		var a anomaly.Answer
		b.ReportAllocs()
		for b.Loop() {
			if err := s.DetectAnomaly(b.Context(), r, &a); err != nil {
				b.Fatal(err)
			}
		}
	})
}
