package vector_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/domain/vector"
)

func TestNamesAreUnique(t *testing.T) {
	names := slices.Sorted(slices.Values(vector.Names[:]))
	if len(slices.Compact(slices.Clone(names))) != vector.NumFeatures || names[0] == "" {
		t.Errorf("a name is empty or twice: %v", names)
	}
}

// TestNothingKnownIsNothingInvented: with rain of today alone, no feature but those of that rain and of the season has a
// value.
func TestNothingKnownIsNothingInvented(t *testing.T) {
	in := vector.Missing()
	in.RainfallMM, in.Latitude, in.Date = 12, 50, time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
	var got [vector.NumFeatures]float32
	vector.Assemble(got[:], &in, vector.Look(&in).View)
	known := []string{"rain_today", "log_rain_today", "extreme_today", "season_sin", "season_cos"}
	for i, n := range vector.Names {
		if math.IsNaN(float64(got[i])) == slices.Contains(known, n) {
			t.Errorf("%s is %v", n, got[i])
		}
	}
}

// anyInputs makes inputs of which each part is there or not.
func anyInputs(rng *rand.Rand) risk.Request {
	r := risk.NewRequest()
	rain := func() float64 { return max(0, 20*rng.ExpFloat64()-15) }
	there := func() bool { return rng.IntN(2) == 0 }
	r.Latitude, r.Longitude = 120*rng.Float64()-60, 0
	r.Date = time.Date(2024, 1, 1+rng.IntN(366), 0, 0, 0, 0, time.UTC)
	r.RainfallMM = rain()
	warmth := 40*rng.Float64() - 15
	if there() {
		r.Temperature = warmth
	}
	if there() {
		r.Rainfall7dMean, r.Rainfall30dMean = rain(), rain()
	}
	if there() {
		r.RainfallForecastMM = []float64{rain()}
	}
	for range []int{0, 2, 5, 40, 95, 365}[rng.IntN(6)] {
		r.RainfallHistoryMM = append(r.RainfallHistoryMM, rain())
	}
	if there() {
		for range len(r.RainfallHistoryMM) {
			r.TemperatureHistory = append(r.TemperatureHistory, warmth+10*rng.NormFloat64())
		}
	}
	if there() {
		for _, v := range r.Site.Values() {
			*v = 3 * rng.Float64()
		}
	}
	r.Canonicalize()
	return r
}

// TestNoFeatureOfTodayOrTomorrowFallsWhenThatRainRises, and no other feature moves: what the trees may turn down is
// never touched by rain of today or of tomorrow.
func TestNoFeatureOfTodayOrTomorrowFallsWhenThatRainRises(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	first := slices.Index(vector.Names[:], "rain_yesterday")
	water, river := slices.Index(vector.Names[:], "water_today"), slices.Index(vector.Names[:], "month_water")
	for range 5000 {
		r := anyInputs(rng)
		view := vector.Look(&r.Inputs).View
		var before, after [vector.NumFeatures]float32
		vector.Assemble(before[:], &r.Inputs, view)
		more := math.Round(10*(0.1+80*rng.ExpFloat64())) / 10
		if len(r.RainfallForecastMM) > 0 && rng.IntN(2) == 0 {
			r.RainfallForecastMM[0] += more
		} else {
			r.RainfallMM += more
		}
		vector.Assemble(after[:], &r.Inputs, view)
		for i, name := range vector.Names {
			rises := i < first || i >= water && i < river
			if after[i] < before[i] || !rises && after[i] != before[i] && before[i] == before[i] {
				t.Fatalf("%s went from %v to %v with %v mm more", name, before[i], after[i], more)
			}
		}
	}
}

// TestZerosInPlaceOfUnknownDaysChangeNoFeatureOfAView is what domain/risk builds the rule on unknown days on.
func TestZerosInPlaceOfUnknownDaysChangeNoFeatureOfAView(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		r := anyInputs(rng)
		for i := range r.RainfallHistoryMM {
			if rng.IntN(20) == 0 {
				r.RainfallHistoryMM[i] = math.NaN()
			}
		}
		filled := r
		filled.RainfallHistoryMM = slices.Clone(r.RainfallHistoryMM)
		for i, v := range filled.RainfallHistoryMM {
			if v != v && rng.IntN(2) == 0 {
				filled.RainfallHistoryMM[i] = 0
			}
		}
		for _, view := range []vector.View{
			{Level: vector.Levels[rng.IntN(len(vector.Levels))]},
			{Level: vector.LongestLevel, Year: true, Gaps: rng.IntN(3)},
		} {
			if view.Year && len(r.TemperatureHistory) < 300 {
				continue
			}
			var a, b [vector.NumFeatures]float32
			vector.Assemble(a[:], &r.Inputs, view)
			vector.Assemble(b[:], &filled.Inputs, view)
			for i := range a {
				if a[i] != b[i] && (a[i] == a[i] || b[i] == b[i]) {
					t.Fatalf("%s is %v with unknown days and %v with dry ones", vector.Names[i], a[i], b[i])
				}
			}
		}
	}
}

