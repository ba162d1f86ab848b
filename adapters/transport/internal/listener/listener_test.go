package listener_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/adapters/transport/internal/listener"
)

func newListener(failed func(error)) *listener.Listener {
	return listener.New("test", slog.New(slog.DiscardHandler), failed)
}

// never is told of a failure that must not be.
func never(t *testing.T) func(error) { return func(err error) { t.Errorf("reported %v", err) } }

func TestAStopIsNoFailureAndFreesTheAddress(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		_, _ = io.WriteString(w, "answered")
	})}
	l := newListener(never(t))
	if err := l.Start(t.Context(), "127.0.0.1:0", listener.Limits{}, nil, server.Serve); err != nil {
		t.Fatal(err)
	}
	answers := make(chan string)
	go func() {
		r, err := http.Get("http://" + l.Addr())
		if err != nil {
			answers <- err.Error()
			return
		}
		defer func() { _ = r.Body.Close() }()
		body, _ := io.ReadAll(r.Body)
		answers <- string(body)
	}()
	<-entered
	stopped := make(chan error)
	go func() { stopped <- l.StopHTTP(context.WithoutCancel(t.Context()), server) }()
	close(release)
	if got := <-answers; got != "answered" {
		t.Errorf("the request under way got %q", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if err := l.StopHTTP(t.Context(), server); err != nil {
		t.Errorf("the second stop: %v", err)
	}
	again := newListener(never(t))
	if err := again.Start(t.Context(), l.Addr(), listener.Limits{}, nil, new(http.Server).Serve); err != nil {
		t.Fatalf("the address is taken after the stop: %v", err)
	}
	// Perhaps Serve has not begun yet: a stop must not wait for it for ever.
	if err := again.StopHTTP(t.Context(), new(http.Server)); err != nil {
		t.Error(err)
	}
}

func TestALateFailureIsReported(t *testing.T) {
	reported := make(chan error, 1)
	l := newListener(func(err error) { reported <- err })
	broken := errors.New("broken")
	var wrapped bool
	wrap := func(l net.Listener) net.Listener {
		wrapped = true
		return l
	}
	if err := l.Start(t.Context(), "127.0.0.1:0", listener.Limits{}, wrap, func(net.Listener) error { return broken }); err != nil {
		t.Fatal(err)
	}
	if err := <-reported; !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "serve test: ") {
		t.Errorf("reported %v", err)
	}
	if !wrapped {
		t.Error("the listener was not wrapped")
	}
	if err := l.StopHTTP(t.Context(), new(http.Server)); err != nil {
		t.Error(err)
	}
}

func TestConnectionsAreCutWhenTheTimeIsUp(t *testing.T) {
	entered, ended := make(chan struct{}), make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		close(ended)
	})}
	l := newListener(never(t))
	if err := l.Start(t.Context(), "127.0.0.1:0", listener.Limits{}, nil, server.Serve); err != nil {
		t.Fatal(err)
	}
	go func() {
		if r, err := http.Get("http://" + l.Addr()); err == nil {
			_ = r.Body.Close()
		}
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.StopHTTP(ctx, server); !errors.Is(err, context.Canceled) {
		t.Errorf("the stop: %v", err)
	}
	<-ended
}

func TestATakenAddressFailsTheStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	l := newListener(never(t))
	err = l.Start(t.Context(), taken.Addr().String(), listener.Limits{}, nil, new(http.Server).Serve)
	if err == nil || !strings.HasPrefix(err.Error(), "listen for test: ") || l.Addr() != "" {
		t.Errorf("%v, listening on %q", err, l.Addr())
	}
	if err := l.StopHTTP(t.Context(), new(http.Server)); err != nil {
		t.Errorf("a stop before the start: %v", err)
	}
}
