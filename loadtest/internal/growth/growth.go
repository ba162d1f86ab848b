// Package growth follows the memory of the service over a run, and draws it.
package growth

import (
	"context"
	"time"

	"github.com/guardy-ai/guardy/loadtest/internal/poll"
	"github.com/guardy-ai/guardy/loadtest/internal/service"
)

// Sample is what the admin listener's /runtime says of a moment.
type Sample struct {
	Time    time.Time `json:"time"`
	Process struct {
		Resident float64 `json:"resident_bytes"`
	} `json:"process"`
	Go struct {
		Heap       float64 `json:"heap_bytes"`
		Goal       float64 `json:"heap_goal_bytes"`
		Allocated  float64 `json:"allocated_bytes"`
		GCCycles   int64   `json:"gc_cycles"`
		Goroutines int     `json:"goroutines"`
	} `json:"go"`
}

// Watcher takes a sample every second.
type Watcher struct {
	admin   string
	stop    func()
	samples []Sample
	missed  error
}

// Watch begins at once.
func Watch(ctx context.Context, s *service.Service) *Watcher {
	w := &Watcher{admin: s.Admin}
	w.stop = poll.Every(ctx, time.Second, w.sample)
	return w
}

func (w *Watcher) sample(ctx context.Context) {
	var now Sample
	switch err := service.Get(ctx, w.admin+"/runtime", &now); {
	case ctx.Err() != nil:
	case err != nil: // a busy service may miss one
		w.missed = err
	default:
		w.samples = append(w.samples, now)
	}
}

// End returns the samples, and why the newest that is missing could not be had.
func (w *Watcher) End() ([]Sample, error) {
	w.stop()
	return w.samples, w.missed
}
