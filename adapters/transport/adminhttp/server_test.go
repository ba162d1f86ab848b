package adminhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"runtime/trace"
	"strings"
	"testing"
	"time"

	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"
	"go.uber.org/goleak"

	"github.com/guardy-ai/guardy/adapters/access"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var started = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type fakeStats struct{ ports.NopRecorder }

func (fakeStats) Model(domain.ModelName) ports.ModelStats { return ports.ModelStats{} }
func (fakeStats) Reset()                                  {}
func (fakeStats) Process() ports.ProcessStats {
	return ports.ProcessStats{StartedAt: started, ResidentBytes: 40 << 20, HeapBytes: 9 << 20, CPUSeconds: 1.5, CPUs: 2, Goroutines: 12, GoVersion: "go1.26"}
}

func (fakeStats) Requests() ports.RequestStats {
	return ports.RequestStats{
		Since: started, Total: 10, Failed: 1, PerSecond: math.Inf(1), Mean: 2 * time.Millisecond, P99: 5 * time.Millisecond,
		ByRoute: map[string]uint64{"POST /api/v1/predict/flood-risk": 10}, ByCode: map[string]uint64{"200": 9, "422": 1},
	}
}

type fakeModels struct{ ports.ModelCatalog }

func (fakeModels) List(context.Context) []ports.ModelStatus {
	return []ports.ModelStatus{{
		Ref: domain.ModelRef{Name: domain.RiskScorer, Version: "1.0.0", Digest: "sha256:00"}, Loaded: true, Source: "embedded",
		Stats: ports.ModelStats{
			Predictions: 9, Computed: 3, ByLevel: domain.LevelCounts{domain.LevelHigh: 2},
			Mean: 3 * time.Microsecond, CacheHits: 6, CacheMisses: 3,
		},
	}}
}

type fakeCache struct{ ports.AnswerCache }

func (fakeCache) Tiers(context.Context) []ports.CacheTier {
	return []ports.CacheTier{{Name: "redis", Entries: -1, Bytes: -1, State: "open", LatencyMean: math.NaN()}}
}

type fakeHealth struct{ ready bool }

func (h fakeHealth) Draining() bool { return false }

func (h fakeHealth) Health(context.Context) ports.Health {
	return ports.Health{Ready: h.ready, Version: "1.2.3", Checks: []ports.HealthCheck{
		{Name: "models", OK: h.ready, Required: true, Detail: "risk_scorer 1.0.0"}, {Name: "cache", Detail: "the breaker is open"},
	}}
}

type fakePage struct{ err error }

func (p fakePage) WriteMetrics(w io.Writer) (string, error) {
	if p.err != nil {
		return "", p.err
	}
	_, err := io.WriteString(w, "guardy_assessments_total 1\n")
	return "text/plain; version=0.0.4", err
}

// guard returns a gatekeeper without shared quotas.
func guard(cfg access.Config) ports.Gatekeeper {
	g, err := access.New(cfg, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		panic(err)
	}
	return g
}

func deps() Deps {
	return Deps{
		Access: guard(access.Config{}),
		Stats:  fakeStats{}, Models: fakeModels{}, Health: fakeHealth{ready: true}, Metrics: fakePage{}, Cache: fakeCache{},
		Clock: func() time.Time { return started.Add(time.Minute) },
	}
}

func loopback() Config {
	cfg := DefaultConfig()
	cfg.Addr = "127.0.0.1:0"
	return cfg
}

// serve starts a server that is stopped with the test.
func serve(t *testing.T, cfg Config, d Deps) *Server {
	t.Helper()
	s, err := New(cfg, d)
	if err != nil {
		t.Fatal(err)
	}
	start(t, s)
	return s
}

