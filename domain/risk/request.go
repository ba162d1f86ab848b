package risk

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/vector"
)

// FloodDefinition is the event whose probability is answered.
const FloodDefinition = "river flow at or above its 2-year level (the median of the annual maxima) today or tomorrow"

// Request is one flood-risk question. Missing numbers are NaN; build it from NewRequest.
type Request struct {
	vector.Inputs

	LocationID   string
	LocationName string

	// Explain asks for the factors.
	Explain bool
	// Fresh by-passes the cache lookup; the answer is still stored.
	Fresh bool
}

// NewRequest returns a request in which everything is missing.
func NewRequest() Request { return Request{Inputs: vector.Missing()} }

// MaxTextLength bounds location_id and location_name, in bytes.
const MaxTextLength = 256

// bounds is a closed interval of physically possible values. Values outside are refused; values
// inside but never seen in training are answered and reported as out of domain.
type bounds struct {
	min, max float64
	unit     string
}

func (b bounds) holds(v float64) bool { return v >= b.min && v <= b.max }

// The rain bound is above the world record for 24 h (1825 mm, Foc-Foc, La Réunion, 1966; WMO Archive
// of Weather and Climate Extremes), the temperature bounds beyond the records of the same archive.
var (
	boundsLatitude    = bounds{-90, 90, "degrees"}
	boundsLongitude   = bounds{-180, 180, "degrees"}
	boundsRain        = bounds{0, 2000, "mm"}
	boundsRainMean    = bounds{0, 2000, "mm/day"}
	boundsTemperature = bounds{-95, 65, "°C"}
	boundsHumidity    = bounds{0, 100, "%"}
	boundsSite        = [vector.SiteFields]bounds{
		{-500, 9000, "m"},
		{0, 5000, "m/km"},
		{0.001, 8e6, "km2"},
		{0, 100, "m"},
		{0, 1, "fraction"},
		{0, 10000, "cm/h"},
		{0, 50, "m"},
		{0, 100, "%"},
		{0, 100, "%"},
		{0, 100, "%"},
		{0, 60, "mm/day"},
		{0, 30, "mm/day"},
		{-2, 2, "index"},
		{0, 1, "fraction"},
		{0, 1000, "ratio"},
		{0, 366, "days/year"},
		{0, 1, "fraction"},
		{0, 20, "index"},
		{-25, 0, "log10 m2"},
	}
)

const (
	minYear = 1900
	maxYear = 2200
)

// Validate returns every value that cannot be meant, in the order of the contract's fields; nil when
// the request can be answered. It does not allocate for a valid request.
func (r *Request) Validate() []domain.Violation {
	var vs []domain.Violation
	vs = check(vs, "/latitude", r.Latitude, boundsLatitude, true)
	vs = check(vs, "/longitude", r.Longitude, boundsLongitude, true)
	vs = check(vs, "/rainfall_mm", r.RainfallMM, boundsRain, true)
	vs = check(vs, "/temperature", r.Temperature, boundsTemperature, false)
	vs = check(vs, "/humidity", r.Humidity, boundsHumidity, false)
	vs = checkText(vs, "/location_id", r.LocationID)
	vs = checkText(vs, "/location_name", r.LocationName)
	if y := r.Date.Year(); !r.Date.IsZero() && (y < minYear || y > maxYear) {
		vs = append(vs, domain.Violation{
			Pointer: "/date", Code: domain.CodeRange,
			Detail: fmt.Sprintf("year %d is outside %d to %d", y, minYear, maxYear),
		})
	}
	vs = check(vs, "/rainfall_7d_mean", r.Rainfall7dMean, boundsRainMean, false)
	vs = check(vs, "/rainfall_30d_mean", r.Rainfall30dMean, boundsRainMean, false)
	if n := len(r.RainfallHistoryMM); n > vector.MaxHistoryDays {
		vs = append(vs, domain.Violation{
			Pointer: "/rainfall_history_mm", Code: domain.CodeSize,
			Detail: fmt.Sprintf("%d days are more than the %d that are allowed", n, vector.MaxHistoryDays),
		})
	} else {
		for i, v := range r.RainfallHistoryMM {
			if !boundsRain.holds(v) && v == v {
				vs = check(vs, "/rainfall_history_mm/"+strconv.Itoa(i), v, boundsRain, false)
			}
		}
	}
	vs = check(vs, "/temperature_7d_mean", r.Temperature7dMean, boundsTemperature, false)
	vs = check(vs, "/temperature_30d_mean", r.Temperature30dMean, boundsTemperature, false)
	vs = checkRiver(vs, r.River)
	for i, v := range r.Site.Values() {
		if !boundsSite[i].holds(*v) && *v == *v {
			vs = check(vs, "/site/"+vector.SiteNames[i], *v, boundsSite[i], false)
		}
	}
	return vs
}

