package nowcast_test

import (
	"flag"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/doubt"
	"github.com/guardy-ai/guardy/domain/nowcast"
)

// doubtCases is how many requests the properties on doubt are tried on: go test -timeout 2h -run DoubtNeverLowers
// ./domain/nowcast -args -doubt.cases 1000000 takes a quarter of an hour on one core.
var (
	doubtCases = flag.Int("doubt.cases", 4000, "requests on which the properties on doubt are tried")
	doubtFirst = flag.Int("doubt.first", 0, "number of the first of these requests")
)

// doubtful is a valid sequence in which something may be an error. Its faults are those that people met: leaps
// of the newest reading, gauges that stand still while it rains, codes for no data, thresholds in another unit.
func doubtful(rng *rand.Rand) nowcast.Request {
	r := anySequence(rng)
	r.Horizons = []int{1, 24}
	n := len(r.Readings)
	last := &r.Readings[n-1]
	series := func(v *nowcast.Reading) *float64 {
		if rng.IntN(4) == 0 {
			return &v.DischargeM3S
		}
		return &v.WaterLevelM
	}
	scale := 1.0
	if r.FloodThreshold > r.Normal {
		scale = r.FloodThreshold - r.Normal
	}
	faults := []func(){
		func() { *series(last) += scale * rng.ExpFloat64() * 4 },
		func() { *series(last) -= scale * rng.ExpFloat64() * 3 },
		func() {
			*series(last) += scale * rng.ExpFloat64() * 4
			*series(&r.Readings[n-2]) += scale * rng.ExpFloat64() * 2
		},
		func() { // stuck in rain or without
			run, rain, value := 1+rng.IntN(n), rng.Float64()*20*float64(rng.IntN(2)), rng.NormFloat64()*2
			x := nowcast.MissingReading()
			to := series(&x)
			*to = value
			for i := n - run; i < n; i++ {
				if !math.IsNaN(x.WaterLevelM) {
					r.Readings[i].WaterLevelM = value
				} else {
					r.Readings[i].DischargeM3S = value
				}
				r.Readings[i].RainfallMM = rain
			}
		},
		func() {
			unit := []float64{10, 100, 1000, 0.3048, 35.3147, 0.001, 0.01, 3.28084}[rng.IntN(8)]
			r.Normal, r.FloodThreshold = r.Normal*unit, r.FloodThreshold*unit
		},
		func() { shift := rng.NormFloat64() * 100; r.Normal += shift; r.FloodThreshold += shift },
		func() { *series(&r.Readings[rng.IntN(n)]) = codes[rng.IntN(len(codes))] },
		func() { *series(last) = []float64{999, 9999, 99999, -99, 888, 6999}[rng.IntN(6)] },
		func() { last.RainfallMM = 390 + rng.ExpFloat64()*1000 },
		func() { r.Readings[rng.IntN(n)].RainfallMM = 390 + rng.ExpFloat64()*3000 },
		func() { // nobody read the river while it rained
			for i := n - 1 - rng.IntN(n-1); i < n; i++ {
				r.Readings[i].WaterLevelM, r.Readings[i].DischargeM3S = math.NaN(), math.NaN()
				r.Readings[i].RainfallMM = rng.Float64() * 30
			}
		},
		func() { slices.Reverse(r.Readings) },
		func() { // a gauge that fails in a flood and reads its zero from then on
			zero := -1 + rng.Float64()
			for i := n - 1 - rng.IntN(n/2); i < n; i++ {
				*series(&r.Readings[i]) = zero
			}
		},
		func() { // a sensor that measures downwards
			for i := range r.Readings {
				r.Readings[i].WaterLevelM = -1.5 - r.Readings[i].WaterLevelM/10
			}
			r.Normal, r.FloodThreshold = 1.5, 2+rng.Float64()*4
		},
		func() {
			if len(r.RainfallForecastMM) > 0 {
				r.RainfallForecastMM[rng.IntN(len(r.RainfallForecastMM))] = []float64{-9999, -999, 9999.9, 300}[rng.IntN(4)]
			}
		},
	}
	for range 1 + rng.IntN(2) {
		faults[rng.IntN(len(faults))]()
	}
	return r
}

