package connectrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect"
	connectcors "connectrpc.com/cors"
	"connectrpc.com/grpchealth"
	"github.com/rs/cors"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1/guardyv1connect"
	"github.com/guardy-ai/guardy/adapters/transport/internal/flight"
	"github.com/guardy-ai/guardy/adapters/transport/internal/listener"
	"github.com/guardy-ai/guardy/adapters/transport/internal/room"
	"github.com/guardy-ai/guardy/adapters/transport/internal/tlsfiles"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Deps are what the server asks.
type Deps struct {
	Risk     ports.RiskAssessor
	Batch    ports.BatchAssessor
	Nowcast  ports.Nowcaster
	Anomaly  ports.AnomalyDetector
	Models   ports.ModelCatalog
	Health   ports.HealthReporter
	Recorder ports.Recorder
	// Admission is shared by all transports.
	Admission  ports.Admission
	Tracer     trace.TracerProvider
	Logger     *slog.Logger
	Limits     Limits
	Evacuation ports.EvacuationPlanner
	// Access decides who may ask for what.
	Access ports.Gatekeeper
	// Failed is told when serving ends without Stop.
	Failed func(error)
}

// Limits are shared by all transports.
type Limits struct {
	MaxBatchSize int
	// Timeout bounds a unary prediction, and each block of a stream.
	Timeout time.Duration
}

func (d *Deps) validate() error {
	for _, dep := range []struct {
		name string
		nil  bool
	}{
		{"Risk", d.Risk == nil},
		{"Batch", d.Batch == nil},
		{"Nowcast", d.Nowcast == nil},
		{"Anomaly", d.Anomaly == nil},
		{"Evacuation", d.Evacuation == nil},
		{"Models", d.Models == nil},
		{"Health", d.Health == nil},
		{"Recorder", d.Recorder == nil},
		{"Admission", d.Admission == nil},
		{"Tracer", d.Tracer == nil},
		{"Logger", d.Logger == nil},
		{"Failed", d.Failed == nil},
		{"Access", d.Access == nil},
	} {
		if dep.nil {
			return fmt.Errorf("connectrpc: the dependency %s is missing", dep.name)
		}
	}
	if d.Limits.MaxBatchSize < 1 || d.Limits.Timeout <= 0 {
		return fmt.Errorf("connectrpc: the limits %+v must be above zero", d.Limits)
	}
	return nil
}

// Server serves guardy.v1, health and reflection.
type Server struct {
	cfg  Config
	deps Deps
	log  *slog.Logger

	http      *http.Server
	errors    *connect.ErrorWriter
	endpoints map[string]endpoint // by path
	flights   *flight.Rooms
	arriving  *room.Room // of calls whose bodies arrive

	listener *listener.Listener
	draining chan struct{}
	drain    sync.Once
	watches  chan struct{} // one for each watcher of the health
}

