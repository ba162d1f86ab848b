package adminhttp

import (
	"math"
	"net/http"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

type readyView struct {
	Ready    bool        `json:"ready"`
	Draining bool        `json:"draining"`
	Version  string      `json:"version"`
	Checks   []checkView `json:"checks"`
}

type checkView struct {
	Name     string `json:"name"`
	OK       bool   `json:"ok"`
	Required bool   `json:"required"`
	Detail   string `json:"detail,omitempty"`
}

func newReadyView(h ports.Health) readyView {
	v := readyView{Ready: h.Ready, Draining: h.Draining, Version: h.Version, Checks: make([]checkView, len(h.Checks))}
	for i, c := range h.Checks {
		v.Checks[i] = checkView(c)
	}
	return v
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	v := newReadyView(s.deps.Health.Health(r.Context()))
	status := http.StatusOK
	if !v.Ready {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, "application/json", v)
}

// runtimeView is the answer of /runtime, which the live view polls. Times are seconds and sizes
// bytes; what grows only is a total, from which a reader makes rates.
type runtimeView struct {
	Time     time.Time    `json:"time"`
	Health   readyView    `json:"health"`
	Process  processView  `json:"process"`
	Go       goView       `json:"go"`
	Requests requestsView `json:"requests"`
	Models   []modelView  `json:"models"`
	Cache    []tierView   `json:"cache"`
}

type processView struct {
	StartedAt     time.Time `json:"started_at"`
	UptimeSeconds float64   `json:"uptime_seconds"`
	ResidentBytes uint64    `json:"resident_bytes"`
	CPUSeconds    float64   `json:"cpu_seconds"`
	CPUs          int       `json:"cpus"`
	GoVersion     string    `json:"go_version"`
}

type goView struct {
	HeapBytes        uint64  `json:"heap_bytes"`
	HeapGoalBytes    uint64  `json:"heap_goal_bytes"`
	AllocatedBytes   uint64  `json:"allocated_bytes"`
	MemoryBytes      uint64  `json:"memory_bytes"`       // what the Go runtime holds; GOMEMLIMIT bounds it
	MemoryLimitBytes uint64  `json:"memory_limit_bytes"` // 0: there is none
	Goroutines       int     `json:"goroutines"`
	GCCycles         int64   `json:"gc_cycles"`
	GCPauseSeconds   float64 `json:"gc_pause_seconds"`
	GCLastPause      float64 `json:"gc_last_pause_seconds"`
	SchedLatencyP99  float64 `json:"sched_latency_p99_seconds"`
	MutexWaitSeconds float64 `json:"mutex_wait_seconds"`
}

type requestsView struct {
	Since     time.Time         `json:"since"`
	Total     uint64            `json:"total"`
	Failed    uint64            `json:"failed"`
	PerSecond float64           `json:"per_second"`
	Mean      float64           `json:"mean_seconds"`
	Median    float64           `json:"median_seconds"`
	P95       float64           `json:"p95_seconds"`
	P99       float64           `json:"p99_seconds"`
	Min       float64           `json:"min_seconds"`
	Max       float64           `json:"max_seconds"`
	ByRoute   map[string]uint64 `json:"by_route"`
	ByCode    map[string]uint64 `json:"by_code"`
}

type modelView struct {
	Name        domain.ModelName  `json:"name"`
	Version     string            `json:"version"`
	Digest      string            `json:"digest"`
	Source      string            `json:"source"`
	Loaded      bool              `json:"loaded"`
	Reloads     int               `json:"reloads"`
	LastError   string            `json:"last_error,omitempty"`
	Predictions uint64            `json:"predictions"`
	Computed    uint64            `json:"computed"`
	Errors      uint64            `json:"errors"`
	ByLevel     map[string]uint64 `json:"by_level"`
	Mean        float64           `json:"mean_seconds"`
	P95         float64           `json:"p95_seconds"`
	P99         float64           `json:"p99_seconds"`
	CacheHits   uint64            `json:"cache_hits"`
	CacheMisses uint64            `json:"cache_misses"`
	CacheErrors uint64            `json:"cache_errors"`
	HitRate     float64           `json:"hit_rate"`
}

type tierView struct {
	Name        string  `json:"name"`
	Entries     int64   `json:"entries"`
	Bytes       int64   `json:"bytes"`
	MaxBytes    int64   `json:"max_bytes"`
	Evictions   int64   `json:"evictions"`
	Errors      int64   `json:"errors"`
	State       string  `json:"state,omitempty"`
	LatencyMean float64 `json:"latency_mean_seconds"`
	LatencyP95  float64 `json:"latency_p95_seconds"`
}

func (s *Server) runtime(w http.ResponseWriter, r *http.Request) {
	ctx, now := r.Context(), s.deps.Clock().UTC()
	p, q := s.deps.Stats.Process(), s.deps.Stats.Requests()
	v := runtimeView{
		Time:   now,
		Health: newReadyView(s.deps.Health.Health(ctx)),
		Process: processView{
			StartedAt: p.StartedAt.UTC(), UptimeSeconds: now.Sub(p.StartedAt).Seconds(),
			ResidentBytes: p.ResidentBytes, CPUSeconds: finite(p.CPUSeconds), CPUs: p.CPUs, GoVersion: p.GoVersion,
		},
		Go: readGo(p),
		Requests: requestsView{
			Since: q.Since.UTC(), Total: q.Total, Failed: q.Failed, PerSecond: finite(q.PerSecond),
			Mean: q.Mean.Seconds(), Median: q.Median.Seconds(), P95: q.P95.Seconds(), P99: q.P99.Seconds(),
			Min: q.Min.Seconds(), Max: q.Max.Seconds(), ByRoute: q.ByRoute, ByCode: q.ByCode,
		},
		Models: []modelView{},
		Cache:  []tierView{},
	}
	for _, m := range s.deps.Models.List(ctx) {
		v.Models = append(v.Models, newModelView(m))
	}
	if c, ok := s.deps.Cache.(ports.CacheInspector); ok {
		for _, t := range c.Tiers(ctx) {
			v.Cache = append(v.Cache, tierView{
				Name: t.Name, Entries: t.Entries, Bytes: t.Bytes, MaxBytes: t.MaxBytes, Evictions: t.Evictions, Errors: t.Errors,
				State: t.State, LatencyMean: finite(t.LatencyMean), LatencyP95: finite(t.LatencyP95),
			})
		}
	}
	writeJSON(w, http.StatusOK, "application/json", v)
}

func newModelView(m ports.ModelStatus) modelView {
	v := modelView{
		Name: m.Ref.Name, Version: m.Ref.Version, Digest: m.Ref.Digest, Source: m.Source,
		Loaded: m.Loaded, Reloads: m.Reloads, LastError: m.LastError,
		Predictions: m.Stats.Predictions, Computed: m.Stats.Computed, Errors: m.Stats.Errors,
		ByLevel: make(map[string]uint64, len(m.Stats.ByLevel)),
		Mean:    m.Stats.Mean.Seconds(), P95: m.Stats.P95.Seconds(), P99: m.Stats.P99.Seconds(),
		CacheHits: m.Stats.CacheHits, CacheMisses: m.Stats.CacheMisses, CacheErrors: m.Stats.CacheErrors,
		HitRate: m.Stats.HitRate(),
	}
	for l, n := range m.Stats.ByLevel {
		v.ByLevel[domain.Level(l).String()] = n
	}
	return v
}

// readGo reads the Go runtime without stopping it, unlike runtime.ReadMemStats.
func readGo(p ports.ProcessStats) goView {
	samples := []metrics.Sample{
		{Name: "/gc/heap/goal:bytes"},
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/sync/mutex/wait/total:seconds"},
		{Name: "/sched/latencies:seconds"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/gc/gomemlimit:bytes"},
	}
	metrics.Read(samples)
	var gc debug.GCStats
	debug.ReadGCStats(&gc)
	v := goView{
		HeapBytes:        p.HeapBytes,
		HeapGoalBytes:    samples[0].Value.Uint64(),
		AllocatedBytes:   samples[1].Value.Uint64(),
		MutexWaitSeconds: finite(samples[2].Value.Float64()),
		SchedLatencyP99:  quantile(samples[3].Value.Float64Histogram(), 0.99),
		Goroutines:       p.Goroutines,
		GCCycles:         gc.NumGC,
		GCPauseSeconds:   gc.PauseTotal.Seconds(),
		MemoryBytes:      samples[4].Value.Uint64() - samples[5].Value.Uint64(),
	}
	if limit := samples[6].Value.Uint64(); limit < math.MaxInt64 {
		v.MemoryLimitBytes = limit
	}
	if len(gc.Pause) > 0 {
		v.GCLastPause = gc.Pause[0].Seconds()
	}
	return v
}

// quantile returns the upper end of the bucket in which the quantile lies, 0 for an empty histogram;
// the lower end where the bucket has no upper.
func quantile(h *metrics.Float64Histogram, q float64) float64 {
	var total, seen uint64
	for _, n := range h.Counts {
		total += n
	}
	rank := uint64(math.Ceil(q * float64(total)))
	for i, n := range h.Counts {
		if seen += n; n > 0 && seen >= rank {
			if upper := h.Buckets[i+1]; !math.IsInf(upper, 1) {
				return upper
			}
			return finite(h.Buckets[i])
		}
	}
	return 0
}

// finite keeps what JSON cannot say out of the answer.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}
