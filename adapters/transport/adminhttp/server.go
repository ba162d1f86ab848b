package adminhttp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/guardy-ai/guardy/adapters/transport/internal/listener"
	"github.com/guardy-ai/guardy/adapters/transport/internal/tlsfiles"
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
	// Access asks for keys where the listener is not on loopback.
	Access ports.Gatekeeper
	// Failed is told when serving ends without Stop.
	Failed func(error)
}

// MaxConnections is how many connections may be open at once: more than operators and scrapers have.
const MaxConnections = 64

// writeTimeout bounds an answer.
const writeTimeout = 30 * time.Second

// Server serves the admin listener.
type Server struct {
	cfg      Config
	deps     Deps
	http     *http.Server
	listener *listener.Listener
	cancel   context.CancelFunc // ends profiles under way
	local    bool               // bound to loopback
}

// New returns a server that does not listen yet.
func New(cfg Config, d Deps) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if d.Stats == nil || d.Models == nil || d.Health == nil || d.Access == nil {
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
	s := &Server{cfg: cfg, deps: d, listener: listener.New("admin", d.Logger, d.Failed)}
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
	serve := s.http.Serve
	if s.cfg.TLS.On() {
		files, err := tlsfiles.Load(s.cfg.TLS, "admin", s.deps.Logger)
		if err != nil {
			return err
		}
		s.http.TLSConfig = files.Config("h2", "http/1.1")
		serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
	}
	note := func(ln net.Listener) net.Listener {
		if a, ok := ln.Addr().(*net.TCPAddr); ok {
			s.local = a.IP.IsLoopback()
		}
		return ln
	}
	if err := s.listener.Start(ctx, s.cfg.Addr, listener.Limits{Connections: MaxConnections}, note, serve); err != nil {
		return err
	}
	if !s.local && !s.deps.Access.Keyed(ports.ScopeAdmin) {
		s.deps.Logger.Warn("the admin listener is reachable from other machines and no key is configured: "+
			"it shows figures to everybody, profiles to callers on this machine; a key with the scope admin closes it (security.keys_file)",
			"addr", s.Addr())
	}
	return nil
}

// Addr returns the address that is listened on; empty before Start and without a listener.
func (s *Server) Addr() string { return s.listener.Addr() }

// Stop ends profiles under way, answers what is left and closes. When ctx ends first, connections
// are cut.
func (s *Server) Stop(ctx context.Context) error {
	s.cancel()
	return s.listener.StopHTTP(ctx, s.http)
}
