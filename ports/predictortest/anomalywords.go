package predictortest

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/qartod"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/wordtest"
)

// Watch is a detector with the model that is served, for RunAnomalyDetectorWords.
type Watch struct {
	ports.AnomalyDetector
	// FailStates makes the store of device states fail until it is called again with nil.
	FailStates func(err error)
}

// RunAnomalyDetectorWords holds a detector to every word of its answer. open returns one that knows no device,
// whose clock stands at now and which has the limits.
func RunAnomalyDetectorWords(t *testing.T, open func(t *testing.T, now time.Time, limits anomaly.Overrides) Watch) {
	t.Helper()
	w := open(t, watchNow, watchLimits())
	wordtest.Run(t, anomalySets(), anomalyCases(), func(t *testing.T, r record) wordtest.Said {
		said := wordtest.Said{}
		for i, reading := range r.readings {
			if r.lost && i == r.from {
				w.FailStates(errors.New("the cable is cut"))
				t.Cleanup(func() { w.FailStates(nil) })
			}
			a := Detect(t, w, Asked(t.Name(), reading))
			if i >= r.from {
				anomalySaid(said, a, r.about)
			}
		}
		return said
	})
}

// watchNow is the time of the detector's clock. Records end before it.
var watchNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	setSeverity    = "severity"
	setAlarm       = "alarm"
	setAnomaly     = "anomaly"
	setMaintenance = "maintenance"
	setInterest    = "high_interest"
	setStanding    = "quality"
	setFlag        = "flag/" // and the test
)

const allVariables = ""

func anomalySaid(said wordtest.Said, a *anomaly.Answer, about string) {
	said.Add(setSeverity, a.Severity.String())
	said.Add(setAlarm, a.Alarm.String())
	said.Add(setAnomaly, yes(a.IsAnomaly))
	said.Add(setMaintenance, yes(a.RequiresMaintenance))
	said.Add(setInterest, yes(a.HighInterest))
	for _, name := range a.Quality.Names() {
		said.Add(setStanding, name)
	}
	for _, f := range a.Findings() {
		if about != allVariables && f.Name != about {
			continue
		}
		said.Add(setCondition, f.Condition.String())
		for test := range anomaly.NumTests {
			said.Add(setFlag+test.String(), f.Flags[test].String())
		}
	}
}

func anomalySets() []wordtest.Set {
	sets := []wordtest.Set{
		wordtest.Of(setCondition, anomaly.NumConditions),
		wordtest.Of(setSeverity, anomaly.NumSeverities),
		wordtest.Of(setAlarm, anomaly.NumAlarms),
		{Name: setAnomaly, Words: yesNo},
		{Name: setMaintenance, Words: yesNo},
		{Name: setInterest, Words: yesNo},
		{Name: setStanding, Words: (^anomaly.Quality(0)).Names()},
	}
	for test := range anomaly.NumTests {
		s := wordtest.Set{Name: setFlag + test.String()}
		for flag := range qartod.Flag(math.MaxUint8) {
			if flag.Valid() {
				s.Words = append(s.Words, flag.String())
			}
		}
		switch test {
		case anomaly.TestGrossRange:
			s = s.Except("the test needs no history", "unknown")
		case anomaly.TestAttenuatedSignal:
			s = s.Except("quiet weather attenuates a signal, too: the test is never sure", "fail")
		default:
		}
		sets = append(sets, s)
	}
	return sets
}

// record is what a device said. The words are those of the answers to its readings from the index from on, about
// one variable or all of them.
type record struct {
	readings []anomaly.Reading
	from     int
	about    string
	lost     bool // the store of states fails from the index from on
}

// seasonalName is a variable with the limits of an operator for a season.
const seasonalName = "greenhouse_temperature"

func watchLimits() anomaly.Overrides {
	january := anomaly.SeasonText{Months: []int{1, 1}, Fail: []float64{-10, 50}, Suspect: []float64{0, 40}}
	limits := anomaly.LimitsText{Seasons: []anomaly.SeasonText{january}}
	return anomaly.Overrides{Variables: map[string]anomaly.LimitsText{seasonalName: limits}}
}

const conductivity = "conductivity"

