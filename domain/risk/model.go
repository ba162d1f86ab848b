package risk

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/trees"
	"github.com/guardy-ai/guardy/domain/vector"
)

// Model is a verified risk scorer: immutable, safe for concurrent use.
type Model struct {
	ref      domain.ModelRef
	scope    []byte
	schema   *schema
	features []domain.FeatureInfo
	members  []Member
	levels   Levels
	coverage float64
	widening Widening
	envelope envelope
}

// Spec is what a model is made of. NewModel checks it completely.
type Spec struct {
	Ref      domain.ModelRef
	Schema   string               // vector.Schema or vector.Schema1
	Features []domain.FeatureInfo // in the order of the schema's names
	Members  []Member             // most demanding first; the last requires nothing
	Levels   Levels
	Coverage float64 // of the probability interval
	Widening Widening
	Envelope Envelope
}

// Member is one booster with its calibration. The first member whose requirements a request meets
// answers it, alone.
type Member struct {
	Name           string
	RequiresYear   bool // of daily rain and temperature
	RequiresRiver  bool
	RequiresSite   bool // the site: see Member.knows
	MinHistoryDays int  // of unbroken rainfall history before today
	Part
	Calibration Calibration
	// Forecast, when there is one, adds to the margin where tomorrow's rain is known; the sum has a calibration of its own.
	Forecast            *Part
	ForecastCalibration Calibration

	// uses are the raw inputs behind the features on which the member looks; others that a request gives are reported as
	// ignored. Likewise derives: the site attributes that are taken from the year of weather.
	uses, derives InputSet
}

// Part is a part of a margin: boosted trees and what they correct.
type Part struct {
	Linear   Linear
	Ensemble *trees.Ensemble
}

// margin is the margin of a row of features.
func (p *Part) margin(row []float32) float64 {
	return p.Linear.margin(row) + float64(p.Ensemble.Margin(row))
}

// explain adds the exact Shapley values of a row to phi and returns what the training rows expect.
func (p *Part) explain(phi []float64, row []float32) float64 {
	var own [vector.NumFeatures]float64
	base := p.Ensemble.Shapley(own[:len(row)], row)
	return base + p.join(phi, own[:len(row)], row)
}

// prove is explain without tables, which would be made for every member of a model that is only loaded.
func (p *Part) prove(phi []float64, row []float32) float64 {
	var own [vector.NumFeatures]float64
	base := p.Ensemble.ShapleyByQuadrature(own[:len(row)], row)
	return base + p.join(phi, own[:len(row)], row)
}

// join adds what the trees and the linear part say to phi, and returns the base of the latter.
func (p *Part) join(phi, trees []float64, row []float32) float64 {
	for i, v := range trees {
		phi[i] += v
	}
	p.Linear.explain(phi, row)
	return p.Linear.Intercept
}

func (p *Part) uses(feature int) bool { return p.Ensemble.Uses(feature) || p.Linear.uses(feature) }

// Levels are the probabilities at which the levels begin, strictly increasing inside (0, 1).
type Levels struct{ Low, Moderate, High, Extreme float64 }

// Validate refuses levels that are not strictly increasing inside (0, 1).
func (l Levels) Validate() error {
	if 0 < l.Low && l.Low < l.Moderate && l.Moderate < l.High && l.High < l.Extreme && l.Extreme < 1 {
		return nil
	}
	return fmt.Errorf("levels must increase strictly inside (0, 1): %v", l)
}

// Decide maps a probability to its level and score. The score is piecewise linear in the
// probability, 0 at 0 and 100 at 1, with knots 20, 40, 60 and 80 on the cuts, cut to four decimals
// (downwards, so that it never reaches a level that the probability has not).
func (l Levels) Decide(p float64) (domain.Level, float64) {
	knots := [6]float64{0, l.Low, l.Moderate, l.High, l.Extreme, 1}
	i := 0
	for i < 4 && p >= knots[i+1] {
		i++
	}
	score := 20 * (float64(i) + (p-knots[i])/(knots[i+1]-knots[i]))
	return domain.LevelVeryLow + domain.Level(i), math.Floor(score*1e4) / 1e4
}

