package qartod

import "math"

// Flag is a QARTOD data quality flag; the numbers are those of the standard (chapter 2.2, IOC 54:V3).
type Flag uint8

// The flags. The zero value is none of them, so that a forgotten flag is never taken for a verdict.
const (
	Pass         Flag = 1
	NotEvaluated Flag = 2
	Suspect      Flag = 3
	Fail         Flag = 4
	Missing      Flag = 9
)

// String returns the word of the glossary.
func (f Flag) String() string {
	switch f {
	case Pass:
		return "good"
	case NotEvaluated:
		return "unknown"
	case Suspect:
		return "suspect"
	case Fail:
		return "fail"
	case Missing:
		return "missing"
	}
	return "none"
}

// Valid reports whether f is one of the five flags.
func (f Flag) Valid() bool { return f >= Pass && f <= Fail || f == Missing }

// rank orders flags for Aggregate: 4 > 3 > 1 > 2 > 9.
func (f Flag) rank() int {
	switch f {
	case Fail:
		return 5
	case Suspect:
		return 4
	case Pass:
		return 3
	case NotEvaluated:
		return 2
	case Missing:
		return 1
	}
	return 0
}

// Aggregate returns the worst flag by 4 > 3 > 1 > 2 > 9; NotEvaluated when there is none.
func Aggregate(flags ...Flag) Flag {
	worst := Flag(0)
	for _, f := range flags {
		if f.rank() > worst.rank() {
			worst = f
		}
	}
	if worst == 0 {
		return NotEvaluated
	}
	return worst
}

// Result is one test's verdict on one sample. Value, Threshold and Margin are NaN where nothing was
// compared (NotEvaluated, Missing, or every level switched off).
type Result struct {
	Flag Flag
	// Value is the number that was compared: the sample itself, a rate, a range, a difference.
	Value float64
	// Threshold is the one that decided; of a sample that passes, the first that it would have crossed.
	Threshold float64
	// Margin is the distance beyond Threshold in the unit of Value, negative inside.
	Margin float64
}

// Levels are the two thresholds of a test; zero or NaN switches one off.
type Levels struct{ Suspect, Fail float64 }

var nan = math.NaN()

func bare(f Flag) Result { return Result{Flag: f, Value: nan, Threshold: nan, Margin: nan} }

// present reports whether v can be a measurement.
func present(v float64) bool { return v-v == 0 }

func on(threshold float64) bool { return threshold == threshold && threshold != 0 }

// above judges a statistic that is bad when large.
func (l Levels) above(v float64) Result {
	switch {
	case v != v:
		return bare(NotEvaluated)
	case on(l.Fail) && v > l.Fail:
		return Result{Flag: Fail, Value: v, Threshold: l.Fail, Margin: v - l.Fail}
	case on(l.Suspect) && v > l.Suspect:
		return Result{Flag: Suspect, Value: v, Threshold: l.Suspect, Margin: v - l.Suspect}
	}
	t := l.Suspect
	if !on(t) || on(l.Fail) && l.Fail < t {
		t = l.Fail
	}
	if !on(t) {
		t = nan
	}
	return Result{Flag: Pass, Value: v, Threshold: t, Margin: v - t}
}

// below judges a statistic that is bad when small.
func (l Levels) below(v float64) Result {
	switch {
	case v != v:
		return bare(NotEvaluated)
	case on(l.Fail) && v < l.Fail:
		return Result{Flag: Fail, Value: v, Threshold: l.Fail, Margin: l.Fail - v}
	case on(l.Suspect) && v < l.Suspect:
		return Result{Flag: Suspect, Value: v, Threshold: l.Suspect, Margin: l.Suspect - v}
	}
	t := l.Suspect
	if !on(t) || on(l.Fail) && l.Fail > t {
		t = l.Fail
	}
	if !on(t) {
		t = nan
	}
	return Result{Flag: Pass, Value: v, Threshold: t, Margin: t - v}
}

// Span is a closed interval. One that is not wider than a point, as the zero value, is switched off.
type Span struct{ Min, Max float64 }

// On reports whether the span is switched on.
func (s Span) On() bool { return s.Min < s.Max }

// outside returns how far v lies beyond the nearer limit, negative inside, and that limit.
func (s Span) outside(v float64) (margin, limit float64) {
	if low, high := s.Min-v, v-s.Max; low > high {
		return low, s.Min
	}
	return v - s.Max, s.Max
}

// judge flags v against two spans, fail first.
func judge(fail, suspect Span, v float64) Result {
	for _, s := range [...]struct {
		Span
		flag Flag
	}{{fail, Fail}, {suspect, Suspect}} {
		if s.On() && (v < s.Min || v > s.Max) {
			margin, limit := s.outside(v)
			return Result{Flag: s.flag, Value: v, Threshold: limit, Margin: margin}
		}
	}
	inner := suspect
	if !inner.On() {
		inner = fail
	}
	if !inner.On() {
		return Result{Flag: Pass, Value: v, Threshold: nan, Margin: nan}
	}
	margin, limit := inner.outside(v)
	return Result{Flag: Pass, Value: v, Threshold: limit, Margin: margin}
}
