package frugalcache

import (
	"context"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/cachetest"
)

// far is the suite's fake with a speed of its own.
type far struct {
	*cachetest.Fake
	latency time.Duration
	asked   int
}

func (f *far) Get(ctx context.Context, k domain.Key, dst []byte) ([]byte, time.Duration, bool, error) {
	f.asked++
	return f.Fake.Get(ctx, k, dst)
}

func (f *far) Tiers(context.Context) []ports.CacheTier {
	return []ports.CacheTier{{Name: "far", LatencyMean: f.latency.Seconds()}}
}

func fake() *cachetest.Fake { return cachetest.NewFake(time.Now) }

func costs(computed uint64, mean time.Duration) Cost {
	return func(domain.ModelName) (uint64, time.Duration) { return computed, mean }
}

func key(i int) domain.Key {
	k := domain.Key{Model: domain.RiskScorer}
	k.Sum[0], k.Sum[1] = byte(i), byte(i>>8)
	return k
}

func TestAsksOnlyWhereThatIsCheaperThanComputing(t *testing.T) {
	for name, c := range map[string]struct {
		lookup, compute time.Duration
		computed        uint64
		asked           bool
	}{
		"a quick model":               {time.Millisecond, 3 * time.Microsecond, enough, false},
		"a slow model":                {time.Millisecond, 50 * time.Millisecond, enough, true},
		"a model that is hardly used": {time.Millisecond, 3 * time.Microsecond, enough - 1, true},
		"a far cache nobody asked":    {0, 3 * time.Microsecond, enough, true},
	} {
		f := &far{Fake: fake(), latency: c.lookup}
		cache := New(f, costs(c.computed, c.compute))
		const questions = 3 * interval
		for i := range questions {
			if _, _, _, err := cache.Get(t.Context(), key(i), nil); err != nil {
				t.Fatal(err)
			}
		}
		want := questions
		if !c.asked {
			want = 1 + questions/interval // the first, and one of every interval
		}
		if f.asked != want {
			t.Errorf("%s: asked %d of %d times, want %d", name, f.asked, questions, want)
		}
		err := cache.Put(t.Context(), key(1), []byte("x"), time.Minute)
		if _, _, stored, _ := f.Fake.Get(t.Context(), key(1), nil); stored != c.asked || (err == nil) != c.asked {
			t.Errorf("%s: stored: %t, error %v", name, stored, err)
		}
	}
}

// TestDecisionFollowsTheFigures: a far cache that has become faster than the model is asked again.
func TestDecisionFollowsTheFigures(t *testing.T) {
	f := &far{Fake: fake(), latency: time.Millisecond}
	cache := New(f, costs(enough, 50*time.Microsecond))
	many := func() (asked int) {
		before := f.asked
		for i := range 2 * interval {
			_, _, _, _ = cache.Get(t.Context(), key(i), nil)
		}
		return f.asked - before
	}
	if n := many(); n > 3 {
		t.Fatalf("a slow cache was asked %d times", n)
	}
	f.latency = 10 * time.Microsecond
	many()
	if n := many(); n != 2*interval {
		t.Errorf("a fast cache was asked %d of %d times", n, 2*interval)
	}
}

func TestDecisionsAreShown(t *testing.T) {
	f := &far{Fake: fake(), latency: time.Millisecond}
	cache := New(f, costs(enough, 3*time.Microsecond))
	if got := cache.Tiers(t.Context()); len(got) != 1 || len(got[0].Decisions) != 0 {
		t.Fatalf("before the first question: %+v", got)
	}
	_, _, _, _ = cache.Get(t.Context(), key(1), nil)
	got := cache.Tiers(t.Context())[0].Decisions
	want := ports.CacheDecision{Model: domain.RiskScorer, Compute: 3 * time.Microsecond, Lookup: time.Millisecond}
	if len(got) != 1 || got[0] != want {
		t.Errorf("decided %+v, want %+v", got, want)
	}
}

func TestBatchIsAskedAsAWhole(t *testing.T) {
	f := &far{Fake: fake(), latency: time.Millisecond}
	cache := New(f, costs(enough, 3*time.Microsecond))
	keys := []domain.Key{key(1), key(2)}
	_ = f.Put(t.Context(), keys[0], []byte("one"), time.Minute)
	out := make([]ports.Lookup, 2)
	if err := cache.GetMany(t.Context(), keys, out); err != nil || !out[0].OK || out[1].OK {
		t.Errorf("the first batch: %+v, %v", out, err)
	}
	if err := cache.GetMany(t.Context(), keys, out); err != nil || out[0].OK || out[1].OK {
		t.Errorf("a batch that does not pay: %+v, %v", out, err)
	}
}

// TestContract: without figures every question is asked, and the cache is as the one behind it.
func TestContract(t *testing.T) {
	cachetest.Run(t, func(*testing.T) ports.AnswerCache { return New(fake(), costs(0, 0)) }, cachetest.Options{})
}