func check(vs []domain.Violation, pointer string, v float64, b bounds, required bool) []domain.Violation {
	switch {
	case b.holds(v):
		return vs
	case math.IsNaN(v):
		if !required {
			return vs
		}
		return append(vs, domain.Violation{Pointer: pointer, Code: domain.CodeRequired, Detail: "a number is required"})
	case math.IsInf(v, 0):
		return append(vs, domain.Violation{Pointer: pointer, Code: domain.CodeNotFinite, Detail: "the number must be finite"})
	}
	return append(vs, domain.Violation{
		Pointer: pointer, Code: domain.CodeRange,
		Detail: fmt.Sprintf("%g is outside %g to %g %s", v, b.min, b.max, b.unit),
	})
}

func checkText(vs []domain.Violation, pointer, s string) []domain.Violation {
	if len(s) <= MaxTextLength {
		return vs
	}
	return append(vs, domain.Violation{
		Pointer: pointer, Code: domain.CodeSize,
		Detail: fmt.Sprintf("%d bytes are more than the %d that are allowed", len(s), MaxTextLength),
	})
}

// riverMagnitude bounds level and discharge in any unit (the Amazon's record is below 4e5 m3/s).
var riverMagnitude = bounds{-1e9, 1e9, "in the river's own unit"}

func checkRiver(vs []domain.Violation, r vector.River) []domain.Violation {
	n := len(vs)
	vs = check(vs, "/river/value", r.Value, riverMagnitude, false)
	vs = check(vs, "/river/normal", r.Normal, riverMagnitude, false)
	vs = check(vs, "/river/flood_threshold", r.FloodThreshold, riverMagnitude, false)
	if len(vs) == n && r.FloodThreshold <= r.Normal { // false when either is NaN
		vs = append(vs, domain.Violation{
			Pointer: "/river/flood_threshold", Code: domain.CodeInconsistent,
			Detail: fmt.Sprintf("the flood threshold %g must be above the normal %g", r.FloodThreshold, r.Normal),
		})
	}
	return vs
}

// Canonicalize rounds the inputs to the resolution at which Guardy answers, so that equal weather
// meets in the cache. The answer is computed from the rounded values whether a cache takes part or
// not. Steps: rain 0.1 mm, means 0.01 mm/day and 0.1 °C, temperature 0.1 °C, humidity 1 %,
// coordinates 0.01°, the river ratio 1e-4 (see vector.Assemble), the date to its calendar day.
// Rounding is monotone, so more rain still never lowers the probability.
func (r *Request) Canonicalize() {
	r.Latitude = round(r.Latitude, 100)
	r.Longitude = round(r.Longitude, 100)
	r.RainfallMM = round(r.RainfallMM, 10)
	r.Temperature = round(r.Temperature, 10)
	r.Humidity = round(r.Humidity, 1)
	r.Rainfall7dMean = round(r.Rainfall7dMean, 100)
	r.Rainfall30dMean = round(r.Rainfall30dMean, 100)
	r.Temperature7dMean = round(r.Temperature7dMean, 10)
	r.Temperature30dMean = round(r.Temperature30dMean, 10)
	for i, v := range r.RainfallHistoryMM {
		r.RainfallHistoryMM[i] = round(v, 10)
	}
	y, m, d := r.Date.Date()
	r.Date = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// round rounds half away from zero to 1/scale; NaN stays NaN and -0 becomes 0, so that equal
// values have equal bits in the cache key.
func round(v, scale float64) float64 {
	return math.Round(v*scale)/scale + 0
}

// AppendCanonical appends the bytes over which the cache key is computed: every input that can
// change the answer, in a fixed order and width. The request must be canonical. NaN is written as
// one bit pattern.
func (r *Request) AppendCanonical(dst []byte) []byte {
	f := func(v float64) {
		if v != v {
			v = math.NaN()
		}
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
	}
	f(r.Latitude)
	f(r.Longitude)
	f(r.RainfallMM)
	f(r.Temperature)
	f(r.Humidity)
	f(r.Rainfall7dMean)
	f(r.Rainfall30dMean)
	f(r.Temperature7dMean)
	f(r.Temperature30dMean)
	f(round(r.River.Ratio(), 1e4))
	for _, v := range r.Site.Values() {
		f(float64(float32(*v)))
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(r.Date.Year())<<16|uint32(r.Date.YearDay()))
	dst = append(dst, byte(len(r.RainfallHistoryMM)))
	for _, v := range r.RainfallHistoryMM {
		f(v)
	}
	if r.Explain {
		return append(dst, 1)
	}
	return append(dst, 0)
}