// NewModel checks spec and returns the model.
func NewModel(spec Spec) (*Model, error) {
	schema, err := schemaOf(spec.Schema)
	if err != nil {
		return nil, err
	}
	if len(spec.Features) != len(schema.names) {
		return nil, fmt.Errorf("the model has %d features, schema %s has %d", len(spec.Features), schema.name, len(schema.names))
	}
	for i, f := range spec.Features {
		if f.Name != schema.names[i] {
			return nil, fmt.Errorf("feature %d is %q, schema %s has %q there", i, f.Name, schema.name, schema.names[i])
		}
	}
	if len(spec.Members) == 0 {
		return nil, errors.New("the model has no member")
	}
	spec.Members = slices.Clone(spec.Members)
	for i := range spec.Members {
		if err := spec.Members[i].compile(schema); err != nil {
			return nil, fmt.Errorf("member %s: %w", spec.Members[i].Name, err)
		}
	}
	if last := &spec.Members[len(spec.Members)-1]; last.RequiresRiver || last.RequiresSite || last.RequiresYear || last.MinHistoryDays > 0 {
		return nil, fmt.Errorf("the last member, %s, must accept every request", last.Name)
	}
	if !(0 < spec.Coverage && spec.Coverage < 1) {
		return nil, fmt.Errorf("coverage %v is not inside (0, 1)", spec.Coverage)
	}
	if err := errors.Join(spec.Levels.Validate(), spec.Widening.validate(), spec.Envelope.validate()); err != nil {
		return nil, err
	}
	return &Model{
		ref:      spec.Ref,
		scope:    fmt.Appendf(nil, "%s\x00%s\x00", spec.Ref.Digest, schema.name),
		schema:   schema,
		features: slices.Clone(spec.Features),
		members:  spec.Members,
		levels:   spec.Levels,
		coverage: spec.Coverage,
		widening: spec.Widening,
		envelope: newEnvelope(spec.Envelope),
	}, nil
}

// compile checks a member and prepares it for serving.
func (m *Member) compile(s *schema) error {
	parts := []*Part{&m.Part}
	if m.Forecast != nil {
		parts = append(parts, m.Forecast)
		if err := m.ForecastCalibration.compile(); err != nil {
			return fmt.Errorf("forecast: %w", err)
		}
	}
	for _, p := range parts {
		if p.Ensemble.NumFeatures() != len(s.names) {
			return fmt.Errorf("%d features, schema %s has %d", p.Ensemble.NumFeatures(), s.name, len(s.names))
		}
		if err := p.Linear.check(len(s.names)); err != nil {
			return err
		}
	}
	if err := m.Calibration.compile(); err != nil {
		return err
	}
	m.uses, m.derives = s.usedInputs(parts)
	return nil
}

// Ref identifies the model.
func (m *Model) Ref() domain.ModelRef { return m.ref }

// Levels returns the cuts of the levels.
func (m *Model) Levels() Levels { return m.levels }

// CacheScope returns the bytes that set this model's answers apart from any other model's: its digest
// and the feature schema. They must not be modified.
func (m *Model) CacheScope() []byte { return m.scope }

// Assess answers one request, which must be valid and canonical. It sets every field of a but
// AssessedAt and Provenance, and does not allocate unless a value is doubtful.
func (m *Model) Assess(r *Request, a *Assessment) {
	m.assess(r, a)
	m.heed(r, a)
}

// assess answers a request as it stands.
func (m *Model) assess(r *Request, a *Assessment) {
	if m.schema.first {
		var row [vector.NumFeatures1]float32
		vector.Assemble1(row[:], &r.Inputs)
		member := m.member1(&r.Inputs)
		c := candidate{member: member, margin: member.margin(row[:])}
		c.odds = member.Calibration.at(c.margin)
		m.finish(&c, r, row[:], a)
		return
	}
	var row [vector.NumFeatures]float32
	c := m.answer(&r.Inputs, row[:])
	m.finish(&c, r, row[:], a)
}

