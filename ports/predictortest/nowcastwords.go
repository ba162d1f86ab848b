package predictortest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/wordtest"
)

// RunNowcasterWords holds a nowcaster with the model that is served to every word of its answer: a trend, a level,
// a condition, a fault that no question of the table provokes fails.
func RunNowcasterWords(t *testing.T, open func(t *testing.T) ports.Nowcaster) {
	t.Helper()
	p := open(t)
	wordtest.Run(t, nowcastSets(), nowcastCases(), func(t *testing.T, rs []nowcast.Request) wordtest.Said {
		said := wordtest.Said{}
		for _, r := range rs {
			f := forecast(t, p, r)
			nowcastSaid(said, &f)
		}
		return said
	})
}

// The names of the sets of a nowcast.
const (
	setTrend     = "trend"
	setLevel     = "level"
	setObserved  = "observed"
	setCondition = "condition"
	setFault     = "fault/" // and the series
	setMissing   = "missing"
	setOutside   = "out_of_domain"
	setIgnored   = "ignored"
	setDoubt     = "doubt"
	setTreated   = "treated"
	setWarning   = "early_warning"
)

var yesNo = []string{"no", "yes"}

func yes(holds bool) string {
	if holds {
		return yesNo[1]
	}
	return yesNo[0]
}

func nowcastSets() []wordtest.Set {
	input := func(name string) wordtest.Set { return wordtest.Of(name, nowcast.NumInputs) }
	fault := func(s nowcast.Series) wordtest.Set { return wordtest.Of(setFault+s.String(), nowcast.NumFaults) }
	const (
		notRead = "the model does not read the series"
		unset   = "no rule of the model names the input there"
	)
	return []wordtest.Set{
		wordtest.Of(setTrend, nowcast.NumTrends),
		wordtest.Of(setLevel, domain.NumLevels),
		{Name: setWarning, Words: yesNo},
		wordtest.Of(setObserved, nowcast.NumSeries).Except("that is no series of the river", "temperature humidity"),
		wordtest.Of(setCondition, nowcast.NumConditions),
		fault(nowcast.SeriesRainfall).Except("rain may stand out, and may stay the same", "spike stuck"),
		fault(nowcast.SeriesTemperature).Except(notRead, "spike stuck"),
		fault(nowcast.SeriesHumidity).Except(notRead, "spike stuck"),
		fault(nowcast.SeriesWaterLevel),
		fault(nowcast.SeriesDischarge),
		input(setMissing).Except(unset, "location season weather_sequence.timestamp weather_sequence.temperature "+
			"weather_sequence.humidity weather_sequence.discharge_m3s weather_sequence.older_readings "+
			"rainfall_forecast_mm.beyond_horizon"),
		input(setOutside).Except(unset, "location season weather_sequence.timestamp weather_sequence.temperature "+
			"weather_sequence.humidity weather_sequence.older_readings river "+
			"rainfall_forecast_mm.beyond_horizon"),
		input(setIgnored).Except(unset, "location season weather_sequence.timestamp weather_sequence.rainfall_mm "+
			"rainfall_forecast_mm river"),
		wordtest.Of(setDoubt, domain.NumDoubtReasons).Except("only a site register knows where a place is", "order"),
		wordtest.Of(setTreated, domain.NumTreatments).
			Except("no reading is required, so none is used in spite of a doubt", "as_given"),
	}
}

func nowcastSaid(said wordtest.Said, f *nowcast.Forecast) {
	said.Add(setTrend, f.Trend.String())
	said.Add(setObserved, f.Observed.String())
	said.Add(setWarning, yes(f.EarlyWarning))
	for _, p := range f.Predictions {
		said.Add(setLevel, p.Level.String())
	}
	for c := range f.Quality.Conditions.All {
		said.Add(setCondition, c.String())
	}
	for s := range nowcast.NumSeries {
		for fault := range nowcast.NumFaults {
			if f.Quality.Faults[s][fault] > 0 {
				said.Add(setFault+s.String(), fault.String())
			}
		}
	}
	qualitySaid(said, &f.Quality.Quality)
}

// qualitySaid adds the words of an input quality.
func qualitySaid[I domain.Enum](said wordtest.Said, q *domain.Quality[I]) {
	for i := range q.Missing.All {
		said.Add(setMissing, i.String())
	}
	for i := range q.OutOfDomain.All {
		said.Add(setOutside, i.String())
	}
	for i := range q.Ignored.All {
		said.Add(setIgnored, i.String())
	}
	doubtsSaid(said, q.Doubtful)
}

