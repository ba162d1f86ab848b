package fiberhttp

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/guardy-ai/guardy/adapters/transport/internal/gate"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// hold takes room for x in g or sheds it.
func (x *exchange) hold(g gate.Gate) error {
	if !g.Enter() {
		return &domain.Error{Kind: domain.KindUnavailable, Op: "http", Msg: "the service is at its limit; try again shortly"}
	}
	if x.held != nil {
		x.held.Leave()
	}
	x.held = g
	return nil
}

// admit decides whether a request is answered at all.
func (s *Server) admit(x *exchange) error {
	if x.route.probe {
		return nil
	}
	if x.route.price.scope != ports.ScopeAdmin { // those are audited around all that becomes of them
		if err := s.enter(x); err != nil {
			return err
		}
	}
	return x.hold(s.unary)
}

// seconds rounds up: a client that waits as told is not refused again.
func seconds(d time.Duration) string { return strconv.Itoa(int((d + time.Second - 1) / time.Second)) }

// origins are the pages that may call from a browser.
type origins struct {
	any  bool
	list map[string]bool
}

func newOrigins(list []string) origins {
	o := origins{list: map[string]bool{}}
	for _, v := range list {
		o.any = o.any || v == "*"
		o.list[v] = true
	}
	return o
}

const exposedHeaders = "Age, Allow, Cache-Status, ETag, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id"

func (o origins) allow(c *fasthttp.RequestCtx) {
	if len(o.list) == 0 {
		return
	}
	h := &c.Response.Header
	if !o.any {
		h.Add("Vary", "Origin")
	}
	origin := c.Request.Header.Peek("Origin")
	switch {
	case len(origin) == 0:
		return
	case o.any:
		h.Set("Access-Control-Allow-Origin", "*")
	case o.list[string(origin)]:
		h.SetBytesV("Access-Control-Allow-Origin", origin)
	default:
		return
	}
	h.Set("Access-Control-Expose-Headers", exposedHeaders)
}

// preflight answers what a browser asks before a request of another site's page.
func (s *Server) preflight(c *fiber.Ctx) error {
	x := s.begin(c.Context(), &unmatched)
	defer s.end(x)
	h := &x.Response.Header
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Cache-Control, Content-Type, Prefer, Traceparent, Tracestate, X-Api-Key, X-Request-Id")
	h.Set("Access-Control-Max-Age", "7200")
	h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
	x.Response.SetStatusCode(http.StatusNoContent)
	return nil
}
