package connectrpc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/guardy-ai/guardy/adapters/access"
	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1/guardyv1connect"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

// The other clients of these tests are connect's; this one is gRPC's own.
func TestGRPCsOwnClientIsServed(t *testing.T) {
	s := serve(t, transporttest.NewService())
	c, err := grpc.NewClient(s.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var answer guardyv1.AssessFloodRiskResponse
	if err := c.Invoke(t.Context(), assessPath, valid(), &answer); err != nil || answer.RiskLevel != "low" {
		t.Errorf("%v %v", &answer, err)
	}
	err = c.Invoke(t.Context(), assessPath, &guardyv1.AssessFloodRiskRequest{}, &answer)
	if st := status.Convert(err); st.Code() != codes.InvalidArgument || len(st.Details()) != 2 {
		t.Errorf("%v %v", st, st.Details())
	}
	stream, err := c.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true},
		guardyv1connect.PredictionServiceStreamFloodRiskProcedure)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := stream.SendMsg(valid()); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		var out guardyv1.FloodRiskPrediction
		err := stream.RecvMsg(&out)
		if i < 3 && (err != nil || out.Index != int64(i)) || i == 3 && !errors.Is(err, io.EOF) {
			t.Fatalf("answer %d: %v %v", i, &out, err)
		}
	}
}

func TestTheCallersTraceGoesOn(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(spans))
	s := serve(t, transporttest.NewService(), func(_ *Config, d *Deps) { d.Tracer = provider })
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	post(t, httpClient(t, false), s.url+assessPath, "application/json", validJSON, "Traceparent", parent)
	post(t, httpClient(t, false), s.url+assessPath, "application/json", `{}`, "Traceparent", parent)
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(spans.Ended()); n != 2 {
		t.Fatalf("%d spans", n)
	}
	for _, span := range spans.Ended() {
		if span.Name() != assessPath[1:] || span.Parent().TraceID().String() != parent[3:35] || span.SpanContext().TraceID() != span.Parent().TraceID() {
			t.Errorf("%s has the parent %v", span.Name(), span.Parent())
		}
		for _, a := range span.Attributes() {
			if strings.Contains(string(a.Key), "peer") {
				t.Errorf("the span names the peer: %v", a)
			}
		}
	}
}

// traceHandler notes the trace that the context of a record belongs to.
type traceHandler struct {
	slog.Handler
	seen *[]string
}

func (h traceHandler) Handle(ctx context.Context, r slog.Record) error {
	*h.seen = append(*h.seen, oteltrace.SpanContextFromContext(ctx).TraceID().String())
	return nil
}

func TestWithoutATracerTheLogKnowsTheCallersTrace(t *testing.T) {
	var seen []string
	s := serve(t, transporttest.NewService(), func(_ *Config, d *Deps) {
		d.Logger = slog.New(traceHandler{slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError}), &seen})
	})
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	failing := strings.Replace(validJSON, "{", `{"location_id":"fail:internal",`, 1)
	post(t, httpClient(t, false), s.url+assessPath, "application/json", failing, "Traceparent", parent)
	post(t, httpClient(t, false), s.url+assessPath, "application/json", failing)
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{parent[3:35], oteltrace.TraceID{}.String()}; !slices.Equal(seen, want) {
		t.Errorf("the records belong to the traces %v, want %v", seen, want)
	}
}

func TestPanicsAndInternalErrorsAreLoggedWithTheRequest(t *testing.T) {
	var log strings.Builder
	s := serve(t, transporttest.NewService(), func(_ *Config, d *Deps) { d.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	for _, id := range []string{"panic", "fail:internal"} {
		m := valid()
		m.LocationId = proto.String(id)
		if _, err := newMessageClient(t, s.url).prediction.AssessFloodRisk(t.Context(), m); err == nil {
			t.Error("answered")
		}
		batch := &guardyv1.AssessFloodRiskBatchRequest{Locations: []*guardyv1.AssessFloodRiskRequest{m}}
		_, _ = newMessageClient(t, s.url).prediction.AssessFloodRiskBatch(t.Context(), batch)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"listening", `panic="a panic of the fake"`, "predict.go", "as the test asked: internal", "request_id=", "AssessFloodRiskBatch"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in the log:\n%s", want, log.String())
		}
	}
}

func TestTheModuleServesWhileTheApplicationRuns(t *testing.T) {
	service := transporttest.NewService()
	limits := Limits{MaxBatchSize: transporttest.MaxBatchSize, Timeout: transporttest.Timeout}
	app := fxtest.New(t,
		fx.NopLogger,
		fx.Provide(
			func() ports.Admission { return ports.OpenAdmission{} },
			func() (ports.RiskAssessor, ports.BatchAssessor, ports.Nowcaster, ports.AnomalyDetector, ports.EvacuationPlanner, ports.ModelCatalog, ports.HealthReporter) {
				return service, service, service, service, service, service, service
			},
			func() (ports.Recorder, oteltrace.TracerProvider) {
				return ports.NopRecorder{}, noop.NewTracerProvider()
			},
			func() *slog.Logger { return slog.New(slog.DiscardHandler) },
			func() ports.Gatekeeper { return guard(access.Config{}) },
		),
		Module(testConfig(), limits),
	)
	app.RequireStart().RequireStop()
}

func TestABatchSumsUpItsCache(t *testing.T) {
	s := serve(t, transporttest.NewService())
	const hit, miss, bad = `{"location_id": "cached", "latitude": 1, "longitude": 2, "rainfall_mm": 3}`, validJSON, `{}`
	path := s.url + guardyv1connect.PredictionServiceAssessFloodRiskBatchProcedure
	for _, test := range []struct{ items, status, control, age string }{
		{hit, "guardy; hit; ttl=212", "private, max-age=300", "88"},
		{miss, `guardy; fwd=miss; detail="0 of 1 hit"`, "private, max-age=300", ""},
		{hit + "," + miss, `guardy; fwd=miss; detail="1 of 2 hit"`, "private, max-age=300", "88"},
		{hit + "," + bad, `guardy; fwd=miss; detail="1 of 2 hit"`, "no-store", "88"},
		{bad, "", "no-store", ""},
	} {
		res, body := post(t, httpClient(t, false), path, "application/json", `{"locations": [`+test.items+`]}`)
		h := res.Header
		if res.StatusCode != 200 || h.Get("Cache-Status") != test.status || h.Get("Cache-Control") != test.control ||
			h.Get("Age") != test.age || (h.Get("Etag") == "") != (test.control == "no-store") {
			t.Errorf("%s: %s %v %s", test.items, res.Status, h, body)
		}
	}
}
