package rediscache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/guardy-ai/guardy/adapters/cache/internal/clearing"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Cache is a cache in Redis.
type Cache struct {
	keys    keyspace
	timeout time.Duration
	breaker *breaker
	log     *slog.Logger

	compareEvery time.Duration

	lookups redis.UniversalClient // every call within the budget
	control redis.UniversalClient // operators' calls and listening, which may take longer

	errors  atomic.Int64
	lastErr atomic.Value // string: why the newest call failed
	latency latency
	closed  atomic.Bool
}

var (
	_ ports.BatchAnswerCache = (*Cache)(nil)
	_ ports.CacheInspector   = (*Cache)(nil)
	_ ports.Closer           = (*Cache)(nil)
	_ clearing.Announcer     = (*Cache)(nil)
)

const (
	controlTimeout = 5 * time.Second
	controlPool    = 4
)

// New returns a cache. It does not ask Redis, which need not be up. The breaker's changes are logged.
func New(cfg Config, log *slog.Logger) (*Cache, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	fast, err := cfg.options(cfg.Timeout, cfg.PoolSize)
	if err != nil {
		return nil, err
	}
	slow, err := cfg.options(controlTimeout, controlPool)
	if err != nil {
		return nil, err
	}
	// The client library would repeat on standard error, in a form of its own, what this adapter
	// returns, counts and logs. The switch is global; nothing else in the process uses the library.
	logging.Disable()
	c := &Cache{
		keys: keyspace{cfg.KeyPrefix}, timeout: cfg.Timeout, log: log, compareEvery: compareEvery,
		lookups: redis.NewUniversalClient(fast), control: redis.NewUniversalClient(slow),
	}
	c.breaker = newBreaker(cfg.BreakerFailures, cfg.ProbeInterval, time.Now, c.changed)
	return c, nil
}

// Opener returns New as a constructor for caches that are made of others.
func Opener(cfg Config) func(*slog.Logger, ports.Statistics) (ports.AnswerCache, error) {
	return func(log *slog.Logger, _ ports.Statistics) (ports.AnswerCache, error) { return New(cfg, log) }
}

func (c *Cache) changed(state string) {
	if state == stateOK {
		c.log.Info("redis answers again: the cache is in use")
		return
	}
	reason, _ := c.lastErr.Load().(string)
	c.log.Warn("redis fails: the cache is not asked until a probe succeeds", "error", reason)
}

// Get implements ports.AnswerCache.
func (c *Cache) Get(ctx context.Context, k domain.Key, dst []byte) ([]byte, time.Duration, bool, error) {
	call, ctx, err := c.begin(ctx, "get", c.breaker.read, c.timeout)
	if err != nil {
		return dst, 0, false, err
	}
	pipe := c.lookups.Pipeline()
	l := c.ask(ctx, pipe, k)
	_, err = pipe.Exec(ctx)
	out := ports.Lookup{Value: dst}
	err = l.read(k, err, &out)
	call.end(err)
	if err != nil {
		return dst, 0, false, call.failed(err)
	}
	return out.Value, out.TTL, out.OK, nil
}

// GetMany implements ports.BatchAnswerCache in one round trip (in a Cluster, one to each server).
// A key that alone could not be answered is a miss and is counted as an error; an error is returned
// when none could be. The capacity of out's values is used again.
func (c *Cache) GetMany(ctx context.Context, keys []domain.Key, out []ports.Lookup) error {
	if len(keys) == 0 {
		return nil
	}
	call, ctx, err := c.begin(ctx, "get_many", c.breaker.read, c.timeout)
	if err != nil {
		for i := range out {
			out[i] = ports.Lookup{Value: out[i].Value[:0]}
		}
		return err
	}
	pipe := c.lookups.Pipeline()
	asked := make([]lookup, len(keys))
	for i, k := range keys {
		asked[i] = c.ask(ctx, pipe, k)
	}
	_, failed := pipe.Exec(ctx)
	var errs []error
	for i, k := range keys {
		out[i] = ports.Lookup{Value: out[i].Value[:0]}
		if err := asked[i].read(k, failed, &out[i]); err != nil {
			errs = append(errs, err)
		}
	}
	call.end(errs...)
	if len(errs) == len(keys) {
		return call.failed(errs[0])
	}
	return nil
}

// lookup is one key's part of a round trip.
type lookup struct {
	value *redis.StringCmd
	ttl   *redis.DurationCmd
}

func (c *Cache) ask(ctx context.Context, pipe redis.Pipeliner, k domain.Key) lookup {
	key := c.keys.key(k)
	return lookup{pipe.Get(ctx, key), pipe.PTTL(ctx, key)}
}

// read appends the value to out's and sets its ttl. A value that ends between the two commands is
// a miss, and so is one that never ends, which none of ours does. failed is how the whole round trip
// went: when not even a connection could be made ready, it is all there is, and the commands look as
// if Redis had said nothing.
func (l lookup) read(k domain.Key, failed error, out *ports.Lookup) error {
	value, err := l.value.Bytes()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	if err != nil {
		return err
	}
	if silent := len(value) == 0 && l.ttl.Val() == 0 && l.ttl.Err() == nil; silent && failed != nil {
		return fmt.Errorf("no reply: %w", failed)
	}
	payload, err := decode(k, value)
	if err != nil {
		return err
	}
	ttl, err := l.ttl.Result()
	if err != nil {
		return err
	}
	if ttl <= 0 { // -1ns: it never ends; -2ns: it is gone
		return nil
	}
	out.Value, out.TTL, out.OK = append(out.Value, payload...), ttl, true
	return nil
}

