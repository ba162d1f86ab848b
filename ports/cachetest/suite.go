package cachetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Options adapt the suite to a cache.
type Options struct {
	// Advance moves the clock of the caches that open returned. Nil means that the cache keeps its
	// own time, as a real server does: the suite then stores for some milliseconds and waits.
	Advance func(time.Duration)
}

// patience bounds waiting for something that has no clock of ours. It is reached only by a defect.
const patience = 30 * time.Second

// long is a ttl that no test outlives.
const long = time.Hour

// Run holds the cache to the contract of ports.AnswerCache and of the optional abilities it has.
// open returns an empty cache and arranges for its end with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) ports.AnswerCache, o Options) {
	t.Helper()
	rules := []struct {
		name string
		test func(*testing.T, ports.AnswerCache, Options)
	}{
		{"a key never stored is a miss", miss},
		{"what was stored is found with the time left", hit},
		{"the value is appended to what dst holds", appends},
		{"an entry ends with its ttl", expiry},
		{"a ttl of zero or less stores nothing", noTTL},
		{"the last value stored wins, with its ttl", overwrite},
		{"slices given and given out are not aliased", aliasing},
		{"an empty value is a value", emptyValue},
		{"a value of 64 KiB survives", largeValue},
		{"models with equal digests do not collide", models},
		{"clear forgets one model and counts exactly", clearing},
		{"clear counts every entry of a large cache once", clearingMany},
		{"clear does not count what has expired", clearingExpired},
		{"clear takes the name literally", clearingOddNames},
		{"a cancelled caller gets no wrong answer and does no harm", cancelled},
		{"it may be used concurrently", concurrent},
		{"a closed cache answers nothing", closed},
		{"looking up many equals looking up each", getMany},
		{"storing many equals storing each", putMany},
		{"tiers are described", tiers},
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) { r.test(t, open(t), o) })
	}
}

// Key returns the i-th key of a model: distinct for distinct i.
func Key(m domain.ModelName, i int) domain.Key {
	k := domain.Key{Model: m}
	binary.BigEndian.PutUint64(k.Sum[:], uint64(i)*0x9e3779b97f4a7c15+0x7b7d2a3f5b5d0d0a) // odd factor: a bijection
	binary.BigEndian.PutUint64(k.Sum[8:], uint64(i))
	return k
}

func put(t *testing.T, c ports.AnswerCache, k domain.Key, value string, ttl time.Duration) {
	t.Helper()
	if err := c.Put(t.Context(), k, []byte(value), ttl); err != nil {
		t.Fatalf("Put: %v", err)
	}
}

func get(t *testing.T, c ports.AnswerCache, k domain.Key) (string, time.Duration, bool) {
	t.Helper()
	value, ttl, ok, err := c.Get(t.Context(), k, nil)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	return string(value), ttl, ok
}

func wantHit(t *testing.T, c ports.AnswerCache, k domain.Key, want string, asked time.Duration) {
	t.Helper()
	value, ttl, ok := get(t, c, k)
	if !ok || value != want {
		t.Fatalf("Get = %.40q, %t; want %.40q", value, ok, want)
	}
	if ttl <= 0 || ttl > asked {
		t.Fatalf("Get says that %v are left of %v", ttl, asked)
	}
}

func wantMiss(t *testing.T, c ports.AnswerCache, k domain.Key) {
	t.Helper()
	if value, ttl, ok := get(t, c, k); ok || value != "" || ttl != 0 {
		t.Fatalf("Get = %.40q, %v, %t; want a miss", value, ttl, ok)
	}
}

func wantCleared(t *testing.T, c ports.AnswerCache, m domain.ModelName, want int) {
	t.Helper()
	n, err := c.Clear(t.Context(), m)
	if err != nil {
		t.Fatalf("Clear(%q): %v", m, err)
	}
	if n != want {
		t.Fatalf("Clear(%q) = %d entries, want %d", m, n, want)
	}
}

// outlive stores value for a short while and returns when that has passed.
func outlive(t *testing.T, c ports.AnswerCache, k domain.Key, value string, o Options) {
	t.Helper()
	if o.Advance != nil {
		put(t, c, k, value, time.Minute)
		wantHit(t, c, k, value, time.Minute)
		o.Advance(time.Minute - time.Millisecond)
		wantHit(t, c, k, value, time.Millisecond)
		o.Advance(time.Millisecond)
		return
	}
	put(t, c, k, value, 20*time.Millisecond)
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		if _, _, ok := get(t, c, k); !ok {
			time.Sleep(5 * time.Millisecond) // an entry in its last millisecond is a miss already, but there
			return
		}
		if time.Since(start) > patience {
			t.Fatal("an entry stored for 20 ms is still there")
		}
	}
}