func doubtsSaid(said wordtest.Said, doubts []domain.Doubt) {
	for _, d := range doubts {
		said.Add(setDoubt, d.Reason.String())
		said.Add(setTreated, d.Treated.String())
	}
}

// gauge is a self-made record of n hourly readings of a river with thresholds, without rain. level gives the
// river's level in metres by the hours before the newest reading; its normal is 1 m and its threshold 3 m.
func gauge(n int, level func(hoursAgo int) float64) nowcast.Request {
	r := nowcast.NewRequest()
	r.Latitude, r.Longitude, r.Normal, r.FloodThreshold = 45.2, -69.3, 1, 3
	end := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for ago := n - 1; ago >= 0; ago-- {
		v := nowcast.MissingReading()
		v.Time = end.Add(-time.Duration(ago) * time.Hour)
		v.RainfallMM, v.WaterLevelM = 0, level(ago)
		r.Readings = append(r.Readings, v)
	}
	return r
}

// quiet is a gauge that shows little but that it works.
func quiet(n int) nowcast.Request {
	return gauge(n, func(ago int) float64 { return 1.2 + 0.01*math.Sin(float64(ago)) })
}

// with returns the question after a change.
func with[Q any](q Q, change func(q *Q)) Q {
	change(&q)
	return q
}

// stepped is the question with other times; step gives the time before the reading of so many readings ago.
func stepped(r nowcast.Request, step func(ago int) time.Duration) nowcast.Request {
	r = CloneNowcast(r)
	last := len(r.Readings) - 1
	for ago := 1; ago <= last; ago++ {
		r.Readings[last-ago].Time = r.Readings[last-ago+1].Time.Add(-step(ago - 1))
	}
	return r
}

// everywhere is the question with a change in each reading, which is given by how many readings ago it was.
func everywhere(r nowcast.Request, change func(ago int, v *nowcast.Reading)) nowcast.Request {
	r = CloneNowcast(r)
	for i := range r.Readings {
		change(len(r.Readings)-1-i, &r.Readings[i])
	}
	return r
}

// changed is the question with a change in the reading of some readings ago.
func changed(r nowcast.Request, ago int, change func(v *nowcast.Reading)) nowcast.Request {
	r = CloneNowcast(r)
	change(&r.Readings[len(r.Readings)-1-ago])
	return r
}

// asDischarge is the question with discharge in place of the level.
func asDischarge(r nowcast.Request) nowcast.Request {
	return everywhere(r, func(_ int, v *nowcast.Reading) { v.DischargeM3S, v.WaterLevelM = v.WaterLevelM, math.NaN() })
}

// flat is a river that stays exactly the same, and rises is one that rises to a level faster and faster.
func flat(int) float64 { return 1.2 }

func rises(to float64) func(ago int) float64 {
	return func(ago int) float64 { return 1 + (to-1)*math.Exp(-float64(ago)/15) }
}

func noRiver(int) float64 { return math.NaN() }

// silent is a river that was not read in the newest hours.
func silent(hours int) func(ago int) float64 {
	return func(ago int) float64 {
		if ago < hours {
			return math.NaN()
		}
		return 1.2 + float64(ago%3)/100
	}
}

func nowcastCases() []nowcastCase {
	anything := nowcastCase{Name: anythingAtAll, Ask: many(300, RandomNowcast)}
	return slices.Concat(
		nowcastRivers(), nowcastSteps(), nowcastImpossible(), nowcastFaults(), nowcastDoubts(), nowcastInputs(),
		[]nowcastCase{anything},
	)
}

// anythingAtAll is a case of random questions. It says no word for sure; it is there to find one that was thought
// impossible.
const anythingAtAll = "anything at all"

// many returns n random questions.
func many[Q any](n int, random func(rng *rand.Rand) Q) []Q {
	rng := rand.New(rand.NewPCG(53, 54))
	out := make([]Q, n)
	for i := range out {
		out[i] = random(rng)
	}
	return out
}

type nowcastCase = wordtest.Case[[]nowcast.Request]

func one[Q any](q Q) []Q { return []Q{q} }

