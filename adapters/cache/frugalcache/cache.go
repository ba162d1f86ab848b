// Package frugalcache keeps questions from a cache that answers slower than the model computes.
//
// A cache over the network costs a round trip, and a model of this service a few microseconds to some
// milliseconds. Which is less depends on the machine, the network and the load, so it is measured: the mean
// time of a computed answer against the mean time of a lookup. Until both are known, and now and then
// afterwards so that they stay true, the cache is asked.
package frugalcache

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/guardy-ai/guardy/adapters/cache/internal/clearing"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Cache asks another one where that pays. It implements every ability that the other may have.
type Cache struct {
	far  ports.AnswerCache
	cost Cost

	decisions sync.Map // domain.ModelName → *decision
}

// Cost returns how many answers of a model were computed and the mean time of one.
type Cost func(domain.ModelName) (computed uint64, mean time.Duration)

var (
	_ ports.BatchAnswerCache = (*Cache)(nil)
	_ ports.CacheInspector   = (*Cache)(nil)
	_ ports.Closer           = (*Cache)(nil)
	_ clearing.Announcer     = (*Cache)(nil)
)

const (
	// interval is how many questions a decision lasts. The first of each is asked whatever it says: a
	// cache that is never asked could never be found to have become faster.
	interval = 256
	// enough is how many computed answers make a mean.
	enough = 16
)

// decision is what holds for the questions to one model.
type decision struct {
	asked    atomic.Uint64 // questions so far
	spare    atomic.Bool   // computing is cheaper
	computed atomic.Int64  // mean time of a computed answer in ns, when it was decided
	lookup   atomic.Int64  // mean time of a lookup in ns
}

// New returns a cache that asks far, which it then owns, as cost advises.
func New(far ports.AnswerCache, cost Cost) *Cache { return &Cache{far: far, cost: cost} }

// of returns the decision about a model.
func (c *Cache) of(model domain.ModelName) *decision {
	if d, ok := c.decisions.Load(model); ok {
		return d.(*decision)
	}
	d, _ := c.decisions.LoadOrStore(model, new(decision))
	return d.(*decision)
}

// pays reports whether n more questions to a model are worth asking far.
func (c *Cache) pays(ctx context.Context, model domain.ModelName, n int) bool {
	d := c.of(model)
	after := d.asked.Add(uint64(n))
	if (after-uint64(n))/interval == after/interval && after != uint64(n) {
		return !d.spare.Load()
	}
	c.decide(ctx, model, d)
	return true
}

// decide compares what an answer costs from far with what it costs to compute.
func (c *Cache) decide(ctx context.Context, model domain.ModelName, d *decision) {
	computed, mean := c.cost(model)
	var lookup time.Duration
	if i, ok := c.far.(ports.CacheInspector); ok {
		for _, t := range i.Tiers(ctx) {
			lookup = max(lookup, time.Duration(t.LatencyMean*float64(time.Second)))
		}
	}
	if computed < enough || lookup == 0 {
		d.spare.Store(false)
		return
	}
	d.computed.Store(int64(mean))
	d.lookup.Store(int64(lookup))
	d.spare.Store(mean < lookup)
}

// Get implements ports.AnswerCache. Where asking does not pay, nothing is found.
func (c *Cache) Get(ctx context.Context, k domain.Key, dst []byte) ([]byte, time.Duration, bool, error) {
	if !c.pays(ctx, k.Model, 1) {
		return dst, 0, false, nil
	}
	return c.far.Get(ctx, k, dst)
}

// GetMany implements ports.BatchAnswerCache. The keys are of one model, as those of a batch are.
func (c *Cache) GetMany(ctx context.Context, keys []domain.Key, out []ports.Lookup) error {
	if len(keys) == 0 {
		return nil
	}
	if !c.pays(ctx, keys[0].Model, len(keys)) {
		for i := range out {
			out[i] = ports.Lookup{Value: out[i].Value[:0]}
		}
		return nil
	}
	return ports.GetMany(ctx, c.far, keys, out)
}

// errSpared is why a value was not stored.
var errSpared = errors.New("computing the answer is cheaper than looking it up")

// Put implements ports.AnswerCache.
func (c *Cache) Put(ctx context.Context, k domain.Key, value []byte, ttl time.Duration) error {
	if c.of(k.Model).spare.Load() {
		return notStored()
	}
	return c.far.Put(ctx, k, value, ttl)
}

// PutMany implements ports.BatchAnswerCache.
func (c *Cache) PutMany(ctx context.Context, keys []domain.Key, values [][]byte, ttl time.Duration) error {
	if len(keys) == 0 {
		return nil
	}
	if c.of(keys[0].Model).spare.Load() {
		return notStored()
	}
	return ports.PutMany(ctx, c.far, keys, values, ttl)
}

func notStored() error {
	return &domain.Error{Kind: domain.KindUnavailable, Op: "frugalcache.put", Msg: errSpared.Error(), Err: errSpared}
}

// Clear implements ports.AnswerCache. What was stored while it paid is cleared, whatever holds now.
func (c *Cache) Clear(ctx context.Context, model domain.ModelName) (int, error) {
	return c.far.Clear(ctx, model)
}

// Tiers implements ports.CacheInspector: far's, each with what was decided.
func (c *Cache) Tiers(ctx context.Context) []ports.CacheTier {
	i, ok := c.far.(ports.CacheInspector)
	if !ok {
		return nil
	}
	tiers := i.Tiers(ctx)
	var made []ports.CacheDecision
	c.decisions.Range(func(model, d any) bool {
		from := d.(*decision)
		if from.lookup.Load() > 0 {
			made = append(made, ports.CacheDecision{
				Model: model.(domain.ModelName), Asked: !from.spare.Load(),
				Compute: time.Duration(from.computed.Load()), Lookup: time.Duration(from.lookup.Load()),
			})
		}
		return true
	})
	slices.SortFunc(made, func(a, b ports.CacheDecision) int { return strings.Compare(string(a.Model), string(b.Model)) })
	for i := range tiers {
		tiers[i].Decisions = made
	}
	return tiers
}

// OnClear implements clearing.Announcer.
func (c *Cache) OnClear(forget func(domain.ModelName)) (stop func()) {
	if a, ok := c.far.(clearing.Announcer); ok {
		return a.OnClear(forget)
	}
	return func() {}
}

// Close implements ports.Closer.
func (c *Cache) Close() error {
	if closer, ok := c.far.(ports.Closer); ok {
		return closer.Close()
	}
	return nil
}
