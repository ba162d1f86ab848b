package predict

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

// Models keeps the models in service and swaps them. It implements ports.ModelCatalog.
type Models struct {
	source   ports.ModelSource
	cache    ports.AnswerCache // nil when there is none
	stats    ports.Statistics
	recorder ports.Recorder
	clock    ports.Clock

	risk    atomic.Pointer[loadedRisk]
	reload  sync.Mutex // one load at a time; readers never wait for it
	mu      sync.Mutex // guards failure and reloads
	failure string
	reloads int
}

// loadedRisk is one load's result; it is replaced as a whole, so a reader sees one version only.
type loadedRisk struct {
	model    *risk.Model
	card     domain.ModelCard
	loadedAt time.Time
	took     time.Duration
}

// NewModels returns an empty catalog; nothing is loaded before Load. cache may be nil.
func NewModels(source ports.ModelSource, cache ports.AnswerCache, stats ports.Statistics, recorder ports.Recorder, clock ports.Clock) *Models {
	return &Models{source: source, cache: cache, stats: stats, recorder: recorder, clock: clock}
}

// Load loads every model and, when warm is set, scores its warm-up rows so that the first client does
// not pay for cold caches.
func (s *Models) Load(ctx context.Context, warm bool) error {
	_, err := s.Reload(ctx, domain.RiskScorer)
	if err == nil && warm {
		s.risk.Load().model.WarmUp()
	}
	return err
}

// current returns the risk scorer in service.
func (s *Models) current() (*risk.Model, error) {
	if l := s.risk.Load(); l != nil {
		return l.model, nil
	}
	return nil, &domain.Error{Kind: domain.KindUnavailable, Op: "predict", Msg: "no risk model is loaded yet"}
}

// Ready reports whether every model is loaded.
func (s *Models) Ready() bool { return s.risk.Load() != nil }

// List implements ports.ModelCatalog.
func (s *Models) List(context.Context) []ports.ModelStatus {
	return []ports.ModelStatus{s.status()}
}

// Get implements ports.ModelCatalog.
func (s *Models) Get(_ context.Context, name domain.ModelName) (ports.ModelStatus, error) {
	if err := known(name); err != nil {
		return ports.ModelStatus{}, err
	}
	return s.status(), nil
}

// Card implements ports.ModelCatalog.
func (s *Models) Card(_ context.Context, name domain.ModelName) (domain.ModelCard, error) {
	if err := known(name); err != nil {
		return domain.ModelCard{}, err
	}
	l := s.risk.Load()
	if l == nil {
		return domain.ModelCard{}, &domain.Error{Kind: domain.KindUnavailable, Op: "models.card", Msg: "the model is not loaded"}
	}
	return l.card, nil
}

// Reload implements ports.ModelCatalog.
func (s *Models) Reload(ctx context.Context, name domain.ModelName) (ports.ModelStatus, error) {
	if err := known(name); err != nil {
		return ports.ModelStatus{}, err
	}
	s.reload.Lock()
	defer s.reload.Unlock()

	start := s.clock()
	model, card, err := s.source.LoadRisk(ctx)
	took := s.clock().Sub(start)
	s.recorder.Loaded(ctx, card.Ref, took, err)
	if err != nil {
		s.note(err.Error())
		return s.status(), reloadError(err)
	}
	first := s.risk.Swap(&loadedRisk{model: model, card: card, loadedAt: s.clock(), took: took}) == nil
	s.mu.Lock()
	s.failure = ""
	if !first {
		s.reloads++
	}
	s.mu.Unlock()
	return s.status(), nil
}

func (s *Models) note(failure string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = failure
}

// reloadError keeps the source's classification and words.
func reloadError(err error) error {
	var source *domain.Error
	if errors.As(err, &source) {
		return &domain.Error{Kind: source.Kind, Op: "models.reload", Msg: source.Msg, Violations: source.Violations, Err: source.Err}
	}
	return &domain.Error{Kind: domain.KindInternal, Op: "models.reload", Err: err}
}

// ClearCache implements ports.ModelCatalog.
func (s *Models) ClearCache(ctx context.Context, name domain.ModelName) (int, error) {
	if err := known(name); err != nil {
		return 0, err
	}
	if s.cache == nil {
		return 0, nil
	}
	n, err := s.cache.Clear(ctx, name)
	if err != nil {
		return n, &domain.Error{
			Kind: domain.KindUnavailable, Op: "models.clear_cache",
			Msg: fmt.Sprintf("the cache could not be cleared completely; %d entries were removed", n), Err: err,
		}
	}
	return n, nil
}

func (s *Models) status() ports.ModelStatus {
	st := ports.ModelStatus{
		Ref:    domain.ModelRef{Name: domain.RiskScorer},
		Source: s.source.Describe(),
		Stats:  s.stats.Model(domain.RiskScorer),
	}
	if l := s.risk.Load(); l != nil {
		st.Ref, st.Loaded, st.SizeBytes = l.model.Ref(), true, l.card.SizeBytes
		st.LoadedAt, st.LoadTime = l.loadedAt, l.took
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.LastError, st.Reloads = s.failure, s.reloads
	return st
}

// known refuses the names of models that this build does not serve.
func known(name domain.ModelName) error {
	if name == domain.RiskScorer {
		return nil
	}
	return &domain.Error{
		Kind: domain.KindNotFound, Op: "models",
		Msg: fmt.Sprintf("there is no model %q here; the models are: %s", name, domain.RiskScorer),
	}
}
