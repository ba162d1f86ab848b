package memorycache

import (
	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/ports"
)

// Module provides the in-process ports.AnswerCache.
func Module(cfg Config) fx.Option {
	return fx.Module("cache.memory", fx.Provide(func(lc fx.Lifecycle) (ports.AnswerCache, error) {
		c, err := New(cfg)
		if err != nil {
			return nil, err
		}
		lc.Append(fx.StopHook(c.Close))
		return c, nil
	}))
}
