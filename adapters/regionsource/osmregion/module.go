package osmregion

import (
	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/ports"
)

// Module provides ports.RegionSource. Nothing is read before LoadRegion.
func Module(cfg Config) fx.Option {
	return fx.Module("regionsource.osm", fx.Provide(func() (ports.RegionSource, error) {
		s, err := New(cfg)
		if err != nil {
			return nil, err
		}
		return s, nil
	}))
}