// station is a self-made record of n hourly readings that end on the last of January. Nothing stands out in it.
func station(n int) []anomaly.Reading {
	rng := rand.New(rand.NewPCG(51, 52))
	end := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	round := func(v, scale float64) float64 { return math.Round(v*scale) / scale }
	out := make([]anomaly.Reading, n)
	for i := range out {
		day := math.Sin(2 * math.Pi * float64(i) / 24)
		out[i] = anomaly.Reading{Time: end.Add(time.Duration(i-n+1) * time.Hour), Values: []anomaly.Value{
			{Name: anomaly.NameRain, Value: 0},
			{Name: anomaly.NameTemperature, Value: round(12+6*day+0.3*rng.NormFloat64(), 10)},
			{Name: anomaly.NameHumidity, Value: round(75-15*day+1.5*rng.NormFloat64(), 1)},
			{Name: anomaly.NameWaterLevel, Value: round(1+0.05*day+0.01*rng.NormFloat64(), 1000)},
			{Name: anomaly.NameBattery, Value: round(12.6+0.1*day+0.02*rng.NormFloat64(), 100)},
			{Name: anomaly.NameSignal, Value: round(-70+2*rng.NormFloat64(), 1)},
			{Name: conductivity, Value: round(350-5*day+0.6*rng.NormFloat64(), 10)},
		}}
	}
	return out
}

// habit is how many readings a device has sent before something happens.
const habit = 300

// after is a station on which something happens to one variable: value gives what it says in the readings after
// its habit, by their number and by what it would have said.
func after(name string, readings int, value func(i int, usual float64) float64) record {
	rs := station(habit + readings)
	for i := range readings {
		*valueOf(&rs[habit+i], name) = value(i, *valueOf(&rs[habit+i], name))
	}
	return record{readings: rs, from: habit, about: name}
}

// valueOf returns the value of a variable in a reading, which must have it.
func valueOf(r *anomaly.Reading, name string) *float64 {
	return &r.Values[slices.IndexFunc(r.Values, func(v anomaly.Value) bool { return v.Name == name })].Value
}

// since returns the record with the words from the reading of that number after the habit on.
func (r record) since(i int) record {
	r.from = habit + i
	return r
}

// beside returns the record with another variable at a value after the habit.
func (r record) beside(name string, value float64) record {
	for i := habit; i < len(r.readings); i++ {
		*valueOf(&r.readings[i], name) = value
	}
	return r
}

// last returns the record with a change in its newest reading.
func (r record) last(change func(r *anomaly.Reading)) record {
	change(&r.readings[len(r.readings)-1])
	return r
}

// named returns the record with another name for its variable.
func (r record) named(name string) record {
	for i := range r.readings {
		for k := range r.readings[i].Values {
			if v := &r.readings[i].Values[k]; v.Name == r.about {
				v.Name = name
			}
		}
	}
	r.about = name
	return r
}

func constant(v float64) func(int, float64) float64 { return func(int, float64) float64 { return v } }

func plus(v float64) func(int, float64) float64 {
	return func(_ int, usual float64) float64 { return usual + v }
}

// alone adds v to the first value only.
func alone(v float64) func(int, float64) float64 {
	return func(i int, usual float64) float64 {
		if i == 0 {
			return usual + v
		}
		return usual
	}
}

// share leaves a share of the value.
func share(v float64) func(int, float64) float64 {
	return func(_ int, usual float64) float64 { return usual * v }
}

// step adds v to each value once more than to the one before.
func step(v float64) func(int, float64) float64 {
	return func(i int, usual float64) float64 { return usual + v*float64(i) }
}

// flicker stays at a value but for one digit now and then.
func flicker(v, digit float64) func(int, float64) float64 {
	return func(i int, _ float64) float64 { return v + digit*float64(i/9%2) }
}

// swing adds v to every other value.
func swing(v float64) func(int, float64) float64 {
	return func(i int, usual float64) float64 { return usual + v*float64(i%2) }
}

func anomalyCases() []anomalyCase {
	readings := RandomReadings(rand.New(rand.NewPCG(55, 56)), 1000)
	anything := []anomalyCase{{Name: anythingAtAll, Ask: record{readings: readings}}}
	return slices.Concat(anomalyConditions(), anomalyEpisodes(), anomalyFlags(), anomalyStandings(), anything)
}

type anomalyCase = wordtest.Case[record]

