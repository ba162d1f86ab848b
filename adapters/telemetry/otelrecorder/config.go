package otelrecorder

import (
	"errors"
	"fmt"
	"time"
)

// Config configures OpenTelemetry. Where traces and metrics are sent is not set here but by the
// standard environment: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER,
// OTEL_TRACES_SAMPLER, OTEL_RESOURCE_ATTRIBUTES and their like. With none of them set, nothing is
// sent anywhere and no spans are made; the Prometheus page of the admin listener is there in any case,
// and log lines name the trace of a caller that sent one.
type Config struct {
	// ServiceName names this service in traces and metrics. Default "guardy". Change it when several
	// installations report to one collector. OTEL_SERVICE_NAME wins over it.
	ServiceName string `koanf:"service_name"`
	// SampleRatio is the fraction (0 to 1) of traces that are recorded when a request brings no
	// sampling decision of its own. Default 1. Lower it where more than some hundred requests a second
	// are traced; what the exporter cannot keep up with is dropped. OTEL_TRACES_SAMPLER wins over it.
	SampleRatio float64 `koanf:"sample_ratio"`
	// RuntimeMetrics adds the Go runtime's and the process's own metrics. Default true. Turn it off
	// when an agent on the host reports them already.
	RuntimeMetrics bool `koanf:"runtime_metrics"`
	// FlushTimeout bounds how long a stop waits for the collector to take what is still queued.
	// Default 3s. Keep it below the program's stop timeout.
	FlushTimeout time.Duration `koanf:"flush_timeout"`
}

// DefaultConfig returns the documented defaults.
func DefaultConfig() Config {
	return Config{ServiceName: "guardy", SampleRatio: 1, RuntimeMetrics: true, FlushTimeout: 3 * time.Second}
}

// Validate reports every problem.
func (c Config) Validate() error {
	var errs []error
	if c.ServiceName == "" {
		errs = append(errs, errors.New("service_name must not be empty"))
	}
	if !(c.SampleRatio >= 0 && c.SampleRatio <= 1) {
		errs = append(errs, fmt.Errorf("sample_ratio must be between 0 and 1, not %g", c.SampleRatio))
	}
	if c.FlushTimeout <= 0 {
		errs = append(errs, fmt.Errorf("flush_timeout must be positive, not %v", c.FlushTimeout))
	}
	return errors.Join(errs...)
}
