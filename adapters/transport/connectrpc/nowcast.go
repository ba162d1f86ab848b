package connectrpc

import (
	"context"
	"strconv"
	"time"

	"connectrpc.com/connect"

	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/nowcast"
)

func (s *Server) nowcast(ctx context.Context, in *nowcastRequest) (*guardyv1.NowcastResponse, error) {
	c := callOf(ctx)
	if err := in.malformed(); err != nil {
		return nil, err
	}
	r, shape := nowcastQuestion(&in.msg, fresh(c.request.Header))
	if err := refusal(append(in.violations(), shape...), "", r.Validate); err != nil {
		return nil, err
	}
	var f nowcast.Forecast
	if err := s.deps.Nowcast.Nowcast(ctx, &r, &f); err != nil {
		return nil, err
	}
	describeCache(c.Header(), f.Provenance)
	if c.notModified() {
		return nil, connect.NewNotModifiedError(nil)
	}
	return nowcastAnswer(&r, &f), nil
}

// nowcastQuestion turns a message into a request and returns what is wrong with the form of its values.
func nowcastQuestion(m *guardyv1.NowcastRequest, fresh bool) (nowcast.Request, []domain.Violation) {
	r := nowcast.NewRequest()
	n := numbers{}
	n.read("/latitude", &r.Latitude, m.Latitude)
	n.read("/longitude", &r.Longitude, m.Longitude)
	r.LocationID, r.LocationName = m.GetLocationId(), m.GetLocationName()
	r.Readings = make([]nowcast.Reading, len(m.WeatherSequence))
	for i, from := range m.WeatherSequence {
		n.reading(i, &r.Readings[i], from)
	}
	for _, h := range m.ForecastHorizons {
		r.Horizons = append(r.Horizons, int(h))
	}
	r.RainfallForecastMM = m.RainfallForecastMm
	if v := m.River; v != nil {
		n.read("/river/normal", &r.Normal, v.Normal)
		n.read("/river/flood_threshold", &r.FloodThreshold, v.FloodThreshold)
	}
	r.Fresh = fresh
	return r, n.violations
}

// reading reads one reading; m is nil for an item that was no object.
func (n *numbers) reading(i int, to *nowcast.Reading, m *guardyv1.Reading) {
	*to = nowcast.MissingReading()
	if m == nil {
		return
	}
	before := len(n.violations)
	n.read("/rainfall_mm", &to.RainfallMM, m.RainfallMm)
	n.read("/temperature", &to.Temperature, m.Temperature)
	n.read("/humidity", &to.Humidity, m.Humidity)
	n.read("/water_level_m", &to.WaterLevelM, m.WaterLevelM)
	n.read("/discharge_m3s", &to.DischargeM3S, m.DischargeM3S)
	if text := m.GetTimestamp(); text != "" { // otherwise it is required, as the use case says
		var violation *domain.Violation
		if to.Time, violation = strictjson.Time("/timestamp", text); violation != nil {
			n.violations = append(n.violations, *violation)
		}
	}
	for k := range n.violations[before:] {
		v := &n.violations[before+k]
		v.Pointer = "/weather_sequence/" + strconv.Itoa(i) + v.Pointer
	}
}

// nowcastAnswer is the answer to r.
func nowcastAnswer(r *nowcast.Request, f *nowcast.Forecast) *guardyv1.NowcastResponse {
	m := &guardyv1.NowcastResponse{
		LocationId: given(&r.LocationID), LocationName: given(&r.LocationName),
		Predictions:    make([]*guardyv1.HorizonPrediction, len(f.Predictions)),
		MaxRiskHorizon: int32(f.Predictions[f.MaxRisk].HoursAhead), MaxRiskProbability: f.Predictions[f.MaxRisk].Probability,
		Trend: f.Trend.String(), EarlyWarning: f.EarlyWarning, RecommendedAction: nowcast.RecommendedAction(f.HighestLevel()),
		SequenceLength: int32(f.SequenceLength), ModelVersion: f.Model.Version, ModelDigest: f.Model.Digest,
		PredictedAt: instant(f.PredictedAt), InputQuality: nowcastQuality(f),
	}
	observed := f.Observed != nowcast.SeriesRainfall
	for i := range f.Predictions {
		p := &f.Predictions[i]
		to := &guardyv1.HorizonPrediction{
			HoursAhead: int32(p.HoursAhead), ForecastTime: instant(f.IssuedFor.Add(time.Duration(p.HoursAhead) * time.Hour)),
			FloodProbability:    p.Probability,
			ProbabilityInterval: &guardyv1.ProbabilityInterval{Lower: p.Lower, Upper: p.Upper, Coverage: f.Coverage},
			RiskLevel:           p.Level.String(), Confidence: p.Confidence,
		}
		if q := p.Quantiles; observed {
			to.Quantiles = &guardyv1.Quantiles{P10: q.P10, P25: q.P25, P50: q.P50, P75: q.P75, P90: q.P90}
		}
		m.Predictions[i] = to
	}
	return m
}

func nowcastQuality(f *nowcast.Forecast) *guardyv1.NowcastQuality {
	q := &f.Quality
	m := &guardyv1.NowcastQuality{
		Missing: q.Missing.Names(), OutOfDomain: q.OutOfDomain.Names(), Ignored: q.Ignored.Names(), Conditions: q.Conditions.Names(),
	}
	if f.Observed != nowcast.SeriesRainfall {
		name := f.Observed.String()
		m.ObservedSeries = &name
	}
	for s := range nowcast.NumSeries {
		for fault, n := range q.Faults[s] {
			if n > 0 {
				m.Faults = append(m.Faults, &guardyv1.SequenceFault{Series: s.String(), Fault: nowcast.Fault(fault).String(), Readings: int32(n)})
			}
		}
	}
	return m
}
