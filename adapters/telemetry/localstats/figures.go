package localstats

import (
	"math"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/guardy-ai/guardy/domain"
)

// Bounds on names. Callers name models, route templates and codes, which are few; the bounds keep a
// caller that breaks this rule from filling the memory. What is beyond counts as "other".
const (
	maxModels = 16
	maxRoutes = 256
	maxCodes  = 64
	otherName = "other"
)

// figures is one set of counts.
type figures struct {
	models   map[domain.ModelName]*modelFigures
	requests requestFigures
}

type modelFigures struct {
	served, computed, failed uint64
	levels                   domain.LevelCounts
	lookups                  [domain.NumCacheOutcomes]uint64
	inference                durations
}

type requestFigures struct {
	total, failed   uint64
	byRoute, byCode map[string]*uint64
	took            durations
}

func newFigures() *figures {
	return &figures{
		models:   make(map[domain.ModelName]*modelFigures),
		requests: requestFigures{byRoute: make(map[string]*uint64), byCode: make(map[string]*uint64)},
	}
}

func (f *figures) model(name domain.ModelName) *modelFigures { return entry(f.models, name, maxModels) }

// counter returns the count under name, made when there is none yet.
func counter(m map[string]*uint64, name string, limit int) *uint64 { return entry(m, name, limit) }

func entry[K ~string, V any](m map[K]*V, name K, limit int) *V {
	if v, ok := m[name]; ok {
		return v
	}
	if len(m) >= limit {
		name = otherName
		if v, ok := m[name]; ok {
			return v
		}
	}
	v := new(V)
	// The name may lie in a buffer that the transport uses again.
	m[K(strings.Clone(string(name)))] = v
	return v
}

// merge adds g to f.
func (f *figures) merge(g *figures) {
	for name, from := range g.models {
		to := f.model(name)
		to.served += from.served
		to.computed += from.computed
		to.failed += from.failed
		for i, n := range from.levels {
			to.levels[i] += n
		}
		for i, n := range from.lookups {
			to.lookups[i] += n
		}
		to.inference.merge(&from.inference)
	}
	f.requests.total += g.requests.total
	f.requests.failed += g.requests.failed
	for route, n := range g.requests.byRoute {
		*counter(f.requests.byRoute, route, maxRoutes) += *n
	}
	for code, n := range g.requests.byCode {
		*counter(f.requests.byCode, code, maxCodes) += *n
	}
	f.requests.took.merge(&g.requests.took)
}

// reset empties f but keeps its names and histograms, so that recording allocates nothing again.
func (f *figures) reset() {
	for _, m := range f.models {
		h := m.inference.reset()
		*m = modelFigures{inference: h}
	}
	r := &f.requests
	r.total, r.failed = 0, 0
	for _, n := range r.byRoute {
		*n = 0
	}
	for _, n := range r.byCode {
		*n = 0
	}
	r.took = r.took.reset()
}

// values returns the counts that are not zero.
func values(m map[string]*uint64) map[string]uint64 {
	out := make(map[string]uint64, len(m))
	for name, n := range m {
		if *n > 0 {
			out[name] = *n
		}
	}
	return out
}

// longest is the longest duration told apart; three digits up to here take 256 KiB a histogram.
const longest = time.Hour

// durations is a distribution of durations; the zero value is empty.
type durations struct {
	n        uint64
	seconds  float64 // the sum, in seconds: nanoseconds would overflow
	min, max time.Duration
	hist     *hdrhistogram.Histogram
}

// add adds n answers that took d together.
func (d *durations) add(took time.Duration, n int) {
	took = max(took, 0)
	each := took / time.Duration(n)
	if d.hist == nil {
		d.hist = hdrhistogram.New(1, int64(longest), 3)
	}
	if d.n == 0 {
		d.min, d.max = each, each
	}
	d.min, d.max = min(d.min, each), max(d.max, each)
	d.n += uint64(n)
	d.seconds += took.Seconds()
	// Within its range the histogram refuses nothing, so there is no error to handle.
	_ = d.hist.RecordValues(int64(min(each, longest)), int64(n))
}

func (d *durations) merge(from *durations) {
	if from.n == 0 {
		return
	}
	if d.n == 0 {
		d.min, d.max = from.min, from.max
	}
	if d.hist == nil {
		d.hist = hdrhistogram.New(1, int64(longest), 3)
	}
	d.min, d.max = min(d.min, from.min), max(d.max, from.max)
	d.n += from.n
	d.seconds += from.seconds
	d.hist.Merge(from.hist)
}

// reset returns an empty distribution that reuses d's memory.
func (d *durations) reset() durations {
	if d.n > 0 {
		d.hist.Reset()
	}
	return durations{hist: d.hist}
}

func (d *durations) mean() time.Duration {
	if d.n == 0 {
		return 0
	}
	return time.Duration(math.Round(d.seconds / float64(d.n) * 1e9))
}

// percentile returns the smallest duration that p percent do not exceed (the nearest rank), 0 when
// there is none. The histogram would round the rank to the nearest and so hide the slowest of a few,
// therefore it is asked for a whole rank. It rounds up to its three digits; the answer never leaves
// what was seen.
func (d *durations) percentile(p float64) time.Duration {
	if d.n == 0 {
		return 0
	}
	rank := math.Ceil(p / 100 * float64(d.n))
	v := d.hist.ValueAtPercentile(100 * rank / float64(d.n))
	return min(max(time.Duration(v), d.min), d.max)
}
