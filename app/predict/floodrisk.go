package predict

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

// FloodRisks answers flood-risk questions. It implements ports.RiskAssessor and ports.BatchAssessor.
type FloodRisks struct {
	models   *Models
	sites    ports.SiteRegister
	cache    *lookaside // of single questions
	items    *lookaside // of the items of a batch or stream
	recorder ports.Recorder
	clock    ports.Clock
	scratch  sync.Pool // *risk.Scratch
}

func newFloodRisks(m *Models, d Deps) *FloodRisks {
	s := &FloodRisks{
		models: m, sites: d.Sites, cache: newLookaside(d, d.TTL.FloodRisk), items: newLookaside(d, d.TTL.Batch),
		recorder: d.Recorder, clock: d.Clock,
	}
	s.scratch.New = func() any { return new(risk.Scratch) }
	return s
}

// Assess implements ports.RiskAssessor.
func (s *FloodRisks) Assess(ctx context.Context, r *risk.Request, a *risk.Assessment) error {
	*a = risk.Assessment{}
	m, err := s.models.risk.current()
	if err == nil {
		err = s.prepare(r)
	}
	if err == nil {
		err = ask(ctx, s.cache, riskQuestion{s, m, r}, a)
	}
	if err != nil {
		return refuse(ctx, s.recorder, domain.RiskScorer, a, err)
	}
	var levels domain.LevelCounts
	levels[a.Level] = 1
	s.recorder.Served(ctx, m.Ref(), &levels, 1)
	return nil
}

// Begin implements ports.BatchAssessor.
func (s *FloodRisks) Begin(context.Context) (ports.RiskBatch, error) {
	m, err := s.models.risk.current()
	if err != nil {
		return nil, err
	}
	return batch{s, m}, nil
}

// batch binds the use case to one model.
type batch struct {
	*FloodRisks
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
	askMany(ctx, b.items, riskQuestions{b, rs, out}, todo)

	var levels domain.LevelCounts
	var failed [domain.NumKinds]int
	served := 0
	for i := range out {
		if err := out[i].Err; err != nil {
			out[i].Assessment = risk.Assessment{}
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
func (s *FloodRisks) prepare(r *risk.Request) error {
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
func (s *FloodRisks) resolve(r *risk.Request) {
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

// riskQuestion is a flood-risk question bound to a model. It implements question.
type riskQuestion struct {
	s *FloodRisks
	m *risk.Model
	r *risk.Request
}

func (q riskQuestion) key() domain.Key {
	var buf [1280]byte // a request with 90 days of history takes 1083 bytes
	return digest(domain.RiskScorer, q.r.AppendCanonical(append(buf[:0], q.m.CacheScope()...)))
}

func (q riskQuestion) fresh() bool { return q.r.Fresh }

func (q riskQuestion) compute(ctx context.Context, a *risk.Assessment) error {
	if ctx.Err() != nil {
		return contextError(ctx, "risk.assess")
	}
	start := q.s.clock()
	q.m.Assess(q.r, a)
	a.AssessedAt = start.UTC()
	var levels domain.LevelCounts
	levels[a.Level] = 1
	q.s.recorder.Predicted(ctx, q.m.Ref(), &levels, 1, q.s.clock().Sub(start))
	return nil
}

func (riskQuestion) room() int                                        { return risk.EncodedMax }
func (riskQuestion) encode(dst []byte, a *risk.Assessment) []byte     { return a.AppendBinary(dst) }
func (q riskQuestion) decode(data []byte, a *risk.Assessment) error   { return q.m.Decode(data, a) }
func (riskQuestion) provenance(a *risk.Assessment) *domain.Provenance { return &a.Provenance }
func (riskQuestion) computedAt(a *risk.Assessment) time.Time          { return a.AssessedAt }

// riskQuestions are the items of a batch.
type riskQuestions struct {
	batch
	rs  []risk.Request
	out []risk.Outcome
}

var _ questions[risk.Assessment, riskQuestion] = riskQuestions{}

func (qs riskQuestions) at(i int32) (riskQuestion, *risk.Assessment) {
	return riskQuestion{qs.FloodRisks, qs.model, &qs.rs[i]}, &qs.out[i].Assessment
}

func (qs riskQuestions) answered(i int32) bool { return qs.out[i].Err == nil }

// block is how many items are scored between two looks at the context.
const block = 256

func (qs riskQuestions) computeMany(ctx context.Context, todo []int32) {
	s := qs.scratch.Get().(*risk.Scratch)
	defer qs.scratch.Put(s)
	for len(todo) > 0 {
		n := min(len(todo), block)
		if ctx.Err() != nil {
			err := contextError(ctx, "risk.assess")
			for _, i := range todo {
				qs.out[i].Err = err
			}
			return
		}
		start := qs.clock()
		qs.model.AssessMany(s, qs.rs, qs.out, todo[:n])
		at := start.UTC()
		var levels domain.LevelCounts
		for _, i := range todo[:n] {
			qs.out[i].Assessment.AssessedAt = at
			levels[qs.out[i].Assessment.Level]++
		}
		qs.recorder.Predicted(ctx, qs.model.Ref(), &levels, n, qs.clock().Sub(start))
		todo = todo[n:]
	}
}
