package fiberhttp

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// admit decides whether a request is answered at all, before its body is read.
func (s *Server) admit(x *exchange) error {
	if x.route.class == ports.ClassProbe {
		return nil
	}
	if s.quota != nil {
		if err := s.quota.spend(x); err != nil {
			return err
		}
	}
	if x.route.admin {
		return s.admins.allow(x.RequestCtx)
	}
	if x.route.body {
		return nil
	}
	return x.enter(0)
}

// admins knows who may change state. Keys are compared by digest, which takes the same time whatever
// the guess and its length.
type admins [][sha256.Size]byte

func newAdmins(keys []string) admins {
	out := make(admins, len(keys))
	for i, k := range keys {
		out[i] = sha256.Sum256([]byte(k))
	}
	return out
}

func (a admins) allow(c *fasthttp.RequestCtx) error {
	if len(a) == 0 {
		if !direct(c) {
			return &domain.Error{Kind: domain.KindForbidden, Op: "http", Msg: "no admin keys are configured, so this is open to callers on the same machine only"}
		}
		return nil
	}
	key := c.Request.Header.Peek("X-Api-Key")
	if auth := string(c.Request.Header.Peek("Authorization")); len(auth) > 7 && strings.EqualFold(auth[:7], "bearer ") {
		key = []byte(auth[7:])
	}
	if len(key) == 0 {
		return &domain.Error{Kind: domain.KindUnauthenticated, Op: "http", Msg: "an admin key is required: Authorization: Bearer <key>, or X-API-Key"}
	}
	given, match := sha256.Sum256(key), 0
	for i := range a {
		match |= subtle.ConstantTimeCompare(given[:], a[i][:])
	}
	if match == 0 {
		return &domain.Error{Kind: domain.KindForbidden, Op: "http", Msg: "the key does not open this"}
	}
	return nil
}

// direct reports whether the caller is a program on this machine. A forwarded request comes from
// anywhere, and a page of another site in a browser on this machine is not the operator either.
func direct(c *fasthttp.RequestCtx) bool {
	if !c.RemoteIP().IsLoopback() {
		return false
	}
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if len(c.Request.Header.Peek(name)) > 0 {
			return false
		}
	}
	origin := string(c.Request.Header.Peek("Origin"))
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host != string(c.Host()) {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// quota counts the requests of each client by the generic cell rate algorithm: a client's state is
// the one instant at which it will have all of its quota again.
type quota struct {
	burst    int
	interval time.Duration // that one request takes to come back
	max      int
	policy   string

	mu      sync.Mutex
	clients map[netip.Prefix]time.Time
	sweep   time.Time // when to look for clients that are back at their whole quota
}

func newQuota(c Quota) *quota {
	if c.Requests == 0 {
		return nil
	}
	return &quota{
		burst: c.Requests, interval: c.Window / time.Duration(c.Requests), max: c.MaxClients,
		policy:  fmt.Sprintf(`"default";q=%d;w=%d`, c.Requests, int(c.Window.Seconds())),
		clients: map[netip.Prefix]time.Time{},
	}
}

// take returns how many requests are left and, when there was none, how long to wait for the next.
func (q *quota) take(client netip.Prefix, now time.Time) (left int, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	whole := q.clients[client]
	if whole.Before(now) {
		whole = now
	}
	debt := whole.Sub(now)
	used := int(math.Ceil(float64(debt) / float64(q.interval)))
	if used >= q.burst {
		return 0, debt - time.Duration(q.burst-1)*q.interval
	}
	if _, known := q.clients[client]; !known && len(q.clients) >= q.max {
		q.makeRoom(now)
	}
	q.clients[client] = whole.Add(q.interval)
	return q.burst - used - 1, 0
}

// makeRoom forgets the clients that have their whole quota, which loses nothing, at most once in a
// while; failing that, whichever client comes first.
func (q *quota) makeRoom(now time.Time) {
	if now.After(q.sweep) {
		q.sweep = now.Add(q.interval * time.Duration(q.burst) / 4)
		for c, whole := range q.clients {
			if !whole.After(now) {
				delete(q.clients, c)
			}
		}
	}
	for c := range q.clients {
		if len(q.clients) < q.max {
			return
		}
		delete(q.clients, c)
	}
}

func (q *quota) spend(x *exchange) error {
	left, wait := q.take(clientOf(x.RemoteIP()), x.start)
	reset := wait
	if wait == 0 {
		reset = q.interval
	}
	h := &x.Response.Header
	h.Set("RateLimit-Policy", q.policy)
	h.Set("RateLimit", fmt.Sprintf(`"default";r=%d;t=%s`, left, seconds(reset)))
	if wait == 0 {
		return nil
	}
	p := newProblem(
		http.StatusTooManyRequests, domain.KindExhausted.String(), "your quota is used up; the header Retry-After says when to go on",
	)
	p.retryAfter = wait
	return p
}

// clientOf joins the addresses that one client can use at will.
func clientOf(ip net.IP) netip.Prefix {
	addr, _ := netip.AddrFromSlice(ip)
	addr = addr.Unmap()
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits)
	return p
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

const exposedHeaders = "Age, Allow, Cache-Status, ETag, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id"

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
	h.Set("Access-Control-Allow-Headers", "Authorization, Cache-Control, Content-Type, Traceparent, Tracestate, X-Api-Key, X-Request-Id")
	h.Set("Access-Control-Max-Age", "7200")
	h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
	x.Response.SetStatusCode(http.StatusNoContent)
	return nil
}
