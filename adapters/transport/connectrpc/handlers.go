package connectrpc

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1/guardyv1connect"
	"github.com/guardy-ai/guardy/adapters/transport/internal/gate"
	"github.com/guardy-ai/guardy/adapters/transport/internal/lazyctx"
	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/domain/risk"
)

// The requests as they arrive.
type (
	assessRequest  = inbound[guardyv1.AssessFloodRiskRequest, *guardyv1.AssessFloodRiskRequest]
	batchRequest   = inbound[guardyv1.AssessFloodRiskBatchRequest, *guardyv1.AssessFloodRiskBatchRequest]
	nowcastRequest = inbound[guardyv1.NowcastRequest, *guardyv1.NowcastRequest]
	anomalyRequest = inbound[guardyv1.DetectAnomalyRequest, *guardyv1.DetectAnomalyRequest]
	planRequest    = inbound[guardyv1.PlanEvacuationRequest, *guardyv1.PlanEvacuationRequest]
	listRequest    = inbound[guardyv1.ListModelsRequest, *guardyv1.ListModelsRequest]
	getRequest     = inbound[guardyv1.GetModelRequest, *guardyv1.GetModelRequest]
	statsRequest   = inbound[guardyv1.GetModelStatsRequest, *guardyv1.GetModelStatsRequest]
	reloadRequest  = inbound[guardyv1.ReloadModelsRequest, *guardyv1.ReloadModelsRequest]
	clearRequest   = inbound[guardyv1.ClearModelCacheRequest, *guardyv1.ClearModelCacheRequest]
)

// endpoint is one procedure.
type endpoint struct {
	http.Handler
	room   gate.Gate // nil: probes and reflection never wait behind the work
	stream bool
}

// compressMinBytes is about one network packet: below it compressing costs more than it saves.
const compressMinBytes = 1400

// route mounts every method of the schema, health and reflection. The generated constructors cannot be
// used for the schema: they receive bare messages, and ours come with the violations of their shape.
func (s *Server) route(chain connect.HandlerOption) map[string]endpoint {
	common := connect.WithHandlerOptions(codecs(s.deps.Limits.MaxBatchSize), chain, connect.WithCompressMinBytes(compressMinBytes))
	unary := connect.WithHandlerOptions(common, boundedGzip(s.cfg.MaxBodyBytes))
	timeout := s.deps.Limits.Timeout
	// In place of the bound of a batch. One reading too many is kept, so that the domain sees that the sequence is
	// too long and does not judge its readings, as in binary.
	sequences := connect.WithHandlerOptions(unary, codecs(nowcast.MaxReadings+1))
	histories := connect.WithHandlerOptions(unary, codecs(anomaly.MaxHistory+1))
	admin := connect.WithHandlerOptions(unary, adminGate(s.deps.AdminKeys))
	prediction := guardyv1.File_guardy_v1_prediction_proto.Services().ByName("PredictionService").Methods()
	models := guardyv1.File_guardy_v1_model_proto.Services().ByName("ModelService").Methods()
	out := map[string]endpoint{}

	calls := make(gate.Gate, s.cfg.MaxInFlight)
	for path, h := range map[string]http.Handler{
		guardyv1connect.PredictionServiceAssessFloodRiskProcedure:      handle(prediction, "AssessFloodRisk", within(timeout, s.assess), unary),
		guardyv1connect.PredictionServiceAssessFloodRiskBatchProcedure: handle(prediction, "AssessFloodRiskBatch", within(timeout, s.assessBatch), unary),
		guardyv1connect.PredictionServiceNowcastProcedure:              handle(prediction, "Nowcast", within(timeout, s.nowcast), sequences),
		guardyv1connect.PredictionServiceDetectAnomalyProcedure:        handle(prediction, "DetectAnomaly", within(timeout, s.detectAnomaly), histories),
		guardyv1connect.PredictionServicePlanEvacuationProcedure:       handle(prediction, "PlanEvacuation", within(timeout, s.planEvacuation), unary),
		guardyv1connect.ModelServiceListModelsProcedure:                handle(models, "ListModels", s.listModels, unary),
		guardyv1connect.ModelServiceGetModelProcedure:                  handle(models, "GetModel", s.getModel, unary),
		guardyv1connect.ModelServiceGetModelStatsProcedure:             handle(models, "GetModelStats", s.getModelStats, unary),
		guardyv1connect.ModelServiceReloadModelsProcedure:              handle(models, "ReloadModels", s.reloadModels, admin),
		guardyv1connect.ModelServiceClearModelCacheProcedure:           handle(models, "ClearModelCache", s.clearModelCache, admin),
	} {
		out[path] = endpoint{Handler: h, room: calls}
	}

	const stream = guardyv1connect.PredictionServiceStreamFloodRiskProcedure
	out[stream] = endpoint{stream: true, room: make(gate.Gate, s.cfg.MaxStreams), Handler: connect.NewBidiStreamHandler(
		stream, s.stream, connect.WithSchema(prediction.ByName("StreamFloodRisk")), common,
		boundedGzip(s.cfg.MaxMessageBytes), connect.WithReadMaxBytes(int(s.cfg.MaxMessageBytes)))}

	mount := func(methods ...string) func(string, http.Handler) {
		return func(service string, h http.Handler) {
			for _, m := range methods {
				out[service+m] = endpoint{Handler: h}
			}
		}
	}
	reflector := grpcreflect.NewStaticReflector(
		guardyv1connect.PredictionServiceName, guardyv1connect.ModelServiceName, grpchealth.HealthV1ServiceName,
	)
	mount("Check", "Watch")(grpchealth.NewHandler(checker{s.deps.Health}, chain))
	mount("ServerReflectionInfo")(grpcreflect.NewHandlerV1(reflector, chain))
	mount("ServerReflectionInfo")(grpcreflect.NewHandlerV1Alpha(reflector, chain))
	return out
}

