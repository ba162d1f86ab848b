package connectrpc

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/protobuf/proto"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

// constant answers at once, so that a benchmark measures the transport.
type constant struct {
	*transporttest.Service
	answer risk.Assessment
}

func (c *constant) Assess(_ context.Context, _ *risk.Request, a *risk.Assessment) error {
	*a = c.answer
	return nil
}

func (c *constant) Begin(context.Context) (ports.RiskBatch, error) { return constantBatch{c}, nil }

type constantBatch struct{ c *constant }

func (constantBatch) Model() domain.ModelRef { return transporttest.Ref }

func (b constantBatch) Assess(_ context.Context, _ []risk.Request, out []risk.Outcome) {
	for i := range out {
		out[i].Assessment = b.c.answer
	}
}

func newConstant(tb testing.TB) *constant {
	service := transporttest.NewService()
	r := risk.NewRequest()
	r.Latitude, r.Longitude, r.RainfallMM, r.Explain = 40, -105, 50, true
	var a risk.Assessment
	if err := service.Assess(tb.Context(), &r, &a); err != nil {
		tb.Fatal(err)
	}
	return &constant{service, a}
}

func benchmarkServer(b *testing.B) *Server {
	c := newConstant(b)
	s, err := New(testConfig(), Deps{
		Risk: c, Batch: c, Nowcast: transporttest.NewService(), Anomaly: transporttest.NewService(), Evacuation: transporttest.NewService(), Models: c, Health: c, Recorder: ports.NopRecorder{}, Tracer: noop.NewTracerProvider(),
		Logger: slog.New(slog.DiscardHandler), Limits: Limits{transporttest.MaxBatchSize, transporttest.Timeout},
		Failed: func(error) {},
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkUnary is one call from the bytes of the request to those of the answer, without a socket.
func BenchmarkUnary(b *testing.B) {
	s := benchmarkServer(b)
	var m guardyv1.AssessFloodRiskRequest
	if err := strictjson.Decode([]byte(validJSON), &m, strictjson.Options{}); err != nil {
		b.Fatal(err)
	}
	binary, err := proto.Marshal(&m)
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct{ name, contentType, body string }{
		{"connect json", "application/json", validJSON},
		{"connect proto", "application/proto", string(binary)},
		{"grpc", "application/grpc", string(envelope(0, binary))},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, assessPath, strings.NewReader(bench.body))
				r.Header.Set("Content-Type", bench.contentType)
				w := httptest.NewRecorder()
				s.http.Handler.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}

// BenchmarkMessage is what unary calls do apart from connect: decode, map, map back, encode.
func BenchmarkMessage(b *testing.B) {
	c := newConstant(b)
	binary := mustMarshal(b, valid())
	type codec interface {
		Unmarshal([]byte, any) error
		MarshalAppend([]byte, any) ([]byte, error)
	}
	for _, bench := range []struct {
		name  string
		codec codec
		body  []byte
	}{{"json", jsonCodec{}, []byte(validJSON)}, {"proto", binaryCodec{}, binary}} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				var in assessRequest
				if err := bench.codec.Unmarshal(bench.body, &in); err != nil || in.shape != nil {
					b.Fatal(err, in.shape)
				}
				var r risk.Request
				err := in.wire.Question(in.shape, &r, contractjson.Asking{Explain: true, Now: time.Now})
				if err == nil {
					answer := assessAnswer{func(b []byte) []byte { return contractjson.AppendAssessment(b, &r, &c.answer) }}
					buf, err = bench.codec.MarshalAppend(buf[:0], &answer)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStream is the throughput of one stream over a loopback socket, client included.
func BenchmarkStream(b *testing.B) {
	c := newConstant(b)
	s := serve(b, c.Service, func(_ *Config, d *Deps) { d.Batch, d.Recorder = c, ports.NopRecorder{} })
	stream, err := newMessageClient(b, s.url, connect.WithGRPC()).prediction.StreamFloodRisk(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		m := valid()
		for range b.N {
			if stream.Send(m) != nil {
				break
			}
		}
		_ = stream.CloseRequest()
	}()
	for range b.N {
		if _, err := stream.Receive(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	_ = stream.CloseResponse()
}
