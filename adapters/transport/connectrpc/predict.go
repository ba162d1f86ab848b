package connectrpc

import (
	"context"
	"time"

	"connectrpc.com/connect"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

func (s *Server) assess(ctx context.Context, in *assessRequest) (*assessAnswer, error) {
	c := callOf(ctx)
	r, a := new(risk.Request), new(risk.Assessment)
	if err := in.request().Question(in.shape, r, contractjson.Asking{Explain: true, Fresh: fresh(c.request.Header), Now: time.Now}); err != nil {
		return nil, err
	}
	if err := s.deps.Risk.Assess(ctx, r, a); err != nil {
		return nil, err
	}
	if err := c.describe(a.Provenance); err != nil {
		return nil, err
	}
	return &assessAnswer{func(b []byte) []byte { return contractjson.AppendAssessment(b, r, a) }}, nil
}

// describe says where an answer comes from. The error ends a GET for an answer that the client has already.
func (c *call) describe(p domain.Provenance) error {
	describeCache(c.Header(), p)
	if c.notModified() {
		return connect.NewNotModifiedError(nil)
	}
	return nil
}

func (s *Server) assessBatch(ctx context.Context, in *batchRequest) (*batchAnswer, error) {
	start := time.Now()
	c := callOf(ctx)
	items := new(contractjson.Items)
	how := contractjson.Asking{Fresh: fresh(c.request.Header), Now: time.Now}
	if err := in.request().Questions(in.shape, s.deps.Limits.MaxBatchSize, how, items); err != nil {
		return nil, err
	}
	if err := s.spend(ctx, items.Len()*ports.CostPlace); err != nil {
		return nil, err
	}
	to, err := s.deps.Batch.Begin(ctx)
	if err != nil {
		return nil, err
	}
	if len(items.Requests) > 0 {
		to.Assess(ctx, items.Requests, items.Outcomes)
	}
	s.logInternal(ctx, items)
	describeBatchCache(c.Header(), items)
	took := time.Since(start)
	return &batchAnswer{func(b []byte) []byte { return contractjson.AppendBatch(b, items, to.Model().Version, took) }}, nil
}

// logInternal logs what the client will not be told of the items.
func (s *Server) logInternal(ctx context.Context, items *contractjson.Items) {
	for i := range items.Outcomes {
		if err := items.Outcomes[i].Err; err != nil && domain.KindOf(err) == domain.KindInternal {
			c := callOf(ctx)
			s.log.ErrorContext(ctx, "internal error", "route", c.route, "request_id", c.id, "error", err)
		}
	}
}

func (s *Server) nowcast(ctx context.Context, in *nowcastRequest) (*nowcastAnswer, error) {
	c := callOf(ctx)
	r, err := in.request().Question(in.shape, fresh(c.request.Header))
	if err != nil {
		return nil, err
	}
	f := new(nowcast.Forecast)
	if err := s.deps.Nowcast.Nowcast(ctx, &r, f); err != nil {
		return nil, err
	}
	if err := c.describe(f.Provenance); err != nil {
		return nil, err
	}
	return &nowcastAnswer{func(b []byte) []byte { return contractjson.AppendForecast(b, &r, f) }}, nil
}

func (s *Server) detectAnomaly(ctx context.Context, in *anomalyRequest) (*anomalyAnswer, error) {
	c := callOf(ctx)
	r, err := in.request().Question(in.shape, fresh(c.request.Header))
	if err != nil {
		return nil, err
	}
	a := new(anomaly.Answer)
	if err := s.deps.Anomaly.DetectAnomaly(ctx, &r, a); err != nil {
		return nil, err
	}
	describeCache(c.Header(), a.Provenance)
	return &anomalyAnswer{func(b []byte) []byte { return contractjson.AppendVerdict(b, &r, a) }}, nil
}

func (s *Server) planEvacuation(ctx context.Context, in *planRequest) (*planAnswer, error) {
	c := callOf(ctx)
	r, err := in.request().Question(in.shape, fresh(c.request.Header))
	if err != nil {
		return nil, err
	}
	a := new(evacuation.Answer)
	if err := s.deps.Evacuation.PlanEvacuation(ctx, &r, a); err != nil {
		return nil, err
	}
	if err := c.describe(a.Provenance); err != nil {
		return nil, err
	}
	return &planAnswer{func(b []byte) []byte { return contractjson.AppendEvacuation(b, &r, a) }}, nil
}
