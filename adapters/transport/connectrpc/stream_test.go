package connectrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1/guardyv1connect"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

// reloading gives every batch another model, and counts.
type reloading struct {
	*transporttest.Service
	begun  int
	blocks chan int        // sizes of the blocks that were asked
	hold   <-chan struct{} // nil, or closed when blocks may be answered
}

func (r *reloading) Begin(ctx context.Context) (ports.RiskBatch, error) {
	r.begun++
	b, err := r.Service.Begin(ctx)
	return reloadingBatch{b, r, fmt.Sprintf("1.0.%d", r.begun)}, err
}

type reloadingBatch struct {
	ports.RiskBatch
	r       *reloading
	version string
}

func (b reloadingBatch) Model() domain.ModelRef {
	ref := transporttest.Ref
	ref.Version = b.version
	return ref
}

func (b reloadingBatch) Assess(ctx context.Context, rs []risk.Request, out []risk.Outcome) {
	if b.r.hold != nil {
		<-b.r.hold
	}
	b.RiskBatch.Assess(ctx, rs, out)
	for i := range out {
		out[i].Assessment.Model = b.Model()
	}
	select {
	case b.r.blocks <- len(rs):
	default:
	}
}

func TestAStreamIsAnsweredInOrderByOneModel(t *testing.T) {
	for _, test := range []struct {
		n       int
		options []connect.ClientOption
	}{{10_000, []connect.ClientOption{connect.WithGRPC()}}, {1000, nil}, {1000, []connect.ClientOption{connect.WithProtoJSON()}}} {
		n := test.n
		r := &reloading{Service: transporttest.NewService(), blocks: make(chan int, n)}
		s := serve(t, r.Service, func(_ *Config, d *Deps) { d.Batch = r })
		stream, err := newMessageClient(t, s.url, test.options...).prediction.StreamFloodRisk(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for i := range n {
				m := valid()
				m.LocationId = proto.String(fmt.Sprint(i))
				if i%100 == 7 {
					m.Latitude = proto.Float64(1e6)
				}
				if err := stream.Send(m); err != nil {
					t.Error(err)
					break
				}
			}
			if err := stream.CloseRequest(); err != nil {
				t.Error(err)
			}
		}()
		for i := range n {
			out, err := stream.Receive()
			if err != nil {
				t.Fatal(err)
			}
			if out.Index != int64(i) {
				t.Fatalf("answer %d has the index %d", i, out.Index)
			}
			if i%100 == 7 {
				if out.GetStatus() != "error" || out.FloodProbability != nil || out.Error.Errors[0].Pointer != "/latitude" {
					t.Fatalf("answer %d: %v", i, out)
				}
			} else if out.GetLocationId() != fmt.Sprint(i) || out.GetModelVersion() != "1.0.1" {
				t.Fatalf("answer %d: %v", i, out)
			}
		}
		if _, err := stream.Receive(); !errors.Is(err, io.EOF) {
			t.Errorf("after the last answer: %v", err)
		}
		_ = stream.CloseResponse()
		asked := 0
		for len(r.blocks) > 0 {
			size := <-r.blocks
			if asked += size; size > blockSize {
				t.Errorf("a block of %d", size)
			}
		}
		if asked != n || r.begun != 1 {
			t.Errorf("%d questions were asked of %d models", asked, r.begun)
		}
	}
}

