// Package tracelog joins log lines to traces: a slog.Handler that adds the ids of the span in the
// context, under the names that OpenTelemetry gives them outside its own formats.
package tracelog

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

// Handler adds trace_id and span_id to records whose context holds a span, and passes on every
// record. It works with whichever telemetry is chosen.
type Handler struct {
	next slog.Handler
	// groups and attributes added to the logger after it opened its first group. They are held back,
	// because what Handle adds to a record would otherwise land inside the group.
	held []func(slog.Handler) slog.Handler
}

// New returns a handler in front of next.
func New(next slog.Handler) *Handler { return &Handler{next: next} }

// Enabled implements slog.Handler.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	next := h.next
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		ids := [2]slog.Attr{slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String())}
		if len(h.held) == 0 {
			r = r.Clone()
			r.AddAttrs(ids[:]...)
		} else {
			next = next.WithAttrs(ids[:])
		}
	}
	for _, add := range h.held {
		next = add(next)
	}
	return next.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(h.held) == 0 {
		return &Handler{next: h.next.WithAttrs(attrs)}
	}
	return h.hold(func(n slog.Handler) slog.Handler { return n.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.hold(func(n slog.Handler) slog.Handler { return n.WithGroup(name) })
}

func (h *Handler) hold(add func(slog.Handler) slog.Handler) *Handler {
	held := make([]func(slog.Handler) slog.Handler, 0, len(h.held)+1)
	return &Handler{next: h.next, held: append(append(held, h.held...), add)}
}
