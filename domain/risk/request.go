package risk

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/doubt"
	"github.com/guardy-ai/guardy/domain/vector"
)

// FloodDefinition is the event whose probability is answered.
const FloodDefinition = "river flow at or above its 2-year level (the median of the annual maxima) today or tomorrow"

// Request is one flood-risk question. Missing numbers are NaN; build it from NewRequest.
type Request struct {
	vector.Inputs

	LocationID   string
	LocationName string

	// WeatherAt and RiverAt say where the wire read a day of a history that came with dates: the element i is the place in
	// weather_history, or river.history, of the day i+1 days before the date, -1 where the request has none. They only
	// make the pointers of violations. Nil means that the history came without dates, in the order of the days.
	WeatherAt, RiverAt []int16

	// Explain asks for the factors.
	Explain bool
	// Fresh by-passes the cache lookup; the answer is still stored.
	Fresh bool

	// Doubts are what Canonicalize found; a client leaves them as they are.
	Doubts Doubts
}

// NewRequest returns a request in which everything is missing.
func NewRequest() Request { return Request{Inputs: vector.Missing()} }

// The rain bound is above the world record for 24 h (1825 mm, Foc-Foc, La Réunion, 1966; WMO Archive
// of Weather and Climate Extremes). Values inside a bound but never seen in training are answered and
// reported as out of domain.
var (
	boundsRain     = domain.Range{Min: 0, Max: 2000, Unit: "mm"}
	boundsRainMean = domain.Range{Min: 0, Max: 2000, Unit: "mm/day"}
	boundsSite     = [vector.SiteFields]domain.Range{
		{Min: -500, Max: 9000, Unit: "m"},
		{Min: 0, Max: 5000, Unit: "m/km"},
		{Min: 0.001, Max: 8e6, Unit: "km2"},
		{Min: 0, Max: 100, Unit: "m"},
		{Min: 0, Max: 1, Unit: "fraction"},
		{Min: 0, Max: 10000, Unit: "cm/h"},
		{Min: 0, Max: 50, Unit: "m"},
		{Min: 0, Max: 100, Unit: "%"},
		{Min: 0, Max: 100, Unit: "%"},
		{Min: 0, Max: 100, Unit: "%"},
		{Min: 0, Max: 60, Unit: "mm/day"},
		{Min: 0, Max: 30, Unit: "mm/day"},
		{Min: -2, Max: 2, Unit: "index"},
		{Min: 0, Max: 1, Unit: "fraction"},
		{Min: 0, Max: 1000, Unit: "ratio"},
		{Min: 0, Max: 366, Unit: "days/year"},
		{Min: 0, Max: 1, Unit: "fraction"},
		{Min: 0, Max: 20, Unit: "index"},
		{Min: -25, Max: 0, Unit: "log10 m2"},
	}
)

// Validate returns every value that cannot be meant, in the order of the contract's fields; nil when
// the request can be answered. It does not allocate for a valid request.
func (r *Request) Validate() []domain.Violation {
	var vs []domain.Violation
	vs = domain.RangeLatitude.Check(vs, "/latitude", r.Latitude, true)
	vs = domain.RangeLongitude.Check(vs, "/longitude", r.Longitude, true)
	vs = boundsRain.Check(vs, "/rainfall_mm", r.RainfallMM, true)
	vs = domain.RangeTemperature.Check(vs, "/temperature", r.Temperature, false)
	vs = domain.RangeHumidity.Check(vs, "/humidity", r.Humidity, false)
	vs = domain.CheckText(vs, "/location_id", r.LocationID)
	vs = domain.CheckText(vs, "/location_name", r.LocationName)
	if y := r.Date.Year(); !r.Date.IsZero() && (y < domain.MinYear || y > domain.MaxYear) {
		vs = append(vs, domain.Violation{
			Pointer: "/date", Code: domain.CodeRange,
			Detail: fmt.Sprintf("year %d is outside %d to %d", y, domain.MinYear, domain.MaxYear),
		})
	}
	vs = boundsRainMean.Check(vs, "/rainfall_7d_mean", r.Rainfall7dMean, false)
	vs = boundsRainMean.Check(vs, "/rainfall_30d_mean", r.Rainfall30dMean, false)
	vs = r.validateSeries(vs)
	vs = domain.RangeTemperature.Check(vs, "/temperature_7d_mean", r.Temperature7dMean, false)
	vs = domain.RangeTemperature.Check(vs, "/temperature_30d_mean", r.Temperature30dMean, false)
	vs = checkRiver(vs, &r.River)
	for i, v := range r.Site.Values() {
		if !boundsSite[i].Holds(*v) && *v == *v {
			vs = boundsSite[i].Check(vs, "/site/"+vector.SiteNames[i], *v, false)
		}
	}
	return vs
}

// series is one sequence of daily values of a request.
type series struct {
	name     string // pointer of the sequence
	field    string // of an element that came with a date
	values   []float64
	at       []int16
	bounds   domain.Range
	quantity doubt.Quantity
	group    bounds
}

