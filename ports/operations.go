package ports

import (
	"context"
	"io"
	"time"

	"github.com/guardy-ai/guardy/domain"
)

// ModelCatalog is the driving port of operators: what is loaded, how it does, reload, clear.
// An unknown model is a *domain.Error of KindNotFound.
type ModelCatalog interface {
	// List describes every model, in the contract's order.
	List(ctx context.Context) []ModelStatus
	// Get describes one.
	Get(ctx context.Context, name domain.ModelName) (ModelStatus, error)
	// Card returns the card of the model in service; KindUnavailable when none is loaded.
	Card(ctx context.Context, name domain.ModelName) (domain.ModelCard, error)
	// Reload loads the model beside the one in service, verifies it and swaps. On any failure the old
	// one stays and the error (KindInvalid, KindUnavailable) says why.
	Reload(ctx context.Context, name domain.ModelName) (ModelStatus, error)
	// ClearCache forgets the model's cached answers in every replica and returns how many.
	ClearCache(ctx context.Context, name domain.ModelName) (int, error)
}

// ModelStatus is one model as it stands.
type ModelStatus struct {
	Ref       domain.ModelRef
	Loaded    bool
	Source    string
	SizeBytes int64
	LoadedAt  time.Time
	LoadTime  time.Duration
	Reloads   int
	// LastError says why the newest load failed, empty when it did not.
	LastError string
	Stats     ModelStats
}

// ModelStats are one model's counts since the start or the last reset.
type ModelStats struct {
	// Predictions counts answers, cached ones included; Computed those that the model made.
	Predictions, Computed, Errors uint64
	ByLevel                       domain.LevelCounts
	// Inference times of computed answers, per answer.
	Mean, P95, P99 time.Duration
	CacheHits      uint64
	CacheMisses    uint64
	CacheErrors    uint64
}

// HitRate returns hits/(hits+misses), 0 before the first lookup.
func (s ModelStats) HitRate() float64 { return ratio(s.CacheHits, s.CacheHits+s.CacheMisses) }

// ErrorRate returns errors/(predictions+errors), 0 before the first question.
func (s ModelStats) ErrorRate() float64 { return ratio(s.Errors, s.Predictions+s.Errors) }

func ratio(a, b uint64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// Statistics is the driven port that keeps the figures of the JSON operations API. It is fed as a
// Recorder and works whichever telemetry is chosen.
type Statistics interface {
	Recorder
	// Model returns the figures of one model; zero for one that was never asked.
	Model(name domain.ModelName) ModelStats
	// Requests returns the figures of all transports together.
	Requests() RequestStats
	// Process describes the running process.
	Process() ProcessStats
	// Reset starts counting anew.
	Reset()
}

// RequestStats are the figures of finished requests since the start or the last reset.
type RequestStats struct {
	Since                            time.Time
	Total, Failed                    uint64
	ByRoute                          map[string]uint64 // "POST /api/v1/predict/flood-risk", "guardy.v1.PredictionService/Nowcast"
	ByCode                           map[string]uint64
	PerSecond                        float64 // mean since Since
	Mean, Median, P95, P99, Min, Max time.Duration
}

// ProcessStats describe the process.
type ProcessStats struct {
	StartedAt     time.Time
	ResidentBytes uint64
	HeapBytes     uint64
	CPUSeconds    float64
	Goroutines    int
	CPUs          int
	GoVersion     string
}

// HealthReporter is the driving port of probes.
type HealthReporter interface {
	// Health says whether the service can answer now and what it depends on. It does no slow I/O.
	Health(ctx context.Context) Health
	// Draining reports whether the service is about to stop. It costs next to nothing: transports ask it
	// with every answer, to tell clients that keep connections to open their next one elsewhere.
	Draining() bool
}

// Health is the state of the service.
type Health struct {
	// Ready is false before the models are loaded and while the service drains.
	Ready bool
	// Draining is true from the moment a stop was asked for.
	Draining bool
	Version  string
	// Checks name each dependency. A cache that is down does not make the service unready.
	Checks []HealthCheck
}

// HealthCheck is one dependency.
type HealthCheck struct {
	Name     string // "models", "cache"
	OK       bool
	Required bool
	Detail   string
}

// MetricsPage writes the metrics in Prometheus text format; nil where telemetry is off.
type MetricsPage interface {
	WriteMetrics(w io.Writer) (contentType string, err error)
}

// Clock tells the time; the core never asks the system.
type Clock func() time.Time
