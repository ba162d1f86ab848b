// Package devicestatestest is the acceptance test of ports.DeviceStates, and a fake for the tests of who
// uses it.
package devicestatestest

import (
	"bytes"
	"context"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Options adapt the suite to a store.
type Options struct {
	// Small opens a store that is full after some hundred states of a kilobyte. Nil where the bound is not
	// the store's own.
	Small func(t *testing.T) ports.DeviceStates
}

// Run holds the store to the contract of ports.DeviceStates. open returns an empty store and arranges for
// its end with t.Cleanup. Run it with -race.
func Run(t *testing.T, open func(t *testing.T) ports.DeviceStates, o Options) {
	t.Helper()
	for _, r := range []struct {
		name string
		test func(*testing.T, ports.DeviceStates)
	}{
		{"nothing is known of a device never seen", unknown},
		{"what was stored is loaded, after what dst holds", loads},
		{"only the revision that is kept can be replaced", replaces},
		{"every store makes a revision of its own", revisions},
		{"slices given and given out are not aliased", aliasing},
		{"equal digests of two models do not collide", models},
		{"states of every size survive", sizes},
		{"of many first writers one wins", firstWriter},
		{"no update is lost among many writers", counts},
		{"a cancelled caller does no harm", cancelled},
		{"a closed store is unavailable", closed},
		{"figures are given", inspected},
	} {
		t.Run(r.name, func(t *testing.T) { r.test(t, open(t)) })
	}
	if o.Small != nil {
		t.Run("the bound holds, and the devices silent longest go", func(t *testing.T) { bounded(t, o.Small(t)) })
	}
}

// Key returns the key of the i-th device: distinct for distinct i.
func Key(i int) domain.Key {
	k := domain.Key{Model: domain.AnomalyDetector}
	binary.BigEndian.PutUint64(k.Sum[:], uint64(i)*0x9e3779b97f4a7c15) // odd factor: a bijection
	return k
}

// kept is what Load says.
type kept struct {
	state string
	at    ports.Revision
	ok    bool
}

func load(t *testing.T, s ports.DeviceStates, k domain.Key) kept {
	t.Helper()
	state, at, ok, err := s.Load(t.Context(), k, nil)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return kept{string(state), at, ok}
}

func store(t *testing.T, s ports.DeviceStates, k domain.Key, state string, at ports.Revision) bool {
	t.Helper()
	stored, err := s.Store(t.Context(), k, []byte(state), at)
	if err != nil {
		t.Fatalf("Store: %v", err)
	}
	return stored
}

// put stores whatever is kept.
func put(t *testing.T, s ports.DeviceStates, k domain.Key, state string) {
	t.Helper()
	if !store(t, s, k, state, load(t, s, k).at) {
		t.Fatal("the revision just loaded is not accepted")
	}
}

func want(t *testing.T, s ports.DeviceStates, k domain.Key, state string) {
	t.Helper()
	if got := load(t, s, k); !got.ok || got.state != state || got.at == ports.NoRevision {
		t.Fatalf("Load = %.40q, revision %d, %t; want %.40q", got.state, got.at, got.ok, state)
	}
}

func wantNothing(t *testing.T, s ports.DeviceStates, k domain.Key) {
	t.Helper()
	if got := load(t, s, k); got != (kept{}) {
		t.Fatalf("Load = %+v of a device never seen", got)
	}
}

func unknown(t *testing.T, s ports.DeviceStates) {
	wantNothing(t, s, Key(1))
	put(t, s, Key(2), "another")
	wantNothing(t, s, Key(1))
}

func loads(t *testing.T, s ports.DeviceStates) {
	put(t, s, Key(1), "state")
	want(t, s, Key(1), "state")
	state, _, ok, err := s.Load(t.Context(), Key(1), []byte("before "))
	if err != nil || !ok || string(state) != "before state" {
		t.Errorf("Load = %q, %t, %v", state, ok, err)
	}
	state, _, ok, err = s.Load(t.Context(), Key(2), []byte("before "))
	if err != nil || ok || string(state) != "before " {
		t.Errorf("of a device never seen: Load = %q, %t, %v", state, ok, err)
	}
}

func replaces(t *testing.T, s ports.DeviceStates) {
	k := Key(1)
	if store(t, s, k, "from nowhere", 12345) {
		t.Fatal("a state that was never there was replaced")
	}
	wantNothing(t, s, k)
	put(t, s, k, "first")
	first := load(t, s, k)
	if store(t, s, k, "late", ports.NoRevision) {
		t.Fatal("a second first state was stored")
	}
	if !store(t, s, k, "second", first.at) {
		t.Fatal("the revision that is kept is not accepted")
	}
	if store(t, s, k, "late", first.at) {
		t.Fatal("a revision of the past was accepted")
	}
	want(t, s, k, "second")
}

func revisions(t *testing.T, s ports.DeviceStates) {
	k := Key(1)
	seen := map[ports.Revision]bool{ports.NoRevision: true}
	for range 100 {
		put(t, s, k, "the same")
		at := load(t, s, k).at
		if seen[at] {
			t.Fatalf("revision %d came twice", at)
		}
		seen[at] = true
	}
}

func aliasing(t *testing.T, s ports.DeviceStates) {
	k := Key(1)
	given := []byte("state")
	if stored, err := s.Store(t.Context(), k, given, ports.NoRevision); !stored || err != nil {
		t.Fatalf("Store = %t, %v", stored, err)
	}
	clear(given)
	out, at, _, err := s.Load(t.Context(), k, nil)
	if err != nil {
		t.Fatal(err)
	}
	clear(out)
	_ = append(out, "and beyond its end"...)
	want(t, s, k, "state")
	out, _, _, _ = s.Load(t.Context(), k, nil)
	if !store(t, s, k, "other", at) {
		t.Fatal("not stored")
	}
	if string(out) != "state" {
		t.Errorf("a store changed what was loaded before it to %q", out)
	}
}

func models(t *testing.T, s ports.DeviceStates) {
	a, b := Key(1), Key(1)
	b.Model = domain.RiskScorer
	put(t, s, a, "a")
	wantNothing(t, s, b)
	put(t, s, b, "b")
	want(t, s, a, "a")
}

func sizes(t *testing.T, s ports.DeviceStates) {
	for _, n := range []int{0, 1, 255, 16 << 10, 300} { // shrinking, too
		state := string(bytes.Repeat([]byte{0xf1}, n))
		put(t, s, Key(1), state)
		want(t, s, Key(1), state)
	}
}

func firstWriter(t *testing.T, s ports.DeviceStates) {
	const writers = 8
	for round := range 20 {
		var won atomic.Int32
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				stored, err := s.Store(t.Context(), Key(round), []byte{byte(w)}, ports.NoRevision)
				if err != nil {
					t.Errorf("Store: %v", err)
				}
				if stored {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d of %d stored a first state", won.Load(), writers)
		}
	}
}

// counts lets writers increment counters in the states of a few devices by load, step and store again.
func counts(t *testing.T, s ports.DeviceStates) {
	const writers, rounds, devices = 8, 50, 3
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			var buf []byte
			for i := range rounds {
				for stored := false; !stored; {
					k := Key((i + w) % devices)
					state, at, ok, err := s.Load(t.Context(), k, buf[:0])
					if err != nil {
						t.Errorf("Load: %v", err)
						return
					}
					if !ok {
						state = make([]byte, 8)
					}
					binary.LittleEndian.PutUint64(state, binary.LittleEndian.Uint64(state)+1)
					if stored, err = s.Store(t.Context(), k, state, at); err != nil {
						t.Errorf("Store: %v", err)
						return
					}
					buf = state
				}
			}
		})
	}
	wg.Wait()
	total := uint64(0)
	for i := range devices {
		if got := load(t, s, Key(i)); got.ok {
			total += binary.LittleEndian.Uint64([]byte(got.state))
		}
	}
	if total != writers*rounds {
		t.Errorf("%d of %d updates are there", total, writers*rounds)
	}
}