// anomalyConditions are cases about what is wrong with a variable.
func anomalyConditions() []anomalyCase {
	const week = 7 * 24
	return []anomalyCase{
		{
			Name: "nothing", Ask: record{readings: station(habit), from: 200},
			Says: "condition=none severity=normal alarm=none anomaly=no maintenance=no high_interest=no " +
				"flag/gross_range=good flag/rate_of_change=good flag/flat_line=good",
			Not: "anomaly=yes quality=cold_start quality=no_state",
		},
		{
			Name: "a code for no data", Ask: after(anomaly.NameWaterLevel, 1, constant(-9999)),
			Says: "condition=sentinel severity=medium flag/gross_range=fail flag/flat_line=missing",
		},
		{
			Name: "a temperature that the air never has", Ask: after(anomaly.NameTemperature, 1, constant(61)),
			Says: "condition=impossible flag/gross_range=fail flag/rate_of_change=unknown",
		},
		{
			Name: "a temperature that stands out alone", Ask: after(anomaly.NameTemperature, 2, alone(4)).since(1),
			Says: "condition=spike flag/spike=suspect severity=low",
		},
		{
			Name: "a temperature that stands out a little",
			Ask:  after(anomaly.NameTemperature, 2, alone(1)),
			Not:  "condition=spike",
		},
		{
			Name: "a step that is not confirmed", Ask: after(conductivity, 2, plus(80)),
			Says: "condition=jump flag/rate_of_change=fail", Not: "condition=shifted",
		},
		{
			Name: "a step that is confirmed",
			Ask:  after(conductivity, 3, plus(80)).since(2),
			Says: "condition=shifted maintenance=yes",
		},
		{Name: "a small step", Ask: after(conductivity, 1, plus(2)), Not: "condition=jump"},
		{
			Name: "a level that stays the same for long",
			Ask:  after(anomaly.NameWaterLevel, 60, constant(1.02)).since(59),
			Says: "condition=stuck maintenance=yes",
		},
		{
			Name: "a level that stays the same for a while",
			Ask:  after(anomaly.NameWaterLevel, 4, constant(1.02)),
			Not:  "condition=stuck",
		},
		{Name: "a sensor that swings", Ask: after(conductivity, 60, swing(20)), Says: "condition=noisy"},
		{
			Name: "rain from dry air", Ask: after(anomaly.NameRain, 1, constant(20)).beside(anomaly.NameHumidity, 40),
			Says: "condition=unlikely flag/multivariate=suspect",
		},
		{
			Name: "rain from the air of a desert",
			Ask:  after(anomaly.NameRain, 1, constant(20)).beside(anomaly.NameHumidity, 15),
			Says: "condition=unlikely flag/multivariate=fail",
		},
		{
			Name: "rain from moist air",
			Ask:  after(anomaly.NameRain, 1, constant(20)).beside(anomaly.NameHumidity, 60),
			Not:  "condition=unlikely",
		},
		{
			Name: "a sensor above the water",
			Ask:  after(conductivity, 100, share(0.01)).since(1),
			Says: "condition=out_of_water",
			Not:  "condition=shifted",
		},
		{
			Name: "fresh water in the sea",
			Ask:  after(conductivity, 6, share(0.2)),
			Says: "condition=shifted",
			Not:  "condition=out_of_water",
		},
		{
			Name: "a sensor above the water for longer than a week",
			Ask:  after(conductivity, week+24, share(0.01)).since(week + 6),
			Not:  "condition=out_of_water",
		},
		{
			Name: "a battery that grows old",
			Ask:  after(anomaly.NameBattery, 40, step(-0.05)).since(39),
			Says: "condition=sagging",
		},
		{Name: "a radio link that grows weak", Ask: after(anomaly.NameSignal, 40, step(-0.8)), Says: "condition=sagging"},
		{
			Name: "a radio link that grows a little weaker",
			Ask:  after(anomaly.NameSignal, 40, step(-0.3)),
			Not:  "condition=sagging",
		},
	}
}

// anomalyEpisodes are cases about the alarm of a device and its severity.
func anomalyEpisodes() []anomalyCase {
	spike := after(anomaly.NameTemperature, 4, alone(4))
	stuck := after(anomaly.NameTemperature, 60, constant(12))
	flood := after(anomaly.NameWaterLevel, 3, step(0.4)).beside(anomaly.NameRain, 6).beside(anomaly.NameHumidity, 95)
	return []anomalyCase{
		{Name: "the first reading of an episode", Ask: cut(spike, 2).since(1), Says: "alarm=new anomaly=yes"},
		{Name: "a good reading after it", Ask: cut(spike, 3).since(2), Says: "alarm=ongoing anomaly=no"},
		{Name: "two good readings after it", Ask: cut(spike, 4).since(3), Says: "alarm=cleared anomaly=no"},
		{
			Name: "a fault of some hours",
			Ask:  cut(stuck, 14).since(13),
			Says: "severity=high alarm=ongoing maintenance=yes flag/flat_line=suspect",
		},
		{Name: "a fault of days", Ask: stuck.since(59), Says: "severity=high flag/flat_line=fail"},
		{
			Name: "a flood", Ask: flood, Says: "high_interest=yes flag/rate_of_change=suspect condition=none",
			Not: "anomaly=yes condition=jump",
		},
	}
}

