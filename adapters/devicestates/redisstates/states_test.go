//go:build unix

package redisstates_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"go.uber.org/goleak"

	"github.com/guardy-ai/guardy/adapters/cache/rediscache"
	"github.com/guardy-ai/guardy/adapters/devicestates/redisstates"
	"github.com/guardy-ai/guardy/adapters/internal/redisclient"
	"github.com/guardy-ai/guardy/adapters/internal/redistest"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/cachetest"
	"github.com/guardy-ai/guardy/ports/devicestatestest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patient is a configuration for tests whose subject is not time: a busy machine is no failure.
func patient(url string) redisclient.Config {
	cfg := redisclient.DefaultConfig()
	cfg.URL, cfg.Timeout = url, 20*time.Second
	return cfg
}

var prefixes atomic.Int64

// open returns a store with keys of its own, so that tests may share a server.
func open(t testing.TB, cfg redisclient.Config) *redisstates.States {
	t.Helper()
	cfg.KeyPrefix = fmt.Sprintf("t%d:", prefixes.Add(1))
	return replica(t, cfg)
}

// replica returns a store that shares its keys with others of the same configuration.
func replica(t testing.TB, cfg redisclient.Config) *redisstates.States {
	t.Helper()
	s, err := redisstates.New(cfg, redisstates.DefaultConfig(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestContractOnMiniredis(t *testing.T) {
	server := miniredis.RunT(t)
	run(t, "redis://"+server.Addr())
}

func TestContractOnAServer(t *testing.T) { run(t, "redis://"+redistest.Addr(t)) }

func TestContractOnACluster(t *testing.T) { run(t, "redis+cluster://"+redistest.Cluster(t)[0].Addr()) }

func run(t *testing.T, url string) {
	devicestatestest.Run(t, func(t *testing.T) ports.DeviceStates { return open(t, patient(url)) }, devicestatestest.Options{})
}

var k1 = devicestatestest.Key(1)

func stored(t *testing.T, s ports.DeviceStates, state string) {
	t.Helper()
	_, at, _, err := s.Load(t.Context(), k1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := s.Store(t.Context(), k1, []byte(state), at); !ok || err != nil {
		t.Fatalf("Store = %t, %v", ok, err)
	}
}

func kept(t *testing.T, s ports.DeviceStates) (state string, ok bool) {
	t.Helper()
	data, _, ok, err := s.Load(t.Context(), k1, nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(data), ok
}

func tier(s *redisstates.States) ports.CacheTier { return s.Tiers(context.Background())[0] }

func TestReplicasSeeEachOthersStates(t *testing.T) {
	cfg := patient("redis://" + redistest.Start(t).Addr())
	here, there := replica(t, cfg), replica(t, cfg)
	stored(t, here, "first")
	_, at, _, err := there.Load(t.Context(), k1, nil)
	if err != nil {
		t.Fatal(err)
	}
	stored(t, here, "second")
	if ok, err := there.Store(t.Context(), k1, []byte("late"), at); ok || err != nil {
		t.Errorf("a replica that came second stored: %t, %v", ok, err)
	}
	if state, _ := kept(t, there); state != "second" {
		t.Errorf("the other replica sees %q", state)
	}
}

func TestASilentDeviceIsForgotten(t *testing.T) {
	server := miniredis.RunT(t)
	s := open(t, patient("redis://"+server.Addr()))
	stored(t, s, "state")
	ttl := redisstates.DefaultConfig().TTL
	server.FastForward(ttl - time.Minute)
	stored(t, s, "another") // a word prolongs it
	server.FastForward(ttl - time.Minute)
	if _, ok := kept(t, s); !ok {
		t.Error("a device that spoke was forgotten")
	}
	server.FastForward(time.Minute)
	if _, ok := kept(t, s); ok {
		t.Error("a silent device is still there")
	}
}

func TestADamagedStateIsCountedAndReplaced(t *testing.T) {
	server := miniredis.RunT(t)
	s := open(t, patient("redis://"+server.Addr()))
	stored(t, s, "a state of some length")
	key := server.Keys()[0]
	good, err := server.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	bad := []string{"", "x", good[:5], good[:9], good[:12], good[:13], good[:len(good)-1], good + "x", "something else altogether"}
	for i := range len(good) {
		bad = append(bad, good[:i]+string(good[i]^0x5a)+good[i+1:])
	}
	for i, value := range bad {
		if err := server.Set(key, value); err != nil {
			t.Fatal(err)
		}
		if state, ok := kept(t, s); ok || state != "" {
			t.Fatalf("damage %d: Load = %q", i, state)
		}
		if n := tier(s).Errors; n != int64(2*i+1) {
			t.Fatalf("damage %d: %d errors are counted, want %d", i, n, 2*i+1)
		}
		stored(t, s, "anew")
		if state, ok := kept(t, s); !ok || state != "anew" {
			t.Fatalf("damage %d is not replaced: %q", i, state)
		}
	}
	if state := tier(s).State; state != "ok" {
		t.Errorf("the server answers, and the breaker is %s", state)
	}
}

// TestErrorsOfOneCommandDoNotOpenTheBreaker: the server is up and says what is wrong.
func TestErrorsOfOneCommandDoNotOpenTheBreaker(t *testing.T) {
	server := redistest.Start(t, "--maxmemory-policy", "noeviction")
	s := open(t, patient("redis://"+server.Addr()))
	failing := func(what string, load bool) {
		t.Helper()
		for range 30 {
			if _, _, _, err := s.Load(t.Context(), k1, nil); (domain.KindOf(err) == domain.KindUnavailable) != load {
				t.Fatalf("%s: Load: %v", what, err)
			}
			if ok, err := s.Store(t.Context(), k1, nil, ports.NoRevision); ok || domain.KindOf(err) != domain.KindUnavailable {
				t.Fatalf("%s: Store = %t, %v", what, ok, err)
			}
		}
		if state := tier(s).State; state != "ok" {
			t.Errorf("%s: the breaker is %s", what, state)
		}
	}
	stored(t, s, "state")
	key := server.Do("KEYS", "*").([]any)[0]
	server.Do("DEL", key)
	server.Do("RPUSH", key, "a list")
	failing("a value of another type", true)
	server.Do("DEL", key)
	server.Do("CONFIG", "SET", "maxmemory", "1")
	failing("a full server", false)
	server.Do("CONFIG", "SET", "maxmemory", "0")
	stored(t, s, "anew")
}

// TestARedisThatFailsCostsABudget, is then not asked, and is asked again when it is back.
func TestARedisThatFailsCostsABudget(t *testing.T) {
	server := redistest.Start(t)
	cfg := redisclient.DefaultConfig()
	cfg.URL, cfg.ProbeInterval = "redis://"+server.Addr(), 50*time.Millisecond
	s := open(t, cfg)
	server.Pause()
	for i := 0; tier(s).State == "ok"; i++ {
		if i > 100 {
			t.Fatal("the breaker does not open")
		}
		if _, _, ok, err := s.Load(t.Context(), k1, nil); ok || domain.KindOf(err) != domain.KindUnavailable {
			t.Fatalf("Load = %t, %v", ok, err)
		}
		if ok, err := s.Store(t.Context(), k1, nil, ports.NoRevision); ok || domain.KindOf(err) != domain.KindUnavailable {
			t.Fatalf("Store = %t, %v", ok, err)
		}
	}
	server.Resume()
	const patience = 20 * time.Second
	for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if _, _, _, err := s.Load(t.Context(), k1, nil); err == nil {
			break
		}
		if time.Since(start) > patience {
			t.Fatal("a Redis that is back is not asked")
		}
	}
}

func TestAServerThatForgotTheScriptLearnsItAgain(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, patient("redis://"+server.Addr()))
	stored(t, s, "state")
	server.Do("SCRIPT", "FLUSH")
	stored(t, s, "another")
	if state, _ := kept(t, s); state != "another" {
		t.Errorf("%q is kept", state)
	}
}

// TestClearingAnswersLeavesStates: both lie on one server, under one prefix.
func TestClearingAnswersLeavesStates(t *testing.T) {
	cfg := patient("redis://" + redistest.Start(t).Addr())
	s := replica(t, cfg)
	cache, err := rediscache.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close() })
	stored(t, s, "state")
	if err := cache.Put(t.Context(), cachetest.Key(domain.AnomalyDetector, 1), []byte("answer"), time.Hour); err != nil {
		t.Fatal(err)
	}
	if n, err := cache.Clear(t.Context(), domain.AnomalyDetector); n != 1 || err != nil {
		t.Errorf("Clear = %d, %v", n, err)
	}
	if _, ok := kept(t, s); !ok {
		t.Error("the state was cleared with the answers")
	}
}

func TestConfigIsRefusedWithItsKey(t *testing.T) {
	if err := redisstates.DefaultConfig().Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
	for _, ttl := range []time.Duration{-1, 0, time.Second} {
		_, err := redisstates.New(redisclient.DefaultConfig(), redisstates.Config{TTL: ttl}, slog.New(slog.DiscardHandler))
		if err == nil || !strings.HasPrefix(err.Error(), "ttl: ") {
			t.Errorf("%v: %v", ttl, err)
		}
	}
}

func BenchmarkLoadAndStore(b *testing.B) {
	s := open(b, patient("redis://"+redistest.Addr(b)))
	state := make([]byte, 2000)
	b.ReportAllocs()
	for b.Loop() {
		_, at, _, err := s.Load(b.Context(), k1, nil)
		if err != nil {
			b.Fatal(err)
		}
		if ok, err := s.Store(b.Context(), k1, state, at); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