func start(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends one request on a connection of its own.
func ask(t *testing.T, s *Server, method, path, host string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Addr()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	if host != "" {
		r.Host = host
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func TestEveryPageIsServedAndKeptOutOfCaches(t *testing.T) {
	s := serve(t, loopback(), deps())
	for path, contentType := range map[string]string{
		"/":                              "text/html; charset=utf-8",
		"/live.js":                       "text/javascript; charset=utf-8",
		"/live.css":                      "text/css; charset=utf-8",
		"/runtime":                       "application/json",
		"/top?seconds=1":                 "application/json",
		"/metrics":                       "text/plain; version=0.0.4",
		"/readyz":                        "application/json",
		"/debug/pprof/":                  "text/html; charset=utf-8",
		"/debug/pprof/heap":              "application/octet-stream",
		"/debug/pprof/goroutine?debug=1": "text/plain; charset=utf-8",
		"/debug/pprof/cmdline":           "text/plain; charset=utf-8",
	} {
		a := ask(t, s, http.MethodGet, path, "")
		if a.status != http.StatusOK || a.header.Get("Content-Type") != contentType || a.body == "" {
			t.Errorf("%s: status %d, type %q, %d bytes", path, a.status, a.header.Get("Content-Type"), len(a.body))
		}
		if a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be cached", path)
		}
	}
}

func TestErrorsAreProblems(t *testing.T) {
	broken, off, down := deps(), deps(), deps()
	broken.Metrics = fakePage{errors.New("secret detail")}
	off.Metrics = nil
	down.Health = fakeHealth{}
	for name, c := range map[string]struct {
		deps               Deps
		method, path, host string
		status             int
		code               string
	}{
		"unknown page":         {deps(), "GET", "/nothing", "", 404, "not_found"},
		"no such parameter":    {deps(), "GET", "/top?sort=flat", "", 422, "invalid"},
		"writing method":       {deps(), "POST", "/runtime", "", 405, "method_not_allowed"},
		"a name from outside":  {deps(), "GET", "/runtime", "evil.example:9464", 403, "forbidden"},
		"an address elsewhere": {deps(), "GET", "/", "192.0.2.1", 403, "forbidden"},
		"telemetry is off":     {off, "GET", "/metrics", "", 404, "not_found"},
		"metrics fail":         {broken, "GET", "/metrics", "", 500, "internal"},
	} {
		t.Run(name, func(t *testing.T) {
			a := ask(t, serve(t, loopback(), c.deps), c.method, c.path, c.host)
			var p struct {
				Status int
				Code   string
				Detail string
			}
			if err := json.Unmarshal([]byte(a.body), &p); err != nil {
				t.Fatalf("%v in %q", err, a.body)
			}
			if a.status != c.status || p.Status != c.status || p.Code != c.code || a.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("status %d, type %q, problem %+v; want %d %s", a.status, a.header.Get("Content-Type"), p, c.status, c.code)
			}
			if strings.Contains(a.body, "secret") {
				t.Errorf("an internal error reached the client: %s", a.body)
			}
		})
	}
}

func TestLocalNamesAreKnown(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:9464": true, "127.0.0.1:9464": true, "127.8.8.8": true, "[::1]:9464": true, "[::1]": true,
		"": false, "example.org": false, "localhost.example.org": false, "10.0.0.1:9464": false, "127.0.0.1.example.org": false,
	} {
		if got := localHost(host); got != want {
			t.Errorf("localHost(%q) = %v, want %v", host, got, want)
		}
	}
}

func TestReadinessTellsEveryCheck(t *testing.T) {
	d := deps()
	d.Health = fakeHealth{ready: false}
	a := ask(t, serve(t, loopback(), d), http.MethodGet, "/readyz", "")
	var v readyView
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatal(err)
	}
	if a.status != http.StatusServiceUnavailable || v.Ready || len(v.Checks) != 2 || v.Checks[1].Detail != "the breaker is open" {
		t.Errorf("status %d, %+v", a.status, v)
	}
}

