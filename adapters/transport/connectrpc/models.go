package connectrpc

import (
	"context"
	"fmt"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// ready returns an answer that is encoded already. Those of ModelService are: they are rare.
func ready[M any, PM message[M]](encoded []byte, err error) (*outbound[M, PM], error) {
	if err != nil {
		return nil, err
	}
	return &outbound[M, PM]{func(b []byte) []byte { return append(b, encoded...) }}, nil
}

func (s *Server) listModels(ctx context.Context, in *listRequest) (*listAnswer, error) {
	if in.shape != nil {
		return nil, in.shape
	}
	return ready[guardyv1.ListModelsResponse](contractjson.AppendModels(nil, s.deps.Models.List(ctx)))
}

func (s *Server) getModel(ctx context.Context, in *getRequest) (*getAnswer, error) {
	name, err := in.request().Required(in.shape)
	if err != nil {
		return nil, err
	}
	status, err := s.deps.Models.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	card, err := s.deps.Models.Card(ctx, name)
	switch {
	case domain.KindOf(err) == domain.KindUnavailable: // none in service: no card
		return ready[guardyv1.GetModelResponse](contractjson.AppendMetadata(nil, &status, nil))
	case err != nil:
		return nil, err
	}
	return ready[guardyv1.GetModelResponse](contractjson.AppendMetadata(nil, &status, &card))
}

func (s *Server) getModelStats(ctx context.Context, in *statsRequest) (*statsAnswer, error) {
	name, err := in.request().Required(in.shape)
	if err != nil {
		return nil, err
	}
	status, err := s.deps.Models.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	return ready[guardyv1.GetModelStatsResponse](contractjson.AppendModelStats(nil, &status))
}

func (s *Server) reloadModels(ctx context.Context, in *reloadRequest) (_ *reloadAnswer, err error) {
	if in.shape != nil {
		return nil, in.shape
	}
	var names []domain.ModelName
	if in.wire.Name != nil {
		names = append(names, domain.ModelName(*in.wire.Name))
	} else {
		for _, m := range s.deps.Models.List(ctx) {
			names = append(names, m.Ref.Name)
		}
	}
	target, before := "all models", s.versions(ctx, names)
	if in.wire.Name != nil {
		target = *in.wire.Name
	}
	defer func() { s.audit(ctx, "reload", target, before, s.versions(ctx, names), err) }()
	// One model that is refused does not keep the others from being loaded.
	var loaded []ports.ModelStatus
	var refused error
	for _, name := range names {
		status, err := s.deps.Models.Reload(ctx, name)
		if err != nil && refused == nil {
			refused = err
		}
		loaded = append(loaded, status)
	}
	if refused != nil {
		return nil, refused
	}
	return ready[guardyv1.ReloadModelsResponse](contractjson.AppendModels(nil, loaded))
}

func (s *Server) clearModelCache(ctx context.Context, in *clearRequest) (*clearAnswer, error) {
	name, err := in.request().Required(in.shape)
	if err != nil {
		return nil, err
	}
	n, err := s.deps.Models.ClearCache(ctx, name)
	s.audit(ctx, "clear_cache", string(name), "", fmt.Sprintf("%d entries cleared", n), err)
	if err != nil {
		return nil, err
	}
	return ready[guardyv1.ClearModelCacheResponse](contractjson.AppendCleared(nil, name, n))
}
