package rediscache

import (
	"log/slog"

	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/ports"
)

// Module provides the ports.AnswerCache in Redis. Redis being down does not stop the start.
func Module(cfg Config) fx.Option {
	return fx.Module("cache.redis", fx.Provide(func(lc fx.Lifecycle, log *slog.Logger) (ports.AnswerCache, error) {
		c, err := open(cfg, log)
		if err != nil {
			return nil, err
		}
		lc.Append(fx.StopHook(c.Close))
		return c, nil
	}))
}