// New returns a server that does not listen yet.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := errors.Join(cfg.Validate(), deps.validate()); err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, deps: deps, log: deps.Logger,
		errors: connect.NewErrorWriter(), listener: listener.New("connect", deps.Logger, deps.Failed), draining: make(chan struct{}), watches: make(chan struct{}, maxWatches),
	}
	s.flights = flight.New(flight.Limits{Requests: cfg.MaxInFlight, Streams: cfg.MaxStreams, Bytes: cfg.MaxBytesInFlight}, deps.Admission)
	s.arriving = room.New(int64(arrivingFactor*cfg.MaxInFlight), arrivingPatience).Shared(int64(arrivingFactor*cfg.MaxInFlight+1) / 2)
	chain, err := interceptors(deps.Tracer, deps.Logger)
	if err != nil {
		return nil, err
	}
	s.endpoints = s.route(chain)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	protocols.SetHTTP2(cfg.TLS.On())
	s.http = &http.Server{
		Handler:           s.cors(http.HandlerFunc(s.serve)),
		Protocols:         protocols,
		ReadHeaderTimeout: cfg.ReadHeaderTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       withPeer,
		// ReadTimeout and WriteTimeout would end streams; serve sets them for each unary call.
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: 250, SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second, WriteByteTimeout: cfg.WriteTimeout},
		ErrorLog: slog.NewLogLogger(deps.Logger.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// arrivingFactor is how many calls may be arriving for each that may be in flight. A stream of HTTP/2 without a body
// costs memory, too.
const arrivingFactor = 8

// maxHeaderBytes also bounds the URL, and with it the question of a Connect GET.
const maxHeaderBytes = 32 << 10

// checker answers gRPC health checks for the process ("") and for each service.
type checker struct {
	health   ports.HealthReporter
	draining <-chan struct{} // closed when the service stops
}

// Check implements grpchealth.Checker.
func (c checker) Check(ctx context.Context, r *grpchealth.CheckRequest) (*grpchealth.CheckResponse, error) {
	known := []string{"", guardyv1connect.PredictionServiceName, guardyv1connect.ModelServiceName}
	if !slices.Contains(known, r.Service) {
		return nil, &domain.Error{Kind: domain.KindNotFound, Msg: "there is no such service"}
	}
	if c.health.Health(ctx).Ready {
		return &grpchealth.CheckResponse{Status: grpchealth.StatusServing}, nil
	}
	return &grpchealth.CheckResponse{Status: grpchealth.StatusNotServing}, nil
}

// cors lets browsers of the configured origins in.
func (s *Server) cors(next http.Handler) http.Handler {
	if len(s.cfg.CORSOrigins) == 0 {
		return next
	}
	return cors.New(cors.Options{
		AllowedOrigins: s.cfg.CORSOrigins,
		AllowedMethods: connectcors.AllowedMethods(),
		AllowedHeaders: append(connectcors.AllowedHeaders(),
			"Authorization", "Cache-Control", "If-None-Match", "Traceparent", "Tracestate", "X-Api-Key", "X-Request-Id"),
		ExposedHeaders: append(connectcors.ExposedHeaders(), "Age", "Cache-Status", "Etag", "Ratelimit", "Ratelimit-Policy", "Retry-After", "X-Request-Id"),
		MaxAge:         int((2 * time.Hour).Seconds()),
	}).Handler(next)
}

// serve is the outermost handler: it names the call, finds its procedure, sheds, bounds the body and
// its time, and records.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	c := &call{
		Context: r.Context(), request: r, start: time.Now(), ResponseWriter: w, control: *http.NewResponseController(w),
		server: s, peer: peerOf(r.Context()), id: requestID(r.Header.Get("X-Request-Id")), route: "unmatched",
	}
	w.Header().Set("X-Request-Id", c.id)
	if s.deps.Health.Draining() && r.ProtoMajor == 1 { // HTTP/2 says it by itself when the server stops
		w.Header().Set("Connection", "close")
	}
	if r.Header.Get("Traceparent") != "" { // the log names the caller's trace whether or not there is a tracer
		c.Context = propagation.TraceContext{}.Extract(c.Context, propagation.HeaderCarrier(r.Header))
	}
	defer func() { //nolint:contextcheck // the call is a context, made of the request's
		code, failed := c.result()
		c.peer.conn.Served(time.Now())
		s.deps.Recorder.Requested(c, "connect", c.route, code, failed, time.Since(c.start))
	}()
	s.dispatch(c, r.WithContext(c)) //nolint:contextcheck // as above
}

