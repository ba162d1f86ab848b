package nowcast

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/doubt"
)

// Sizes of a request.
const (
	// MinReadings is the shortest sequence that is answered.
	MinReadings = 7
	// MaxReadings bounds a sequence; a year of hourly readings fits.
	MaxReadings = 10_000
	// NearHorizon is the farthest lead time in hours without a forecast of rain that reaches it.
	NearHorizon = 24
	// MaxHorizon is the farthest lead time in hours, and the number of hours of a rain forecast.
	MaxHorizon = 72
)

// DefaultHorizons are the lead times in hours of a request that names none.
var DefaultHorizons = [...]int{1, 3, 6, 12, 24}

// Reading is what a gauge or a weather station said at one time. Missing is NaN. A reading may be
// wrong: what cannot be true is left out by the model and counted in Quality.Faults.
type Reading struct {
	Time         time.Time
	RainfallMM   float64 // in the step that ends at Time
	Temperature  float64 // °C
	Humidity     float64 // %
	WaterLevelM  float64
	DischargeM3S float64
}

// MissingReading returns a reading in which everything is missing.
func MissingReading() Reading {
	nan := math.NaN()
	return Reading{RainfallMM: nan, Temperature: nan, Humidity: nan, WaterLevelM: nan, DischargeM3S: nan}
}

// Request is one question about the next hours of a river. Missing numbers are NaN; build it from
// NewRequest.
type Request struct {
	Latitude, Longitude float64
	LocationID          string
	LocationName        string

	// Readings in any order, each of another time; the newest one's time is the issue time. Canonicalize sorts
	// them.
	Readings []Reading
	// Horizons are lead times in hours, each once, 1 to NearHorizon, or as far as RainfallForecastMM is
	// known without a gap; none asks for DefaultHorizons, because protobuf cannot tell an empty list from an
	// absent one.
	Horizons []int
	// RainfallForecastMM are the totals of the hours after the issue time, at most MaxHorizon. NaN is an
	// hour that was not forecast, and so is a code for no data.
	RainfallForecastMM []float64
	// Normal (median) and FloodThreshold of the observed level or discharge, in its unit.
	Normal, FloodThreshold float64

	// Fresh by-passes the cache lookup; the answer is still stored.
	Fresh bool

	// order holds the place of each reading in the request as it was given; nil when none was moved.
	order []int32
	// codes are the hours of the rain forecast that Canonicalize made missing: a code for no data stood there.
	codes []uint8
}

// place is where the client gave reading i.
func (r *Request) place(i int) int {
	if r.order == nil {
		return i
	}
	return int(r.order[i])
}

// byTime returns the indices of the readings in increasing time, those of one time in the order given; nil
// when they are in strictly increasing time.
func (r *Request) byTime() []int32 {
	sorted := true
	for i := 1; i < len(r.Readings) && sorted; i++ {
		sorted = r.Readings[i-1].Time.Before(r.Readings[i].Time)
	}
	if sorted {
		return nil
	}
	order := make([]int32, len(r.Readings))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return r.Readings[a].Time.Compare(r.Readings[b].Time) })
	return order
}

// repeated returns for each reading whether another has the same time; nil when none has.
func (r *Request) repeated() (again []bool) {
	order := r.byTime()
	for k := 1; k < len(order); k++ {
		a, b := order[k-1], order[k]
		if r.Readings[a].Time.Equal(r.Readings[b].Time) {
			if again == nil {
				again = make([]bool, len(order))
			}
			again[a], again[b] = true, true
		}
	}
	return again
}

// NewRequest returns a request in which everything is missing.
func NewRequest() Request {
	nan := math.NaN()
	return Request{Latitude: nan, Longitude: nan, Normal: nan, FloodThreshold: nan}
}

// rangeForecast reaches beyond the record for one hour (401 mm, Shangdi, China, 1975; WMO-No. 168).
var rangeForecast = domain.Range{Min: 0, Max: 500, Unit: "mm"}

const (
	// maxBadReadings is how many faults of order are listed one by one.
	maxBadReadings = 20
)

// Validate returns every value that cannot be meant, in the order of the contract's fields; nil when
// the request can be answered. What a sensor may say in error is no violation: the model leaves it out
// and says so.
func (r *Request) Validate() []domain.Violation { return r.ValidateFor(MaxHorizon) }

