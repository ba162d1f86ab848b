package predict_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/guardy-ai/guardy/app/predict"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/predictortest"
)

func mustNowcast(t *testing.T, s ports.Nowcaster, r nowcast.Request) nowcast.Forecast {
	t.Helper()
	r = predictortest.CloneNowcast(r)
	var f nowcast.Forecast
	if err := s.Nowcast(t.Context(), &r, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestNowcastsKeepTheContractWithACacheAndWithout(t *testing.T) {
	for name, cached := range map[string]bool{"computed": false, "cached": true} {
		t.Run(name, func(t *testing.T) {
			predictortest.RunNowcaster(t, func(t *testing.T) ports.Nowcaster { return newWorld(t, cached) })
		})
	}
}

func TestACachedNowcastIsTheComputedNowcast(t *testing.T) {
	plain, cached := newWorld(t, false), newWorld(t, true)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		r := predictortest.RandomNowcast(rng)
		want := mustNowcast(t, plain, r)
		miss, hit := mustNowcast(t, cached, r), mustNowcast(t, cached, r)
		if miss.Provenance.Cache != domain.CacheMiss || hit.Provenance.Cache != domain.CacheHit {
			t.Fatalf("outcomes %v, %v; want miss, hit", miss.Provenance.Cache, hit.Provenance.Cache)
		}
		if hit.Provenance.TTL <= 9*time.Minute-time.Second || hit.Provenance.TTL > 10*time.Minute {
			t.Fatalf("the ttl is %v, want 10 minutes less at most a tenth", hit.Provenance.TTL)
		}
		for _, got := range []nowcast.Forecast{miss, hit} {
			if diff := cmp.Diff(want, got, predictortest.SameForecast); diff != "" {
				t.Fatalf("the cache changed the answer (-computed +cached):\n%s", diff)
			}
		}
		r.Fresh = true
		if f := mustNowcast(t, cached, r); f.Provenance.Cache != domain.CacheBypass {
			t.Fatalf("a fresh answer has the outcome %v", f.Provenance.Cache)
		}
	}
}

func TestGarbageInTheCacheIsNoNowcast(t *testing.T) {
	w := newWorld(t, true)
	rng := rand.New(rand.NewPCG(21, 22))
	r := predictortest.RandomNowcast(rng)
	want := mustNowcast(t, w, r)
	good := want.AppendBinary(nil)
	for i := range 400 {
		bad := append([]byte(nil), good...)
		switch i % 3 {
		case 0:
			bad = bad[:rng.IntN(len(bad))]
		case 1:
			bad = append(bad, 0)
		default: // a flipped sign of a probability, a huge count
			bad[1] = byte(rng.IntN(256))
			bad[len(bad)-1-rng.IntN(40)] ^= 0xff
		}
		var f nowcast.Forecast
		if err := nowcast.Decode(bad, want.Model, &f); err != nil {
			continue
		}
		for _, p := range f.Predictions {
			if !(0 <= p.Lower && p.Lower <= p.Probability && p.Probability <= p.Upper && p.Upper <= 1) {
				t.Fatalf("garbage was decoded to %+v", p)
			}
		}
	}
	if err := w.cache.Put(t.Context(), want.Provenance.Key, good[:20], time.Minute); err != nil {
		t.Fatal(err)
	}
	again := mustNowcast(t, w, r)
	if again.Provenance.Cache != domain.CacheError {
		t.Fatalf("the outcome is %v, want error", again.Provenance.Cache)
	}
	if diff := cmp.Diff(want, again, predictortest.SameForecast); diff != "" {
		t.Fatalf("garbage changed the answer:\n%s", diff)
	}
}

func TestTheRegisterFillsTheThresholds(t *testing.T) {
	w := newWorld(t, false)
	w.sites["bridge"] = ports.RegisteredSite{ID: "bridge", Name: "Old bridge", Normal: 0.3, FloodThreshold: 1.5}
	r := riverOnly(t)
	r.LocationID = "bridge"
	byID := mustNowcast(t, w, r)
	explicit := riverOnly(t)
	explicit.Normal, explicit.FloodThreshold = 0.3, 1.5
	if diff := cmp.Diff(mustNowcast(t, w, explicit), byID, predictortest.SameForecast); diff != "" {
		t.Fatalf("-explicit +registered:\n%s", diff)
	}
	// One threshold from the request and one from the register could mix units.
	r.Normal = 0.2
	if f := mustNowcast(t, w, r); f.HighestLevel() != domain.LevelUnknown {
		t.Fatalf("thresholds from two sources gave the level %v", f.HighestLevel())
	}
}

// riverOnly is a question with two days of a rising river and rain, without thresholds.
func riverOnly(t *testing.T) nowcast.Request {
	t.Helper()
	r := nowcast.NewRequest()
	r.Latitude, r.Longitude = 45.8, 9.3
	at := time.Date(2026, 10, 3, 0, 0, 0, 0, time.UTC)
	for i := range 48 {
		v := nowcast.MissingReading()
		v.Time, v.RainfallMM, v.WaterLevelM = at.Add(time.Duration(i)*time.Hour), 0, 0.3
		if i > 36 {
			v.RainfallMM, v.WaterLevelM = 6, 0.3+0.06*float64(i-36)
		}
		r.Readings = append(r.Readings, v)
	}
	return r
}

func TestReloadsNeverMixNowcasts(t *testing.T) {
	w := newWorld(t, true)
	r := riverOnly(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				f := mustNowcast(t, w, r)
				if f.Model.Version == "" || f.Model.Digest == "" {
					t.Errorf("answered by %+v", f.Model)
					return
				}
			}
		})
	}
	digests := map[string]bool{}
	for _, v := range []string{"2.0.0", "3.0.0"} {
		w.source.set(released(t, v), nil)
		status, err := w.models.Reload(t.Context(), domain.Nowcaster)
		if err != nil || status.Ref.Version != v {
			t.Errorf("reloaded %+v: %v", status.Ref, err)
		}
		digests[mustNowcast(t, w, r).Model.Digest] = true
	}
	close(stop)
	wg.Wait()
	if len(digests) != 2 {
		t.Errorf("two releases answered under %d digests", len(digests))
	}
	if m, err := w.models.Get(t.Context(), domain.RiskScorer); err != nil || m.Ref.Version == "3.0.0" || m.Reloads != 0 {
		t.Errorf("the reload of one model changed another: %+v, %v", m, err)
	}
}

func TestBeforeTheNowcasterIsLoadedItIsUnavailable(t *testing.T) {
	s := predict.New(bare(&scriptedSource{})).Nowcasts
	r := riverOnly(t)
	if err := s.Nowcast(t.Context(), &r, new(nowcast.Forecast)); domain.KindOf(err) != domain.KindUnavailable {
		t.Fatalf("error %v", err)
	}
}

func BenchmarkNowcast(b *testing.B) {
	s := loaded(b, bare(shipped)).Nowcasts
	rng := rand.New(rand.NewPCG(3, 4))
	r := predictortest.RandomNowcast(rng)
	for len(r.Readings) < 168 {
		r = predictortest.RandomNowcast(rng)
	}
	r.Readings = r.Readings[:168]
	r.Horizons, r.Normal, r.FloodThreshold = nil, 0.3, 1.5
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Nowcast(b.Context(), &r, new(nowcast.Forecast)); err != nil {
			b.Fatal(err)
		}
	}
}