func miss(t *testing.T, c ports.AnswerCache, _ Options) {
	wantMiss(t, c, Key(domain.RiskScorer, 1))
	put(t, c, Key(domain.RiskScorer, 2), "another", long)
	wantMiss(t, c, Key(domain.RiskScorer, 1))
}

func hit(t *testing.T, c ports.AnswerCache, o Options) {
	k := Key(domain.RiskScorer, 1)
	put(t, c, k, "answer", long)
	wantHit(t, c, k, "answer", long)
	if o.Advance != nil {
		o.Advance(long / 4)
		wantHit(t, c, k, "answer", long/4*3)
	}
}

func appends(t *testing.T, c ports.AnswerCache, _ Options) {
	k := Key(domain.RiskScorer, 1)
	put(t, c, k, "answer", long)
	for _, dst := range [][]byte{[]byte("head "), append(make([]byte, 0, 64), "head "...)} {
		got, _, ok, err := c.Get(t.Context(), k, dst)
		if err != nil || !ok || string(got) != "head answer" {
			t.Fatalf("Get = %q, %t, %v; want %q", got, ok, err, "head answer")
		}
	}
	got, _, ok, err := c.Get(t.Context(), Key(domain.RiskScorer, 2), []byte("head"))
	if err != nil || ok || string(got) != "head" {
		t.Fatalf("a miss returned %q, %t, %v; want dst as it was", got, ok, err)
	}
}

func expiry(t *testing.T, c ports.AnswerCache, o Options) {
	short, other := Key(domain.RiskScorer, 1), Key(domain.RiskScorer, 2)
	put(t, c, other, "stays", long)
	outlive(t, c, short, "goes", o)
	wantMiss(t, c, short)
	wantHit(t, c, other, "stays", long)
	put(t, c, short, "again", long)
	wantHit(t, c, short, "again", long)
}

func noTTL(t *testing.T, c ports.AnswerCache, _ Options) {
	k := Key(domain.RiskScorer, 1)
	for _, ttl := range []time.Duration{0, -1, -time.Hour} {
		put(t, c, k, "answer", ttl)
		wantMiss(t, c, k)
	}
}

func overwrite(t *testing.T, c ports.AnswerCache, o Options) {
	k := Key(domain.RiskScorer, 1)
	put(t, c, k, "a first value that is longer", long)
	put(t, c, k, "second", long/2)
	wantHit(t, c, k, "second", long/2)
	put(t, c, k, "third", 2*long)
	value, ttl, _ := get(t, c, k)
	if value != "third" || ttl <= long || ttl > 2*long {
		t.Fatalf("Get = %q with %v left; want the third value and its ttl of %v", value, ttl, 2*long)
	}
	outlive(t, c, k, "fourth", o)
	wantMiss(t, c, k)
}

func aliasing(t *testing.T, c ports.AnswerCache, _ Options) {
	k := Key(domain.RiskScorer, 1)
	given := []byte("answer")
	if err := c.Put(t.Context(), k, given, long); err != nil {
		t.Fatal(err)
	}
	copy(given, "XXXXXX")
	got, _, _, err := c.Get(t.Context(), k, nil)
	if err != nil || string(got) != "answer" {
		t.Fatalf("Get = %q, %v after the caller changed what it had given", got, err)
	}
	copy(got, "YYYYYY")
	_ = append(got, "and beyond its end"...)
	wantHit(t, c, k, "answer", long)
}

func emptyValue(t *testing.T, c ports.AnswerCache, _ Options) {
	k := Key(domain.RiskScorer, 1)
	put(t, c, k, "", long)
	wantHit(t, c, k, "", long)
	wantCleared(t, c, domain.RiskScorer, 1)
}

func largeValue(t *testing.T, c ports.AnswerCache, _ Options) {
	k := Key(domain.RiskScorer, 1)
	value := make([]byte, 64<<10)
	for i := range value {
		value[i] = byte(i * i >> 8)
	}
	put(t, c, k, string(value), long)
	wantHit(t, c, k, string(value), long)
}

func models(t *testing.T, c ports.AnswerCache, _ Options) {
	names := []domain.ModelName{
		domain.RiskScorer, domain.Nowcaster, domain.AnomalyDetector, domain.EvacuationPlanner, "unheard_of", "r", "n",
	}
	for _, m := range names {
		put(t, c, Key(m, 1), "of "+string(m), long)
	}
	for _, m := range names {
		wantHit(t, c, Key(m, 1), "of "+string(m), long)
	}
}

