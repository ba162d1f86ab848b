package dir

import (
	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/ports"
)

// Module provides the directory ports.ModelSource.
func Module(cfg Config) fx.Option {
	return fx.Module("modelsource.dir", fx.Provide(func() (ports.ModelSource, error) { return New(cfg) }))
}
