package nowcast_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/nowcast"
)

func TestThresholdsThatDoNotFitAreAmongTheMissing(t *testing.T) {
	r := steady(48, 1.5)
	f := ask(t, scrambled(t, 1), &r)
	if f.Quality.Missing.Has(nowcast.InputRiver) {
		t.Errorf("thresholds that fit are missing: %v", f.Quality.Missing.Names())
	}
	r.Normal, r.FloodThreshold = 100, 300
	f = ask(t, scrambled(t, 1), &r)
	if !f.Quality.Conditions.Has(nowcast.ConditionThresholdsDoNotFit) || !f.Quality.Missing.Has(nowcast.InputRiver) {
		t.Errorf("conditions %v, missing %v", f.Quality.Conditions.Names(), f.Quality.Missing.Names())
	}
}

// A number that is used as a code and that a river may have is left out as the code and heeded as the river: the
// answer tells the second. Older ones are left out alone.
func TestTheNewestValueThatMayBeACodeIsTreatedAsABound(t *testing.T) {
	discharge := func() nowcast.Request {
		r := steady(48, math.NaN())
		r.Normal, r.FloodThreshold = 200, 900
		for i := range r.Readings {
			r.Readings[i].DischargeM3S = 600 + float64(i%3)
		}
		return r
	}
	for name, c := range map[string]struct {
		at   int
		code float64
		want domain.Treatment
	}{
		"newest":               {47, 999, domain.TreatedBound},
		"older":                {20, 999, domain.TreatedMissing},
		"newest, surely":       {47, -9999, domain.TreatedMissing},
		"newest, sure and big": {47, 999999, domain.TreatedMissing},
	} {
		r := discharge()
		r.Readings[c.at].DischargeM3S = c.code
		f := ask(t, scrambled(t, 1), &r)
		if len(f.Quality.Doubtful) != 1 || f.Quality.Doubtful[0].Treated != c.want || f.Quality.Doubtful[0].Reason != domain.DoubtNoDataCode {
			t.Errorf("%s: %+v", name, f.Quality.Doubtful)
		}
		if c.want == domain.TreatedBound && !f.EarlyWarning {
			t.Errorf("%s: %v would be a flood and there is no early warning", name, c.code)
		}
	}
}

