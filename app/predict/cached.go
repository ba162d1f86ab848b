package predict

import (
	"context"
	"crypto/sha256"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

// TTL says how long answers may be served from the cache. Zero stores nothing.
type TTL struct {
	FloodRisk time.Duration // of a single question
	Batch     time.Duration // of an item of a batch or stream
}

// cached answers from the cache where it can. Whatever the cache does, the question is answered:
// an error of the cache is counted, never returned.
type cached struct {
	next     scorer
	cache    ports.AnswerCache
	ttl      TTL
	recorder ports.Recorder
	clock    ports.Clock
	flight   singleflight.Group
}

func newCached(next scorer, cache ports.AnswerCache, ttl TTL, recorder ports.Recorder, clock ports.Clock) *cached {
	return &cached{next: next, cache: cache, ttl: ttl, recorder: recorder, clock: clock}
}

// key digests everything that determines the answer: the model's digest, the feature schema and the
// canonical input.
func key(m *risk.Model, r *risk.Request) domain.Key {
	var buf [1280]byte // a request with 90 days of history takes 1083 bytes
	b := append(buf[:0], m.CacheScope()...)
	b = r.AppendCanonical(b)
	sum := sha256.Sum256(b)
	k := domain.Key{Model: domain.RiskScorer}
	copy(k.Sum[:], sum[:])
	return k
}

// jittered shortens ttl by up to a tenth, by the key, so that answers stored together do not all
// expire in the same second.
func jittered(ttl time.Duration, k domain.Key) time.Duration {
	return ttl - ttl/10*time.Duration(k.Sum[15])/255
}

func (c *cached) one(ctx context.Context, m *risk.Model, r *risk.Request, a *risk.Assessment) error {
	k := key(m, r)
	if !r.Fresh {
		if c.lookup(ctx, m, k, a) {
			return nil
		}
	} else {
		c.recorder.CacheLookup(ctx, k.Model, domain.CacheBypass, 1, 0)
		a.Provenance.Cache = domain.CacheBypass
	}
	outcome := a.Provenance.Cache

	// Concurrent misses of one key compute once. A caller that asked for a fresh answer never waits
	// for somebody else's, and a leader whose context ends must not fail the callers behind it.
	if r.Fresh {
		if err := c.compute(ctx, m, r, k, a); err != nil {
			return err
		}
	} else {
		shared, err, _ := c.flight.Do(string(k.Sum[:]), func() (any, error) {
			var fresh risk.Assessment
			err := c.compute(context.WithoutCancel(ctx), m, r, k, &fresh)
			return fresh, err
		})
		if err != nil {
			return err
		}
		*a = shared.(risk.Assessment)
	}
	a.Provenance = domain.Provenance{Key: k, Cache: outcome, TTL: jittered(c.ttl.FloodRisk, k)}
	return nil
}

// lookup answers a from the cache, or says in a's provenance why not.
func (c *cached) lookup(ctx context.Context, m *risk.Model, k domain.Key, a *risk.Assessment) bool {
	start := c.clock()
	var buf [risk.EncodedMax]byte
	value, ttl, ok, err := c.cache.Get(ctx, k, buf[:0])
	now := c.clock()
	outcome := c.read(m, ports.Lookup{Value: value, TTL: ttl, OK: ok}, err, k, now, a)
	c.recorder.CacheLookup(ctx, k.Model, outcome, 1, now.Sub(start))
	return outcome == domain.CacheHit
}

// read turns what the cache said into an answer and the outcome.
func (c *cached) read(m *risk.Model, l ports.Lookup, err error, k domain.Key, now time.Time, a *risk.Assessment) domain.CacheOutcome {
	outcome := domain.CacheMiss
	switch {
	case err != nil:
		outcome = domain.CacheError
	case l.OK && m.Decode(l.Value, a) != nil:
		outcome = domain.CacheError
	case l.OK:
		outcome = domain.CacheHit
	}
	a.Provenance = domain.Provenance{Key: k, Cache: outcome}
	if outcome == domain.CacheHit {
		a.Provenance.TTL, a.Provenance.Age = l.TTL, max(0, now.Sub(a.AssessedAt))
	}
	return outcome
}

func (c *cached) compute(ctx context.Context, m *risk.Model, r *risk.Request, k domain.Key, a *risk.Assessment) error {
	if err := c.next.one(ctx, m, r, a); err != nil {
		return err
	}
	var buf [risk.EncodedMax]byte
	// A value that was not stored is computed again: nothing to tell the caller. The cache counts its
	// own errors.
	_ = c.cache.Put(ctx, k, a.AppendBinary(buf[:0]), jittered(c.ttl.FloodRisk, k))
	return nil
}

func (c *cached) many(ctx context.Context, m *risk.Model, rs []risk.Request, out []risk.Outcome, todo []int32) {
	keys := make([]domain.Key, len(todo))
	for j, i := range todo {
		keys[j] = key(m, &rs[i])
	}
	start := c.clock()
	found, err := c.getMany(ctx, keys)
	now := c.clock()

	var outcomes [domain.NumCacheOutcomes]int
	misses, missed := todo[:0:0], keys[:0:0]
	for j, i := range todo {
		outcome := domain.CacheBypass
		if a := &out[i].Assessment; rs[i].Fresh {
			a.Provenance = domain.Provenance{Key: keys[j], Cache: outcome}
		} else {
			outcome = c.read(m, found[j], err, keys[j], now, a)
		}
		outcomes[outcome]++
		if outcome != domain.CacheHit {
			misses, missed = append(misses, i), append(missed, keys[j])
		}
	}
	for outcome, n := range outcomes {
		if n > 0 {
			c.recorder.CacheLookup(ctx, domain.RiskScorer, domain.CacheOutcome(outcome), n, now.Sub(start))
		}
	}
	if len(misses) > 0 {
		c.next.many(ctx, m, rs, out, misses)
		c.putMany(ctx, out, misses, missed)
	}
}

// getMany looks keys up in one round trip where the cache can do that. An error stands for all.
func (c *cached) getMany(ctx context.Context, keys []domain.Key) ([]ports.Lookup, error) {
	found := make([]ports.Lookup, len(keys))
	if b, ok := c.cache.(ports.BatchAnswerCache); ok {
		return found, b.GetMany(ctx, keys, found)
	}
	for j, k := range keys {
		var err error
		if found[j].Value, found[j].TTL, found[j].OK, err = c.cache.Get(ctx, k, nil); err != nil {
			return found, err
		}
	}
	return found, nil
}

// putMany stores the computed answers and completes their provenance. One round trip has one TTL:
// batches are spread, the items of one are not.
func (c *cached) putMany(ctx context.Context, out []risk.Outcome, computed []int32, keys []domain.Key) {
	ttl := jittered(c.ttl.Batch, keys[0])
	values, stored := make([][]byte, 0, len(keys)), keys[:0]
	arena := make([]byte, 0, len(keys)*risk.EncodedMax)
	for j, i := range computed {
		if out[i].Err != nil {
			continue
		}
		a := &out[i].Assessment
		a.Provenance.TTL = ttl
		n := len(arena)
		arena = a.AppendBinary(arena)
		values, stored = append(values, arena[n:]), append(stored, keys[j])
	}
	if b, ok := c.cache.(ports.BatchAnswerCache); ok {
		_ = b.PutMany(ctx, stored, values, ttl)
		return
	}
	for j, k := range stored {
		_ = c.cache.Put(ctx, k, values[j], ttl)
	}
}
