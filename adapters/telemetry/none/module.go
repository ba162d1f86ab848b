// Package none is telemetry switched off: nothing is recorded, traced or rendered. The figures of
// the JSON operations API do not depend on it.
package none

import (
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/ports"
)

// Module provides a ports.Recorder and a trace.TracerProvider that do nothing, and a nil
// ports.MetricsPage.
func Module() fx.Option {
	return fx.Module("telemetry.none", fx.Provide(
		func() (ports.Recorder, trace.TracerProvider, ports.MetricsPage) {
			return ports.NopRecorder{}, noop.NewTracerProvider(), nil
		},
	))
}
