package embedded

import (
	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/ports"
)

// Module provides the embedded ports.ModelSource.
func Module() fx.Option {
	return fx.Module("modelsource.embedded", fx.Provide(func() ports.ModelSource { return New() }))
}
