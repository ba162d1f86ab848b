package anomaly

import (
	"math"

	"github.com/guardy-ai/guardy/domain/qartod"
)

// sentinels are the codes that loggers write for no data. The sure ones are no value of anything.
var sentinels = [...]struct {
	value float64
	sure  bool
}{
	{-9999, true},
	{-999, true},
	{-99999, true},
	{-999.9, true},
	{-9999.9, true},
	{-6999, true},
	{6999, true},
	{7999, true},
	{-7999, true},
	{9999, false},
	{999.9, false},
	{999, false},
	{9999.9, false},
	{-99.9, false},
	{-99, false},
	{-88.8, false},
	{123.4, false},
	{32767, false},
	{-32768, false},
	{65535, false},
}

// sentinel reports whether x is a logger's code, and whether nothing can measure it.
func sentinel(x float64) (code, sure bool) {
	if x > -88 && x < 123 {
		return false, false
	}
	for i := range sentinels {
		if x == sentinels[i].value {
			return true, sentinels[i].sure
		}
	}
	return false, false
}

// mostPlausible bounds every measurement, in whatever unit.
const mostPlausible = 1e12

// inside reports whether x is plainly within a span that may be switched off.
func inside(s *qartod.Span, x float64) bool {
	return x >= s.Min && x <= s.Max || !s.On()
}

// judgeRange runs the gross range test and looks for sentinels that need no history. It reports whether
// the value can be a measurement.
func (d *Detector) judgeRange(f *Finding, l *Limits, stepS float64) bool {
	x := f.Value
	code, sure := sentinel(x)
	if !code && math.Abs(x) < mostPlausible && inside(&l.Range.Suspect, x) && inside(&l.Range.Fail, x) && (l.PerHour == 0 || x < l.PerHour/8) {
		f.Flags[TestGrossRange] = qartod.Pass
		return true
	}
	r := l.Range.Step(x)
	if code && sure {
		f.unmeasured()
		if r.Flag == qartod.Fail {
			f.Flags[TestGrossRange] = qartod.Fail
		}
		return false
	}
	f.Flags[TestGrossRange] = r.Flag
	if r.Flag == qartod.Fail || !(math.Abs(x) < mostPlausible) {
		f.fail(ConditionImpossible)
		f.Flags[TestGrossRange] = qartod.Fail
		f.Limit = r.Threshold
		if code {
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
