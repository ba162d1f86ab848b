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
	Features []domain.FeatureInfo // in the order of vector.Names
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
	RequiresRiver  bool
	MinHistoryDays int // of unbroken rainfall history before today
	Ensemble       *trees.Ensemble
	Calibration    Calibration

	// uses are the raw inputs behind the features on which the booster splits; others that a request
	// gives are reported as ignored.
	uses InputSet
}

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
	if len(spec.Features) != vector.NumFeatures {
		return nil, fmt.Errorf("the model has %d features, schema %s has %d", len(spec.Features), vector.Schema, vector.NumFeatures)
	}
	for i, f := range spec.Features {
		if f.Name != vector.Names[i] {
			return nil, fmt.Errorf("feature %d is %q, schema %s has %q there", i, f.Name, vector.Schema, vector.Names[i])
		}
	}
	if len(spec.Members) == 0 {
		return nil, errors.New("the model has no member")
	}
	spec.Members = slices.Clone(spec.Members)
	for i := range spec.Members {
		m := &spec.Members[i]
		if m.Ensemble.NumFeatures() != vector.NumFeatures {
			return nil, fmt.Errorf("member %s has %d features, schema %s has %d", m.Name, m.Ensemble.NumFeatures(), vector.Schema, vector.NumFeatures)
		}
		if err := m.Calibration.compile(); err != nil {
			return nil, fmt.Errorf("member %s: %w", m.Name, err)
		}
		m.uses = usedInputs(m.Ensemble)
	}
	if last := spec.Members[len(spec.Members)-1]; last.RequiresRiver || last.MinHistoryDays > 0 {
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
		scope:    fmt.Appendf(nil, "%s\x00%s\x00", spec.Ref.Digest, vector.Schema),
		features: slices.Clone(spec.Features),
		members:  spec.Members,
		levels:   spec.Levels,
		coverage: spec.Coverage,
		widening: spec.Widening,
		envelope: newEnvelope(spec.Envelope),
	}, nil
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
	var row [vector.NumFeatures]float32
	vector.Assemble(row[:], &r.Inputs)
	member := m.member(&r.Inputs)
	m.finish(member, r, row[:], member.Ensemble.Margin(row[:]), a)
}

// member returns the first member whose requirements the inputs meet.
func (m *Model) member(in *vector.Inputs) *Member {
	for i := range m.members {
		c := &m.members[i]
		if (!c.RequiresRiver || !math.IsNaN(in.River.Ratio())) && in.HistoryDays() >= c.MinHistoryDays {
			return c
		}
	}
	panic("risk: NewModel accepted a model whose last member has requirements")
}

// finish turns a margin into an answer.
func (m *Model) finish(member *Member, r *Request, row []float32, margin float32, a *Assessment) {
	q := m.quality(member, r)
	o := m.widening.apply(member.Calibration.at(float64(margin)), q.OutOfDomain)
	a.Probability, a.Lower, a.Upper = rounded(expit(o.probability)), rounded(expit(o.lower)), rounded(expit(o.upper))
	a.Confidence = math.Round(m.widening.confidence(o)*1e4) / 1e4
	a.Quality = q
	a.Explained = r.Explain
	if r.Explain {
		m.explain(member, row, &a.Factors)
	}
	m.decide(a)
}

// rounded cuts a probability to nine decimals: more would be noise on the wire, and rounding is
// monotone.
func rounded(p float64) float64 { return math.Round(p*1e9) / 1e9 }

// decide sets what follows from the probability and the model alone.
func (m *Model) decide(a *Assessment) {
	a.Level, a.Score = m.levels.Decide(a.Probability)
	a.Coverage = m.coverage
	a.Model = m.ref
}

// explain lists the largest exact Shapley values. What is not listed is summed, so that the answer
// still adds up to the margin.
func (m *Model) explain(member *Member, row []float32, f *Factors) {
	var phi [vector.NumFeatures]float64
	f.Base = float32(member.Ensemble.Shapley(phi[:], row))
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
}

// AssessMany answers rs[i] in out[i].Assessment for every i in todo, as Assess would, bit for bit. The
// work is columnar: the features of all rows are assembled into one row-major matrix per member, and
// the trees are walked over blocks of rows.
func (m *Model) AssessMany(s *Scratch, rs []Request, out []Outcome, todo []int32) {
	s.rows = slices.Grow(s.rows[:0], len(todo)*vector.NumFeatures)
	s.margins = slices.Grow(s.margins[:0], len(todo))[:len(todo)]
	for k := range m.members {
		member := &m.members[k]
		s.order = s.order[:0]
		rows := s.rows[:0]
		for _, i := range todo {
			if m.member(&rs[i].Inputs) != member {
				continue
			}
			s.order = append(s.order, i)
			rows = rows[:len(rows)+vector.NumFeatures]
			vector.Assemble(rows[len(rows)-vector.NumFeatures:], &rs[i].Inputs)
		}
		if len(s.order) == 0 {
			continue
		}
		margins := s.margins[:len(s.order)]
		member.Ensemble.Margins(margins, rows)
		for j, i := range s.order {
			row := rows[j*vector.NumFeatures : (j+1)*vector.NumFeatures]
			m.finish(member, &rs[i], row, margins[j], &out[i].Assessment)
			m.heed(&rs[i], &out[i].Assessment)
		}
	}
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

// ScoreRow scores a row of features with the named member, past the assembly of features.
func (m *Model) ScoreRow(member string, row []float32) (RowScore, error) {
	for i := range m.members {
		c := &m.members[i]
		if c.Name != member {
			continue
		}
		margin := float64(c.Ensemble.Margin(row))
		o := c.Calibration.at(margin)
		s := RowScore{
			Margin: margin, Probability: expit(o.probability), Lower: expit(o.lower), Upper: expit(o.upper),
			Contributions: make([]float64, len(row)),
		}
		s.Base = c.Ensemble.Shapley(s.Contributions, row)
		return s, nil
	}
	return RowScore{}, fmt.Errorf("the model has no member %q", member)
}

// MemberFor returns the name of the member that answers r.
func (m *Model) MemberFor(r *Request) string { return m.member(&r.Inputs).Name }
