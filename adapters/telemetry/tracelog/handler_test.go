package tracelog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"testing/slogtest"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"

	"github.com/guardy-ai/guardy/adapters/telemetry/tracelog"
)

// newLogger writes JSON without time and level.
func newLogger(w *bytes.Buffer) *slog.Logger {
	return slog.New(tracelog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
				return slog.Attr{}
			}
			return a
		},
	})))
}

func withSpan(ctx context.Context) context.Context {
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2},
	}))
}

const ids = `"trace_id":"01000000000000000000000000000000","span_id":"0200000000000000"`

func TestIDsOfTheSpanStandAtTheTopWhateverGroupIsOpen(t *testing.T) {
	for name, c := range map[string]struct {
		logger func(*slog.Logger) *slog.Logger
		want   string
	}{
		"plain":      {func(l *slog.Logger) *slog.Logger { return l }, `{"msg":"m","k":1,` + ids + `}`},
		"attributes": {func(l *slog.Logger) *slog.Logger { return l.With("a", 2) }, `{"msg":"m","a":2,"k":1,` + ids + `}`},
		"group":      {func(l *slog.Logger) *slog.Logger { return l.WithGroup("g") }, `{"msg":"m",` + ids + `,"g":{"k":1}}`},
		"group and attributes": {
			func(l *slog.Logger) *slog.Logger { return l.With("a", 2).WithGroup("g").With("b", 3).WithGroup("h") },
			`{"msg":"m","a":2,` + ids + `,"g":{"b":3,"h":{"k":1}}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			c.logger(newLogger(&out)).InfoContext(withSpan(t.Context()), "m", "k", 1)
			if d := cmp.Diff(c.want+"\n", out.String()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestWithoutASpanNothingIsAdded(t *testing.T) {
	var out bytes.Buffer
	newLogger(&out).WithGroup("g").InfoContext(t.Context(), "m", "k", 1)
	if want := `{"msg":"m","g":{"k":1}}` + "\n"; out.String() != want {
		t.Errorf("got %s want %s", out.String(), want)
	}
}

func TestLoggersDerivedFromOneDoNotShareState(t *testing.T) {
	var out bytes.Buffer
	parent := newLogger(&out).WithGroup("g")
	one, two := parent.With("one", 1), parent.With("two", 2)
	one.Info("m")
	two.Info("m")
	if want := `{"msg":"m","g":{"one":1}}` + "\n" + `{"msg":"m","g":{"two":2}}` + "\n"; out.String() != want {
		t.Errorf("got %s want %s", out.String(), want)
	}
}

func TestHandlerKeepsTheContractOfSlog(t *testing.T) {
	var out bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		out.Reset()
		return tracelog.New(slog.NewJSONHandler(&out, nil))
	}, func(t *testing.T) map[string]any {
		m := make(map[string]any)
		if err := json.Unmarshal(out.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		return m
	})
}
