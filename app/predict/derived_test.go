package predict_test

import (
	"math"
	"testing"

	"github.com/guardy-ai/guardy/domain/climate"
	"github.com/guardy-ai/guardy/domain/vector"
)

// TestASiteDerivedFromItsOwnRecordIsBetterThanNone asks about the last five years of rivers whose climate attributes
// are those of the basin table, those derived from the years before, and unknown; all other attributes are unknown,
// and for comparison known. The model was trained on these rivers: this measures what the attributes bring to it, not
// its skill. It holds plain requests to a gain; with a year of weather a row of climate alone is worse than none, which
// docs/sites.md says. Run with -v for its figures.
func TestASiteDerivedFromItsOwnRecordIsBetterThanNone(t *testing.T) {
	requireHydroData(t)
	basins := readBasins(t, 6)
	w := newWorld(t, false)
	for _, inputs := range []struct {
		name string
		has  brings
		gain float64 // of average precision over no attribute, at least
	}{
		{"today and the means", brings{}, 0.02},
		{"a year of weather", brings{history: 365, warm: true}, math.Inf(-1)},
		{"a year of weather and a week of the river", brings{history: 365, warm: true, river: 7}, math.Inf(-1)},
	} {
		precision := map[string]float64{}
		for name, site := range map[string]func(*basin) vector.Site{
			"none": func(*basin) vector.Site { return vector.Missing().Site }, "derived": derivedClimate, "table": tableClimate,
			"all of the table": func(b *basin) vector.Site { return b.site },
		} {
			var p, y []float64
			for _, b := range basins {
				asked := *b
				asked.site = site(b)
				bp, by := asked.ask(t, w.FloodRisks, inputs.has)
				p, y = append(p, bp...), append(y, by...)
			}
			precision[name] = averagePrecision(p, y)
			t.Logf("%s, attributes %s: %d basins, %d days, %.0f with a flood, %.0f expected, average precision %.3f",
				inputs.name, name, len(basins), len(p), sum(y), sum(p), precision[name])
		}
		if gain := precision["derived"] - precision["none"]; gain < inputs.gain {
			t.Errorf("%s: derived attributes change the average precision by %.3f, want at least %.3f", inputs.name, gain, inputs.gain)
		}
	}
}

func derivedClimate(b *basin) vector.Site {
	var days []climate.Day
	for i := range len(b.rain) - 5*365 {
		days = append(days, climate.Day{Date: b.first.AddDate(0, 0, i), RainfallMM: b.rain[i], Temperature: b.warmth[i]})
	}
	c := climate.DeriveWeather(days, b.latitude)
	s := vector.Missing().Site
	s.PrecipitationMeanMMDay, s.PETMeanMMDay, s.Aridity = c.PrecipitationMeanMMDay, c.PETMeanMMDay, c.Aridity
	s.PrecipitationSeasonality, s.SnowFraction, s.HighPrecipitationDays = c.PrecipitationSeasonality, c.SnowFraction, c.HighPrecipitationDays
	return s
}

func tableClimate(b *basin) vector.Site {
	s := vector.Missing().Site
	s.PrecipitationMeanMMDay, s.PETMeanMMDay, s.Aridity = b.site.PrecipitationMeanMMDay, b.site.PETMeanMMDay, b.site.Aridity
	s.PrecipitationSeasonality, s.SnowFraction = b.site.PrecipitationSeasonality, b.site.SnowFraction
	s.HighPrecipitationDays = b.site.HighPrecipitationDays
	return s
}