// numSeries is how many sequences a request has.
const numSeries = 4

func (r *Request) series() [numSeries]series {
	rain := series{"/rainfall_history_mm", "", r.RainfallHistoryMM, nil, boundsRain, doubt.Rain, boundRain}
	if r.WeatherAt != nil {
		rain.name, rain.field, rain.at = "/weather_history", "/rainfall_mm", r.WeatherAt
	}
	return [...]series{
		rain,
		{"/weather_history", "/temperature", r.TemperatureHistory, r.WeatherAt, domain.RangeTemperature, doubt.Temperature, boundTemperature},
		{"/rainfall_forecast_mm", "", r.RainfallForecastMM, nil, boundsRain, doubt.Rain, boundRain},
		{"/river/history", "/value", r.RiverHistory, r.RiverAt, domain.RangeRiver, doubt.River, boundRiver},
	}
}

// validateSeries checks the sequences of daily values. A code for no data is a missing day.
func (r *Request) validateSeries(vs []domain.Violation) []domain.Violation {
	for _, s := range r.series() {
		if n := len(s.values); n > vector.MaxHistoryDays {
			vs = append(vs, domain.Violation{
				Pointer: s.name, Code: domain.CodeSize,
				Detail: fmt.Sprintf("%d days are more than the %d that are allowed", n, vector.MaxHistoryDays),
			})
			continue
		}
		for i, v := range s.values {
			if !s.bounds.Holds(v) && v == v && !doubt.IsCode(s.quantity, v) {
				vs = s.bounds.Check(vs, s.pointer(i), v, false)
			}
		}
	}
	return vs
}

// pointer returns the place of an element in the request.
func (s *series) pointer(i int) string {
	if i < len(s.at) && s.at[i] >= 0 {
		i = int(s.at[i])
	}
	return s.name + "/" + strconv.Itoa(i) + s.field
}

// Canonicalize rounds the inputs to the resolution at which Guardy answers, so that equal weather
// meets in the cache. The answer is computed from the rounded values whether a cache takes part or
// not. Steps: rain 0.1 mm (of every day), means 0.01 mm/day and 0.1 °C, temperature 0.1 °C, humidity 1 %,
// coordinates 0.01°, the river ratio 1e-4 of every day
// (see vector.Assemble), the date to its calendar day. Rounding is monotone, so more rain still never lowers the
// probability.
//
// Before it rounds it takes out the values that count as missing because they are codes for no data or do not
// fit the others, and keeps what the answer has to say about them.
func (r *Request) Canonicalize() {
	r.heed()
	r.Latitude = domain.Round(r.Latitude, 100)
	r.Longitude = domain.Round(r.Longitude, 100)
	r.RainfallMM = domain.Round(r.RainfallMM, 10)
	r.Temperature = domain.Round(r.Temperature, 10)
	r.Humidity = domain.Round(r.Humidity, 1)
	r.Rainfall7dMean = domain.Round(r.Rainfall7dMean, 100)
	r.Rainfall30dMean = domain.Round(r.Rainfall30dMean, 100)
	r.Temperature7dMean = domain.Round(r.Temperature7dMean, 10)
	r.Temperature30dMean = domain.Round(r.Temperature30dMean, 10)
	for _, series := range [...][]float64{r.RainfallHistoryMM, r.TemperatureHistory, r.RainfallForecastMM} {
		for i, v := range series {
			series[i] = domain.Round(v, 10)
		}
	}
	y, m, d := r.Date.Date()
	r.Date = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// AppendCanonical appends the bytes over which the cache key is computed: every input that can
// change the answer, in a fixed order and width. The request must be canonical. NaN is written as
// one bit pattern.
func (r *Request) AppendCanonical(dst []byte) []byte {
	f := func(v float64) { dst = domain.AppendFloat(dst, v) }
	f(r.Latitude)
	f(r.Longitude)
	f(r.RainfallMM)
	f(r.Temperature)
	f(r.Humidity)
	f(r.Rainfall7dMean)
	f(r.Rainfall30dMean)
	f(r.Temperature7dMean)
	f(r.Temperature30dMean)
	f(domain.Round(r.RiverRatio(1), 1e4))
	f(r.Tomorrow())
	for _, v := range r.Site.Values() {
		f(float64(float32(*v)))
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(r.Date.Year())<<16|uint32(r.Date.YearDay()))
	for _, series := range [...][]float64{r.RainfallHistoryMM, r.TemperatureHistory} {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(len(series)))
		for _, v := range series {
			f(v)
		}
	}
	days := min(len(r.RiverHistory), vector.RiverDays)
	dst = append(dst, byte(days))
	for i := 2; i <= days; i++ {
		f(domain.Round(r.RiverRatio(i), 1e4))
	}
	if r.Explain {
		dst = append(dst, 1)
	} else {
		dst = append(dst, 0)
	}
	if len(r.Doubts.list) > 0 {
		dst = domain.AppendDoubts(dst, r.Doubts.list)
	}
	return dst
}
