package connectrpc

import (
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
)

func (s *Server) detectAnomaly(ctx context.Context, in *anomalyRequest) (*guardyv1.DetectAnomalyResponse, error) {
	c := callOf(ctx)
	if err := in.malformed(); err != nil {
		return nil, err
	}
	r, shape := anomalyQuestion(&in.msg, fresh(c.request.Header))
	if err := refusal(append(in.violations(), shape...), "", r.Validate); err != nil {
		return nil, err
	}
	var a anomaly.Answer
	if err := s.deps.Anomaly.DetectAnomaly(ctx, &r, &a); err != nil {
		return nil, err
	}
	describeCache(c.Header(), a.Provenance)
	return anomalyAnswer(&r, &a), nil
}

// anomalyQuestion turns a message into a request and returns what is wrong with the form of its values.
func anomalyQuestion(m *guardyv1.DetectAnomalyRequest, fresh bool) (anomaly.Request, []domain.Violation) {
	r := anomaly.Request{DeviceID: m.GetDeviceId(), LocationName: m.GetLocationName(), Fresh: fresh}
	n := numbers{}
	n.sensor(&r.Reading, &guardyv1.SensorReading{
		Timestamp: m.Timestamp, RainfallMm: m.RainfallMm, Temperature: m.Temperature, Humidity: m.Humidity, WaterLevelM: m.WaterLevelM,
		BatteryVoltage: m.BatteryVoltage, SignalStrength: m.SignalStrength, Measurements: m.Measurements,
	})
	if len(m.History) > 0 {
		r.History = make([]anomaly.Reading, len(m.History))
	}
	for i, from := range m.History {
		if from == nil {
			continue // an item that was no object
		}
		before := len(n.violations)
		n.sensor(&r.History[i], from)
		for k := range n.violations[before:] {
			v := &n.violations[before+k]
			v.Pointer = "/history/" + strconv.Itoa(i) + v.Pointer
		}
	}
	return r, n.violations
}

// sensor reads one reading: the values that are there, in the contract's order and then by name.
func (n *numbers) sensor(to *anomaly.Reading, m *guardyv1.SensorReading) {
	for _, field := range [...]struct {
		name string
		from *float64
	}{
		{anomaly.NameRain, m.RainfallMm},
		{anomaly.NameTemperature, m.Temperature},
		{anomaly.NameHumidity, m.Humidity},
		{anomaly.NameWaterLevel, m.WaterLevelM},
		{anomaly.NameBattery, m.BatteryVoltage},
		{anomaly.NameSignal, m.SignalStrength},
	} {
		value := math.NaN()
		if n.read("/"+field.name, &value, field.from); value == value {
			to.Values = append(to.Values, anomaly.Value{Name: field.name, Value: value})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Measurements)) {
		if value := m.Measurements[name]; value == value { // NaN stands for one that is missing, as in a list
			to.Values = append(to.Values, anomaly.Value{Name: name, Value: value})
		}
	}
	if text := m.GetTimestamp(); text != "" { // otherwise it is required, as the use case says
		var violation *domain.Violation
		if to.Time, violation = strictjson.Time("/timestamp", text); violation != nil {
			n.violations = append(n.violations, *violation)
		}
	}
}

// anomalyAnswer is the answer to r.
func anomalyAnswer(r *anomaly.Request, a *anomaly.Answer) *guardyv1.DetectAnomalyResponse {
	m := &guardyv1.DetectAnomalyResponse{
		DeviceId: r.DeviceID, Timestamp: r.Reading.Time.UTC().Format(time.RFC3339Nano), LocationName: given(&r.LocationName),
		IsAnomaly: a.IsAnomaly, Alarm: a.Alarm.String(), AnomalyScore: float32(a.Score), Severity: a.Severity.String(),
		Confidence: float32(a.Confidence), AnomalousFeatures: a.AppendAnomalous(nil), Flags: map[string]*guardyv1.SensorFlags{},
		Threshold: anomaly.Threshold, Explanation: a.Explanation(), RequiresMaintenance: a.RequiresMaintenance,
		RecommendedAction: a.RecommendedAction(), ModelVersion: a.Model.Version, ModelDigest: a.Model.Digest,
		DetectedAt: instant(a.DetectedAt), InputQuality: &guardyv1.SensorQuality{Conditions: a.Quality.Names()},
	}
	for i := range a.Findings() {
		f := &a.Findings()[i]
		m.Flags[f.Name] = sensorFlags(f)
		if f.IsAnomaly() || f.Guarded {
			m.Findings = append(m.Findings, sensorFinding(f))
		}
	}
	return m
}

func sensorFlags(f *anomaly.Finding) *guardyv1.SensorFlags {
	flag := func(t anomaly.Test) int32 { return int32(f.Flags[t]) }
	return &guardyv1.SensorFlags{
		GrossRange: flag(anomaly.TestGrossRange), Spike: flag(anomaly.TestSpike), RateOfChange: flag(anomaly.TestRateOfChange),
		FlatLine: flag(anomaly.TestFlatLine), AttenuatedSignal: flag(anomaly.TestAttenuatedSignal),
		Climatology: flag(anomaly.TestClimatology), Multivariate: flag(anomaly.TestMultivariate),
	}
}

func sensorFinding(f *anomaly.Finding) *guardyv1.SensorFinding {
	return &guardyv1.SensorFinding{
		Feature: f.Name, Condition: f.Condition.String(), Score: float32(f.Score),
		Value: finite(f.Value), Expected: finite(f.Expected), Limit: finite(f.Limit),
		DurationS: f.DurationS, ExplainedByWeather: f.Guarded,
	}
}

// finite returns nil for what no number can say.
func finite(v float64) *float64 {
	if v-v != 0 {
		return nil
	}
	return &v
}
