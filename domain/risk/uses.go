package risk

import (
	"slices"
	"strings"

	"github.com/guardy-ai/guardy/domain/trees"
	"github.com/guardy-ai/guardy/domain/vector"
)

// Inputs behind the features that are not an input of the same name.
const (
	fromHistory = 1<<InputRainfall | 1<<InputRainfallHistory
	fromWeek    = 1<<InputRainfall7dMean | fromHistory
	fromMonth   = 1<<InputRainfall30dMean | fromHistory
	fromIndex   = fromWeek | fromMonth
)

var featureInputs = map[string]InputSet{
	"rain_today":          1 << InputRainfall,
	"rain_2d":             fromHistory,
	"rain_4d":             fromHistory,
	"rain_7d_mean":        fromWeek,
	"rain_14d":            fromHistory,
	"rain_30d_mean":       fromMonth,
	"rain_60d":            fromHistory,
	"rain_90d":            fromHistory,
	"rain_7d":             fromWeek,
	"rain_30d":            fromMonth,
	"index_60":            fromIndex,
	"index_80":            fromIndex,
	"index_90":            fromIndex,
	"wet_storm":           fromIndex,
	"river_ratio":         1 << InputRiver,
	"temperature":         1 << InputTemperature,
	"temperature_7d_mean": 1 << InputTemperature7dMean, "temperature_30d_mean": 1 << InputTemperature30dMean,
	"warming_7d":  1<<InputTemperature | 1<<InputTemperature7dMean,
	"warming_30d": 1<<InputTemperature | 1<<InputTemperature30dMean,
	"humidity":    1 << InputHumidity,
	"season_sin":  1<<InputSeason | 1<<InputPlace,
	"season_cos":  1<<InputSeason | 1<<InputPlace,
}

// relativeToFloods are the features that are divided by the rain that usually floods such a site,
// which every attribute but the silt has a part in; other relative features are divided by the
// site's mean rain.
var relativeToFloods = []string{"rain_2d_relative", "index_60_relative", "index_90_relative", "wet_storm_relative"}

// inputsOf returns the raw inputs behind a feature.
func inputsOf(feature string) (InputSet, bool) {
	if base, relative := strings.CutSuffix(feature, "_relative"); relative {
		s, ok := featureInputs[base]
		for i, name := range vector.SiteNames {
			if name == "precipitation_mean_mm_day" || name != "silt_percent" && slices.Contains(relativeToFloods, feature) {
				s = s.With(InputSiteFirst + Input(i))
			}
		}
		return s, ok
	}
	if s, ok := featureInputs[feature]; ok {
		return s, true
	}
	i, ok := InputByName("site." + feature)
	return 1 << i, ok
}

// usedInputs returns the raw inputs behind the features on which the ensemble splits. Rain of today
// is used by every model: it is the question.
func usedInputs(e *trees.Ensemble) InputSet {
	used := InputSet(1 << InputRainfall)
	for i, name := range vector.Names {
		if e.Uses(i) {
			s, _ := inputsOf(name)
			used |= s
		}
	}
	return used
}
