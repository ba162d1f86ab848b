package predict

import (
	"context"
	"errors"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Deps are what the use cases need.
type Deps struct {
	Source     ports.ModelSource
	Region     LoadRegion // nil: no region
	Sites      ports.SiteRegister
	States     ports.DeviceStates
	Cache      ports.AnswerCache // nil: every answer is computed
	Statistics ports.Statistics
	Recorder   ports.Recorder
	Clock      ports.Clock
	TTL        TTL
	Planning   Planning
	Version    string // of the program
}

// TTL says how long answers may be served from the cache. Zero stores nothing.
type TTL struct {
	FloodRisk  time.Duration // of a single question
	Nowcast    time.Duration
	Anomaly    time.Duration
	Batch      time.Duration // of an item of a batch or stream
	Evacuation time.Duration
}

// UseCases are all use cases, over one set of models.
type UseCases struct {
	Models      *Models
	FloodRisks  *FloodRisks
	Nowcasts    *Nowcasts
	Anomalies   *Anomalies
	Evacuations *Evacuations
	Health      *Health
}

// New returns the use cases. They answer KindUnavailable until Models.Load has loaded the models.
func New(d Deps) *UseCases {
	m := newModels(d)
	return &UseCases{
		Models: m, FloodRisks: newFloodRisks(m, d), Nowcasts: newNowcasts(m, d), Anomalies: newAnomalies(m, d),
		Evacuations: newEvacuations(m, d), Health: newHealth(m, d),
	}
}

// refuse ends a question with an error. It counts the error and empties the answer, so that nobody can take what is
// left of one for an answer.
func refuse[A any](ctx context.Context, to ports.Recorder, model domain.ModelName, a *A, err error) error {
	var none A
	*a = none
	to.Failed(ctx, model, domain.KindOf(err), 1)
	return err
}

// contextError classifies the end of a context in which op was being done.
func contextError(ctx context.Context, op string) error {
	kind, msg := domain.KindCanceled, "the caller gave up"
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		kind, msg = domain.KindDeadline, "the time budget ran out"
	}
	return &domain.Error{Kind: kind, Op: op, Msg: msg, Err: ctx.Err()}
}