// codes are codes for no data and what unit conversions made of them.
var codes = []float64{-9999, -999, -999999, 999999, -888888, 9999.9, -28316.8, -8.88, -99999, math.MinInt16, -304.4952}

// clone copies what Canonicalize changes.
func clone(r *nowcast.Request) nowcast.Request {
	c := *r
	c.Readings, c.RainfallForecastMM, c.Horizons = slices.Clone(r.Readings), slices.Clone(r.RainfallForecastMM), slices.Clone(r.Horizons)
	return c
}

// ask answers a copy of a valid request.
func ask(t *testing.T, m *nowcast.Model, r *nowcast.Request) nowcast.Forecast {
	t.Helper()
	c := clone(r)
	if vs := c.Validate(); len(vs) > 0 {
		t.Fatalf("%+v", vs[0])
	}
	c.Canonicalize()
	var f nowcast.Forecast
	m.Forecast(&c, &f)
	return f
}

// pointed finds the value that a doubt is about; nil for the thresholds.
func pointed(t *testing.T, r *nowcast.Request, d domain.Doubt) *float64 {
	t.Helper()
	parts := strings.Split(d.Pointer, "/")
	if len(parts) == 3 && parts[1] == "rainfall_forecast_mm" {
		i, err := strconv.Atoi(parts[2])
		if err != nil || i >= len(r.RainfallForecastMM) {
			t.Fatalf("pointer %q", d.Pointer)
		}
		return &r.RainfallForecastMM[i]
	}
	if len(parts) != 4 || parts[1] != "weather_sequence" {
		if !strings.HasPrefix(d.Pointer, "/river/") {
			t.Fatalf("pointer %q", d.Pointer)
		}
		return nil
	}
	i, err := strconv.Atoi(parts[2])
	if err != nil || i >= len(r.Readings) {
		t.Fatalf("pointer %q", d.Pointer)
	}
	v := &r.Readings[i]
	return map[string]*float64{
		"rainfall_mm": &v.RainfallMM, "temperature": &v.Temperature, "humidity": &v.Humidity,
		"water_level_m": &v.WaterLevelM, "discharge_m3s": &v.DischargeM3S,
	}[parts[3]]
}

// isRecent reports whether a doubt is about a reading of the newest three days.
func isRecent(r *nowcast.Request, d domain.Doubt) bool {
	i, _ := strconv.Atoi(strings.Split(d.Pointer, "/")[2])
	newest := r.Readings[i].Time
	for k := range r.Readings {
		if r.Readings[k].Time.After(newest) {
			newest = r.Readings[k].Time
		}
	}
	return newest.Sub(r.Readings[i].Time) < 72*time.Hour
}

// lower reports whether an answer is less cautious than another.
func lower(f, than *nowcast.Forecast) bool {
	l := f.HighestLevel()
	return l != domain.LevelUnknown && l < than.HighestLevel()
}

