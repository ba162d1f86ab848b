package predict

import (
	"context"
	"errors"
	"math"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

// Service answers flood-risk questions. It implements ports.RiskAssessor and ports.BatchAssessor.
type Service struct {
	models   *Models
	sites    ports.SiteRegister
	scorer   scorer
	recorder ports.Recorder
	clock    ports.Clock
}

// scorer answers questions that are valid, canonical and bound to one model. Errors are *domain.Error.
type scorer interface {
	one(ctx context.Context, m *risk.Model, r *risk.Request, a *risk.Assessment) error
	// many answers rs[i] in out[i] for every i in todo.
	many(ctx context.Context, m *risk.Model, rs []risk.Request, out []risk.Outcome, todo []int32)
}

// Deps are what the use cases need. Cache may be nil: then every answer is computed.
type Deps struct {
	Models   *Models
	Sites    ports.SiteRegister
	States   ports.DeviceStates // of the anomaly detector only
	Cache    ports.AnswerCache
	TTL      TTL
	Planning Planning
	Recorder ports.Recorder
	Clock    ports.Clock
}

// New composes the use case: the scorers, innermost first.
func New(d Deps) *Service {
	var s scorer = newComputed(d.Recorder, d.Clock)
	if d.Cache != nil {
		s = newCached(s, d.Cache, d.TTL, d.Recorder, d.Clock)
	}
	return &Service{models: d.Models, sites: d.Sites, scorer: s, recorder: d.Recorder, clock: d.Clock}
}

// Assess implements ports.RiskAssessor.
func (s *Service) Assess(ctx context.Context, r *risk.Request, a *risk.Assessment) error {
	*a = risk.Assessment{}
	m, err := s.models.risk.current()
	if err == nil {
		err = s.prepare(r)
	}
	if err == nil {
		err = s.scorer.one(ctx, m, r, a)
	}
	if err != nil {
		*a = risk.Assessment{}
		s.recorder.Failed(ctx, domain.RiskScorer, domain.KindOf(err), 1)
		return err
	}
	var levels domain.LevelCounts
	levels[a.Level] = 1
	s.recorder.Served(ctx, m.Ref(), &levels, 1)
	return nil
}

// Begin implements ports.BatchAssessor.
func (s *Service) Begin(context.Context) (ports.RiskBatch, error) {
	m, err := s.models.risk.current()
	if err != nil {
		return nil, err
	}
	return batch{s, m}, nil
}

// batch binds the service to one model.
type batch struct {
	*Service
	model *risk.Model
}

// Model implements ports.RiskBatch.
func (b batch) Model() domain.ModelRef { return b.model.Ref() }

// Assess implements ports.RiskBatch.
func (b batch) Assess(ctx context.Context, rs []risk.Request, out []risk.Outcome) {
	todo := make([]int32, 0, len(rs))
	for i := range rs {
		if out[i].Err = b.prepare(&rs[i]); out[i].Err == nil {
			todo = append(todo, int32(i))
		}
	}
	b.scorer.many(ctx, b.model, rs, out, todo)

	var levels domain.LevelCounts
	var failed [domain.NumKinds]int
	served := 0
	for i := range out {
		if err := out[i].Err; err != nil {
			failed[domain.KindOf(err)]++
			continue
		}
		levels[out[i].Assessment.Level]++
		served++
	}
	if served > 0 {
		b.recorder.Served(ctx, b.model.Ref(), &levels, served)
	}
	for kind, n := range failed {
		if n > 0 {
			b.recorder.Failed(ctx, domain.RiskScorer, domain.Kind(kind), n)
		}
	}
}

// prepare makes a request answerable: the register fills what the request leaves out, today is the
// default date, every violation is collected, and the numbers are rounded.
func (s *Service) prepare(r *risk.Request) error {
	s.resolve(r)
	if r.Date.IsZero() {
		r.Date = s.clock().UTC()
	}
	if err := domain.Invalid("risk.assess", append(unknownSite(s.sites, r.LocationID), r.Validate()...)); err != nil {
		return err
	}
	r.Canonicalize()
	return nil
}

// resolve fills from the site register. What the request says wins: it may know better.
func (s *Service) resolve(r *risk.Request) {
	if r.LocationID == "" {
		return
	}
	site, ok := s.sites.Lookup(r.LocationID)
	if !ok {
		return
	}
	if reason, doubtful := locate(&r.Latitude, &r.Longitude, &site); doubtful {
		r.Doubt("/latitude", reason, domain.TreatedMissing)
		r.Doubt("/longitude", reason, domain.TreatedMissing)
	}
	known := site.Site.Values()
	for i, v := range r.Site.Values() {
		fill(v, *known[i])
	}
	// The two thresholds share a unit with each other; taking one from the request and one from the
	// register could mix units, so they are filled together or not at all.
	if math.IsNaN(r.River.Normal) && math.IsNaN(r.River.FloodThreshold) {
		r.River.Normal, r.River.FloodThreshold = site.Normal, site.FloodThreshold
	}
	if r.LocationName == "" {
		r.LocationName = site.Name
	}
}

func fill(v *float64, from float64) {
	if math.IsNaN(*v) {
		*v = from
	}
}

// contextError classifies the end of a context in which op was being done.
func contextError(ctx context.Context, op string) error {
	kind, msg := domain.KindCanceled, "the caller gave up"
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		kind, msg = domain.KindDeadline, "the time budget ran out"
	}
	return &domain.Error{Kind: kind, Op: op, Msg: msg, Err: ctx.Err()}
}
