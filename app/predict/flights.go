package predict

import (
	"context"
	"errors"
	"sync"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// flights are the computations under way, by their question. Who asks what is being computed already waits for that.
type flights struct {
	mu       sync.Mutex
	underWay map[domain.Key]*computation
}

// computation is one that is under way.
type computation struct {
	done   chan struct{} // closed when answer and err are there
	answer any
	err    error
}

// join returns the computation for k, and whether the caller has to do it.
func (f *flights) join(k domain.Key) (c *computation, lead bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c, ok := f.underWay[k]; ok {
		return c, false
	}
	if f.underWay == nil {
		f.underWay = map[domain.Key]*computation{}
	}
	c = &computation{done: make(chan struct{}), err: errPanicked}
	f.underWay[k] = c
	return c, true
}

// errPanicked is the error of a computation that did not come to its end.
var errPanicked = errors.New("the computation of the same question panicked")

// lead does the computation and tells those who wait for it.
func (f *flights) lead(k domain.Key, c *computation, compute func() (any, error)) {
	defer func() {
		f.mu.Lock()
		delete(f.underWay, k)
		f.mu.Unlock()
		close(c.done)
	}()
	c.answer, c.err = compute()
}

// follow waits for the computation. Whoever waits holds no slot, so that a thousand who ask the same keep nobody
// else from working. The error is that of ctx.
func (c *computation) follow(ctx context.Context) error {
	err := ports.AtRest(ctx, func() {
		select {
		case <-c.done:
		case <-ctx.Done():
		}
	})
	if ctx.Err() != nil {
		return contextError(ctx, "wait")
	}
	return err
}
