package ports

import "github.com/guardy-ai/guardy/domain/vector"

// SiteRegister resolves a location_id to what the operator knows about the place.
type SiteRegister interface {
	// Lookup returns the registered site and whether there is one. It does no I/O.
	Lookup(id string) (RegisteredSite, bool)
	// Nearest returns the registered id that somebody who wrote id most likely meant, empty when none is near. It
	// may overlook one in a large register, since its work is bounded: unknown ids cost as little as known ones.
	Nearest(id string) string
	// Len returns the number of sites.
	Len() int
}

// RegisteredSite is one entry of the register; NaN means not known.
type RegisteredSite struct {
	ID, Name            string
	Latitude, Longitude float64
	Site                vector.Site
	// Normal and FloodThreshold complete a request's river value; they are in the unit the operator's
	// clients post.
	Normal, FloodThreshold float64
}
