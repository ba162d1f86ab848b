package connectrpc

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

// huge is a question of 20 MiB; compressed it has about 20 KB.
func huge() *guardyv1.AssessFloodRiskRequest {
	m := valid()
	m.LocationName = proto.String(strings.Repeat("x", 20<<20))
	return m
}

func TestLargeMessagesAreRefused(t *testing.T) {
	s := serve(t, transporttest.NewService())
	for name, options := range protocols {
		_, err := newMessageClient(t, s.url, options...).prediction.AssessFloodRisk(t.Context(), huge())
		e, problem := problemOf(t, err)
		if e.Code() != connect.CodeResourceExhausted || problem.Code != "too_large" {
			t.Errorf("%s: %v %v", name, e, problem)
		}
		if name == "connect" || name == "grpc" {
			stream, err := newMessageClient(t, s.url, options...).prediction.StreamFloodRisk(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_ = stream.Send(huge()) // may fail already when the server has answered
			_ = stream.CloseRequest()
			_, err = stream.Receive()
			if e, problem = problemOf(t, err); e.Code() != connect.CodeResourceExhausted || problem.Code != "too_large" {
				t.Errorf("%s stream: %v %v", name, e, problem)
			}
			_ = stream.CloseResponse()
		}
	}
	if calls := s.service.Calls(); len(calls) != 0 {
		t.Errorf("the use case was asked %d times", len(calls))
	}
}

func TestInflatingStopsAtTheLimit(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	zeros := make([]byte, 1<<20)
	for range 8 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	src := bytes.NewReader(bomb.Bytes())
	r := &inflater{limit: 1 << 18}
	_ = r.Reset(src)
	n, err := io.Copy(io.Discard, r)
	if connect.CodeOf(err) != connect.CodeResourceExhausted || n > 1<<18 {
		t.Errorf("%d bytes, %v", n, err)
	}
	if src.Len() < bomb.Len()/2 {
		t.Errorf("%d of %d bytes were read", bomb.Len()-src.Len(), bomb.Len())
	}
}

func TestBadGzipIsMalformed(t *testing.T) {
	s := serve(t, transporttest.NewService())
	var whole bytes.Buffer
	w := gzip.NewWriter(&whole)
	_, _ = io.WriteString(w, validJSON)
	_ = w.Close()
	for _, body := range []string{"not gzip", whole.String()[:whole.Len()-6]} {
		res, answer := post(t, httpClient(t, false), s.url+assessPath, "application/json", body, "Content-Encoding", "gzip")
		reply, err := rawRefusal([]byte(answer))
		if err != nil || res.StatusCode != http.StatusBadRequest || !strings.Contains(string(reply.Refusal), "malformed") {
			t.Errorf("%s %s %v", res.Status, answer, err)
		}
	}
	if res, _ := post(t, httpClient(t, false), s.url+assessPath, "application/json", whole.String(), "Content-Encoding", "gzip"); res.StatusCode != 200 {
		t.Errorf("good gzip: %s", res.Status)
	}
}

func TestSlowSendersAreCutOff(t *testing.T) {
	short := func(c *Config, _ *Deps) {
		c.ReadHeaderTimeout, c.ReadTimeout, c.StreamIdleTimeout = 50*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
	}
	s := serve(t, transporttest.NewService(), short)
	t.Run("body", func(t *testing.T) {
		for _, http2 := range []bool{false, true} {
			r, w := io.Pipe()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+assessPath, r)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			go func() { _, _ = io.WriteString(w, `{"latitude":`) }() // and no more
			res, err := httpClient(t, http2).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			answer, _ := io.ReadAll(res.Body)
			res.Body.Close()
			w.Close()
			if res.StatusCode != http.StatusGatewayTimeout || !strings.Contains(string(answer), "the request did not arrive in time") {
				t.Errorf("%s %s", res.Status, answer)
			}
		}
	})
	t.Run("header", func(t *testing.T) {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nX-Slow:")
		if _, err := io.ReadAll(c); err != nil { // returns when the server hangs up
			t.Error(err)
		}
	})
	t.Run("stream", func(t *testing.T) {
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
		_, err = stream.Receive()
		if e, problem := problemOf(t, err); problem.Code != "deadline" {
			t.Errorf("%v %v", e, problem)
		}
	})
}

