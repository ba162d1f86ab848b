package ports

import (
	"context"

	"github.com/guardy-ai/guardy/domain/region"
)

// RegionSource loads the region on which evacuations are planned. Loading never touches the region in service.
type RegionSource interface {
	// LoadRegion returns the region, with a list of everything that was left out of it. Errors are
	// *domain.Error: KindNotFound when no region is configured or a file of it is not there, KindInvalid with
	// the reason for which a file was refused as a whole, KindUnavailable when one cannot be read,
	// KindCanceled and KindDeadline when ctx ended.
	LoadRegion(ctx context.Context) (*region.Region, error)
	// Describe says where the region comes from, for people: "town.osm.pbf"; empty when none is configured.
	Describe() string
}
