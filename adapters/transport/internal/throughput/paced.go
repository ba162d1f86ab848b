package throughput

import (
	"sync"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies are durations from when a request was due to when its answer had been read, so that a request
// which had to wait for the one before it counts its wait as well.
type Latencies struct {
	N int64
	// Of all, to two digits.
	Median, P99, P999 time.Duration
	Max               time.Duration
	// Overslept is the longest that a goroutine which does nothing but sleep a millisecond was woken too late
	// meanwhile: that long the machine had no core for this process, or the runtime none for the goroutine.
	Overslept time.Duration
}

// Paced asks the target at a fixed rate, in requests a second of all connections together, whether or not it
// keeps up.
func Paced(tb testing.TB, t Target, rate float64, connections int, length time.Duration) Latencies {
	tb.Helper()
	callers, err := t.callers(connections)
	if err != nil {
		tb.Fatal(err)
	}
	defer hangUp(callers)
	var (
		wg     sync.WaitGroup
		seen   = make([]*hdrhistogram.Histogram, connections)
		failed = make([]error, connections)
		start  = time.Now()
		stop   = make(chan struct{})
		slept  = make(chan time.Duration)
	)
	go func() { slept <- oversleep(stop) }()
	every := time.Duration(float64(connections) / rate * float64(time.Second))
	for i, c := range callers {
		h := hdrhistogram.New(1, int64(time.Hour), 2)
		seen[i] = h
		wg.Go(func() {
			// Connections take turns.
			for due := start.Add(every * time.Duration(i) / time.Duration(connections)); due.Sub(start) < length; due = due.Add(every) {
				time.Sleep(time.Until(due))
				if failed[i] = c.call(); failed[i] != nil {
					return
				}
				_ = h.RecordValue(int64(time.Since(due))) // it refuses nothing below an hour
			}
		})
	}
	wg.Wait()
	close(stop)
	all := hdrhistogram.New(1, int64(time.Hour), 2)
	for i, h := range seen {
		if failed[i] != nil {
			tb.Fatal(failed[i])
		}
		all.Merge(h)
	}
	at := func(percent float64) time.Duration { return time.Duration(all.ValueAtPercentile(percent)) }
	return Latencies{
		N: all.TotalCount(), Median: at(50), P99: at(99), P999: at(99.9), Max: time.Duration(all.Max()), Overslept: <-slept,
	}
}

// oversleep returns how much too late it was woken at most.
func oversleep(stop <-chan struct{}) (most time.Duration) {
	const nap = time.Millisecond
	for {
		select {
		case <-stop:
			return most
		default:
		}
		from := time.Now()
		time.Sleep(nap)
		most = max(most, time.Since(from)-nap)
	}
}