func TestDeadlineOfTheClientHolds(t *testing.T) {
	s := serve(t, transporttest.NewService(), func(_ *Config, d *Deps) { d.Limits.Timeout = time.Hour })
	m := valid()
	m.LocationId = proto.String("slow")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := newMessageClient(t, s.url, connect.WithGRPC()).prediction.AssessFloodRisk(ctx, m); connect.CodeOf(err) != connect.CodeDeadlineExceeded {
		t.Error(err)
	}
}

// gated answers when the test lets it.
type gated struct {
	*transporttest.Service
	entered, leave chan struct{}
}

func (g *gated) Assess(ctx context.Context, r *risk.Request, a *risk.Assessment) error {
	g.entered <- struct{}{}
	<-g.leave
	return g.Service.Assess(ctx, r, a)
}

func TestLoadAboveTheLimitIsShed(t *testing.T) {
	g := &gated{transporttest.NewService(), make(chan struct{}), make(chan struct{})}
	s := serve(t, g.Service, func(c *Config, d *Deps) { c.MaxInFlight, d.Risk, d.Limits.Timeout = 1, g, time.Minute })
	first := make(chan error, 1)
	c := newMessageClient(t, s.url)
	go func() {
		_, err := c.prediction.AssessFloodRisk(t.Context(), valid())
		first <- err
	}()
	<-g.entered
	for name, options := range protocols {
		_, err := newMessageClient(t, s.url, options...).prediction.AssessFloodRisk(t.Context(), valid())
		if e, problem := problemOf(t, err); e.Code() != connect.CodeUnavailable || problem.Code != "unavailable" || !slices.Contains([]string{"1", "2", "3"}, e.Meta().Get("Retry-After")) {
			t.Errorf("%s: %v %v %v", name, e, problem, e.Meta())
		}
	}
	if res, _ := post(t, httpClient(t, false), s.url+"/grpc.health.v1.Health/Check", "application/json", `{}`); res.StatusCode != 200 {
		t.Errorf("the probe was shed: %s", res.Status)
	}
	close(g.leave)
	if err := <-first; err != nil {
		t.Error(err)
	}
	go func() { <-g.entered }()
	if _, err := c.prediction.AssessFloodRisk(t.Context(), valid()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestStopLetsCallsFinish(t *testing.T) {
	g := &gated{transporttest.NewService(), make(chan struct{}), make(chan struct{})}
	s := serve(t, g.Service, func(_ *Config, d *Deps) { d.Risk, d.Limits.Timeout = g, time.Minute })
	c := newMessageClient(t, s.url)
	answered := make(chan error, 1)
	go func() {
		_, err := c.prediction.AssessFloodRisk(t.Context(), valid())
		answered <- err
	}()
	<-g.entered
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(t.Context()) }()
	<-s.draining
	close(g.leave)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if _, err := c.prediction.AssessFloodRisk(t.Context(), valid()); err == nil {
		t.Error("answered after Stop")
	}
}

func TestATakenPortFailsTheStart(t *testing.T) {
	s := serve(t, transporttest.NewService())
	cfg := testConfig()
	cfg.Addr = s.Addr()
	second, err := New(cfg, testDeps(transporttest.NewService(), t))
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(t.Context()); err == nil || !strings.Contains(err.Error(), s.Addr()) {
		t.Errorf("%v", err)
	}
	if err := second.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestConfigReportsEveryMistake(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	err := Config{Addr: "nowhere", CORSOrigins: []string{"map.example.org", "https://map.example.org/", "*"}}.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, key := range []string{
		"addr", `cors_origins: "map.example.org"`, `cors_origins: "https://map.example.org/"`, "max_body_bytes", "max_message_bytes",
		"max_connections", "max_in_flight", "max_streams", "read_header_timeout", "read_timeout", "write_timeout", "idle_timeout", "stream_idle_timeout",
	} {
		if !strings.Contains(err.Error(), key) {
			t.Errorf("%s is not reported in:\n%v", key, err)
		}
	}
	if _, err := New(testConfig(), Deps{}); err == nil {
		t.Error("a server without dependencies was made")
	}
}
