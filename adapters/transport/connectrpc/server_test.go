package connectrpc

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"github.com/guardy-ai/guardy/adapters/access"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/recordertest"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testServer is a running server over the suite's service.
type testServer struct {
	*Server
	service  *transporttest.Service
	recorder *recordertest.Fake
	url      string
}

func testDeps(service *transporttest.Service, t testing.TB) Deps {
	return Deps{
		Risk: service, Batch: service, Nowcast: service, Anomaly: service, Evacuation: service, Models: service, Health: service,
		Recorder: &recordertest.Fake{}, Admission: ports.OpenAdmission{}, Tracer: noop.NewTracerProvider(), Logger: slog.New(slog.DiscardHandler),
		Limits: Limits{MaxBatchSize: transporttest.MaxBatchSize, Timeout: transporttest.Timeout},
		Access: guard(access.Config{}),
		Failed: func(err error) { t.Errorf("serving failed: %v", err) },
	}
}

// guard returns a gatekeeper without shared quotas.
func guard(cfg access.Config) ports.Gatekeeper {
	g, err := access.New(cfg, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		panic(err)
	}
	return g
}

func testConfig() Config {
	cfg := DefaultConfig()
	cfg.Addr = "127.0.0.1:0"
	cfg.MaxBodyBytes = transporttest.MaxBodyBytes
	return cfg
}

// serve starts a server that stops with the test; change may adapt it.
func serve(t testing.TB, service *transporttest.Service, change ...func(*Config, *Deps)) *testServer {
	t.Helper()
	cfg, deps := testConfig(), testDeps(service, t)
	for _, f := range change {
		f(&cfg, &deps)
	}
	s, err := New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	recorder, _ := deps.Recorder.(*recordertest.Fake)
	return &testServer{s, service, recorder, "http://" + s.Addr()}
}

// httpClient speaks HTTP/1.1, or HTTP/2 without TLS.
func httpClient(t testing.TB, http2 bool) *http.Client {
	tr := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
	tr.Protocols.SetHTTP1(!http2)
	tr.Protocols.SetUnencryptedHTTP2(http2)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

const (
	assessPath = "/guardy.v1.PredictionService/AssessFloodRisk"
	validJSON  = `{"latitude": 40, "longitude": -105, "rainfall_mm": 50, "temperature": 10, "humidity": 80}`
)

func post(t testing.TB, c *http.Client, url, contentType string, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	return do(t, c, http.MethodPost, url, body, append(headers, "Content-Type", contentType)...)
}

func do(t testing.TB, c *http.Client, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(answer)
}

func TestAnswersPlainPost(t *testing.T) {
	s := serve(t, transporttest.NewService())
	res, answer := post(t, httpClient(t, false), s.url+assessPath, "application/json", validJSON)
	if res.StatusCode != http.StatusOK || !strings.Contains(answer, `"risk_level":"low"`) {
		t.Errorf("%s %s", res.Status, answer)
	}
}

func TestDrainingServerSendsClientsElsewhere(t *testing.T) {
	service := transporttest.NewService()
	s := serve(t, service)
	for _, stopping := range []bool{false, true} {
		service.Stopping = stopping
		res, err := http.Post(s.url+"/guardy.v1.ModelService/ListModels", "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK || res.Close != stopping {
			t.Errorf("stopping %t: %s, connection closes: %t", stopping, res.Status, res.Close)
		}
	}
}
