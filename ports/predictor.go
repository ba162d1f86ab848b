package ports

import (
	"context"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/domain/risk"
)

// The driving ports of the four capabilities have one shape and one promise:
//
//	Method(ctx context.Context, r *Request, a *Answer) error
//
// A method validates the request and may change it in place to the resolution at which Guardy answers
// (Request.Canonicalize). It answers in a, whatever a held before. After an error a is the zero value, so that nobody
// can take what is left of an answer for one. Errors are *domain.Error: KindInvalid with every violation,
// KindUnavailable when no model is loaded, KindDeadline or KindCanceled when ctx ended first.

// RiskAssessor answers one flood-risk question. Assess also resolves the request's site from the register.
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
	// has its own Err and a zero Assessment; the others are answered all the same. Each answer equals, bit for bit, what
	// RiskAssessor gives for the same request and model. Requests are rounded in place.
	Assess(ctx context.Context, rs []risk.Request, out []risk.Outcome)
}

// Nowcaster answers whether a river will be over its flood threshold in the next hours.
//
// Nowcast also resolves the request's thresholds from the register and completes its horizons.
type Nowcaster interface {
	Nowcast(ctx context.Context, r *nowcast.Request, f *nowcast.Forecast) error
}

// AnomalyDetector tells sensor faults from weather.
//
// With a history the answer depends on the request alone; without one it depends on what the device said before,
// which the reading then becomes part of. The same readings give the same verdict either way. A device that is not
// known, or whose state could not be read, is answered from a cold start that Answer.Quality names.
type AnomalyDetector interface {
	DetectAnomaly(ctx context.Context, r *anomaly.Request, a *anomaly.Answer) error
}

// EvacuationPlanner answers who has to leave first, where to and on which roads.
//
// PlanEvacuation also completes the request's defaults and sorts its radii. Without a region it answers zones only.
// KindUnavailable is also the error when too many plans are being made.
type EvacuationPlanner interface {
	PlanEvacuation(ctx context.Context, r *evacuation.Request, a *evacuation.Answer) error
}
