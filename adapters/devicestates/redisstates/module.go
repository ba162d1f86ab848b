package redisstates

import (
	"log/slog"

	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/adapters/internal/redisclient"
	"github.com/guardy-ai/guardy/ports"
)

// Module provides the ports.DeviceStates in Redis. Redis being down does not stop the start.
func Module(server redisclient.Config, cfg Config) fx.Option {
	return fx.Module("devicestates.redis", fx.Provide(func(lc fx.Lifecycle, log *slog.Logger) (ports.DeviceStates, error) {
		s, err := New(server, cfg, log)
		if err != nil {
			return nil, err
		}
		lc.Append(fx.StopHook(s.Close))
		return s, nil
	}))
}
