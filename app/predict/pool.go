package predict

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/guardy-ai/guardy/ports"
)

// pool bounds work that takes long, so that other requests stay fast: so many at once, so many waiting.
type pool struct {
	admitted chan struct{} // at work or waiting
	working  chan struct{}
	wait     time.Duration
}

// newPool returns a pool of so many workers, for which so many may wait, each for at most so long.
func newPool(workers, queue int, wait time.Duration) *pool {
	return &pool{wait: wait, admitted: make(chan struct{}, workers+queue), working: make(chan struct{}, workers)}
}

// do works when it is its turn. It refuses at once when too many wait, and gives up when ctx ends first.
func (p *pool) do(ctx context.Context, op string, work func() error) error {
	select {
	case p.admitted <- struct{}{}:
		defer func() { <-p.admitted }()
	default:
		return ports.NewShed(ports.ClassPlan, ports.ShedQueueFull, rand.Float64())
	}
	select {
	case p.working <- struct{}{}:
		defer func() { <-p.working }()
	case <-ctx.Done():
		return contextError(ctx, op)
	case <-time.After(p.wait):
		return ports.NewShed(ports.ClassPlan, ports.ShedQueueTime, rand.Float64())
	}
	return work()
}