func (s *Server) dispatch(c *call, r *http.Request) {
	to, ok := s.endpoints[r.URL.Path]
	if !ok {
		s.notFound(c, r)
		return
	}
	c.route = strings.TrimPrefix(r.URL.Path, "/")
	w, end := webText(c, r)
	defer end()
	c.flight.Open(s.flights, c, to.class, c.peer.client)
	c.writeUntil(c.start.Add(s.cfg.ReadTimeout + s.cfg.WriteTimeout))
	c.body = body{ReadCloser: r.Body, call: c}
	switch {
	case to.stream: // moves its deadlines as it goes
		c.writeUntil(time.Time{})
		if err := c.stream.Open(c.Context, s.flights, c, c.peer.client); err != nil { //nolint:contextcheck // as in serve
			s.write(c, w, r, c.refuse(domainError(err))) //nolint:contextcheck // as in serve
			return
		}
		c.stream.isOpen = true
		defer c.stream.Close()
	case to.watch:
		c.writeUntil(time.Time{})
		end, err := s.watching(c) //nolint:contextcheck // the call is the context of its request
		if err != nil {
			s.write(c, w, r, c.refuse(domainError(err))) //nolint:contextcheck // as in serve
			return
		}
		defer end()
		c.bound(r)
	case to.class == ports.ClassProbe:
		if to.early {
			c.bound(r)
		}
	default:
		body, leave, err := s.admitted(c, r) //nolint:contextcheck // as in serve
		defer leave()
		if err != nil {
			s.write(c, w, r, c.refuse(domainError(err))) //nolint:contextcheck // as in serve
			return
		}
		if body != nil {
			defer body.release()
			c.body.ReadCloser = body
		}
	}
	r.Body = &c.body
	to.ServeHTTP(w, r)
	if c.noRoom != nil && c.status == 0 {
		clear(c.Header())
		c.Header().Set("X-Request-Id", c.id)
		s.write(c, w, r, c.refuse(domainError(c.noRoom))) //nolint:contextcheck // as in serve
	}
}

// admitted reads the body of a call, if it has one, and waits until it is its turn.
func (s *Server) admitted(c *call, r *http.Request) (body *receivedBody, leave func(), err error) {
	size := len(r.URL.RawQuery) // a GET has its question there
	if r.Body != http.NoBody {
		if body, err = s.receiveBody(c, r); err != nil {
			return nil, func() { c.flight.Done(time.Now()) }, err
		}
		size = len(body.data)
	}
	leave, err = s.enter(c, size)
	return body, leave, err
}

// bound bounds the body of a call that is read as it arrives.
func (c *call) bound(r *http.Request) {
	if r.Body != http.NoBody {
		cfg := &c.server.cfg
		c.readUntil(c.start.Add(cfg.ReadTimeout))
		c.body.ReadCloser = http.MaxBytesReader(c.ResponseWriter, r.Body, cfg.MaxBodyBytes+envelopeBytes)
	}
}

// envelopeBytes is what gRPC puts in front of a message.
const envelopeBytes = 5

// write answers an error that no handler made, in the protocol of the request.
func (s *Server) write(c *call, w http.ResponseWriter, r *http.Request, err *connect.Error) {
	if s.errors.Write(w, r, err) != nil {
		c.code = connect.CodeCanceled.String() // the client has gone
	}
}

// notFound answers gRPC clients in their protocol and everybody else with 404.
func (s *Server) notFound(c *call, r *http.Request) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		s.write(c, c, r, connect.NewError(connect.CodeUnimplemented, errors.New("there is no such procedure")))
		return
	}
	c.Header().Set("Content-Type", "application/json")
	c.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(c, `{"code":"unimplemented","message":"there is no such procedure"}`)
}

// Start listens and serves in the background.
func (s *Server) Start(ctx context.Context) error {
	limits := listener.Limits{Connections: s.cfg.MaxConnections, Rate: s.cfg.MinRate, Grace: s.cfg.WriteTimeout, Forwards: s.deps.Access.Forwards}
	serve := s.http.Serve
	if s.cfg.TLS.On() {
		files, err := tlsfiles.Load(s.cfg.TLS, "connect", s.log)
		if err != nil {
			return err
		}
		s.http.TLSConfig = files.Config("h2", "http/1.1")
		serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
	}
	return s.listener.Start(ctx, s.cfg.Addr, limits, nil, serve)
}

// Stop lets unary calls finish and ends streams after the block at hand. What is left when ctx ends is
// cut off.
func (s *Server) Stop(ctx context.Context) error {
	s.drain.Do(func() { close(s.draining) })
	return s.listener.StopHTTP(ctx, s.http)
}

// Addr returns the address that is listened on, after Start.
func (s *Server) Addr() string { return s.listener.Addr() }
