package qartod

import (
	"math"
	"slices"
	"time"
)

// MedianStep returns the median of the steps between consecutive times, zero for fewer than two.
func MedianStep(times []time.Time) time.Duration {
	if len(times) < 2 {
		return 0
	}
	steps := make([]time.Duration, len(times)-1)
	for i := range steps {
		steps[i] = times[i+1].Sub(times[i])
	}
	slices.Sort(steps)
	n := len(steps)
	low, high := steps[(n-1)/2], steps[n/2]
	return low + (high-low)/2
}

// MaxWindow bounds the samples that a stream keeps.
const MaxWindow = 1 << 16

// minFlat is the shortest series in which something can be flat.
const minFlat = 3

// FlatLine is test 8 in the profile ioos_qc: the range of the present values over a duration is below
// Tolerance. A duration is that many whole steps.
type FlatLine struct {
	Suspect, Fail time.Duration
	Tolerance     float64
}

// counts returns the steps of both durations, -1 for one that is switched off.
func (f FlatLine) counts(step time.Duration) (suspect, fail int) {
	count := func(d time.Duration) int {
		seconds := d.Truncate(time.Second)
		if seconds <= 0 || step <= 0 {
			return -1
		}
		return int(min(seconds/step, math.MaxInt32))
	}
	return count(f.Suspect), count(f.Fail)
}

// judge decides from the ranges over both windows; NaN where a window is not full yet.
func (f FlatLine) judge(suspectRange, failRange float64) Result {
	flat := func(flag Flag, r float64) Result {
		return Result{Flag: flag, Value: r, Threshold: f.Tolerance, Margin: f.Tolerance - r}
	}
	switch {
	case failRange < f.Tolerance:
		return flat(Fail, failRange)
	case suspectRange < f.Tolerance:
		return flat(Suspect, suspectRange)
	case suspectRange == suspectRange:
		return flat(Pass, suspectRange)
	}
	return flat(Pass, failRange)
}

// Batch appends the verdict on every value to dst. The step is the median of all steps.
func (f FlatLine) Batch(dst []Result, times []time.Time, values []float64) []Result {
	n := min(len(times), len(values))
	suspect, fail := f.counts(MedianStep(times[:n]))
	for i, v := range values[:n] {
		switch {
		case !present(v):
			dst = append(dst, bare(Missing))
			continue
		case n < minFlat:
			dst = append(dst, bare(Pass))
			continue
		}
		window := func(count int) float64 {
			if count < 0 || i < count {
				return nan
			}
			low, high := math.Inf(1), math.Inf(-1)
			for _, x := range values[i-count : i+1] {
				if present(x) {
					low, high = min(low, x), max(high, x)
				}
			}
			return high - low
		}
		dst = append(dst, f.judge(window(suspect), window(fail)))
	}
	return dst
}

// extremes keeps the smallest and largest of the last samples in constant amortised time: of each it
// holds the samples that no later one has beaten.
type extremes struct {
	low, high monotone
}

// monotone is a queue of (index, value) whose values are sorted, in a ring.
type monotone struct {
	at         []int64
	values     []float64
	head, size int
}

func newExtremes(window int) extremes {
	queue := func() monotone { return monotone{at: make([]int64, window), values: make([]float64, window)} }
	return extremes{low: queue(), high: queue()}
}

// push drops what v beats, then what is older than the window, and adds v.
func (m *monotone) push(i int64, v float64, beats bool) {
	n := len(m.at)
	for m.size > 0 {
		last := m.values[(m.head+m.size-1)%n]
		if beats && last < v || !beats && last > v {
			break // kept: it is still the more extreme
		}
		m.size--
	}
	k := (m.head + m.size) % n
	m.at[k], m.values[k] = i, v
	m.size++
}

func (m *monotone) expire(oldest int64) {
	for m.size > 0 && m.at[m.head] < oldest {
		m.head = (m.head + 1) % len(m.at)
		m.size--
	}
}

func (e *extremes) step(i int64, v float64, window int) {
	e.low.expire(i - int64(window) + 1)
	e.high.expire(i - int64(window) + 1)
	if present(v) {
		e.low.push(i, v, true)
		e.high.push(i, v, false)
	}
}

func (e *extremes) spread() float64 {
	if e.low.size == 0 {
		return nan
	}
	return e.high.values[e.high.head] - e.low.values[e.low.head]
}

// FlatLineStream is FlatLine one sample at a time, for a series whose step is known. It equals the
// batch form from the third sample of a series on; a series of one or two is too short for the batch
// form to flag at all. Make it with FlatLine.Stream.
type FlatLineStream struct {
	test          FlatLine
	suspect, fail int
	short, long   extremes
	n             int64
}

// Stream returns the test before its first sample; a duration is cut to MaxWindow samples.
func (f FlatLine) Stream(step time.Duration) FlatLineStream {
	suspect, fail := f.counts(step)
	suspect, fail = min(suspect, MaxWindow-1), min(fail, MaxWindow-1)
	return FlatLineStream{
		test: f, suspect: suspect, fail: fail,
		short: newExtremes(max(1, suspect+1)), long: newExtremes(max(1, fail+1)),
	}
}