func TestRuntimeShowsAllFigures(t *testing.T) {
	a := ask(t, serve(t, loopback(), deps()), http.MethodGet, "/runtime", "")
	var v runtimeView
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatal(err)
	}
	if v.Process.UptimeSeconds != 60 || v.Process.ResidentBytes != 40<<20 || v.Go.HeapGoalBytes == 0 || v.Go.Goroutines != 12 {
		t.Errorf("process %+v, go %+v", v.Process, v.Go)
	}
	if v.Requests.Total != 10 || v.Requests.PerSecond != 0 || v.Requests.P99 != 0.005 || v.Requests.ByCode["422"] != 1 {
		t.Errorf("requests %+v", v.Requests)
	}
	if len(v.Models) != 1 || v.Models[0].ByLevel["high"] != 2 || v.Models[0].HitRate != 2.0/3 {
		t.Errorf("models %+v", v.Models)
	}
	if len(v.Cache) != 1 || v.Cache[0].State != "open" || v.Cache[0].LatencyMean != 0 {
		t.Errorf("cache %+v", v.Cache)
	}
}

func TestTheMemoryLimitIsShownWhereThereIsOne(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	for set, want := range map[int64]uint64{math.MaxInt64: 0, 1 << 40: 1 << 40} {
		debug.SetMemoryLimit(set)
		if v := readGo(ports.ProcessStats{}); v.MemoryLimitBytes != want || v.MemoryBytes == 0 {
			t.Errorf("%d bytes held, limit %d; want %d", v.MemoryBytes, v.MemoryLimitBytes, want)
		}
	}
}