// nowcastRivers are cases about what the river does.
func nowcastRivers() []nowcastCase {
	var ladder []nowcast.Request
	for top := 1.0; top <= 3.5; top += 0.05 {
		ladder = append(ladder, gauge(72, rises(top)))
	}
	return []nowcastCase{
		{
			Name: "a quiet river", Ask: one(quiet(72)),
			Says: "trend=steady level=very_low early_warning=no observed=water_level_m missing=rainfall_forecast_mm",
		},
		{
			Name: "a river that rises to its threshold", Ask: one(gauge(72, rises(2.8))),
			Says: "trend=rising early_warning=yes", Not: "level=unknown",
		},
		{
			Name: "a river that falls after a flood",
			Ask:  one(gauge(72, func(ago int) float64 { return 2 + 0.06*float64(ago) })),
			Says: "trend=falling",
		},
		{
			Name: "rivers that rise higher and higher", Ask: ladder,
			Says: "level=very_low level=low level=moderate level=high level=extreme", Not: "level=unknown",
		},
		{
			Name: "no river", Ask: one(gauge(72, noRiver)),
			Says: "trend=unknown level=unknown observed=rainfall_mm condition=rain_only " +
				"missing=weather_sequence.water_level_m",
			Not: "level=very_low missing=river",
		},
		{
			Name: "a river without thresholds",
			Ask:  one(with(quiet(72), func(r *nowcast.Request) { r.Normal, r.FloodThreshold = math.NaN(), math.NaN() })),
			Says: "trend=steady level=unknown condition=no_thresholds missing=river", Not: "level=very_low",
		},
		{
			Name: "a discharge", Ask: one(asDischarge(quiet(72))),
			Says: "observed=discharge_m3s level=very_low", Not: "missing=weather_sequence.water_level_m",
		},
	}
}

// nowcastSteps are cases about the times of the readings.
func nowcastSteps() []nowcastCase {
	every := func(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }
	but := func(at int, d time.Duration) func(int) time.Duration {
		return func(ago int) time.Duration {
			if ago == at {
				return d
			}
			return time.Hour
		}
	}
	ask := func(n int, step func(int) time.Duration) []nowcast.Request { return one(stepped(quiet(n), step)) }
	return []nowcastCase{
		{
			Name: "a reading every 20 hours",
			Ask:  ask(30, every(20*time.Hour)),
			Says: "condition=daily_sequence",
			Not:  "condition=coarse_step",
		},
		{
			Name: "a reading every 19 hours",
			Ask:  ask(30, every(19*time.Hour)),
			Says: "condition=coarse_step",
			Not:  "condition=daily_sequence",
		},
		{
			Name: "a reading every 90 minutes",
			Ask:  ask(30, every(90*time.Minute)),
			Not:  "condition=coarse_step condition=irregular_step",
		},
		{
			Name: "steps of 40 and 80 minutes",
			Ask:  ask(60, func(ago int) time.Duration { return time.Duration(40+40*(ago%2)) * time.Minute }),
			Says: "condition=irregular_step", Not: "condition=gaps",
		},
		{
			Name: "a gap of two hours",
			Ask:  ask(30, but(5, 2*time.Hour)),
			Says: "condition=gaps",
			Not:  "condition=irregular_step",
		},
		{Name: "a gap of 80 minutes", Ask: ask(30, but(5, 80*time.Minute)), Not: "condition=gaps"},
		{Name: "less than a day", Ask: one(quiet(24)), Says: "condition=short_sequence"},
		{Name: "a day", Ask: one(quiet(25)), Not: "condition=short_sequence"},
		{Name: "a river that was read four hours ago", Ask: one(gauge(72, silent(4))), Says: "condition=stale_river"},
		{Name: "a river that was read three hours ago", Ask: one(gauge(72, silent(3))), Not: "condition=stale_river"},
	}
}

// hoursAgo is when before the newest reading the values of these cases were read.
const hoursAgo = 10

// odd is the quiet river with another value hoursAgo.
func odd(change func(v *nowcast.Reading)) nowcast.Request {
	return changed(quiet(72), hoursAgo, change)
}

func oddLevel(m float64) nowcast.Request {
	return odd(func(v *nowcast.Reading) { v.WaterLevelM = m })
}

// rained is the question with rain hoursAgo.
func rained(r nowcast.Request, mm float64) nowcast.Request {
	return changed(r, hoursAgo, func(v *nowcast.Reading) { v.RainfallMM = mm })
}

