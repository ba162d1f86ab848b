// Package app puts the program together: the use cases of app/predict between the adapters that the
// configuration names. It is the only place that knows all of them.
package app

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	"go.uber.org/dig"
	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/adapters/transport/adminhttp"
	"github.com/guardy-ai/guardy/app/config"
	"github.com/guardy-ai/guardy/app/predict"
)

// Build identifies the program in health reports.
type Build struct{ Version string }

// startTimeout bounds the load of the models and the binding of the listeners.
const startTimeout = 30 * time.Second

// New returns the service. Start loads the models, then binds the listeners, and returns; a model that
// is refused or a port that is taken fails it. Stop makes the service unready, drains the listeners
// and closes what they used. The configuration must be valid.
func New(c config.Config, build Build, logger *slog.Logger) *fx.App {
	c = withinDescriptors(c, openFiles(), logger)
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
		guard(c),
		adminhttp.Module(c.Admin),
		modules(c, transportChoice(c)),
		fx.Invoke(drainFirst(c.Shutdown.Delay, pause)),
	)
}

// Cause drops the wiring's own words from an error of Start or Stop.
func Cause(err error) error { return dig.RootCause(err) }

func loadModels(warm bool) func(fx.Lifecycle, *predict.UseCases) {
	return func(lc fx.Lifecycle, u *predict.UseCases) {
		lc.Append(fx.StartHook(func(ctx context.Context) error {
			err := u.Models.Load(ctx, warm)
			// Proving a model leaves more garbage than the model is large. It is given back now, not minutes later
			// when the runtime would, for memory is what a replica is sized by.
			debug.FreeOSMemory()
			return err
		}))
	}
}

// drainFirst appends the hook that stops first: load balancers get delay to see that the service is
// no longer ready before its listeners close.
func drainFirst(delay time.Duration, pause pauser) func(fx.Lifecycle, *predict.UseCases) {
	return func(lc fx.Lifecycle, u *predict.UseCases) {
		lc.Append(fx.StopHook(func(ctx context.Context) {
			u.Health.Drain()
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