func clearing(t *testing.T, c ports.AnswerCache, _ Options) {
	wantCleared(t, c, domain.RiskScorer, 0)
	for i := range 25 {
		put(t, c, Key(domain.RiskScorer, i), "risk", long)
		put(t, c, Key(domain.RiskScorer, i), "stored twice, counted once", long)
	}
	for i := range 7 {
		put(t, c, Key(domain.Nowcaster, i), "nowcast", long)
	}
	wantCleared(t, c, domain.RiskScorer, 25)
	wantCleared(t, c, domain.RiskScorer, 0)
	for i := range 25 {
		wantMiss(t, c, Key(domain.RiskScorer, i))
	}
	for i := range 7 {
		wantHit(t, c, Key(domain.Nowcaster, i), "nowcast", long)
	}
	put(t, c, Key(domain.RiskScorer, 1), "anew", long)
	wantHit(t, c, Key(domain.RiskScorer, 1), "anew", long)
	wantCleared(t, c, domain.Nowcaster, 7)
}

func clearingMany(t *testing.T, c ports.AnswerCache, _ Options) {
	const n = 3000 // more than one page of any cursor
	for i := range n {
		put(t, c, Key(domain.RiskScorer, i), "risk", long)
		if i%3 == 0 {
			put(t, c, Key(domain.Nowcaster, i), "nowcast", long)
		}
	}
	wantCleared(t, c, domain.RiskScorer, n)
	wantCleared(t, c, domain.Nowcaster, n/3)
}

func clearingExpired(t *testing.T, c ports.AnswerCache, o Options) {
	put(t, c, Key(domain.RiskScorer, 1), "stays", long)
	outlive(t, c, Key(domain.RiskScorer, 2), "goes", o)
	wantCleared(t, c, domain.RiskScorer, 1)
}

func clearingOddNames(t *testing.T, c ports.AnswerCache, _ Options) {
	names := []domain.ModelName{"*", "?", "a", "a:b", "[a-z]", `\*`, "", "risk*", domain.RiskScorer}
	for _, m := range names {
		put(t, c, Key(m, 1), "of "+string(m), long)
	}
	for i, m := range names {
		wantCleared(t, c, m, 1)
		wantMiss(t, c, Key(m, 1))
		for _, other := range names[i+1:] {
			wantHit(t, c, Key(other, 1), "of "+string(other), long)
		}
	}
}

func cancelled(t *testing.T, c ports.AnswerCache, _ Options) {
	k := Key(domain.RiskScorer, 1)
	put(t, c, k, "answer", long)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	// More calls than any breaker needs: giving up is the caller's affair, not the cache's failure.
	for range 50 {
		value, _, ok, err := c.Get(gone, k, nil)
		if ok && (err != nil || string(value) != "answer") {
			t.Fatalf("Get = %q, %t, %v", value, ok, err)
		}
		_ = c.Put(gone, k, []byte("answer"), long)
	}
	wantHit(t, c, k, "answer", long)
}

func concurrent(t *testing.T, c ports.AnswerCache, _ Options) {
	const workers, rounds, keys = 8, 200, 16
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			var dst []byte
			for i := range rounds {
				k := Key(domain.RiskScorer, (i*7+w)%keys)
				want := fmt.Sprintf("answer to %s", k)
				switch (i + w) % 4 {
				case 0:
					if err := c.Put(t.Context(), k, []byte(want), long); err != nil {
						t.Errorf("Put: %v", err)
					}
				case 1:
					if i%50 == w {
						if _, err := c.Clear(t.Context(), domain.RiskScorer); err != nil {
							t.Errorf("Clear: %v", err)
						}
					}
				default:
					value, _, ok, err := c.Get(t.Context(), k, dst[:0])
					if err != nil || ok && string(value) != want {
						t.Errorf("Get = %q, %t, %v; want %q or a miss", value, ok, err, want)
					}
					dst = value
				}
			}
		})
	}
	wg.Wait()
}

