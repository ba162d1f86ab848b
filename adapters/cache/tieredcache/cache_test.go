package tieredcache_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/guardy-ai/guardy/adapters/cache/tieredcache"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/cachetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDown = errors.New("down")

// batchFake is a Fake with the batch ability, which counts round trips.
type batchFake struct {
	*cachetest.Fake
	getMany, putMany int
	asked            []domain.Key
}

func (f *batchFake) GetMany(ctx context.Context, keys []domain.Key, out []ports.Lookup) (err error) {
	f.getMany++
	f.asked = append([]domain.Key(nil), keys...)
	for i, k := range keys {
		if out[i].Value, out[i].TTL, out[i].OK, err = f.Get(ctx, k, out[i].Value[:0]); err != nil {
			return err
		}
	}
	return nil
}

func (f *batchFake) PutMany(ctx context.Context, keys []domain.Key, values [][]byte, ttl time.Duration) error {
	f.putMany++
	for i, k := range keys {
		if err := f.Put(ctx, k, values[i], ttl); err != nil {
			return err
		}
	}
	return nil
}

// announcingFake is a far cache of which another replica clears a model.
type announcingFake struct {
	*cachetest.Fake
	forget  func(domain.ModelName)
	stopped bool
}

func (f *announcingFake) OnClear(forget func(domain.ModelName)) (stop func()) {
	f.forget = forget
	return func() { f.stopped = true }
}

// gatedFake holds a lookup back between reading and answering.
type gatedFake struct {
	*cachetest.Fake
	read, answer chan struct{}
}

func (f *gatedFake) Get(ctx context.Context, k domain.Key, dst []byte) ([]byte, time.Duration, bool, error) {
	value, ttl, ok, err := f.Fake.Get(ctx, k, dst)
	f.read <- struct{}{}
	<-f.answer
	return value, ttl, ok, err
}

var k1, k2, k3 = cachetest.Key(domain.RiskScorer, 1), cachetest.Key(domain.RiskScorer, 2), cachetest.Key(domain.RiskScorer, 3)

func TestContract(t *testing.T) {
	var clock cachetest.Clock
	for name, far := range map[string]func() ports.AnswerCache{
		"far looks up one by one": func() ports.AnswerCache { return cachetest.NewFake(clock.Now) },
		"far looks up many":       func() ports.AnswerCache { return &batchFake{Fake: cachetest.NewFake(clock.Now)} },
	} {
		t.Run(name, func(t *testing.T) {
			cachetest.Run(t, func(t *testing.T) ports.AnswerCache {
				c := tieredcache.New(cachetest.NewFake(clock.Now), far())
				t.Cleanup(func() { _ = c.Close() })
				return c
			}, cachetest.Options{Advance: clock.Advance})
		})
	}
}

type tiers struct {
	*tieredcache.Cache
	clock     *cachetest.Clock
	near, far *cachetest.Fake
}

func newTiers() tiers {
	clock := &cachetest.Clock{}
	near, far := cachetest.NewFake(clock.Now), cachetest.NewFake(clock.Now)
	return tiers{tieredcache.New(near, far), clock, near, far}
}

func put(t *testing.T, c ports.AnswerCache, k domain.Key, value string) {
	t.Helper()
	if err := c.Put(t.Context(), k, []byte(value), time.Hour); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, c ports.AnswerCache, k domain.Key, value string) time.Duration {
	t.Helper()
	got, ttl, ok, err := c.Get(t.Context(), k, nil)
	if err != nil || ok != (value != "") || string(got) != value {
		t.Fatalf("Get = %q, %t, %v; want %q", got, ok, err, value)
	}
	return ttl
}

func TestANearHitNeverAsksFar(t *testing.T) {
	c := newTiers()
	put(t, c, k1, "answer")
	want(t, c, k1, "answer")
	out := make([]ports.Lookup, 1)
	if err := c.GetMany(t.Context(), []domain.Key{k1}, out); err != nil || !out[0].OK {
		t.Fatalf("GetMany: %+v, %v", out, err)
	}
	if n := c.far.Calls().Get; n != 0 {
		t.Errorf("far was asked %d times", n)
	}
}

func TestAFarHitIsKeptNearForTheTimeItHasLeft(t *testing.T) {
	c := newTiers()
	put(t, c.far, k1, "answer")
	c.clock.Advance(20 * time.Minute)
	if ttl := want(t, c, k1, "answer"); ttl != 40*time.Minute {
		t.Errorf("far hit: %v left", ttl)
	}
	if ttl := want(t, c.near, k1, "answer"); ttl != 40*time.Minute {
		t.Errorf("near: %v left", ttl)
	}
	c.clock.Advance(40 * time.Minute)
	want(t, c, k1, "")
}

func TestAStoreGoesToBoth(t *testing.T) {
	c := newTiers()
	put(t, c, k1, "answer")
	want(t, c.near, k1, "answer")
	want(t, c.far, k1, "answer")
}