func cancelled(t *testing.T, s ports.DeviceStates) {
	k := Key(1)
	put(t, s, k, "state")
	at := load(t, s, k).at
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	// More calls than any breaker needs: giving up is the caller's affair, not the store's failure.
	for range 50 {
		state, _, ok, err := s.Load(gone, k, nil)
		if ok && (err != nil || string(state) != "state") {
			t.Fatalf("Load = %q, %t, %v", state, ok, err)
		}
		if stored, err := s.Store(gone, k, []byte("late"), at+1); stored {
			t.Fatalf("Store = %t, %v at a revision that is not kept", stored, err)
		}
	}
	want(t, s, k, "state")
}

func closed(t *testing.T, s ports.DeviceStates) {
	closer, ok := s.(ports.Closer)
	if !ok {
		t.Skip("nothing to close")
	}
	put(t, s, Key(1), "state")
	for range 2 {
		if err := closer.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	if state, at, ok, err := s.Load(t.Context(), Key(1), nil); ok || at != ports.NoRevision || len(state) > 0 || domain.KindOf(err) != domain.KindUnavailable {
		t.Errorf("Load of a closed store = %q, %d, %t, %v", state, at, ok, err)
	}
	if stored, err := s.Store(t.Context(), Key(2), []byte("state"), ports.NoRevision); stored || domain.KindOf(err) != domain.KindUnavailable {
		t.Errorf("Store in a closed store = %t, %v", stored, err)
	}
}

func inspected(t *testing.T, s ports.DeviceStates) {
	inspector, ok := s.(ports.CacheInspector)
	if !ok {
		t.Skip("not offered")
	}
	put(t, s, Key(1), "state")
	tiers := inspector.Tiers(t.Context())
	if len(tiers) != 1 {
		t.Fatalf("%d tiers", len(tiers))
	}
	if tier := tiers[0]; tier.Name == "" || tier.Entries == 0 || tier.Bytes == 0 || tier.Errors != 0 || tier.State != "" && tier.State != "ok" {
		t.Errorf("a healthy store of one state says %+v", tier)
	}
}

// bounded stores states of new devices until far more than the bound have gone, while one device goes on
// to report.
func bounded(t *testing.T, s ports.DeviceStates) {
	state := string(bytes.Repeat([]byte{7}, 1024))
	inspector := s.(ports.CacheInspector)
	const talker, devices = -1, 5000
	for i := range devices {
		if i%10 == 0 {
			if i > 0 {
				want(t, s, Key(talker), state)
			}
			put(t, s, Key(talker), state)
		}
		put(t, s, Key(i), state)
		want(t, s, Key(i), state)
		if tier := inspector.Tiers(t.Context())[0]; tier.Bytes > tier.MaxBytes || tier.MaxBytes == 0 {
			t.Fatalf("%d bytes are kept, the bound is %d", tier.Bytes, tier.MaxBytes)
		}
	}
	tier := inspector.Tiers(t.Context())[0]
	if tier.Evictions == 0 || tier.Entries+tier.Evictions != devices+1 {
		t.Errorf("%d states are kept and %d were evicted of %d", tier.Entries, tier.Evictions, devices+1)
	}
	for i := range devices - int(tier.Entries) {
		wantNothing(t, s, Key(i))
	}
}
