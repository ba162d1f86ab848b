package predict_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/adapters/devicestates/memorystates"
	"github.com/guardy-ai/guardy/app/predict"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/predictortest"
	"github.com/guardy-ai/guardy/ports/recordertest"
)

func memory(t testing.TB) ports.DeviceStates {
	t.Helper()
	s, err := memorystates.New(memorystates.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestAnomaliesKeepTheContractWithACacheAndWithout(t *testing.T) {
	for name, cached := range map[string]bool{"computed": false, "cached": true} {
		t.Run(name, func(t *testing.T) {
			predictortest.RunAnomalyDetector(t, func(t *testing.T) []ports.AnomalyDetector { return []ports.AnomalyDetector{newWorld(t, cached)} })
		})
	}
}

func TestWritersOfOneDeviceDoNotLoseReadings(t *testing.T) {
	s := newWorld(t, false)
	const writers, rounds = 4, 50
	var wg sync.WaitGroup
	var mu sync.Mutex
	lost := 0
	for w := range writers {
		wg.Go(func() {
			for i := range rounds {
				r := anomaly.Reading{Time: time.Date(2026, 1, 1, i, w, 0, 0, time.UTC), Values: []anomaly.Value{{Name: "x", Value: float64(i + w)}}}
				var a anomaly.Answer
				if err := s.DetectAnomaly(t.Context(), predictortest.Asked("shared", r), &a); err != nil {
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
	end := predictortest.Detect(t, s, predictortest.Asked("shared", anomaly.Reading{Time: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), Values: []anomaly.Value{{Name: "x", Value: 0}}}))
	if end.Quality&(anomaly.QualityNoState|anomaly.QualityStateLost) != 0 {
		t.Errorf("at the end: %v", end.Quality.Names())
	}
	if lost == writers*rounds {
		t.Error("no reading was taken in")
	}
}

func TestACachedVerdictIsTheComputedVerdict(t *testing.T) {
	plain, cached := newWorld(t, false), newWorld(t, true)
	record := predictortest.RandomReadings(rand.New(rand.NewPCG(3, 4)), 120)
	for i := 100; i < len(record); i++ {
		ask := func() *anomaly.Request { return predictortest.Asked("d", record[i], record[:i]...) }
		want := predictortest.Detect(t, plain, ask())
		miss, hit := predictortest.Detect(t, cached, ask()), predictortest.Detect(t, cached, ask())
		if want.Provenance.Cache != domain.CacheNone || miss.Provenance.Cache != domain.CacheMiss || hit.Provenance.Cache != domain.CacheHit {
			t.Fatalf("outcomes %v, %v, %v; want none, miss, hit", want.Provenance.Cache, miss.Provenance.Cache, hit.Provenance.Cache)
		}
		if hit.Provenance.TTL <= 54*time.Second-time.Second || hit.Provenance.TTL > time.Minute {
			t.Fatalf("the ttl is %v, want a minute less at most a tenth", hit.Provenance.TTL)
		}
		for _, got := range []*anomaly.Answer{miss, hit} {
			if predictortest.Verdict(got) != predictortest.Verdict(want) {
				t.Fatalf("the cache changed the answer: %q, want %q", got.Explanation(), want.Explanation())
			}
		}
		fresh := ask()
		fresh.Fresh = true
		if a := predictortest.Detect(t, cached, fresh); a.Provenance.Cache != domain.CacheBypass {
			t.Fatalf("a fresh answer has the outcome %v", a.Provenance.Cache)
		}
	}
	if cached.states.Len() != 0 {
		t.Error("a question with history left a state behind")
	}
	kept := predictortest.Detect(t, cached, predictortest.Asked("d", record[0]))
	if kept.Provenance != (domain.Provenance{}) || cached.states.Len() != 1 {
		t.Errorf("an answer from kept state has the provenance %+v", kept.Provenance)
	}
}

func TestOtherLimitsAnswerForThemselves(t *testing.T) {
	w := newWorld(t, true)
	record := predictortest.RandomReadings(rand.New(rand.NewPCG(3, 5)), 3)
	cold := record[2]
	cold.Values = []anomaly.Value{{Name: anomaly.NameTemperature, Value: 3}}
	predictortest.Detect(t, w, predictortest.Asked("greenhouse", record[0]))
	if a := predictortest.Detect(t, w, predictortest.Asked("greenhouse", cold, record[:2]...)); a.IsAnomaly {
		t.Fatal("3 °C are an anomaly without limits")
	}
	limits := anomaly.Overrides{Devices: map[string]map[string]anomaly.LimitsText{"greenhouse": {anomaly.NameTemperature: {Fail: []float64{5, 50}}}}}
	w.source.set(predict.WithLimits(shipped, limits), nil)
	if _, err := w.models.Reload(t.Context(), domain.AnomalyDetector); err != nil {
		t.Fatal(err)
	}
	if a := predictortest.Detect(t, w, predictortest.Asked("greenhouse", cold, record[:2]...)); !a.IsAnomaly || a.Provenance.Cache != domain.CacheMiss {
		t.Errorf("under the limits: %v from %v", a.IsAnomaly, a.Provenance.Cache)
	}
	if a := predictortest.Detect(t, w, predictortest.Asked("greenhouse", cold)); !a.IsAnomaly || a.Quality&anomaly.QualityNoState != 0 {
		t.Errorf("kept, under the limits: %v %v", a.IsAnomaly, a.Quality.Names())
	}
	if a := predictortest.Detect(t, w, predictortest.Asked("elsewhere", cold)); a.IsAnomaly {
		t.Error("the limits of one device hold for another")
	}
	bad := anomaly.Overrides{Variables: map[string]anomaly.LimitsText{"x": {Fail: []float64{1}}}}
	w.source.set(predict.WithLimits(shipped, bad), nil)
	if _, err := w.models.Reload(t.Context(), domain.AnomalyDetector); domain.KindOf(err) != domain.KindInvalid {
		t.Errorf("limits that cannot be meant: %v", err)
	}
	w.source.set(released(t, "2.0.0"), nil)
	if _, err := w.models.Reload(t.Context(), domain.AnomalyDetector); err != nil {
		t.Fatal(err)
	}
	if a := predictortest.Detect(t, w, predictortest.Asked("greenhouse", cold)); a.Quality&anomaly.QualityNoState == 0 || a.Model.Version != "2.0.0" {
		t.Errorf("another model goes on with the states of the one before: %v", a.Quality.Names())
	}
}

// TestAFailingStoreCostsTheStateAndNeverTheAnswer: and what is kept survives the outage.
func TestAFailingStoreCostsTheStateAndNeverTheAnswer(t *testing.T) {
	w := newWorld(t, false)
	record := predictortest.RandomReadings(rand.New(rand.NewPCG(6, 7)), 60)
	for _, r := range record[:57] {
		predictortest.Detect(t, w, predictortest.Asked("d", r))
	}
	w.states.Fail(errors.New("the cable is cut"))
	lost := predictortest.Detect(t, w, predictortest.Asked("d", record[57]))
	if lost.Quality&anomaly.QualityStateLost == 0 || lost.Quality&anomaly.QualityNoState != 0 {
		t.Errorf("quality %v", lost.Quality.Names())
	}
	w.states.Fail(nil)
	w.states.BeforeStore(func() { w.states.Fail(errors.New("the cable is cut again")) })
	half := predictortest.Detect(t, w, predictortest.Asked("d", record[58]))
	if half.Quality&anomaly.QualityStateLost == 0 {
		t.Errorf("what could not be replaced is not named: %v", half.Quality.Names())
	}
	w.states.BeforeStore(nil)
	w.states.Fail(nil)
	back := predictortest.Detect(t, w, predictortest.Asked("d", record[59]))
	want := predictortest.Detect(t, w, predictortest.Asked("d", record[59], record[:57]...))
	if predictortest.Verdict(back) != predictortest.Verdict(want) {
		t.Errorf("after the outage %q %v, want %q %v", back.Explanation(), back.Quality.Names(), want.Explanation(), want.Quality.Names())
	}
}

func TestAnotherWriterIsWaitedForAndNotForEver(t *testing.T) {
	w := newWorld(t, false)
	record := predictortest.RandomReadings(rand.New(rand.NewPCG(8, 9)), 40)
	predictortest.Detect(t, w, predictortest.Asked("d", record[0]))
	// The other replica is faster, three times.
	i := 0
	var other func()
	other = func() {
		if i < 3 {
			i++
			w.states.BeforeStore(nil)
			predictortest.Detect(t, w, predictortest.Asked("d", record[i]))
			w.states.BeforeStore(other)
		}
	}
	w.states.BeforeStore(other)
	last := predictortest.Detect(t, w, predictortest.Asked("d", record[4]))
	w.states.BeforeStore(nil)
	if want := predictortest.Detect(t, w, predictortest.Asked("d", record[4], record[:4]...)); predictortest.Verdict(last) != predictortest.Verdict(want) {
		t.Errorf("%q %v, want %q %v", last.Explanation(), last.Quality.Names(), want.Explanation(), want.Quality.Names())
	}
	// It is faster always.
	i = 4
	var always func()
	always = func() {
		i++
		w.states.BeforeStore(nil)
		predictortest.Detect(t, w, predictortest.Asked("d", record[i]))
		w.states.BeforeStore(always)
	}
	w.states.BeforeStore(always)
	if a := predictortest.Detect(t, w, predictortest.Asked("d", record[39])); a.Quality&anomaly.QualityStateLost == 0 || i > 30 {
		t.Errorf("%d others came first: %v", i-4, a.Quality.Names())
	}
}

func TestGarbageInTheStoreIsReplaced(t *testing.T) {
	w := newWorld(t, false)
	m, err := w.models.Anomaly()
	if err != nil {
		t.Fatal(err)
	}
	record := predictortest.RandomReadings(rand.New(rand.NewPCG(10, 11)), 3)
	if stored, err := w.states.Store(t.Context(), predict.StateKey(m, "", "d"), []byte("garbage"), ports.NoRevision); !stored || err != nil {
		t.Fatal(err)
	}
	if a := predictortest.Detect(t, w, predictortest.Asked("d", record[0])); a.Quality&anomaly.QualityStateLost == 0 {
		t.Errorf("garbage: %v", a.Quality.Names())
	}
	if a := predictortest.Detect(t, w, predictortest.Asked("d", record[1])); a.Quality&(anomaly.QualityStateLost|anomaly.QualityNoState) != 0 {
		t.Errorf("after it: %v", a.Quality.Names())
	}
}

// TestAReadingFromTheFutureDoesNotSilenceTheDevice: it is judged, and the next real one is not late.
func TestAReadingFromTheFutureDoesNotSilenceTheDevice(t *testing.T) {
	w := newWorld(t, false)
	record := predictortest.RandomReadings(rand.New(rand.NewPCG(12, 13)), 80)
	for _, r := range record[:60] {
		predictortest.Detect(t, w, predictortest.Asked("d", r))
	}
	future := record[60]
	future.Values = []anomaly.Value{{Name: anomaly.NameTemperature, Value: 1000}}
	for _, ahead := range []time.Duration{5*time.Minute + time.Millisecond, 24 * time.Hour, 50 * 365 * 24 * time.Hour} {
		future.Time = w.clock.Now().Add(ahead)
		a := predictortest.Detect(t, w, predictortest.Asked("d", future))
		if a.Quality&anomaly.QualityFuture == 0 || !a.IsAnomaly {
			t.Errorf("%v ahead: %v, anomaly %t", ahead, a.Quality.Names(), a.IsAnomaly)
		}
	}
	a := predictortest.Detect(t, w, predictortest.Asked("d", record[60]))
	want := predictortest.Detect(t, w, predictortest.Asked("d", record[60], record[:60]...))
	if predictortest.Verdict(a) != predictortest.Verdict(want) {
		t.Errorf("afterwards %q %v, want %q %v", a.Explanation(), a.Quality.Names(), want.Explanation(), want.Quality.Names())
	}
	soon := record[61]
	soon.Time = w.clock.Now().Add(5 * time.Minute) // clocks differ a little
	if a := predictortest.Detect(t, w, predictortest.Asked("d", soon)); a.Quality&anomaly.QualityFuture != 0 {
		t.Errorf("five minutes ahead: %v", a.Quality.Names())
	}
	soon.Time = soon.Time.Add(-time.Minute)
	if a := predictortest.Detect(t, w, predictortest.Asked("d", soon)); a.Quality&anomaly.QualityOutOfOrder == 0 {
		t.Errorf("a reading within five minutes was not kept: %v", a.Quality.Names())
	}
	// With a history the answer depends on the request alone.
	future.Time = w.clock.Now().Add(time.Hour)
	if a := predictortest.Detect(t, w, predictortest.Asked("d", future, record...)); a.Quality&anomaly.QualityFuture != 0 {
		t.Errorf("with history: %v", a.Quality.Names())
	}
}

func TestWhatCannotBeAskedIsRefusedAndCounted(t *testing.T) {
	w := newWorld(t, true)
	r := predictortest.Asked("", anomaly.Reading{})
	if err := w.DetectAnomaly(t.Context(), r, new(anomaly.Answer)); domain.KindOf(err) != domain.KindInvalid {
		t.Errorf("%v", err)
	}
	if failed := recordertest.Only[recordertest.Failed](w.recorder.Facts()); len(failed) != 1 || failed[0].Model != domain.AnomalyDetector {
		t.Errorf("told: %+v", failed)
	}
	s := predict.New(bare(&scriptedSource{})).Anomalies
	record := predictortest.RandomReadings(rand.New(rand.NewPCG(14, 15)), 1)
	if err := s.DetectAnomaly(t.Context(), predictortest.Asked("d", record[0]), new(anomaly.Answer)); domain.KindOf(err) != domain.KindUnavailable {
		t.Errorf("before the model is loaded: %v", err)
	}
}

// TestASeverityIsNoLevelOfRisk: an answer is counted, under no level of flood risk.
func TestASeverityIsNoLevelOfRisk(t *testing.T) {
	w := newWorld(t, true)
	record := predictortest.RandomReadings(rand.New(rand.NewPCG(16, 17)), 5)
	predictortest.Detect(t, w, predictortest.Asked("d", record[0]))
	predictortest.Detect(t, w, predictortest.Asked("d", record[4], record[:4]...))
	predictortest.Detect(t, w, predictortest.Asked("d", record[4], record[:4]...))
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
	deps := bare(shipped)
	deps.States = memory(b)
	s := loaded(b, deps).Anomalies
	record := predictortest.RandomReadings(rand.New(rand.NewPCG(18, 19)), 200)
	for i := range record { // all variables, in time
		record[i].Time = record[0].Time.Add(time.Duration(i) * time.Hour)
		if len(record[i].Values) == 4 {
			record[i].Values = append([]anomaly.Value{{Name: anomaly.NameRain, Value: 0}}, record[i].Values...)
		}
	}
	for _, variables := range []int{3, 5} {
		b.Run(fmt.Sprintf("kept/variables=%d", variables), func(b *testing.B) {
			r, begin := predictortest.Asked(fmt.Sprint("kept-", variables), record[0]), record[0].Time
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
		r := predictortest.Asked("stateless", record[96], record[:96]...)
		var a anomaly.Answer
		b.ReportAllocs()
		for b.Loop() {
			if err := s.DetectAnomaly(b.Context(), r, &a); err != nil {
				b.Fatal(err)
			}
		}
	})
}
