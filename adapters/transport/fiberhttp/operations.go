package fiberhttp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/adapters/internal/rfc3339"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// answerValue answers v, which is small and rare.
func (x *exchange) answerValue(status int, v any) error {
	out, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	x.Response.Header.Set("Cache-Control", "no-store")
	x.answer(status, typeJSON, out)
	return nil
}

func instant(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := string(rfc3339.AppendMillis(nil, t))
	return &s
}

func modelOf(m ports.ModelStatus) modelJSON {
	return modelJSON{
		Name: m.Ref.Name, Version: m.Ref.Version, Digest: m.Ref.Digest, Loaded: m.Loaded, Source: m.Source,
		SizeBytes: m.SizeBytes, LoadedAt: instant(m.LoadedAt), LoadTimeMS: milliseconds(m.LoadTime), Reloads: m.Reloads,
		LastError: m.LastError, Stats: statsOf(m.Stats),
	}
}

func modelsOf(ms []ports.ModelStatus) []modelJSON {
	out := make([]modelJSON, len(ms))
	for i, m := range ms {
		out[i] = modelOf(m)
	}
	return out
}

func statsOf(s ports.ModelStats) modelStatsJSON {
	out := modelStatsJSON{
		Predictions: s.Predictions, Computed: s.Computed, Errors: s.Errors, ErrorRate: s.ErrorRate(),
		ByLevel: map[string]uint64{}, Cache: cacheOf(s),
	}
	for l, n := range s.ByLevel {
		if n > 0 {
			out.ByLevel[domain.Level(l).String()] = n
		}
	}
	out.InferenceMS.Mean, out.InferenceMS.P95, out.InferenceMS.P99 = milliseconds(s.Mean), milliseconds(s.P95), milliseconds(s.P99)
	return out
}

func cacheOf(s ports.ModelStats) cacheStatsJSON {
	return cacheStatsJSON{Hits: s.CacheHits, Misses: s.CacheMisses, Errors: s.CacheErrors, HitRate: s.HitRate()}
}

// model returns the model that the path names.
func (x *exchange) model() domain.ModelName { return domain.ModelName(strings.Clone(x.name)) }

func (s *Server) modelsStatus(x *exchange) error {
	p := s.deps.Stats.Process()
	return x.answerValue(http.StatusOK, statusJSON{
		Version: s.deps.Health.Health(x.ctx).Version, UptimeSeconds: s.uptime(), Models: modelsOf(s.deps.Models.List(x.ctx)),
		Process: processJSON{
			StartedAt: instant(p.StartedAt), ResidentBytes: p.ResidentBytes, HeapBytes: p.HeapBytes, CPUSeconds: p.CPUSeconds,
			CPUs: p.CPUs, Goroutines: p.Goroutines, GoVersion: p.GoVersion,
		},
	})
}

func (s *Server) uptime() float64 { return time.Since(s.started).Round(time.Millisecond).Seconds() }

// Words of health.
const (
	healthy   = "healthy"
	degraded  = "degraded"
	unhealthy = "unhealthy"
)

func (s *Server) modelsHealth(x *exchange) error {
	out := modelsHealthJSON{Status: healthy, Models: map[domain.ModelName]modelHealthJSON{}}
	status := http.StatusOK
	for _, m := range s.deps.Models.List(x.ctx) {
		out.Models[m.Ref.Name] = modelHealthJSON{
			Loaded: m.Loaded, Version: m.Ref.Version, Predictions: m.Stats.Predictions, ErrorRate: m.Stats.ErrorRate(), LastError: m.LastError,
		}
		switch {
		case !m.Loaded:
			out.Status, status = unhealthy, http.StatusServiceUnavailable
		case m.LastError != "" && out.Status == healthy:
			out.Status = degraded
		}
	}
	return x.answerValue(status, out)
}

func (s *Server) modelMetadata(x *exchange) error {
	m, err := s.deps.Models.Get(x.ctx, x.model())
	if err != nil {
		return err
	}
	c, err := s.deps.Models.Card(x.ctx, m.Ref.Name)
	if err != nil {
		return err
	}
	card := cardJSON{
		Kind: c.Kind, FeatureSchema: c.FeatureSchema, CreatedAt: instant(c.CreatedAt), SizeBytes: c.SizeBytes,
		Features: make([]featureJSON, len(c.Features)), Training: c.Training, Skill: c.Skill, Text: c.Text,
	}
	for i, f := range c.Features {
		card.Features[i] = featureJSON(f)
	}
	return x.answerValue(http.StatusOK, metadataJSON{Model: modelOf(m), Card: card})
}

func (s *Server) modelStats(x *exchange) error {
	m, err := s.deps.Models.Get(x.ctx, x.model())
	if err != nil {
		return err
	}
	return x.answerValue(http.StatusOK, namedStatsJSON{Name: m.Ref.Name, Version: m.Ref.Version, Stats: statsOf(m.Stats)})
}

func (s *Server) reloadOne(x *exchange) error {
	m, err := s.deps.Models.Reload(x.ctx, x.model())
	if err != nil {
		return err
	}
	return x.answerValue(http.StatusOK, modelsJSON{Models: []modelJSON{modelOf(m)}})
}

