package fiberhttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/adapters/transport/internal/flight"
	"github.com/guardy-ai/guardy/adapters/transport/internal/lazyctx"
	"github.com/guardy-ai/guardy/adapters/transport/internal/listener"
	"github.com/guardy-ai/guardy/adapters/transport/internal/requestid"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

// route is one operation.
type route struct {
	method, path string
	handle       func(*exchange) error
	// class is the kind of work. Probes must answer while everything else is shed.
	class ports.Class
	// body tells that the request has one, which is read before the request waits for its turn.
	body bool
	// admin marks what changes state.
	admin bool

	price          price
	label          string // "POST /api/v1/predict/batch", for metrics and spans
	spanAttributes trace.SpanStartEventOption
}

// unmatched stands for every request that has no route: its path is the client's choice and must not
// become a label.
var unmatched = route{label: "unmatched", class: ports.ClassProbe, spanAttributes: trace.WithAttributes()}

func (s *Server) route() {
	for _, rt := range []route{
		{method: http.MethodPost, path: "/api/v1/predict/flood-risk", handle: s.assess, class: ports.ClassSingle, body: true},
		{method: http.MethodGet, path: "/api/v1/predict/flood-risk", handle: s.assessQuery, class: ports.ClassSingle},
		{method: http.MethodPost, path: "/api/v1/predict/batch", handle: s.assessBatch, class: ports.ClassBulk, body: true},
		{method: http.MethodPost, path: "/api/v1/predict/nowcast", handle: s.nowcast, class: ports.ClassSingle, body: true},
		{method: http.MethodPost, path: "/api/v1/predict/anomaly", handle: s.detectAnomaly, class: ports.ClassSingle, body: true},
		{method: http.MethodPost, path: "/api/v1/predict/evacuation-zones", handle: s.planEvacuation, class: ports.ClassPlan, body: true},

		{method: http.MethodGet, path: "/api/v1/models/health", handle: s.modelsHealth, class: ports.ClassSingle},
		{method: http.MethodGet, path: "/api/v1/models/status", handle: s.modelsStatus, class: ports.ClassSingle},
		{method: http.MethodPost, path: "/api/v1/models/reload", handle: s.reloadAll, admin: true, class: ports.ClassSingle},
		{method: http.MethodGet, path: "/api/v1/models/:name/metadata", handle: s.modelMetadata, class: ports.ClassSingle},
		{method: http.MethodGet, path: "/api/v1/models/:name/stats", handle: s.modelStats, class: ports.ClassSingle},
		{method: http.MethodPost, path: "/api/v1/models/:name/reload", handle: s.reloadOne, admin: true, class: ports.ClassSingle},
		{method: http.MethodDelete, path: "/api/v1/models/:name/cache", handle: s.clearCache, admin: true, class: ports.ClassSingle},
		{method: http.MethodGet, path: "/api/v1/metrics/performance", handle: s.performance, class: ports.ClassSingle},
		{method: http.MethodPost, path: "/api/v1/metrics/performance/reset", handle: s.resetPerformance, admin: true, class: ports.ClassSingle},

		{method: http.MethodGet, path: "/health", handle: s.health},
		{method: http.MethodGet, path: "/livez", handle: s.live},
		{method: http.MethodGet, path: "/readyz", handle: s.ready},
		{method: http.MethodGet, path: "/openapi.json", handle: s.openapi, class: ports.ClassSingle},
		{method: http.MethodGet, path: "/docs", handle: s.docs, class: ports.ClassSingle},
	} {
		s.add(rt)
	}
}

func (s *Server) add(rt route) {
	rt.label = rt.method + " " + rt.path
	rt.price = priceOf(&rt)
	rt.spanAttributes = trace.WithAttributes(
		attribute.String("http.request.method", rt.method), attribute.String("http.route", rt.path), attribute.String("url.scheme", "http"),
	)
	endpoint := func(c *fiber.Ctx) error {
		x := s.begin(c.Context(), &rt)
		defer s.end(x)
		x.name = c.Params("name")
		if err := s.admit(x); err != nil {
			x.fail(err)
			return nil
		}
		x.run()
		return nil
	}
	if rt.method == http.MethodGet {
		s.app.Get(rt.path, endpoint) // and HEAD
	} else {
		s.app.Add(rt.method, rt.path, endpoint)
	}
	if len(s.cfg.CORSOrigins) > 0 {
		s.app.Options(rt.path, s.preflight)
	}
}

