package connectrpc

import (
	"context"
	"net/http"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1/guardyv1connect"
	"github.com/guardy-ai/guardy/ports"
)

// The requests as they arrive, and the answers as they leave.
type (
	assessRequest  = inbound[contractjson.FloodRisk, guardyv1.AssessFloodRiskRequest, *contractjson.FloodRisk, *guardyv1.AssessFloodRiskRequest]
	batchRequest   = inbound[contractjson.Batch, guardyv1.AssessFloodRiskBatchRequest, *contractjson.Batch, *guardyv1.AssessFloodRiskBatchRequest]
	nowcastRequest = inbound[contractjson.Nowcast, guardyv1.NowcastRequest, *contractjson.Nowcast, *guardyv1.NowcastRequest]
	anomalyRequest = inbound[contractjson.Anomaly, guardyv1.DetectAnomalyRequest, *contractjson.Anomaly, *guardyv1.DetectAnomalyRequest]
	planRequest    = inbound[contractjson.Evacuation, guardyv1.PlanEvacuationRequest, *contractjson.Evacuation, *guardyv1.PlanEvacuationRequest]
	listRequest    = inbound[contractjson.Nothing, guardyv1.ListModelsRequest, *contractjson.Nothing, *guardyv1.ListModelsRequest]
	getRequest     = inbound[contractjson.OneModel, guardyv1.GetModelRequest, *contractjson.OneModel, *guardyv1.GetModelRequest]
	statsRequest   = inbound[contractjson.OneModel, guardyv1.GetModelStatsRequest, *contractjson.OneModel, *guardyv1.GetModelStatsRequest]
	reloadRequest  = inbound[contractjson.OneModel, guardyv1.ReloadModelsRequest, *contractjson.OneModel, *guardyv1.ReloadModelsRequest]
	clearRequest   = inbound[contractjson.OneModel, guardyv1.ClearModelCacheRequest, *contractjson.OneModel, *guardyv1.ClearModelCacheRequest]

	assessAnswer  = outbound[guardyv1.AssessFloodRiskResponse, *guardyv1.AssessFloodRiskResponse]
	batchAnswer   = outbound[guardyv1.AssessFloodRiskBatchResponse, *guardyv1.AssessFloodRiskBatchResponse]
	itemAnswer    = outbound[guardyv1.FloodRiskPrediction, *guardyv1.FloodRiskPrediction]
	nowcastAnswer = outbound[guardyv1.NowcastResponse, *guardyv1.NowcastResponse]
	anomalyAnswer = outbound[guardyv1.DetectAnomalyResponse, *guardyv1.DetectAnomalyResponse]
	planAnswer    = outbound[guardyv1.PlanEvacuationResponse, *guardyv1.PlanEvacuationResponse]
	listAnswer    = outbound[guardyv1.ListModelsResponse, *guardyv1.ListModelsResponse]
	getAnswer     = outbound[guardyv1.GetModelResponse, *guardyv1.GetModelResponse]
	statsAnswer   = outbound[guardyv1.GetModelStatsResponse, *guardyv1.GetModelStatsResponse]
	reloadAnswer  = outbound[guardyv1.ReloadModelsResponse, *guardyv1.ReloadModelsResponse]
	clearAnswer   = outbound[guardyv1.ClearModelCacheResponse, *guardyv1.ClearModelCacheResponse]
)

// endpoint is one procedure.
type endpoint struct {
	http.Handler
	class  ports.Class // probes and reflection never wait behind the work
	stream bool
	watch  bool // it goes on until the client or the service ends
	early  bool // it is decided from the headers whether the body is read
}

// compressMinBytes is about one network packet: below it compressing costs more than it saves.
const compressMinBytes = 1400

// route mounts every method of the schema, health and reflection. The generated constructors cannot be
// used for the schema: they receive bare messages, and ours come with the violations of their shape.
func (s *Server) route(chain connect.HandlerOption) map[string]endpoint {
	common := connect.WithHandlerOptions(codecs(s.deps.Limits.MaxBatchSize), chain, connect.WithCompressMinBytes(compressMinBytes))
	unary := connect.WithHandlerOptions(common, boundedGzip(s.cfg.MaxBodyBytes))
	admin := connect.WithHandlerOptions(unary, s.gated(ports.ScopeAdmin, ports.CostPlace))
	read := connect.WithHandlerOptions(unary, s.gated(ports.ScopeNone, ports.CostPlace))
	single := connect.WithHandlerOptions(unary, s.gated(ports.ScopePredict, ports.CostPlace))
	plan := connect.WithHandlerOptions(unary, s.gated(ports.ScopePredict, ports.CostPlan))
	many := s.gated(ports.ScopePredict, 0)
	prediction := guardyv1.File_guardy_v1_prediction_proto.Services().ByName("PredictionService").Methods()
	models := guardyv1.File_guardy_v1_model_proto.Services().ByName("ModelService").Methods()
	out := map[string]endpoint{}

	for path, h := range map[string]http.Handler{
		guardyv1connect.PredictionServiceAssessFloodRiskProcedure:      handle(prediction, "AssessFloodRisk", s.assess, single),
		guardyv1connect.PredictionServiceAssessFloodRiskBatchProcedure: handle(prediction, "AssessFloodRiskBatch", s.assessBatch, connect.WithHandlerOptions(unary, many)),
		guardyv1connect.PredictionServiceNowcastProcedure:              handle(prediction, "Nowcast", s.nowcast, single),
		guardyv1connect.PredictionServiceDetectAnomalyProcedure:        handle(prediction, "DetectAnomaly", s.detectAnomaly, single),
		guardyv1connect.PredictionServicePlanEvacuationProcedure:       handle(prediction, "PlanEvacuation", s.planEvacuation, plan),
		guardyv1connect.ModelServiceListModelsProcedure:                handle(models, "ListModels", s.listModels, read),
		guardyv1connect.ModelServiceGetModelProcedure:                  handle(models, "GetModel", s.getModel, read),
		guardyv1connect.ModelServiceGetModelStatsProcedure:             handle(models, "GetModelStats", s.getModelStats, read),
	} {
		out[path] = endpoint{Handler: h, class: classOf(path)}
	}
	for path, h := range map[string]http.Handler{
		guardyv1connect.ModelServiceReloadModelsProcedure:    handle(models, "ReloadModels", s.reloadModels, admin),
		guardyv1connect.ModelServiceClearModelCacheProcedure: handle(models, "ClearModelCache", s.clearModelCache, admin),
	} {
		out[path] = endpoint{Handler: h, early: true}
	}

	const stream = guardyv1connect.PredictionServiceStreamFloodRiskProcedure
	out[stream] = endpoint{stream: true, class: ports.ClassBulk, Handler: connect.NewBidiStreamHandler(
		stream, s.stream, connect.WithSchema(prediction.ByName("StreamFloodRisk")), common, many,
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
	service, health := grpchealth.NewHandler(checker{s.deps.Health, s.draining}, chain)
	mount("Check")(service, health)
	out[service+"Watch"] = endpoint{Handler: health, watch: true}
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

// classOf returns the class of a procedure.
func classOf(path string) ports.Class {
	switch path {
	case guardyv1connect.PredictionServiceAssessFloodRiskBatchProcedure:
		return ports.ClassBulk
	case guardyv1connect.PredictionServicePlanEvacuationProcedure:
		return ports.ClassPlan
	}
	return ports.ClassSingle
}
