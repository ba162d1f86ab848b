package predict

import (
	"context"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

// TTL says how long answers may be served from the cache. Zero stores nothing.
type TTL struct {
	FloodRisk  time.Duration // of a single question
	Batch      time.Duration // of an item of a batch or stream
	Nowcast    time.Duration
	Anomaly    time.Duration
	Evacuation time.Duration
}

// cached answers flood-risk questions from the cache where it can.
type cached struct {
	lookaside
	next  scorer
	batch time.Duration // TTL of an item of a batch or stream
}

func newCached(next scorer, cache ports.AnswerCache, ttl TTL, recorder ports.Recorder, clock ports.Clock) *cached {
	return &cached{lookaside{cache: cache, ttl: ttl.FloodRisk, recorder: recorder, clock: clock}, next, ttl.Batch}
}

// riskQuestion is a flood-risk question bound to a model. It implements question.
type riskQuestion struct {
	next scorer
	m    *risk.Model
	r    *risk.Request
}

func (q riskQuestion) key() domain.Key {
	var buf [1280]byte // a request with 90 days of history takes 1083 bytes
	return digest(domain.RiskScorer, q.r.AppendCanonical(append(buf[:0], q.m.CacheScope()...)))
}
func (q riskQuestion) fresh() bool { return q.r.Fresh }
func (q riskQuestion) compute(ctx context.Context, a *risk.Assessment) error {
	return q.next.one(ctx, q.m, q.r, a)
}
func (riskQuestion) encode(dst []byte, a *risk.Assessment) []byte     { return a.AppendBinary(dst) }
func (q riskQuestion) decode(data []byte, a *risk.Assessment) error   { return q.m.Decode(data, a) }
func (riskQuestion) provenance(a *risk.Assessment) *domain.Provenance { return &a.Provenance }
func (riskQuestion) computedAt(a *risk.Assessment) time.Time          { return a.AssessedAt }

func (c *cached) one(ctx context.Context, m *risk.Model, r *risk.Request, a *risk.Assessment) error {
	var buf [risk.EncodedMax]byte
	return ask(ctx, &c.lookaside, riskQuestion{c.next, m, r}, buf[:0], a)
}

func (c *cached) many(ctx context.Context, m *risk.Model, rs []risk.Request, out []risk.Outcome, todo []int32) {
	keys := make([]domain.Key, len(todo))
	for j, i := range todo {
		keys[j] = riskQuestion{m: m, r: &rs[i]}.key()
	}
	start := c.clock()
	found := make([]ports.Lookup, len(keys))
	err := ports.GetMany(ctx, c.cache, keys, found)
	now := c.clock()

	var outcomes [domain.NumCacheOutcomes]int
	misses, missed := todo[:0:0], keys[:0:0]
	for j, i := range todo {
		outcome := domain.CacheBypass
		if a := &out[i].Assessment; rs[i].Fresh {
			a.Provenance = domain.Provenance{Key: keys[j], Cache: outcome}
		} else {
			outcome = recall(riskQuestion{m: m, r: &rs[i]}, found[j], err, keys[j], now, a)
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

// putMany stores the computed answers and completes their provenance. One round trip has one TTL:
// batches are spread, the items of one are not.
func (c *cached) putMany(ctx context.Context, out []risk.Outcome, computed []int32, keys []domain.Key) {
	ttl := jittered(c.batch, keys[0])
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
	_ = ports.PutMany(ctx, c.cache, stored, values, ttl) // as in computeAndPut
}
