package predict

import (
	"context"
	"crypto/sha256"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// lookaside answers single questions from the cache where it can. Whatever the cache does, the question
// is answered: an error of the cache is counted, never returned.
type lookaside struct {
	cache    ports.AnswerCache
	ttl      time.Duration
	recorder ports.Recorder
	clock    ports.Clock
	flight   singleflight.Group
}

// question is what lookaside needs to know of a question whose answer is an A.
type question[A any] interface {
	// key identifies the question and the model.
	key() domain.Key
	// fresh by-passes the lookup.
	fresh() bool
	// compute asks the model.
	compute(ctx context.Context, a *A) error
	// encode appends the answer's encoding to dst; decode refuses what encode cannot have written.
	encode(dst []byte, a *A) []byte
	decode(data []byte, a *A) error
	// provenance is where the answer keeps its provenance, computedAt when it was computed.
	provenance(a *A) *domain.Provenance
	computedAt(a *A) time.Time
}

// digest makes a key of everything that determines an answer: the model's digest, the feature schema and
// the canonical input.
func digest(model domain.ModelName, everything []byte) domain.Key {
	sum := sha256.Sum256(everything)
	k := domain.Key{Model: model}
	copy(k.Sum[:], sum[:])
	return k
}

// jittered shortens ttl by up to a tenth, by the key, so that answers stored together do not all
// expire in the same second.
func jittered(ttl time.Duration, k domain.Key) time.Duration {
	return ttl - ttl/10*time.Duration(k.Sum[15])/255
}

// ask answers q in a. buf is room for the encoding.
func ask[A any, Q question[A]](ctx context.Context, c *lookaside, q Q, buf []byte, a *A) error {
	k := q.key()
	outcome := domain.CacheBypass
	if q.fresh() {
		c.recorder.CacheLookup(ctx, k.Model, outcome, 1, 0)
		if err := computeAndPut(ctx, c, q, k, buf, a); err != nil {
			return err
		}
	} else {
		start := c.clock()
		value, ttl, ok, err := c.cache.Get(ctx, k, buf)
		now := c.clock()
		outcome = recall(q, ports.Lookup{Value: value, TTL: ttl, OK: ok}, err, k, now, a)
		c.recorder.CacheLookup(ctx, k.Model, outcome, 1, now.Sub(start))
		if outcome == domain.CacheHit {
			return nil
		}
		if err := computeOnce(ctx, c, q, k, buf, a); err != nil {
			return err
		}
	}
	*q.provenance(a) = domain.Provenance{Key: k, Cache: outcome, TTL: jittered(c.ttl, k)}
	return nil
}

// computeOnce computes once for concurrent misses of one key. A caller that asked for a fresh answer never
// waits for somebody else's, and a leader whose context ends does not fail the callers behind it: one of
// them leads instead.
func computeOnce[A any, Q question[A]](ctx context.Context, c *lookaside, q Q, k domain.Key, buf []byte, a *A) error {
	for led := false; ; {
		shared, err, _ := c.flight.Do(string(k.Sum[:]), func() (any, error) {
			led = true
			computed := new(A)
			err := computeAndPut(ctx, c, q, k, buf, computed)
			return computed, err
		})
		if err == nil {
			*a = *shared.(*A)
			return nil
		}
		if kind := domain.KindOf(err); led || ctx.Err() != nil || kind != domain.KindCanceled && kind != domain.KindDeadline {
			return err
		}
	}
}

// recall turns what the cache said into an answer and the outcome.
func recall[A any, Q question[A]](q Q, l ports.Lookup, err error, k domain.Key, now time.Time, a *A) domain.CacheOutcome {
	outcome := domain.CacheMiss
	switch {
	case err != nil:
		outcome = domain.CacheError
	case l.OK && q.decode(l.Value, a) != nil:
		outcome = domain.CacheError
	case l.OK:
		outcome = domain.CacheHit
	}
	p := q.provenance(a)
	*p = domain.Provenance{Key: k, Cache: outcome}
	if outcome == domain.CacheHit {
		p.TTL, p.Age = l.TTL, max(0, now.Sub(q.computedAt(a)))
	}
	return outcome
}

func computeAndPut[A any, Q question[A]](ctx context.Context, c *lookaside, q Q, k domain.Key, buf []byte, a *A) error {
	if err := q.compute(ctx, a); err != nil {
		return err
	}
	// A value that was not stored is computed again: nothing to tell the caller. The cache counts its
	// own errors.
	_ = c.cache.Put(ctx, k, q.encode(buf[:0], a), jittered(c.ttl, k))
	return nil
}
