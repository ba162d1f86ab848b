package embedded_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/adapters/modelsource/embedded"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/nowcast"
)

func nowcaster(tb testing.TB) *nowcast.Model {
	tb.Helper()
	m, _, err := embedded.New().LoadNowcast(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// storm makes hourly readings that end at the given level, after a rise of so much in the last six hours
// and rain of mmPerHour in the last nine.
func storm(n int, level, rise, mmPerHour float64) nowcast.Request {
	r := nowcast.NewRequest()
	r.Latitude, r.Longitude, r.Normal, r.FloodThreshold = 45.78, 9.25, 0.5, 1.5
	for i := range n {
		v := nowcast.MissingReading()
		v.Time = time.Date(2020, 6, 1, i, 0, 0, 0, time.UTC)
		v.RainfallMM, v.WaterLevelM = 0, level-rise
		if k := n - 1 - i; k < 6 {
			v.WaterLevelM = level - rise*float64(k)/6
		}
		if n-1-i < 9 {
			v.RainfallMM = mmPerHour
		}
		r.Readings = append(r.Readings, v)
	}
	r.Canonicalize()
	return r
}

func TestTheShippedNowcasterKnowsAFloodFromACalmRiver(t *testing.T) {
	m := nowcaster(t)
	var calm, rising, over nowcast.Forecast
	r := storm(96, 0.52, 0, 0)
	m.Forecast(&r, &calm)
	r = storm(96, 1.3, 0.7, 8)
	m.Forecast(&r, &rising)
	r = storm(96, 1.9, 0.9, 8)
	m.Forecast(&r, &over)
	if p := calm.Predictions[0]; p.Probability > 0.005 || p.Level != domain.LevelVeryLow || calm.EarlyWarning || calm.Trend == nowcast.TrendRising {
		t.Errorf("calm: %+v, trend %v", p, calm.Trend)
	}
	if p := rising.Predictions[1]; p.Probability < 0.3 || !rising.EarlyWarning || rising.Trend != nowcast.TrendRising {
		t.Errorf("rising: %+v, trend %v", p, rising.Trend)
	}
	if p := over.Predictions[0]; p.Probability < 0.9 || p.Level != domain.LevelExtreme {
		t.Errorf("over: %+v", p)
	}
}

func TestForecastRainRaisesTheRiskOfACalmRiver(t *testing.T) {
	m := nowcaster(t)
	r := storm(96, 0.6, 0.05, 1)
	var dry, wet nowcast.Forecast
	r.RainfallForecastMM = make([]float64, 24)
	m.Forecast(&r, &dry)
	for i := range r.RainfallForecastMM {
		r.RainfallForecastMM[i] = 6
	}
	m.Forecast(&r, &wet)
	last := len(dry.Predictions) - 1
	if d, w := dry.Predictions[last].Probability, wet.Predictions[last].Probability; w < 5*d || w < 0.1 {
		t.Errorf("144 mm in 24 h raise the probability from %v to %v", d, w)
	}
}

// TestTheShippedNowcasterStandsFaults gives the shipped weights what sensors do.
func TestTheShippedNowcasterStandsFaults(t *testing.T) {
	m := nowcaster(t)
	rng := rand.New(rand.NewPCG(1, 1))
	var f nowcast.Forecast
	for range 300 {
		r := storm(7+rng.IntN(200), rng.NormFloat64(), rng.NormFloat64(), 10*rng.Float64())
		for i := range r.Readings {
			if rng.IntN(8) == 0 {
				r.Readings[i].WaterLevelM = []float64{math.NaN(), -999, 50, rng.NormFloat64() * 3}[rng.IntN(4)]
			}
			if rng.IntN(8) == 0 {
				r.Readings[i].RainfallMM = []float64{math.NaN(), -1, 1e4, 90}[rng.IntN(4)]
			}
		}
		r.Canonicalize()
		m.Forecast(&r, &f)
		for _, p := range f.Predictions {
			q := p.Quantiles
			if !(0 <= p.Lower && p.Lower <= p.Probability && p.Probability <= p.Upper && p.Upper <= 1) ||
				!(q.P10 <= q.P25 && q.P25 <= q.P50 && q.P50 <= q.P75 && q.P75 <= q.P90) {
				t.Fatalf("%+v", p)
			}
		}
	}
}

func BenchmarkNowcast(b *testing.B) {
	m := nowcaster(b)
	for name, n := range map[string]int{"48 readings": 48, "168 readings": 168} {
		b.Run(name, func(b *testing.B) {
			r := storm(n, 1.2, 0.6, 5)
			var f nowcast.Forecast
			m.Forecast(&r, &f)
			b.ReportAllocs()
			for b.Loop() {
				m.Forecast(&r, &f)
			}
		})
	}
}
