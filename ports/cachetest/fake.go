package cachetest

import (
	"context"
	"sync"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Clock is a clock that stands still until it is moved. The zero value is ready.
type Clock struct {
	mu      sync.Mutex
	elapsed time.Duration
}

// epoch is where every Clock begins. Any fixed instant will do.
var epoch = time.Date(2025, time.June, 1, 12, 0, 0, 0, time.UTC)

// Now tells the time. It is a ports.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return epoch.Add(c.elapsed)
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.elapsed += d
}

// Fake is a map with a clock: it is never full, evicts nothing, and fails when told to.
type Fake struct {
	now ports.Clock

	mu      sync.Mutex
	entries map[domain.Key]fakeEntry
	err     error
	calls   Calls
}

type fakeEntry struct {
	value   string
	expires time.Time
}

// Calls counts what a Fake was asked.
type Calls struct{ Get, Put, Clear int }

var (
	_ ports.AnswerCache    = (*Fake)(nil)
	_ ports.CacheInspector = (*Fake)(nil)
	_ ports.Closer         = (*Fake)(nil)
)

// NewFake returns an empty Fake.
func NewFake(now ports.Clock) *Fake {
	return &Fake{now: now, entries: make(map[domain.Key]fakeEntry)}
}

// Fail makes every call answer err until it is called again with nil.
func (f *Fake) Fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// Calls returns how often each method was called.
func (f *Fake) Calls() Calls {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Get implements ports.AnswerCache.
func (f *Fake) Get(ctx context.Context, k domain.Key, dst []byte) ([]byte, time.Duration, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls.Get++
	if err := f.refuse(ctx); err != nil {
		return dst, 0, false, err
	}
	e, ok := f.entries[k]
	ttl := e.expires.Sub(f.now())
	if !ok || ttl <= 0 {
		return dst, 0, false, nil
	}
	return append(dst, e.value...), ttl, true, nil
}

// Put implements ports.AnswerCache.
func (f *Fake) Put(ctx context.Context, k domain.Key, value []byte, ttl time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls.Put++
	if err := f.refuse(ctx); err != nil || ttl <= 0 {
		return err
	}
	f.entries[k] = fakeEntry{string(value), f.now().Add(ttl)}
	return nil
}

// Clear implements ports.AnswerCache.
func (f *Fake) Clear(ctx context.Context, model domain.ModelName) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls.Clear++
	if err := f.refuse(ctx); err != nil {
		return 0, err
	}
	n := 0
	for k, e := range f.entries {
		if k.Model != model {
			continue
		}
		delete(f.entries, k)
		if e.expires.After(f.now()) {
			n++
		}
	}
	return n, nil
}

// Tiers implements ports.CacheInspector.
func (f *Fake) Tiers(context.Context) []ports.CacheTier {
	f.mu.Lock()
	defer f.mu.Unlock()
	tier := ports.CacheTier{Name: "fake", Entries: int64(len(f.entries))}
	for k, e := range f.entries {
		tier.Bytes += int64(len(k.Model) + len(k.Sum) + len(e.value))
	}
	return []ports.CacheTier{tier}
}

// Close implements ports.Closer.
func (f *Fake) Close() error {
	f.Fail(&domain.Error{Kind: domain.KindUnavailable, Op: "cachetest", Msg: "the cache is closed"})
	return nil
}

func (f *Fake) refuse(ctx context.Context) error {
	if f.err != nil {
		return f.err
	}
	return ctx.Err()
}
