package ports

import (
	"context"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/domain/risk"
)

// RiskAssessor answers one flood-risk question.
//
// Assess validates the request, resolves its site from the register, and may round the request's
// numbers in place to the resolution at which Guardy answers (Request.Canonicalize). It answers in a,
// whatever a held; after an error a is zero. Errors are *domain.Error: KindInvalid with every violation,
// KindUnavailable when no model is loaded, KindDeadline when ctx ended first.
type RiskAssessor interface {
	Assess(ctx context.Context, r *risk.Request, a *risk.Assessment) error
}

// BatchAssessor answers many flood-risk questions with one model.
type BatchAssessor interface {
	// Begin pins the model that is in service, so that a batch or a stream of any length is answered
	// by one version however often models are reloaded meanwhile.
	Begin(ctx context.Context) (RiskBatch, error)
}

// RiskBatch is one batch under way. It is safe for concurrent use.
type RiskBatch interface {
	// Model is the model of every answer of the batch.
	Model() domain.ModelRef
	// Assess answers rs[i] in out[i]; the slices have equal length. An item that cannot be answered
	// has its own Err; the others are answered all the same. Each answer equals, bit for bit, what
	// RiskAssessor gives for the same request and model. Requests are rounded in place.
	Assess(ctx context.Context, rs []risk.Request, out []risk.Outcome)
}

// Nowcaster answers whether a river will be over its flood threshold in the next hours.
//
// Nowcast validates the request, resolves its thresholds from the register, completes its horizons, and
// may round its numbers in place (Request.Canonicalize). Errors are as of RiskAssessor.
type Nowcaster interface {
	Nowcast(ctx context.Context, r *nowcast.Request) (nowcast.Forecast, error)
}

// AnomalyDetector tells sensor faults from weather.
//
// DetectAnomaly validates the request, may bring its times to the resolution of the state
// (Request.Canonicalize) and sets every field of a. With a history the answer depends on the request
// alone; without one it depends on what the device said before, which the reading then becomes part of.
// The same readings give the same verdict either way. A device that is not known, or whose state could
// not be read, is answered from a cold start that Answer.Quality names. Errors are as of RiskAssessor.
type AnomalyDetector interface {
	DetectAnomaly(ctx context.Context, r *anomaly.Request, a *anomaly.Answer) error
}

// EvacuationPlanner answers who has to leave first, where to and on which roads.
//
// PlanEvacuation validates the request, completes its defaults, sorts its radii and may round its numbers in
// place (Request.Canonicalize). Without a region it answers zones only. Errors are as of RiskAssessor;
// KindUnavailable also when too many plans are being made.
type EvacuationPlanner interface {
	PlanEvacuation(ctx context.Context, r *evacuation.Request) (evacuation.Answer, error)
}
