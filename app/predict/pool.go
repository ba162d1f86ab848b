package predict

import (
	"context"

	"github.com/guardy-ai/guardy/domain"
)

// pool bounds work that takes long, so that other requests stay fast: so many at once, so many waiting.
type pool struct {
	admitted chan struct{} // at work or waiting
	working  chan struct{}
}

func newPool(workers, queue int) *pool {
	return &pool{admitted: make(chan struct{}, workers+queue), working: make(chan struct{}, workers)}
}

// do works when it is its turn. It refuses at once when too many wait, and gives up when ctx ends first.
func (p *pool) do(ctx context.Context, op string, work func() error) error {
	select {
	case p.admitted <- struct{}{}:
		defer func() { <-p.admitted }()
	default:
		return &domain.Error{Kind: domain.KindUnavailable, Op: op, Msg: "too many plans are being made; try again shortly"}
	}
	select {
	case p.working <- struct{}{}:
		defer func() { <-p.working }()
	case <-ctx.Done():
		return contextError(ctx, op)
	}
	return work()
}
