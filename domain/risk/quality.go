package risk

import (
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/vector"
)

// Input is one raw input of the contract, or a property of the question (place, season), that an
// answer may name in its input quality.
type Input uint8

// The inputs in the contract's order. Site attributes follow from InputSiteFirst in the order of
// vector.SiteNames.
const (
	InputPlace Input = iota // latitude and longitude together
	InputSeason
	InputRainfall
	InputTemperature
	InputHumidity
	InputRainfall7dMean
	InputRainfall30dMean
	InputRainfallHistory // daily rain before today, whether it came with temperatures or not
	InputWeatherHistory  // daily temperatures beside that rain, for a year
	InputRainfallForecast
	InputTemperature7dMean
	InputTemperature30dMean
	InputRiver
	InputRiverHistory
	InputSite // the whole site
	InputSiteFirst

	// NumInputs counts the inputs; an InputSet has a bit for each.
	NumInputs = InputSiteFirst + vector.SiteFields
)

var inputNames = func() (names [NumInputs]string) {
	copy(names[:], []string{
		"location", "season", "rainfall_mm", "temperature", "humidity", "rainfall_7d_mean", "rainfall_30d_mean",
		"rainfall_history_mm", "weather_history", "rainfall_forecast_mm", "temperature_7d_mean", "temperature_30d_mean",
		"river", "river.history", "site",
	})
	for i, n := range vector.SiteNames {
		names[int(InputSiteFirst)+i] = "site." + n
	}
	return names
}()

// String returns the contract's path of the input.
func (i Input) String() string { return inputNames[i] }

// InputByName returns the input with the contract's path.
func InputByName(name string) (Input, bool) {
	for i, n := range inputNames {
		if n == name {
			return Input(i), true
		}
	}
	return 0, false
}

// InputSet is a set of inputs.
type InputSet = domain.Set[Input]

// Quality says what the answer had to do without. When the whole site is missing, it stands among the missing
// as InputSite instead of nineteen names.
type Quality = domain.Quality[Input]
