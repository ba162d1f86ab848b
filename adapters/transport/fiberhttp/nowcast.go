package fiberhttp

import (
	"context"
	"strconv"
	"time"

	"github.com/guardy-ai/guardy/adapters/internal/rfc3339"
	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/ports"
)

// wireNowcast is a nowcast request.
type wireNowcast struct {
	Latitude           float64        `json:"latitude" missing:"nan"`
	Longitude          float64        `json:"longitude" missing:"nan"`
	LocationID         string         `json:"location_id"`
	LocationName       string         `json:"location_name"`
	WeatherSequence    []wireReading  `json:"weather_sequence"`
	ForecastHorizons   []int          `json:"forecast_horizons"`
	RainfallForecastMM []float64      `json:"rainfall_forecast_mm"`
	River              wireThresholds `json:"river"`
}

type wireReading struct {
	Timestamp    string  `json:"timestamp"`
	RainfallMM   float64 `json:"rainfall_mm" missing:"nan"`
	Temperature  float64 `json:"temperature" missing:"nan"`
	Humidity     float64 `json:"humidity" missing:"nan"`
	WaterLevelM  float64 `json:"water_level_m" missing:"nan"`
	DischargeM3S float64 `json:"discharge_m3s" missing:"nan"`
}

type wireThresholds struct {
	Normal         float64 `json:"normal" missing:"nan"`
	FloodThreshold float64 `json:"flood_threshold" missing:"nan"`
}

// nowcastOptions bound what a body can claim: one reading more than allowed is enough to refuse it.
var nowcastOptions = strictjson.Options{MaxItems: nowcast.MaxReadings + 1}

// question turns a decoded request into one for the use case. decoded is what the decoder said; the
// error has the violations of shape together with those of meaning that do not follow from them.
func (w *wireNowcast) question(decoded error, fresh bool) (nowcast.Request, error) {
	if decoded != nil && domain.KindOf(decoded) != domain.KindInvalid {
		return nowcast.Request{}, decoded
	}
	r := nowcast.Request{
		Latitude: w.Latitude, Longitude: w.Longitude, LocationID: w.LocationID, LocationName: w.LocationName,
		Readings: make([]nowcast.Reading, len(w.WeatherSequence)), Horizons: w.ForecastHorizons,
		RainfallForecastMM: w.RainfallForecastMM,
		Normal:             w.River.Normal, FloodThreshold: w.River.FloodThreshold,
		Fresh: fresh,
	}
	var shape []domain.Violation
	for i := range w.WeatherSequence {
		from := &w.WeatherSequence[i]
		to := &r.Readings[i]
		*to = nowcast.Reading{
			RainfallMM: from.RainfallMM, Temperature: from.Temperature, Humidity: from.Humidity,
			WaterLevelM: from.WaterLevelM, DischargeM3S: from.DischargeM3S,
		}
		if from.Timestamp == "" {
			continue // required, as the use case says
		}
		var v *domain.Violation
		if to.Time, v = strictjson.Time("", from.Timestamp); v != nil {
			v.Pointer = "/weather_sequence/" + strconv.Itoa(i) + "/timestamp"
			shape = append(shape, *v)
		}
	}
	if decoded == nil && shape == nil {
		return r, nil // the use case finds the violations of meaning
	}
	shape = append(strictjson.Violations(decoded), shape...)
	return r, domain.Invalid("http", strictjson.Merge(shape, r.Validate()))
}

// nowcast answers one question about the next hours.
func (s *Server) nowcast(x *exchange) error {
	if err := x.wantJSON(); err != nil {
		return err
	}
	var w wireNowcast
	decoded := x.decode(&w, nowcastOptions)
	r, err := w.question(decoded, x.fresh())
	if err != nil {
		return err
	}
	var f nowcast.Forecast
	if err := s.deps.Nowcast.Nowcast(x.ctx, &r, &f); err != nil {
		return err
	}
	x.describeCache(f.Provenance)
	x.out = appendForecast(x.out[:0], &r, &f)
	x.answerJSON()
	return nil
}

// appendForecast appends the answer to r.
func appendForecast(b []byte, r *nowcast.Request, f *nowcast.Forecast) []byte {
	b = append(b, '{')
	b = appendLocation(b, r.LocationID, r.LocationName)
	b = append(b, `"predictions":[`...)
	for i := range f.Predictions {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendHorizon(b, f, &f.Predictions[i])
	}
	most := &f.Predictions[f.MaxRisk]
	b = append(b, `],"max_risk_horizon":`...)
	b = strconv.AppendInt(b, int64(most.HoursAhead), 10)
	b = append(b, `,"max_risk_probability":`...)
	b = appendFloat(b, most.Probability, 64)
	b = append(b, `,"trend":"`...)
	b = append(b, f.Trend.String()...)
	b = append(b, `","early_warning":`...)
	b = strconv.AppendBool(b, f.EarlyWarning)
	b = append(b, `,"recommended_action":`...)
	b = appendString(b, nowcast.RecommendedAction(f.HighestLevel()))
	b = append(b, `,"sequence_length":`...)
	b = strconv.AppendInt(b, int64(f.SequenceLength), 10)
	b = append(b, `,"model_version":`...)
	b = appendString(b, f.Model.Version)
	b = append(b, `,"model_digest":`...)
	b = appendString(b, f.Model.Digest)
	b = append(b, `,"predicted_at":"`...)
	b = rfc3339.AppendMillis(b, f.PredictedAt)
	b = append(b, `","input_quality":`...)
	b = appendNowcastQuality(b, f)
	return append(b, '}')
}

