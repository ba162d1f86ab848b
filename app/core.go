package app

import (
	"log/slog"
	"time"

	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"github.com/guardy-ai/guardy/adapters/admission/adaptive"
	"github.com/guardy-ai/guardy/adapters/regionsource/osmregion"
	"github.com/guardy-ai/guardy/adapters/siteregister/fileregister"
	"github.com/guardy-ai/guardy/adapters/telemetry/localstats"
	"github.com/guardy-ai/guardy/app/config"
	"github.com/guardy-ai/guardy/app/predict"
	"github.com/guardy-ai/guardy/ports"
)

// core is everything but the listeners: the driven ports that the configuration names, the use cases over them, and
// the driving ports that the use cases implement.
func core(c config.Config, build Build, logger *slog.Logger) fx.Option {
	return fx.Options(
		fx.WithLogger(func() fxevent.Logger {
			l := &fxevent.SlogLogger{Logger: logger}
			l.UseLogLevel(slog.LevelDebug)
			// fx also returns every error that it logs, and the command reports it once.
			l.UseErrorLevel(slog.LevelDebug)
			return l
		}),
		fx.Supply(logger),
		fx.Provide(func() ports.Clock { return time.Now }),
		localstats.Module(),
		adaptive.Module(c.Admission),
		fileregister.Module(c.Sites),
		osmregion.Module(c.Region),
		modules(c, coreChoices(c)...),
		// What happens is told to the figures of the JSON API and to the telemetry that was chosen.
		fx.Decorate(func(stats ports.Statistics, telemetry ports.Recorder) ports.Recorder {
			return ports.Recorders{stats, telemetry}
		}),
		fx.Provide(useCases(c, build), drivingPorts),
	)
}

// driven are the ports that the use cases ask.
type driven struct {
	fx.In

	Source     ports.ModelSource
	Region     ports.RegionSource
	Sites      ports.SiteRegister
	States     ports.DeviceStates
	Cache      ports.AnswerCache
	Statistics ports.Statistics
	Recorder   ports.Recorder
	Clock      ports.Clock
}

func useCases(c config.Config, build Build) func(driven) (*predict.UseCases, error) {
	return func(p driven) (*predict.UseCases, error) {
		limits, err := c.DeviceLimits()
		if err != nil {
			return nil, err
		}
		return predict.New(predict.Deps{
			Source: predict.WithLimits(p.Source, limits), Region: predict.RegionFrom(p.Region), Sites: p.Sites, States: p.States,
			Cache: p.Cache, Statistics: p.Statistics, Recorder: p.Recorder, Clock: p.Clock,
			TTL: predict.TTL(c.Cache.TTL), Planning: predict.Planning(c.Evacuation), Version: build.Version,
		}), nil
	}
}

func drivingPorts(u *predict.UseCases) (
	ports.RiskAssessor, ports.BatchAssessor, ports.Nowcaster, ports.AnomalyDetector, ports.EvacuationPlanner, ports.ModelCatalog, ports.HealthReporter,
) {
	return u.FloodRisks, u.FloodRisks, u.Nowcasts, u.Anomalies, u.Evacuations, u.Models, u.Health
}
