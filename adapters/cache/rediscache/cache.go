package rediscache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/guardy-ai/guardy/adapters/cache/internal/clearing"
	"github.com/guardy-ai/guardy/adapters/internal/redisclient"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Config is that of every adapter on Redis.
type Config = redisclient.Config

// DefaultConfig asks a local server and delays no request by more than 50 ms.
func DefaultConfig() Config { return redisclient.DefaultConfig() }

// Cache is a cache in Redis.
type Cache struct {
	keys    keyspace
	seal    redisclient.Sealer
	timeout time.Duration
	log     *slog.Logger

	compareEvery time.Duration

	lookups *redisclient.Client   // every call within the budget
	control redis.UniversalClient // operators' calls and listening, which may take longer

	closeControl func() error // once
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
	lookups, err := redisclient.New(cfg, redisclient.Use{Package: "rediscache", What: "the cache", Prefix: cfg.KeyPrefix}, log)
	if err != nil {
		return nil, err
	}
	control, err := cfg.Open(controlTimeout, controlPool)
	if err != nil {
		return nil, errors.Join(err, lookups.Close())
	}
	return &Cache{
		keys: keyspace{cfg.KeyPrefix}, seal: redisclient.NewSealer(cfg.Secret, "cache"), timeout: cfg.Timeout, log: log, compareEvery: compareEvery,
		lookups: lookups, control: control, closeControl: sync.OnceValue(control.Close),
	}, nil
}

// Opener returns a constructor for caches that are made of others. Redis is tried once before it returns, and watched
// until the cache is closed.
func Opener(cfg Config) func(*slog.Logger, ports.Statistics) (ports.AnswerCache, error) {
	return func(log *slog.Logger, _ ports.Statistics) (ports.AnswerCache, error) { return open(cfg, log) }
}

func open(cfg Config, log *slog.Logger) (*Cache, error) {
	c, err := New(cfg, log)
	if err != nil {
		return nil, fmt.Errorf("cache.redis.%w", err)
	}
	c.lookups.Watch()
	return c, nil
}

// Get implements ports.AnswerCache.
func (c *Cache) Get(ctx context.Context, k domain.Key, dst []byte) ([]byte, time.Duration, bool, error) {
	call, ctx, err := c.lookups.Begin(ctx, "get", redisclient.Lookup, c.timeout)
	if err != nil {
		return dst, 0, false, err
	}
	pipe := c.lookups.Pipeline()
	l := c.ask(ctx, pipe, k)
	_, err = pipe.Exec(ctx)
	out := ports.Lookup{Value: dst}
	err = l.read(c.seal, k, err, &out)
	call.End(err)
	if err != nil {
		return dst, 0, false, call.Failed(err)
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
	call, ctx, err := c.lookups.Begin(ctx, "get_many", redisclient.Lookup, c.timeout)
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
		if err := asked[i].read(c.seal, k, failed, &out[i]); err != nil {
			errs = append(errs, err)
		}
	}
	call.End(errs...)
	if len(errs) == len(keys) {
		return call.Failed(errs[0])
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
func (l lookup) read(seal redisclient.Sealer, k domain.Key, failed error, out *ports.Lookup) error {
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
	payload, err := seal.Unseal(k, value)
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
	call, ctx, err := c.lookups.Begin(ctx, "put", redisclient.Store, c.timeout/4)
	if err != nil {
		return err
	}
	pipe := c.lookups.Pipeline()
	for i, k := range keys {
		pipe.Set(ctx, c.keys.key(k), c.seal.Seal(k, values[i]), ttl)
	}
	_, err = pipe.Exec(ctx)
	call.End(err)
	if err != nil {
		return call.Failed(err)
	}
	return nil
}

// Tiers implements ports.CacheInspector.
func (c *Cache) Tiers(context.Context) []ports.CacheTier { return []ports.CacheTier{c.lookups.Tier()} }

// Close implements ports.Closer.
func (c *Cache) Close() error {
	return errors.Join(c.lookups.Close(), c.closeControl())
}
