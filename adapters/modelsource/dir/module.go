package dir

import (
	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/ports"
)

// Module provides the directory ports.ModelSource; others has the models that its catalogue does not name.
func Module(cfg Config, others ports.ModelSource) fx.Option {
	return fx.Module("modelsource.dir", fx.Provide(func() (ports.ModelSource, error) { return New(cfg, others) }))
}