// within is the model of scrambled, trained on rivers that a request may leave: its features lie within limits.
func within(t *testing.T, limit func(name string) domain.Range) *nowcast.Model {
	t.Helper()
	spec := scrambledSpec(1)
	for i := range spec.Features {
		r := limit(spec.Features[i].Name)
		spec.Features[i].Min, spec.Features[i].Max = r.Min, r.Max
	}
	m, err := nowcast.NewModel(spec)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestWhatLiesBeyondTheDataIsOutOfDomain(t *testing.T) {
	wide := domain.Range{Min: -1e3, Max: 1e3}
	quiet := func(*nowcast.Request) {}
	for name, c := range map[string]struct {
		feature string
		limit   domain.Range
		change  func(r *nowcast.Request)
		want    nowcast.Input
	}{
		"a sum of rain":                {"rain_6h", domain.Range{Max: math.Log1p(20)}, func(r *nowcast.Request) { r.Readings[45].RainfallMM = 30 }, nowcast.InputRainfall},
		"the wettest hour of a day":    {"rain_peak_24h", domain.Range{Max: math.Log1p(20)}, func(r *nowcast.Request) { r.Readings[30].RainfallMM = 30 }, nowcast.InputRainfall},
		"the wettest hour of 3 days":   {"rain_peak_72h", domain.Range{Max: math.Log1p(20)}, func(r *nowcast.Request) { r.Readings[2].RainfallMM = 30 }, nowcast.InputRainfall},
		"what a slow store holds":      {"store_48h", domain.Range{Max: math.Log1p(20)}, func(r *nowcast.Request) { r.Readings[40].RainfallMM = 30 }, nowcast.InputRainfall},
		"a level":                      {"z_now", domain.Range{Min: -1, Max: 0.5}, func(r *nowcast.Request) { r.Readings[47].WaterLevelM = 2.1 }, nowcast.InputWaterLevel},
		"a rise":                       {"rise_6h", domain.Range{Min: -3, Max: 2}, func(r *nowcast.Request) { r.Readings[47].WaterLevelM = 2.1 }, nowcast.InputWaterLevel},
		"a fall":                       {"rise_24h", domain.Range{Min: -2, Max: 3}, func(r *nowcast.Request) { r.Readings[47].WaterLevelM = 1.1 }, nowcast.InputWaterLevel},
		"an hour of the rain forecast": {"rain_1h", domain.Range{Max: math.Log1p(20)}, func(r *nowcast.Request) { r.RainfallForecastMM = []float64{0, 0, 30} }, nowcast.InputRainfallForecast},
		"hours of the rain forecast":   {"rain_3h", domain.Range{Max: math.Log1p(20)}, func(r *nowcast.Request) { r.RainfallForecastMM = []float64{0, 8, 8, 8, 0} }, nowcast.InputRainfallForecast},
	} {
		m := within(t, func(feature string) domain.Range {
			if feature == c.feature {
				return c.limit
			}
			return wide
		})
		for _, change := range []func(*nowcast.Request){quiet, c.change} {
			r := steady(48, 1.5)
			for i := range r.Readings {
				r.Readings[i].WaterLevelM += 0.01 * float64(i%2)
			}
			change(&r)
			f := ask(t, m, &r)
			var want nowcast.InputSet
			if r.RainfallForecastMM != nil || !slices.EqualFunc(r.Readings, steady(48, 1.5).Readings, func(a, b nowcast.Reading) bool {
				return a.RainfallMM == b.RainfallMM && math.Abs(a.WaterLevelM-b.WaterLevelM) < 0.1
			}) {
				want = want.With(c.want)
			}
			if f.Quality.OutOfDomain != want {
				t.Errorf("%s: out of domain %v, want %v", name, f.Quality.OutOfDomain.Names(), want.Names())
			}
		}
	}
}

func TestEveryHourOfTheForecastThatIsNotUsedIsTold(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		forecast []float64
		horizons []int
		want     bool
	}{
		"none":                                {nil, []int{1, 24}, false},
		"to the farthest horizon":             {make([]float64, 24), []int{1, 24}, false},
		"shorter than the farthest":           {make([]float64, 6), []int{1, 24}, false},
		"longer than the farthest":            {make([]float64, 24), []int{1, 6}, true},
		"an hour longer":                      {make([]float64, 7), []int{1, 6}, true},
		"as the trend needs":                  {make([]float64, 3), []int{1}, false},
		"days longer":                         {make([]float64, 72), []int{24}, true},
		"behind a gap":                        {[]float64{1, 2, nan, 4}, []int{24}, true},
		"behind a gap, beyond the farthest":   {[]float64{1, 2, 3, 4, nan, 6}, []int{4}, true},
		"unknown hours beyond the farthest":   {[]float64{1, 2, 3, 4, nan, nan}, []int{4}, false},
		"unknown from the first hour":         {[]float64{nan, nan}, []int{4}, false},
		"unknown in the first hour, not then": {[]float64{nan, 2}, []int{4}, true},
	} {
		r := steady(48, 1.5)
		r.RainfallForecastMM, r.Horizons = c.forecast, c.horizons
		f := ask(t, scrambled(t, 1), &r)
		if got := f.Quality.Ignored.Has(nowcast.InputFartherForecast); got != c.want {
			t.Errorf("%s: told %v, want %v", name, got, c.want)
		}
	}
}

func TestACodeForTheThresholdsIsRefused(t *testing.T) {
	for _, code := range []float64{-9999, -999, 999999, -28316.8, -8.88} {
		for pointer, change := range map[string]func(r *nowcast.Request){
			"/river/normal":          func(r *nowcast.Request) { r.Normal = code },
			"/river/flood_threshold": func(r *nowcast.Request) { r.FloodThreshold = code },
		} {
			r := steady(48, 1.5)
			change(&r)
			vs := r.Validate()
			if len(vs) != 1 || vs[0].Pointer != pointer || !strings.Contains(vs[0].Detail, "code") {
				t.Errorf("%s of %v: %+v", pointer, code, vs)
			}
		}
	}
}

func TestACodeInTheRainForecastIsAnHourThatIsNotKnown(t *testing.T) {
	m := scrambled(t, 1)
	for _, code := range []float64{-9999, -999, 9999.9, 999999} {
		r, want := steady(48, 1.5), steady(48, 1.5)
		r.RainfallForecastMM, want.RainfallForecastMM = []float64{1, 2, code, 4}, []float64{1, 2, math.NaN(), 4}
		f, w := ask(t, m, &r), ask(t, m, &want)
		if !slices.Equal(f.Predictions, w.Predictions) {
			t.Errorf("%v: %+v, an unknown hour has %+v", code, f.Predictions, w.Predictions)
		}
		told := []domain.Doubt{{Pointer: "/rainfall_forecast_mm/2", Reason: domain.DoubtNoDataCode, Treated: domain.TreatedMissing}}
		if !slices.Equal(f.Quality.Doubtful, told) || len(w.Quality.Doubtful) > 0 {
			t.Errorf("%v: doubts %v", code, f.Quality.Doubtful)
		}
		far := steady(48, 1.5)
		far.RainfallForecastMM, far.Horizons = make([]float64, 48), []int{48}
		far.RainfallForecastMM[30] = code
		if vs := far.Validate(); len(vs) != 1 || vs[0].Pointer != "/forecast_horizons/0" {
			t.Errorf("%v: 48 hours are answered beyond a code: %+v", code, vs)
		}
	}
	a, b := steady(48, 1.5), steady(48, 1.5)
	a.RainfallForecastMM, b.RainfallForecastMM = []float64{-999}, []float64{math.NaN()}
	a.Canonicalize()
	b.Canonicalize()
	if slices.Equal(a.AppendCanonical(nil), b.AppendCanonical(nil)) {
		t.Error("a code and an unknown hour share a cache key, and not the doubts")
	}
}

