// Package listener starts and stops what listens: it binds an address, serves in the background, reports when serving
// ends by itself, and closes once.
package listener

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
)

// Listener is one address that a server listens on.
type Listener struct {
	name    string
	log     *slog.Logger
	failed  func(error)
	socket  *socket // nil before Start
	served  chan struct{}
	stopped atomic.Bool
}

// New returns a listener that does not listen yet. The name stands in the log and in errors. failed is told when
// serving ends without Stop.
func New(name string, log *slog.Logger, failed func(error)) *Listener {
	return &Listener{name: name, log: log, failed: failed, served: make(chan struct{})}
}

// Start binds the address and lets serve work in the background, on what wrap makes of it if that is not nil.
// Connections are accepted within limits.
func (l *Listener) Start(
	ctx context.Context, address string, limits Limits, wrap func(net.Listener) net.Listener, serve func(net.Listener) error,
) error {
	bound, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for %s: %w", l.name, err)
	}
	l.socket = newSocket(bound, l.name, l.log, limits)
	served := net.Listener(l.socket)
	if wrap != nil {
		served = wrap(served)
	}
	l.log.InfoContext(ctx, "listening", "listener", l.name, "addr", l.Addr())
	go func() {
		defer close(l.served)
		err := serve(served)
		if l.stopped.Load() {
			return
		}
		if err == nil {
			err = errors.New("it ended without being asked to")
		}
		l.failed(fmt.Errorf("serve %s: %w", l.name, err))
	}()
	return nil
}

// Addr returns the address that is listened on; empty before Start.
func (l *Listener) Addr() string {
	if l.socket == nil {
		return ""
	}
	return l.socket.Addr().String()
}

// Stop accepts no more connections, lets shutDown wait for what is under way, and returns when serving has ended.
// Before Start, and when it was called before, it does nothing.
func (l *Listener) Stop(ctx context.Context, shutDown func(context.Context) error) error {
	if l.socket == nil || !l.stopped.CompareAndSwap(false, true) {
		return nil
	}
	// A server knows the listener only once its Serve has begun, which may be later than this.
	closed := l.socket.Close()
	err := shutDown(ctx)
	<-l.served
	if err = errors.Join(closed, err); err != nil {
		return fmt.Errorf("stop %s: %w", l.name, err)
	}
	return nil
}

// StopHTTP stops a net/http server. When ctx ends first, connections are cut.
func (l *Listener) StopHTTP(ctx context.Context, s *http.Server) error {
	return l.Stop(ctx, func(ctx context.Context) error {
		if err := s.Shutdown(ctx); err != nil {
			return errors.Join(err, s.Close())
		}
		return nil
	})
}
