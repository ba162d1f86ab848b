package transporttest

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/nowcast"
)

// Nowcasts returns the nowcast questions since the last call of Nowcasts, in order.
func (s *Service) Nowcasts() []nowcast.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.nowcasts
	s.nowcasts = nil
	return calls
}

// Nowcast implements ports.Nowcaster.
func (s *Service) Nowcast(ctx context.Context, r *nowcast.Request, f *nowcast.Forecast) error {
	*f = nowcast.Forecast{}
	s.mu.Lock()
	call := *r
	call.Readings, call.RainfallForecastMM = slices.Clone(r.Readings), slices.Clone(r.RainfallForecastMM)
	s.nowcasts = append(s.nowcasts, call)
	s.mu.Unlock()

	if err := domain.Invalid("nowcast", r.Validate()); err != nil {
		return err
	}
	if err := behave(ctx, r.LocationID, &r.LocationName); err != nil {
		return err
	}
	r.Canonicalize()
	*f = forecast(r)
	if r.LocationID == everyField {
		fill(f)
	}
	return nil
}

func forecast(r *nowcast.Request) nowcast.Forecast {
	last := r.Readings[len(r.Readings)-1]
	f := nowcast.Forecast{
		IssuedFor: last.Time, Observed: nowcast.SeriesRainfall, Coverage: 0.9, SequenceLength: len(r.Readings),
		Model: domain.ModelRef{Name: domain.Nowcaster, Version: "3.2.1", Digest: Ref.Digest}, PredictedAt: AssessedAt,
		Provenance: serving(keyOf(domain.Nowcaster, r.AppendCanonical(nil)), r.LocationID, r.Fresh),
	}
	now := math.NaN()
	for _, series := range []nowcast.Series{nowcast.SeriesDischarge, nowcast.SeriesWaterLevel} {
		if v := last.Value(series); !math.IsNaN(v) {
			now, f.Observed, f.Trend = v, series, nowcast.TrendSteady
		}
	}
	if f.Observed == nowcast.SeriesRainfall {
		f.Quality.Missing = f.Quality.Missing.With(nowcast.InputWaterLevel)
		f.Quality.Conditions = f.Quality.Conditions.With(nowcast.ConditionRainOnly)
	}
	for i := range r.Readings {
		if rain := r.Readings[i].RainfallMM; rain < 0 {
			f.Quality.Faults[nowcast.SeriesRainfall][nowcast.FaultImpossible]++
		}
	}
	if !math.IsNaN(last.Humidity) {
		f.Quality.Ignored = f.Quality.Ignored.With(nowcast.InputHumidity)
	}
	ratio := math.Min(math.Max(0, (now-r.Normal)/(r.FloodThreshold-r.Normal)), 1e6) // NaN when anything is missing
	for i, h := range r.Horizons {
		p := nowcast.Prediction{HoursAhead: h, Confidence: 0.5, Upper: 1, Probability: 0.01}
		if !math.IsNaN(ratio) {
			p.Probability = ratio / (ratio + float64(h))
			p.Lower, p.Level = p.Probability/2, domain.LevelVeryLow+domain.Level(p.Probability*5)
		}
		p.Quantiles = nowcast.Quantiles{P10: now - 2, P25: now - 1, P50: now, P75: now + 1, P90: now + 2}
		f.Predictions = append(f.Predictions, p)
		if best := f.Predictions[f.MaxRisk]; p.Probability > best.Probability || p.Probability == best.Probability && h < best.HoursAhead {
			f.MaxRisk = i
		}
	}
	f.EarlyWarning = f.Predictions[f.MaxRisk].Probability >= 0.4
	return f
}

// describeNowcast renders what the use case was asked in the JSON of the contract, without what is missing.
func describeNowcast(r *nowcast.Request) any {
	out := map[string]any{}
	text := func(name, v string) {
		if v != "" {
			out[name] = v
		}
	}
	number(out, "latitude", r.Latitude)
	number(out, "longitude", r.Longitude)
	text("location_id", r.LocationID)
	text("location_name", r.LocationName)
	var sequence, horizons []any
	for i := range r.Readings {
		v := map[string]any{}
		if at := r.Readings[i].Time; !at.IsZero() {
			v["timestamp"] = at.Format(time.RFC3339Nano)
		}
		for s := range nowcast.NumSeries {
			number(v, s.String(), r.Readings[i].Value(s))
		}
		sequence = append(sequence, v)
	}
	for _, h := range r.Horizons {
		horizons = append(horizons, float64(h))
	}
	for name, list := range map[string][]any{
		"weather_sequence": sequence, "forecast_horizons": horizons, "rainfall_forecast_mm": numbers(r.RainfallForecastMM),
	} {
		if list != nil {
			out[name] = list
		}
	}
	river := map[string]any{}
	number(river, "normal", r.Normal)
	number(river, "flood_threshold", r.FloodThreshold)
	if len(river) > 0 {
		out["river"] = river
	}
	if r.Fresh {
		out["fresh"] = true
	}
	return out
}
