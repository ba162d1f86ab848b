package embedded_test

import (
	"flag"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/domain/vector"
)

// cases is how many random requests each property is tried on. A million, as go test ./adapters/modelsource/embedded -timeout 0
// -args -risk.cases 1000000 has them, takes an hour on one core.
var cases = flag.Int("risk.cases", 2000, "random requests on which the properties of the shipped risk model are tried")

func answer(m *risk.Model, r risk.Request) risk.Assessment {
	r.Canonicalize()
	var a risk.Assessment
	m.Assess(&r, &a)
	return a
}

// hurricane is a request like that of a hurricane's last day on a flat coast, without the site.
func hurricane(rain float64) risk.Request {
	r := risk.NewRequest()
	r.Latitude, r.Longitude, r.Date = 29.76, -95.37, time.Date(2017, 8, 27, 0, 0, 0, 0, time.UTC)
	r.RainfallMM, r.Temperature, r.Humidity = rain, 25, 95
	return r
}

// TestTheShippedModelGoesOnRisingWhereTheDataEnd climbs from a heavy rain to the greatest that was ever measured.
func TestTheShippedModelGoesOnRisingWhereTheDataEnd(t *testing.T) {
	m := load(t)
	previous := risk.Assessment{}
	for _, mm := range []float64{60, 100, 150, 200, 300, 600, 1000, 1800} {
		a := answer(m, hurricane(mm))
		t.Logf("%5v mm: p %.6f [%.6f, %.6f] %v %v", mm, a.Probability, a.Lower, a.Upper, a.Level, a.Quality.OutOfDomain.Names())
		if a.Probability <= previous.Probability {
			t.Errorf("%v mm: %v after %v", mm, a.Probability, previous.Probability)
		}
		if outside := a.Quality.OutOfDomain.Has(risk.InputRainfall); outside && a.Upper != 1 || mm >= 300 && !outside {
			t.Errorf("%v mm: out of domain %v, upper bound %v", mm, outside, a.Upper)
		}
		previous = a
	}
	if previous.Probability < .99 || previous.Level != domain.LevelExtreme {
		t.Errorf("1800 mm in a day: %v, %v", previous.Probability, previous.Level)
	}
}

// somewhere is a request from any place and season that brings each part or not.
func somewhere(rng *rand.Rand) risk.Request {
	r := risk.NewRequest()
	there := func() bool { return rng.IntN(2) == 0 }
	rain := func() float64 { return max(0, 20*rng.ExpFloat64()-15) }
	r.Latitude, r.Longitude, r.RainfallMM = 180*rng.Float64()-90, 360*rng.Float64()-180, rain()
	r.Date = time.Date(2024, 1, 1+rng.IntN(366), 0, 0, 0, 0, time.UTC)
	warmth := 50*rng.Float64() - 20
	maybe := func(v *float64, value float64) {
		if there() {
			*v = value
		}
	}
	maybe(&r.Temperature, warmth)
	maybe(&r.Humidity, 100*rng.Float64())
	maybe(&r.Temperature7dMean, warmth+5*rng.NormFloat64())
	maybe(&r.Temperature30dMean, warmth+5*rng.NormFloat64())
	maybe(&r.Rainfall7dMean, rain())
	maybe(&r.Rainfall30dMean, rain())
	if there() {
		r.RainfallForecastMM = []float64{rain()}
	}
	holes := []float64{0, 0, .01, .2}[rng.IntN(4)]
	for range []int{0, 1, 3, 10, 40, 95, 300, 365}[rng.IntN(8)] {
		v := rain()
		if rng.Float64() < holes {
			v = math.NaN()
		}
		r.RainfallHistoryMM = append(r.RainfallHistoryMM, v)
	}
	if there() {
		for range 365 {
			r.TemperatureHistory = append(r.TemperatureHistory, warmth+8*rng.NormFloat64())
		}
	}
	if there() {
		r.River = vector.River{Value: 4 * rng.Float64(), Normal: 1, FloodThreshold: 3}
		for range rng.IntN(40) {
			r.RiverHistory = append(r.RiverHistory, 3*rng.Float64())
		}
	}
	if there() {
		for _, v := range r.Site.Values() {
			*v = []float64{math.NaN(), 40 * rng.Float64(), rng.Float64()}[rng.IntN(3)]
		}
	}
	return r
}

// TestTheShippedModelRisesStrictlyWithRainEverywhere up to the world record for a day, or to p = .999.
func TestTheShippedModelRisesStrictlyWithRainEverywhere(t *testing.T) {
	m, rng := load(t), rand.New(rand.NewPCG(1, 5))
	for range *cases {
		r := somewhere(rng)
		rain := &r.RainfallMM
		if len(r.RainfallForecastMM) > 0 && rng.IntN(2) == 0 {
			rain = &r.RainfallForecastMM[0]
		}
		low := math.Round(18240*math.Pow(rng.Float64(), 3)) / 10
		high := min(1825, low+math.Round(10*(0.1+rng.ExpFloat64()*low/4))/10)
		*rain = low
		before := answer(m, r).Probability
		*rain = high
		if after := answer(m, r).Probability; after <= before && before < .999 {
			t.Fatalf("from %v to %v mm: %v to %v (%s)\n%+v", low, high, before, after, m.MemberFor(&r), r)
		}
	}
}

// TestTheShippedModelNeverTakesUnknownDaysForDryOnes fills some of them with zeros.
func TestTheShippedModelNeverTakesUnknownDaysForDryOnes(t *testing.T) {
	m, rng := load(t), rand.New(rand.NewPCG(2, 5))
	for range *cases {
		r := somewhere(rng)
		filled := r
		filled.RainfallHistoryMM = slices.Clone(r.RainfallHistoryMM)
		for range []int{0, 5, 400}[rng.IntN(3)] {
			if len(filled.RainfallHistoryMM) < vector.MaxHistoryDays {
				filled.RainfallHistoryMM = append(filled.RainfallHistoryMM, math.NaN())
			}
		}
		share := 2 * rng.Float64()
		for i, v := range filled.RainfallHistoryMM {
			if v != v && rng.Float64() < share {
				filled.RainfallHistoryMM[i] = 0
			}
		}
		if before, after := answer(m, r), answer(m, filled); after.Probability > before.Probability {
			t.Fatalf("from %v to %v with dry days\n%+v", before.Probability, after.Probability, r)
		}
	}
}

// TestTenDaysSayAsMuchAsTheySay: zeros behind ten days of history, with and without the site, raise nothing.
func TestTenDaysSayAsMuchAsTheySay(t *testing.T) {
	m := load(t)
	for _, site := range []bool{false, true} {
		r := hurricane(200)
		if site {
			r.Site.AreaKM2, r.Site.PrecipitationMeanMMDay, r.Site.PETMeanMMDay, r.Site.Aridity = 300, 3.4, 3.6, 1.06
		}
		none := answer(m, r)
		r.RainfallHistoryMM = []float64{180, 90, 10, 0, 0, 5, 0, 0, 3, 0}
		ten := answer(m, r)
		r.RainfallHistoryMM = append(r.RainfallHistoryMM, make([]float64, 19)...)
		month := answer(m, r)
		t.Logf("site %v: none %.4f, ten days %.4f, with 19 zeros %.4f", site, none.Probability, ten.Probability, month.Probability)
		if month.Probability > ten.Probability {
			t.Errorf("site %v: ten days %v, with 19 zeros %v", site, ten.Probability, month.Probability)
		}
	}
}