// Put implements ports.AnswerCache.
func (c *Cache) Put(ctx context.Context, k domain.Key, value []byte, ttl time.Duration) error {
	return c.PutMany(ctx, []domain.Key{k}, [][]byte{value}, ttl)
}

// PutMany implements ports.BatchAnswerCache in one round trip. Redis counts time in milliseconds:
// less than one is nothing.
func (c *Cache) PutMany(ctx context.Context, keys []domain.Key, values [][]byte, ttl time.Duration) error {
	ttl = ttl.Truncate(time.Millisecond)
	if len(keys) == 0 || ttl <= 0 {
		return nil
	}
	call, ctx, err := c.begin(ctx, "put", c.breaker.write, c.timeout/4)
	if err != nil {
		return err
	}
	pipe := c.lookups.Pipeline()
	for i, k := range keys {
		pipe.Set(ctx, c.keys.key(k), encode(k, values[i]), ttl)
	}
	_, err = pipe.Exec(ctx)
	call.end(err)
	if err != nil {
		return call.failed(err)
	}
	return nil
}

// Tiers implements ports.CacheInspector. It asks Redis nothing: how many entries there are is not
// known, for the database may be shared.
func (c *Cache) Tiers(context.Context) []ports.CacheTier {
	mean, p95 := c.latency.figures()
	return []ports.CacheTier{{
		Name: "redis", Entries: -1, Bytes: -1,
		Errors: c.errors.Load(), State: c.breaker.state(),
		LatencyMean: mean, LatencyP95: p95,
	}}
}

// Close implements ports.Closer.
func (c *Cache) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return nil
	}
	return errors.Join(c.lookups.Close(), c.control.Close())
}

// call is one round trip under way.
type call struct {
	cache  *Cache
	op     string
	caller context.Context
	cancel context.CancelFunc
	start  time.Time
	probe  bool
}

// begin asks the breaker and starts the budget, which the context it returns ends with. Every call
// that begins must end.
func (c *Cache) begin(
	caller context.Context, op string, allow func() (probe, ok bool), budget time.Duration,
) (*call, context.Context, error) {
	if c.closed.Load() {
		return nil, nil, unavailable(op, "the cache is closed", nil)
	}
	if err := gone(caller); err != nil {
		return nil, nil, gaveUp(op, err)
	}
	probe, ok := allow()
	if !ok {
		return nil, nil, unavailable(op, "redis is not asked while it fails", nil)
	}
	b := &call{cache: c, op: op, caller: caller, start: time.Now(), probe: probe}
	ctx, cancel := context.WithTimeout(caller, budget)
	b.cancel = cancel
	return b, ctx, nil
}

// end tells the breaker and the figures how the call went.
func (b *call) end(errs ...error) {
	b.cancel()
	took := time.Since(b.start)
	result := good
	if took > b.cache.timeout/2 {
		result = bad
		b.cache.lastErr.Store("a call took " + took.Round(time.Millisecond).String())
	}
	for _, err := range errs {
		if err == nil {
			continue
		}
		b.cache.errors.Add(1)
		b.cache.lastErr.Store(err.Error())
		if !concernsOneCommand(err) {
			result = bad
		}
	}
	if gone(b.caller) != nil {
		result = unknown
	}
	if result != unknown {
		b.cache.latency.add(took)
	}
	b.cache.breaker.done(b.probe, result)
}

// failed words err for the caller of the port.
func (b *call) failed(err error) error {
	if err := gone(b.caller); err != nil {
		return gaveUp(b.op, err)
	}
	return unavailable(b.op, "redis could not be asked", err)
}

// concernsOneCommand reports whether a Redis that says err is up and answers: the value is not
// ours, or it takes no writes, being full or a replica. Anything else that goes wrong goes wrong
// for every key.
func concernsOneCommand(err error) bool {
	if errors.Is(err, errForeign) || errors.Is(err, errDamaged) {
		return true
	}
	for _, prefix := range []string{"WRONGTYPE ", "OOM ", "READONLY ", "MISCONF "} {
		if redis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	return false
}

func unavailable(op, msg string, err error) error {
	return &domain.Error{Kind: domain.KindUnavailable, Op: "rediscache." + op, Msg: msg, Err: err}
}

// gone says why a caller wants no answer any more, nil while it does. A connection's deadline is the
// caller's, and may strike just before the context notices.
func gone(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

func gaveUp(op string, err error) error {
	kind := domain.KindCanceled
	if errors.Is(err, context.DeadlineExceeded) {
		kind = domain.KindDeadline
	}
	return &domain.Error{Kind: kind, Op: "rediscache." + op, Msg: "the caller gave up", Err: err}
}