func TestASingleMessageIsAnsweredAtOnce(t *testing.T) {
	s := serve(t, transporttest.NewService())
	stream, err := newMessageClient(t, s.url, connect.WithGRPC()).prediction.StreamFloodRisk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.CloseResponse()
	for i := range 3 { // each waits for its answer before the next is sent
		if err := stream.Send(valid()); err != nil {
			t.Fatal(err)
		}
		if out, err := stream.Receive(); err != nil || out.Index != int64(i) {
			t.Fatal(out, err)
		}
	}
	if err := stream.CloseRequest(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Receive(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// A client that sends without receiving is stopped by flow control. synctest.Wait returns when nothing
// moves any more: the connection is a pipe, which counts as blocked.
func TestAStreamReadsAheadWithinBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		r := &reloading{Service: transporttest.NewService(), blocks: make(chan int, 1), hold: hold}
		deps := testDeps(r.Service, t)
		deps.Batch = r
		s, err := New(testConfig(), deps)
		if err != nil {
			t.Fatal(err)
		}
		l := pipes(make(chan net.Conn))
		served := make(chan error, 1)
		go func() { served <- s.http.Serve(l) }()
		tr := &http.Transport{Protocols: new(http.Protocols), DialContext: l.dial}
		tr.Protocols.SetUnencryptedHTTP2(true)

		ctx, cancel := context.WithCancel(t.Context())
		c := guardyv1connect.NewPredictionServiceClient(&http.Client{Transport: tr}, "http://pipe")
		stream, err := c.StreamFloodRisk(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var sent atomic.Int64
		go func() {
			m := valid()
			m.LocationName = proto.String(strings.Repeat("x", 200))
			for sent.Load() < 1_000_000 && stream.Send(m) == nil {
				sent.Add(1)
			}
		}()
		synctest.Wait()
		if n := sent.Load(); n < blockSize || n > 20_000 {
			t.Errorf("%d messages were taken", n)
		}
		cancel()
		close(hold)
		_ = stream.CloseResponse()
		tr.CloseIdleConnections()
		_ = s.http.Close()
		<-served
	})
}

// pipes is a listener on connections in memory.
type pipes chan net.Conn

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	server, client := net.Pipe()
	p <- server
	return client, nil
}

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func TestACanceledStreamStops(t *testing.T) {
	hold := make(chan struct{})
	r := &reloading{Service: transporttest.NewService(), blocks: make(chan int, 1), hold: hold}
	s := serve(t, r.Service, func(_ *Config, d *Deps) { d.Batch = r })
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := newMessageClient(t, s.url).prediction.StreamFloodRisk(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(valid()); err != nil {
		t.Fatal(err)
	}
	cancel()
	close(hold)
	if _, err := stream.Receive(); connect.CodeOf(err) != connect.CodeCanceled {
		t.Errorf("%v", err)
	}
	_ = stream.CloseResponse()
	if err := s.Stop(t.Context()); err != nil { // waits for the handler
		t.Error(err)
	}
}

func TestStopEndsStreams(t *testing.T) {
	s := serve(t, transporttest.NewService())
	stream, err := newMessageClient(t, s.url).prediction.StreamFloodRisk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.CloseResponse()
	if err := stream.Send(valid()); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Receive(); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(t.Context()) }()
	_, err = stream.Receive()
	if e, problem := problemOf(t, err); problem.Code != "unavailable" {
		t.Errorf("%v %v", e, problem)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// What cannot be read is an item's error: the frame of the message says where the next one begins.
func TestAStreamGoesOnAfterAMessageThatIsNone(t *testing.T) {
	s := serve(t, transporttest.NewService())
	reply, err := rawClient{httpClient(t, true), s.url}.Call(t.Context(), transporttest.Call{
		Method: "StreamFloodRisk", Lines: [][]byte{[]byte("{"), []byte(`{"latitud": 1}`), []byte(validJSON)},
	})
	if err != nil || len(reply.Lines) != 3 {
		t.Fatal(reply, err)
	}
	for i, want := range []string{`"code":"malformed"`, `"pointer":"/latitud","code":"unknown_field"`, `"status":"ok"`} {
		if !strings.Contains(string(reply.Lines[i]), want) {
			t.Errorf("answer %d is %s, want %s", i, reply.Lines[i], want)
		}
	}
}

func TestAStreamBeforeTheModelsAreLoadedIsRefused(t *testing.T) {
	service := transporttest.NewService()
	service.NotReady = true
	s := serve(t, service)
	stream, err := newMessageClient(t, s.url, connect.WithGRPC()).prediction.StreamFloodRisk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = stream.Receive()
	if e, problem := problemOf(t, err); e.Code() != connect.CodeUnavailable || problem.Code != "unavailable" {
		t.Errorf("%v %v", e, problem)
	}
	_ = stream.CloseResponse()
}

func TestAPanicEndsItsStreamOnly(t *testing.T) {
	s := serve(t, transporttest.NewService())
	c := newMessageClient(t, s.url, connect.WithGRPC())
	stream, err := c.prediction.StreamFloodRisk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := valid()
	m.LocationId = proto.String("panic")
	if err := stream.Send(m); err != nil {
		t.Fatal(err)
	}
	_, err = stream.Receive()
	if e, problem := problemOf(t, err); e.Code() != connect.CodeInternal || problem.Code != "internal" || e.Message() != contractjson.InternalDetail {
		t.Errorf("%v %v", e, problem)
	}
	_ = stream.CloseResponse()
	if _, err := c.prediction.AssessFloodRisk(t.Context(), valid()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