// member1 returns the first member of a model of vector.Schema1 whose requirements the inputs meet.
func (m *Model) member1(in *vector.Inputs) *Member {
	for i := range m.members {
		c := &m.members[i]
		if (!c.RequiresRiver || !math.IsNaN(in.River.Ratio())) && in.HistoryDays() >= c.MinHistoryDays {
			return c
		}
	}
	panic("risk: NewModel accepted a model whose last member has requirements")
}

// finish turns the winning candidate and its row into an answer.
func (m *Model) finish(c *candidate, r *Request, row []float32, a *Assessment) {
	q, above := m.quality(c, r)
	o := m.widening.apply(c.odds, q.OutOfDomain, above)
	a.Probability, a.Lower, a.Upper = m.rounded(expit(o.probability)), m.rounded(expit(o.lower)), m.rounded(expit(o.upper))
	a.Confidence = math.Round(m.widening.confidence(o)*1e4) / 1e4
	a.Quality = q
	a.Derived = 0
	if c.view.Year {
		a.Derived = c.member.derives & m.missingSite(&r.Site)
		a.Quality.Missing &^= a.Derived
	}
	a.Explained = r.Explain
	if r.Explain {
		m.explain(c, row, &a.Factors)
	}
	m.decide(a)
}

// rounded cuts a probability to twelve decimals, so that it still rises with rain where it is smallest; models of the
// first schema keep their nine. Rounding is monotone.
func (m *Model) rounded(p float64) float64 {
	if m.schema.first {
		return math.Round(p*1e9) / 1e9
	}
	return math.Round(p*1e12) / 1e12
}

// decide sets what follows from the probability and the model alone.
func (m *Model) decide(a *Assessment) {
	a.Level, a.Score = m.levels.Decide(a.Probability)
	a.Coverage = m.coverage
	a.Model = m.ref
}

// explain lists the largest exact Shapley values. What is not listed is summed, so that the answer
// still adds up to the margin.
func (m *Model) explain(c *candidate, row []float32, f *Factors) {
	var room [vector.NumFeatures]float64
	phi := room[:len(row)]
	base := c.member.explain(phi, row)
	if c.forecast {
		base += c.member.Forecast.explain(phi, row)
	}
	f.Base = float32(base)
	intercept, slope := c.calibration().line(c.margin)
	f.Intercept, f.Slope = float32(intercept), float32(slope)
	f.N = 0
	others := 0.0
	for i, v := range phi {
		others += v
		if v == 0 {
			continue
		}
		at := int(f.N)
		for at > 0 && math.Abs(v) > math.Abs(float64(f.Top[at-1].Contribution)) {
			at--
		}
		if at == MaxFactors {
			continue
		}
		if int(f.N) < MaxFactors {
			f.N++
		}
		copy(f.Top[at+1:f.N], f.Top[at:])
		f.Top[at] = Factor{Feature: m.features[i].Name, Index: uint8(i), Value: row[i], Contribution: float32(v)}
	}
	for _, t := range f.List() {
		others -= float64(t.Contribution)
	}
	f.Others = float32(others)
}

// Scratch is the working memory of AssessMany; its zero value is ready to use, by one goroutine.
type Scratch struct {
	rows    []float32
	margins []float32
	order   []int32
	member  []*Member // by place in todo
}

// AssessMany answers rs[i] in out[i].Assessment for every i in todo, as Assess would, bit for bit. The
// work is columnar: the features of all rows are assembled into one row-major matrix per member, and
// the trees are walked over blocks of rows. Requests that need more than one look (a forecast, a history with gaps) are
// answered one by one.
func (m *Model) AssessMany(s *Scratch, rs []Request, out []Outcome, todo []int32) {
	s.member = slices.Grow(s.member[:0], len(todo))[:len(todo)]
	for k, i := range todo {
		if s.member[k] = m.plain(&rs[i].Inputs); s.member[k] == nil {
			m.Assess(&rs[i], &out[i].Assessment)
		}
	}
	width := len(m.schema.names)
	s.rows = slices.Grow(s.rows[:0], len(todo)*width)
	s.margins = slices.Grow(s.margins[:0], len(todo))[:len(todo)]
	for k := range m.members {
		member := &m.members[k]
		s.order = s.order[:0]
		rows := s.rows[:0]
		for k, i := range todo {
			if s.member[k] != member {
				continue
			}
			s.order = append(s.order, i)
			rows = rows[:len(rows)+width]
			m.assemble(rows[len(rows)-width:], &rs[i].Inputs)
		}
		if len(s.order) == 0 {
			continue
		}
		margins := s.margins[:len(s.order)]
		member.Ensemble.Margins(margins, rows)
		for j, i := range s.order {
			row := rows[j*width : (j+1)*width]
			c := candidate{member: member, margin: member.Linear.margin(row) + float64(margins[j])}
			c.odds = member.Calibration.at(c.margin)
			m.finish(&c, &rs[i], row, &out[i].Assessment)
			m.heed(&rs[i], &out[i].Assessment)
		}
	}
}

