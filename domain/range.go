package domain

import (
	"fmt"
	"math"
)

// MaxTextLength bounds identifiers and names in a request, in bytes.
const MaxTextLength = 256

// MinYear and MaxYear bound the times in a request.
const (
	MinYear = 1900
	MaxYear = 2200
)

// Range is a closed interval of values that can be meant. What lies outside is refused.
type Range struct {
	Min, Max float64
	Unit     string
}

// Ranges that every capability shares.
var (
	RangeLatitude  = Range{Min: -90, Max: 90, Unit: "degrees"}
	RangeLongitude = Range{Min: -180, Max: 180, Unit: "degrees"}
	// RangeTemperature reaches beyond the records of the WMO Archive of Weather and Climate Extremes.
	RangeTemperature = Range{Min: -95, Max: 65, Unit: "°C"}
	RangeHumidity    = Range{Min: 0, Max: 100, Unit: "%"}
	// RangeRiver bounds level and discharge in any unit (the Amazon's record is below 4e5 m3/s).
	RangeRiver = Range{Min: -1e9, Max: 1e9, Unit: "in the river's own unit"}
)

// Holds reports whether v lies inside; NaN does not.
func (b Range) Holds(v float64) bool { return v >= b.Min && v <= b.Max }

// Check appends what is wrong with v, if anything. A missing value is wrong where one is required.
func (b Range) Check(vs []Violation, pointer string, v float64, required bool) []Violation {
	switch {
	case b.Holds(v):
		return vs
	case math.IsNaN(v):
		if !required {
			return vs
		}
		return append(vs, Violation{Pointer: pointer, Code: CodeRequired, Detail: "a number is required"})
	case math.IsInf(v, 0):
		return append(vs, Violation{Pointer: pointer, Code: CodeNotFinite, Detail: "the number must be finite"})
	}
	return append(vs, Violation{
		Pointer: pointer, Code: CodeRange,
		Detail: fmt.Sprintf("%g is outside %g to %g %s", v, b.Min, b.Max, b.Unit),
	})
}

// CheckText appends a violation when s is longer than MaxTextLength.
func CheckText(vs []Violation, pointer, s string) []Violation {
	if len(s) <= MaxTextLength {
		return vs
	}
	return append(vs, Violation{
		Pointer: pointer, Code: CodeSize,
		Detail: fmt.Sprintf("%d bytes are more than the %d that are allowed", len(s), MaxTextLength),
	})
}

// CheckThresholds appends what is wrong with a river's normal and flood threshold, given in one unit
// below the pointer "/river". Either may be missing.
func CheckThresholds(vs []Violation, normal, flood float64) []Violation {
	n := len(vs)
	vs = RangeRiver.Check(vs, "/river/normal", normal, false)
	vs = RangeRiver.Check(vs, "/river/flood_threshold", flood, false)
	if len(vs) == n && flood <= normal { // false when either is NaN
		vs = append(vs, Violation{
			Pointer: "/river/flood_threshold", Code: CodeInconsistent,
			Detail: fmt.Sprintf("the flood threshold %g must be above the normal %g", flood, normal),
		})
	}
	return vs
}

// Round rounds half away from zero to 1/scale; NaN stays NaN and -0 becomes 0, so that equal values
// have equal bits in a cache key.
func Round(v, scale float64) float64 { return math.Round(v*scale)/scale + 0 }
