package heldstates

import (
	"errors"
	"log/slog"

	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/ports"
)

// Module provides the ports.DeviceStates made of two others. Adapters do not know each other, so whoever plugs this
// one in brings the constructors.
func Module[F Far, N ports.DeviceStates](far func(*slog.Logger) (F, error), near func() (N, error)) fx.Option {
	return fx.Module("devicestates.held", fx.Provide(func(lc fx.Lifecycle, log *slog.Logger) (ports.DeviceStates, error) {
		f, err := far(log)
		if err != nil {
			return nil, err
		}
		n, err := near()
		if err != nil {
			if c, ok := ports.DeviceStates(f).(ports.Closer); ok {
				err = errors.Join(err, c.Close())
			}
			return nil, err
		}
		s := New(f, n)
		lc.Append(fx.StopHook(s.Close))
		return s, nil
	}))
}
