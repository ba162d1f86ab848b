package localstats

import (
	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/ports"
)

// Module provides ports.Statistics. It needs a ports.Clock.
func Module() fx.Option {
	return fx.Module("telemetry.localstats", fx.Provide(func(clock ports.Clock) ports.Statistics { return New(clock) }))
}