// plain returns the member that answers the inputs with one look at no history but a complete one, nil when it takes
// more than that.
func (m *Model) plain(in *vector.Inputs) *Member {
	if m.schema.first {
		return m.member1(in)
	}
	known := vector.Look(in)
	if known.Rain || known.Warm || !math.IsNaN(in.Tomorrow()) {
		return nil
	}
	return m.member(in, known.View)
}

// assemble writes the row of a request that plain accepts.
func (m *Model) assemble(dst []float32, in *vector.Inputs) {
	if m.schema.first {
		vector.Assemble1(dst, in)
		return
	}
	vector.Assemble(dst, in, vector.View{})
}

// WarmUp scores a handful of requests so that tables and code are in the processor's caches.
func (m *Model) WarmUp() {
	rs, out := make([]Request, 64), make([]Outcome, 64)
	todo := make([]int32, len(rs))
	for i := range rs {
		rs[i] = NewRequest()
		rs[i].Latitude, rs[i].Longitude, rs[i].RainfallMM, rs[i].Explain = 45, -90, float64(i), true
		todo[i] = int32(i)
	}
	m.AssessMany(new(Scratch), rs, out, todo)
}

// RowScore is what a member makes of one row of features, for verification.
type RowScore struct {
	Margin                    float64
	Probability, Lower, Upper float64 // before widening
	Base                      float64
	Contributions             []float64 // one for each feature, in log-odds
}

// ScoreRow scores a row of features with the named member, past the assembly of features; with the forecast, too, when
// forecast says so.
func (m *Model) ScoreRow(member string, forecast bool, row []float32) (RowScore, error) {
	for i := range m.members {
		c := &m.members[i]
		if c.Name != member || forecast && c.Forecast == nil {
			continue
		}
		margin, o := c.score(row, forecast)
		s := RowScore{
			Margin: margin, Probability: expit(o.probability), Lower: expit(o.lower), Upper: expit(o.upper),
			Contributions: make([]float64, len(row)),
		}
		s.Base = c.prove(s.Contributions, row)
		if forecast {
			s.Base += c.Forecast.prove(s.Contributions, row)
		}
		return s, nil
	}
	return RowScore{}, fmt.Errorf("the model has no member %q (forecast: %v)", member, forecast)
}

// Explanation is how the answer to a request came about, for verification.
type Explanation struct {
	Member   string
	Forecast bool
	Row      []float32
}

// Look returns which member answers r, and the row of features that it sees.
func (m *Model) Look(r *Request) Explanation {
	if m.schema.first {
		e := Explanation{Member: m.member1(&r.Inputs).Name, Row: make([]float32, vector.NumFeatures1)}
		vector.Assemble1(e.Row, &r.Inputs)
		return e
	}
	e := Explanation{Row: make([]float32, vector.NumFeatures)}
	c := m.answer(&r.Inputs, e.Row)
	e.Member, e.Forecast = c.member.Name, c.forecast
	return e
}

// MemberFor returns the name of the member that answers r.
func (m *Model) MemberFor(r *Request) string { return m.Look(r).Member }

// NumFeatures is the number of features of the schema.
func (m *Model) NumFeatures() int { return len(m.schema.names) }

// FeatureName returns the name of a feature.
func (m *Model) FeatureName(i int) string { return m.schema.names[i] }

// Schema returns the name of the features' schema.
func (m *Model) Schema() string { return m.schema.name }
