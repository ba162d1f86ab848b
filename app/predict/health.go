package predict

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/guardy-ai/guardy/ports"
)

// Health implements ports.HealthReporter. The service is ready when its models are loaded and it is
// not draining; a cache that cannot be reached is reported and does not make it unready.
type Health struct {
	models   *Models
	cache    ports.AnswerCache // nil when there is none
	states   ports.DeviceStates
	version  string
	draining atomic.Bool
}

func newHealth(m *Models, d Deps) *Health {
	return &Health{models: m, cache: d.Cache, states: d.States, version: d.Version}
}

// Drain makes the service unready, so that load balancers stop sending before listeners close.
func (h *Health) Drain() { h.draining.Store(true) }

// Draining implements ports.HealthReporter.
func (h *Health) Draining() bool { return h.draining.Load() }

// Health implements ports.HealthReporter.
func (h *Health) Health(ctx context.Context) ports.Health {
	out := ports.Health{Draining: h.Draining(), Version: h.version}
	models := ports.HealthCheck{Name: "models", OK: h.models.Ready(), Required: true, Detail: "loaded"}
	if !models.OK {
		models.Detail = "not loaded"
	}
	out.Checks = append(out.Checks, models)
	out.Ready = models.OK && !out.Draining

	for _, part := range []struct {
		name  string
		store any
	}{{"cache.", h.cache}, {"devices.", h.states}} {
		if c, ok := part.store.(ports.CacheInspector); ok {
			for _, t := range c.Tiers(ctx) {
				out.Checks = append(out.Checks, checkOf(part.name, t))
			}
		}
	}
	return out
}

func checkOf(part string, t ports.CacheTier) ports.HealthCheck {
	check := ports.HealthCheck{Name: part + t.Name, OK: t.Problem == "" && (t.State == "" || t.State == "ok"), Detail: "in process"}
	if t.State != "" {
		check.Detail = fmt.Sprintf("breaker %s", t.State)
	}
	if t.Problem != "" {
		check.Detail = t.Problem
	}
	return check
}
