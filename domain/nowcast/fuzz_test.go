package nowcast_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/guardy-ai/guardy/domain/nowcast"
)

// FuzzDecodeNeverInventsAForecast holds for arbitrary bytes from a cache.
func FuzzDecodeNeverInventsAForecast(f *testing.F) {
	m := scrambled(f, 1)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 4 {
		r := anySequence(rng)
		r.Canonicalize()
		var a nowcast.Forecast
		m.Forecast(&r, &a)
		f.Add(a.AppendBinary(nil))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var a, again nowcast.Forecast
		if nowcast.Decode(data, m.Ref(), &a) != nil {
			return
		}
		coherent(t, &a)
		if err := nowcast.Decode(a.AppendBinary(nil), m.Ref(), &again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(a, again); diff != "" {
			t.Fatal(diff)
		}
	})
}

// coherent fails the test when an answer contradicts itself.
func coherent(t *testing.T, f *nowcast.Forecast) {
	t.Helper()
	for _, p := range f.Predictions {
		q := p.Quantiles
		values := []float64{q.P10, q.P25, q.P50, q.P75, q.P90}
		if !(0 <= p.Lower && p.Lower <= p.Probability && p.Probability <= p.Upper && p.Upper <= 1) ||
			!slices.IsSorted(values) || math.IsNaN(q.P10+q.P90) || math.IsInf(q.P10, 0) || math.IsInf(q.P90, 0) {
			t.Fatalf("%+v", p)
		}
	}
}

// FuzzForecast answers sequences that are made from arbitrary bytes: whatever a sensor says, the answer is
// finite and coherent.
func FuzzForecast(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"), 0.5, 1.5)
	f.Add(make([]byte, 400), math.NaN(), 1.0)
	m := scrambled(f, 2)
	f.Fuzz(func(t *testing.T, data []byte, normal, threshold float64) {
		r := nowcast.NewRequest()
		r.Latitude, r.Longitude, r.Normal, r.FloodThreshold = 45, 9, normal, threshold
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for len(data) >= 11 && len(r.Readings) < 600 {
			v := nowcast.MissingReading()
			at = at.Add(time.Duration(1+binary.LittleEndian.Uint16(data)) * time.Second)
			v.Time = at
			x := math.Float64frombits(binary.LittleEndian.Uint64(data[3:]))
			for bit, to := range []*float64{&v.RainfallMM, &v.WaterLevelM, &v.DischargeM3S, &v.Temperature, &v.Humidity} {
				if data[2]&(1<<bit) != 0 {
					*to = x
				}
			}
			if data[2]&(1<<5) != 0 { // near the threshold rather than anywhere
				v.WaterLevelM = threshold + float64(int8(data[3]))/100
			}
			r.Readings = append(r.Readings, v)
			data = data[11:]
		}
		for _, b := range data {
			r.RainfallForecastMM = append(r.RainfallForecastMM, float64(b))
		}
		if r.Validate() != nil {
			return
		}
		r.Canonicalize()
		var a nowcast.Forecast
		m.Forecast(&r, &a)
		coherent(t, &a)
		if len(a.Predictions) != len(nowcast.DefaultHorizons) || a.SequenceLength != len(r.Readings) {
			t.Fatalf("%+v", a)
		}
	})
}
