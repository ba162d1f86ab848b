package frugalcache

import (
	"log/slog"
	"time"

	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Open makes the cache that is asked frugally.
type Open = func(*slog.Logger, ports.Statistics) (ports.AnswerCache, error)

// Opener returns open with this policy in front.
func Opener(open Open) Open {
	return func(log *slog.Logger, stats ports.Statistics) (ports.AnswerCache, error) {
		far, err := open(log, stats)
		if err != nil {
			return nil, err
		}
		return New(far, func(model domain.ModelName) (uint64, time.Duration) {
			s := stats.Model(model)
			return s.Computed, s.Mean
		}), nil
	}
}

// Module provides the ports.AnswerCache that open makes, asked frugally.
func Module(open Open) fx.Option {
	return fx.Module("cache.frugal", fx.Provide(func(lc fx.Lifecycle, log *slog.Logger, stats ports.Statistics) (ports.AnswerCache, error) {
		c, err := Opener(open)(log, stats)
		if err != nil {
			return nil, err
		}
		lc.Append(fx.StopHook(c.(*Cache).Close))
		return c, nil
	}))
}