func TestNearServesAloneWhileFarFails(t *testing.T) {
	c := newTiers()
	c.far.Fail(errDown)
	if err := c.Put(t.Context(), k1, []byte("answer"), time.Hour); !errors.Is(err, errDown) {
		t.Errorf("Put: %v; want to know that far has it not", err)
	}
	want(t, c, k1, "answer")
	if _, _, ok, err := c.Get(t.Context(), k2, nil); ok || !errors.Is(err, errDown) {
		t.Errorf("Get of what near does not have: %t, %v", ok, err)
	}

	out := make([]ports.Lookup, 2)
	if err := c.GetMany(t.Context(), []domain.Key{k2, k1}, out); err != nil || out[0].OK || !out[1].OK {
		t.Errorf("GetMany with a near hit: %+v, %v", out, err)
	}
	if err := c.GetMany(t.Context(), []domain.Key{k2, k3}, out); !errors.Is(err, errDown) || out[0].OK || out[1].OK {
		t.Errorf("GetMany without a near hit: %+v, %v", out, err)
	}
	if n, err := c.Clear(t.Context(), domain.RiskScorer); n != 1 || !errors.Is(err, errDown) {
		t.Errorf("Clear: %d, %v", n, err)
	}
	c.far.Fail(nil)
	want(t, c, k1, "")
}

func TestManyAreAskedOfFarOnceAndOnlyWhatNearLacks(t *testing.T) {
	var clock cachetest.Clock
	near, far := cachetest.NewFake(clock.Now), &batchFake{Fake: cachetest.NewFake(clock.Now)}
	c := tieredcache.New(near, far)
	put(t, near, k1, "near")
	put(t, far, k2, "far")
	out := make([]ports.Lookup, 3)
	if err := c.GetMany(t.Context(), []domain.Key{k1, k2, k3}, out); err != nil {
		t.Fatal(err)
	}
	if string(out[0].Value) != "near" || string(out[1].Value) != "far" || out[2].OK {
		t.Errorf("GetMany = %+v", out)
	}
	if far.getMany != 1 || len(far.asked) != 2 {
		t.Errorf("far was asked %d times, last for %d keys", far.getMany, len(far.asked))
	}
	want(t, near, k2, "far")

	if err := c.PutMany(t.Context(), []domain.Key{k1, k3}, [][]byte{[]byte("a"), []byte("b")}, time.Hour); err != nil {
		t.Fatal(err)
	}
	if far.putMany != 1 {
		t.Errorf("far was told %d times", far.putMany)
	}
	want(t, near, k3, "b")
}

func TestAClearElsewhereIsForgottenNear(t *testing.T) {
	var clock cachetest.Clock
	near, far := cachetest.NewFake(clock.Now), &announcingFake{Fake: cachetest.NewFake(clock.Now)}
	c := tieredcache.New(near, far)
	other := cachetest.Key(domain.Nowcaster, 1)
	put(t, c, k1, "stale")
	put(t, c, other, "fresh")

	if _, err := far.Clear(t.Context(), domain.RiskScorer); err != nil { // by another replica
		t.Fatal(err)
	}
	want(t, c, k1, "stale") // not told yet
	far.forget(domain.RiskScorer)
	want(t, c, k1, "")
	want(t, c, other, "fresh")

	if err := c.Close(); err != nil || !far.stopped {
		t.Errorf("Close: %v, listening stopped: %t", err, far.stopped)
	}
}

// A lookup that read far just before a Clear must not bring the answer back after it.
func TestALookupUnderWayDoesNotOutliveAClear(t *testing.T) {
	for _, many := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			near, base := cachetest.NewFake(time.Now), cachetest.NewFake(time.Now)
			far := &gatedFake{base, make(chan struct{}), make(chan struct{})}
			c := tieredcache.New(near, far)
			put(t, base, k1, "stale")
			go func() {
				if many {
					_ = c.GetMany(t.Context(), []domain.Key{k1}, make([]ports.Lookup, 1))
				} else {
					_, _, _, _ = c.Get(t.Context(), k1, nil)
				}
			}()
			<-far.read
			if _, err := c.Clear(t.Context(), domain.RiskScorer); err != nil {
				t.Fatal(err)
			}
			far.answer <- struct{}{}
			synctest.Wait()
			want(t, near, k1, "")
		})
	}
}

func TestClearCountsAnAnswerInBothTiersOnce(t *testing.T) {
	c := newTiers()
	put(t, c, k1, "in both")
	put(t, c.far, k2, "far only")
	if n, err := c.Clear(t.Context(), domain.RiskScorer); n != 2 || err != nil {
		t.Errorf("Clear = %d, %v; want 2", n, err)
	}
}

func TestTheTiersAreClosedWithIt(t *testing.T) {
	c := newTiers()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tier := range map[string]*cachetest.Fake{"near": c.near, "far": c.far} {
		if err := tier.Put(t.Context(), k1, nil, time.Hour); domain.KindOf(err) != domain.KindUnavailable {
			t.Errorf("%s is still open: %v", name, err)
		}
	}
}

func BenchmarkGetNearHit(b *testing.B) {
	near, far := cachetest.NewFake(time.Now), cachetest.NewFake(time.Now)
	c := tieredcache.New(near, far)
	if err := c.Put(b.Context(), k1, make([]byte, 120), time.Hour); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	ctx, dst := b.Context(), make([]byte, 0, 256)
	for b.Loop() {
		_, _, _, _ = c.Get(ctx, k1, dst)
	}
}