func TestASeriesWithTheOtherSignDoesNotFitItsThresholds(t *testing.T) {
	m := scrambled(t, 1)
	for name, c := range map[string]struct {
		level, normal, threshold float64
		doubted, warns           bool
	}{
		"an ordinary river, mirrored":       {-1.5, 1, 3, true, false},
		"a river in flood, mirrored":        {-3.2, 1, 3, true, true},
		"below the zero of the gauge":       {-0.1, 0.2, 1.5, false, false},
		"thresholds below the zero as well": {-1.5, -2, 1, false, false},
	} {
		r := steady(48, c.level)
		r.Normal, r.FloodThreshold = c.normal, c.threshold
		f := ask(t, m, &r)
		told := f.Quality.Conditions.Has(nowcast.ConditionThresholdsDoNotFit) && len(f.Quality.Doubtful) == 2 &&
			f.Quality.Doubtful[0].Reason == domain.DoubtSign && f.HighestLevel() == domain.LevelUnknown
		if told != c.doubted || c.warns && !f.EarlyWarning {
			t.Errorf("%s: conditions %v, doubts %v, level %v", name, f.Quality.Conditions.Names(), f.Quality.Doubtful, f.HighestLevel())
		}
	}
}

// A gauge that fails in a flood reads its zero, once or from then on, with or without noise.
func TestAGaugeThatFallsToItsZeroDoesNotVouchForTheRiver(t *testing.T) {
	m := scrambled(t, 1)
	for _, hours := range []int{1, 2, 6, 20} {
		for _, noise := range []float64{0, 0.005} {
			r, silent := steady(72, 1.5), steady(72, 1.5)
			for i := range r.Readings {
				v := 1.5 + 0.02*float64(i)
				r.Readings[i].WaterLevelM, silent.Readings[i].WaterLevelM = v, v
				if i >= 72-hours {
					r.Readings[i].WaterLevelM, silent.Readings[i].WaterLevelM = noise*float64(i%2), math.NaN()
				}
			}
			f, w := ask(t, m, &r), ask(t, m, &silent)
			for i, p := range f.Predictions {
				if p.Probability != w.Predictions[i].Probability {
					t.Errorf("%d h at zero: %v, silent for as long %v", hours, p, w.Predictions[i])
				}
			}
			if lower(&f, &w) || len(f.Quality.Doubtful) != min(hours, domain.MaxDoubts) || f.Quality.Doubtful[0].Reason != domain.DoubtImplausible {
				t.Errorf("%d h at zero: level %v, doubts %v", hours, f.HighestLevel(), f.Quality.Doubtful)
			}
		}
	}
	r := steady(72, 1.5)
	for i := range r.Readings { // a flood that is over falls in steps that rivers know
		r.Readings[i].WaterLevelM = 1 + 4*math.Exp(-max(0, float64(i)-50)/6)
	}
	if f := ask(t, m, &r); len(f.Quality.Doubtful) > 0 {
		t.Errorf("a flood that is over: %v", f.Quality.Doubtful)
	}
}

func TestForecastRainThatNoGaugeHasSeenWarns(t *testing.T) {
	for seed := range uint64(20) {
		m := scrambled(t, seed)
		for _, c := range []struct {
			forecast []float64
			horizons []int
			warns    bool
		}{
			{[]float64{0, 0, 50}, []int{3}, true},
			{[]float64{450}, []int{24}, true},
			{[]float64{0, 0, 450}, []int{1, 2}, false}, // nobody asks for that hour
		} {
			r := steady(48, 1.5)
			r.RainfallForecastMM, r.Horizons = c.forecast, c.horizons
			f := ask(t, m, &r)
			if c.warns && (!f.EarlyWarning || f.HighestLevel() == domain.LevelVeryLow) {
				t.Errorf("model %d, %v: early warning %v, level %v", seed, c.forecast, f.EarlyWarning, f.HighestLevel())
			}
			if calm := !slices.ContainsFunc(f.Predictions, func(p nowcast.Prediction) bool { return p.Probability >= 0.2 }); !c.warns && calm && f.EarlyWarning {
				t.Errorf("model %d: rain beyond the farthest horizon warns", seed)
			}
		}
	}
}
