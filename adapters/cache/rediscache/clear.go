package rediscache

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/guardy-ai/guardy/domain"
)

// page is how many keys one step of a Clear looks at: Redis is busy for a fraction of a millisecond
// and serves others in between.
const page = 512

// Clear implements ports.AnswerCache: a cursor over the keys of every master, and UNLINK, which
// frees the memory in the background. KEYS and FLUSHDB would block Redis, and the latter would take
// what is not ours. The walk has no budget but the caller's; the breaker is not asked, for an
// operator wants to know. Tiers in front of this cache are told, whether the walk succeeded or not.
func (c *Cache) Clear(ctx context.Context, model domain.ModelName) (int, error) {
	if err := c.lookups.CheckOpen("clear"); err != nil {
		return 0, err
	}
	var removed atomic.Int64
	err := c.eachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		return c.clearMaster(ctx, master, model, &removed)
	})
	if err := errors.Join(err, c.announce(ctx, model)); err != nil {
		c.lookups.Failed()
		return int(removed.Load()), c.lookups.Worded(ctx, "clear", "redis may still hold answers of the model", err)
	}
	return int(removed.Load()), nil
}

// eachMaster calls f for every master of a Cluster, at once, or for the one server.
func (c *Cache) eachMaster(ctx context.Context, f func(context.Context, *redis.Client) error) error {
	switch client := c.control.(type) {
	case *redis.ClusterClient:
		return client.ForEachMaster(ctx, f)
	case *redis.Client: // a server alone, or the master that Sentinel names
		return f(ctx, client)
	}
	panic("rediscache: unknown kind of client")
}

func (c *Cache) clearMaster(ctx context.Context, master *redis.Client, model domain.ModelName, removed *atomic.Int64) error {
	beginning := c.keys.model(model)
	for cursor := uint64(0); ; {
		keys, next, err := master.Scan(ctx, cursor, pattern(beginning), page).Result()
		if err != nil {
			return err
		}
		n, err := c.unlink(ctx, beginning, keys)
		removed.Add(n)
		if err != nil || next == 0 {
			return err
		}
		cursor = next
	}
}

// unlink removes keys one command each, because those of a Cluster lie in different slots, and
// counts by Redis' own answers: a cursor may show a key twice.
func (c *Cache) unlink(ctx context.Context, beginning string, keys []string) (removed int64, err error) {
	pipe := c.control.Pipeline()
	for _, key := range keys {
		if c.keys.holds(beginning, key) {
			pipe.Unlink(ctx, key)
		}
	}
	if pipe.Len() == 0 {
		return 0, nil
	}
	cmds, err := pipe.Exec(ctx)
	for _, cmd := range cmds {
		removed += cmd.(*redis.IntCmd).Val()
	}
	return removed, err
}

// announce changes the model's token and publishes it. Who listens learns of it at once; who is
// disconnected finds another token than the one it knew. A random token, not a counter: a counter
// that was lost with a restart of Redis could come back to the value somebody knew.
func (c *Cache) announce(ctx context.Context, model domain.ModelName) error {
	token := rand.Text()
	pipe := c.control.Pipeline()
	pipe.HSet(ctx, c.keys.generations(), string(model), token)
	pipe.Publish(ctx, c.keys.generations(), token+" "+string(model))
	_, err := pipe.Exec(ctx)
	return err
}

// While nothing is announced, the tokens are compared this often: an announcement that was lost, or
// a connection that is dead without anybody having been told, delays a Clear by this much at most.
const compareEvery = 5 * time.Second

// listenAgainAfter is how long to wait before a connection that failed is opened again.
const listenAgainAfter = time.Second

// OnClear implements clearing.Announcer.
func (c *Cache) OnClear(forget func(domain.ModelName)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	l := &listener{
		client: c.control, name: c.keys.generations(), forget: forget, log: c.log,
		compareEvery: c.compareEvery, seen: make(map[domain.ModelName]string),
	}
	go func() {
		defer close(done)
		l.run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// listener follows what is cleared anywhere.
type listener struct {
	client redis.UniversalClient
	name   string // of the hash and of the channel
	forget func(domain.ModelName)
	log    *slog.Logger

	compareEvery time.Duration
	seen         map[domain.ModelName]string // the tokens up to which everything was forgotten
}

func (l *listener) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := l.listen(ctx)
		if ctx.Err() != nil {
			return
		}
		l.log.Debug("redis announcements are interrupted", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(listenAgainAfter):
		}
	}
}

// listen subscribes and serves the subscription until it fails.
func (l *listener) listen(ctx context.Context) error {
	sub := l.client.Subscribe(ctx, l.name)
	defer sub.Close()
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })() // ends a read under way
	for {
		msg, err := sub.ReceiveTimeout(ctx, l.compareEvery)
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			if err = l.compare(ctx); err == nil {
				err = sub.Ping(ctx) // finds a dead connection out
			}
		case err == nil:
			switch msg := msg.(type) {
			case *redis.Subscription: // of this connection, or of one that replaced it meanwhile
				err = l.compare(ctx)
			case *redis.Message:
				token, model, _ := strings.Cut(msg.Payload, " ")
				l.cleared(domain.ModelName(model), token)
			}
		}
		if err != nil {
			return err
		}
	}
}

// compare forgets every model that is not known to be as it was. A token that is missing proves
// nothing (Redis may have been restarted empty), so one is set, to know it next time.
func (l *listener) compare(ctx context.Context) error {
	tokens, err := l.client.HGetAll(ctx, l.name).Result()
	if err != nil {
		return err
	}
	for model, token := range tokens {
		l.cleared(domain.ModelName(model), token)
	}
	for model := range letters {
		if _, ok := tokens[string(model)]; ok {
			continue
		}
		token := rand.Text()
		if err := l.client.HSetNX(ctx, l.name, string(model), token).Err(); err != nil {
			return err
		}
		l.cleared(model, token) // if somebody else was first, the next comparison forgets once more
	}
	for model := range l.seen {
		if _, ok := tokens[string(model)]; !ok && letters[model] == "" {
			l.forget(model)
			delete(l.seen, model)
		}
	}
	return nil
}

func (l *listener) cleared(model domain.ModelName, token string) {
	if l.seen[model] != token {
		l.forget(model)
		l.seen[model] = token
	}
}
