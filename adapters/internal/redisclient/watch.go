package redisclient

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// The trial asks Redis for everything that the adapter will ask, so that a server that cannot do it is known before
// the first request, and while no request asks.
const (
	trialEvery   = 5 * time.Second
	trialTimeout = time.Second
	trialTTL     = time.Minute
)

// trialScript writes as the script of the device states does.
const trialScript = `return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])`

// watch is what is known of Redis, and what was said about it.
type watch struct {
	mu       sync.Mutex
	problem  string // why Redis cannot be used as wanted; empty when it can
	open     bool   // the breaker is
	said     string // the problem of the newest warning; empty after good news
	cancel   context.CancelFunc
	finished chan struct{}
}

// Watch tries Redis now and from then on until Close. It returns after the first trial.
func (c *Client) Watch() {
	ctx, cancel := context.WithCancel(context.Background())
	c.watch.cancel, c.watch.finished = cancel, make(chan struct{})
	c.try(ctx)
	go func() {
		defer close(c.watch.finished)
		tick := time.NewTicker(trialEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				c.try(ctx)
			}
		}
	}()
}

func (c *Client) unwatch() {
	if c.watch.cancel != nil {
		c.watch.cancel()
		<-c.watch.finished
	}
}

// try makes one trial and says what is new.
func (c *Client) try(caller context.Context) {
	ctx, cancel := context.WithTimeout(caller, trialTimeout)
	defer cancel()
	key, ms := c.use.Prefix+"trial", trialTTL.Milliseconds()
	var err error
	if c.use.Scripts {
		err = c.trial.Eval(ctx, trialScript, []string{key}, "1", ms).Err()
	} else {
		err = c.trial.Set(ctx, key, "1", trialTTL).Err()
	}
	if err == nil {
		err = c.trial.Get(ctx, key).Err()
	}
	if caller.Err() != nil {
		return
	}
	c.watch.mu.Lock()
	defer c.watch.mu.Unlock()
	c.watch.problem = ""
	if err != nil {
		c.watch.problem = reasonOf(err)
	}
	c.say()
}

// say writes one warning for a problem, and one line when all is well again. The lock is held.
func (c *Client) say() {
	w := &c.watch
	switch {
	case w.problem != "" && w.said != w.problem:
		w.said = w.problem
		c.log.Warn("redis cannot be used as "+c.use.What+", which does without it", "addr", c.addr, "reason", w.problem)
	case w.problem == "" && w.open && w.said == "":
		reason, _ := c.lastErr.Load().(string)
		w.said = reason
		c.log.Warn("redis fails: "+c.use.What+" is not asked until a probe succeeds", "addr", c.addr, "error", reason)
	case w.problem == "" && !w.open && w.said != "":
		w.said = ""
		c.log.Info("redis answers again: "+c.use.What+" is in use", "addr", c.addr)
	}
}

// Usable reports whether the newest trial went well and the breaker is closed.
func (c *Client) Usable() bool {
	c.watch.mu.Lock()
	defer c.watch.mu.Unlock()
	return c.watch.problem == "" && !c.watch.open
}

// reasons are what Redis says first when it refuses, and what that means.
var reasons = []struct{ prefix, reason string }{
	{"READONLY", "it is a replica and takes no writes; name the master"},
	{"OOM", "its memory is full and its policy evicts nothing; raise maxmemory"},
	{"MISCONF", "it cannot save to its disk and takes no writes"},
	{"NOAUTH", "it asks for a password; set cache.redis.password"},
	{"WRONGPASS", "it refuses the password"},
	{"NOPERM", "its access list does not allow the user what is needed: SET, GET, PTTL and, for device states, EVAL"},
	{"LOADING", "it is still loading its data"},
	{"MASTERDOWN", "its master is down"},
	{"CLUSTERDOWN", "its cluster is down"},
	{"WRONGTYPE", "the key prefix is used by another program; set cache.redis.key_prefix"},
	{"ERR AUTH", "it refuses the password"},
	{"ERR invalid password", "it refuses the password"},
}

// reasonOf says in a sentence for operators why Redis cannot be used. The text is the same for the same cause.
func reasonOf(err error) string {
	for _, r := range reasons {
		if redis.HasErrorPrefix(err, r.prefix) || strings.HasPrefix(err.Error(), r.prefix) {
			return r.reason
		}
	}
	var dial *net.OpError
	switch {
	case strings.Contains(err.Error(), "unknown command"), strings.Contains(err.Error(), "unknown or disabled command"):
		return "it does not know a command that is needed: " + err.Error()
	case errors.As(err, &dial) && dial.Op == "dial":
		return "it cannot be reached: " + dial.Err.Error()
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return "it does not answer within " + trialTimeout.String()
	case errors.Is(err, io.EOF):
		return "it closes the connection; is this a Redis, and does it want TLS?"
	}
	return err.Error()
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
