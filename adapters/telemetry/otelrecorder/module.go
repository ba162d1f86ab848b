package otelrecorder

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/ports"
)

// Module provides ports.Recorder, trace.TracerProvider and ports.MetricsPage. It needs a *slog.Logger.
func Module(cfg Config) fx.Option {
	return fx.Module("telemetry.otel", fx.Provide(
		func(lc fx.Lifecycle, logger *slog.Logger) (*Telemetry, error) {
			t, err := New(context.Background(), cfg, logger)
			if err != nil {
				return nil, err
			}
			lc.Append(fx.StopHook(t.Shutdown))
			return t, nil
		},
		func(t *Telemetry) (ports.Recorder, trace.TracerProvider, ports.MetricsPage) {
			return t.Recorder(), t.TracerProvider(), t
		},
	))
}
