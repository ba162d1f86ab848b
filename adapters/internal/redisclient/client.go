package redisclient

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Use says who asks Redis.
type Use struct {
	Package string // what errors begin with
	What    string // what the log calls it: "the cache"
	Prefix  string // of its keys
	Scripts bool   // it runs scripts
}

// Client is a connection to Redis whose calls have a budget. Calls go to the embedded client, between
// Begin and End.
type Client struct {
	redis.UniversalClient
	use     Use
	timeout time.Duration
	breaker *breaker
	log     *slog.Logger
	addr    string                // for the log, without secrets
	trial   redis.UniversalClient // with more time than a request has
	watch   watch

	refused refusals
	errors  atomic.Int64
	lastErr atomic.Value // string: why the newest call failed
	latency latency
	closed  atomic.Bool
}

// New returns a client. It does not ask Redis, which need not be up. The breaker's changes are logged.
func New(cfg Config, use Use, log *slog.Logger) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	conns, err := cfg.Open(cfg.Timeout, cfg.PoolSize)
	if err != nil {
		return nil, err
	}
	// The client library would repeat on standard error, in a form of its own, what this adapter
	// returns, counts and logs. The switch is global; nothing else in the process uses the library.
	logging.Disable()
	trial, err := cfg.Open(trialTimeout, cfg.PoolSize)
	if err != nil {
		return nil, errors.Join(err, conns.Close())
	}
	c := &Client{UniversalClient: conns, trial: trial, use: use, timeout: cfg.Timeout, log: log, addr: maskURL(cfg.URL)}
	c.breaker = newBreaker(cfg.BreakerFailures, cfg.ProbeInterval, time.Now, c.changed)
	return c, nil
}

// Open returns connections without a breaker, with one limit for every step of a call.
func (c Config) Open(limit time.Duration, poolSize int) (redis.UniversalClient, error) {
	o, err := c.options(limit, poolSize)
	if err != nil {
		return nil, err
	}
	return redis.NewUniversalClient(o), nil
}

func (c *Client) changed(state string) {
	c.watch.mu.Lock()
	defer c.watch.mu.Unlock()
	c.watch.open = state != stateOK
	c.say()
}

// Tier describes the connection. It asks Redis nothing: how many entries there are is not known, for the
// database may be shared.
func (c *Client) Tier() ports.CacheTier {
	mean, p95 := c.latency.figures()
	return ports.CacheTier{
		Name: "redis", Entries: -1, Bytes: -1,
		Errors: c.errors.Load(), State: c.breaker.state(), Refused: c.refused.total.Load(),
		LatencyMean: mean, LatencyP95: p95, Problem: c.problem(),
	}
}

func (c *Client) problem() string {
	c.watch.mu.Lock()
	defer c.watch.mu.Unlock()
	return c.watch.problem
}

// Failed counts an error that no call has.
func (c *Client) Failed() { c.errors.Add(1) }

// Close ends the client once.
func (c *Client) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return nil
	}
	c.unwatch()
	return errors.Join(c.trial.Close(), c.UniversalClient.Close())
}

// Access is what a call wants.
type Access bool

// A lookup may probe a Redis that failed; a store right after a failure is left out.
const (
	Lookup Access = false
	Store  Access = true
)

// Call is one round trip under way.
type Call struct {
	client *Client
	op     string
	caller context.Context
	cancel context.CancelFunc
	start  time.Time
	probe  bool
}

// Begin asks the breaker and starts the budget, which the context it returns ends with. Every call
// that begins must end.
func (c *Client) Begin(caller context.Context, op string, access Access, budget time.Duration) (*Call, context.Context, error) {
	if err := c.CheckOpen(op); err != nil {
		return nil, nil, err
	}
	if err := gone(caller); err != nil {
		return nil, nil, c.gaveUp(op, err)
	}
	allow := c.breaker.read
	if access == Store {
		allow = c.breaker.write
	}
	probe, ok := allow()
	if !ok {
		return nil, nil, c.unavailable(op, "redis is not asked while it fails", nil)
	}
	b := &Call{client: c, op: op, caller: caller, start: time.Now(), probe: probe}
	ctx, cancel := context.WithTimeout(caller, budget)
	b.cancel = cancel
	return b, ctx, nil
}

// CheckOpen returns an error once the client is closed.
func (c *Client) CheckOpen(op string) error {
	if c.closed.Load() {
		return c.unavailable(op, c.use.What+" is closed", nil)
	}
	return nil
}

// End tells the breaker and the figures how the call went.
func (b *Call) End(errs ...error) {
	b.cancel()
	took := time.Since(b.start)
	result := good
	if took > b.client.timeout/2 {
		result = bad
		b.client.lastErr.Store("a call took " + took.Round(time.Millisecond).String())
	}
	for _, err := range errs {
		if err == nil {
			continue
		}
		b.client.errors.Add(1)
		b.client.lastErr.Store(err.Error())
		b.client.refused.note(err, b.client)
		if !concernsOneCommand(err) {
			result = bad
		}
	}
	if gone(b.caller) != nil {
		result = unknown
	}
	if result != unknown {
		b.client.latency.add(took)
	}
	b.client.breaker.done(b.probe, result)
}

// Failed words err for the caller of the port.
func (b *Call) Failed(err error) error {
	return b.client.Worded(b.caller, b.op, "redis could not be asked", err)
}

// Worded is err for the caller of the port, who may have given up.
func (c *Client) Worded(caller context.Context, op, msg string, err error) error {
	if err := gone(caller); err != nil {
		return c.gaveUp(op, err)
	}
	return c.unavailable(op, msg, err)
}

// refusals counts the values of Redis that were not taken. One that somebody without the secret wrote is worth a
// warning, though not one for each.
type refusals struct {
	total atomic.Int64
	said  atomic.Int64 // when, in Unix seconds
}

// refusalsEvery is the least time between two warnings, in seconds.
const refusalsEvery = 60

func (r *refusals) note(err error, c *Client) {
	if !isRefused(err) {
		return
	}
	n, now := r.total.Add(1), time.Now().Unix()
	if last := r.said.Load(); (n == 1 || now-last >= refusalsEvery) && r.said.CompareAndSwap(last, now) {
		c.log.Warn("a value in redis was not taken; the answer is made anew", "addr", c.addr, "what", c.use.What,
			"error", err, "refused_so_far", n)
	}
}

func isRefused(err error) bool {
	return errors.Is(err, ErrForeign) || errors.Is(err, ErrDamaged) || errors.Is(err, ErrForged)
}

// concernsOneCommand reports whether a Redis that says err is up and answers: the value is not
// ours, or it takes no writes, being full or a replica. Anything else that goes wrong goes wrong
// for every key.
func concernsOneCommand(err error) bool {
	if isRefused(err) {
		return true
	}
	for _, prefix := range []string{"WRONGTYPE ", "OOM ", "READONLY ", "MISCONF "} {
		if redis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	return false
}

func (c *Client) unavailable(op, msg string, err error) error {
	return &domain.Error{Kind: domain.KindUnavailable, Op: c.use.Package + "." + op, Msg: msg, Err: err}
}

// gone says why a caller wants no answer any more, nil while it does. A connection's deadline is the
// caller's, and may strike just before the context notices.
func gone(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

func (c *Client) gaveUp(op string, err error) error {
	kind := domain.KindCanceled
	if errors.Is(err, context.DeadlineExceeded) {
		kind = domain.KindDeadline
	}
	return &domain.Error{Kind: kind, Op: c.use.Package + "." + op, Msg: "the caller gave up", Err: err}
}
