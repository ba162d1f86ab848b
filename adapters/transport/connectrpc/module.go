package connectrpc

import (
	"log/slog"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/ports"
)

// params are what the module takes from the graph.
type params struct {
	fx.In

	Risk       ports.RiskAssessor
	Batch      ports.BatchAssessor
	Nowcast    ports.Nowcaster
	Anomaly    ports.AnomalyDetector
	Models     ports.ModelCatalog
	Health     ports.HealthReporter
	Recorder   ports.Recorder
	Admission  ports.Admission
	Tracer     trace.TracerProvider
	Logger     *slog.Logger
	Evacuation ports.EvacuationPlanner
	Access     ports.Gatekeeper
}

// Module serves guardy.v1 for as long as the application runs; when serving fails later, the
// application stops.
func Module(cfg Config, limits Limits) fx.Option {
	return fx.Module("transport.connect", fx.Invoke(func(lc fx.Lifecycle, stop fx.Shutdowner, p params) error {
		s, err := New(cfg, Deps{
			Risk: p.Risk, Batch: p.Batch, Nowcast: p.Nowcast, Anomaly: p.Anomaly, Evacuation: p.Evacuation, Models: p.Models, Health: p.Health,
			Recorder: p.Recorder, Admission: p.Admission, Tracer: p.Tracer, Logger: p.Logger, Limits: limits, Access: p.Access,
			Failed: func(err error) {
				p.Logger.Error("the Connect listener failed", "error", err)
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
