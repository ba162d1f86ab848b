package memorystates

import (
	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/ports"
)

// Module provides the in-process ports.DeviceStates.
func Module(cfg Config) fx.Option {
	return fx.Module("devicestates.memory", fx.Provide(func(lc fx.Lifecycle) (ports.DeviceStates, error) {
		s, err := New(cfg)
		if err != nil {
			return nil, err
		}
		lc.Append(fx.StopHook(s.Close))
		return s, nil
	}))
}

// Opener returns a constructor of the states in the process, for stores that are made of others.
func Opener(cfg Config) func() (*States, error) { return func() (*States, error) { return New(cfg) } }
