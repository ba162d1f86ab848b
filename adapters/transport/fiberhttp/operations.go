package fiberhttp

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// answerValue answers what was appended to x.out, which is small and rare.
func (x *exchange) answerValue(status int, out []byte, err error) error {
	if err != nil {
		return err
	}
	x.out = out
	x.Response.Header.Set("Cache-Control", "no-store")
	x.answer(status, typeJSON, x.out)
	return nil
}

// model returns the model that the path names.
func (x *exchange) model() domain.ModelName { return domain.ModelName(strings.Clone(x.name)) }

func (s *Server) modelsStatus(x *exchange) error {
	version := s.deps.Health.Health(x.ctx).Version
	out, err := contractjson.AppendStatus(x.out[:0], version, s.uptime(), s.deps.Models.List(x.ctx), s.deps.Stats.Process())
	return x.answerValue(http.StatusOK, out, err)
}

func (s *Server) uptime() time.Duration { return time.Since(s.started).Round(time.Millisecond) }

func (s *Server) modelsHealth(x *exchange) error {
	out, loaded, err := contractjson.AppendModelsHealth(x.out[:0], s.deps.Models.List(x.ctx))
	return x.answerValue(readiness(loaded), out, err)
}

func readiness(ready bool) int {
	if ready {
		return http.StatusOK
	}
	return http.StatusServiceUnavailable
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
	out, err := contractjson.AppendMetadata(x.out[:0], &m, &c)
	return x.answerValue(http.StatusOK, out, err)
}

func (s *Server) modelStats(x *exchange) error {
	m, err := s.deps.Models.Get(x.ctx, x.model())
	if err != nil {
		return err
	}
	out, err := contractjson.AppendModelStats(x.out[:0], &m)
	return x.answerValue(http.StatusOK, out, err)
}

func (s *Server) reloadOne(x *exchange) error {
	m, err := s.deps.Models.Reload(x.ctx, x.model())
	if err != nil {
		return err
	}
	return x.answerModels([]ports.ModelStatus{m})
}

// reloadAll loads every model. One that is refused does not keep the others from being loaded.
func (s *Server) reloadAll(x *exchange) error {
	var loaded []ports.ModelStatus
	var failed error
	for _, m := range s.deps.Models.List(x.ctx) {
		m, err := s.deps.Models.Reload(x.ctx, m.Ref.Name)
		if err != nil && failed == nil {
			failed = err
		}
		loaded = append(loaded, m)
	}
	if failed != nil {
		return failed
	}
	return x.answerModels(loaded)
}

func (x *exchange) answerModels(ms []ports.ModelStatus) error {
	out, err := contractjson.AppendModels(x.out[:0], ms)
	return x.answerValue(http.StatusOK, out, err)
}

func (s *Server) clearCache(x *exchange) error {
	name := x.model()
	n, err := s.deps.Models.ClearCache(x.ctx, name)
	if err != nil {
		return err
	}
	x.cleared = fmt.Sprintf("%d entries cleared", n)
	out, err := contractjson.AppendCleared(x.out[:0], name, n)
	return x.answerValue(http.StatusOK, out, err)
}

func (s *Server) performance(x *exchange) error {
	out, err := contractjson.AppendPerformance(
		x.out[:0], s.deps.Stats.Requests(), s.deps.Models.List(x.ctx), tiers(x.ctx, s.deps.Cache), tiers(x.ctx, s.deps.States),
	)
	return x.answerValue(http.StatusOK, out, err)
}

// tiers returns the figures of a store that has any.
func tiers(ctx context.Context, store any) []ports.CacheTier {
	if c, ok := store.(ports.CacheInspector); ok {
		return c.Tiers(ctx)
	}
	return nil
}

func (s *Server) resetPerformance(x *exchange) error {
	s.deps.Stats.Reset()
	return x.answerWord("reset")
}

func (x *exchange) answerWord(word string) error {
	out, err := contractjson.AppendStatusWord(x.out[:0], word)
	return x.answerValue(http.StatusOK, out, err)
}

func (s *Server) health(x *exchange) error {
	h := s.deps.Health.Health(x.ctx)
	out, err := contractjson.AppendHealth(x.out[:0], &h, s.uptime())
	return x.answerValue(readiness(h.Ready), out, err)
}

func (s *Server) live(x *exchange) error { return x.answerWord("ok") }

func (s *Server) ready(x *exchange) error {
	h := s.deps.Health.Health(x.ctx)
	switch {
	case h.Draining:
		return &domain.Error{Kind: domain.KindUnavailable, Op: "http", Msg: "the service is stopping"}
	case !h.Ready:
		return &domain.Error{Kind: domain.KindUnavailable, Op: "http", Msg: "the service is not ready"}
	}
	return x.answerWord("ready")
}
