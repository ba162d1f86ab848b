package adminhttp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/guardy-ai/guardy/ports"
)

// Deps are what the server shows. Metrics is nil where telemetry is off; Cache, Clock, Logger and
// Failed may be nil too.
type Deps struct {
	Stats   ports.Statistics
	Models  ports.ModelCatalog
	Health  ports.HealthReporter
	Metrics ports.MetricsPage
	// Cache is asked for its figures, if it has any.
	Cache  ports.AnswerCache
	Clock  ports.Clock
	Logger *slog.Logger
	// Failed is told when serving ends without Stop.
	Failed func(error)
}

// writeTimeout bounds an answer.
const writeTimeout = 30 * time.Second

// Server serves the admin listener.
type Server struct {
	cfg     Config
	deps    Deps
	http    *http.Server
	cancel  context.CancelFunc // ends profiles under way
	ln      net.Listener
	local   bool // bound to loopback
	stopped atomic.Bool
}

// New returns a server that does not listen yet.
func New(cfg Config, d Deps) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if d.Stats == nil || d.Models == nil || d.Health == nil {
		return nil, errors.New("adminhttp: a port is missing")
	}
	if d.Clock == nil {
		d.Clock = time.Now
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Failed == nil {
		d.Failed = func(error) {}
	}
	s := &Server{cfg: cfg, deps: d}
	base, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.http = &http.Server{
		Handler:           s.guard(s.routes()),
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(d.Logger.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      writeTimeout, // net/http/pprof and top add the length of a profile
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	return s, nil
}

// Start binds the listener and serves in the background. Without an address it does nothing.
func (s *Server) Start(ctx context.Context) error {
	if s.cfg.Addr == "" {
		return nil
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", s.cfg.Addr)
	if err != nil {
		return fmt.Errorf("listen for admin: %w", err)
	}
	s.ln = ln
	if a, ok := ln.Addr().(*net.TCPAddr); ok {
		s.local = a.IP.IsLoopback()
	}
	s.deps.Logger.Info("listening", "listener", "admin", "addr", s.Addr())
	if !s.local {
		s.deps.Logger.Warn("the admin listener is reachable from other machines; it shows profiles and asks for no key",
			"addr", s.Addr())
	}
	go func() {
		if err := s.http.Serve(ln); !s.stopped.Load() {
			s.deps.Failed(fmt.Errorf("serve admin: %w", err))
		}
	}()
	return nil
}

// Addr returns the address that is listened on; empty before Start and without a listener.
func (s *Server) Addr() string {
	if s.ln == nil {
		return ""
	}
	return s.ln.Addr().String()
}

// Stop ends profiles under way, answers what is left and closes. When ctx ends first, connections
// are cut.
func (s *Server) Stop(ctx context.Context) error {
	s.cancel()
	if s.ln == nil || !s.stopped.CompareAndSwap(false, true) {
		return nil
	}
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop admin: %w", err), s.http.Close())
	}
	return nil
}
