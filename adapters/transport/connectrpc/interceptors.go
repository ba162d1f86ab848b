package connectrpc

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"connectrpc.com/connect"
	"connectrpc.com/otelconnect"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/guardy-ai/guardy/domain"
)

// interceptors returns the chain of every call, outermost first.
// What can be decided without the message is not here: Server.serve records and sheds, adminGate asks
// for the key before a byte of the body is read.
func interceptors(tracer trace.TracerProvider, log *slog.Logger) (connect.HandlerOption, error) {
	if _, off := tracer.(noop.TracerProvider); off { // as without an exporter, the default
		return connect.WithInterceptors(boundary{log}), nil // spares an eighth of the allocations of a call
	}
	// Metrics come from ports.Recorder; the peer's address stays out of the spans.
	telemetry, err := otelconnect.NewInterceptor(
		otelconnect.WithTracerProvider(tracer), otelconnect.WithoutMetrics(),
		otelconnect.WithPropagator(propagation.TraceContext{}), otelconnect.WithTrustRemote(),
	)
	if err != nil {
		return nil, fmt.Errorf("instrument: %w", err)
	}
	return connect.WithInterceptors(telemetry, boundary{log}), nil
}

// boundary turns whatever a handler returns, or panics with, into an error for clients.
type boundary struct{ log *slog.Logger }

// WrapUnary implements connect.Interceptor.
func (b boundary) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (res connect.AnyResponse, err error) {
		defer func() { err = b.outcome(ctx, err, recover()) }()
		return next(ctx, req)
	}
}

// WrapStreamingHandler implements connect.Interceptor.
func (b boundary) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) (err error) {
		defer func() { err = b.outcome(ctx, err, recover()) }()
		return next(ctx, conn)
	}
}

// WrapStreamingClient implements connect.Interceptor.
func (boundary) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (b boundary) outcome(ctx context.Context, err error, panicked any) error {
	c := callOf(ctx)
	switch {
	case panicked == http.ErrAbortHandler: //nolint:errorlint // a recovered value is compared as net/http does: by identity
		panic(panicked)
	case panicked != nil:
		b.log.ErrorContext(ctx, "panic", "route", c.route, "request_id", c.id, "panic", panicked, "stack", string(debug.Stack()))
		return c.refuse(&domain.Error{Kind: domain.KindInternal})
	case err == nil, connect.IsNotModifiedError(err):
		c.code = codeOK
		return err
	case connect.CodeOf(err) == connect.CodeUnimplemented: // health and reflection have optional parts
		c.code = connect.CodeUnimplemented.String()
		return err
	}
	e := domainError(err)
	if e.Kind == domain.KindInternal {
		b.log.ErrorContext(ctx, "internal error", "route", c.route, "request_id", c.id, "error", err)
	}
	return c.refuse(e)
}