func closed(t *testing.T, c ports.AnswerCache, _ Options) {
	closer, ok := c.(ports.Closer)
	if !ok {
		t.Skip("nothing to close")
	}
	k := Key(domain.RiskScorer, 1)
	put(t, c, k, "answer", long)
	for range 2 {
		if err := closer.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	unavailable := func(call string, err error) {
		t.Helper()
		if err != nil && domain.KindOf(err) != domain.KindUnavailable {
			t.Errorf("%s of a closed cache: %v (%v); want nil or unavailable", call, err, domain.KindOf(err))
		}
	}
	value, _, found, err := c.Get(t.Context(), k, nil)
	if found || len(value) > 0 {
		t.Errorf("Get of a closed cache = %q", value)
	}
	unavailable("Get", err)
	unavailable("Put", c.Put(t.Context(), k, []byte("answer"), long))
	n, err := c.Clear(t.Context(), domain.RiskScorer)
	if n != 0 {
		t.Errorf("Clear of a closed cache removed %d", n)
	}
	unavailable("Clear", err)
}

func getMany(t *testing.T, c ports.AnswerCache, _ Options) {
	b, ok := c.(ports.BatchAnswerCache)
	if !ok {
		t.Skip("not offered")
	}
	if err := b.GetMany(t.Context(), nil, nil); err != nil {
		t.Fatalf("GetMany of nothing: %v", err)
	}
	const n = 150
	keys := make([]domain.Key, n)
	for i := range keys {
		keys[i] = Key([]domain.ModelName{domain.RiskScorer, domain.Nowcaster}[i%2], i/2)
		if i%3 != 0 {
			put(t, c, keys[i], fmt.Sprintf("answer %d", i), long)
		}
	}
	keys[n-1] = keys[1] // the same key twice is answered twice
	out := make([]ports.Lookup, n)
	for range 2 { // the second time into what the first left behind
		if err := b.GetMany(t.Context(), keys, out); err != nil {
			t.Fatalf("GetMany: %v", err)
		}
		for i, k := range keys {
			value, ttl, ok := get(t, c, k)
			if got := out[i]; got.OK != ok || string(got.Value) != value {
				t.Fatalf("GetMany says %q, %t of key %d, Get %q, %t", got.Value, got.OK, i, value, ok)
			}
			if got := out[i].TTL; got < ttl || got > long || ok != (got > 0) {
				t.Fatalf("GetMany says that %v are left of key %d, Get a little later %v", got, i, ttl)
			}
		}
	}
	// The results must not share memory with each other, nor with the cache.
	for i := range out {
		for j := range out[i].Value {
			out[i].Value[j] = 'X'
		}
		_ = append(out[i].Value, "and beyond its end"...)
	}
	wantHit(t, c, keys[1], "answer 1", long)
	wantHit(t, c, keys[2], "answer 2", long)
}

func putMany(t *testing.T, c ports.AnswerCache, o Options) {
	b, ok := c.(ports.BatchAnswerCache)
	if !ok {
		t.Skip("not offered")
	}
	if err := b.PutMany(t.Context(), nil, nil, long); err != nil {
		t.Fatalf("PutMany of nothing: %v", err)
	}
	const n = 150
	keys, values := make([]domain.Key, n), make([][]byte, n)
	for i := range keys {
		keys[i] = Key([]domain.ModelName{domain.RiskScorer, domain.Nowcaster}[i%2], i/2)
		values[i] = bytes.Repeat([]byte{byte(i)}, i)
	}
	if err := b.PutMany(t.Context(), keys, values, 0); err != nil {
		t.Fatalf("PutMany without a ttl: %v", err)
	}
	wantMiss(t, c, keys[5])
	if err := b.PutMany(t.Context(), keys, values, long); err != nil {
		t.Fatalf("PutMany: %v", err)
	}
	for i := range values {
		want := string(values[i])
		clear(values[i])
		wantHit(t, c, keys[i], want, long)
	}
	wantCleared(t, c, domain.RiskScorer, n/2)
	wantCleared(t, c, domain.Nowcaster, n/2)
	if o.Advance == nil {
		return
	}
	if err := b.PutMany(t.Context(), keys[:2], values[:2], time.Second); err != nil {
		t.Fatal(err)
	}
	o.Advance(time.Second)
	wantMiss(t, c, keys[0])
	wantMiss(t, c, keys[1])
}

func tiers(t *testing.T, c ports.AnswerCache, _ Options) {
	inspector, ok := c.(ports.CacheInspector)
	if !ok {
		t.Skip("not offered")
	}
	k := Key(domain.RiskScorer, 1)
	put(t, c, k, "answer", long)
	wantHit(t, c, k, "answer", long)
	ts := inspector.Tiers(t.Context())
	if len(ts) == 0 {
		t.Fatal("no tier")
	}
	for _, tier := range ts {
		if tier.Name == "" {
			t.Errorf("a tier without a name: %+v", tier)
		}
		if tier.Entries == 0 || tier.Bytes == 0 || tier.Entries < -1 || tier.Bytes < -1 {
			t.Errorf("%s holds one entry and says %d entries, %d bytes", tier.Name, tier.Entries, tier.Bytes)
		}
		if tier.Errors != 0 || tier.State != "" && tier.State != "ok" {
			t.Errorf("%s is healthy and says %d errors, state %q", tier.Name, tier.Errors, tier.State)
		}
	}
}
