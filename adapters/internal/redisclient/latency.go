package redisclient

import (
	"slices"
	"sync/atomic"
	"time"
)

// latency remembers how long the newest round trips took.
type latency struct {
	next    atomic.Uint64
	samples [512]atomic.Int64 // nanoseconds; 0 = none yet
}

func (l *latency) add(d time.Duration) {
	l.samples[(l.next.Add(1)-1)%uint64(len(l.samples))].Store(max(1, int64(d)))
}

// figures returns the mean and the 95th percentile in seconds, zero before the first round trip.
func (l *latency) figures() (mean, p95 float64) {
	var sorted []int64
	var sum int64
	for i := range l.samples {
		if v := l.samples[i].Load(); v > 0 {
			sorted = append(sorted, v)
			sum += v
		}
	}
	if len(sorted) == 0 {
		return 0, 0
	}
	slices.Sort(sorted)
	mean = float64(sum) / float64(len(sorted))
	return mean / 1e9, float64(sorted[len(sorted)*95/100]) / 1e9
}
