package memorycache

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/cachetest"
)

// fakeClock makes a Clock the time of otter, without ticks: nothing expires in the background.
type fakeClock struct{ *cachetest.Clock }

func (c fakeClock) NowNano() int64                      { return c.Now().UnixNano() }
func (c fakeClock) Tick(time.Duration) <-chan time.Time { return nil }

func newCache(t testing.TB, cfg Config, clock *cachetest.Clock) *Cache {
	t.Helper()
	c, err := open(cfg, fakeClock{clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestContract(t *testing.T) {
	var clock cachetest.Clock
	cachetest.Run(t, func(t *testing.T) ports.AnswerCache { return newCache(t, DefaultConfig(), &clock) },
		cachetest.Options{Advance: clock.Advance})
}

func TestContractInRealTime(t *testing.T) {
	cachetest.Run(t, func(t *testing.T) ports.AnswerCache {
		c, err := New(DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}, cachetest.Options{})
}

func TestBytesStayWithinTheBound(t *testing.T) {
	c := newCache(t, Config{MaxBytes: 1 << 20}, &cachetest.Clock{})
	value := make([]byte, 200)
	for i := range 20_000 {
		if err := c.Put(t.Context(), cachetest.Key(domain.RiskScorer, i), value, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	tier := c.Tiers(t.Context())[0]
	if tier.Bytes > tier.MaxBytes || tier.MaxBytes != 1<<20 {
		t.Errorf("%d bytes of %d", tier.Bytes, tier.MaxBytes)
	}
	if tier.Entries == 0 || tier.Entries > 1<<20/(200+overhead) {
		t.Errorf("%d entries in 1 MiB", tier.Entries)
	}
	if tier.Entries+tier.Evictions != 20_000 {
		t.Errorf("%d entries and %d evictions do not add up to what was stored", tier.Entries, tier.Evictions)
	}
}

func TestAValueLargerThanTheCacheIsNotKept(t *testing.T) {
	c := newCache(t, Config{MaxBytes: minBytes}, &cachetest.Clock{})
	k := cachetest.Key(domain.RiskScorer, 1)
	if err := c.Put(t.Context(), k, make([]byte, 2*minBytes), time.Hour); err != nil {
		t.Fatal(err)
	}
	c.entries.CleanUp()
	if _, _, ok, _ := c.Get(t.Context(), k, nil); ok {
		t.Error("it was kept")
	}
}

// The weight of an entry is what keeps the process within its memory, so it must be true.
func TestOverheadIsWhatEntriesReallyTake(t *testing.T) {
	const size = 128                          // an allocation of exactly this size
	for _, n := range []int{10_000, 25_000} { // the hash table is full to different degrees
		before := heap()
		c := newCache(t, Config{MaxBytes: 1 << 30}, &cachetest.Clock{})
		value := make([]byte, size)
		for i := range n {
			if err := c.Put(t.Context(), cachetest.Key(domain.RiskScorer, i), value, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		c.entries.CleanUp()
		taken := float64(heap()-before)/float64(n) - size
		t.Logf("%d entries take %.0f bytes each beside the value", n, taken)
		if taken > overhead || taken < overhead/2 {
			t.Errorf("%d entries take %.0f bytes each beside the value, and %d are reckoned", n, taken, overhead)
		}
		runtime.KeepAlive(c)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestAHitDoesNotAllocate(t *testing.T) {
	c := newCache(t, DefaultConfig(), &cachetest.Clock{})
	k := cachetest.Key(domain.RiskScorer, 1)
	if err := c.Put(t.Context(), k, make([]byte, 200), time.Hour); err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, 0, 256)
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { _, _, _, _ = c.Get(ctx, k, dst) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestConfigIsRefusedWithItsKey(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
	for _, n := range []int64{-1, 0, 32} {
		err := Config{MaxBytes: n}.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), "max_bytes: ") {
			t.Errorf("max_bytes %d: %v", n, err)
		}
		if _, err := New(Config{MaxBytes: n}); err == nil {
			t.Errorf("New takes max_bytes %d", n)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	const n = 10_000
	c, err := New(DefaultConfig())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	hits, misses := make([]domain.Key, n), make([]domain.Key, n)
	for i := range n {
		hits[i], misses[i] = cachetest.Key(domain.RiskScorer, i), cachetest.Key(domain.RiskScorer, n+i)
		_ = c.Put(b.Context(), hits[i], make([]byte, 120), time.Hour)
	}
	for _, kind := range []struct {
		name string
		keys []domain.Key
	}{{"hit", hits}, {"miss", misses}} {
		b.Run(kind.name, func(b *testing.B) {
			b.ReportAllocs()
			ctx, dst := b.Context(), make([]byte, 0, 256)
			for i := 0; b.Loop(); i++ {
				_, _, _, _ = c.Get(ctx, kind.keys[i%n], dst)
			}
		})
		b.Run(kind.name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			ctx := b.Context()
			b.RunParallel(func(pb *testing.PB) {
				dst := make([]byte, 0, 256)
				for i := 0; pb.Next(); i++ {
					_, _, _, _ = c.Get(ctx, kind.keys[i%n], dst)
				}
			})
		})
	}
}

func BenchmarkPut(b *testing.B) {
	for _, fresh := range []bool{false, true} {
		b.Run(fmt.Sprintf("new=%t/parallel", fresh), func(b *testing.B) {
			c, err := New(DefaultConfig())
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			b.ReportAllocs()
			ctx, value := b.Context(), make([]byte, 120)
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					n := i
					if !fresh {
						n %= 1000
					}
					_ = c.Put(ctx, cachetest.Key(domain.RiskScorer, n), value, time.Hour)
				}
			})
		})
	}
}
