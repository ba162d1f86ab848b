// Package embedded serves the models that are compiled into the binary.
package embedded

import (
	"context"

	"github.com/guardy-ai/guardy/adapters/modelsource/internal/bundle"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/models"
	"github.com/guardy-ai/guardy/ports"
)

// Source implements ports.ModelSource.
type Source struct{}

var _ ports.ModelSource = Source{}

// New returns the source.
func New() Source { return Source{} }

// LoadRisk implements ports.ModelSource.
func (Source) LoadRisk(ctx context.Context) (*risk.Model, domain.ModelCard, error) {
	return bundle.LoadRisk(ctx, models.FS)
}

// LoadNowcast implements ports.ModelSource.
func (Source) LoadNowcast(ctx context.Context) (*nowcast.Model, domain.ModelCard, error) {
	return bundle.LoadNowcast(ctx, models.FS)
}

// LoadAnomaly implements ports.ModelSource.
func (Source) LoadAnomaly(ctx context.Context) (*anomaly.Model, domain.ModelCard, error) {
	return bundle.LoadAnomaly(ctx, models.FS)
}

// Describe implements ports.ModelSource.
func (Source) Describe() string { return "embedded" }
