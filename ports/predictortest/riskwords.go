package predictortest

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/domain/vector"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/wordtest"
)

// RunRiskWords holds a risk assessor with the model that is served to every word of its answer.
func RunRiskWords(t *testing.T, open func(t *testing.T) ports.RiskAssessor) {
	t.Helper()
	p := open(t)
	wordtest.Run(t, riskSets(), riskCases(), func(t *testing.T, rs []risk.Request) wordtest.Said {
		said := wordtest.Said{}
		for _, r := range rs {
			a := Ask(t, p, r)
			said.Add(setLevel, a.Level.String())
			riskQualitySaid(said, &a.Quality)
			for i := range a.Derived.All {
				said.Add(setDerived, i.String())
			}
		}
		return said
	})
}

// setNoticed has the inputs that are either out of domain or ignored: which of the two depends on what the model in
// service uses.
const (
	setNoticed = "noticed"
	setLack    = "input_quality"
	setDerived = "derived"
)

// meanRain is what the members that read a year of weather need of a site, and fromYear are the other attributes for
// which that year stands.
const (
	meanRain = "site.precipitation_mean_mm_day"
	fromYear = "site.pet_mean_mm_day site.snow_fraction site.aridity site.high_precipitation_days"
)

func riskSets() []wordtest.Set {
	const never = "no rule names the input there"
	return []wordtest.Set{
		wordtest.Of(setLevel, domain.NumLevels).Except("every question that is not refused has a level", "unknown"),
		{Name: setLack, Words: []string{"missing", "out_of_domain", "ignored"}},
		wordtest.Of(setMissing, risk.NumInputs).
			Except("a question without the input is refused", "location rainfall_mm").
			Except("a question without a date is about today", "season"),
		wordtest.Of(setNoticed, risk.NumInputs).Except(never, "season site"),
		derivedSet(),
		wordtest.Of(setDoubt, domain.NumDoubtReasons).
			Except("only a site register knows where a place is", "order").
			Except("no rule compares the days of a history with one another", "frozen unconfirmed_rise"),
		wordtest.Of(setTreated, domain.NumTreatments),
	}
}

// derivedSet are the inputs that the answer may take from the year of weather.
func derivedSet() wordtest.Set {
	set := wordtest.Of(setDerived, risk.NumInputs)
	var others []string
	for _, input := range set.Words {
		if input != meanRain && !slices.Contains(strings.Fields(fromYear), input) {
			others = append(others, input)
		}
	}
	return set.Except("no feature of the year stands for it", strings.Join(others, " "))
}

func riskQualitySaid(said wordtest.Said, q *risk.Quality) {
	for i := range q.Missing.All {
		said.Add(setMissing, i.String())
		said.Add(setLack, "missing")
	}
	for i := range q.OutOfDomain.All {
		said.Add(setNoticed, i.String())
		said.Add(setLack, "out_of_domain")
	}
	for i := range q.Ignored.All {
		said.Add(setNoticed, i.String())
		said.Add(setLack, "ignored")
	}
	doubtsSaid(said, q.Doubtful)
}

// place is a question of the growing season about a place of the training data, with every input that it can have
// and nothing that stands out.
func place() risk.Request {
	r := risk.NewRequest()
	r.Latitude, r.Longitude, r.Date = 47.2374, -68.58264, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)
	r.RainfallMM, r.Temperature, r.Humidity = 3, 11, 60
	r.Rainfall7dMean, r.Rainfall30dMean, r.Temperature7dMean, r.Temperature30dMean = 3, 3, 10, 8
	for range vector.MaxHistoryDays {
		r.RainfallHistoryMM = append(r.RainfallHistoryMM, 3)
	}
	for range vector.YearDays {
		r.TemperatureHistory = append(r.TemperatureHistory, 8)
	}
	r.RainfallForecastMM = []float64{3}
	r.River = vector.River{Value: 2, Normal: 1, FloodThreshold: 6}
	for range vector.RiverDays {
		r.RiverHistory = append(r.RiverHistory, 2)
	}
	r.Site = vector.Site{
		ElevationM: 250, SlopeMPerKM: 21, AreaKM2: 2250, SoilDepthM: 0.9, SoilPorosity: 0.46, SoilConductivityCMH: 1.1,
		SoilWaterCapacityM: 0.6, SandPercent: 28, SiltPercent: 55, ClayPercent: 16,
		PrecipitationMeanMMDay: 3.1, PETMeanMMDay: 2, PrecipitationSeasonality: 0.2, SnowFraction: 0.3, Aridity: 0.6,
		HighPrecipitationDays: 13, ForestFraction: 0.9,
		LeafAreaIndexMax: 4.8, GeologyPermeabilityLog10M2: -14,
	}
	return r
}

