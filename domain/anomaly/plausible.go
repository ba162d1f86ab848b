package anomaly

import (
	"math"

	"github.com/guardy-ai/guardy/domain/doubt"
	"github.com/guardy-ai/guardy/domain/qartod"
)

// quantityOf returns what a variable measures, as far as codes for no data differ by it. The unit of a variable
// with a name of its own is not known, so only levels and discharges are told from others by their name.
func quantityOf(name string) doubt.Quantity {
	switch KindOf(name) {
	case KindRain:
		return doubt.Rain
	case KindTemperature:
		return doubt.Temperature
	case KindHumidity:
		return doubt.Humidity
	case KindWaterLevel:
		return doubt.Level
	case KindBattery:
		return doubt.Voltage
	case KindSignal:
		return doubt.Signal
	case KindOther, NumKinds:
	}
	if q := doubt.QuantityOf(name); q == doubt.Level || q == doubt.Discharge {
		return q
	}
	return doubt.Other
}

// knownReadings is how many values a variable must have had for one to be near or far from them.
const knownReadings = 8

// sentinel reports whether x is a logger's code. A number that the quantity can also have is one where it is far
// from everything that the variable had; -8.88 m is one unless the level is thereabouts.
func (q *variable) sentinel(x float64) bool {
	code, ok := doubt.CodeFor(q.quantity, x)
	if !ok {
		return false
	}
	record := q.records[away]
	strange := math.Abs(x-q.last) > 4*q.large && (math.Abs(x-q.slow)*record > 1 || record == 0)
	known := q.n > knownReadings
	if code.Certainty == doubt.Exact {
		return !known || strange || q.quantity != doubt.Level || !doubt.IsPossible(q.quantity, x)
	}
	return known && strange
}

// mostPlausible bounds every measurement, in whatever unit.
const mostPlausible = 1e12

// inside reports whether x is plainly within a span that may be switched off.
func inside(s *qartod.Span, x float64) bool {
	return x >= s.Min && x <= s.Max || !s.On()
}

// judgeRange runs the gross range test. isCode says that x is a logger's code, which is no measurement whatever
// the range. It reports whether the value can be a measurement.
func (d *Detector) judgeRange(f *Finding, l *Limits, stepS float64, isCode bool) bool {
	x := f.Value
	if isCode {
		f.unmeasured()
		if l.Range.Step(x).Flag == qartod.Fail {
			f.Flags[TestGrossRange] = qartod.Fail
		}
		return false
	}
	if math.Abs(x) < mostPlausible && inside(&l.Range.Suspect, x) && inside(&l.Range.Fail, x) && (l.PerHour == 0 || x < l.PerHour/8) {
		f.Flags[TestGrossRange] = qartod.Pass
		return true
	}
	r := l.Range.Step(x)
	f.Flags[TestGrossRange] = r.Flag
	if r.Flag == qartod.Fail || !(math.Abs(x) < mostPlausible) {
		f.fail(ConditionImpossible)
		f.Flags[TestGrossRange] = qartod.Fail
		f.Limit = r.Threshold
		if doubt.MayBeCode(quantityOf(f.Name), x) {
			f.Condition = ConditionSentinel
		}
		return false
	}
	if l.PerHour > 0 {
		if most := l.PerHour * math.Sqrt(min(max(stepS, 60), 86400)/3600); x > most {
			f.fail(ConditionImpossible)
			f.Flags[TestGrossRange] = qartod.Fail
			f.Limit = most
			return false
		}
	}
	if r.Flag == qartod.Suspect {
		f.suspect()
	}
	return true
}
