// Package app puts the program together: the use cases of app/predict between the adapters that the
// configuration names. It is the only place that knows all of them.
package app

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"github.com/guardy-ai/guardy/adapters/regionsource/osmregion"
	"github.com/guardy-ai/guardy/adapters/siteregister/fileregister"
	"github.com/guardy-ai/guardy/adapters/telemetry/localstats"
	"github.com/guardy-ai/guardy/adapters/transport/adminhttp"
	"github.com/guardy-ai/guardy/app/config"
	"github.com/guardy-ai/guardy/app/predict"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/ports"
)

// Build identifies the program in health reports.
type Build struct{ Version string }

// startTimeout bounds the load of the models and the binding of the listeners.
const startTimeout = 30 * time.Second

// New returns the service. Start loads the models, then binds the listeners, and returns; a model that
// is refused or a port that is taken fails it. Stop makes the service unready, drains the listeners
// and closes what they used. The configuration must be valid.
func New(c config.Config, build Build, logger *slog.Logger) *fx.App {
	return fx.New(
		fx.StartTimeout(startTimeout), fx.StopTimeout(c.Shutdown.Delay+c.Shutdown.Timeout),
		options(c, build, logger, pause),
	)
}

// options lists the parts in the order of their start, which is the reverse of their stop. fx invokes
// modules before it invokes the root, hence the module around what has to come first.
func options(c config.Config, build Build, logger *slog.Logger, pause pauser) fx.Option {
	return fx.Options(
		core(c, build, logger),
		fx.Module("models", fx.Invoke(loadModels(c.Models.Warmup))),
		adminhttp.Module(c.Admin),
		modules(c, transportChoice(c)),
		fx.Invoke(drainFirst(c.Shutdown.Delay, pause)),
	)
}

// Core is what answers without a listener.
type Core struct {
	Models     ports.ModelCatalog
	Batch      ports.BatchAssessor
	Nowcast    ports.Nowcaster
	Anomaly    ports.AnomalyDetector
	Evacuation ports.EvacuationPlanner
	// Detector is the model behind Anomaly, for who keeps the states of devices himself.
	Detector *anomaly.Model
}

// Offline loads the models, lets use work with them, and cleans up. Neither a cache nor telemetry
// takes part: the command line asks each question once. What is known of devices ends with it.
func Offline(ctx context.Context, c config.Config, use func(Core) error) (err error) {
	c.Cache.Kind, c.Devices.Kind, c.Telemetry.Kind = "none", "memory", "none"
	c.Evacuation.Queue = runtime.GOMAXPROCS(0) // as many as ask at once: nobody is shed here
	var out Core
	var models *predict.Models
	a := fx.New(
		core(c, Build{}, slog.New(slog.DiscardHandler)),
		fx.Module("models", fx.Invoke(loadModels(false))),
		fx.Populate(&out.Models, &out.Batch, &out.Nowcast, &out.Anomaly, &out.Evacuation, &models),
	)
	if err := a.Start(ctx); err != nil {
		return Cause(err)
	}
	defer func() { err = errors.Join(err, a.Stop(context.WithoutCancel(ctx))) }()
	if out.Detector, err = models.Anomaly(); err != nil {
		return err
	}
	return use(out)
}

// Cause drops the wiring's own words from an error of Start or Stop.
func Cause(err error) error { return dig.RootCause(err) }

// core is everything but the listeners: what the driving ports need.
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
		fileregister.Module(c.Sites),
		osmregion.Module(c.Region),
		modules(c, coreChoices(c)...),
		// What happens is told to the figures of the JSON API and to the telemetry that was chosen.
		fx.Decorate(func(stats ports.Statistics, telemetry ports.Recorder) ports.Recorder {
			return ports.Recorders{stats, telemetry}
		}),
		fx.Decorate(func(source ports.ModelSource) (ports.ModelSource, error) {
			limits, err := c.DeviceLimits()
			return predict.WithLimits(source, limits), err
		}),
		fx.Provide(
			predict.RegionFrom,
			predict.NewModels,
			func(m *predict.Models) ports.ModelCatalog { return m },
			func(
				m *predict.Models, sites ports.SiteRegister, cache ports.AnswerCache, states ports.DeviceStates, r ports.Recorder, clock ports.Clock,
			) predict.Deps {
				ttl := c.Cache.TTL
				return predict.Deps{
					Models: m, Sites: sites, Cache: cache, States: states, Recorder: r, Clock: clock,
					TTL:      predict.TTL{FloodRisk: ttl.FloodRisk, Batch: ttl.Batch, Nowcast: ttl.Nowcast, Anomaly: ttl.Anomaly, Evacuation: ttl.Evacuation},
					Planning: predict.Planning{Workers: c.Evacuation.Workers, Queue: c.Evacuation.Queue, Budget: c.Evacuation.Budget},
				}
			},
			func(d predict.Deps) (ports.RiskAssessor, ports.BatchAssessor) {
				s := predict.New(d)
				return s, s
			},
			func(d predict.Deps) ports.Nowcaster { return predict.NewNowcasts(d) },
			func(d predict.Deps) ports.AnomalyDetector { return predict.NewAnomalies(d) },
			func(d predict.Deps) ports.EvacuationPlanner { return predict.NewEvacuations(d) },
			func(m *predict.Models, cache ports.AnswerCache, states ports.DeviceStates) *predict.Health {
				return predict.NewHealth(m, cache, states, build.Version)
			},
			func(h *predict.Health) ports.HealthReporter { return h },
		),
	)
}

func loadModels(warm bool) func(fx.Lifecycle, *predict.Models) {
	return func(lc fx.Lifecycle, m *predict.Models) {
		lc.Append(fx.StartHook(func(ctx context.Context) error {
			err := m.Load(ctx, warm)
			// Proving a model leaves more garbage than the model is large. It is given back now, not minutes later
			// when the runtime would, for memory is what a replica is sized by.
			debug.FreeOSMemory()
			return err
		}))
	}
}

// drainFirst appends the hook that stops first: load balancers get delay to see that the service is
// no longer ready before its listeners close.
func drainFirst(delay time.Duration, pause pauser) func(fx.Lifecycle, *predict.Health) {
	return func(lc fx.Lifecycle, h *predict.Health) {
		lc.Append(fx.StopHook(func(ctx context.Context) {
			h.Drain()
			pause(ctx, delay)
		}))
	}
}

// pauser waits for d or for the end of ctx.
type pauser func(ctx context.Context, d time.Duration)

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
