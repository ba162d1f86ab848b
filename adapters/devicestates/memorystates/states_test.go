package memorystates

import (
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/devicestatestest"
)

func newStates(t testing.TB, maxBytes int64) *States {
	t.Helper()
	s, err := New(Config{MaxBytes: maxBytes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestContract(t *testing.T) {
	devicestatestest.Run(t, func(t *testing.T) ports.DeviceStates { return newStates(t, DefaultConfig().MaxBytes) },
		devicestatestest.Options{Small: func(t *testing.T) ports.DeviceStates { return newStates(t, 256<<10) }})
}

func store(t testing.TB, s *States, i int, state []byte) {
	t.Helper()
	k := devicestatestest.Key(i)
	_, at, _, err := s.Load(t.Context(), k, nil)
	if err != nil {
		t.Fatal(err)
	}
	if stored, err := s.Store(t.Context(), k, state, at); !stored || err != nil {
		t.Fatalf("Store = %t, %v", stored, err)
	}
}

// TestAMillionDevicesStayWithinTheBound: all shards together, from several goroutines, measured on the heap
// and not only by the store's own reckoning.
func TestAMillionDevicesStayWithinTheBound(t *testing.T) {
	const bound, devices, writers = 16 << 20, 1_000_000, 4
	before := heap()
	s := newStates(t, bound)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			state := make([]byte, 2000)
			for i := w; i < devices; i += writers {
				if stored, err := s.Store(t.Context(), devicestatestest.Key(i), state, ports.NoRevision); !stored || err != nil {
					t.Errorf("Store = %t, %v", stored, err)
					return
				}
			}
		})
	}
	wg.Wait()
	tier := s.Tiers(t.Context())[0]
	taken := heap() - before
	t.Logf("%d devices are kept in %d bytes, %d on the heap; %d were forgotten", tier.Entries, tier.Bytes, taken, tier.Evictions)
	if tier.Entries+tier.Evictions != devices {
		t.Errorf("%d are kept and %d were evicted of %d", tier.Entries, tier.Evictions, devices)
	}
	if tier.Bytes > bound || tier.Bytes < bound*9/10 || taken > bound*11/10 {
		t.Errorf("%d bytes are reckoned and %d are taken, the bound is %d", tier.Bytes, taken, bound)
	}
	runtime.KeepAlive(s)
}

func TestOverheadIsWhatEntriesReallyTake(t *testing.T) {
	const size = 2048                         // an allocation of exactly this size
	for _, n := range []int{10_000, 25_000} { // the hash table is full to different degrees
		before := heap()
		s := newStates(t, 1<<30)
		state := make([]byte, size)
		for i := range n {
			store(t, s, i, state)
		}
		taken := float64(heap()-before)/float64(n) - size
		t.Logf("%d entries take %.0f bytes each beside the state", n, taken)
		if taken > overhead || taken < overhead/2 {
			t.Errorf("%d entries take %.0f bytes each beside the state, and %d are reckoned", n, taken, overhead)
		}
		runtime.KeepAlive(s)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestAKnownDeviceDoesNotAllocate(t *testing.T) {
	s := newStates(t, 1<<20)
	k, ctx := devicestatestest.Key(1), t.Context()
	state, dst := make([]byte, 2000), make([]byte, 0, 2000)
	store(t, s, 1, state)
	if n := testing.AllocsPerRun(100, func() {
		_, at, _, _ := s.Load(ctx, k, dst)
		_, _ = s.Store(ctx, k, state, at)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAForgottenDeviceDoesNotComeBackWithAnOldRevision(t *testing.T) {
	s := newStates(t, minBytes)
	state := make([]byte, 1024)
	store(t, s, 0, state)
	_, old, _, _ := s.Load(t.Context(), devicestatestest.Key(0), nil)
	for i := range 100 {
		store(t, s, i+1, state)
	}
	store(t, s, 0, state)
	if stored, err := s.Store(t.Context(), devicestatestest.Key(0), state, old); stored || err != nil {
		t.Errorf("a revision from before the device was forgotten: %t, %v", stored, err)
	}
}

func TestConfigIsRefusedWithItsKey(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
	for _, n := range []int64{-1, 0, 64} {
		if _, err := New(Config{MaxBytes: n}); err == nil || !strings.HasPrefix(err.Error(), "max_bytes: ") {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func BenchmarkLoadAndStore(b *testing.B) {
	s := newStates(b, 64<<20)
	const devices = 10_000
	state := make([]byte, 2000)
	for i := range devices {
		store(b, s, i, state)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var buf []byte
		for i := 0; pb.Next(); i++ {
			k := devicestatestest.Key(i * 7919 % devices)
			got, at, _, _ := s.Load(b.Context(), k, buf[:0])
			_, _ = s.Store(b.Context(), k, got, at)
			buf = got
		}
	})
}
