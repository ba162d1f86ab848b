package contractjson

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/guardy-ai/guardy/adapters/internal/rfc3339"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// The answers of operations are rare, so encoding/json writes them.

// appendValue appends v as JSON.
func appendValue(b []byte, v any) ([]byte, error) {
	out, err := json.Marshal(v)
	if err != nil {
		return b, fmt.Errorf("encode the answer: %w", err)
	}
	return append(b, out...), nil
}

// AppendModels appends the models as they stand.
func AppendModels(b []byte, ms []ports.ModelStatus) ([]byte, error) {
	return appendValue(b, modelsJSON{Models: modelsOf(ms)})
}

// AppendStatus appends everything about the models and the process.
func AppendStatus(b []byte, version string, uptime time.Duration, ms []ports.ModelStatus, p ports.ProcessStats) ([]byte, error) {
	return appendValue(b, statusJSON{
		Version: version, UptimeSeconds: uptime.Seconds(), Models: modelsOf(ms),
		Process: processJSON{
			StartedAt: instant(p.StartedAt), ResidentBytes: p.ResidentBytes, HeapBytes: p.HeapBytes, CPUSeconds: p.CPUSeconds,
			CPUs: p.CPUs, Goroutines: p.Goroutines, GoVersion: p.GoVersion,
		},
	})
}

// Words of health.
const (
	healthy   = "healthy"
	degraded  = "degraded"
	unhealthy = "unhealthy"
)

// AppendModelsHealth appends whether the models can answer; loaded is false when one is not loaded.
func AppendModelsHealth(b []byte, ms []ports.ModelStatus) (_ []byte, loaded bool, err error) {
	out := modelsHealthJSON{Status: healthy, Models: map[domain.ModelName]modelHealthJSON{}}
	loaded = true
	for _, m := range ms {
		out.Models[m.Ref.Name] = modelHealthJSON{
			Loaded: m.Loaded, Version: m.Ref.Version, Predictions: m.Stats.Predictions, ErrorRate: m.Stats.ErrorRate(), LastError: m.LastError,
		}
		switch {
		case !m.Loaded:
			out.Status, loaded = unhealthy, false
		case m.LastError != "" && out.Status == healthy:
			out.Status = degraded
		}
	}
	b, err = appendValue(b, out)
	return b, loaded, err
}

// AppendMetadata appends a model with its card, which is nil when no model is in service.
func AppendMetadata(b []byte, m *ports.ModelStatus, c *domain.ModelCard) ([]byte, error) {
	out := metadataJSON{Model: modelOf(*m)}
	if c != nil {
		out.Card = &cardJSON{
			Kind: c.Kind, FeatureSchema: c.FeatureSchema, CreatedAt: instant(c.CreatedAt), SizeBytes: c.SizeBytes,
			Features: make([]featureJSON, len(c.Features)), Training: c.Training, Skill: c.Skill, Text: c.Text,
		}
		for i, f := range c.Features {
			out.Card.Features[i] = featureJSON(f)
		}
	}
	return appendValue(b, out)
}

// AppendModelStats appends what a model did.
func AppendModelStats(b []byte, m *ports.ModelStatus) ([]byte, error) {
	return appendValue(b, namedStatsJSON{Name: m.Ref.Name, Version: m.Ref.Version, Stats: statsOf(m.Stats)})
}

// AppendCleared appends how many cached answers of a model were removed.
func AppendCleared(b []byte, name domain.ModelName, entries int) ([]byte, error) {
	return appendValue(b, clearedJSON{Status: "cleared", ModelName: name, EntriesCleared: entries})
}

