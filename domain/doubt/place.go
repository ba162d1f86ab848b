package doubt

import (
	"math"

	"github.com/guardy-ai/guardy/domain"
)

// Distances between a place as it is given and as it is known, in degrees. A client may mean another point of the
// same catchment; a place that is far from the known one and hits it when its coordinates are exchanged or
// mirrored is an error.
const (
	farDegrees = 1
	hitDegrees = 0.1
)

// CheckPlace reports whether coordinates seem to be exchanged (DoubtOrder) or to have a wrong sign (DoubtSign),
// by what is known of the place. NaN is not known and no reason for doubt.
func CheckPlace(latitude, longitude, knownLatitude, knownLongitude float64) (reason domain.DoubtReason, doubtful bool) {
	within := func(lat, lon, degrees float64) bool {
		east := math.Abs(math.Remainder(lon-knownLongitude, 360))
		return math.Abs(lat-knownLatitude) <= degrees && east <= degrees
	}
	if within(latitude, longitude, farDegrees) {
		return 0, false
	}
	if within(longitude, latitude, hitDegrees) {
		return domain.DoubtOrder, true
	}
	for _, mirrored := range [...][2]float64{{-latitude, longitude}, {latitude, -longitude}, {-latitude, -longitude}} {
		if within(mirrored[0], mirrored[1], hitDegrees) {
			return domain.DoubtSign, true
		}
	}
	return 0, false
}
