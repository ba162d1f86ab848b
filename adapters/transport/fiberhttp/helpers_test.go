package fiberhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/adapters/access"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/recordertest"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

// stats answers fixed figures.
type stats struct {
	ports.NopRecorder
	resets int
}

func (*stats) Model(domain.ModelName) ports.ModelStats { return ports.ModelStats{} }

func (*stats) Requests() ports.RequestStats {
	return ports.RequestStats{
		Since: transporttest.AssessedAt, Total: 10, Failed: 1, ByRoute: map[string]uint64{"POST /api/v1/predict/flood-risk": 10},
		ByCode: map[string]uint64{"200": 9, "500": 1}, PerSecond: 2.5, Mean: 3 * time.Millisecond, Median: 2 * time.Millisecond,
		P95: 8 * time.Millisecond, P99: 9 * time.Millisecond, Min: time.Millisecond, Max: 10 * time.Millisecond,
	}
}

func (*stats) Process() ports.ProcessStats {
	return ports.ProcessStats{StartedAt: transporttest.AssessedAt, ResidentBytes: 1, HeapBytes: 2, CPUSeconds: 3, Goroutines: 4, CPUs: 2, GoVersion: "go1"}
}

func (s *stats) Reset() { s.resets++ }

// inspectedCache has figures and nothing else.
type inspectedCache struct{ ports.AnswerCache }

func (inspectedCache) Tiers(context.Context) []ports.CacheTier {
	return []ports.CacheTier{
		{Name: "memory", Entries: 5, Bytes: 900, MaxBytes: 1000},
		{Name: "redis", Entries: -1, Bytes: -1, Errors: 3, State: "open", LatencyMean: 0.001, LatencyP95: 0.002},
	}
}

// inspectedStates has figures and nothing else.
type inspectedStates struct{ ports.DeviceStates }

func (inspectedStates) Tiers(context.Context) []ports.CacheTier {
	return []ports.CacheTier{{Name: "memory", Entries: 7, Bytes: 14_000, MaxBytes: 16_000, Evictions: 11}}
}

func testDeps(service *transporttest.Service) Deps {
	return Deps{
		Risk: service, Batch: service, Nowcast: service, Anomaly: service, Evacuation: service, Models: service, Health: service, Stats: new(stats), Recorder: new(recordertest.Fake), Admission: ports.OpenAdmission{},
		Cache: inspectedCache{}, States: inspectedStates{}, Access: guard(access.Config{}),
		Limits: Limits{MaxBatchSize: transporttest.MaxBatchSize, Timeout: transporttest.Timeout},
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
	cfg.Port, cfg.MaxBodyBytes = 0, transporttest.MaxBodyBytes
	return cfg
}

// start serves until the test ends and returns the address.
func start(t testing.TB, cfg Config, d Deps) (*Server, string) {
	t.Helper()
	s, err := New(cfg, d)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error("stop:", err)
		}
	})
	return s, "http://" + s.Addr()
}

// answer is a response that was read to its end.
type answer struct {
	*http.Response
	body []byte
}

func (a answer) problem(t testing.TB) (p struct {
	Type, Title, Detail, Instance, Code string
	Status                              int
	RequestID                           string `json:"request_id"`
	Errors                              []domain.Violation
},
) {
	t.Helper()
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("%d %s: content type %q, want a problem", a.StatusCode, a.body, got)
	}
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatal(err)
	}
	if p.Status != a.StatusCode || p.Title == "" || p.Detail == "" || p.Type == "" || p.RequestID != a.Header.Get("X-Request-Id") {
		t.Errorf("the problem %s does not say what the headers say", a.body)
	}
	return p
}

// do sends a request; header lines are "Name: value".
func do(t testing.TB, method, url string, body io.Reader, header ...string) answer {
	t.Helper()
	a, err := send(t.Context(), t, method, url, body, header...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// send sends a request and holds the answer against the OpenAPI document.
func send(ctx context.Context, t testing.TB, method, url string, body io.Reader, header ...string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return answer{}, err
	}
	for _, h := range header {
		name, value, _ := bytes.Cut([]byte(h), []byte(": "))
		if string(name) == "Host" {
			req.Host = string(value)
		}
		req.Header.Set(string(name), string(value))
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, fmt.Errorf("read the answer: %w", err)
	}
	validateAnswer(t, req, res, data)
	return answer{res, data}, nil
}
