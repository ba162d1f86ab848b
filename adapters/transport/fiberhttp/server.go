package fiberhttp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"time"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/guardy-ai/guardy/adapters/transport/internal/flight"
	"github.com/guardy-ai/guardy/adapters/transport/internal/listener"
	"github.com/guardy-ai/guardy/adapters/transport/internal/tlsfiles"
	"github.com/guardy-ai/guardy/ports"
)

// Deps are what a server calls. Cache, Tracer, Logger and Failed may be nil.
type Deps struct {
	Risk       ports.RiskAssessor
	Batch      ports.BatchAssessor
	Nowcast    ports.Nowcaster
	Anomaly    ports.AnomalyDetector
	Evacuation ports.EvacuationPlanner
	Models     ports.ModelCatalog
	Stats      ports.Statistics
	Health     ports.HealthReporter
	Recorder   ports.Recorder
	// Admission is shared by all transports.
	Admission ports.Admission
	// Cache and States are asked for their figures, if they have any.
	Cache  ports.AnswerCache
	States ports.DeviceStates
	Tracer trace.TracerProvider
	Logger *slog.Logger
	Limits Limits
	// Access decides who may ask for what.
	Access ports.Gatekeeper
	// Failed is told when serving ends without Stop.
	Failed func(error)
}

// Limits bound a request.
type Limits struct {
	MaxBatchSize int
	// Timeout bounds a request, and each block of a stream.
	Timeout time.Duration
}

// Server serves the JSON API.
type Server struct {
	cfg     Config
	deps    Deps
	app     *fiber.App
	tracer  trace.Tracer
	traced  bool // whether spans go anywhere
	origins origins
	flights *flight.Rooms
	started time.Time
	drain   drain

	base     context.Context // ends when Stop runs out of time
	cancel   context.CancelFunc
	listener *listener.Listener
}

// New returns a server that does not listen yet.
func New(cfg Config, d Deps) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if d.Risk == nil || d.Batch == nil || d.Nowcast == nil || d.Anomaly == nil || d.Evacuation == nil || d.Models == nil || d.Stats == nil || d.Health == nil || d.Recorder == nil || d.Admission == nil || d.Access == nil {
		return nil, errors.New("fiberhttp: a port is missing")
	}
	if d.Limits.MaxBatchSize < 1 || d.Limits.Timeout <= 0 {
		return nil, fmt.Errorf("fiberhttp: limits of %d items and %v cannot be served", d.Limits.MaxBatchSize, d.Limits.Timeout)
	}
	if d.Tracer == nil {
		d.Tracer = noop.NewTracerProvider()
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Failed == nil {
		d.Failed = func(error) {}
	}
	_, silent := d.Tracer.(noop.TracerProvider)
	s := &Server{
		cfg: cfg, deps: d, tracer: d.Tracer.Tracer("guardy/fiberhttp"), traced: !silent,
		origins: newOrigins(cfg.CORSOrigins),
		flights: flight.New(flight.Limits{Requests: cfg.MaxInFlight, Streams: cfg.MaxStreams, Bytes: cfg.MaxBytesInFlight}, d.Admission),
		started: time.Now(), listener: listener.New("http", d.Logger, d.Failed),
	}
	s.base, s.cancel = context.WithCancel(context.Background())
	s.app = fiber.New(fiber.Config{
		AppName:                      "guardy",
		BodyLimit:                    math.MaxInt, // body.go bounds bodies
		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true,
		Concurrency:                  math.MaxInt32, // the listener bounds connections
		ReadBufferSize:               int(cfg.MaxHeaderBytes),
		WriteBufferSize:              8 << 10,
		ReadTimeout:                  cfg.ReadTimeout,
		WriteTimeout:                 cfg.WriteTimeout,
		IdleTimeout:                  cfg.IdleTimeout,
		CaseSensitive:                true,
		StrictRouting:                true,
		DisableStartupMessage:        true,
		DisableDefaultContentType:    true,
		ErrorHandler:                 s.unrouted,
	})
	s.route()
	s.app.Server().Handler = s.arrive(s.app.Handler())
	s.app.Server().ExpectHandler = s.expected
	s.app.Server().CloseOnShutdown = true
	return s, nil
}

// Start binds the listener and serves in the background.
func (s *Server) Start(ctx context.Context) error {
	limits := listener.Limits{Connections: s.cfg.MaxConnections, Rate: s.cfg.MinRate, Grace: s.cfg.WriteTimeout, Forwards: s.deps.Access.Forwards}
	var wrap func(net.Listener) net.Listener
	if s.cfg.TLS.On() {
		files, err := tlsfiles.Load(s.cfg.TLS, "http", s.deps.Logger)
		if err != nil {
			return err
		}
		wrap = func(l net.Listener) net.Listener { return tls.NewListener(l, files.Config("http/1.1")) }
	}
	return s.listener.Start(ctx, s.cfg.addr(), limits, wrap, s.app.Server().Serve)
}

// Addr returns the address that is listened on; empty before Start.
func (s *Server) Addr() string { return s.listener.Addr() }

// Stop accepts no more connections and waits for the requests under way; open streams end after the lines that were
// read. When ctx ends first, what
// is left is cancelled.
func (s *Server) Stop(ctx context.Context) error {
	defer s.cancel()
	s.drain.begin()
	return s.listener.Stop(ctx, s.app.Server().ShutdownWithContext)
}
