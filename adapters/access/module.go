package access

import (
	"fmt"
	"log/slog"

	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/adapters/internal/redisclient"
	"github.com/guardy-ai/guardy/ports"
)

// Module provides ports.Gatekeeper. server is where quotas are shared; nil counts them in each replica. A file of keys
// that is not sound stops the start.
func Module(cfg Config, server *redisclient.Config) fx.Option {
	return fx.Module("access", fx.Provide(func(lc fx.Lifecycle, log *slog.Logger) (ports.Gatekeeper, error) {
		var shared Shared
		if server != nil {
			q, err := NewRedisQuotas(*server, log)
			if err != nil {
				return nil, fmt.Errorf("cache.redis.%w", err)
			}
			lc.Append(fx.StopHook(q.Close))
			shared = q
		}
		g, err := New(cfg, shared, log)
		if err != nil {
			return nil, err
		}
		lc.Append(fx.StartStopHook(g.Watch, g.Close))
		return g, nil
	}))
}
