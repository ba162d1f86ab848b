package anomaly_test

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/qartod"
)

const (
	waterTemperature = "water_temperature"
	conductivity     = "conductivity"
	turbidity        = "turbidity"
)

// probe is a self-made record every quarter of an hour of three sensors in one body, and of turbidity that
// multiplies rather than adds.
func probe(n int) []anomaly.Reading {
	rng := rand.New(rand.NewPCG(9, 9))
	out := make([]anomaly.Reading, n)
	cloud := 0.0
	for i := range out {
		day := math.Sin(2 * math.Pi * float64(i) / 96)
		cloud = 0.97*cloud + 0.06*rng.NormFloat64()
		burst := 1.0
		if rng.IntN(25) == 0 {
			burst = 1 + 0.5*rng.ExpFloat64()
		}
		out[i] = anomaly.Reading{Time: epoch.Add(time.Duration(i) * 15 * time.Minute), Values: []anomaly.Value{
			{Name: waterTemperature, Value: round(10+3*day+0.05*rng.NormFloat64(), 100)},
			{Name: conductivity, Value: round(350-5*day+0.6*rng.NormFloat64(), 10)},
			{Name: turbidity, Value: round(3*math.Exp(cloud)*burst*math.Exp(0.05*rng.NormFloat64()), 100)},
		}}
	}
	return out
}

// conditions returns what was found of a variable in the readings from first to before end.
func conditions(t *testing.T, rs []anomaly.Reading, name string, first, end int) []anomaly.Condition {
	t.Helper()
	var out []anomaly.Condition
	for i, v := range replay(newDetector(t), new(anomaly.DeviceState), rs) {
		for _, f := range v.Findings() {
			if f.Name == name && i >= first && i < end {
				out = append(out, f.Condition)
			}
		}
	}
	return out
}

// TestQuietProbe: nothing happens, so nothing may be said.
func TestQuietProbe(t *testing.T) {
	for i, v := range replay(newDetector(t), new(anomaly.DeviceState), probe(3000)) {
		if v.IsAnomaly {
			t.Fatalf("reading %d: %s", i, v.Explanation())
		}
	}
}

// TestFrozenInstrument: of an instrument that reports a logger's code for one sensor and repeats the others'
// values none was measured. A repeated value by itself says nothing.
func TestFrozenInstrument(t *testing.T) {
	for _, c := range []struct {
		name   string
		code   float64
		frozen bool
	}{{"with a code", -9999, true}, {"without", nan, false}} {
		rs := probe(1010)
		for i := 1000; i < 1004; i++ {
			*at(&rs[i], waterTemperature) = c.code
			*at(&rs[i], conductivity) = *at(&rs[999], conductivity)
			*at(&rs[i], turbidity) = *at(&rs[999], turbidity)
		}
		for i, got := range conditions(t, rs, conductivity, 1000, 1004) {
			if (got == anomaly.ConditionStuck) != c.frozen {
				t.Errorf("%s, reading %d: %s", c.name, i, got)
			}
		}
		if got := conditions(t, rs, conductivity, 1004, 1005)[0]; got != anomaly.ConditionNone {
			t.Errorf("%s, back: %s", c.name, got)
		}
	}
}

// TestOutOfWater: what falls to nothing at once is no new level, and the way back is none either.
func TestOutOfWater(t *testing.T) {
	rs := probe(1200)
	for i := 1000; i < 1100; i++ {
		*at(&rs[i], conductivity) = round(0.4+0.1*math.Sin(float64(i)), 10)
	}
	for i, got := range conditions(t, rs, conductivity, 1001, 1100) {
		if got != anomaly.ConditionOutOfWater {
			t.Fatalf("reading %d: %s", i, got)
		}
	}
	for i, got := range conditions(t, rs, conductivity, 1100, 1200) {
		if got != anomaly.ConditionNone {
			t.Fatalf("reading %d after: %s", i, got)
		}
	}
}