// riskInput is one number of a question.
type riskInput struct {
	name string
	of   func(r *risk.Request) *float64
	far  float64 // a number that no training data had
}

func riskInputs() []riskInput {
	inputs := []riskInput{
		{"rainfall_mm", func(r *risk.Request) *float64 { return &r.RainfallMM }, 2000},
		{"temperature", func(r *risk.Request) *float64 { return &r.Temperature }, 60},
		{"humidity", func(r *risk.Request) *float64 { return &r.Humidity }, 0},
		{"rainfall_7d_mean", func(r *risk.Request) *float64 { return &r.Rainfall7dMean }, 2000},
		{"rainfall_30d_mean", func(r *risk.Request) *float64 { return &r.Rainfall30dMean }, 2000},
		{"temperature_7d_mean", func(r *risk.Request) *float64 { return &r.Temperature7dMean }, 60},
		{"temperature_30d_mean", func(r *risk.Request) *float64 { return &r.Temperature30dMean }, 60},
		{"river", func(r *risk.Request) *float64 { return &r.River.Value }, 1e6},
		{"rainfall_forecast_mm", func(r *risk.Request) *float64 { return &r.RainfallForecastMM[0] }, 2000},
	}
	far := []float64{9000, 5000, 8e6, 100, 1, 10000, 50, 100, 100, 100, 60, 30, 2, 1, 1000, 366, 1, 20, -25}
	for i, name := range vector.SiteNames {
		of := func(r *risk.Request) *float64 { return r.Site.Values()[i] }
		inputs = append(inputs, riskInput{"site." + name, of, far[i]})
	}
	return inputs
}

type riskCase = wordtest.Case[[]risk.Request]

func riskCases() []riskCase {
	nan := math.NaN()
	// without is the question without the river and the weather before today, from which means are derived.
	without := func(r *risk.Request) {
		r.River.Value, r.RiverHistory, r.RainfallHistoryMM, r.TemperatureHistory = nan, nil, nil, nil
	}
	rainOnly := risk.NewRequest()
	rainOnly.Latitude, rainOnly.Longitude, rainOnly.RainfallMM = 45, -69, 10
	var storm []risk.Request
	for i := range 60 {
		storm = append(storm, with(place(), func(r *risk.Request) {
			r.RainfallMM, r.River.Value = 4*float64(i), 1+0.15*float64(i)
		}))
	}
	cases := []riskCase{
		{
			Name: "rain and a river that rise and rise", Ask: storm,
			Says: "level=very_low level=low level=moderate level=high level=extreme",
		},
		{
			Name: "a place far from every basin",
			Ask:  one(with(place(), func(r *risk.Request) { r.Latitude, r.Longitude = -20, 60 })),
			Says: "noticed=location input_quality=out_of_domain",
		},
		{
			Name: "rain and no more",
			Ask:  one(rainOnly),
			Says: "missing=site missing=rainfall_history_mm missing=weather_history missing=rainfall_forecast_mm " +
				"missing=river missing=river.history input_quality=missing",
			Not: "missing=site.elevation_m noticed=location",
		},
		{
			Name: "a river without its threshold",
			Ask:  one(with(place(), func(r *risk.Request) { r.River.FloodThreshold = nan })),
			Says: "missing=river noticed=river input_quality=ignored",
		},
		{
			Name: "a day of a record in the history",
			Ask:  one(with(place(), func(r *risk.Request) { r.RainfallHistoryMM[10] = 2000 })),
			Says: "noticed=rainfall_history_mm input_quality=out_of_domain",
		},
	}
	cases = append(cases, riskCase{
		Name: "every input but the river and the weather before today",
		Ask:  one(with(place(), without)), Not: "input_quality=out_of_domain",
	})
	cases = append(cases, sequenceRisks()...)
	cases = append(cases, doubtfulRisks()...)
	cases = append(cases, riskCase{Name: anythingAtAll, Ask: many(1000, Random)})
	for _, in := range riskInputs() {
		if in.name != "rainfall_mm" {
			cases = append(cases, riskCase{
				Name: "without " + in.name, Ask: one(with(with(place(), without), func(r *risk.Request) { *in.of(r) = nan })),
				Says: "missing=" + in.name, Not: "missing=site",
			})
		}
		// The training has seen every share of forest, and no member of the model looks at the silt.
		if in.name != "site.forest_fraction" && in.name != "site.silt_percent" {
			far := func(r *risk.Request) { *in.of(r) = in.far }
			cases = append(cases, riskCase{
				Name: in.name + " beyond the training",
				Ask:  []risk.Request{with(place(), far), with(with(place(), without), far)},
				Says: "noticed=" + in.name + " input_quality=out_of_domain", Not: "missing=" + in.name,
			})
		}
	}
	return cases
}

