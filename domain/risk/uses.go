package risk

import (
	"slices"
	"strings"

	"github.com/guardy-ai/guardy/domain/vector"
)

// Inputs behind the features that are not an input of the same name.
const (
	fromHistory = 1<<InputRainfall | fromPast
	fromPast    = 1 << InputRainfallHistory
	fromWeek    = 1<<InputRainfall7dMean | fromHistory
	fromMonth   = 1<<InputRainfall30dMean | fromHistory
	fromIndex   = fromWeek | fromMonth
	fromYear    = 1<<InputWeatherHistory | fromPast
	withToday   = fromYear | 1<<InputRainfall | 1<<InputTemperature
	fromRivers  = 1<<InputRiver | 1<<InputRiverHistory
)

// featureInputs are those of both schemas; the few names that both have mean the same.
var featureInputs = map[string]InputSet{
	"rain_today":          1 << InputRainfall,
	"log_rain_today":      1 << InputRainfall,
	"extreme_today":       1 << InputRainfall,
	"rain_tomorrow":       1 << InputRainfallForecast,
	"log_rain_tomorrow":   1 << InputRainfallForecast,
	"extreme_tomorrow":    1 << InputRainfallForecast,
	"rain_two_days":       1<<InputRainfall | 1<<InputRainfallForecast,
	"rain_2d":             fromHistory,
	"rain_4d":             fromHistory,
	"rain_7d_mean":        fromWeek,
	"rain_14d":            fromHistory,
	"rain_30d_mean":       fromMonth,
	"rain_60d":            fromHistory,
	"rain_90d":            fromHistory,
	"rain_7d":             fromWeek,
	"rain_30d":            fromMonth,
	"rain_yesterday":      fromPast,
	"past_3d":             fromPast,
	"week_mean":           fromPast | 1<<InputRainfall7dMean,
	"week":                fromPast | 1<<InputRainfall7dMean,
	"past_14d":            fromPast,
	"month_mean":          fromPast | 1<<InputRainfall30dMean,
	"month":               fromPast | 1<<InputRainfall30dMean,
	"past_60d":            fromPast,
	"past_90d":            fromPast,
	"index_60":            fromIndex,
	"index_80":            fromIndex,
	"index_90":            fromIndex,
	"wet_storm":           fromIndex,
	"river_ratio":         1 << InputRiver,
	"river_2":             1 << InputRiverHistory,
	"river_3":             1 << InputRiverHistory,
	"river_7":             1 << InputRiverHistory,
	"river_rise":          fromRivers,
	"river_month_mean":    fromRivers,
	"river_month_most":    fromRivers,
	"temperature":         1 << InputTemperature,
	"temperature_7d_mean": 1 << InputTemperature7dMean, "temperature_30d_mean": 1 << InputTemperature30dMean,
	"warming_7d":  1<<InputTemperature | 1<<InputTemperature7dMean,
	"warming_30d": 1<<InputTemperature | 1<<InputTemperature30dMean,
	"humidity":    1 << InputHumidity,
	"season_sin":  1<<InputSeason | 1<<InputPlace,
	"season_cos":  1<<InputSeason | 1<<InputPlace,
}

// yearFeatures are read from the year of weather; those that hold today's rain say so.
var yearFeatures = map[string]InputSet{
	"unknown_days": fromPast,
	"water_today":  withToday, "water_3d": withToday, "water_7d": withToday, "water_60": withToday, "water_85": withToday,
	"water_95": withToday, "water_today_of_year": withToday, "water_3d_of_year": withToday, "runoff_fast": withToday,
	"runoff_fast_of_year": withToday, "runoff_of_year": withToday, "runoff_slow_of_year": withToday,
	"log_runoff_of_year": withToday, "rain_today_of_year": fromHistory, "log_rain_today_of_year": fromHistory,
	"rain_tomorrow_of_year": fromPast | 1<<InputRainfallForecast, "log_rain_tomorrow_of_year": fromPast | 1<<InputRainfallForecast,
	"month_water": fromYear, "month_snow": fromYear, "half_year_mean": fromPast, "year_mean": fromPast,
	"snow_store": fromYear, "melt_today": fromYear | 1<<InputTemperature, "soil_shallow": fromYear, "soil_deep": fromYear,
	"runoff_yesterday_of_year": fromYear, "year_pet": fromYear, "year_aridity": fromYear, "year_snow_fraction": fromYear,
	"year_largest_day": fromPast, "year_high_days": fromPast, "year_temperature": 1 << InputWeatherHistory,
}

// derived are the site attributes for which a feature of the year stands.
var derived = map[string]string{
	"year_mean":          "site.precipitation_mean_mm_day",
	"year_pet":           "site.pet_mean_mm_day",
	"year_aridity":       "site.aridity",
	"year_snow_fraction": "site.snow_fraction",
	"year_high_days":     "site.high_precipitation_days",
}

// relativeToFloods are the features of vector.Schema1 that are divided by the rain that usually floods such a site,
// which every attribute but the silt has a part in; other relative features are divided by the site's mean rain.
var relativeToFloods = []string{"rain_2d_relative", "index_60_relative", "index_90_relative", "wet_storm_relative"}

// inputsOf returns the raw inputs behind a feature of either schema.
func inputsOf(feature string) (InputSet, bool) {
	if base, ok := strings.CutSuffix(feature, "_relative"); ok {
		return withSite(base, slices.Contains(relativeToFloods, feature))
	}
	if base, ok := strings.CutSuffix(feature, "_usual"); ok {
		return withSite(base, true)
	}
	if base, ok := strings.CutSuffix(feature, "_climate"); ok {
		return withSite(base, false)
	}
	if s, ok := featureInputs[feature]; ok {
		return s, true
	}
	if s, ok := yearFeatures[feature]; ok {
		return s, true
	}
	i, ok := InputByName("site." + feature)
	return 1 << i, ok
}

// withSite adds to the inputs of a feature the site's mean rain, or every attribute that the usual flood rain needs.
func withSite(base string, all bool) (InputSet, bool) {
	s, ok := featureInputs[base]
	for i, name := range vector.SiteNames {
		if name == "precipitation_mean_mm_day" || all && name != "silt_percent" {
			s = s.With(InputSiteFirst + Input(i))
		}
	}
	return s, ok
}

// usedInputs returns the raw inputs behind the features that the parts of a member look at, and the site attributes that
// it takes from the year. Rain of today is used by every model: it is the question.
func (s *schema) usedInputs(parts []*Part) (used, derives InputSet) {
	used = 1 << InputRainfall
	for i, name := range s.names {
		if !slices.ContainsFunc(parts, func(p *Part) bool { return p.uses(i) }) {
			continue
		}
		from, _ := inputsOf(name)
		used |= from
		if attribute, ok := derived[name]; ok {
			d, _ := InputByName(attribute)
			derives = derives.With(d)
		}
	}
	return used, derives
}