func appendHorizon(b []byte, f *nowcast.Forecast, p *nowcast.Prediction) []byte {
	b = append(b, `{"hours_ahead":`...)
	b = strconv.AppendInt(b, int64(p.HoursAhead), 10)
	b = append(b, `,"forecast_time":"`...)
	b = rfc3339.AppendMillis(b, f.IssuedFor.Add(time.Duration(p.HoursAhead)*time.Hour))
	b = append(b, `","flood_probability":`...)
	b = appendFloat(b, p.Probability, 64)
	b = appendInterval(b, p.Lower, p.Upper, f.Coverage)
	b = append(b, jsonLevels[min(p.Level, domain.NumLevels-1)]...)
	b = append(b, `,"confidence":`...)
	b = appendFloat(b, p.Confidence, 64)
	b = append(b, `,"quantiles":`...)
	if f.Observed == nowcast.SeriesRainfall {
		return append(b, "null}"...)
	}
	b = append(b, `{"p10":`...)
	b = appendFloat(b, p.Quantiles.P10, 64)
	b = append(b, `,"p25":`...)
	b = appendFloat(b, p.Quantiles.P25, 64)
	b = append(b, `,"p50":`...)
	b = appendFloat(b, p.Quantiles.P50, 64)
	b = append(b, `,"p75":`...)
	b = appendFloat(b, p.Quantiles.P75, 64)
	b = append(b, `,"p90":`...)
	b = appendFloat(b, p.Quantiles.P90, 64)
	return append(b, "}}"...)
}

func appendNowcastQuality(b []byte, f *nowcast.Forecast) []byte {
	q := &f.Quality
	b = append(b, `{"missing":`...)
	b = appendSet(b, q.Missing)
	b = append(b, `,"out_of_domain":`...)
	b = appendSet(b, q.OutOfDomain)
	b = append(b, `,"ignored":`...)
	b = appendSet(b, q.Ignored)
	b = append(b, `,"observed_series":`...)
	if f.Observed == nowcast.SeriesRainfall {
		b = append(b, "null"...)
	} else {
		b = appendString(b, f.Observed.String())
	}
	b = append(b, `,"conditions":`...)
	b = appendSet(b, q.Conditions)
	b = append(b, `,"faults":[`...)
	first := true
	for series := range q.Faults {
		for fault, n := range q.Faults[series] {
			if n == 0 {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(b, `{"series":"`...)
			b = append(b, nowcast.Series(series).String()...)
			b = append(b, `","fault":"`...)
			b = append(b, nowcast.Fault(fault).String()...)
			b = append(b, `","readings":`...)
			b = strconv.AppendInt(b, int64(n), 10)
			b = append(b, '}')
		}
	}
	return append(b, "]}"...)
}

func appendNames(b []byte, names []string) []byte {
	b = append(b, '[')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, name)
	}
	return append(b, ']')
}

// NowcastLines answers nowcast requests, one a line, as the API answers them. The command line uses it
// without a server. It is safe for concurrent use.
type NowcastLines struct {
	to       ports.Nowcaster
	maxBytes int
	// Answered, if set, is told every question with its answer, and must not change them.
	Answered func(r *nowcast.Request, f *nowcast.Forecast)
}

// NewNowcastLines returns NowcastLines that asks to; a line may have maxBytes.
func NewNowcastLines(to ports.Nowcaster, maxBytes int) *NowcastLines {
	return &NowcastLines{to: to, maxBytes: maxBytes}
}

// Append answers lines with one answer each, in their order, appended to out with a newline each. first is
// the index of the first; a nil line stands for one that was longer than the limit. A line that cannot be
// answered has, in its place, an item {"index", "status": "error", "error"} as in a batch. It returns out
// and how many could not be answered.
func (l *NowcastLines) Append(ctx context.Context, out []byte, lines [][]byte, first int) (_ []byte, failed int) {
	return appendLines(ctx, out, lines, first, l.maxBytes, l.append)
}

func (l *NowcastLines) append(ctx context.Context, out, line []byte) ([]byte, error) {
	var w wireNowcast
	decoded := strictjson.Decode(line, &w, nowcastOptions)
	r, err := w.question(decoded, false)
	if err != nil {
		return out, err
	}
	var f nowcast.Forecast
	if err := l.to.Nowcast(ctx, &r, &f); err != nil {
		return out, err
	}
	if l.Answered != nil {
		l.Answered(&r, &f)
	}
	return appendForecast(out, &r, &f), nil
}
