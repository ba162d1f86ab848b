// Package localstats keeps the figures of the JSON operations API in the process: exact counts,
// percentiles of bounded memory, and the process's own vitals. It works whichever telemetry is
// chosen and sends nothing anywhere.
//
// A percentile is the duration at its nearest rank or up to one in 128 (0.8 %) more, never more than the
// maximum; durations beyond one hour are not told apart. Counts, means, minimum and maximum are exact.
//
// Recorders write to one of a few shards, the same one again while they stay on a processor. A
// reader takes each shard's figures away and leaves an empty set, so recording never waits for the
// merging of a percentile.
package localstats

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// maxShards bounds memory: beyond sixteen processors some share a shard.
const maxShards = 16

// Stats implements ports.Statistics.
type Stats struct {
	clock   ports.Clock
	started time.Time

	shards []shard
	next   atomic.Uint32
	// near holds *shard. A pool keeps what was put on the processor that put it, which is the only
	// affinity that Go offers; when the collector empties it, the shards themselves stay.
	near sync.Pool

	mu    sync.Mutex // guards what follows, never taken while recording
	total *figures
	spare *figures // empty, for the next shard that is drained
	since time.Time
}

// shard is what recorders on one processor write to. The padding keeps neighbours off its cache line.
type shard struct {
	mu  sync.Mutex
	now *figures
	_   [64]byte
}

var _ ports.Statistics = (*Stats)(nil)

// New returns empty statistics that count from now on.
func New(clock ports.Clock) *Stats {
	n := 1
	for n < runtime.GOMAXPROCS(0) && n < maxShards {
		n *= 2
	}
	now := clock()
	s := &Stats{
		clock: clock, started: now, since: now,
		shards: make([]shard, n), total: newFigures(), spare: newFigures(),
	}
	for i := range s.shards {
		s.shards[i].now = newFigures()
	}
	s.near.New = func() any { return &s.shards[int(s.next.Add(1))%len(s.shards)] }
	return s
}

// lock returns a shard, held; unlock gives it back.
func (s *Stats) lock() *shard {
	sh := s.near.Get().(*shard)
	sh.mu.Lock()
	return sh
}

func (s *Stats) unlock(sh *shard) {
	sh.mu.Unlock()
	s.near.Put(sh)
}

// Predicted implements ports.Recorder. The answers of a batch share its time evenly.
func (s *Stats) Predicted(_ context.Context, m domain.ModelRef, _ *domain.LevelCounts, n int, took time.Duration) {
	if n <= 0 {
		return
	}
	sh := s.lock()
	f := sh.now.model(m.Name)
	f.computed += uint64(n)
	f.inference.add(took, n)
	s.unlock(sh)
}

// Served implements ports.Recorder.
func (s *Stats) Served(_ context.Context, m domain.ModelRef, levels *domain.LevelCounts, n int) {
	if n <= 0 {
		return
	}
	sh := s.lock()
	f := sh.now.model(m.Name)
	f.served += uint64(n)
	if levels != nil {
		for i, c := range levels {
			f.levels[i] += c
		}
	}
	s.unlock(sh)
}

// Failed implements ports.Recorder.
func (s *Stats) Failed(_ context.Context, model domain.ModelName, _ domain.Kind, n int) {
	if n <= 0 {
		return
	}
	sh := s.lock()
	sh.now.model(model).failed += uint64(n)
	s.unlock(sh)
}

// CacheLookup implements ports.Recorder.
func (s *Stats) CacheLookup(_ context.Context, model domain.ModelName, o domain.CacheOutcome, n int, _ time.Duration) {
	if n <= 0 || o >= domain.NumCacheOutcomes {
		return
	}
	sh := s.lock()
	sh.now.model(model).lookups[o] += uint64(n)
	s.unlock(sh)
}

// Requested implements ports.Recorder. The figures of all transports are kept together.
func (s *Stats) Requested(_ context.Context, _, route, code string, failed bool, took time.Duration) {
	sh := s.lock()
	f := &sh.now.requests
	f.total++
	if failed {
		f.failed++
	}
	*counter(f.byRoute, route, maxRoutes)++
	*counter(f.byCode, code, maxCodes)++
	f.took.add(took, 1)
	s.unlock(sh)
}

// Shed implements ports.Recorder. Requests that were shed are among those by code.
func (s *Stats) Shed(context.Context, ports.Class, ports.ShedReason) {}

// Loaded implements ports.Recorder. What is loaded is the catalogue's to tell.
func (s *Stats) Loaded(context.Context, domain.ModelRef, time.Duration, error) {}

// collect moves what the shards hold into the total. s.mu must be held.
func (s *Stats) collect() {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		sh.now, s.spare = s.spare, sh.now
		sh.mu.Unlock()
		s.total.merge(s.spare)
		s.spare.reset()
	}
}

// Model implements ports.Statistics.
func (s *Stats) Model(name domain.ModelName) ports.ModelStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.collect()
	f, ok := s.total.models[name]
	if !ok {
		return ports.ModelStats{}
	}
	return ports.ModelStats{
		Predictions: f.served,
		Computed:    f.computed,
		Errors:      f.failed,
		ByLevel:     f.levels,
		Mean:        f.inference.mean(),
		P95:         f.inference.percentile(95),
		P99:         f.inference.percentile(99),
		CacheHits:   f.lookups[domain.CacheHit],
		CacheMisses: f.lookups[domain.CacheMiss],
		CacheErrors: f.lookups[domain.CacheError],
	}
}

// Requests implements ports.Statistics.
func (s *Stats) Requests() ports.RequestStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.collect()
	f := &s.total.requests
	r := ports.RequestStats{
		Since:   s.since,
		Total:   f.total,
		Failed:  f.failed,
		ByRoute: values(f.byRoute),
		ByCode:  values(f.byCode),
		Mean:    f.took.mean(),
		Median:  f.took.percentile(50),
		P95:     f.took.percentile(95),
		P99:     f.took.percentile(99),
		Min:     f.took.min,
		Max:     f.took.max,
	}
	if elapsed := s.clock().Sub(s.since).Seconds(); elapsed > 0 {
		r.PerSecond = float64(f.total) / elapsed
	}
	return r
}

// Process implements ports.Statistics.
func (s *Stats) Process() ports.ProcessStats { return process(s.started) }

// Reset implements ports.Statistics.
func (s *Stats) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.collect()
	s.total = newFigures()
	s.since = s.clock()
}
