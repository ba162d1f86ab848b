// Package poll does something again and again beside a run.
package poll

import (
	"context"
	"time"
)

// Every calls f at once and after every interval, until stop is called, which waits for the last call to end, or
// until ctx ends.
func Every(ctx context.Context, interval time.Duration, f func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			f(ctx)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
