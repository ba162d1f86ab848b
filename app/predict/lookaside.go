package predict

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// lookaside answers questions from the cache where it can. Whatever the cache does, the question is answered: an
// error of the cache is counted, never returned.
type lookaside struct {
	cache    ports.AnswerCache // nil: every answer is computed
	ttl      time.Duration
	recorder ports.Recorder
	clock    ports.Clock
	flights  flights
}

func newLookaside(d Deps, ttl time.Duration) *lookaside {
	return &lookaside{cache: d.Cache, ttl: ttl, recorder: d.Recorder, clock: d.Clock}
}

// question is what lookaside needs to know of a question whose answer is an A.
type question[A any] interface {
	// key identifies the question and the model.
	key() domain.Key
	// fresh by-passes the lookup.
	fresh() bool
	// compute asks the model.
	compute(ctx context.Context, a *A) error
	// room is what an encoding usually takes in bytes; 0 where that differs much.
	room() int
	// encode appends the answer's encoding to dst; decode refuses what encode cannot have written.
	encode(dst []byte, a *A) []byte
	decode(data []byte, a *A) error
	// provenance is where the answer keeps its provenance, computedAt when it was computed.
	provenance(a *A) *domain.Provenance
	computedAt(a *A) time.Time
}

// questions are questions that the model answers together.
type questions[A any, Q question[A]] interface {
	// at returns a question and the place of its answer.
	at(i int32) (Q, *A)
	// computeMany asks the model the questions of todo.
	computeMany(ctx context.Context, todo []int32)
	// answered tells, after computeMany, an answer from an error.
	answered(i int32) bool
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

// ask answers q in a.
func ask[A any, Q question[A]](ctx context.Context, c *lookaside, q Q, a *A) error {
	if c.cache == nil {
		return q.compute(ctx, a)
	}
	k, buf := q.key(), make([]byte, 0, q.room())
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
	p := q.provenance(a)
	*p = domain.Provenance{Key: k, Cache: outcome, TTL: jittered(c.ttl, k), Stored: p.Stored}
	return nil
}

// computeOnce computes once for concurrent misses of one key. A caller that asked for a fresh answer never
// waits for somebody else's, and a leader whose context ends does not fail the callers behind it: one of
// them leads instead.
func computeOnce[A any, Q question[A]](ctx context.Context, c *lookaside, q Q, k domain.Key, buf []byte, a *A) error {
	for {
		shared, lead := c.flights.join(k)
		if lead {
			c.flights.lead(k, shared, func() (any, error) {
				computed := new(A)
				err := computeAndPut(ctx, c, q, k, buf, computed)
				return computed, err
			})
		} else if err := shared.follow(ctx); err != nil {
			return err
		}
		if shared.err == nil {
			*a = *shared.answer.(*A)
			return nil
		}
		if kind := domain.KindOf(shared.err); lead || kind != domain.KindCanceled && kind != domain.KindDeadline {
			return shared.err
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
	// A value that was not stored is computed again, and the answer says so. The cache counts its own errors.
	ttl := jittered(c.ttl, k)
	err := c.cache.Put(ctx, k, q.encode(buf[:0], a), ttl)
	q.provenance(a).Stored = ttl > 0 && (err == nil || errors.Is(err, ports.ErrKeptNear))
	return nil
}

// askMany answers the questions of todo: it looks them up in one round trip, lets the model compute together what is
// not there, and stores that in another.
func askMany[A any, Q question[A], QS questions[A, Q]](ctx context.Context, c *lookaside, qs QS, todo []int32) {
	if c.cache == nil {
		qs.computeMany(ctx, todo)
		return
	}
	keys := make([]domain.Key, len(todo))
	for j, i := range todo {
		q, _ := qs.at(i)
		keys[j] = q.key()
	}
	start := c.clock()
	found := make([]ports.Lookup, len(keys))
	err := ports.GetMany(ctx, c.cache, keys, found)
	now := c.clock()

	var outcomes [domain.NumCacheOutcomes]int
	misses, missed := todo[:0:0], keys[:0:0]
	for j, i := range todo {
		q, a := qs.at(i)
		outcome := domain.CacheBypass
		if q.fresh() {
			*q.provenance(a) = domain.Provenance{Key: keys[j], Cache: outcome}
		} else {
			outcome = recall(q, found[j], err, keys[j], now, a)
		}
		outcomes[outcome]++
		if outcome != domain.CacheHit {
			misses, missed = append(misses, i), append(missed, keys[j])
		}
	}
	for outcome, n := range outcomes {
		if n > 0 {
			c.recorder.CacheLookup(ctx, keys[0].Model, domain.CacheOutcome(outcome), n, now.Sub(start))
		}
	}
	if len(misses) > 0 {
		qs.computeMany(ctx, misses)
		putMany(ctx, c, qs, misses, missed)
	}
}

// putMany stores the computed answers and completes their provenance. One round trip has one TTL:
// batches are spread, the items of one are not.
func putMany[A any, Q question[A], QS questions[A, Q]](ctx context.Context, c *lookaside, qs QS, computed []int32, keys []domain.Key) {
	ttl := jittered(c.ttl, keys[0])
	values, stored := make([][]byte, 0, len(keys)), keys[:0]
	first, _ := qs.at(computed[0])
	arena := make([]byte, 0, len(keys)*first.room())
	for j, i := range computed {
		if !qs.answered(i) {
			continue
		}
		q, a := qs.at(i)
		q.provenance(a).TTL = ttl
		n := len(arena)
		arena = q.encode(arena, a)
		values, stored = append(values, arena[n:]), append(stored, keys[j])
	}
	_ = ports.PutMany(ctx, c.cache, stored, values, ttl) // as in computeAndPut
}