func TestTheLiveViewLoadsNothingFromElsewhere(t *testing.T) {
	foreign := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9]|@import|url\(`)
	err := fs.WalkDir(live, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := live.ReadFile(path)
		for i, line := range strings.Split(string(content), "\n") {
			line = strings.ReplaceAll(line, "http://www.w3.org/2000/svg", "") // a name, never fetched
			if foreign.MatchString(line) {
				t.Errorf("%s:%d: %s", path, i+1, line)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	a := ask(t, serve(t, loopback(), deps()), http.MethodGet, "/", "")
	if p := a.header.Get("Content-Security-Policy"); !strings.HasPrefix(p, "default-src 'none'") {
		t.Errorf("the page's policy is %q", p)
	}
}

func TestStopEndsAProfileUnderWay(t *testing.T) {
	s := serve(t, loopback(), deps())
	done := make(chan error, 1)
	go func() {
		resp, err := http.Get("http://" + s.Addr() + "/debug/pprof/trace?seconds=60")
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		done <- err
	}()
	for !trace.IsEnabled() {
		runtime.Gosched()
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
	if err := <-done; err != nil {
		t.Errorf("the trace was cut: %v", err)
	}
}

func TestATakenPortFailsTheStart(t *testing.T) {
	s := serve(t, loopback(), deps())
	cfg := loopback()
	cfg.Addr = s.Addr()
	second, err := New(cfg, deps())
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(t.Context()); err == nil {
		t.Error("two servers on one port")
	}
	if err := second.Stop(t.Context()); err != nil {
		t.Errorf("stop of a server that never started: %v", err)
	}
}

func TestServingThatEndsByItselfIsReported(t *testing.T) {
	failed := make(chan error, 1)
	d := deps()
	d.Failed = func(err error) { failed <- err }
	s := serve(t, loopback(), d)
	_ = s.http.Close()
	if err := <-failed; err == nil {
		t.Error("no reason was given")
	}
}

func TestAListenerBeyondLoopbackIsWarnedAbout(t *testing.T) {
	for addr, want := range map[string]bool{"127.0.0.1:0": false, "0.0.0.0:0": true} {
		var log bytes.Buffer
		d := deps()
		d.Logger = slog.New(slog.NewTextHandler(&log, nil))
		cfg := loopback()
		cfg.Addr = addr
		s, err := New(cfg, d)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if got := strings.Contains(log.String(), "level=WARN"); got != want {
			t.Errorf("%s: warned %v, want %v; log: %s", addr, got, want, &log)
		}
	}
}

func TestWithoutAnAddressThereIsNoListener(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Addr = ""
	if s := serve(t, cfg, deps()); s.Addr() != "" {
		t.Errorf("listening on %s", s.Addr())
	}
}

func TestConfigRefusesAnAddressThatCannotBe(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	for _, addr := range []string{"9464", "localhost:port", "localhost:70000"} {
		if err := (Config{Addr: addr}).Validate(); err == nil || !strings.Contains(err.Error(), "addr") {
			t.Errorf("%s: %v", addr, err)
		}
	}
	if _, err := New(DefaultConfig(), Deps{}); err == nil {
		t.Error("a server without ports was made")
	}
}

func TestQuantileIsTheUpperEndOfItsBucket(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		counts []uint64
		want   float64
	}{
		{[]uint64{0, 0, 0}, 0}, {[]uint64{99, 1, 0}, 1}, {[]uint64{90, 10, 0}, 2}, {[]uint64{0, 0, 5}, 2},
	} {
		h := &metrics.Float64Histogram{Counts: c.counts, Buckets: []float64{0, 1, 2, inf}}
		if got := quantile(h, 0.99); got != c.want {
			t.Errorf("%v: %v, want %v", c.counts, got, c.want)
		}
	}
}

func TestModuleServesForTheLifeOfTheApplication(t *testing.T) {
	var log bytes.Buffer
	app := fxtest.New(t, fx.NopLogger, Module(loopback()), fx.Provide(
		func() ports.Statistics { return fakeStats{} },
		func() ports.ModelCatalog { return fakeModels{} },
		func() ports.HealthReporter { return fakeHealth{ready: true} },
		func() ports.MetricsPage { return nil },
		func() ports.Gatekeeper { return guard(access.Config{}) },
		func() *slog.Logger { return slog.New(slog.NewTextHandler(&log, nil)) },
	))
	app.RequireStart()
	addr := regexp.MustCompile(`listener=admin addr=(\S+)`).FindStringSubmatch(log.String())
	if addr == nil {
		t.Fatalf("no listener in the log: %s", &log)
	}
	resp, err := http.Get(fmt.Sprintf("http://%s/readyz", addr[1]))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", resp, err)
	}
	resp.Body.Close()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	app.RequireStop()
}

func TestAKeyIsAskedForOutsideLoopback(t *testing.T) {
	var log strings.Builder
	g, err := access.New(access.Config{AdminKeys: []string{"ops-key"}}, nil, slog.New(slog.NewJSONHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{deps: Deps{Access: g}}
	h := s.guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	ask := func(path, remote, key string) int {
		r := httptest.NewRequest(http.MethodGet, "http://10.0.0.5:9464"+path, nil)
		r.RemoteAddr = remote
		if key != "" {
			r.Header.Set("Authorization", "Bearer "+key)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	for _, tt := range []struct {
		path, key string
		status    int
	}{
		{"/metrics", "", 401}, {"/metrics", "wrong", 403}, {"/metrics", "ops-key", 200}, {"/debug/pprof/heap", "", 401}, {"/debug/pprof/heap", "ops-key", 200},
	} {
		if got := ask(tt.path, "10.0.0.9:1234", tt.key); got != tt.status {
			t.Errorf("%s with %q: %d, want %d", tt.path, tt.key, got, tt.status)
		}
	}
	if n := strings.Count(log.String(), `"outcome":"refused"`); n != 3 {
		t.Errorf("%d refusals are written down: %s", n, log.String())
	}
	s.deps.Access = guard(access.Config{})
	for path, status := range map[string]int{"/metrics": 200, "/readyz": 200, "/debug/pprof/heap": 403, "/runtime": 403} {
		if got := ask(path, "10.0.0.9:1234", ""); got != status {
			t.Errorf("without keys %s: %d, want %d", path, got, status)
		}
	}
	s.local = true
	r := httptest.NewRequest(http.MethodGet, "http://localhost:9464/metrics", nil)
	r.Header.Set("X-Forwarded-For", "203.0.113.7")
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != 403 {
		t.Errorf("through a proxy: %d", w.Code)
	}
}
