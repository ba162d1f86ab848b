package transporttest

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/nowcast"
)

// Bodies of requests of any size, in the JSON of the contract, and use cases that answer them without a model.

// AnomalyBody is a question with n earlier readings.
func AnomalyBody(n int) string {
	var b strings.Builder
	b.WriteString(`{"device_id":"gauge-7","timestamp":"2026-02-01T00:00:00Z","rainfall_mm":0.4,"temperature":4.1,"water_level_m":1000,"measurements":{"conductivity":311.5},"history":[`)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"timestamp":"%s","rainfall_mm":%.1f,"temperature":%.1f,"water_level_m":%.3f,"measurements":{"conductivity":%d}}`,
			at.Add(time.Duration(i)*time.Minute).Format(time.RFC3339), float64(i%7)/3, 10+float64(i%9)/2, 0.3+float64(i%40)/100, 300+i%20)
	}
	b.WriteString("]}")
	return b.String()
}

// Detector judges by the tests themselves and keeps the state of one device.
type Detector struct {
	model *anomaly.Model
	state anomaly.DeviceState
}

// NewDetector returns a Detector that has seen nothing.
func NewDetector(tb testing.TB) *Detector {
	tb.Helper()
	model, err := anomaly.NewModel(anomaly.Spec{
		Ref: domain.ModelRef{Name: domain.AnomalyDetector, Version: "1.2.3", Digest: Ref.Digest}, Tunings: anomaly.DefaultTunings(),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return &Detector{model: model}
}

// Reset forgets the device.
func (d *Detector) Reset() { d.state = anomaly.DeviceState{} }

// DetectAnomaly implements ports.AnomalyDetector.
func (d *Detector) DetectAnomaly(_ context.Context, r *anomaly.Request, a *anomaly.Answer) error {
	if err := domain.Invalid("anomaly", r.Validate()); err != nil {
		return err
	}
	r.Canonicalize()
	d.model.Assess(r, &d.state, a)
	a.DetectedAt = AssessedAt
	return nil
}

// sequence is the JSON of n hourly readings.
func sequence(n int) string {
	var b strings.Builder
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"timestamp":"%s","rainfall_mm":%.1f,"temperature":%.1f,"humidity":%d,"water_level_m":%.3f}`,
			at.Add(time.Duration(i)*time.Hour).Format(time.RFC3339), float64(i%7)/3, 10+float64(i%9)/2, 60+i%30, 0.3+float64(i%40)/100)
	}
	return b.String()
}

// NowcastBody is a question with that many readings.
func NowcastBody(readings int) string {
	return `{"latitude":45.78,"longitude":9.25,"river":{"normal":0.22,"flood_threshold":0.88},"weather_sequence":[` + sequence(readings) + `]}`
}

// FixedNowcast answers the same to everything that can be meant.
type FixedNowcast struct{ Forecast nowcast.Forecast }

// Nowcast implements ports.Nowcaster.
func (f FixedNowcast) Nowcast(_ context.Context, r *nowcast.Request, to *nowcast.Forecast) error {
	if err := domain.Invalid("nowcast", r.Validate()); err != nil {
		return err
	}
	r.Canonicalize()
	*to = f.Forecast
	return nil
}

// SomeForecast is an answer with all that one usually has.
func SomeForecast() nowcast.Forecast {
	f := nowcast.Forecast{
		IssuedFor: AssessedAt.Truncate(time.Second), Observed: nowcast.SeriesWaterLevel, Coverage: 0.9,
		MaxRisk: 1, Trend: nowcast.TrendRising, EarlyWarning: true, SequenceLength: 168,
		Model: domain.ModelRef{Name: domain.Nowcaster, Version: "1.2.3", Digest: Ref.Digest}, PredictedAt: AssessedAt,
	}
	for i, h := range nowcast.DefaultHorizons {
		p := 0.2 + float64(i%2)/7
		f.Predictions = append(f.Predictions, nowcast.Prediction{
			HoursAhead: h, Probability: p, Lower: p / 2, Upper: (1 + p) / 2, Confidence: 0.4567, Level: domain.LevelModerate,
			Quantiles: nowcast.Quantiles{P10: 0.3123, P25: 0.4123, P50: 0.5123, P75: 0.6123, P90: 0.7123},
		})
	}
	f.Quality.Missing = f.Quality.Missing.With(nowcast.InputRainfallForecast)
	f.Quality.Ignored = f.Quality.Ignored.With(nowcast.InputTemperature).With(nowcast.InputHumidity)
	return f
}

// EvacuationHead is a question that lacks its end; EvacuationBody has it.
const (
	EvacuationHead = `{"latitude":47.16,"longitude":9.51,"flood_probability":0.8,"risk_level":"high","population_density":1200`
	EvacuationBody = EvacuationHead + `}`
)

// FloodBody has a flood with n corners.
func FloodBody(n int) string {
	var b strings.Builder
	b.WriteString(EvacuationHead + `,"flood_extent":{"type":"Polygon","coordinates":[[`)
	for i := range n + 1 {
		sin, cos := math.Sincos(2 * math.Pi * float64(i%n) / float64(n))
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "[%.6f,%.6f]", 9.5+cos, 47+sin)
	}
	b.WriteString("]]}}")
	return b.String()
}

// ZonesOnly is the use case without a region, a cache and a record.
type ZonesOnly struct{}

// PlanEvacuation implements ports.EvacuationPlanner.
func (ZonesOnly) PlanEvacuation(_ context.Context, r *evacuation.Request, a *evacuation.Answer) error {
	if err := domain.Invalid("evacuation", r.Validate()); err != nil {
		return err
	}
	r.Canonicalize()
	err := evacuation.NewPlanner(nil, Ref.Digest).Plan(r, func() float64 { return 0 }, a)
	a.GeneratedAt = AssessedAt
	return err
}
