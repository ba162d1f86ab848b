package adaptive

import (
	"runtime"

	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/ports"
)

// Module provides ports.Admission, one for all transports: they share the processors.
func Module(cfg Config) fx.Option {
	return fx.Module("admission.adaptive", fx.Provide(func() (ports.Admission, error) {
		return New(cfg, runtime.GOMAXPROCS(0))
	}))
}
