package memorycache

import (
	"context"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/maypok86/otter/v2/stats"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Cache is a bounded in-process cache. It never fails and never waits: contexts are ignored, and
// after Close everything is a miss.
type Cache struct {
	entries   *otter.Cache[domain.Key, entry]
	maxBytes  int64
	evictions *evictions
	closed    atomic.Bool
}

// entry is immutable: data is a private copy of the value.
type entry struct {
	data string
	ttl  time.Duration
}

var (
	_ ports.AnswerCache    = (*Cache)(nil)
	_ ports.CacheInspector = (*Cache)(nil)
	_ ports.Closer         = (*Cache)(nil)
)

// New returns an empty cache.
func New(cfg Config) (*Cache, error) { return open(cfg, nil) }

// Opener returns New as a constructor for caches that are made of others.
func Opener(cfg Config) func(*slog.Logger, ports.Statistics) (ports.AnswerCache, error) {
	return func(*slog.Logger, ports.Statistics) (ports.AnswerCache, error) { return New(cfg) }
}

func open(cfg Config, clock otter.Clock) (*Cache, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	counter := &evictions{}
	entries, err := otter.New(&otter.Options[domain.Key, entry]{
		MaximumWeight:    uint64(cfg.MaxBytes),
		Weigher:          weigh,
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[domain.Key, entry]) time.Duration { return e.Value.ttl }),
		StatsRecorder:    counter,
		Clock:            clock,
	})
	if err != nil {
		return nil, err
	}
	return &Cache{entries: entries, maxBytes: cfg.MaxBytes, evictions: counter}, nil
}

// overhead is what an entry takes beside its value: the key, the node, its share of the hash table
// and of the policy's queues. TestOverheadIsWhatEntriesReallyTake measures it.
const overhead = 160

func weigh(_ domain.Key, e entry) uint32 {
	return uint32(min(len(e.data)+overhead, math.MaxUint32))
}

// Get implements ports.AnswerCache.
func (c *Cache) Get(_ context.Context, k domain.Key, dst []byte) ([]byte, time.Duration, bool, error) {
	e, ok := c.entries.GetEntry(k)
	if !ok {
		return dst, 0, false, nil
	}
	// The two may straddle an overwrite: then the ttl is that of one of the two values.
	ttl := min(e.ExpiresAfter(), e.Value.ttl)
	return append(dst, e.Value.data...), ttl, true, nil
}

// Put implements ports.AnswerCache. A value larger than the whole cache is not kept.
func (c *Cache) Put(_ context.Context, k domain.Key, value []byte, ttl time.Duration) error {
	if ttl > 0 && !c.closed.Load() {
		c.entries.Set(k, entry{data: string(value), ttl: ttl})
	}
	return nil
}

// Clear implements ports.AnswerCache. It walks over all entries, those of other models included:
// it is an operator's call, and an index per model would cost every Put.
func (c *Cache) Clear(_ context.Context, model domain.ModelName) (int, error) {
	n := 0
	for k := range c.entries.Keys() {
		if k.Model != model {
			continue
		}
		if _, removed := c.entries.Invalidate(k); removed {
			n++
		}
	}
	return n, nil
}

// Tiers implements ports.CacheInspector.
func (c *Cache) Tiers(context.Context) []ports.CacheTier {
	c.entries.CleanUp() // weights and evictions are otherwise brought up to date beside the writes
	return []ports.CacheTier{{
		Name:      "memory",
		Entries:   int64(c.entries.EstimatedSize()),
		Bytes:     int64(c.entries.WeightedSize()),
		MaxBytes:  c.maxBytes,
		Evictions: c.evictions.n.Load(),
	}}
}

// Close implements ports.Closer.
func (c *Cache) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.entries.StopAllGoroutines()
		c.entries.InvalidateAll()
	}
	return nil
}

// evictions counts what had to go for want of room. Hits and misses are counted by the use case,
// where they also are when the cache is another one.
type evictions struct {
	stats.NoopRecorder
	n atomic.Int64
}

func (e *evictions) RecordEviction(uint32) { e.n.Add(1) }