// Step judges one value.
func (s *FlatLineStream) Step(v float64) Result {
	i := s.n
	s.n++
	s.short.step(i, v, s.suspect+1)
	s.long.step(i, v, s.fail+1)
	if !present(v) {
		return bare(Missing)
	}
	suspectRange, failRange := nan, nan
	if s.suspect >= 0 && i >= int64(s.suspect) {
		suspectRange = s.short.spread()
	}
	if s.fail >= 0 && i >= int64(s.fail) {
		failRange = s.long.spread()
	}
	return s.test.judge(suspectRange, failRange)
}

// RepeatCount is test 8 in the profile manual_realtime: the newest sample repeats, within Tolerance
// (EPS), that many samples before it. The counts (REP_CNT) include the newest; a missing sample breaks
// the run.
type RepeatCount struct {
	Suspect, Fail int
	Tolerance     float64
}

func (r RepeatCount) judge(run, available int) Result {
	result := func(flag Flag, count int) Result {
		return Result{Flag: flag, Value: float64(run), Threshold: float64(count), Margin: float64(run - count)}
	}
	switch {
	case r.Fail > 0 && run >= r.Fail:
		return result(Fail, r.Fail)
	case r.Suspect > 0 && run >= r.Suspect:
		return result(Suspect, r.Suspect)
	case available < r.Suspect:
		return bare(NotEvaluated)
	}
	return result(Pass, r.Suspect)
}

// Batch appends the verdict on every value to dst.
func (r RepeatCount) Batch(dst []Result, values []float64) []Result {
	longest := max(r.Suspect, r.Fail, 1)
	for i, v := range values {
		if !present(v) {
			dst = append(dst, bare(Missing))
			continue
		}
		run := 1
		for run < longest && run <= i && math.Abs(v-values[i-run]) < r.Tolerance { // false for a missing one
			run++
		}
		dst = append(dst, r.judge(run, i+1))
	}
	return dst
}

// RepeatStream is RepeatCount one sample at a time. Make it with RepeatCount.Stream.
type RepeatStream struct {
	test RepeatCount
	ring []float64
	n    int
}

// Stream returns the test before its first sample; counts are cut to MaxWindow.
func (r RepeatCount) Stream() RepeatStream {
	r.Suspect, r.Fail = min(r.Suspect, MaxWindow), min(r.Fail, MaxWindow)
	return RepeatStream{test: r, ring: make([]float64, max(r.Suspect, r.Fail, 1))}
}

// Step judges one value.
func (s *RepeatStream) Step(v float64) Result {
	i := s.n
	s.n++
	s.ring[i%len(s.ring)] = v
	if !present(v) {
		return bare(Missing)
	}
	run := 1
	for run < len(s.ring) && run <= i && math.Abs(v-s.ring[(i-run)%len(s.ring)]) < s.test.Tolerance {
		run++
	}
	return s.test.judge(run, i+1)
}

// Spread is the statistic of the attenuated signal test.
type Spread uint8

// The statistics of test 10.
const (
	SpreadRange     Spread = iota // largest less smallest
	SpreadDeviation               // population standard deviation
)

// of returns the spread of the present values and their number; NaN of none.
func (k Spread) of(values []float64) (spread float64, n int) {
	low, high, sum := math.Inf(1), math.Inf(-1), 0.0
	for _, v := range values {
		if present(v) {
			low, high, sum, n = min(low, v), max(high, v), sum+v, n+1
		}
	}
	switch {
	case n == 0:
		return nan, 0
	case k == SpreadRange:
		return high - low, n
	}
	mean, squares := sum/float64(n), 0.0
	for _, v := range values {
		if present(v) {
			squares += (v - mean) * (v - mean)
		}
	}
	return math.Sqrt(squares / float64(n)), n
}

// Attenuated is test 10: a signal that moves too little. Levels are lower bounds of the spread of the
// present values in the window (t − Window, t]; without a Window, of the whole series, which has no
// stream.
type Attenuated struct {
	Levels
	Spread Spread
	Window time.Duration
	// MinObs is the number of values that a window needs, else NotEvaluated. MinPeriod says the same as a
	// duration and holds where MinObs is zero.
	MinObs    int
	MinPeriod time.Duration
}

func (a Attenuated) minObs(step time.Duration) int {
	if a.MinObs == 0 && a.MinPeriod > 0 && step > 0 {
		return max(1, int(min(a.MinPeriod/step, math.MaxInt32)))
	}
	return max(1, a.MinObs)
}

func (a Attenuated) judge(window []float64, minObs int) Result {
	spread, n := a.Spread.of(window)
	if n < minObs {
		return bare(NotEvaluated)
	}
	return a.below(spread)
}