// ValidateFor is Validate for a model that answers so many hours ahead.
func (r *Request) ValidateFor(reach int) []domain.Violation {
	var vs []domain.Violation
	vs = domain.RangeLatitude.Check(vs, "/latitude", r.Latitude, true)
	vs = domain.RangeLongitude.Check(vs, "/longitude", r.Longitude, true)
	vs = domain.CheckText(vs, "/location_id", r.LocationID)
	vs = domain.CheckText(vs, "/location_name", r.LocationName)
	vs = r.checkReadings(vs)
	vs = r.checkHorizons(vs, reach)
	if n := len(r.RainfallForecastMM); n > MaxHorizon {
		vs = append(vs, domain.Violation{
			Pointer: "/rainfall_forecast_mm", Code: domain.CodeSize,
			Detail: fmt.Sprintf("%d hours are more than the %d that are allowed", n, MaxHorizon),
		})
	} else {
		for i, v := range r.RainfallForecastMM {
			if v == v && !rangeForecast.Holds(v) && !doubt.IsCode(doubt.Rain, v) {
				vs = rangeForecast.Check(vs, "/rainfall_forecast_mm/"+strconv.Itoa(i), v, false)
			}
		}
	}
	return r.checkRiver(vs)
}

// checkRiver refuses codes for no data where a value stands in a field of its own: somebody took the code for a
// measurement.
func (r *Request) checkRiver(vs []domain.Violation) []domain.Violation {
	n := len(vs)
	for _, field := range [...]struct {
		pointer string
		v       float64
	}{{"/river/normal", r.Normal}, {"/river/flood_threshold", r.FloodThreshold}} {
		if code, ok := doubt.CodeFor(doubt.River, field.v); ok && code.Certainty == doubt.Exact {
			vs = append(vs, domain.Violation{
				Pointer: field.pointer, Code: domain.CodeRange,
				Detail: fmt.Sprintf("%g is %v; leave the value out where it is not known", field.v, code),
			})
		}
	}
	if len(vs) > n {
		return vs
	}
	return domain.CheckThresholds(vs, r.Normal, r.FloodThreshold)
}

func (r *Request) checkReadings(vs []domain.Violation) []domain.Violation {
	const list = "/weather_sequence"
	n := len(r.Readings)
	if n < MinReadings || n > MaxReadings {
		return append(vs, domain.Violation{
			Pointer: list, Code: domain.CodeSize,
			Detail: fmt.Sprintf("%d readings are outside the %d to %d that are allowed", n, MinReadings, MaxReadings),
		})
	}
	bad := 0
	report := func(i int, field, code, detail string) {
		if bad++; bad <= maxBadReadings {
			vs = append(vs, domain.Violation{Pointer: list + "/" + strconv.Itoa(i) + field, Code: code, Detail: detail})
		}
	}
	again := r.repeated()
	for i := range r.Readings {
		reading := &r.Readings[i]
		t := reading.Time
		switch year := t.Year(); {
		case t.IsZero():
			report(i, "/timestamp", domain.CodeRequired, "an RFC 3339 time is required")
		case year < domain.MinYear || year > domain.MaxYear:
			report(i, "/timestamp", domain.CodeRange, fmt.Sprintf("year %d is outside %d to %d", year, domain.MinYear, domain.MaxYear))
		case again != nil && again[i]:
			report(i, "/timestamp", domain.CodeDuplicate, "another reading has the same time")
		}
		for s := range NumSeries {
			if v := reading.Value(s); math.IsInf(v, 0) {
				report(i, "/"+s.String(), domain.CodeNotFinite, "the number must be finite")
			}
		}
	}
	if bad > maxBadReadings {
		vs = append(vs, domain.Violation{
			Pointer: list, Code: domain.CodeInconsistent,
			Detail: fmt.Sprintf("%d more values of the sequence cannot be used", bad-maxBadReadings),
		})
	}
	return vs
}

func (r *Request) checkHorizons(vs []domain.Violation, reach int) []domain.Violation {
	const list = "/forecast_horizons"
	if n := len(r.Horizons); n > MaxHorizon {
		return append(vs, domain.Violation{
			Pointer: list, Code: domain.CodeSize,
			Detail: fmt.Sprintf("%d horizons are more than the %d that are allowed", n, MaxHorizon),
		})
	}
	farthest := max(NearHorizon, min(knownHours(r.RainfallForecastMM), reach))
	for i, h := range r.Horizons {
		switch pointer := list + "/" + strconv.Itoa(i); {
		case h < 1 || h > MaxHorizon:
			vs = append(vs, domain.Violation{
				Pointer: pointer, Code: domain.CodeRange, Detail: fmt.Sprintf("%d is outside 1 to %d hours", h, MaxHorizon),
			})
		case h > reach:
			vs = append(vs, domain.Violation{
				Pointer: pointer, Code: domain.CodeRange, Detail: fmt.Sprintf("%d is outside the 1 to %d hours that the model answers", h, reach),
			})
		case h > farthest:
			vs = append(vs, domain.Violation{
				Pointer: pointer, Code: domain.CodeRange,
				Detail: fmt.Sprintf("%d hours need a rainfall forecast of as many hours; without it the farthest are %d", h, farthest),
			})
		case slices.Contains(r.Horizons[:i], h):
			vs = append(vs, domain.Violation{
				Pointer: pointer, Code: domain.CodeDuplicate, Detail: fmt.Sprintf("%d hours are given more than once", h),
			})
		}
	}
	return vs
}

