package access

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/guardy-ai/guardy/adapters/internal/redisclient"
	"github.com/guardy-ai/guardy/ports"
)

// RedisQuotas keeps quotas in Redis, where all replicas count together. Time is that of Redis.
type RedisQuotas struct {
	client  *redisclient.Client
	prefix  string
	timeout time.Duration
}

// NewRedisQuotas returns the quotas in Redis, which need not be up.
func NewRedisQuotas(cfg redisclient.Config, log *slog.Logger) (*RedisQuotas, error) {
	c, err := redisclient.New(cfg, redisclient.Use{Package: "access", What: "the store of quotas", Prefix: cfg.KeyPrefix, Scripts: true}, log)
	if err != nil {
		return nil, err
	}
	return &RedisQuotas{client: c, prefix: cfg.KeyPrefix + "q:", timeout: cfg.Timeout}, nil
}

// spendScript is the generic cell rate algorithm on KEYS[1], in microseconds: ARGV[1] for a unit to come back, ARGV[2]
// units of allowance, ARGV[3] of cost. It answers whether the cost was taken, and the time until the whole allowance is
// there again.
var spendScript = redis.NewScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local each, cost = tonumber(ARGV[1]), tonumber(ARGV[3])
local whole = tonumber(redis.call('GET', KEYS[1])) or now
if whole < now then
  whole = now
end
local next = whole + cost * each
if next - now > ARGV[2] * each then
  return {0, whole - now}
end
if cost > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000) + 1)
end
return {1, next - now}
`)

var errScript = errors.New("the script of the quotas answered something else")

// Spend implements Shared.
func (q *RedisQuotas) Spend(ctx context.Context, account string, a ports.Allowance, cost int) (time.Duration, bool, error) {
	call, ctx, err := q.client.Begin(ctx, "spend", redisclient.Lookup, q.timeout)
	if err != nil {
		return 0, false, err
	}
	each := max(1, interval(a).Microseconds())
	answer, err := spendScript.Run(ctx, q.client, []string{q.prefix + account}, each, a.Cost, cost).Int64Slice()
	if err == nil && len(answer) != 2 {
		err = errScript
	}
	call.End(err)
	if err != nil {
		return 0, false, call.Failed(err)
	}
	return time.Duration(answer[1]) * time.Microsecond, answer[0] == 1, nil
}

// Close ends the connection.
func (q *RedisQuotas) Close() error { return q.client.Close() }