// reloadAll loads every model. One that is refused does not keep the others from being loaded.
func (s *Server) reloadAll(x *exchange) error {
	var out modelsJSON
	var failed error
	for _, m := range s.deps.Models.List(x.ctx) {
		m, err := s.deps.Models.Reload(x.ctx, m.Ref.Name)
		if err != nil && failed == nil {
			failed = err
		}
		out.Models = append(out.Models, modelOf(m))
	}
	if failed != nil {
		return failed
	}
	return x.answerValue(http.StatusOK, out)
}

func (s *Server) clearCache(x *exchange) error {
	name := x.model()
	n, err := s.deps.Models.ClearCache(x.ctx, name)
	if err != nil {
		return err
	}
	return x.answerValue(http.StatusOK, clearedJSON{Status: "cleared", ModelName: name, EntriesCleared: n})
}

func (s *Server) performance(x *exchange) error {
	r := s.deps.Stats.Requests()
	out := performanceJSON{
		Since: instant(r.Since),
		RequestMetrics: requestMetricsJSON{
			Total: r.Total, Failed: r.Failed, PerSecond: r.PerSecond, ByRoute: orEmpty(r.ByRoute), ByCode: orEmpty(r.ByCode),
		},
		ResponseTimesMS: responseTimesJSON{
			Average: milliseconds(r.Mean), Median: milliseconds(r.Median), P95: milliseconds(r.P95), P99: milliseconds(r.P99),
			Min: milliseconds(r.Min), Max: milliseconds(r.Max),
		},
		CacheMetrics: cacheMetricsJSON{PerModel: map[domain.ModelName]cacheStatsJSON{}},
	}
	var all ports.ModelStats
	for _, m := range s.deps.Models.List(x.ctx) {
		out.CacheMetrics.PerModel[m.Ref.Name] = cacheOf(m.Stats)
		all.CacheHits += m.Stats.CacheHits
		all.CacheMisses += m.Stats.CacheMisses
		all.CacheErrors += m.Stats.CacheErrors
	}
	out.CacheMetrics.cacheStatsJSON = cacheOf(all)
	out.CacheMetrics.Tiers = tiersOf(x.ctx, s.deps.Cache)
	out.DeviceStates = tiersOf(x.ctx, s.deps.States)
	for i := range out.CacheMetrics.Tiers {
		if t := &out.CacheMetrics.Tiers[i]; t.Name == "redis" {
			out.RedisMetrics = t
		}
	}
	return x.answerValue(http.StatusOK, out)
}

// tiersOf returns the figures of a store that has any, an empty list otherwise.
func tiersOf(ctx context.Context, store any) []tierJSON {
	out := []tierJSON{}
	if c, ok := store.(ports.CacheInspector); ok {
		for _, tier := range c.Tiers(ctx) {
			out = append(out, tierOf(tier))
		}
	}
	return out
}

func orEmpty(m map[string]uint64) map[string]uint64 {
	if m == nil {
		return map[string]uint64{}
	}
	return m
}

func tierOf(t ports.CacheTier) tierJSON {
	known := func(n int64, unknown int64) *int64 {
		if n == unknown {
			return nil
		}
		return &n
	}
	out := tierJSON{
		Name: t.Name, State: t.State, Entries: known(t.Entries, -1), Bytes: known(t.Bytes, -1), MaxBytes: known(t.MaxBytes, 0),
		Evictions: t.Evictions, Errors: t.Errors,
	}
	if out.State == "" {
		out.State = "ok"
	}
	out.LatencyMS.Mean, out.LatencyMS.P95 = 1000*t.LatencyMean, 1000*t.LatencyP95
	for _, d := range t.Decisions {
		out.Decisions = append(out.Decisions, cacheDecisionJSON{d.Model, d.Asked, milliseconds(d.Compute), milliseconds(d.Lookup)})
	}
	return out
}

func (s *Server) resetPerformance(x *exchange) error {
	s.deps.Stats.Reset()
	return x.answerValue(http.StatusOK, statusOnlyJSON{Status: "reset"})
}

func (s *Server) health(x *exchange) error {
	h := s.deps.Health.Health(x.ctx)
	out := healthJSON{Status: healthy, Version: h.Version, UptimeSeconds: s.uptime(), Checks: map[string]checkJSON{}}
	for _, c := range h.Checks {
		check := checkJSON{Status: "ok", Required: c.Required, Detail: c.Detail}
		if !c.OK {
			check.Status, out.Status = "failed", degraded
		}
		out.Checks[c.Name] = check
	}
	status := http.StatusOK
	if !h.Ready {
		out.Status, status = unhealthy, http.StatusServiceUnavailable
	}
	return x.answerValue(status, out)
}

func (s *Server) live(x *exchange) error {
	return x.answerValue(http.StatusOK, statusOnlyJSON{Status: "ok"})
}

func (s *Server) ready(x *exchange) error {
	h := s.deps.Health.Health(x.ctx)
	switch {
	case h.Draining:
		return &domain.Error{Kind: domain.KindUnavailable, Op: "http", Msg: "the service is stopping"}
	case !h.Ready:
		return &domain.Error{Kind: domain.KindUnavailable, Op: "http", Msg: "the service is not ready"}
	}
	return x.answerValue(http.StatusOK, statusOnlyJSON{Status: "ready"})
}