// Series is one measured variable of a sequence.
type Series uint8

// The series in the contract's order.
const (
	SeriesRainfall Series = iota
	SeriesTemperature
	SeriesHumidity
	SeriesWaterLevel
	SeriesDischarge

	// NumSeries counts the series.
	NumSeries
)

var seriesNames = [NumSeries]string{"rainfall_mm", "temperature", "humidity", "water_level_m", "discharge_m3s"}

// String returns the contract's name.
func (s Series) String() string { return seriesNames[s] }

// Value returns the reading's value of the series, NaN when missing.
func (r *Reading) Value(s Series) float64 {
	switch s {
	case SeriesRainfall:
		return r.RainfallMM
	case SeriesTemperature:
		return r.Temperature
	case SeriesHumidity:
		return r.Humidity
	case SeriesWaterLevel:
		return r.WaterLevelM
	case SeriesDischarge:
		return r.DischargeM3S
	}
	return math.NaN()
}

// Canonicalize rounds the inputs to the resolution at which Guardy answers, so that equal questions
// meet in the cache: rain 0.01 mm, temperature 0.1 °C, humidity 1 %, level and discharge 1e-4,
// coordinates 0.01°, times to the second in UTC. It sorts the readings by time, in place, and remembers where
// the client gave them. It completes the horizons. The answer is computed from
// the rounded values whether a cache takes part or not.
func (r *Request) Canonicalize() {
	r.Latitude, r.Longitude = domain.Round(r.Latitude, 100), domain.Round(r.Longitude, 100)
	r.sort()
	for i := range r.Readings {
		v := &r.Readings[i]
		v.Time = v.Time.UTC().Truncate(time.Second)
		v.RainfallMM = domain.Round(v.RainfallMM, 100)
		v.Temperature = domain.Round(v.Temperature, 10)
		v.Humidity = domain.Round(v.Humidity, 1)
		v.WaterLevelM = domain.Round(v.WaterLevelM, 1e4)
		v.DischargeM3S = domain.Round(v.DischargeM3S, 1e4)
	}
	if len(r.Horizons) == 0 {
		r.Horizons = DefaultHorizons[:]
	}
	for i, v := range r.RainfallForecastMM {
		if doubt.IsCode(doubt.Rain, v) {
			v = math.NaN()
			r.codes = append(r.codes, uint8(i))
		}
		r.RainfallForecastMM[i] = domain.Round(v, 100)
	}
	r.Normal, r.FloodThreshold = domain.Round(r.Normal, 1e4), domain.Round(r.FloodThreshold, 1e4)
}

// sort brings the readings in the order of their times.
func (r *Request) sort() {
	if slices.IsSortedFunc(r.Readings, func(a, b Reading) int { return a.Time.Compare(b.Time) }) {
		return
	}
	order := r.byTime()
	given := slices.Clone(r.Readings)
	places := make([]int32, len(order))
	for k, i := range order {
		r.Readings[k], places[k] = given[i], int32(r.place(int(i)))
	}
	r.order = places
}

// AppendCanonical appends the bytes over which the cache key is computed: every input that can
// change the answer, in a fixed order and width. The request must be canonical. NaN is written as
// one bit pattern.
func (r *Request) AppendCanonical(dst []byte) []byte {
	f := func(v float64) { dst = domain.AppendFloat(dst, v) }
	f(r.Latitude)
	f(r.Longitude)
	f(r.Normal)
	f(r.FloodThreshold)
	dst = append(dst, byte(len(r.Horizons)))
	for _, h := range r.Horizons {
		dst = append(dst, byte(h))
	}
	dst = append(dst, byte(len(r.RainfallForecastMM)))
	for _, v := range r.RainfallForecastMM {
		f(v)
	}
	dst = append(dst, byte(len(r.codes)))
	dst = append(dst, r.codes...)
	// The places matter: doubts are told by the pointers of the client's order.
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(r.order)))
	for _, i := range r.order {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(i))
	}
	for i := range r.Readings {
		v := &r.Readings[i]
		dst = binary.LittleEndian.AppendUint64(dst, uint64(v.Time.Unix()))
		for s := range NumSeries {
			f(v.Value(s))
		}
	}
	return dst
}
