package qartod

import (
	"errors"
	"math"
	"time"
)

// GrossRange is test 4: a value outside the sensor's span fails, one outside the operator's span is
// suspect. It has no memory: Step is batch and stream alike.
type GrossRange struct {
	Fail, Suspect Span
}

// Validate refuses a suspect span that reaches outside the fail span.
func (g GrossRange) Validate() error {
	if g.Fail.On() && g.Suspect.On() && (g.Suspect.Min < g.Fail.Min || g.Suspect.Max > g.Fail.Max) {
		return errors.New("the suspect span must lie inside the fail span")
	}
	return nil
}

// Step judges one value.
func (g GrossRange) Step(v float64) Result {
	if v != v {
		return bare(Missing)
	}
	return judge(g.Fail, g.Suspect, v)
}

// Batch appends the verdict on every value to dst.
func (g GrossRange) Batch(dst []Result, values []float64) []Result {
	for _, v := range values {
		dst = append(dst, g.Step(v))
	}
	return dst
}

// Period is the part of a time that a climatology member looks at.
type Period uint8

// The periods of the reference implementation.
const (
	PeriodAbsolute  Period = iota // the time itself, From to Until
	PeriodMonth                   // 1 to 12
	PeriodWeek                    // ISO week, 1 to 53
	PeriodDayOfYear               // 1 to 366
	PeriodQuarter                 // 1 to 4
	PeriodHour                    // 0 to 23
)

// Member is one season of a climatology.
type Member struct {
	Period Period
	// From and Until bound the time of PeriodAbsolute, First and Last the number of any other period. Both
	// ends are included.
	From, Until time.Time
	First, Last int
	// Suspect and Fail are the spans of the value (vspan, fspan).
	Suspect, Fail Span
	// Depth restricts the member to a depth span; a member without one holds at every depth.
	Depth Span
}

func (m *Member) applies(t time.Time, depth float64) bool {
	if m.Depth.On() && !(depth >= m.Depth.Min && depth <= m.Depth.Max) {
		return false
	}
	var n int
	switch m.Period {
	case PeriodAbsolute:
		return !t.Before(m.From) && !t.After(m.Until)
	case PeriodMonth:
		n = int(t.Month())
	case PeriodWeek:
		_, n = t.ISOWeek()
	case PeriodDayOfYear:
		n = t.YearDay()
	case PeriodQuarter:
		n = (int(t.Month()) + 2) / 3
	case PeriodHour:
		n = t.Hour()
	default:
		return false
	}
	return n >= m.First && n <= m.Last
}

// Climatology is test 5: spans that hold for a season. Of the members that apply to a sample the last
// decides; where none applies the sample is NotEvaluated. It has no memory.
type Climatology []Member

// Step judges one value; depth is NaN where there is none. Seasons are read in UTC.
func (c Climatology) Step(t time.Time, v, depth float64) Result {
	if !present(v) {
		return bare(Missing)
	}
	t = t.UTC()
	for i := len(c) - 1; i >= 0; i-- {
		if m := &c[i]; m.applies(t, depth) {
			return judge(m.Fail, m.Suspect, v)
		}
	}
	return bare(NotEvaluated)
}

// Batch appends the verdict on every value to dst; depths may be nil. It judges as many samples as
// there are both times and values.
func (c Climatology) Batch(dst []Result, times []time.Time, values, depths []float64) []Result {
	for i := range min(len(times), len(values)) {
		depth := nan
		if i < len(depths) {
			depth = depths[i]
		}
		dst = append(dst, c.Step(times[i], values[i], depth))
	}
	return dst
}

// Neighbour is test 11: the difference to a neighbouring gauge or to a forecast at the same time. It
// has no memory.
type Neighbour struct{ Levels }

// Step judges a against b; without b it is NotEvaluated.
func (n Neighbour) Step(a, b float64) Result {
	switch {
	case !present(a):
		return bare(Missing)
	case !present(b):
		return bare(NotEvaluated)
	}
	return n.above(math.Abs(a - b))
}

// Batch appends the verdict on every value of a to dst.
func (n Neighbour) Batch(dst []Result, a, b []float64) []Result {
	for i := range min(len(a), len(b)) {
		dst = append(dst, n.Step(a[i], b[i]))
	}
	return dst
}

// TimeGap is test 1: data that did not arrive in time. Its batch form is Batch, its stream is
// TimeGapStream.
type TimeGap struct {
	// MaxStep is TIM_INC; a longer step fails the sample after it.
	MaxStep time.Duration
	// Late is the flag of that sample. Older manuals say Fail, which the zero value stands for; the water
	// level text of 2021 says Missing ("data have not arrived").
	Late Flag
}

// TimeGapStream is TimeGap one sample at a time. Make it with TimeGap.Stream.
type TimeGapStream struct {
	test  TimeGap
	last  time.Time
	begun bool
}

// Stream returns the test before its first sample.
func (g TimeGap) Stream() TimeGapStream { return TimeGapStream{test: g} }

// Step judges the arrival of a sample, whatever its value. Value is the step in seconds.
func (s *TimeGapStream) Step(t time.Time) Result {
	last, begun := s.last, s.begun
	s.last, s.begun = t, true
	if !begun {
		return Result{Flag: Pass, Value: nan, Threshold: s.test.MaxStep.Seconds(), Margin: nan}
	}
	step := t.Sub(last)
	r := Result{
		Flag: Pass, Value: step.Seconds(), Threshold: s.test.MaxStep.Seconds(),
		Margin: step.Seconds() - s.test.MaxStep.Seconds(),
	}
	if s.test.MaxStep > 0 && step > s.test.MaxStep {
		if r.Flag = s.test.Late; !r.Flag.Valid() {
			r.Flag = Fail
		}
	}
	return r
}

// Batch appends the verdict on every time to dst.
func (g TimeGap) Batch(dst []Result, times []time.Time) []Result {
	s := g.Stream()
	for _, t := range times {
		dst = append(dst, s.Step(t))
	}
	return dst
}
