package localstats

import (
	"strings"

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

// reset empties f but keeps its names and the memory behind them, so that recording allocates nothing again.
func (f *figures) reset() {
	for _, m := range f.models {
		m.served, m.computed, m.failed = 0, 0, 0
		m.levels = domain.LevelCounts{}
		m.lookups = [domain.NumCacheOutcomes]uint64{}
		m.inference.reset()
	}
	r := &f.requests
	r.total, r.failed = 0, 0
	for _, n := range r.byRoute {
		*n = 0
	}
	for _, n := range r.byCode {
		*n = 0
	}
	r.took.reset()
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
