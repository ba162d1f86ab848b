package ports

import (
	"context"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/domain/risk"
)

// ModelSource loads and verifies models. What it returns has been proven: digests, feature schema,
// finiteness, tree shape and golden predictions. Loading never touches the model in service.
type ModelSource interface {
	// LoadRisk returns the risk scorer. Errors are *domain.Error of KindNotFound (no such model here)
	// or KindInvalid with the reason for which the artifact was refused.
	LoadRisk(ctx context.Context) (*risk.Model, domain.ModelCard, error)
	// LoadNowcast returns the nowcaster; errors as of LoadRisk.
	LoadNowcast(ctx context.Context) (*nowcast.Model, domain.ModelCard, error)
	// LoadAnomaly returns the anomaly detector; errors as of LoadRisk.
	LoadAnomaly(ctx context.Context) (*anomaly.Model, domain.ModelCard, error)
	// Describe says where models come from, for people: "embedded", "dir /srv/models".
	Describe() string
}
