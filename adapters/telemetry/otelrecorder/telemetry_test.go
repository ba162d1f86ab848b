package otelrecorder

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/recordertest"
)

var riskRef = domain.ModelRef{Name: domain.RiskScorer, Version: "1.0.0", Digest: "sha256:00"}

func TestMain(m *testing.M) {
	for _, kv := range os.Environ() { // the host's own settings must not send the tests' telemetry anywhere
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "OTEL_") {
			os.Unsetenv(name)
		}
	}
	goleak.VerifyTestMain(m)
}

// start returns running telemetry that is shut down with the test, and its log.
func start(tb testing.TB, cfg Config) (*Telemetry, *bytes.Buffer) {
	tb.Helper()
	log := new(bytes.Buffer)
	tel, err := New(tb.Context(), cfg, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { tel.Shutdown(context.Background()) })
	return tel, log
}

// scrape parses the Prometheus page as Prometheus does.
func scrape(tb testing.TB, tel *Telemetry) map[string]*dto.MetricFamily {
	tb.Helper()
	var page bytes.Buffer
	contentType, err := tel.WriteMetrics(&page)
	if err != nil {
		tb.Fatal(err)
	}
	if want := "text/plain; version=0.0.4; charset=utf-8"; !strings.HasPrefix(contentType, want) {
		tb.Fatalf("content type %q, want %q", contentType, want)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(&page)
	if err != nil {
		tb.Fatal(err)
	}
	return families
}

func labels(m *dto.Metric) string {
	var pairs []string
	for _, l := range m.GetLabel() {
		pairs = append(pairs, l.GetName()+"="+l.GetValue())
	}
	slices.Sort(pairs)
	return strings.Join(pairs, " ")
}

// series renders a counter or gauge as value by labels, and a histogram as its number of samples.
func series(f *dto.MetricFamily) map[string]float64 {
	out := make(map[string]float64)
	for _, m := range f.GetMetric() {
		switch {
		case m.Counter != nil:
			out[labels(m)] = m.Counter.GetValue()
		case m.Gauge != nil:
			out[labels(m)] = m.Gauge.GetValue()
		case m.Histogram != nil:
			out[labels(m)] = float64(m.Histogram.GetSampleCount())
		}
	}
	return out
}

func TestRecorderKeepsTheContract(t *testing.T) {
	recordertest.Run(t, func(t *testing.T) recordertest.Subject {
		tel, _ := start(t, DefaultConfig())
		return recordertest.Subject{Recorder: tel.Recorder(), Series: func(t *testing.T) int {
			n := 0
			for _, f := range scrape(t, tel) {
				n += len(f.GetMetric())
			}
			return n
		}}
	})
}

func TestFactsAppearUnderTheDocumentedNames(t *testing.T) {
	tel, _ := start(t, DefaultConfig())
	r, ctx := tel.Recorder(), t.Context()
	r.Predicted(ctx, riskRef, nil, 1, 3*time.Microsecond)
	r.Predicted(ctx, riskRef, nil, 100, 150*time.Microsecond)
	r.Served(ctx, riskRef, &domain.LevelCounts{domain.LevelLow: 90, domain.LevelHigh: 10}, 101)
	r.Failed(ctx, domain.RiskScorer, domain.KindInvalid, 2)
	r.CacheLookup(ctx, domain.RiskScorer, domain.CacheHit, 5, 2*time.Microsecond)
	r.Requested(ctx, "http", "POST /api/v1/predict/flood-risk", "200", false, time.Millisecond)
	r.Requested(ctx, "http", "POST /api/v1/predict/flood-risk", "503", true, time.Millisecond)
	r.Requested(ctx, "connect", "guardy.v1.PredictionService/AssessFloodRisk", "ok", false, time.Millisecond)
	r.Loaded(ctx, riskRef, 30*time.Millisecond, nil)
	r.Loaded(ctx, domain.ModelRef{Name: domain.RiskScorer, Version: "2.0.0"}, time.Millisecond, errors.New("digest differs"))

	families := scrape(t, tel)
	risk := "model=risk_scorer"
	for name, want := range map[string]map[string]float64{
		"guardy_assess_duration_seconds": {
			"call=single " + risk + " model_version=1.0.0": 1,
			"call=batch " + risk + " model_version=1.0.0":  1,
		},
		"guardy_assess_computed_total": {risk + " model_version=1.0.0": 101},
		"guardy_assessments_total": {
			"level=low " + risk + " model_version=1.0.0":     90,
			"level=high " + risk + " model_version=1.0.0":    10,
			"level=unknown " + risk + " model_version=1.0.0": 1,
		},
		"guardy_assess_failures_total":         {"kind=invalid " + risk: 2},
		"guardy_cache_lookups_total":           {risk + " outcome=hit": 5},
		"guardy_cache_lookup_duration_seconds": {risk + " outcome=hit": 1},
		"guardy_model_loads_total":             {risk + " outcome=ok": 1, risk + " outcome=failed": 1},
		"guardy_model_load_duration_seconds":   {risk: 2},
		"guardy_model_info":                    {"digest=sha256:00 " + risk + " model_version=1.0.0": 1},
		"http_server_request_duration_seconds": {
			"http_request_method=POST http_response_status_code=200 http_route=/api/v1/predict/flood-risk url_scheme=http":                1,
			"error_type=503 http_request_method=POST http_response_status_code=503 http_route=/api/v1/predict/flood-risk url_scheme=http": 1,
		},
		"rpc_server_call_duration_seconds": {
			"rpc_method=guardy.v1.PredictionService/AssessFloodRisk rpc_response_status_code=ok rpc_system_name=connectrpc": 1,
		},
	} {
		f, ok := families[name]
		if !ok {
			t.Errorf("%s is missing", name)
			continue
		}
		if d := cmp.Diff(want, series(f)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		if f.GetHelp() == "" {
			t.Errorf("%s has no help", name)
		}
	}
	for _, name := range []string{
		"guardy_build_info", "target_info", "go_goroutine_count", "go_memory_used_bytes",
		"process_resident_memory_bytes", "process_cpu_seconds_total",
	} {
		if _, ok := families[name]; !ok {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestBucketsTellMicrosecondsApartAndEndAtTenSeconds(t *testing.T) {
	tel, _ := start(t, DefaultConfig())
	for _, took := range []time.Duration{900 * time.Nanosecond, 3 * time.Microsecond, 9 * time.Second, time.Minute} {
		tel.Recorder().Predicted(t.Context(), riskRef, nil, 1, took)
	}
	h := scrape(t, tel)["guardy_assess_duration_seconds"].GetMetric()[0].GetHistogram()
	cumulative := make(map[float64]uint64)
	for _, b := range h.GetBucket() {
		cumulative[b.GetUpperBound()] = b.GetCumulativeCount()
	}
	for bound, want := range map[float64]uint64{1e-6: 1, 2e-6: 1, 5e-6: 2, 5: 2, 10: 3, math.Inf(1): 4} {
		if got, ok := cumulative[bound]; !ok || got != want {
			t.Errorf("bucket %g holds %d (%v), want %d", bound, got, ok, want)
		}
	}
	for name, buckets := range map[string][]float64{
		"assess": assessBuckets, "lookup": lookupBuckets, "request": requestBuckets, "load": loadBuckets,
	} {
		if !slices.IsSorted(buckets) {
			t.Errorf("boundaries of %s are not increasing", name)
		}
	}
}

func TestRuntimeMetricsCanBeLeftOut(t *testing.T) {
	cfg := DefaultConfig()
	cfg.RuntimeMetrics = false
	tel, _ := start(t, cfg)
	for name := range scrape(t, tel) {
		if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") {
			t.Errorf("%s is on the page", name)
		}
	}
}

func TestNothingIsSentUnlessTheEnvironmentAsks(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want bool
	}{
		"nothing set":                {nil, false},
		"endpoint":                   {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, true},
		"endpoint of the signal":     {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, true},
		"endpoint of another signal": {map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:4318/v1/metrics"}, false},
		"exporter":                   {map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, true},
		"none wins over an endpoint": {map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			if got := exporting("TRACES"); got != c.want {
				t.Errorf("exporting is %v, want %v", got, c.want)
			}
		})
	}
}

func TestWithoutAnExporterSpansCarryTheCallersIDsOnly(t *testing.T) {
	tel, log := start(t, DefaultConfig())
	if _, ok := tel.TracerProvider().(noop.TracerProvider); !ok {
		t.Error("transports cannot see that spans are not worth making")
	}
	tracer := tel.TracerProvider().Tracer("test")
	_, span := tracer.Start(t.Context(), "root")
	if span.SpanContext().IsValid() || span.IsRecording() {
		t.Errorf("span valid %v, recording %v; want neither", span.SpanContext().IsValid(), span.IsRecording())
	}
	caller := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{7}, SpanID: trace.SpanID{8}, Remote: true})
	_, span = tracer.Start(trace.ContextWithRemoteSpanContext(t.Context(), caller), "child")
	if span.SpanContext().TraceID() != caller.TraceID() {
		t.Error("the caller's trace id is not continued")
	}
	tel.Shutdown(t.Context())
	if log.Len() != 0 {
		t.Errorf("telemetry made noise: %s", log)
	}
}

func TestShutdownSendsWhatIsQueued(t *testing.T) {
	var traces, metrics atomic.Int32
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		switch {
		case err != nil || len(body) == 0:
		case r.URL.Path == "/v1/traces":
			traces.Add(1)
		case r.URL.Path == "/v1/metrics":
			metrics.Add(1)
		}
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	cfg := DefaultConfig()
	cfg.FlushTimeout = time.Minute
	tel, log := start(t, cfg)
	_, span := tel.TracerProvider().Tracer("test").Start(t.Context(), "work")
	span.End()
	tel.Recorder().Served(t.Context(), riskRef, nil, 1)
	tel.Shutdown(t.Context())
	if traces.Load() == 0 || metrics.Load() == 0 {
		t.Errorf("the collector got %d trace and %d metric requests; log: %s", traces.Load(), metrics.Load(), log)
	}
}

func TestACollectorThatHangsDoesNotHoldTheStop(t *testing.T) {
	release := make(chan struct{})
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer collector.Close()
	defer close(release)
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", collector.URL)
	cfg := DefaultConfig()
	cfg.FlushTimeout = 20 * time.Millisecond
	tel, log := start(t, cfg)
	_, span := tel.TracerProvider().Tracer("test").Start(t.Context(), "work")
	span.End()
	tel.Shutdown(t.Context())
	if !strings.Contains(log.String(), "telemetry was not delivered") {
		t.Errorf("the loss is not in the log: %q", log)
	}
}

func TestBadOTELVariablesOnlyWarn(t *testing.T) {
	for name, value := range map[string]string{
		"OTEL_TRACES_EXPORTER": "pigeon", "OTEL_METRICS_EXPORTER": "pigeon", "OTEL_RESOURCE_ATTRIBUTES": "a=b,bad",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			var log strings.Builder
			tel, err := New(t.Context(), DefaultConfig(), slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			defer tel.Shutdown(t.Context())
			if strings.Count(log.String(), "level=WARN") != 1 {
				t.Errorf("not one warning: %q", log.String())
			}
			if _, err := tel.WriteMetrics(io.Discard); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAPrometheusExporterInTheEnvironmentOpensNoSecondListener(t *testing.T) {
	t.Setenv("OTEL_METRICS_EXPORTER", "prometheus")
	t.Setenv("OTEL_EXPORTER_PROMETHEUS_PORT", "not a port") // a listener would fail on it
	start(t, DefaultConfig())
}

func TestConfigReportsEveryProblem(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	err := Config{SampleRatio: math.NaN(), FlushTimeout: -1}.Validate()
	for _, key := range []string{"service_name", "sample_ratio", "flush_timeout"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s is not reported: %v", key, err)
		}
	}
}

func TestRecordingDoesNotAllocate(t *testing.T) {
	tel, _ := start(t, DefaultConfig())
	for name, fact := range facts(t.Context(), tel.Recorder()) {
		if n := testing.AllocsPerRun(1000, fact); n > 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func TestModuleProvidesTheTelemetryPorts(t *testing.T) {
	var (
		recorder ports.Recorder
		tracers  trace.TracerProvider
		page     ports.MetricsPage
	)
	app := fxtest.New(t, fx.NopLogger, fx.Supply(slog.New(slog.DiscardHandler)), Module(DefaultConfig()),
		fx.Populate(&recorder, &tracers, &page))
	app.RequireStart()
	recorder.Served(t.Context(), riskRef, nil, 1)
	var text strings.Builder
	if _, err := page.WriteMetrics(&text); err != nil || !strings.Contains(text.String(), "guardy_assessments_total{") {
		t.Errorf("the recorder does not feed the page: %v", err)
	}
	app.RequireStop()
}

// facts are the facts of a cached answer's request and of a computed one's.
func facts(ctx context.Context, r ports.Recorder) map[string]func() {
	levels := &domain.LevelCounts{domain.LevelLow: 1}
	return map[string]func(){
		"Predicted":   func() { r.Predicted(ctx, riskRef, levels, 1, 3*time.Microsecond) },
		"Served":      func() { r.Served(ctx, riskRef, levels, 1) },
		"CacheLookup": func() { r.CacheLookup(ctx, domain.RiskScorer, domain.CacheHit, 1, time.Microsecond) },
		"Requested": func() {
			r.Requested(ctx, "http", "POST /api/v1/predict/flood-risk", "200", false, time.Millisecond)
		},
	}
}

func BenchmarkRecord(b *testing.B) {
	for _, name := range []string{"Predicted", "Served", "CacheLookup", "Requested"} {
		b.Run(name, func(b *testing.B) {
			tel, _ := start(b, DefaultConfig())
			fact := facts(b.Context(), tel.Recorder())[name]
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					fact()
				}
			})
		})
	}
}

func BenchmarkWriteMetrics(b *testing.B) {
	tel, _ := start(b, DefaultConfig())
	for _, fact := range facts(b.Context(), tel.Recorder()) {
		fact()
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tel.WriteMetrics(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

// TestThePageIsTheSameWhereMetricsAreExported compares the histograms of the SDK with our own.
func TestThePageIsTheSameWhereMetricsAreExported(t *testing.T) {
	page := func(t *testing.T) map[string]*dto.MetricFamily {
		tel, _ := start(t, DefaultConfig())
		r, ctx := tel.Recorder(), t.Context()
		for i, took := range []time.Duration{-1, 0, 1, 999, 1000, 1001, 5 * time.Millisecond, 10 * time.Second, time.Hour} {
			r.Predicted(ctx, riskRef, nil, 1+i%2, took)
			r.CacheLookup(ctx, domain.RiskScorer, domain.CacheOutcome(i%2), 1, took)
			r.Requested(ctx, "http", "POST /api/v1/predict/flood-risk", "200", false, took)
			r.Requested(ctx, "http", "POST /api/v1/predict/flood-risk", "503", true, took)
			r.Requested(ctx, "connect", "guardy.v1.PredictionService/AssessFloodRisk", "ok", false, took)
			r.Loaded(ctx, riskRef, took, nil)
		}
		families := scrape(t, tel)
		for name, f := range families {
			if f.GetType() != dto.MetricType_HISTOGRAM || strings.HasPrefix(name, "go_") {
				delete(families, name)
				continue
			}
			slices.SortFunc(f.Metric, func(a, b *dto.Metric) int { return strings.Compare(labels(a), labels(b)) })
		}
		return families
	}
	own := page(t)
	if len(own) != 5 {
		t.Fatalf("%d histograms", len(own))
	}
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", collector.URL)
	if d := cmp.Diff(page(t), own, protocmp.Transform(), cmpopts.EquateApprox(1e-12, 0)); d != "" {
		t.Errorf("SDK's and own (-SDK +own):\n%s", d)
	}
}

func TestConcurrentFactsAreAllCounted(t *testing.T) {
	tel, _ := start(t, DefaultConfig())
	var wg sync.WaitGroup
	const each = 1000
	for range 4 {
		wg.Go(func() {
			for range each {
				tel.Recorder().Requested(t.Context(), "http", "GET /livez", "200", false, time.Millisecond)
			}
		})
	}
	for range 10 { // what is read meanwhile is not checked, but must not race
		scrape(t, tel)
	}
	wg.Wait()
	h := scrape(t, tel)["http_server_request_duration_seconds"].GetMetric()[0].GetHistogram()
	if h.GetSampleCount() != 4*each || math.Abs(h.GetSampleSum()-4) > 1e-9 {
		t.Errorf("%d samples, sum %v", h.GetSampleCount(), h.GetSampleSum())
	}
}
