package domain

import (
	"slices"
	"strings"
	"testing"
)

func TestNearestNameFindsWhatWasMeantAndNothingElse(t *testing.T) {
	known := []string{"latitude", "longitude", "rainfall_mm", "rainfall_7d_mean", "temperature", "http.port", "cache.kind"}
	for name, want := range map[string]string{
		"latitide":                "latitude",
		"lat":                     "latitude",
		"Rainfall-MM":             "rainfall_mm",
		"rainfal_7d_mean":         "rainfall_7d_mean",
		"temprature":              "temperature",
		"http_prot":               "http.port",
		"cahce.kind":              "cache.kind",
		"moon":                    "",
		"":                        "",
		"x":                       "",
		strings.Repeat("lat", 99): "",
	} {
		if got := NearestName(name, slices.Values(known)); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
