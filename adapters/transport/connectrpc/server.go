package connectrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
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
	"github.com/guardy-ai/guardy/adapters/transport/internal/listener"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Deps are what the server asks.
type Deps struct {
	Risk       ports.RiskAssessor
	Batch      ports.BatchAssessor
	Nowcast    ports.Nowcaster
	Anomaly    ports.AnomalyDetector
	Models     ports.ModelCatalog
	Health     ports.HealthReporter
	Recorder   ports.Recorder
	Tracer     trace.TracerProvider
	Logger     *slog.Logger
	Limits     Limits
	Evacuation ports.EvacuationPlanner
	// AdminKeys open what changes state. Without keys it is open to callers on the same machine.
	AdminKeys []string
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
		{"Tracer", d.Tracer == nil},
		{"Logger", d.Logger == nil},
		{"Failed", d.Failed == nil},
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

	listener *listener.Listener
	draining chan struct{}
	drain    sync.Once
}

// New returns a server that does not listen yet.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := errors.Join(cfg.Validate(), deps.validate()); err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, deps: deps, log: deps.Logger,
		errors: connect.NewErrorWriter(), listener: listener.New("connect", deps.Logger, deps.Failed), draining: make(chan struct{}),
	}
	chain, err := interceptors(deps.Tracer, deps.Logger)
	if err != nil {
		return nil, err
	}
	s.endpoints = s.route(chain)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	s.http = &http.Server{
		Handler:           s.cors(http.HandlerFunc(s.serve)),
		Protocols:         protocols,
		ReadHeaderTimeout: cfg.ReadHeaderTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// ReadTimeout and WriteTimeout would end streams; serve sets them for each unary call.
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: 250, SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
		ErrorLog: slog.NewLogLogger(deps.Logger.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// maxHeaderBytes also bounds the URL, and with it the question of a Connect GET.
const maxHeaderBytes = 32 << 10

// checker answers gRPC health checks for the process ("") and for each service.
type checker struct{ health ports.HealthReporter }

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
		ExposedHeaders: append(connectcors.ExposedHeaders(), "Age", "Cache-Status", "Etag", "X-Request-Id"),
		MaxAge:         int((2 * time.Hour).Seconds()),
	}).Handler(next)
}

// serve is the outermost handler: it names the call, finds its procedure, sheds, bounds the body and
// its time, and records.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	c := &call{
		Context: r.Context(), request: r, start: time.Now(), ResponseWriter: w, control: *http.NewResponseController(w),
		id: requestID(r.Header.Get("X-Request-Id")), route: "unmatched",
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
	if to.room != nil {
		if !to.room.Enter() {
			s.write(c, r, c.refuse(&domain.Error{
				Kind: domain.KindUnavailable, Msg: "the service is at its limit; try again shortly",
			}))
			return
		}
		defer to.room.Leave()
	}
	w, end := webText(c, r)
	defer end()
	c.body = body{ReadCloser: r.Body, call: c}
	if !to.stream { // a stream moves its deadlines as it goes
		c.writeUntil(c.start.Add(s.cfg.ReadTimeout + s.cfg.WriteTimeout))
		if r.Body != http.NoBody {
			c.readUntil(c.start.Add(s.cfg.ReadTimeout))
			c.body.ReadCloser = http.MaxBytesReader(c.ResponseWriter, r.Body, s.cfg.MaxBodyBytes+envelopeBytes)
		}
	}
	r.Body = &c.body
	to.ServeHTTP(w, r)
}

// envelopeBytes is what gRPC puts in front of a message.
const envelopeBytes = 5

// write answers an error that no handler made, in the protocol of the request.
func (s *Server) write(c *call, r *http.Request, err *connect.Error) {
	if s.errors.Write(c, r, err) != nil {
		c.code = connect.CodeCanceled.String() // the client has gone
	}
}

// notFound answers gRPC clients in their protocol and everybody else with 404.
func (s *Server) notFound(c *call, r *http.Request) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		s.write(c, r, connect.NewError(connect.CodeUnimplemented, errors.New("there is no such procedure")))
		return
	}
	c.Header().Set("Content-Type", "application/json")
	c.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(c, `{"code":"unimplemented","message":"there is no such procedure"}`)
}

// Start listens and serves in the background.
func (s *Server) Start(ctx context.Context) error {
	limits := listener.Limits{Connections: s.cfg.MaxConnections, Rate: s.cfg.MinRate, Grace: s.cfg.WriteTimeout}
	return s.listener.Start(ctx, s.cfg.Addr, limits, nil, s.http.Serve)
}

// Stop lets unary calls finish and ends streams after the block at hand. What is left when ctx ends is
// cut off.
func (s *Server) Stop(ctx context.Context) error {
	s.drain.Do(func() { close(s.draining) })
	return s.listener.StopHTTP(ctx, s.http)
}

// Addr returns the address that is listened on, after Start.
func (s *Server) Addr() string { return s.listener.Addr() }
