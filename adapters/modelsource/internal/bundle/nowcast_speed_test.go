package bundle_test

import (
	"math"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/adapters/modelsource/internal/bundle"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/models"
)

// BenchmarkShippedNowcast is the model part of a nowcast by the shipped model.
func BenchmarkShippedNowcast(b *testing.B) {
	m, _, err := bundle.LoadNowcast(b.Context(), models.FS)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name               string
		readings, forecast int
		leap               float64
	}{
		{"48 readings", 48, 0, 0},
		{"168 readings", 168, 0, 0},
		{"168 readings and a day of rain forecast", 168, 24, 0},
		{"48 readings, the newest leapt", 48, 0, 12},
	} {
		r := nowcast.NewRequest()
		r.Latitude, r.Longitude, r.Normal, r.FloodThreshold = 45, 9, 1, 3
		for i := range c.readings {
			v := nowcast.MissingReading()
			v.Time = time.Date(2026, 1, 1, i, 0, 0, 0, time.UTC)
			v.RainfallMM, v.WaterLevelM = float64(i%5)/2, 1.2+0.3*math.Sin(float64(i)/9)
			r.Readings = append(r.Readings, v)
		}
		r.Readings[c.readings-1].WaterLevelM += c.leap
		r.RainfallForecastMM = make([]float64, c.forecast)
		if vs := r.Validate(); vs != nil {
			b.Fatal(vs)
		}
		r.Canonicalize()
		b.Run(c.name, func(b *testing.B) {
			var f nowcast.Forecast
			m.Forecast(&r, &f)
			b.ReportAllocs()
			for b.Loop() {
				m.Forecast(&r, &f)
			}
		})
	}
}
