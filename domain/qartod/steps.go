package qartod

import (
	"math"
	"time"
)

// Method is the statistic of the spike test.
type Method uint8

// The methods of test 6.
const (
	// Average compares a sample with the mean of its neighbours. Both neighbours of a large spike stand out
	// too.
	Average Method = iota
	// Differential takes the smaller of the steps before and after when they have opposite signs, else
	// zero, so that a ramp is no spike and its neighbours stay clean.
	Differential
)

// Spike is test 6. A sample is judged against the one before and the one after it.
type Spike struct {
	Levels
	Method Method
}

func (s Spike) judge(before, v, after float64) Result {
	switch {
	case !present(v):
		return bare(Missing)
	case !present(before) || !present(after):
		return bare(NotEvaluated)
	}
	if s.Method == Average {
		return s.above(math.Abs(v - (before+after)/2))
	}
	up, down := v-before, after-v
	if opposite := up > 0 && down < 0 || up < 0 && down > 0; !opposite {
		return s.above(0)
	}
	return s.above(min(math.Abs(up), math.Abs(down)))
}

// Batch appends the verdict on every value to dst. First, last and those beside a missing value are
// NotEvaluated.
func (s Spike) Batch(dst []Result, values []float64) []Result {
	for i, v := range values {
		before, after := nan, nan
		if i > 0 {
			before = values[i-1]
		}
		if i+1 < len(values) {
			after = values[i+1]
		}
		dst = append(dst, s.judge(before, v, after))
	}
	return dst
}

// SpikeStream is Spike one sample at a time, one sample late: the newest is NotEvaluated until its
// successor arrives. Make it with Spike.Stream.
type SpikeStream struct {
	test         Spike
	before, last float64
	begun        bool
}

// Stream returns the test before its first sample.
func (s Spike) Stream() SpikeStream { return SpikeStream{test: s, before: nan, last: nan} }

// Step takes the newest value and returns the final verdict on the sample before it; ok is false
// for the first value, which has none before it.
func (s *SpikeStream) Step(v float64) (previous Result, ok bool) {
	if ok = s.begun; ok {
		previous = s.test.judge(s.before, s.last, v)
	}
	s.before, s.last, s.begun = s.last, v, true
	return previous, ok
}

// Newest returns the verdict on the newest value for the time being: NotEvaluated or Missing. At the
// end of a series it is final.
func (s *SpikeStream) Newest() Result {
	if present(s.last) {
		return bare(NotEvaluated)
	}
	return bare(Missing)
}

// RateOfChange is test 7 in the profile ioos_qc: the step from the sample before, per second. A sample
// without a predecessor passes; one that is not later than its predecessor is NotEvaluated.
type RateOfChange struct{ Levels }

// RateStream is RateOfChange one sample at a time. Make it with RateOfChange.Stream.
type RateStream struct {
	test  RateOfChange
	value float64
	time  time.Time
}

// Stream returns the test before its first sample.
func (r RateOfChange) Stream() RateStream { return RateStream{test: r, value: nan} }

// Step judges one value.
func (s *RateStream) Step(t time.Time, v float64) Result {
	before, at := s.value, s.time
	s.value, s.time = v, t
	switch {
	case !present(v):
		return bare(Missing)
	case !present(before):
		return bare(Pass)
	}
	seconds := t.Sub(at).Seconds()
	if seconds <= 0 {
		return bare(NotEvaluated)
	}
	return s.test.above(math.Abs(v-before) / seconds)
}

// Batch appends the verdict on every value to dst.
func (r RateOfChange) Batch(dst []Result, times []time.Time, values []float64) []Result {
	s := r.Stream()
	for i := range min(len(times), len(values)) {
		dst = append(dst, s.Step(times[i], values[i]))
	}
	return dst
}

// MultiVariate is test 9: a jump of the value that the second variable (rain, for a level) does not
// share is suspect.
type MultiVariate struct {
	// Jump and OtherJump are n1·sd1 and n2·sd2 in the units of the two variables.
	Jump, OtherJump float64
}

// MultiVariateStream is MultiVariate one pair at a time. Make it with MultiVariate.Stream.
type MultiVariateStream struct {
	test         MultiVariate
	value, other float64
}

// Stream returns the test before its first pair.
func (m MultiVariate) Stream() MultiVariateStream {
	return MultiVariateStream{test: m, value: nan, other: nan}
}

// Step judges v given the second variable at the same time. Without a predecessor, and where a jump
// needs the second variable and it is missing, the sample is NotEvaluated.
func (s *MultiVariateStream) Step(v, other float64) Result {
	before, otherBefore := s.value, s.other
	s.value, s.other = v, other
	switch {
	case !present(v):
		return bare(Missing)
	case !present(before):
		return bare(NotEvaluated)
	}
	r := Levels{Suspect: s.test.Jump}.above(math.Abs(v - before))
	if !present(other) || !present(otherBefore) {
		return bare(NotEvaluated)
	}
	if r.Flag == Suspect && math.Abs(other-otherBefore) > s.test.OtherJump {
		r.Flag = Pass // the jump is real: the other variable shares it
	}
	return r
}

// Batch appends the verdict on every value to dst.
func (m MultiVariate) Batch(dst []Result, values, others []float64) []Result {
	s := m.Stream()
	for i := range min(len(values), len(others)) {
		dst = append(dst, s.Step(values[i], others[i]))
	}
	return dst
}
