//go:build unix

// Package cache_test holds the caches together as the service plugs them: a memory in front of a
// Redis that replicas share. Nothing but tests knows two of them at once here.
package cache_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"
	"go.uber.org/goleak"

	"github.com/guardy-ai/guardy/adapters/cache/frugalcache"
	"github.com/guardy-ai/guardy/adapters/cache/memorycache"
	"github.com/guardy-ai/guardy/adapters/cache/rediscache"
	"github.com/guardy-ai/guardy/adapters/cache/tieredcache"
	"github.com/guardy-ai/guardy/adapters/internal/redistest"
	"github.com/guardy-ai/guardy/adapters/modelsource/embedded"
	"github.com/guardy-ai/guardy/app/predict"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/cachetest"
	"github.com/guardy-ai/guardy/ports/predictortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const long = time.Hour

func redisAt(addr string) rediscache.Config {
	cfg := rediscache.DefaultConfig()
	cfg.URL = "redis://" + addr
	cfg.Timeout = 20 * time.Second // a busy machine is no failure
	return cfg
}

// replica is what one process of the service would have.
func replica(t testing.TB, cfg rediscache.Config) *tieredcache.Cache {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	near, err := memorycache.Opener(memorycache.DefaultConfig())(log, nil)
	if err != nil {
		t.Fatal(err)
	}
	redis, err := rediscache.New(cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	far := &watched{Cache: redis, connected: make(chan struct{})}
	unknown := func(domain.ModelName) (uint64, time.Duration) { return 0, 0 } // so redis is always asked
	c := tieredcache.New(near, frugalcache.New(far, unknown))
	t.Cleanup(func() { _ = c.Close() })
	<-far.connected
	return c
}

// watched tells when the listener has connected. What is in memory before is forgotten then, for
// nobody knows what was cleared meanwhile; tests begin after that.
type watched struct {
	*rediscache.Cache
	connected chan struct{}
}

func (w *watched) OnClear(forget func(domain.ModelName)) (stop func()) {
	unknown := 4 // the models of the contract
	return w.Cache.OnClear(func(m domain.ModelName) {
		forget(m)
		if unknown--; unknown == 0 {
			close(w.connected)
		}
	})
}

func put(t testing.TB, c ports.AnswerCache, k domain.Key, value string) {
	t.Helper()
	if err := c.Put(context.Background(), k, []byte(value), long); err != nil {
		t.Fatal(err)
	}
}

func has(t testing.TB, c ports.AnswerCache, k domain.Key) bool {
	t.Helper()
	_, _, ok, err := c.Get(context.Background(), k, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for start := time.Now(); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Since(start) > 20*time.Second {
			t.Fatalf("still not: %s", what)
		}
	}
}

func TestContractOfMemoryBeforeRedis(t *testing.T) {
	addr := redistest.Addr(t)
	var n atomic.Int64
	cachetest.Run(t, func(t *testing.T) ports.AnswerCache {
		cfg := redisAt(addr)
		cfg.KeyPrefix = fmt.Sprintf("tiered%d:", n.Add(1))
		return replica(t, cfg)
	}, cachetest.Options{})
}

func TestAClearThroughOneReplicaIsAClearInAll(t *testing.T) {
	cfg := redisAt(redistest.Start(t).Addr())
	replicas := []*tieredcache.Cache{replica(t, cfg), replica(t, cfg), replica(t, cfg)}
	stale, fresh := cachetest.Key(domain.RiskScorer, 1), cachetest.Key(domain.Nowcaster, 1)
	put(t, replicas[0], stale, "stale")
	put(t, replicas[0], fresh, "fresh")
	for _, r := range replicas {
		if !has(t, r, stale) || !has(t, r, fresh) {
			t.Fatal("replicas do not share")
		}
	}
	if n, err := replicas[1].Clear(t.Context(), domain.RiskScorer); n != 1 || err != nil {
		t.Fatalf("Clear = %d, %v; want 1", n, err)
	}
	for i, r := range replicas {
		eventually(t, fmt.Sprintf("replica %d forgets", i), func() bool { return !has(t, r, stale) })
		if !has(t, r, fresh) {
			t.Errorf("replica %d forgot another model", i)
		}
	}
}

// While Redis hangs, what a replica has in memory is served at once, whatever else it is asked for.
func TestMemoryServesOnWhileRedisHangs(t *testing.T) {
	s := redistest.Start(t)
	cfg := rediscache.DefaultConfig()
	cfg.URL, cfg.ProbeInterval = "redis://"+s.Addr(), 50*time.Millisecond
	c := replica(t, cfg)
	known, unknown := cachetest.Key(domain.RiskScorer, 1), cachetest.Key(domain.RiskScorer, 2)
	eventually(t, "a value is stored in both", func() bool { return c.Put(t.Context(), known, []byte("answer"), long) == nil })
	s.Pause()
	state := func() string { return c.Tiers(t.Context())[1].State }
	eventually(t, "the breaker opens", func() bool {
		if !has(t, c, known) {
			t.Fatal("memory lost its answer")
		}
		if _, _, ok, err := c.Get(t.Context(), unknown, nil); ok || err == nil {
			t.Fatalf("Get = %t, %v", ok, err)
		}
		return state() != "ok"
	})
	_ = c.Put(t.Context(), unknown, []byte("computed meanwhile"), long)
	if !has(t, c, unknown) {
		t.Error("what is computed meanwhile is not kept")
	}
	s.Resume()
	eventually(t, "redis is in use again", func() bool {
		_ = c.Put(t.Context(), known, []byte("answer"), long)
		return state() == "ok"
	})
	tiers := c.Tiers(t.Context())
	if tiers[0].Name != "memory" || tiers[1].Name != "redis" || tiers[1].Errors == 0 {
		t.Errorf("tiers: %+v", tiers)
	}
}

// The master dies and its replica takes over. Questions are answered meanwhile, by computing, and nobody has
// to do anything for the cache to be in use again.
func TestAFailoverCostsHitsAndNoQuestion(t *testing.T) {
	master, heir, sentinel := redistest.Sentinel(t)
	cfg := redisAt("")
	cfg.URL, cfg.ProbeInterval = "redis+sentinel://"+sentinel.Addr()+"?master_name=flood", 50*time.Millisecond
	service := func(c ports.AnswerCache) *predict.FloodRisks {
		u := predict.New(predict.Deps{
			Source: embedded.New(), Cache: c, TTL: predict.TTL{FloodRisk: long}, Recorder: ports.NopRecorder{}, Clock: time.Now,
		})
		if err := u.Models.Load(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		return u.FloodRisks
	}
	var services [2]*predict.FloodRisks
	for i := range services {
		c, err := rediscache.New(cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		services[i] = service(c)
	}
	alone := service(nil)
	// shared asks both replicas of the service, and tells whether the second found the answer in the cache.
	shared := func(r risk.Request) (hit bool) {
		t.Helper()
		computed := predictortest.Ask(t, alone, r)
		for _, s := range services {
			a := predictortest.Ask(t, s, r)
			if !cmp.Equal(a, computed, predictortest.SameAnswer, cmpopts.IgnoreFields(risk.Assessment{}, "AssessedAt")) {
				t.Fatal(cmp.Diff(a, computed, predictortest.SameAnswer))
			}
			hit = a.Provenance.Cache == domain.CacheHit
		}
		return hit
	}
	rng := rand.New(rand.NewPCG(1, 1))
	eventually(t, "answers are shared", func() bool { return shared(predictortest.Random(rng)) })
	master.Kill()
	if shared(predictortest.Random(rng)) && !heir.IsMaster() {
		t.Error("a new answer was found in a cache that cannot store it")
	}
	eventually(t, "new answers are shared again", func() bool { return shared(predictortest.Random(rng)) })
	if !heir.IsMaster() {
		t.Error("the replica is not the master")
	}
}

// noStatistics knows of no answer yet.
type noStatistics struct{ ports.Statistics }

func (noStatistics) Model(domain.ModelName) ports.ModelStats { return ports.ModelStats{} }

// The modules are what the registry plugs. Redis is not there, and does not stop the start.
func TestModulesStartAndStopWithoutRedis(t *testing.T) {
	cfg := rediscache.DefaultConfig()
	cfg.URL = fmt.Sprintf("redis://127.0.0.1:%d", redistest.FreePort(t))
	for name, module := range map[string]fx.Option{
		"memory": memorycache.Module(memorycache.DefaultConfig()),
		"redis":  rediscache.Module(cfg),
		"frugal": frugalcache.Module(rediscache.Opener(cfg)),
		"tiered": tieredcache.Module(memorycache.Opener(memorycache.DefaultConfig()), rediscache.Opener(cfg)),
	} {
		t.Run(name, func(t *testing.T) {
			var c ports.AnswerCache
			app := fxtest.New(t, fx.Supply(slog.New(slog.DiscardHandler)), fx.Supply(fx.Annotate(noStatistics{}, fx.As(new(ports.Statistics)))), module, fx.Populate(&c), fx.NopLogger)
			app.RequireStart()
			k := cachetest.Key(domain.RiskScorer, 1)
			err := c.Put(t.Context(), k, []byte("answer"), long)
			if (err == nil) != (name == "memory") {
				t.Errorf("Put: %v", err)
			}
			if _, _, ok, _ := c.Get(t.Context(), k, nil); ok != (name == "memory" || name == "tiered") {
				t.Errorf("Get: %t", ok)
			}
			app.RequireStop()
			if err := c.Put(t.Context(), k, nil, long); err != nil && domain.KindOf(err) != domain.KindUnavailable {
				t.Errorf("Put after the stop: %v", err)
			}
		})
	}
}

func TestABadConfigurationStopsTheStart(t *testing.T) {
	bad := rediscache.Config{}
	for name, module := range map[string]fx.Option{
		"memory": memorycache.Module(memorycache.Config{}),
		"redis":  rediscache.Module(bad),
		"frugal": frugalcache.Module(rediscache.Opener(bad)),
		"near":   tieredcache.Module(memorycache.Opener(memorycache.Config{}), rediscache.Opener(rediscache.DefaultConfig())),
		"far":    tieredcache.Module(memorycache.Opener(memorycache.DefaultConfig()), rediscache.Opener(bad)),
	} {
		var c ports.AnswerCache
		app := fx.New(fx.Supply(slog.New(slog.DiscardHandler)), fx.Supply(fx.Annotate(noStatistics{}, fx.As(new(ports.Statistics)))), module, fx.Populate(&c), fx.NopLogger)
		if app.Err() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func BenchmarkNearHit(b *testing.B) {
	c := replica(b, redisAt(redistest.Addr(b)))
	k := cachetest.Key(domain.RiskScorer, 1)
	if err := c.Put(b.Context(), k, make([]byte, 120), long); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	ctx, dst := b.Context(), make([]byte, 0, 256)
	for b.Loop() {
		if _, _, ok, err := c.Get(ctx, k, dst); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
