package fileregister

import (
	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/ports"
)

// Module provides ports.SiteRegister. A register that is not right stops the start.
func Module(cfg Config) fx.Option {
	return fx.Module("siteregister.file", fx.Provide(func() (ports.SiteRegister, error) {
		r, err := New(cfg)
		if err != nil {
			return nil, err
		}
		return r, nil
	}))
}
