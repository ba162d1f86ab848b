package fiberhttp

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/guardy-ai/guardy/adapters/transport/internal/requestid"
)

// maxRequestID bounds what is echoed of a caller's request id.
const maxRequestID = 128

// requestID echoes the caller's id when it is a plain token, so that it can go into logs and headers
// as it is; otherwise it makes one.
func requestID(c *fasthttp.RequestCtx, buf *[requestid.Len]byte) []byte {
	id := c.Request.Header.PeekBytes(headerRequestID)
	if !plainToken(id) {
		id = requestid.Append(buf[:0])
	}
	c.Response.Header.SetCanonical(headerRequestID, id)
	return id
}

func plainToken(id []byte) bool {
	if len(id) == 0 || len(id) > maxRequestID {
		return false
	}
	for _, c := range id {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' && c != ':' && c != '/' && c != '+' && c != '=' {
			return false
		}
	}
	return true
}

// headerCarrier reads trace context from fasthttp's headers; the values are copied.
type headerCarrier struct{ h *fasthttp.RequestHeader }

// Get implements propagation.TextMapCarrier.
func (c headerCarrier) Get(key string) string { return string(c.h.Peek(key)) }

// Set implements propagation.TextMapCarrier.
func (c headerCarrier) Set(key, value string) { c.h.Set(key, value) }

// Keys implements propagation.TextMapCarrier; TraceContext does not ask.
func (c headerCarrier) Keys() []string { return nil }

var traceContext propagation.TraceContext

// startSpan continues the caller's trace. Without a tracer the context still carries the caller's
// ids, for the log.
func (s *Server) startSpan(ctx context.Context, c *fasthttp.RequestCtx, rt *route) (context.Context, trace.Span) {
	if len(c.Request.Header.Peek("Traceparent")) > 0 {
		ctx = traceContext.Extract(ctx, headerCarrier{&c.Request.Header})
	}
	if !s.traced {
		return ctx, nil
	}
	return s.tracer.Start(ctx, rt.label, trace.WithSpanKind(trace.SpanKindServer), rt.spanAttributes)
}

// statusTexts saves the allocation of a status in decimal.
var statusTexts = func() (t [600]string) {
	for i := range t {
		t[i] = strconv.Itoa(i)
	}
	return t
}()

// observe tells the recorder, the trace and, when it is our fault, the log what became of a request.
func (s *Server) observe(x *exchange, status int, cause error) {
	took := time.Since(x.start)
	failed := status >= http.StatusInternalServerError
	code := statusTexts[min(status, len(statusTexts)-1)]
	s.deps.Recorder.Requested(x.traced, "http", x.route.label, code, failed, took)
	if x.span != nil {
		x.span.SetAttributes(attribute.Int("http.response.status_code", status))
		if failed {
			x.span.SetStatus(codes.Error, "")
			if cause != nil {
				x.span.RecordError(cause)
			}
		}
		x.span.End()
	}
	level := slog.LevelDebug
	if status == http.StatusInternalServerError {
		level = slog.LevelError
	}
	if !s.deps.Logger.Enabled(x.traced, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("route", x.route.label), slog.Int("status", status), slog.Duration("took", took),
		slog.String("request_id", strings.Clone(string(x.requestID))),
	}
	if sc := trace.SpanContextFromContext(x.traced); sc.HasTraceID() {
		attrs = append(attrs, slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
	}
	if cause != nil {
		attrs = append(attrs, slog.Any("error", cause))
	}
	s.deps.Logger.LogAttrs(x.traced, level, "request", attrs...)
}