func handle[Req, Res any](
	methods protoreflect.MethodDescriptors, name protoreflect.Name,
	f func(context.Context, *Req) (*Res, error), options connect.HandlerOption,
) http.Handler {
	method := methods.ByName(name)
	procedure := "/" + string(method.Parent().FullName()) + "/" + string(name)
	idempotency := connect.IdempotencyUnknown
	if o, ok := method.Options().(*descriptorpb.MethodOptions); ok {
		idempotency = connect.IdempotencyLevel(o.GetIdempotencyLevel()) // the levels have equal numbers
	}
	return connect.NewUnaryHandlerSimple(procedure, f, options, connect.WithSchema(method), connect.WithIdempotency(idempotency))
}

// within bounds a unary prediction. Streams last as long as messages arrive; their blocks are bounded.
func within[Req, Res any](timeout time.Duration, f func(context.Context, *Req) (*Res, error)) func(context.Context, *Req) (*Res, error) {
	return func(ctx context.Context, in *Req) (*Res, error) {
		bounded := lazyctx.WithDeadline(ctx, time.Now().Add(timeout))
		defer bounded.Cancel()
		return f(bounded, in) //nolint:contextcheck // bounded is made of ctx
	}
}

func (s *Server) assess(ctx context.Context, in *assessRequest) (*guardyv1.AssessFloodRiskResponse, error) {
	c := callOf(ctx)
	if err := in.malformed(); err != nil {
		return nil, err
	}
	r, shape := question(&in.msg, true, fresh(c.request.Header))
	if err := refusal(append(in.violations(), shape...), "", r.Validate); err != nil {
		return nil, err
	}
	var a risk.Assessment
	if err := s.deps.Risk.Assess(ctx, &r, &a); err != nil {
		return nil, err
	}
	describeCache(c.Header(), a.Provenance)
	if c.notModified() {
		return nil, connect.NewNotModifiedError(nil)
	}
	return answer(&r, &a), nil
}

func (s *Server) assessBatch(ctx context.Context, in *batchRequest) (*guardyv1.AssessFloodRiskBatchResponse, error) {
	start := time.Now()
	c := callOf(ctx)
	if err := in.malformed(); err != nil {
		return nil, err
	}
	questions, err := s.questions(in, fresh(c.request.Header))
	if err != nil {
		return nil, err
	}
	to, err := s.deps.Batch.Begin(ctx)
	if err != nil {
		return nil, err
	}
	n := len(questions.asked)
	out := &guardyv1.AssessFloodRiskBatchResponse{
		Predictions: make([]*guardyv1.FloodRiskPrediction, 0, n), TotalLocations: int32(n), ModelVersion: to.Model().Version,
	}
	err = questions.answer(ctx, s, to, 0, func(p *guardyv1.FloodRiskPrediction) error {
		out.Predictions = append(out.Predictions, p)
		switch {
		case p.Error != nil:
			out.Failed++
			return nil
		case p.GetRiskLevel() == domain.LevelHigh.String(), p.GetRiskLevel() == domain.LevelExtreme.String():
			out.HighRiskCount++
		}
		out.Successful++
		return nil
	})
	describeBatchCache(c.Header(), questions)
	out.ProcessingTimeMs = milliseconds(time.Since(start))
	return out, err
}

