package localstats

import (
	"math"
	"math/bits"
	"time"
)

// longest is the longest duration told apart.
const longest = time.Hour

// Buckets are those of an HDR histogram: each doubling of the duration has 128 of the same width, so that
// none is wider than 1/128 of the shortest duration in it. Below 256 ns each duration has its own.
const (
	perDoublingLog2 = 7
	perDoubling     = 1 << perDoublingLog2
	longestBits     = 42 // of longest in nanoseconds
	numBuckets      = (longestBits - perDoublingLog2 + 1) * perDoubling
)

// bucket returns the place of a duration from 0 to longest.
func bucket(d time.Duration) int {
	dropped := max(bits.Len64(uint64(d))-perDoublingLog2-1, 0)
	return dropped<<perDoublingLog2 + int(d>>dropped)
}

// lastIn returns the longest duration in a bucket.
func lastIn(bucket int) time.Duration {
	dropped := max(bucket>>perDoublingLog2-1, 0)
	return time.Duration(bucket-dropped<<perDoublingLog2+1)<<dropped - 1
}

// durations is a distribution of durations; the zero value is empty. It is large: 37 KB. What reads or empties
// it goes from the bucket of the shortest to that of the longest only.
type durations struct {
	n        uint64
	seconds  float64 // the sum, in seconds: nanoseconds would overflow
	min, max time.Duration
	counts   [numBuckets]uint64
}

// add adds n answers that took d together.
func (d *durations) add(took time.Duration, n int) {
	took = max(took, 0)
	each := took / time.Duration(n)
	d.extend(each, each)
	d.n += uint64(n)
	d.seconds += took.Seconds()
	d.counts[bucket(min(each, longest))] += uint64(n)
}

func (d *durations) merge(from *durations) {
	if from.n == 0 {
		return
	}
	d.extend(from.min, from.max)
	d.n += from.n
	d.seconds += from.seconds
	first, end := from.span()
	to := d.counts[first:end]
	for i, n := range from.counts[first:end] {
		to[i] += n
	}
}

// extend makes room for durations from shortest to longest.
func (d *durations) extend(shortest, longest time.Duration) {
	if d.n == 0 {
		d.min, d.max = shortest, longest
	}
	d.min, d.max = min(d.min, shortest), max(d.max, longest)
}

// span returns the buckets outside which nothing was counted.
func (d *durations) span() (first, end int) {
	return bucket(min(d.min, longest)), bucket(min(d.max, longest)) + 1
}

func (d *durations) reset() {
	first, end := d.span()
	clear(d.counts[first:end])
	d.n, d.seconds, d.min, d.max = 0, 0, 0, 0
}

func (d *durations) mean() time.Duration {
	if d.n == 0 {
		return 0
	}
	return time.Duration(math.Round(d.seconds / float64(d.n) * 1e9))
}

// percentile returns the shortest duration that p percent do not exceed (the nearest rank), 0 when there is
// none. It rounds up to the end of a bucket; the answer never leaves what was seen.
func (d *durations) percentile(p uint64) time.Duration {
	rank := (d.n*p + 99) / 100
	first, end := d.span()
	for i := first; i < end; i++ {
		if rank -= min(rank, d.counts[i]); rank == 0 {
			return min(max(lastIn(i), d.min), d.max)
		}
	}
	return d.max
}
