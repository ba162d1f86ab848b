package contractjson

import (
	"time"

	"github.com/guardy-ai/guardy/adapters/internal/rfc3339"
	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/domain/vector"
)

// FloodRisk is a flood-risk request.
type FloodRisk struct {
	Latitude          float64           `json:"latitude" missing:"nan"`
	Longitude         float64           `json:"longitude" missing:"nan"`
	RainfallMM        float64           `json:"rainfall_mm" missing:"nan"`
	Temperature       float64           `json:"temperature" missing:"nan"`
	Humidity          float64           `json:"humidity" missing:"nan"`
	LocationID        string            `json:"location_id"`
	LocationName      string            `json:"location_name"`
	Date              strictjson.Moment `json:"date"`
	Rainfall7dMean    float64           `json:"rainfall_7d_mean" missing:"nan"`
	Rainfall30dMean   float64           `json:"rainfall_30d_mean" missing:"nan"`
	RainfallHistoryMM []float64         `json:"rainfall_history_mm"`
	Temperature7dMean float64           `json:"temperature_7d_mean" missing:"nan"`
	Temperature30d    float64           `json:"temperature_30d_mean" missing:"nan"`
	River             River             `json:"river"`
	Site              Site              `json:"site"`
	Explain           *bool             `json:"explain"`
	// The tag says vector.MaxHistoryDays.
	WeatherHistory     []DailyWeather `json:"weather_history" most:"400"`
	RainfallForecastMM []float64      `json:"rainfall_forecast_mm"`
	Timezone           string         `json:"timezone"`
}

// DailyWeather is the weather of a day before that of the request.
type DailyWeather struct {
	Date        strictjson.Moment `json:"date"`
	RainfallMM  float64           `json:"rainfall_mm" missing:"nan"`
	Temperature float64           `json:"temperature" missing:"nan"`
}

// River is the river of yesterday and of the days before.
type River struct {
	Value          float64      `json:"value" missing:"nan"`
	Normal         float64      `json:"normal" missing:"nan"`
	FloodThreshold float64      `json:"flood_threshold" missing:"nan"`
	History        []DailyValue `json:"history" most:"400"`
}

// DailyValue is the level or discharge of a day before that of the request.
type DailyValue struct {
	Date  strictjson.Moment `json:"date"`
	Value float64           `json:"value" missing:"nan"`
}

// Site has the fields of its counterpart in the same order, so that it converts as a whole and the compiler sees
// when one changes.
type Site struct {
	ElevationM                 float64 `json:"elevation_m" missing:"nan"`
	SlopeMPerKM                float64 `json:"slope_m_per_km" missing:"nan"`
	AreaKM2                    float64 `json:"area_km2" missing:"nan"`
	SoilDepthM                 float64 `json:"soil_depth_m" missing:"nan"`
	SoilPorosity               float64 `json:"soil_porosity" missing:"nan"`
	SoilConductivityCMH        float64 `json:"soil_conductivity_cm_h" missing:"nan"`
	SoilWaterCapacityM         float64 `json:"soil_water_capacity_m" missing:"nan"`
	SandPercent                float64 `json:"sand_percent" missing:"nan"`
	SiltPercent                float64 `json:"silt_percent" missing:"nan"`
	ClayPercent                float64 `json:"clay_percent" missing:"nan"`
	PrecipitationMeanMMDay     float64 `json:"precipitation_mean_mm_day" missing:"nan"`
	PETMeanMMDay               float64 `json:"pet_mean_mm_day" missing:"nan"`
	PrecipitationSeasonality   float64 `json:"precipitation_seasonality" missing:"nan"`
	SnowFraction               float64 `json:"snow_fraction" missing:"nan"`
	Aridity                    float64 `json:"aridity" missing:"nan"`
	HighPrecipitationDays      float64 `json:"high_precipitation_days" missing:"nan"`
	ForestFraction             float64 `json:"forest_fraction" missing:"nan"`
	LeafAreaIndexMax           float64 `json:"leaf_area_index_max" missing:"nan"`
	GeologyPermeabilityLog10M2 float64 `json:"geology_permeability_log10_m2" missing:"nan"`
}

// Asking is what a request does not say about itself.
type Asking struct {
	// Explain is what an absent `explain` means.
	Explain bool
	// Fresh by-passes the lookup in the cache.
	Fresh bool
	// Now tells the time. It is the date of a request that gives a history of days and no date.
	Now func() time.Time
}

func (w *FloodRisk) maxItems(Options) int { return 0 }

