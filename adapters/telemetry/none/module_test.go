package none_test

import (
	"testing"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/adapters/telemetry/none"
	"github.com/guardy-ai/guardy/ports"
)

func TestModuleProvidesTelemetryThatDoesNothing(t *testing.T) {
	var (
		recorder ports.Recorder
		tracers  trace.TracerProvider
		page     ports.MetricsPage
	)
	app := fx.New(fx.NopLogger, none.Module(), fx.Populate(&recorder, &tracers, &page))
	if err := app.Err(); err != nil {
		t.Fatal(err)
	}
	if recorder != (ports.NopRecorder{}) || page != nil {
		t.Errorf("recorder %T, page %v; want a NopRecorder and no page", recorder, page)
	}
	if _, span := tracers.Tracer("").Start(t.Context(), "x"); span.SpanContext().IsValid() {
		t.Error("a span has an id although telemetry is off")
	}
}