// AppendPerformance appends the figures of requests, caches and device states.
func AppendPerformance(
	b []byte, r ports.RequestStats, ms []ports.ModelStatus, cache, states []ports.CacheTier,
) ([]byte, error) {
	out := performanceJSON{
		Since: instant(r.Since),
		RequestMetrics: requestMetricsJSON{
			Total: r.Total, Failed: r.Failed, PerSecond: r.PerSecond, ByRoute: orEmpty(r.ByRoute), ByCode: orEmpty(r.ByCode),
		},
		ResponseTimesMS: responseTimesJSON{
			Average: milliseconds(r.Mean), Median: milliseconds(r.Median), P95: milliseconds(r.P95), P99: milliseconds(r.P99),
			Min: milliseconds(r.Min), Max: milliseconds(r.Max),
		},
		CacheMetrics: cacheMetricsJSON{PerModel: map[domain.ModelName]cacheStatsJSON{}, Tiers: tiersOf(cache)},
		DeviceStates: tiersOf(states),
	}
	var all ports.ModelStats
	for _, m := range ms {
		out.CacheMetrics.PerModel[m.Ref.Name] = cacheOf(m.Stats)
		all.CacheHits += m.Stats.CacheHits
		all.CacheMisses += m.Stats.CacheMisses
		all.CacheErrors += m.Stats.CacheErrors
	}
	out.CacheMetrics.cacheStatsJSON = cacheOf(all)
	for i := range out.CacheMetrics.Tiers {
		if t := &out.CacheMetrics.Tiers[i]; t.Name == "redis" {
			out.RedisMetrics = t
		}
	}
	return appendValue(b, out)
}

// AppendHealth appends the state of the service.
func AppendHealth(b []byte, h *ports.Health, uptime time.Duration) ([]byte, error) {
	out := healthJSON{Status: healthy, Version: h.Version, UptimeSeconds: uptime.Seconds(), Checks: map[string]checkJSON{}}
	for _, c := range h.Checks {
		check := checkJSON{Status: "ok", Required: c.Required, Detail: c.Detail}
		if !c.OK {
			check.Status, out.Status = "failed", degraded
		}
		out.Checks[c.Name] = check
	}
	if !h.Ready {
		out.Status = unhealthy
	}
	return appendValue(b, out)
}

