// Package clearing is how a shared cache tells the tiers in front of it, in every replica, that a
// model's answers were cleared. Those who clear and those who listen know this interface, not each
// other.
package clearing

import "github.com/guardy-ai/guardy/domain"

// Announcer is an optional ability of a shared cache.
type Announcer interface {
	// OnClear calls forget, until stop is called, with every model of which entries may have been
	// cleared through any replica, this one included: at once while the connection stands, and when
	// it is back for whatever was cleared meanwhile. It may call forget without need, never less than
	// that. Calls of forget do not overlap; none is under way or follows when stop has returned.
	OnClear(forget func(domain.ModelName)) (stop func())
}