// Batch appends the verdict on every value to dst.
func (a Attenuated) Batch(dst []Result, times []time.Time, values []float64) []Result {
	n := min(len(times), len(values))
	values = values[:n]
	if a.Window <= 0 {
		whole := a.judge(values, 1)
		for _, v := range values {
			if present(v) {
				dst = append(dst, whole)
			} else {
				dst = append(dst, bare(Missing))
			}
		}
		return dst
	}
	minObs, first := a.minObs(MedianStep(times[:n])), 0
	for i, v := range values {
		for first < i && times[i].Sub(times[first]) >= a.Window {
			first++
		}
		if present(v) {
			dst = append(dst, a.judge(values[first:i+1], minObs))
		} else {
			dst = append(dst, bare(Missing))
		}
	}
	return dst
}

// slide holds the samples of a sliding time window, oldest first, in a slice twice as long as they can
// be, so that they lie in one piece and a sample costs one move on average.
type slide struct {
	times       []time.Time
	values      []float64
	first, last int // [first, last)
	most        int
}

func newSlide(most int) slide {
	most = max(1, min(most, MaxWindow))
	return slide{times: make([]time.Time, 2*most), values: make([]float64, 2*most), most: most}
}

func (s *slide) push(t time.Time, v float64) {
	if s.last-s.first == s.most {
		s.first++
	}
	if s.last == len(s.values) {
		n := copy(s.values, s.values[s.first:s.last])
		copy(s.times, s.times[s.first:s.last])
		s.first, s.last = 0, n
	}
	s.times[s.last], s.values[s.last] = t, v
	s.last++
}

// AttenuatedStream is Attenuated one sample at a time. It equals the batch form while a window holds
// no more samples than the stream was made for; of more, the oldest are forgotten. Make it with
// Attenuated.Stream.
type AttenuatedStream struct {
	test   Attenuated
	minObs int
	slide  slide
}

// Stream returns the test before its first sample, with room for the given number of samples in a
// window. The step is needed for MinPeriod only.
func (a Attenuated) Stream(samples int, step time.Duration) AttenuatedStream {
	return AttenuatedStream{test: a, minObs: a.minObs(step), slide: newSlide(samples)}
}

// Step judges one value.
func (s *AttenuatedStream) Step(t time.Time, v float64) Result {
	w := &s.slide
	w.push(t, v)
	for w.first < w.last-1 && t.Sub(w.times[w.first]) >= s.test.Window {
		w.first++
	}
	if !present(v) {
		return bare(Missing)
	}
	return s.test.judge(w.values[w.first:w.last], s.minObs)
}

// DeviationRate is test 7 in the profile manual_realtime: the step from the sample before is more than
// NDev sample standard deviations of the values in the Window before it, the newest excluded. It has no
// fail level.
type DeviationRate struct {
	NDev   float64
	Window time.Duration // TIM_DEV
	MinObs int           // values that the window needs, at least 2
}

func (d DeviationRate) judge(before, v float64, window []float64) Result {
	switch {
	case !present(v):
		return bare(Missing)
	case !present(before):
		return bare(NotEvaluated)
	}
	deviation, n := SpreadDeviation.of(window)
	if n < max(2, d.MinObs) {
		return bare(NotEvaluated)
	}
	deviation *= math.Sqrt(float64(n) / float64(n-1))
	threshold := d.NDev * deviation
	step := math.Abs(v - before)
	r := Result{Flag: Pass, Value: step, Threshold: threshold, Margin: step - threshold}
	switch {
	case r.Margin != r.Margin:
		return bare(NotEvaluated)
	case step > threshold:
		r.Flag = Suspect
	}
	return r
}

// Batch appends the verdict on every value to dst.
func (d DeviationRate) Batch(dst []Result, times []time.Time, values []float64) []Result {
	first := 0
	for i := range min(len(times), len(values)) {
		for first < i && times[i].Sub(times[first]) > d.Window {
			first++
		}
		before := nan
		if i > 0 {
			before = values[i-1]
		}
		dst = append(dst, d.judge(before, values[i], values[first:i]))
	}
	return dst
}

// DeviationStream is DeviationRate one sample at a time, equal to the batch form while a window holds
// no more samples than the stream was made for. Make it with DeviationRate.Stream.
type DeviationStream struct {
	test  DeviationRate
	slide slide
}

// Stream returns the test before its first sample, with room for the given number of samples in a
// window.
func (d DeviationRate) Stream(samples int) DeviationStream {
	return DeviationStream{test: d, slide: newSlide(samples)}
}

// Step judges one value.
func (s *DeviationStream) Step(t time.Time, v float64) Result {
	w := &s.slide
	before := nan
	if w.last > w.first {
		before = w.values[w.last-1]
	}
	for w.first < w.last && t.Sub(w.times[w.first]) > s.test.Window {
		w.first++
	}
	r := s.test.judge(before, v, w.values[w.first:w.last])
	w.push(t, v)
	return r
}
