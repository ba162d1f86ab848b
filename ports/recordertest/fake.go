package recordertest

import (
	"context"
	"sync"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Fact is one thing that a Fake was told: Predicted, Served, Failed, CacheLookup, Requested,
// Shed or Loaded.
type Fact interface{ fact() }

// Predicted is a call of Recorder.Predicted. Levels is the zero value when none were given.
type Predicted struct {
	Model  domain.ModelRef
	Levels domain.LevelCounts
	N      int
	Took   time.Duration
}

// Served is a call of Recorder.Served.
type Served struct {
	Model  domain.ModelRef
	Levels domain.LevelCounts
	N      int
}

// Failed is a call of Recorder.Failed.
type Failed struct {
	Model domain.ModelName
	Kind  domain.Kind
	N     int
}

// CacheLookup is a call of Recorder.CacheLookup.
type CacheLookup struct {
	Model   domain.ModelName
	Outcome domain.CacheOutcome
	N       int
	Took    time.Duration
}

// Requested is a call of Recorder.Requested.
type Requested struct {
	Transport, Route, Code string
	Failed                 bool
	Took                   time.Duration
}

// Shed is a call of Recorder.Shed.
type Shed struct {
	Class  ports.Class
	Reason ports.ShedReason
}

// Loaded is a call of Recorder.Loaded.
type Loaded struct {
	Model domain.ModelRef
	Took  time.Duration
	Err   error
}

func (Predicted) fact()   {}
func (Served) fact()      {}
func (Failed) fact()      {}
func (CacheLookup) fact() {}
func (Requested) fact()   {}
func (Shed) fact()        {}
func (Loaded) fact()      {}

// Fake remembers every fact in the order in which it was told. The zero value is ready to use and
// safe for concurrent use.
type Fake struct {
	mu    sync.Mutex
	facts []Fact
}

var _ ports.Recorder = (*Fake)(nil)

// Facts returns a copy of what was told so far, in order.
func (f *Fake) Facts() []Fact {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Fact(nil), f.facts...)
}

// Reset forgets everything.
func (f *Fake) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.facts = nil
}

// Only returns the facts of one type, in order: Only[Served](fake.Facts()).
func Only[T Fact](facts []Fact) []T {
	var out []T
	for _, f := range facts {
		if t, ok := f.(T); ok {
			out = append(out, t)
		}
	}
	return out
}

func (f *Fake) add(fact Fact) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.facts = append(f.facts, fact)
}

// counts copies what it is given, because the caller may reuse it.
func counts(l *domain.LevelCounts) domain.LevelCounts {
	if l == nil {
		return domain.LevelCounts{}
	}
	return *l
}

// Predicted implements ports.Recorder.
func (f *Fake) Predicted(_ context.Context, m domain.ModelRef, l *domain.LevelCounts, n int, took time.Duration) {
	f.add(Predicted{m, counts(l), n, took})
}

// Served implements ports.Recorder.
func (f *Fake) Served(_ context.Context, m domain.ModelRef, l *domain.LevelCounts, n int) {
	f.add(Served{m, counts(l), n})
}

// Failed implements ports.Recorder.
func (f *Fake) Failed(_ context.Context, model domain.ModelName, kind domain.Kind, n int) {
	f.add(Failed{model, kind, n})
}

// CacheLookup implements ports.Recorder.
func (f *Fake) CacheLookup(_ context.Context, m domain.ModelName, o domain.CacheOutcome, n int, took time.Duration) {
	f.add(CacheLookup{m, o, n, took})
}

// Requested implements ports.Recorder.
func (f *Fake) Requested(_ context.Context, transport, route, code string, failed bool, took time.Duration) {
	f.add(Requested{transport, route, code, failed, took})
}

// Shed implements ports.Recorder.
func (f *Fake) Shed(_ context.Context, class ports.Class, reason ports.ShedReason) {
	f.add(Shed{class, reason})
}

// Loaded implements ports.Recorder.
func (f *Fake) Loaded(_ context.Context, m domain.ModelRef, took time.Duration, err error) {
	f.add(Loaded{m, took, err})
}