// into sets r to the request and returns what is wrong with its shape.
func (w *FloodRisk) into(r *risk.Request, how Asking) (shape []domain.Violation) {
	*r = risk.Request{
		Inputs: vector.Inputs{
			Latitude: w.Latitude, Longitude: w.Longitude,
			RainfallMM: w.RainfallMM, Temperature: w.Temperature, Humidity: w.Humidity,
			Rainfall7dMean: w.Rainfall7dMean, Rainfall30dMean: w.Rainfall30dMean,
			Temperature7dMean: w.Temperature7dMean, Temperature30dMean: w.Temperature30d,
			RainfallHistoryMM: w.RainfallHistoryMM, RainfallForecastMM: w.RainfallForecastMM,
			River: vector.River{Value: w.River.Value, Normal: w.River.Normal, FloodThreshold: w.River.FloodThreshold},
			Site:  vector.Site(w.Site),
		},
		LocationID: w.LocationID, LocationName: w.LocationName,
		Explain: how.Explain, Fresh: how.Fresh,
	}
	if w.Explain != nil {
		r.Explain = *w.Explain
	}
	clock, v := strictjson.NewClock("/timezone", w.Timezone)
	if v != nil {
		shape = append(shape, *v)
	}
	if w.Date.IsGiven {
		if r.Date, v = clock.Day("/date", w.Date); v != nil {
			return append(shape, *v) // the days of a history cannot be placed
		}
	}
	if len(w.WeatherHistory) == 0 && len(w.River.History) == 0 {
		return shape
	}
	if r.Date.IsZero() {
		r.Date = how.Now().UTC()
	}
	return w.place(r, clock, shape)
}

// Question turns a decoded request into one for the use case. decoded is what Decode said. The error has the
// violations of shape together with those of meaning that do not follow from them.
func (w *FloodRisk) Question(decoded error, r *risk.Request, how Asking) error {
	if unreadable(decoded) {
		return decoded
	}
	return refusal(decoded, w.into(r, how), r.Validate)
}

var (
	jsonFloodDefinition = `,"flood_definition":` + string(appendString(nil, risk.FloodDefinition))

	jsonLevels = func() (out [domain.NumLevels]string) {
		for l := range domain.NumLevels {
			out[l] = `,"risk_level":"` + l.String() + `"`
		}
		return out
	}()

	jsonActions = func() (out [domain.NumLevels]string) {
		for l := range domain.NumLevels {
			out[l] = `,"recommended_action":` + string(appendString(nil, risk.RecommendedAction(l)))
		}
		return out
	}()
)

// AppendAssessment appends the answer to r.
func AppendAssessment(b []byte, r *risk.Request, a *risk.Assessment) []byte {
	return append(appendAssessment(append(b, '{'), r, a), '}')
}

// appendAssessment appends the members of an answer, each followed by a comma but the last.
func appendAssessment(b []byte, r *risk.Request, a *risk.Assessment) []byte {
	b = appendLocation(b, r.LocationID, r.LocationName)
	b = append(b, `"flood_probability":`...)
	b = appendFloat(b, a.Probability, 64)
	b = append(b, `,"risk_score":`...)
	b = appendFloat(b, a.Score, 64)
	level := min(a.Level, domain.NumLevels-1)
	b = append(b, jsonLevels[level]...)
	b = append(b, `,"confidence":`...)
	b = appendFloat(b, a.Confidence, 64)
	b = appendInterval(b, a.Lower, a.Upper, a.Coverage)
	if a.Explained {
		b = appendFactors(b, &a.Factors)
	}
	b = append(b, jsonActions[level]...)
	b = append(b, jsonFloodDefinition...)
	b = append(b, `,"model_version":`...)
	b = appendString(b, a.Model.Version)
	b = append(b, `,"model_digest":`...)
	b = appendString(b, a.Model.Digest)
	b = append(b, `,"predicted_at":"`...)
	b = rfc3339.AppendMillis(b, a.AssessedAt)
	b = append(b, `","input_quality":{`...)
	b = appendQuality(b, &a.Quality)
	b = append(b, `,"derived":`...)
	b = appendSet(b, a.Derived)
	return append(b, '}')
}

func appendFactors(b []byte, f *risk.Factors) []byte {
	b = append(b, `,"top_contributing_factors":[`...)
	for i := range f.Top[:f.N] {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"feature":`...)
		b = appendString(b, f.Top[i].Feature)
		b = append(b, `,"value":`...)
		b = appendFloat(b, float64(f.Top[i].Value), 32)
		b = append(b, `,"contribution":`...)
		b = appendFloat(b, float64(f.Top[i].Contribution), 32)
		b = append(b, '}')
	}
	b = append(b, `],"log_odds":{"base":`...)
	b = appendFloat(b, float64(f.Base), 32)
	b = append(b, `,"others":`...)
	b = appendFloat(b, float64(f.Others), 32)
	b = append(b, `,"intercept":`...)
	b = appendFloat(b, float64(f.Intercept), 32)
	b = append(b, `,"slope":`...)
	b = appendFloat(b, float64(f.Slope), 32)
	return append(b, '}')
}
