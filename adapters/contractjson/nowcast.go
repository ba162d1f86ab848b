package contractjson

import (
	"strconv"
	"time"

	"github.com/guardy-ai/guardy/adapters/internal/rfc3339"
	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/nowcast"
)

// Nowcast is a nowcast request.
type Nowcast struct {
	Latitude           float64    `json:"latitude" missing:"nan"`
	Longitude          float64    `json:"longitude" missing:"nan"`
	LocationID         string     `json:"location_id"`
	LocationName       string     `json:"location_name"`
	WeatherSequence    []Reading  `json:"weather_sequence"`
	ForecastHorizons   []int      `json:"forecast_horizons"`
	RainfallForecastMM []float64  `json:"rainfall_forecast_mm"`
	River              Thresholds `json:"river"`
	Timezone           string     `json:"timezone"`
}

type Reading struct {
	Timestamp    strictjson.Moment `json:"timestamp"`
	RainfallMM   float64           `json:"rainfall_mm" missing:"nan"`
	Temperature  float64           `json:"temperature" missing:"nan"`
	Humidity     float64           `json:"humidity" missing:"nan"`
	WaterLevelM  float64           `json:"water_level_m" missing:"nan"`
	DischargeM3S float64           `json:"discharge_m3s" missing:"nan"`
}

type Thresholds struct {
	Normal         float64 `json:"normal" missing:"nan"`
	FloodThreshold float64 `json:"flood_threshold" missing:"nan"`
}

func (*Nowcast) maxItems(Options) int { return nowcast.MaxReadings + 1 }

// Question turns a decoded request into one for the use case, as FloodRisk.Question does.
func (w *Nowcast) Question(decoded error, fresh bool) (nowcast.Request, error) {
	if unreadable(decoded) {
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
	clock, wrong := strictjson.NewClock("/timezone", w.Timezone)
	if wrong != nil {
		shape = append(shape, *wrong)
	}
	for i := range w.WeatherSequence {
		from := &w.WeatherSequence[i]
		to := &r.Readings[i]
		*to = nowcast.Reading{
			RainfallMM: from.RainfallMM, Temperature: from.Temperature, Humidity: from.Humidity,
			WaterLevelM: from.WaterLevelM, DischargeM3S: from.DischargeM3S,
		}
		if from.Timestamp.Text == "" {
			continue // required, as the use case says
		}
		var v *domain.Violation
		if to.Time, v = clock.Time("", from.Timestamp); v != nil {
			v.Pointer = "/weather_sequence/" + strconv.Itoa(i) + "/timestamp"
			shape = append(shape, *v)
		}
	}
	return r, refusal(decoded, shape, r.Validate)
}

// AppendForecast appends the answer to r.
func AppendForecast(b []byte, r *nowcast.Request, f *nowcast.Forecast) []byte {
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
	b = appendQuality(append(b, '{'), &q.Quality)
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