// questions returns the questions of a batch. What is wrong with an item is the item's error; what is
// wrong with the batch refuses it, with everything that is wrong in one answer.
func (s *Server) questions(in *batchRequest, noCache bool) (*block, error) {
	const list = "/locations"
	byItem, whole := strictjson.ByItem(in.violations(), list)
	if len(whole) == 0 {
		if v := strictjson.CheckCount(list, len(in.msg.Locations), s.deps.Limits.MaxBatchSize); v != nil {
			whole = append(whole, *v)
		}
	}
	out, wrong := &block{}, len(whole) > 0
	for i, m := range in.msg.Locations {
		prefix := list + "/" + strconv.Itoa(i)
		r, shape := question(m, false, noCache)
		shape = append(byItem[i], strictjson.Under(prefix, shape)...)
		if wrong {
			whole = append(whole, strictjson.Merge(shape, strictjson.Under(prefix, r.Validate()))...)
			continue
		}
		out.add(r, prefix, refusal(shape, prefix, r.Validate))
	}
	return out, domain.Invalid("risk.batch", whole)
}

func (s *Server) listModels(ctx context.Context, in *listRequest) (*guardyv1.ListModelsResponse, error) {
	if in.shape != nil {
		return nil, in.shape
	}
	out := &guardyv1.ListModelsResponse{}
	for _, m := range s.deps.Models.List(ctx) {
		out.Models = append(out.Models, model(&m))
	}
	return out, nil
}

// modelName returns the name that a request must have.
func modelName(name *string, shape error) (domain.ModelName, error) {
	switch {
	case shape != nil:
		return "", shape
	case name == nil || *name == "":
		return "", domain.Invalid("models", []domain.Violation{{
			Pointer: "/name", Code: domain.CodeRequired, Detail: "the name of a model is required",
		}})
	}
	return domain.ModelName(*name), nil
}

func (s *Server) getModel(ctx context.Context, in *getRequest) (*guardyv1.GetModelResponse, error) {
	name, err := modelName(in.msg.Name, in.shape)
	if err != nil {
		return nil, err
	}
	status, err := s.deps.Models.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	out := &guardyv1.GetModelResponse{Model: model(&status)}
	card, err := s.deps.Models.Card(ctx, name)
	switch {
	case domain.KindOf(err) == domain.KindUnavailable: // none in service: no card
		return out, nil
	case err != nil:
		return nil, err
	}
	out.Card, err = modelCard(&card)
	return out, err
}

func (s *Server) getModelStats(ctx context.Context, in *statsRequest) (*guardyv1.GetModelStatsResponse, error) {
	name, err := modelName(in.msg.Name, in.shape)
	if err != nil {
		return nil, err
	}
	status, err := s.deps.Models.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	return &guardyv1.GetModelStatsResponse{
		Name: string(status.Ref.Name), Version: status.Ref.Version, Stats: modelStats(&status.Stats),
	}, nil
}

func (s *Server) reloadModels(ctx context.Context, in *reloadRequest) (*guardyv1.ReloadModelsResponse, error) {
	if in.shape != nil {
		return nil, in.shape
	}
	names := []domain.ModelName{domain.ModelName(in.msg.GetName())}
	if in.msg.Name == nil {
		names = names[:0]
		for _, m := range s.deps.Models.List(ctx) {
			names = append(names, m.Ref.Name)
		}
	}
	// One model that is refused does not keep the others from being loaded.
	out := &guardyv1.ReloadModelsResponse{}
	var refused error
	for _, name := range names {
		status, err := s.deps.Models.Reload(ctx, name)
		if err != nil && refused == nil {
			refused = err
		}
		out.Models = append(out.Models, model(&status))
	}
	if refused != nil {
		return nil, refused
	}
	return out, nil
}

func (s *Server) clearModelCache(ctx context.Context, in *clearRequest) (*guardyv1.ClearModelCacheResponse, error) {
	name, err := modelName(in.msg.Name, in.shape)
	if err != nil {
		return nil, err
	}
	n, err := s.deps.Models.ClearCache(ctx, name)
	if err != nil {
		return nil, err
	}
	return &guardyv1.ClearModelCacheResponse{Status: "cleared", ModelName: string(name), EntriesCleared: int64(n)}, nil
}