// sequenceRisks are questions about the days before today, and about what they stand for.
func sequenceRisks() []riskCase {
	ask := func(change func(r *risk.Request)) []risk.Request { return one(with(place(), change)) }
	// yearOf is the question with so many days of temperature, and with a site of which the mean rain alone is known.
	yearOf := func(days int) []risk.Request {
		return ask(func(r *risk.Request) {
			mean := r.Site.PrecipitationMeanMMDay
			r.Site = risk.NewRequest().Site
			r.Site.PrecipitationMeanMMDay, r.TemperatureHistory = mean, r.TemperatureHistory[:days]
		})
	}
	return []riskCase{
		{
			Name: "every input",
			Ask:  one(place()),
			Says: "noticed=site.silt_percent input_quality=ignored",
			Not:  "input_quality=missing input_quality=out_of_domain missing=weather_history missing=river.history",
		},
		{
			Name: "no temperatures before today", Ask: ask(func(r *risk.Request) { r.TemperatureHistory = nil }),
			Says: "missing=weather_history", Not: "missing=rainfall_history_mm",
		},
		{
			Name: "a hot day in the history", Ask: ask(func(r *risk.Request) { r.TemperatureHistory[10] = 60 }),
			Says: "noticed=weather_history input_quality=out_of_domain", Not: "missing=weather_history",
		},
		{
			Name: "the river of one day", Ask: ask(func(r *risk.Request) { r.RiverHistory = nil }),
			Says: "missing=river.history", Not: "missing=river",
		},
		{
			Name: "a flood in the history", Ask: ask(func(r *risk.Request) { r.RiverHistory[2] = 30 }),
			Says: "noticed=river.history input_quality=out_of_domain", Not: "doubt=unit missing=river.history",
		},
		{
			Name: "a site of which the mean rain is known, and a year of weather", Ask: yearOf(vector.YearDays),
			Says: "derived=site.pet_mean_mm_day derived=site.snow_fraction derived=site.aridity " +
				"derived=site.high_precipitation_days missing=site.elevation_m",
			Not: "missing=site missing=site.aridity",
		},
		{
			Name: "a site of which the mean rain is known, and half a year of weather", Ask: yearOf(180),
			Says: "missing=site.aridity missing=weather_history", Not: "derived=site.aridity",
		},
		{
			Name: "a site of which the mean rain is not known, without a river",
			Ask: ask(func(r *risk.Request) {
				r.Site.PrecipitationMeanMMDay, r.River.Value, r.RiverHistory = math.NaN(), math.NaN(), nil
			}),
			Says: "derived=" + meanRain + " noticed=site.forest_fraction input_quality=ignored",
		},
	}
}

// doubtfulRisks are questions with a value that may be an error.
func doubtfulRisks() []riskCase {
	river := func(value, normal, flood float64) []risk.Request {
		return one(with(place(), func(r *risk.Request) {
			r.River = vector.River{Value: value, Normal: normal, FloodThreshold: flood}
		}))
	}
	return []riskCase{
		{Name: "a river in a greater unit", Ask: river(5, 706, 7060), Says: "doubt=unit treated=missing missing=river"},
		{Name: "a river in a smaller unit", Ask: river(130, 1.5, 4.5), Says: "doubt=unit treated=bound", Not: "missing=river"},
		{Name: "a river above another zero", Ask: river(1.2, 304.5, 307.8), Says: "doubt=datum treated=missing"},
		{Name: "a river with a wrong sign", Ask: river(-4.1, 1.2, 4.5), Says: "doubt=sign treated=missing"},
		{Name: "a river that is nowhere", Ask: river(-20, 1.2, 4.5), Says: "doubt=implausible treated=missing"},
		{
			Name: "a code in the history", Says: "doubt=no_data_code treated=missing",
			Ask: one(with(place(), func(r *risk.Request) { r.RainfallHistoryMM[10] = -9999 })),
		},
		{
			Name: "rain that may be a code", Says: "doubt=no_data_code treated=as_given",
			Ask: one(with(place(), func(r *risk.Request) { r.RainfallMM = 999.9 })),
		},
	}
}