func TestLookCountsWhatIsKnown(t *testing.T) {
	nan := math.NaN()
	days := func(n int, gaps ...int) []float64 {
		v := make([]float64, n)
		for _, g := range gaps {
			v[g] = nan
		}
		return v
	}
	for name, c := range map[string]struct {
		rain, warm []float64
		want       vector.View
	}{
		"nothing":                     {nil, nil, vector.View{}},
		"two days":                    {days(2), nil, vector.View{Gaps: 2}},
		"ten days":                    {days(10), nil, vector.View{Level: 7, Gaps: 2}},
		"ten days, the first unknown": {days(10, 0), nil, vector.View{Gaps: 2}},
		"a year of rain alone":        {days(365), nil, vector.View{Level: 90}},
		"a year":                      {days(400), days(365), vector.View{Level: 90, Year: true}},
		"a year less three days":      {days(365, 50, 60, 300), days(365), vector.View{Level: 90, Year: true, Gaps: 1}},
		"most of a year":              {days(300), days(300), vector.View{Level: 90, Year: true, Gaps: 2}},
		"a year, yesterday unknown":   {days(365, 0), days(365), vector.View{Gaps: 1}},
	} {
		in := vector.Missing()
		in.RainfallHistoryMM, in.TemperatureHistory = c.rain, c.warm
		if got := vector.Look(&in).View; got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestSnowStaysOnTheGroundUntilItThaws: the water of a thaw is that of a winter's snow.
func TestSnowStaysOnTheGroundUntilItThaws(t *testing.T) {
	in := vector.Missing()
	in.Latitude, in.Date = 45, time.Date(2024, 3, 20, 0, 0, 0, 0, time.UTC)
	in.RainfallMM, in.Temperature = 0, 9
	for age := range 365 {
		rain, warmth := 0.0, -5.0
		if age < 100 {
			rain = 1
		}
		in.RainfallHistoryMM, in.TemperatureHistory = append(in.RainfallHistoryMM, rain), append(in.TemperatureHistory, warmth)
	}
	var x [vector.NumFeatures]float32
	vector.Assemble(x[:], &in, vector.Look(&in).View)
	at := func(name string) float32 { return x[slices.Index(vector.Names[:], name)] }
	if at("snow_store") != 100 || at("water_today") != 27 || at("melt_today") != 27 || at("year_snow_fraction") != 1 {
		t.Errorf("store %v, water %v, melt %v; want 100 mm on the ground and 3 mm/K of it today", at("snow_store"),
			at("water_today"), at("melt_today"))
	}
}

// TestRadiationIsThatOfTheHandbook: Allen et al. 1998, example 8: 20° S on 3 September, 32.2 MJ/m²/day. The year's mean
// PET of a place with the same temperature every day then follows Oudin's formula.
func TestPotentialEvapotranspirationIsOudins(t *testing.T) {
	in := vector.Missing()
	in.Latitude, in.Date, in.RainfallMM = 0, time.Date(2023, 12, 31, 0, 0, 0, 0, time.UTC), 0
	for range 365 {
		in.RainfallHistoryMM, in.TemperatureHistory = append(in.RainfallHistoryMM, 1), append(in.TemperatureHistory, 20)
	}
	var x [vector.NumFeatures]float32
	vector.Assemble(x[:], &in, vector.Look(&in).View)
	// Mean extraterrestrial radiation at the equator is 36.1 MJ/m²/day (table 2.6 there): 36.1 × 25 / 245 = 3.68.
	if pet := float64(x[slices.Index(vector.Names[:], "year_pet")]); math.Abs(pet-3.68) > 0.03 {
		t.Errorf("PET %v mm/day, want 3.68", pet)
	}
}

func TestAssembleDoesNotAllocate(t *testing.T) {
	in := wholeYear()
	var row [vector.NumFeatures]float32
	if n := testing.AllocsPerRun(100, func() { vector.Assemble(row[:], &in, vector.Look(&in).View) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func wholeYear() vector.Inputs {
	in := full()
	in.RainfallHistoryMM = nil
	for i := range 365 {
		in.RainfallHistoryMM = append(in.RainfallHistoryMM, float64(i%9))
		in.TemperatureHistory = append(in.TemperatureHistory, float64(i%40-10))
		in.RiverHistory = append(in.RiverHistory, float64(i%3))
	}
	return in
}

func BenchmarkAssemble(b *testing.B) {
	year := wholeYear()
	few := full()
	few.RainfallHistoryMM = few.RainfallHistoryMM[:3]
	few.Rainfall7dMean, few.Rainfall30dMean = 4, 3
	none := few
	none.RainfallHistoryMM = nil
	for _, c := range []struct {
		name string
		in   vector.Inputs
	}{{"year", year}, {"history=3", few}, {"service", none}} {
		b.Run(strings.ReplaceAll(c.name, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			var row [vector.NumFeatures]float32
			for b.Loop() {
				vector.Assemble(row[:], &c.in, vector.Look(&c.in).View)
			}
		})
	}
}
