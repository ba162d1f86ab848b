package ports

import (
	"context"
	"time"

	"github.com/guardy-ai/guardy/domain"
)

// Recorder is told what happened, in domain words. Implementations are safe for concurrent use,
// never block and never fail.
type Recorder interface {
	// Predicted: a model computed n answers in took, of the given levels (cache hits are not computed).
	Predicted(ctx context.Context, m domain.ModelRef, levels *domain.LevelCounts, n int, took time.Duration)
	// Served: n answers left the use case, computed or cached, of the given levels.
	Served(ctx context.Context, m domain.ModelRef, levels *domain.LevelCounts, n int)
	// Failed: n questions to a model were not answered.
	Failed(ctx context.Context, model domain.ModelName, kind domain.Kind, n int)
	// CacheLookup: n keys were looked up with one outcome; took is the whole lookup's time.
	CacheLookup(ctx context.Context, model domain.ModelName, outcome domain.CacheOutcome, n int, took time.Duration)
	// Requested: a transport finished a request. route is the template, never the raw path; code is
	// the HTTP status or the RPC code's name ("200", "422", "ok", "invalid_argument").
	Requested(ctx context.Context, transport, route, code string, failed bool, took time.Duration)
	// Shed: work of a class was refused because the service is at its limit.
	Shed(ctx context.Context, class Class, reason ShedReason)
	// Loaded: a model was (re)loaded, or err says why not.
	Loaded(ctx context.Context, m domain.ModelRef, took time.Duration, err error)
}

// NopRecorder records nothing.
type NopRecorder struct{}

// Predicted implements Recorder.
func (NopRecorder) Predicted(context.Context, domain.ModelRef, *domain.LevelCounts, int, time.Duration) {
}

// Served implements Recorder.
func (NopRecorder) Served(context.Context, domain.ModelRef, *domain.LevelCounts, int) {}

// Failed implements Recorder.
func (NopRecorder) Failed(context.Context, domain.ModelName, domain.Kind, int) {}

// CacheLookup implements Recorder.
func (NopRecorder) CacheLookup(context.Context, domain.ModelName, domain.CacheOutcome, int, time.Duration) {
}

// Requested implements Recorder.
func (NopRecorder) Requested(context.Context, string, string, string, bool, time.Duration) {}

// Shed implements Recorder.
func (NopRecorder) Shed(context.Context, Class, ShedReason) {}

// Loaded implements Recorder.
func (NopRecorder) Loaded(context.Context, domain.ModelRef, time.Duration, error) {}

// Recorders tells every member in turn.
type Recorders []Recorder

// Predicted implements Recorder.
func (rs Recorders) Predicted(ctx context.Context, m domain.ModelRef, l *domain.LevelCounts, n int, took time.Duration) {
	for _, r := range rs {
		r.Predicted(ctx, m, l, n, took)
	}
}

// Served implements Recorder.
func (rs Recorders) Served(ctx context.Context, m domain.ModelRef, l *domain.LevelCounts, n int) {
	for _, r := range rs {
		r.Served(ctx, m, l, n)
	}
}

// Failed implements Recorder.
func (rs Recorders) Failed(ctx context.Context, model domain.ModelName, kind domain.Kind, n int) {
	for _, r := range rs {
		r.Failed(ctx, model, kind, n)
	}
}

// CacheLookup implements Recorder.
func (rs Recorders) CacheLookup(ctx context.Context, m domain.ModelName, o domain.CacheOutcome, n int, took time.Duration) {
	for _, r := range rs {
		r.CacheLookup(ctx, m, o, n, took)
	}
}

// Requested implements Recorder.
func (rs Recorders) Requested(ctx context.Context, transport, route, code string, failed bool, took time.Duration) {
	for _, r := range rs {
		r.Requested(ctx, transport, route, code, failed, took)
	}
}

// Shed implements Recorder.
func (rs Recorders) Shed(ctx context.Context, class Class, reason ShedReason) {
	for _, r := range rs {
		r.Shed(ctx, class, reason)
	}
}

// Loaded implements Recorder.
func (rs Recorders) Loaded(ctx context.Context, m domain.ModelRef, took time.Duration, err error) {
	for _, r := range rs {
		r.Loaded(ctx, m, took, err)
	}
}
