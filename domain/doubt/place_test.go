package doubt_test

import (
	"math"
	"testing"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/doubt"
)

func TestPlacesThatAreExchangedOrMirrored(t *testing.T) {
	const lat, lon = 45.17, -69.31
	for _, c := range []struct {
		lat, lon float64
		reason   domain.DoubtReason
		doubtful bool
	}{
		{lat, lon, 0, false},
		{lat + 0.5, lon - 0.5, 0, false},
		{lon, lat, domain.DoubtOrder, true},
		{lat, -lon, domain.DoubtSign, true},
		{-lat, lon, domain.DoubtSign, true},
		{-lat, -lon, domain.DoubtSign, true},
		{lat, lon + 360, 0, false},
		{12, 13, 0, false}, // another place
		{math.NaN(), lon, 0, false},
	} {
		reason, doubtful := doubt.CheckPlace(c.lat, c.lon, lat, lon)
		if reason != c.reason || doubtful != c.doubtful {
			t.Errorf("%g, %g: %v, %v", c.lat, c.lon, reason, doubtful)
		}
	}
	if _, doubtful := doubt.CheckPlace(lat, lon, math.NaN(), math.NaN()); doubtful {
		t.Error("a place is doubtful though none is known")
	}
	if _, doubtful := doubt.CheckPlace(0.3, 0.2, 0.2, 0.3); doubtful {
		t.Error("a place near the diagonal is its own mirror")
	}
}