// nowcastImpossible are cases about values that cannot be.
func nowcastImpossible() []nowcastCase {
	const code = " doubt=no_data_code treated=missing"
	return []nowcastCase{
		{Name: "a code for no level", Ask: one(oddLevel(-999)), Says: "fault/water_level_m=impossible" + code},
		{
			Name: "a code for no discharge", Ask: one(asDischarge(oddLevel(-999))),
			Says: "fault/discharge_m3s=impossible" + code,
		},
		{Name: "a code for no rain", Ask: one(rained(quiet(72), -999)), Says: "fault/rainfall_mm=impossible" + code},
		{
			Name: "a code for no temperature", Ask: one(odd(func(v *nowcast.Reading) { v.Temperature = -9999 })),
			Says: "fault/temperature=impossible" + code, Not: "ignored=weather_sequence.temperature",
		},
		{
			Name: "a code for no humidity", Ask: one(odd(func(v *nowcast.Reading) { v.Humidity = -9999 })),
			Says: "fault/humidity=impossible" + code, Not: "ignored=weather_sequence.humidity",
		},
		{
			Name: "rain below zero", Ask: one(rained(quiet(72), -0.2)),
			Says: "fault/rainfall_mm=impossible doubt=sign treated=missing", Not: "doubt=no_data_code",
		},
		{
			Name: "a level far below any bed", Ask: one(oddLevel(-50)),
			Says: "fault/water_level_m=impossible doubt=implausible treated=missing", Not: "doubt=no_data_code",
		},
		{
			Name: "a level far above any bank", Ask: one(oddLevel(500)),
			Says: "fault/water_level_m=spike", Not: "fault/water_level_m=impossible",
		},
	}
}

// nowcastFaults are cases about values that the neighbouring ones speak against.
func nowcastFaults() []nowcastCase {
	return []nowcastCase{
		{
			Name: "a level that stands out alone", Ask: one(oddLevel(3)),
			Says: "fault/water_level_m=spike", Not: "level=unknown",
		},
		{Name: "a level that stands out a little", Ask: one(oddLevel(2)), Not: "fault/water_level_m=spike"},
		{Name: "a discharge that stands out alone", Ask: one(asDischarge(oddLevel(3))), Says: "fault/discharge_m3s=spike"},
		{
			Name: "a level that stays the same in rain",
			Ask:  one(rained(gauge(72, flat), 11)),
			Says: "fault/water_level_m=stuck doubt=frozen treated=missing condition=stale_river level=unknown",
		},
		{
			Name: "a level that stays the same for eight days",
			Ask:  one(gauge(193, flat)),
			Says: "fault/water_level_m=stuck doubt=frozen",
		},
		{
			Name: "a level that stays the same for six days",
			Ask:  one(gauge(145, flat)),
			Not:  "fault/water_level_m=stuck doubt=frozen",
		},
		{
			Name: "a discharge that stays the same in rain",
			Ask:  one(asDischarge(rained(gauge(72, flat), 11))),
			Says: "fault/discharge_m3s=stuck doubt=frozen",
		},
	}
}

// nowcastDoubts are cases about the newest reading, which nothing confirms yet, and about thresholds of another unit or
// zero.
func nowcastDoubts() []nowcastCase {
	// ends is the quiet river in an hour of rain with a newest level.
	ends := func(level, rain float64) []nowcast.Request {
		return one(changed(quiet(72), 0, func(v *nowcast.Reading) { v.WaterLevelM, v.RainfallMM = level, rain }))
	}
	thresholds := func(normal, flood float64) []nowcast.Request {
		return one(with(quiet(72), func(r *nowcast.Request) { r.Normal, r.FloodThreshold = normal, flood }))
	}
	const awaited = "condition=rise_unconfirmed doubt=unconfirmed_rise treated=bound"
	return []nowcastCase{
		{
			Name: "the first reading of a flash flood, or a spike", Ask: ends(4, 0),
			Says: awaited + " trend=rising early_warning=yes",
			Not:  "early_warning=no level=very_low level=low level=moderate fault/water_level_m=spike",
		},
		{Name: "such a reading in rain", Ask: ends(4, 11), Says: "early_warning=yes", Not: awaited},
		{Name: "a newest reading that rose a little", Ask: ends(2, 0), Not: awaited},
		{
			Name: "a newest reading that fell as no river does", Ask: ends(-3, 0),
			Says: "doubt=implausible treated=missing", Not: "fault/water_level_m=impossible fault/water_level_m=spike",
		},
		{
			Name: "a newest discharge that may be a code or a flood", Ask: one(asDischarge(ends(999, 0)[0])),
			Says: "doubt=no_data_code treated=bound early_warning=yes level=unknown",
			Not:  "level=very_low early_warning=no treated=missing",
		},
		{
			Name: "rain beyond any record", Ask: ends(1.2, 430),
			Says: "doubt=implausible treated=bound level=unknown early_warning=yes", Not: "level=very_low",
		},
		{
			Name: "thresholds in millimetres", Ask: thresholds(1000, 3000),
			Says: "condition=thresholds_do_not_fit doubt=unit treated=missing level=unknown missing=river",
			Not:  "level=very_low condition=no_thresholds",
		},
		{
			Name: "thresholds above another zero", Ask: thresholds(-30, -28),
			Says: "condition=thresholds_do_not_fit doubt=datum treated=missing level=unknown early_warning=yes",
			Not:  "level=extreme",
		},
		{
			Name: "thresholds far above the river", Ask: thresholds(4, 9),
			Says: "level=very_low",
			Not:  "condition=thresholds_do_not_fit",
		},
	}
}

