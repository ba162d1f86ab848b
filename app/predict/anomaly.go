package predict

import (
	"context"
	"sync"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/ports"
)

// Anomalies answers questions about readings of devices. It implements ports.AnomalyDetector.
type Anomalies struct {
	models   *Models
	states   ports.DeviceStates
	cache    *lookaside // of questions with history
	recorder ports.Recorder
	clock    ports.Clock
	scratch  sync.Pool // *deviceScratch
}

// deviceScratch is room for the state of one device and its encoding.
type deviceScratch struct {
	state   anomaly.DeviceState
	encoded []byte
}

const (
	// maxAhead is how far a reading may be ahead of the service's clock. One that is further, from a device
	// whose clock is wrong, would make every real reading after it come too late; it is judged and not
	// remembered.
	maxAhead = 5 * time.Minute
	// maxAttempts bounds how often a reading is judged anew because others of the same device came first.
	maxAttempts = 8
)

func newAnomalies(m *Models, d Deps) *Anomalies {
	s := &Anomalies{models: m, states: d.States, cache: newLookaside(d, d.TTL.Anomaly), recorder: d.Recorder, clock: d.Clock}
	s.scratch.New = func() any { return new(deviceScratch) }
	return s
}

// DetectAnomaly implements ports.AnomalyDetector.
func (s *Anomalies) DetectAnomaly(ctx context.Context, r *anomaly.Request, a *anomaly.Answer) error {
	m, err := s.models.anomaly.current()
	if err == nil {
		err = domain.Invalid("anomaly", r.Validate())
	}
	if err == nil && ctx.Err() != nil {
		err = contextError(ctx, "anomaly")
	}
	if err == nil {
		r.Canonicalize()
		a.Provenance = domain.Provenance{} // the model sets every other field
		if len(r.History) == 0 {
			err = s.remember(ctx, m, r, a)
		} else {
			err = ask(ctx, s.cache, anomalyQuestion{s, m, r}, a)
		}
	}
	if err != nil {
		return refuse(ctx, s.recorder, domain.AnomalyDetector, a, err)
	}
	// A severity is no level of flood risk.
	s.recorder.Served(ctx, m.Ref(), nil, 1)
	return nil
}

// remember answers from what is kept of the device, and keeps the reading.
func (s *Anomalies) remember(ctx context.Context, m *anomaly.Model, r *anomaly.Request, a *anomaly.Answer) error {
	scratch := s.scratch.Get().(*deviceScratch)
	defer s.scratch.Put(scratch)
	k := stateKey(m, r.Owner, r.DeviceID)
	for range maxAttempts {
		quality, at, loaded := s.recall(ctx, k, scratch)
		if ctx.Err() != nil {
			return contextError(ctx, "anomaly")
		}
		start := s.clock()
		m.Assess(r, &scratch.state, a)
		s.recorder.Predicted(ctx, m.Ref(), nil, 1, s.clock().Sub(start))
		a.DetectedAt = start.UTC()
		a.Quality |= quality
		if r.Reading.Time.Sub(start) > maxAhead {
			a.Quality |= anomaly.QualityFuture
			return nil
		}
		if !loaded {
			return nil // what may be kept must not be replaced by a cold start
		}
		scratch.encoded = scratch.state.AppendBinary(scratch.encoded[:0])
		stored, err := s.states.Store(ctx, k, scratch.encoded, at)
		if stored {
			return nil
		}
		if err != nil {
			break
		}
	}
	a.Quality |= anomaly.QualityStateLost
	return nil
}

// recall loads what is kept of a device. loaded is false when the store could not be asked and
// takes no state. Whatever the
// store does, there is a state to go on with.
func (s *Anomalies) recall(ctx context.Context, k domain.Key, to *deviceScratch) (q anomaly.Quality, at ports.Revision, loaded bool) {
	data, at, ok, err := s.states.Load(ctx, k, to.encoded[:0])
	to.encoded = data
	switch {
	case err != nil:
		to.state.Reset()
		return anomaly.QualityStateLost, at, at != ports.NoRevision
	case !ok:
		to.state.Reset()
		return anomaly.QualityNoState, at, true
	case to.state.Decode(data) != nil: // leaves a device never seen, which then replaces the garbage
		return anomaly.QualityStateLost, at, true
	}
	return 0, at, true
}

// stateKey identifies the state of a device of an owner under a model: another model makes a cold start, and a reading
// that somebody else sends for a device of the same name changes nothing.
func stateKey(m *anomaly.Model, owner, device string) domain.Key {
	var buf [512]byte
	b := buf[:0]
	if owner != "" { // no scope begins with a zero, and the length ends the owner: nobody's device is another's
		b = append(append(b, 0, byte(len(owner))), owner...)
	}
	return digest(domain.AnomalyDetector, append(append(b, m.StateScope()...), device...))
}

// anomalyQuestion is a question with history bound to a model. It implements question.
type anomalyQuestion struct {
	s *Anomalies
	m *anomaly.Model
	r *anomaly.Request
}

func (q anomalyQuestion) key() domain.Key {
	var buf [8192]byte // a day of quarter hours of four variables; more moves to the heap
	return digest(domain.AnomalyDetector, q.r.AppendCanonical(append(buf[:0], q.m.CacheScope()...)))
}

func (q anomalyQuestion) fresh() bool { return q.r.Fresh }

func (q anomalyQuestion) compute(ctx context.Context, a *anomaly.Answer) error {
	scratch := q.s.scratch.Get().(*deviceScratch)
	defer q.s.scratch.Put(scratch)
	start := q.s.clock()
	q.m.Assess(q.r, &scratch.state, a)
	a.DetectedAt = start.UTC()
	q.s.recorder.Predicted(ctx, q.m.Ref(), nil, 1, q.s.clock().Sub(start))
	return nil
}

func (anomalyQuestion) room() int { return 0 }

func (anomalyQuestion) encode(dst []byte, a *anomaly.Answer) []byte { return a.AppendBinary(dst) }

func (q anomalyQuestion) decode(data []byte, a *anomaly.Answer) error {
	return anomaly.DecodeAnswer(data, q.m.Ref(), a)
}

func (anomalyQuestion) provenance(a *anomaly.Answer) *domain.Provenance { return &a.Provenance }

func (anomalyQuestion) computedAt(a *anomaly.Answer) time.Time { return a.DetectedAt }

// WithLimits returns the source with its anomaly detector under an operator's limits. It refuses limits
// that a model refuses when that is loaded.
func WithLimits(source ports.ModelSource, o anomaly.Overrides) ports.ModelSource {
	return limited{source, o}
}

type limited struct {
	ports.ModelSource
	overrides anomaly.Overrides
}

// LoadAnomaly implements ports.ModelSource.
func (l limited) LoadAnomaly(ctx context.Context) (*anomaly.Model, domain.ModelCard, error) {
	m, card, err := l.ModelSource.LoadAnomaly(ctx)
	if err != nil {
		return nil, card, err
	}
	if m, err = m.WithOverrides(l.overrides); err != nil {
		return nil, card, &domain.Error{Kind: domain.KindInvalid, Op: "models.load", Msg: "the limits of devices were refused: " + err.Error()}
	}
	return m, card, nil
}
