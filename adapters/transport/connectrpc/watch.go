package connectrpc

import (
	"context"
	"time"

	"connectrpc.com/grpchealth"

	"github.com/guardy-ai/guardy/domain"
)

const (
	// maxWatches is how many clients may watch the health at once: load balancers, not everybody.
	maxWatches = 1024
	// lookEvery is how soon a watcher learns of a change.
	lookEvery = time.Second
	// farewell is how long a watcher has to be told that the service stops, before its stream ends.
	farewell = 200 * time.Millisecond
)

// Watch implements grpchealth.Watcher.
func (c checker) Watch(ctx context.Context, r *grpchealth.CheckRequest, onChange func()) (stop func(), err error) {
	if _, err := c.Check(ctx, r); err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		draining := c.draining
		for {
			select {
			case <-done:
				return
			case <-draining:
				draining = nil
			case <-tick.C:
			}
			onChange() // the handler asks again, and sends what has changed
		}
	}()
	return func() { close(done) }, nil
}

// watching makes the context of a watch end when the service stops, and returns its end. It is an error when too many
// watch.
func (s *Server) watching(c *call) (end func(), err error) {
	select {
	case s.watches <- struct{}{}:
	default:
		return nil, &domain.Error{Kind: domain.KindUnavailable, Msg: "too many watch the health already; ask Check instead"}
	}
	ctx, cancel := context.WithCancel(c.Context)
	c.Context = ctx
	go func() {
		select {
		case <-ctx.Done():
		case <-s.draining:
			time.AfterFunc(farewell, cancel)
		}
	}()
	return func() {
		cancel()
		<-s.watches
	}, nil
}
