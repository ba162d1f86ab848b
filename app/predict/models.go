package predict

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/nowcast"
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

	risk       place[*risk.Model]
	nowcast    place[*nowcast.Model]
	anomaly    place[*anomaly.Model]
	evacuation place[*evacuation.Planner]
	all        []managed // in the contract's order
}

// newModels returns an empty catalog; nothing is loaded before Load.
func newModels(d Deps) *Models {
	s := &Models{source: d.Source, cache: d.Cache, stats: d.Statistics, recorder: d.Recorder, clock: d.Clock}
	s.risk.name, s.risk.load = domain.RiskScorer, d.Source.LoadRisk
	s.nowcast.name, s.nowcast.load = domain.Nowcaster, d.Source.LoadNowcast
	s.anomaly.name, s.anomaly.load = domain.AnomalyDetector, d.Source.LoadAnomaly
	s.evacuation.name, s.evacuation.load = domain.EvacuationPlanner, d.Region.planner
	s.all = []managed{&s.risk, &s.nowcast, &s.anomaly, &s.evacuation}
	return s
}

// Anomaly returns the anomaly detector in service, for who keeps the states of devices himself.
func (s *Models) Anomaly() (*anomaly.Model, error) { return s.anomaly.current() }

// served is what the catalog needs of a model.
type served interface {
	Ref() domain.ModelRef
	WarmUp()
}

// managed is the place of one model, whatever its type.
type managed interface {
	called() domain.ModelName
	reload(ctx context.Context, clock ports.Clock, recorder ports.Recorder) error
	warmUp()
	ready() bool
	card() (domain.ModelCard, bool)
	describe(to *ports.ModelStatus)
}

// place holds the model of one capability.
type place[M served] struct {
	name domain.ModelName
	load func(context.Context) (M, domain.ModelCard, error)

	now     atomic.Pointer[loaded[M]]
	loading sync.Mutex // one load at a time; readers never wait for it
	mu      sync.Mutex // guards failure and reloads
	failure string
	reloads int
}

// loaded is one load's result; it is replaced as a whole, so a reader sees one version only.
type loaded[M served] struct {
	model    M
	card     domain.ModelCard
	loadedAt time.Time
	took     time.Duration
}

func (p *place[M]) called() domain.ModelName { return p.name }

// current returns the model in service.
func (p *place[M]) current() (M, error) {
	if l := p.now.Load(); l != nil {
		return l.model, nil
	}
	var none M
	return none, &domain.Error{Kind: domain.KindUnavailable, Op: "predict", Msg: fmt.Sprintf("the model %s is not loaded yet", p.name)}
}

func (p *place[M]) reload(ctx context.Context, clock ports.Clock, recorder ports.Recorder) error {
	p.loading.Lock()
	defer p.loading.Unlock()
	start := clock()
	model, card, err := p.load(ctx)
	took := clock().Sub(start)
	recorder.Loaded(ctx, card.Ref, took, err)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.failure = err.Error()
		return reloadError(err)
	}
	p.failure = ""
	if p.now.Swap(&loaded[M]{model: model, card: card, loadedAt: clock(), took: took}) != nil {
		p.reloads++
	}
	return nil
}

func (p *place[M]) warmUp() { p.now.Load().model.WarmUp() }

func (p *place[M]) ready() bool { return p.now.Load() != nil }

func (p *place[M]) card() (domain.ModelCard, bool) {
	l := p.now.Load()
	if l == nil {
		return domain.ModelCard{}, false
	}
	return l.card, true
}

func (p *place[M]) describe(to *ports.ModelStatus) {
	to.Ref.Name = p.name
	if l := p.now.Load(); l != nil {
		to.Ref, to.Loaded, to.SizeBytes = l.model.Ref(), true, l.card.SizeBytes
		to.LoadedAt, to.LoadTime = l.loadedAt, l.took
		if own, ok := any(l.model).(interface{ Describe() string }); ok { // made of something else than the source
			to.Source = own.Describe()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	to.LastError, to.Reloads = p.failure, p.reloads
}

// Load loads every model, side by side, and, when warm is set, lets each answer once so that the first
// client does not pay for cold caches.
func (s *Models) Load(ctx context.Context, warm bool) error {
	errs := make([]error, len(s.all))
	var wg sync.WaitGroup
	for i, p := range s.all {
		wg.Go(func() {
			if errs[i] = p.reload(ctx, s.clock, s.recorder); errs[i] == nil && warm {
				p.warmUp()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Ready reports whether every model is loaded.
func (s *Models) Ready() bool {
	for _, p := range s.all {
		if !p.ready() {
			return false
		}
	}
	return true
}

// List implements ports.ModelCatalog.
func (s *Models) List(context.Context) []ports.ModelStatus {
	out := make([]ports.ModelStatus, len(s.all))
	for i, p := range s.all {
		out[i] = s.status(p)
	}
	return out
}

// Get implements ports.ModelCatalog.
func (s *Models) Get(_ context.Context, name domain.ModelName) (ports.ModelStatus, error) {
	p, err := s.find(name)
	if err != nil {
		return ports.ModelStatus{}, err
	}
	return s.status(p), nil
}

// Card implements ports.ModelCatalog.
func (s *Models) Card(_ context.Context, name domain.ModelName) (domain.ModelCard, error) {
	p, err := s.find(name)
	if err != nil {
		return domain.ModelCard{}, err
	}
	card, ok := p.card()
	if !ok {
		return domain.ModelCard{}, &domain.Error{Kind: domain.KindUnavailable, Op: "models.card", Msg: "the model is not loaded"}
	}
	return card, nil
}

// Reload implements ports.ModelCatalog.
func (s *Models) Reload(ctx context.Context, name domain.ModelName) (ports.ModelStatus, error) {
	p, err := s.find(name)
	if err != nil {
		return ports.ModelStatus{}, err
	}
	err = p.reload(ctx, s.clock, s.recorder)
	return s.status(p), err
}

// reloadError keeps the source's classification and words, and its name of the file.
func reloadError(err error) error {
	var source *domain.Error
	if errors.As(err, &source) {
		op := source.Op
		if op == "" {
			op = "models.reload"
		}
		return &domain.Error{Kind: source.Kind, Op: op, Msg: source.Msg, Violations: source.Violations, Err: source.Err}
	}
	return &domain.Error{Kind: domain.KindInternal, Op: "models.reload", Err: err}
}

// ClearCache implements ports.ModelCatalog.
func (s *Models) ClearCache(ctx context.Context, name domain.ModelName) (int, error) {
	if _, err := s.find(name); err != nil {
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

func (s *Models) status(p managed) ports.ModelStatus {
	st := ports.ModelStatus{Source: s.source.Describe(), Stats: s.stats.Model(p.called())}
	p.describe(&st)
	return st
}

// find refuses the names of models that this build does not serve.
func (s *Models) find(name domain.ModelName) (managed, error) {
	names := make([]string, len(s.all))
	for i, p := range s.all {
		if p.called() == name {
			return p, nil
		}
		names[i] = string(p.called())
	}
	return nil, &domain.Error{
		Kind: domain.KindNotFound, Op: "models",
		Msg: fmt.Sprintf("there is no model %q here; the models are: %s", name, strings.Join(names, ", ")),
	}
}
