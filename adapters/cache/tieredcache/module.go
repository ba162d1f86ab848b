package tieredcache

import (
	"errors"
	"log/slog"

	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/ports"
)

// Open makes one of the two caches. Adapters do not know each other, so whoever plugs this one in
// brings the constructors: Module(memorycache.Opener(…), rediscache.Opener(…)).
type Open = func(*slog.Logger, ports.Statistics) (ports.AnswerCache, error)

// Module provides a ports.AnswerCache made of two others.
func Module(near, far Open) fx.Option {
	return fx.Module("cache.tiered", fx.Provide(func(lc fx.Lifecycle, log *slog.Logger, stats ports.Statistics) (ports.AnswerCache, error) {
		n, err := near(log, stats)
		if err != nil {
			return nil, err
		}
		f, err := far(log, stats)
		if err != nil {
			return nil, errors.Join(err, closeTier(n))
		}
		c := New(n, f)
		lc.Append(fx.StopHook(c.Close))
		return c, nil
	}))
}