// exchange is one request and its answer. fasthttp closes it when the answer has been written, and it is used
// again for later requests; until then the answer may lie in its memory.
type exchange struct {
	*fasthttp.RequestCtx
	server *Server
	route  *route
	start  time.Time

	requestID []byte // aliases the request's header or newID
	newID     [requestid.Len]byte
	name      string // the {name} of the path; aliases the request

	traced context.Context   // carries the span; outlives the deadline
	ctx    *lazyctx.Deadline // and the deadline
	span   trace.Span

	caller  ports.Caller
	dry     bool   // the client asks for the price only
	cleared string // what was cleared, for the audit

	conn   *listener.Conn // nil where the listener is not ours
	flight flight.Request // what it has of what is bounded
	stream flight.Stream
	atWork bool  // the connection was told so
	cause  error // why it failed, for the log
	// streaming is set when the answer goes on after the handler; the stream then ends the exchange.
	streaming bool
	finished  bool
	drained   bool // the body was read to its end

	raw, body, out []byte // raw is a body that is to be inflated
	packed         []byte // out, compressed
	wire           contractjson.FloodRisk
	wireBatch      contractjson.Batch
	request        risk.Request
	assessment     risk.Assessment
	items          contractjson.Items
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// exchangeKey is where fasthttp finds the exchange to close.
type exchangeKey struct{}

// maxPooled is the size above which buffers are left to the collector. The answers of a batch of a thousand
// fit; in half of it they would not, and to grow the buffer anew cost as much as the answers.
const maxPooled = 2 << 20

// adminTimeout bounds a change of state: a model is loaded and verified in its own time, not in that
// of a prediction.
const adminTimeout = time.Minute

func (s *Server) begin(c *fasthttp.RequestCtx, rt *route) *exchange {
	x := exchanges.Get().(*exchange)
	x.RequestCtx, x.server, x.route, x.start = c, s, rt, time.Now()
	c.SetUserValue(exchangeKey{}, x)
	x.requestID = requestID(c, &x.newID)
	c.Response.Header.SetCanonical(headerContentTypeOptions, nosniff)
	if s.deps.Health.Draining() {
		c.SetConnectionClose()
	}
	s.origins.allow(c)
	x.traced, x.span = s.startSpan(s.base, c, rt)
	x.conn = listener.Of(c.Conn())
	x.flight.Open(s.flights, x, rt.class, x.client())
	if rt.admin || rt.class == ports.ClassProbe { // the time of others begins when it is their turn to wait
		timeout := s.deps.Limits.Timeout
		if rt.admin {
			timeout = adminTimeout
		}
		x.ctx = lazyctx.WithDeadline(x.traced, x.start.Add(timeout))
	}
	return x
}

// end finishes what is not streaming. A body that was not read to its end would be taken for the next
// request, so its connection is closed.
func (s *Server) end(x *exchange) {
	if x.streaming {
		return
	}
	if x.RequestBodyStream() != nil && !x.drained && x.Request.Header.ContentLength() != 0 {
		x.SetConnectionClose()
	}
	s.finish(x)
}

// finish tells what became of the request.
func (s *Server) finish(x *exchange) {
	if x.ctx != nil {
		x.ctx.Cancel()
	}
	x.flight.Encoded(time.Now())
	s.observe(x, x.Response.StatusCode(), x.cause)
	x.finished = true
}

// Close implements io.Closer for fasthttp, which is done with the answer.
func (x *exchange) Close() error {
	if !x.finished { // the stream panicked and ends only now: x is its alone
		return nil
	}
	now := time.Now()
	x.flight.Done(now)
	if x.atWork {
		x.conn.End(now)
	} else {
		x.conn.Served(now)
	}
	raw, body, out, packed := x.raw[:0], x.body[:0], x.out[:0], x.packed[:0]
	if cap(raw) > maxPooled {
		raw = nil
	}
	if cap(body) > maxPooled {
		body = nil
	}
	if cap(out) > maxPooled {
		out = nil
	}
	if cap(packed) > maxPooled {
		packed = nil
	}
	*x = exchange{raw: raw, body: body, out: out, packed: packed, wireBatch: x.wireBatch.Recycled(), items: x.items.Recycled()}
	exchanges.Put(x)
	return nil
}

// run calls the handler. A panic is an internal error of this request only.
func (x *exchange) run() {
	defer func() {
		if r := recover(); r != nil {
			x.streaming = false
			x.fail(fmt.Errorf("panic: %v\n%s", r, debug.Stack()))
		}
	}()
	err := x.server.perform(x)
	if err != nil && !errors.Is(err, errPriced) {
		x.fail(err)
	}
}

// perform does what the route is for.
func (s *Server) perform(x *exchange) error {
	if !x.route.admin {
		return x.route.handle(x)
	}
	return s.audited(x, func() error {
		if err := s.enter(x); err != nil {
			return err
		}
		return x.route.handle(x)
	})
}

// fail answers err as a problem.
func (x *exchange) fail(err error) {
	p := problemOf(err)
	x.cause = p.cause
	h := &x.Response.Header
	if after := x.server.tellShed(x, err); after > 0 {
		p.retryAfter = after
	}
	if p.retryAfter > 0 {
		h.Set("Retry-After", seconds(p.retryAfter))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="guardy"`)
	}
	h.Set("Cache-Control", "no-store")
	x.out = contractjson.AppendProblem(x.out[:0], &p.Problem, x.Path(), x.requestID)
	x.answer(p.Status, "application/problem+json", x.out)
}

// answer answers body, which is not copied: a copy would stay with the connection, at the size of the longest.
func (x *exchange) answer(status int, contentType string, body []byte) {
	x.Response.SetStatusCode(status)
	x.Response.Header.SetContentType(contentType)
	x.Response.SetBodyRaw(x.compressed(body))
}

const typeJSON = "application/json"

// answerJSON answers what is in x.out, if there is room for it.
func (x *exchange) answerJSON() error {
	if err := x.answerFits(); err != nil {
		return err
	}
	x.answer(http.StatusOK, typeJSON, x.out)
	return nil
}
