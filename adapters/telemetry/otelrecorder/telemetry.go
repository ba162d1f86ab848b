// Package otelrecorder turns facts into OpenTelemetry metrics, provides the tracer, and renders the
// metrics as a Prometheus page.
//
// It registers nothing globally except the error handler of the SDK, which has no other way to say
// that a collector is out of reach. Attributes come from closed sets: places, clients and raw paths
// belong to traces and logs.
package otelrecorder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	goruntime "go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/guardy-ai/guardy/ports"
)

// scope names the instruments' and spans' origin.
const scope = "github.com/guardy-ai/guardy"

// Telemetry holds the providers. It implements ports.MetricsPage.
type Telemetry struct {
	cfg      Config
	logger   *slog.Logger
	registry *prometheus.Registry
	metrics  *sdkmetric.MeterProvider
	traces   *sdktrace.TracerProvider // nil without an exporter
	recorder *Recorder
}

var _ ports.MetricsPage = (*Telemetry)(nil)

// New starts the providers. Exporters connect in the background: a collector that is down neither
// fails nor delays the start.
func New(ctx context.Context, cfg Config, logger *slog.Logger) (_ *Telemetry, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("telemetry configuration: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		if !errors.Is(err, resource.ErrPartialResource) { // newResource says it once; the SDK would for each provider
			logger.Warn("telemetry", "error", err)
		}
	}))
	otel.SetLogger(logr.FromSlogHandler(logger.Handler())) // else the SDK writes lines of another form

	res := newResource(ctx, cfg, logger)
	t := &Telemetry{cfg: cfg, logger: logger, registry: prometheus.NewRegistry()}
	defer func() {
		if err != nil {
			t.Shutdown(ctx)
		}
	}()
	if exporting("TRACES") {
		var refused error // telemetry never keeps the service down
		if t.traces, refused = newTracerProvider(ctx, res, cfg.SampleRatio); refused != nil {
			t.traces = nil
			logger.Warn("traces are not exported: the OTEL_ variables name no exporter that is known", "error", refused)
		}
	}
	own := &paged{started: time.Now()}
	exporter := t.metricExporter(ctx)
	if t.metrics, err = t.newMeterProvider(res, own, exporter); err != nil {
		return nil, fmt.Errorf("metrics page: %w", err)
	}
	meter := t.metrics.Meter(scope)
	var histograms durations = own
	if exporter != nil {
		histograms = &exported{meter: meter}
	}
	if t.recorder, err = newRecorder(meter, histograms); err != nil {
		return nil, fmt.Errorf("instruments: %w", err)
	}
	if err = describeBuild(meter); err != nil {
		return nil, fmt.Errorf("instruments: %w", err)
	}
	if cfg.RuntimeMetrics {
		if err = goruntime.Start(goruntime.WithMeterProvider(t.metrics)); err != nil {
			return nil, fmt.Errorf("runtime metrics: %w", err)
		}
		t.registry.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	return t, nil
}

// Recorder returns the recorder that feeds the metrics.
func (t *Telemetry) Recorder() ports.Recorder { return t.recorder }

// TracerProvider returns the provider of tracers. Without an exporter it is the one of the package noop, whose
// spans carry the caller's ids if it sent some and none otherwise: to make spans that nobody will see costs
// more than to compute most answers.
func (t *Telemetry) TracerProvider() trace.TracerProvider {
	if t.traces == nil {
		return noop.NewTracerProvider()
	}
	return t.traces
}

// WriteMetrics implements ports.MetricsPage.
func (t *Telemetry) WriteMetrics(w io.Writer) (string, error) {
	families, err := t.registry.Gather()
	if err != nil {
		return "", fmt.Errorf("gather metrics: %w", err)
	}
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	var page bytes.Buffer // the encoder writes many short pieces
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&page, f); err != nil {
			return "", fmt.Errorf("encode metric %s: %w", f.GetName(), err)
		}
	}
	if _, err := page.WriteTo(w); err != nil {
		return "", err
	}
	return string(format), nil
}

