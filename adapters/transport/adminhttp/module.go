package adminhttp

import (
	"log/slog"

	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/ports"
)

// params are what the module takes from the graph.
type params struct {
	fx.In

	Stats   ports.Statistics
	Models  ports.ModelCatalog
	Health  ports.HealthReporter
	Metrics ports.MetricsPage
	Cache   ports.AnswerCache `optional:"true"`
	Logger  *slog.Logger
	Access  ports.Gatekeeper
}

// Module serves the admin listener for as long as the application runs; when serving fails later,
// the application stops.
func Module(cfg Config) fx.Option {
	return fx.Module("transport.admin", fx.Invoke(func(lc fx.Lifecycle, stop fx.Shutdowner, p params) error {
		s, err := New(cfg, Deps{
			Stats: p.Stats, Models: p.Models, Health: p.Health, Metrics: p.Metrics, Cache: p.Cache, Logger: p.Logger, Access: p.Access,
			Failed: func(err error) {
				p.Logger.Error("the admin listener failed", "error", err)
				_ = stop.Shutdown(fx.ExitCode(1)) // an application that is stopping already does not mind
			},
		})
		if err != nil {
			return err
		}
		lc.Append(fx.StartStopHook(s.Start, s.Stop))
		return nil
	}))
}
