package modelsourcetest

import (
	"context"
	"sync"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

// Once returns a source whose models are loaded from another once and shared from then on, for tests that build a
// service anew for every case: models are immutable, and to prove one takes a second.
func Once(source ports.ModelSource) ports.ModelSource { return &once{ModelSource: source} }

type once struct {
	ports.ModelSource
	risk    shared[risk.Model]
	nowcast shared[nowcast.Model]
	anomaly shared[anomaly.Model]
}

// LoadRisk implements ports.ModelSource.
func (o *once) LoadRisk(ctx context.Context) (*risk.Model, domain.ModelCard, error) {
	return o.risk.load(ctx, o.ModelSource.LoadRisk)
}

// LoadNowcast implements ports.ModelSource.
func (o *once) LoadNowcast(ctx context.Context) (*nowcast.Model, domain.ModelCard, error) {
	return o.nowcast.load(ctx, o.ModelSource.LoadNowcast)
}

// LoadAnomaly implements ports.ModelSource.
func (o *once) LoadAnomaly(ctx context.Context) (*anomaly.Model, domain.ModelCard, error) {
	return o.anomaly.load(ctx, o.ModelSource.LoadAnomaly)
}

// shared is a model after it was loaded; an error is not kept.
type shared[M any] struct {
	mu    sync.Mutex
	model *M
	card  domain.ModelCard
}

func (s *shared[M]) load(
	ctx context.Context, load func(context.Context) (*M, domain.ModelCard, error),
) (*M, domain.ModelCard, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.model != nil && ctx.Err() == nil {
		return s.model, s.card, nil
	}
	model, card, err := load(ctx)
	if err == nil {
		s.model, s.card = model, card
	}
	return model, card, err
}
