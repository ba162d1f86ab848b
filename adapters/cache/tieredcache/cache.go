// Package tieredcache puts a near cache, in the process, in front of a far one that replicas share.
//
// A near hit never asks the far cache. A far hit is kept near for the time it has left. A store goes
// to both before it returns: the far cache bounds how long that takes by itself, and in return there
// is no queue that could grow, drop answers or bring cleared ones back. When the far cache fails,
// the near one serves alone. What is cleared through any replica is forgotten by the near caches of
// all, when the far cache can announce it (clearing.Announcer).
package tieredcache

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/guardy-ai/guardy/adapters/cache/internal/clearing"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Cache is two caches that act as one.
type Cache struct {
	near, far ports.AnswerCache
	stop      func() // ends listening to far

	// epoch counts the times that near forgot something. An answer read from far in an older epoch
	// may be one that was just cleared, and is not kept.
	mu    sync.RWMutex
	epoch uint64
}

var (
	_ ports.BatchAnswerCache = (*Cache)(nil)
	_ ports.CacheInspector   = (*Cache)(nil)
	_ ports.Closer           = (*Cache)(nil)
)

// New returns the two as one, and owns them: Close closes both.
func New(near, far ports.AnswerCache) *Cache {
	c := &Cache{near: near, far: far, stop: func() {}}
	if a, ok := far.(clearing.Announcer); ok {
		c.stop = a.OnClear(func(m domain.ModelName) { _ = c.forget(context.Background(), m) })
	}
	return c
}

// Get implements ports.AnswerCache.
func (c *Cache) Get(ctx context.Context, k domain.Key, dst []byte) ([]byte, time.Duration, bool, error) {
	if value, ttl, ok, err := c.near.Get(ctx, k, dst); ok && err == nil {
		return value, ttl, true, nil
	}
	epoch := c.now()
	value, ttl, ok, err := c.far.Get(ctx, k, dst)
	if ok && err == nil {
		c.keep(ctx, epoch, k, value[len(dst):], ttl)
	}
	return value, ttl, ok, err
}

// GetMany implements ports.BatchAnswerCache: far is asked once, for what near does not have. It
// fails when far fails and near had nothing.
func (c *Cache) GetMany(ctx context.Context, keys []domain.Key, out []ports.Lookup) error {
	var missing []int
	var asked []domain.Key
	for i, k := range keys {
		value, ttl, ok, err := c.near.Get(ctx, k, out[i].Value[:0])
		out[i] = ports.Lookup{Value: value, TTL: ttl, OK: ok && err == nil}
		if !out[i].OK {
			missing, asked = append(missing, i), append(asked, k)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	epoch := c.now()
	found := make([]ports.Lookup, len(missing))
	err := ports.GetMany(ctx, c.far, asked, found)
	for j, i := range missing {
		if l := found[j]; l.OK {
			out[i] = l
			c.keep(ctx, epoch, keys[i], l.Value, l.TTL)
		}
	}
	if len(missing) < len(keys) {
		return nil // callers take an error for all keys
	}
	return err
}

// Put implements ports.AnswerCache. An error says that the value is kept near only, or not at all.
func (c *Cache) Put(ctx context.Context, k domain.Key, value []byte, ttl time.Duration) error {
	return put(c.near.Put(ctx, k, value, ttl), c.far.Put(ctx, k, value, ttl))
}

// PutMany implements ports.BatchAnswerCache.
func (c *Cache) PutMany(ctx context.Context, keys []domain.Key, values [][]byte, ttl time.Duration) error {
	return put(
		ports.PutMany(ctx, c.near, keys, values, ttl),
		ports.PutMany(ctx, c.far, keys, values, ttl),
	)
}

// put is the outcome of a store: ports.ErrKeptNear where near alone has the value.
func put(near, far error) error {
	if near == nil && far != nil {
		near = ports.ErrKeptNear
	}
	return errors.Join(near, far)
}

// Clear implements ports.AnswerCache. The count is the larger of the two: an answer usually lies in
// both, and is one.
func (c *Cache) Clear(ctx context.Context, model domain.ModelName) (int, error) {
	inNear, nearErr := c.near.Clear(ctx, model)
	inFar, farErr := c.far.Clear(ctx, model)
	// Once more, for what came from far while it was being cleared.
	return max(inNear, inFar), errors.Join(nearErr, farErr, c.forget(ctx, model))
}

// Tiers implements ports.CacheInspector, near first.
func (c *Cache) Tiers(ctx context.Context) []ports.CacheTier {
	var tiers []ports.CacheTier
	for _, tier := range []ports.AnswerCache{c.near, c.far} {
		if i, ok := tier.(ports.CacheInspector); ok {
			tiers = append(tiers, i.Tiers(ctx)...)
		}
	}
	return tiers
}

// Close implements ports.Closer.
func (c *Cache) Close() error {
	c.stop()
	return errors.Join(closeTier(c.far), closeTier(c.near))
}

func closeTier(tier ports.AnswerCache) error {
	if closer, ok := tier.(ports.Closer); ok {
		return closer.Close()
	}
	return nil
}

func (c *Cache) now() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.epoch
}

// keep stores near what far answered to a question asked in epoch, unless near forgot since. The
// lock makes the comparison and the store one step; the store does not wait for anything.
func (c *Cache) keep(ctx context.Context, epoch uint64, k domain.Key, value []byte, ttl time.Duration) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.epoch == epoch {
		_ = c.near.Put(ctx, k, value, ttl) // not kept: far has it
	}
}

// forget clears near. Whatever was kept before the new epoch is removed, and what is kept in it was
// asked for after far was cleared.
func (c *Cache) forget(ctx context.Context, model domain.ModelName) error {
	c.mu.Lock()
	c.epoch++
	c.mu.Unlock()
	_, err := c.near.Clear(ctx, model)
	return err
}