// doubtProperties holds one request to the contract's rule on doubt.
func doubtProperties(t *testing.T, m *nowcast.Model, r *nowcast.Request, rng *rand.Rand) (f nowcast.Forecast) {
	t.Helper()
	f = ask(t, m, r)
	coherent(t, &f)
	for _, d := range f.Quality.Doubtful {
		without := clone(r)
		value := pointed(t, &without, d)
		given := math.NaN()
		if value == nil {
			without.Normal, without.FloodThreshold = math.NaN(), math.NaN()
		} else {
			given, *value = *value, math.NaN()
		}
		w := ask(t, m, &without)
		if lower(&f, &w) {
			t.Errorf("%+v lowers the answer from %v to %v", d, w.HighestLevel(), f.HighestLevel())
		}
		var dangerous bool
		switch {
		case d.Reason == domain.DoubtUnconfirmedRise:
			dangerous = true
		case d.Treated == domain.TreatedBound && strings.HasSuffix(d.Pointer, "/rainfall_mm"):
			dangerous = isRecent(r, d)
		case d.Treated == domain.TreatedBound:
			dangerous = !(given < r.FloodThreshold)
		case d.Reason == domain.DoubtFrozen:
			dangerous = given >= r.FloodThreshold
		}
		if dangerous && !f.EarlyWarning {
			t.Errorf("%+v of %v would be dangerous and there is no early warning", d, given)
		}
	}
	// A code for no data says as much as nothing.
	coded, left := clone(r), clone(r)
	i := rng.IntN(len(r.Readings))
	if rng.IntN(2) == 0 {
		i = len(r.Readings) - 1
	}
	code, kind := codes[rng.IntN(len(codes))], rng.IntN(3)
	if !doubt.IsCode([...]doubt.Quantity{doubt.Rain, doubt.Level, doubt.Discharge}[kind], code) {
		return f
	}
	switch kind {
	case 0:
		coded.Readings[i].RainfallMM, left.Readings[i].RainfallMM = code, math.NaN()
	case 1:
		coded.Readings[i].WaterLevelM, left.Readings[i].WaterLevelM = code, math.NaN()
	case 2:
		coded.Readings[i].DischargeM3S, left.Readings[i].DischargeM3S = code, math.NaN()
	}
	a, b := ask(t, m, &coded), ask(t, m, &left)
	if lower(&a, &b) || b.EarlyWarning && !a.EarlyWarning {
		t.Errorf("%v at reading %d lowers the answer from %v to %v", code, i, b.HighestLevel(), a.HighestLevel())
	}
	return f
}

func TestDoubtNeverLowersTheAnswer(t *testing.T) {
	var models []*nowcast.Model
	for seed := range uint64(5) {
		models = append(models, scrambled(t, seed))
	}
	doubts := map[domain.DoubtReason]int{}
	for i := range *doubtCases {
		seed := uint64(*doubtFirst + i)
		rng := rand.New(rand.NewPCG(seed, 77))
		r := doubtful(rng)
		if r.Validate() != nil {
			continue
		}
		m := models[seed%5]
		f := doubtProperties(t, m, &r, rng)
		for _, d := range f.Quality.Doubtful {
			doubts[d.Reason]++
		}
		if t.Failed() {
			t.Fatalf("sequence %d", seed)
		}
	}
	t.Logf("doubts by reason: %v", doubts)
	for _, reason := range []domain.DoubtReason{
		domain.DoubtNoDataCode, domain.DoubtUnit, domain.DoubtDatum, domain.DoubtSign, domain.DoubtFrozen, domain.DoubtUnconfirmedRise, domain.DoubtImplausible,
	} {
		if doubts[reason] == 0 {
			t.Errorf("no sequence led to the doubt %v: the property was not tried", reason)
		}
	}
}

func TestADoubtThatMattersIsToldBeforeManyThatDoNot(t *testing.T) {
	r := steady(100, 1.5)
	for i := range 60 {
		r.Readings[i].RainfallMM, r.Readings[i+10].WaterLevelM = -0.2, -9999
	}
	r.Readings[99].WaterLevelM = 20
	f := ask(t, scrambled(t, 1), &r)
	if d := f.Quality.Doubtful; len(d) != domain.MaxDoubts || d[0].Reason != domain.DoubtUnconfirmedRise {
		t.Errorf("%d doubts, the first %+v", len(d), d[0])
	}
}

// FuzzDoubtNeverLowersTheAnswer tries the same on sequences that the fuzzer makes.
func FuzzDoubtNeverLowersTheAnswer(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, 0, 3.0, 0.5, 2.5)
	}
	m := scrambled(f, 3)
	f.Fuzz(func(t *testing.T, seed uint64, at int, value, normal, threshold float64) {
		rng := rand.New(rand.NewPCG(seed, 78))
		r := doubtful(rng)
		if at >= 0 && at < len(r.Readings) {
			r.Readings[len(r.Readings)-1-at].WaterLevelM = value
		}
		r.Normal, r.FloodThreshold = normal, threshold
		if r.Validate() != nil {
			return
		}
		doubtProperties(t, m, &r, rng)
	})
}
