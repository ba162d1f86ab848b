package localstats

import (
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// longest is the longest duration told apart.
const longest = time.Hour

// digits are the significant digits that are kept: two make 128 buckets of each doubling. A third would make
// each reading six times as dear, and a histogram of 37 KB eight times as large.
const digits = 2

// durations is a distribution of durations; the zero value is empty.
type durations struct {
	n        uint64
	seconds  float64 // the sum, in seconds: nanoseconds would overflow
	min, max time.Duration
	hist     *hdrhistogram.Histogram
}

// add adds n answers that took d together.
func (d *durations) add(took time.Duration, n int) {
	took = max(took, 0)
	each := took / time.Duration(n)
	d.extend(each, each)
	d.n += uint64(n)
	d.seconds += took.Seconds()
	// Within its range the histogram refuses nothing, so there is no error to handle.
	_ = d.hist.RecordValues(int64(min(each, longest)), int64(n))
}

func (d *durations) merge(from *durations) {
	if from.n == 0 {
		return
	}
	d.extend(from.min, from.max)
	d.n += from.n
	d.seconds += from.seconds
	d.hist.Merge(from.hist)
}

// extend makes room for durations from shortest to longest.
func (d *durations) extend(shortest, longest time.Duration) {
	if d.hist == nil {
		d.hist = newHistogram()
	}
	if d.n == 0 {
		d.min, d.max = shortest, longest
	}
	d.min, d.max = min(d.min, shortest), max(d.max, longest)
}

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, int64(longest), digits) }

// reset empties d but keeps its memory.
func (d *durations) reset() {
	if d.n > 0 {
		d.hist.Reset()
	}
	*d = durations{hist: d.hist}
}

func (d *durations) mean() time.Duration {
	if d.n == 0 {
		return 0
	}
	return time.Duration(math.Round(d.seconds / float64(d.n) * 1e9))
}

// percentile returns the shortest duration that p percent do not exceed (the nearest rank), 0 when there is
// none. The histogram would round the rank to the nearest and so hide the slowest of a few, therefore it is
// asked for a whole rank. It rounds up to the end of a bucket; the answer never leaves what was seen.
func (d *durations) percentile(p float64) time.Duration {
	if d.n == 0 {
		return 0
	}
	rank := math.Ceil(p / 100 * float64(d.n))
	v := d.hist.ValueAtPercentile(100 * rank / float64(d.n))
	return min(max(time.Duration(v), d.min), d.max)
}