// TestTurbidityMultiplies: clear water that triples is clear water, twenty times the usual is a fault, and
// a flood that brings it with rain and other values is none.
func TestTurbidityMultiplies(t *testing.T) {
	rs := probe(1010)
	*at(&rs[1000], turbidity) = 3 * *at(&rs[999], turbidity)
	*at(&rs[1005], turbidity) = 20 * *at(&rs[999], turbidity)
	for i, got := range conditions(t, rs, turbidity, 1000, 1010) {
		if want := i == 5; (got != anomaly.ConditionNone) != want {
			t.Errorf("reading %d: %s", i, got)
		}
	}
	rs = probe(1010)
	for i := range rs {
		rain := 0.0
		if i >= 990 {
			rain = 2
		}
		rs[i].Values = append(rs[i].Values, anomaly.Value{Name: anomaly.NameRain, Value: rain + 0.2*float64(i%3)*rain})
	}
	*at(&rs[1005], turbidity) *= 20
	*at(&rs[1005], conductivity) -= 40
	if got := conditions(t, rs, turbidity, 1005, 1006)[0]; got != anomaly.ConditionNone {
		t.Errorf("in rain: %s", got)
	}
}

// TestAirIsOneThing: humidity that moves as the temperature makes it is no fault, the same move alone is.
func TestAirIsOneThing(t *testing.T) {
	for _, together := range []bool{true, false} {
		rs := station(1200)
		temperature, humidity := at(&rs[1000], anomaly.NameTemperature), at(&rs[1000], anomaly.NameHumidity)
		const warmer = 8
		pressure := func(c float64) float64 { return math.Exp(17.62 * c / (243.12 + c)) }
		moved := *humidity * pressure(*temperature) / pressure(*temperature+warmer)
		if together {
			*temperature += warmer
		}
		*humidity = round(moved, 10)
		got := conditions(t, rs, anomaly.NameHumidity, 1000, 1001)[0]
		if (got == anomaly.ConditionNone) != together {
			t.Errorf("together %v: %s", together, got)
		}
	}
}

// TestOtherQuantitiesStayQuiet: quantities nobody thought of, without a fault in them, give hardly an alarm.
func TestOtherQuantitiesStayQuiet(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	gust, moisture, cloud := 0.0, 30.0, 0.0
	quantities := map[string]func(i int) float64{
		"solar_radiation": func(i int) float64 {
			cloud = 0.9*cloud + 0.3*rng.NormFloat64()
			return round(max(0, 900*math.Sin(2*math.Pi*float64(i)/96))/(1+math.Exp(cloud)), 1)
		},
		"wind_speed": func(int) float64 {
			gust = 0.9*gust + 0.25*rng.NormFloat64()
			return round(max(0, 3*math.Exp(gust)-1), 10)
		},
		"soil_moisture": func(int) float64 {
			if moisture *= 0.999; rng.IntN(300) == 0 {
				moisture += 8 * rng.Float64()
			}
			return round(moisture+0.05*rng.NormFloat64(), 10)
		},
		"precipitation": func(int) float64 {
			if rng.IntN(20) > 0 {
				return 0
			}
			return round(rng.ExpFloat64()*3, 5)
		},
		"wind_direction": func(int) float64 { return round(180*(1+math.Sin(float64(rng.IntN(400)))), 1) },
		"visitors":       func(int) float64 { return float64(rng.IntN(4)) },
	}
	for _, name := range slices.Sorted(maps.Keys(quantities)) {
		next := quantities[name]
		var s anomaly.DeviceState
		var v anomaly.Verdict
		d, episodes := newDetector(t), 0
		const n = 8000
		for i := range n {
			d.StepInto(&v, &s, &anomaly.Reading{Time: epoch.Add(time.Duration(i) * 15 * time.Minute), Values: []anomaly.Value{{Name: name, Value: next(i)}}})
			if v.Alarm == anomaly.AlarmNew {
				episodes++
			}
		}
		t.Logf("%s: %d alarms in %d readings", name, episodes, n)
		if episodes > n/500 {
			t.Errorf("%s: %d alarms in %d readings without a fault", name, episodes, n)
		}
	}
}

// TestLimitOfStepsHoldsForTurbidity: an operator's limit holds whatever the variable is used to.
func TestLimitOfStepsHoldsForTurbidity(t *testing.T) {
	limits := map[string]anomaly.Limits{turbidity: {MaxStep: qartod.Levels{Suspect: 4, Fail: 20}}}
	d, err := anomaly.NewDetector(anomaly.DefaultTunings(), limits)
	if err != nil {
		t.Fatal(err)
	}
	rs := probe(1010)
	*at(&rs[1005], turbidity) = *at(&rs[1004], turbidity) + 5
	v := replay(d, new(anomaly.DeviceState), rs)[1005]
	if f := v.Findings()[2]; f.Condition != anomaly.ConditionJump || f.Flags[anomaly.TestRateOfChange] != qartod.Suspect {
		t.Errorf("%+v", f)
	}
}
