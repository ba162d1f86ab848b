package nowcast

import (
	"time"

	"github.com/guardy-ai/guardy/domain"
)

// Quantiles of the level or discharge at one horizon, in the unit of the readings, increasing.
type Quantiles struct{ P10, P25, P50, P75, P90 float64 }

// Prediction is the answer for one horizon.
type Prediction struct {
	HoursAhead int
	// Probability, calibrated, that the river is at or above its flood threshold at the valid time.
	Probability float64
	// Lower and Upper bound the frequency of the event at comparable times on other rivers with the
	// forecast's Coverage; Lower <= Probability <= Upper.
	Lower, Upper float64
	// Confidence, 0–1, shrinks with the width of the interval.
	Confidence float64
	// Level is LevelUnknown where the probability rests on rain alone, and where doubt keeps the answer from
	// being sure of a lower one.
	Level domain.Level
	// Quantiles are set when Forecast.Observed is a series of the river. They and Probability are read
	// from one distribution.
	Quantiles Quantiles
}

// Trend is where the river is going.
type Trend uint8

// The trends. A river that is not observed has no trend.
const (
	TrendUnknown Trend = iota
	TrendFalling
	TrendSteady
	TrendRising

	// NumTrends counts the trends.
	NumTrends
)

var trendNames = [NumTrends]string{"unknown", "falling", "steady", "rising"}

// String returns the contract's name.
func (t Trend) String() string {
	if t < NumTrends {
		return trendNames[t]
	}
	return trendNames[TrendUnknown]
}

// Forecast is the answer to a Request.
type Forecast struct {
	// Predictions are in the order of the request's horizons.
	Predictions []Prediction
	// IssuedFor is the time of the last reading; horizons count from it.
	IssuedFor time.Time
	// Observed is the series of the river that was forecast, SeriesWaterLevel or SeriesDischarge;
	// SeriesRainfall when no river was observed.
	Observed Series
	Coverage float64
	// MaxRisk is the index of the prediction with the highest probability, the nearest of several.
	MaxRisk      int
	Trend        Trend
	EarlyWarning bool
	// SequenceLength is the number of readings in the request.
	SequenceLength int
	Quality        Quality

	Model domain.ModelRef
	// PredictedAt is when the answer was computed, not when it was served.
	PredictedAt time.Time

	// Provenance describes this serving of the answer.
	Provenance domain.Provenance
}

// HighestLevel is the level at the riskiest horizon, for the action and for counting. It is LevelUnknown
// where a doubtful value would make it higher than what is known.
func (f *Forecast) HighestLevel() domain.Level { return f.Predictions[f.MaxRisk].Level }

// Input is one raw input that an answer may name in its input quality.
type Input uint8

// The inputs in the contract's order.
const (
	InputPlace Input = iota
	InputSeason
	InputRainfall
	InputTemperature
	InputHumidity
	InputWaterLevel
	InputDischarge
	InputRainfallForecast
	InputRiver // normal and flood threshold
	InputStep
	InputOlderReadings
	InputFartherForecast

	// NumInputs counts the inputs; an InputSet has a bit for each.
	NumInputs
)

var inputNames = [NumInputs]string{
	"location", "season", "weather_sequence.rainfall_mm", "weather_sequence.temperature", "weather_sequence.humidity",
	"weather_sequence.water_level_m", "weather_sequence.discharge_m3s", "rainfall_forecast_mm", "river",
	"weather_sequence.timestamp", "weather_sequence.older_readings", "rainfall_forecast_mm.beyond_horizon",
}

// String returns the contract's path of the input.
func (i Input) String() string { return inputNames[i] }

// InputSet is a set of inputs.
type InputSet = domain.Set[Input]

// Fault is a reason for which values of a sequence were left out or are not trusted.
type Fault uint8

// The faults.
const (
	FaultImpossible Fault = iota // a value that cannot be: negative rain, a code for no data such as -999
	FaultSpike                   // a single value far from both its neighbours
	FaultStuck                   // a run of one repeated value, in rain or for a week; left out

	// NumFaults counts the faults.
	NumFaults
)

var faultNames = [NumFaults]string{"impossible", "spike", "stuck"}

// String returns the name of the fault.
func (f Fault) String() string { return faultNames[f] }

// Condition is a property of the sequence that makes the answer less certain.
type Condition uint8

// The conditions.
const (
	ConditionDaily     Condition = iota // steps of about a day
	ConditionCoarse                     // steps longer than an hour, shorter than a day
	ConditionIrregular                  // steps of different length
	ConditionGaps                       // hours without a reading inside the sequence
	ConditionShort                      // less than a day of the river
	ConditionStale                      // the newest value of the river that is believed is more than three hours old
	ConditionUnscaled                   // the river has no normal and flood threshold: its level is unknown
	ConditionRainOnly                   // no river is observed
	// ConditionRiseUnconfirmed: the newest reading is a spike or the first of a flash flood.
	ConditionRiseUnconfirmed
	// ConditionThresholdsDoNotFit: normal and flood threshold seem to be in another unit than the river, or
	// to count from another zero; the level is unknown.
	ConditionThresholdsDoNotFit

	// NumConditions counts the conditions.
	NumConditions
)

var conditionNames = [NumConditions]string{
	"daily_sequence", "coarse_step", "irregular_step", "gaps", "short_sequence", "stale_river", "no_thresholds", "rain_only",
	"rise_unconfirmed", "thresholds_do_not_fit",
}

// String returns the name of the condition.
func (c Condition) String() string { return conditionNames[c] }

// ConditionSet is a set of conditions.
type ConditionSet = domain.Set[Condition]

// Quality says what the answer had to do without.
type Quality struct {
	domain.Quality[Input]
	Conditions ConditionSet
	// Faults counts values by series and fault.
	Faults [NumSeries][NumFaults]uint16
}

// actions are proposals to the operator, who knows the place; Guardy does not issue warnings.
var actions = [domain.NumLevels]string{
	domain.LevelUnknown:  "The risk is not known: do not read this as low risk; give the river's readings and its thresholds, or check local sources.",
	domain.LevelVeryLow:  "No action beyond routine monitoring.",
	domain.LevelLow:      "Keep monitoring; check that the gauge reports on time.",
	domain.LevelModerate: "Look at the gauge every hour and ask again with every reading; follow the official forecast.",
	domain.LevelHigh:     "Prepare to act within the hours stated: alert the response team, ready barriers and routes, compare with the official warning.",
	domain.LevelExtreme:  "Act now according to the local flood plan and the authorities: the river is at its flood threshold or expected to reach it.",
}

// RecommendedAction proposes what to do at a level.
func RecommendedAction(l domain.Level) string { return actions[min(l, domain.NumLevels-1)] }