// Shutdown sends what is queued, for at most the configured time. Telemetry that a collector did
// not take is logged and given up: it must not turn a clean stop into a failed one.
func (t *Telemetry) Shutdown(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, t.cfg.FlushTimeout)
	defer cancel()
	var errs []error
	if t.traces != nil {
		errs = append(errs, t.traces.Shutdown(ctx))
	}
	if t.metrics != nil {
		errs = append(errs, t.metrics.Shutdown(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		t.logger.Warn("telemetry was not delivered", "error", err)
	}
}

// newResource describes the service. What OTEL_RESOURCE_ATTRIBUTES has that cannot be read is left out.
func newResource(ctx context.Context, cfg Config, logger *slog.Logger) *resource.Resource {
	res, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(semconv.ServiceName(cfg.ServiceName), semconv.ServiceVersion(build().version)),
		resource.WithFromEnv(),
	)
	if err != nil {
		logger.Warn("OTEL_RESOURCE_ATTRIBUTES is not of the form key=value,key=value; what cannot be read is left out", "error", err)
	}
	return res
}

func newTracerProvider(ctx context.Context, res *resource.Resource, sampled float64) (*sdktrace.TracerProvider, error) {
	exporter, err := autoexport.NewSpanExporter(ctx)
	if err != nil {
		return nil, err
	}
	opts := []sdktrace.TracerProviderOption{sdktrace.WithResource(res), sdktrace.WithBatcher(exporter)}
	if os.Getenv("OTEL_TRACES_SAMPLER") == "" { // the SDK reads it, an option would win over it
		opts = append(opts, sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(sampled))))
	}
	return sdktrace.NewTracerProvider(opts...), nil
}

// prometheusExporter means a page to scrape, which is there already; autoexport would open a listener of its
// own for it.
const prometheusExporter = "prometheus"

// metricExporter returns the reader that sends metrics as the OTEL_ variables say, nil where they ask for none or
// cannot be followed.
func (t *Telemetry) metricExporter(ctx context.Context) sdkmetric.Reader {
	if !exporting("METRICS") || os.Getenv("OTEL_METRICS_EXPORTER") == prometheusExporter {
		return nil
	}
	reader, err := autoexport.NewMetricReader(ctx)
	if err != nil {
		t.logger.Warn("metrics are not exported: the OTEL_ variables name no exporter that is known; "+
			"the page on the admin listener is there", "error", err)
		return nil
	}
	return reader
}

func (t *Telemetry) newMeterProvider(res *resource.Resource, own sdkmetric.Producer, exporter sdkmetric.Reader) (*sdkmetric.MeterProvider, error) {
	page, err := otelprom.New(
		otelprom.WithRegisterer(t.registry),
		otelprom.WithProducer(own),
		otelprom.WithTranslationStrategy(otlptranslator.UnderscoreEscapingWithSuffixes),
		otelprom.WithoutScopeInfo(),
	)
	if err != nil {
		return nil, err
	}
	opts := []sdkmetric.Option{sdkmetric.WithResource(res), sdkmetric.WithReader(page)}
	if exporter != nil {
		opts = append(opts, sdkmetric.WithReader(exporter))
	}
	return sdkmetric.NewMeterProvider(opts...), nil
}

// exporting tells whether the environment asks to send a signal. The standard's own default, OTLP to
// localhost, would have every installation without a collector knock on a closed port forever.
func exporting(signal string) bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	switch os.Getenv("OTEL_" + signal + "_EXPORTER") {
	case "none":
		return false
	case "":
		return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") != ""
	}
	return true
}

// buildInfo is what the binary knows about itself.
type buildInfo struct{ version, revision string }

func build() buildInfo {
	b := buildInfo{version: "unknown", revision: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.revision = s.Value
		}
	}
	return b
}

// describeBuild adds the gauge that joins every other metric to a version.
func describeBuild(meter metric.Meter) error {
	b := build()
	attributes := metric.WithAttributes(keyVersion.String(b.version), keyRevision.String(b.revision), keyGoVersion.String(runtime.Version()))
	_, err := meter.Int64ObservableGauge("guardy.build.info",
		metric.WithDescription("Always 1; the attributes describe the running build."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(1, attributes)
			return nil
		}))
	return err
}