// nowcastInputs are cases about what a question has beside what the model reads, lacks, or has beyond the training.
func nowcastInputs() []nowcastCase {
	forecast := func(mm ...float64) []nowcast.Request {
		return one(with(quiet(72), func(r *nowcast.Request) { r.RainfallForecastMM, r.Horizons = mm, []int{1} }))
	}
	high := gauge(72, rises(40)) // to 20 times the way from the normal to the threshold
	newestRain := func(mm float64) []nowcast.Request {
		return one(changed(quiet(72), 0, func(v *nowcast.Reading) { v.RainfallMM = mm }))
	}
	return []nowcastCase{
		{
			Name: "temperature and humidity",
			Ask:  one(everywhere(quiet(72), func(_ int, v *nowcast.Reading) { v.Temperature, v.Humidity = 10, 90 })),
			Says: "ignored=weather_sequence.temperature ignored=weather_sequence.humidity",
		},
		{
			Name: "level and discharge",
			Ask:  one(everywhere(quiet(72), func(_ int, v *nowcast.Reading) { v.DischargeM3S = 10 })),
			Says: "observed=water_level_m ignored=weather_sequence.discharge_m3s",
		},
		{
			Name: "a discharge, and a level until four days ago",
			Ask: one(everywhere(asDischarge(quiet(168)), func(ago int, v *nowcast.Reading) {
				if ago > 96 {
					v.WaterLevelM = 1.1 + float64(ago%3)/100
				}
			})),
			Says: "observed=discharge_m3s ignored=weather_sequence.water_level_m",
		},
		{Name: "readings of six weeks", Ask: one(quiet(1000)), Says: "ignored=weather_sequence.older_readings"},
		{
			Name: "a forecast",
			Ask:  forecast(0),
			Not:  "missing=rainfall_forecast_mm ignored=rainfall_forecast_mm.beyond_horizon",
		},
		{
			Name: "a forecast with a gap",
			Ask:  forecast(0, math.NaN(), 0),
			Says: "ignored=rainfall_forecast_mm.beyond_horizon",
		},
		{
			Name: "a forecast beyond the farthest horizon",
			Ask:  forecast(0, 0, 0, 0),
			Says: "ignored=rainfall_forecast_mm.beyond_horizon",
		},
		{
			Name: "a forecast of a record",
			Ask:  forecast(401),
			Says: "out_of_domain=rainfall_forecast_mm", Not: "ignored=rainfall_forecast_mm.beyond_horizon",
		},
		{
			Name: "no rain gauge",
			Ask:  one(everywhere(quiet(72), func(_ int, v *nowcast.Reading) { v.RainfallMM = math.NaN() })),
			Says: "missing=weather_sequence.rainfall_mm",
		},
		{
			Name: "the rain of a record", Ask: newestRain(401),
			Says: "out_of_domain=weather_sequence.rainfall_mm", Not: "fault/rainfall_mm=impossible doubt=implausible",
		},
		{
			Name: "the rain of a cloudburst",
			Ask:  newestRain(100),
			Not:  "out_of_domain=weather_sequence.rainfall_mm fault/rainfall_mm=impossible",
		},
		{
			Name: "a level beyond the training",
			Ask:  one(high),
			Says: "out_of_domain=weather_sequence.water_level_m level=extreme early_warning=yes",
			Not:  "fault/water_level_m=impossible condition=thresholds_do_not_fit",
		},
		{
			Name: "a discharge beyond the training",
			Ask:  one(asDischarge(high)),
			Says: "out_of_domain=weather_sequence.discharge_m3s level=extreme",
			Not:  "fault/discharge_m3s=impossible condition=thresholds_do_not_fit",
		},
	}
}
