package connectrpc

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"

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
		return c.refuse(&domain.Error{Kind: domain.KindInternal}) //nolint:contextcheck // the call is a context
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
	return c.refuse(e) //nolint:contextcheck // the call is a context
}

// adminGate guards what changes state: by a key once keys are configured, else by being on the same
// machine.
func adminGate(keys []string) connect.HandlerOption {
	// Digests have equal lengths, so that comparing them tells nothing about the keys.
	digests := make([][sha256.Size]byte, len(keys))
	for i, k := range keys {
		digests[i] = sha256.Sum256([]byte(k))
	}
	return connect.WithRequestGate(func(ctx context.Context, _ connect.Spec, peer connect.Peer, h http.Header) (context.Context, error) {
		if refused := admit(digests, peer.Addr, h); refused != nil {
			return nil, callOf(ctx).refuse(refused)
		}
		return ctx, nil
	})
}

func admit(digests [][sha256.Size]byte, addr string, h http.Header) *domain.Error {
	if len(digests) == 0 {
		if local(addr, h) {
			return nil
		}
		return &domain.Error{
			Kind: domain.KindForbidden, Msg: "no admin keys are configured, so this is open to callers on the same machine only",
		}
	}
	key := h.Get("X-Api-Key")
	if scheme, token, ok := strings.Cut(h.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		key = strings.TrimSpace(token)
	}
	if key == "" {
		return &domain.Error{
			Kind: domain.KindUnauthenticated, Msg: "an admin key is required: Authorization: Bearer <key>, or X-API-Key",
		}
	}
	digest, found := sha256.Sum256([]byte(key)), 0
	for i := range digests {
		found |= subtle.ConstantTimeCompare(digest[:], digests[i][:])
	}
	if found == 0 {
		return &domain.Error{Kind: domain.KindForbidden, Msg: "the key does not open this"}
	}
	return nil
}

// local reports whether the caller sits on this machine. A proxy or a browser does, too, but acts for
// somebody who need not: what they add to a request gives them away.
func local(addr string, h http.Header) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via", "Origin"} {
		if h.Get(name) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(addr)
	return err == nil && net.ParseIP(host).IsLoopback()
}