// AppendStatusWord appends an answer that is one word.
func AppendStatusWord(b []byte, word string) ([]byte, error) {
	return appendValue(b, statusOnlyJSON{Status: word})
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

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// tiersOf returns a list even of nothing: an absent list would read as null.
func tiersOf(tiers []ports.CacheTier) []tierJSON {
	out := make([]tierJSON, len(tiers))
	for i, tier := range tiers {
		out[i] = tierOf(tier)
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
		Evictions: t.Evictions, Errors: t.Errors, Refused: t.Refused, Problem: t.Problem,
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

type modelJSON struct {
	Name       domain.ModelName `json:"name"`
	Version    string           `json:"version"`
	Digest     string           `json:"digest"`
	Loaded     bool             `json:"loaded"`
	Source     string           `json:"source"`
	SizeBytes  int64            `json:"size_bytes"`
	LoadedAt   *string          `json:"loaded_at,omitempty"`
	LoadTimeMS float64          `json:"load_time_ms"`
	Reloads    int              `json:"reloads"`
	LastError  string           `json:"last_error,omitempty"`
	Stats      modelStatsJSON   `json:"stats"`
}

type modelStatsJSON struct {
	Predictions uint64            `json:"predictions"`
	Computed    uint64            `json:"computed"`
	Errors      uint64            `json:"errors"`
	ErrorRate   float64           `json:"error_rate"`
	ByLevel     map[string]uint64 `json:"by_level"`
	InferenceMS struct {
		Mean float64 `json:"mean"`
		P95  float64 `json:"p95"`
		P99  float64 `json:"p99"`
	} `json:"inference_ms"`
	Cache cacheStatsJSON `json:"cache"`
}

type cacheStatsJSON struct {
	Hits    uint64  `json:"hits"`
	Misses  uint64  `json:"misses"`
	Errors  uint64  `json:"errors"`
	HitRate float64 `json:"hit_rate"`
}

type cardJSON struct {
	Kind          string        `json:"kind"`
	FeatureSchema string        `json:"feature_schema"`
	CreatedAt     *string       `json:"created_at,omitempty"`
	SizeBytes     int64         `json:"size_bytes"`
	Features      []featureJSON `json:"features"`
	Training      rawJSON       `json:"training"`
	Skill         rawJSON       `json:"skill"`
	Text          string        `json:"text"`
}

// rawJSON is a JSON object as it stands in the manifest.
type rawJSON []byte

// MarshalJSON implements json.Marshaler.
func (r rawJSON) MarshalJSON() ([]byte, error) {
	if len(r) == 0 {
		return []byte("{}"), nil
	}
	return r, nil
}

type featureJSON struct {
	Name        string  `json:"name"`
	Unit        string  `json:"unit"`
	Min         float64 `json:"min"`
	Max         float64 `json:"max"`
	Description string  `json:"description"`
}

type modelsJSON struct {
	Models []modelJSON `json:"models"`
}

type statusJSON struct {
	Version       string      `json:"version"`
	UptimeSeconds float64     `json:"uptime_seconds"`
	Models        []modelJSON `json:"models"`
	Process       processJSON `json:"process"`
}

type processJSON struct {
	StartedAt     *string `json:"started_at,omitempty"`
	ResidentBytes uint64  `json:"resident_bytes"`
	HeapBytes     uint64  `json:"heap_bytes"`
	CPUSeconds    float64 `json:"cpu_seconds"`
	CPUs          int     `json:"cpus"`
	Goroutines    int     `json:"goroutines"`
	GoVersion     string  `json:"go_version"`
}

type metadataJSON struct {
	Model modelJSON `json:"model"`
	Card  *cardJSON `json:"card,omitempty"`
}

type namedStatsJSON struct {
	Name    domain.ModelName `json:"name"`
	Version string           `json:"version"`
	Stats   modelStatsJSON   `json:"stats"`
}

type clearedJSON struct {
	Status         string           `json:"status"`
	ModelName      domain.ModelName `json:"model_name"`
	EntriesCleared int              `json:"entries_cleared"`
}

type modelHealthJSON struct {
	Loaded      bool    `json:"loaded"`
	Version     string  `json:"version"`
	Predictions uint64  `json:"predictions"`
	ErrorRate   float64 `json:"error_rate"`
	LastError   string  `json:"last_error,omitempty"`
}

type modelsHealthJSON struct {
	Status string                               `json:"status"`
	Models map[domain.ModelName]modelHealthJSON `json:"models"`
}

type healthJSON struct {
	Status        string               `json:"status"`
	Version       string               `json:"version"`
	UptimeSeconds float64              `json:"uptime_seconds"`
	Checks        map[string]checkJSON `json:"checks"`
}

type checkJSON struct {
	Status   string `json:"status"`
	Required bool   `json:"required"`
	Detail   string `json:"detail"`
}

type statusOnlyJSON struct {
	Status string `json:"status"`
}

type performanceJSON struct {
	Since           *string            `json:"since,omitempty"`
	RequestMetrics  requestMetricsJSON `json:"request_metrics"`
	ResponseTimesMS responseTimesJSON  `json:"response_times_ms"`
	CacheMetrics    cacheMetricsJSON   `json:"cache_metrics"`
	DeviceStates    []tierJSON         `json:"device_states"`
	RedisMetrics    *tierJSON          `json:"redis_metrics"`
}

type requestMetricsJSON struct {
	Total     uint64            `json:"total"`
	Failed    uint64            `json:"failed"`
	PerSecond float64           `json:"per_second"`
	ByRoute   map[string]uint64 `json:"by_route"`
	ByCode    map[string]uint64 `json:"by_code"`
}

type responseTimesJSON struct {
	Average float64 `json:"average"`
	Median  float64 `json:"median"`
	P95     float64 `json:"p95"`
	P99     float64 `json:"p99"`
	Min     float64 `json:"min"`
	Max     float64 `json:"max"`
}

type cacheMetricsJSON struct {
	cacheStatsJSON
	PerModel map[domain.ModelName]cacheStatsJSON `json:"per_model"`
	Tiers    []tierJSON                          `json:"tiers"`
}

type tierJSON struct {
	Name      string `json:"name"`
	State     string `json:"state"`
	Entries   *int64 `json:"entries"`
	Bytes     *int64 `json:"bytes"`
	MaxBytes  *int64 `json:"max_bytes"`
	Evictions int64  `json:"evictions"`
	Errors    int64  `json:"errors"`
	Refused   int64  `json:"refused,omitempty"`
	Problem   string `json:"problem,omitempty"`
	LatencyMS struct {
		Mean float64 `json:"mean"`
		P95  float64 `json:"p95"`
	} `json:"latency_ms"`
	Decisions []cacheDecisionJSON `json:"decisions,omitempty"`
}

type cacheDecisionJSON struct {
	Model     domain.ModelName `json:"model"`
	Asked     bool             `json:"asked"`
	ComputeMS float64          `json:"compute_ms"`
	LookupMS  float64          `json:"lookup_ms"`
}