// cut returns the record up to a number of readings after the habit.
func cut(r record, readings int) record {
	r.readings = r.readings[:habit+readings]
	return r
}

// anomalyFlags are cases about the flags of the tests.
func anomalyFlags() []anomalyCase {
	seasonal := func(celsius float64) record {
		return after(anomaly.NameTemperature, 1, constant(celsius)).named(seasonalName)
	}
	var missing string
	for test := range anomaly.NumTests {
		missing += setFlag + test.String() + "=missing "
	}
	return []anomalyCase{
		{
			Name: "no value",
			Ask:  after(anomaly.NameWaterLevel, 1, constant(math.NaN())),
			Says: missing,
			Not:  "anomaly=yes",
		},
		{
			Name: "air that is more than saturated",
			Ask:  after(anomaly.NameHumidity, 1, constant(104)),
			Says: "flag/gross_range=suspect",
		},
		{
			Name: "a temperature that stands far out alone", Ask: after(anomaly.NameTemperature, 2, alone(7)),
			Says: "flag/spike=good flag/spike=fail", Not: "flag/spike=suspect",
		},
		{
			Name: "a level that hardly moves", Ask: after(anomaly.NameWaterLevel, 60, flicker(1, 0.001)).since(50),
			Says: "flag/attenuated_signal=suspect", Not: "anomaly=yes",
		},
		{
			Name: "a level that moves as it does", Ask: after(anomaly.NameWaterLevel, 60, plus(0)),
			Says: "flag/attenuated_signal=good", Not: "flag/attenuated_signal=suspect",
		},
		{Name: "a temperature of the season", Ask: seasonal(12), Says: "flag/climatology=good"},
		{Name: "a temperature that the season seldom has", Ask: seasonal(-1), Says: "flag/climatology=suspect"},
		{
			Name: "a temperature that the season never has",
			Ask:  seasonal(-11),
			Says: "flag/climatology=fail condition=unlikely",
		},
		{
			Name: "no season", Ask: after(anomaly.NameTemperature, 1, plus(0)),
			Says: "flag/climatology=unknown flag/multivariate=good",
		},
		{
			Name: "a new device", Ask: record{readings: station(1), about: anomaly.NameWaterLevel},
			Says: "flag/spike=unknown flag/flat_line=unknown flag/attenuated_signal=unknown flag/multivariate=unknown " +
				"flag/rate_of_change=unknown",
		},
	}
}

// anomalyStandings are cases about what stands behind a verdict.
func anomalyStandings() []anomalyCase {
	usual := func() record { return after(anomaly.NameTemperature, 2, plus(0)).since(1) }
	lost := usual()
	lost.lost = true
	more := usual().last(func(r *anomaly.Reading) {
		for i := range anomaly.MaxVariables - len(r.Values) {
			r.Values = append(r.Values, anomaly.Value{Name: fmt.Sprintf("auxiliary_%d", i), Value: 1})
		}
		r.Values[0].Name = "rain" // one more than were heard before
	})
	return []anomalyCase{
		{
			Name: "the first reading of a device",
			Ask:  record{readings: station(1)},
			Says: "quality=no_state quality=cold_start",
		},
		{
			Name: "the twentieth reading of a device",
			Ask:  record{readings: station(20), from: 19},
			Says: "quality=cold_start",
			Not:  "quality=no_state",
		},
		{
			Name: "a reading sent again", Ask: usual().last(func(r *anomaly.Reading) { r.Time = r.Time.Add(-time.Hour) }),
			Says: "quality=out_of_order",
		},
		{Name: "more variables than are looked at", Ask: more, Says: "quality=variables_ignored"},
		{Name: "a store of states that fails", Ask: lost, Says: "quality=state_lost", Not: "quality=no_state"},
		{
			Name: "a clock that is ahead",
			Ask:  usual().last(func(r *anomaly.Reading) { r.Time = watchNow.Add(6 * time.Minute) }),
			Says: "quality=future_timestamp",
		},
		{
			Name: "a clock that is a little ahead",
			Ask:  usual().last(func(r *anomaly.Reading) { r.Time = watchNow.Add(4 * time.Minute) }),
			Not:  "quality=future_timestamp",
		},
	}
}
