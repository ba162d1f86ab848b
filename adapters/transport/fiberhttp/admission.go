package fiberhttp

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/guardy-ai/guardy/ports"
)

// admit decides whether a request is answered at all, before its body is read.
func (s *Server) admit(x *exchange) error {
	if x.route.class == ports.ClassProbe {
		return nil
	}
	if x.route.admin {
		return nil // perform asks who it is, around which everything is audited
	}
	if err := s.enter(x); err != nil {
		return err
	}
	if x.route.body {
		return nil
	}
	return x.enter(0)
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
