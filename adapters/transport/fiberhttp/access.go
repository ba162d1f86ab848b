package fiberhttp

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// price says what a route costs. The batch is priced once its places are known, a stream line by line.
type price struct {
	scope ports.Scope
	cost  int
}

func priceOf(rt *route) price {
	p := price{cost: ports.CostPlace}
	switch {
	case rt.admin:
		p.scope = ports.ScopeAdmin
	case strings.HasPrefix(rt.path, "/api/v1/predict/"):
		p.scope = ports.ScopePredict
		switch rt.path {
		case "/api/v1/predict/batch":
			p.cost = 0
		case "/api/v1/predict/evacuation-zones":
			p.cost = ports.CostPlan
		}
	}
	return p
}

// enter asks who the caller is, whether it may do this, and takes what that costs.
func (s *Server) enter(x *exchange) error {
	p := &x.route.price
	caller, err := s.deps.Access.Admit(x, p.scope)
	x.caller = caller
	if err != nil {
		return err
	}
	if p.scope == ports.ScopePredict && x.dryRun() {
		x.dry = true
		return nil
	}
	if p.cost == 0 {
		return nil
	}
	return x.spend(p.cost)
}

// spend takes cost from the quota of the caller and tells it what is left.
func (x *exchange) spend(cost int) error {
	if x.caller.Allowance.Cost == 0 {
		return nil
	}
	q, err := x.server.deps.Access.Spend(x.traced, x.caller, cost)
	x.tellQuota(q)
	if domain.KindOf(err) != domain.KindExhausted {
		return err
	}
	_, detail, _ := contractjson.Classify(err)
	refused := newProblem(http.StatusTooManyRequests, domain.KindExhausted.String(), detail)
	refused.retryAfter = q.Reset
	return refused
}

// tellQuota sets the headers of draft-ietf-httpapi-ratelimit-headers.
func (x *exchange) tellQuota(q ports.Quota) {
	if q.Cost == 0 {
		return
	}
	h := &x.Response.Header
	h.Set("RateLimit-Policy", fmt.Sprintf(`"default";q=%d;w=%d`, q.Cost, max(1, int(q.Window.Seconds()))))
	h.Set("RateLimit", fmt.Sprintf(`"default";r=%d;t=%s`, q.Left, seconds(q.Reset)))
}

// dryRun reports whether the client asks for the price only (RFC 7240).
func (x *exchange) dryRun() bool {
	value := x.Request.Header.Peek("Prefer")
	if len(value) == 0 {
		return false
	}
	for preference := range strings.SplitSeq(string(value), ",") {
		name, _, _ := strings.Cut(preference, ";")
		if strings.EqualFold(strings.TrimSpace(name), "dry-run") {
			return true
		}
	}
	return false
}

// errPriced ends a handler whose request was priced, not answered.
var errPriced = errors.New("the price was answered")

// typePrice is the media type of a price: who asked for an answer does not take it for one.
const typePrice = "application/vnd.guardy.price+json"

// priced takes the cost of a request whose question is sound, or answers it when the client asked for that alone.
// taken tells that the cost was taken when the request came in.
func (x *exchange) priced(cost int, taken bool, per string) error {
	if !x.dry {
		if taken {
			return nil
		}
		return x.spend(cost)
	}
	q, err := x.server.deps.Access.Spend(x.traced, x.caller, 0)
	if err != nil {
		return err
	}
	x.tellQuota(q)
	b := append(x.out[:0], `{"cost":`...)
	b = strconv.AppendInt(b, int64(cost), 10)
	b = append(append(append(b, `,"per":"`...), per...), `","quota":`...)
	if q.Cost == 0 {
		b = append(b, "null"...)
	} else {
		b = fmt.Appendf(b, `{"cost":%d,"window_seconds":%d,"remaining":%d,"reset_seconds":%s}`,
			q.Cost, max(1, int(q.Window.Seconds())), q.Left, seconds(q.Reset))
	}
	x.out = append(b, '}')
	x.Response.Header.Set("Preference-Applied", "dry-run")
	x.Response.Header.Set("Cache-Control", "no-store")
	x.answer(http.StatusOK, typePrice, x.out)
	return errPriced
}

// errorItems answers n lines from index on that there was no quota for.
func errorItems(b []byte, n, index int, err error) []byte {
	for i := range n {
		b = append(contractjson.AppendItemError(b, index+i, err), '\n')
	}
	return b
}

// lines takes the cost of n lines of a stream.
func (x *exchange) lines(n int) error {
	if x.caller.Allowance.Cost == 0 {
		return nil
	}
	_, err := x.server.deps.Access.Spend(x.traced, x.caller, n*ports.CostPlace)
	return err
}

// PeerAddr implements ports.Approach.
func (x *exchange) PeerAddr() netip.Addr {
	addr, _ := netip.AddrFromSlice(x.RemoteIP())
	return addr
}

// AuthorityName implements ports.Approach.
func (x *exchange) AuthorityName() string { return string(x.Host()) }

// OldHTTP implements ports.Approach.
func (x *exchange) OldHTTP() bool { return !x.Request.Header.IsHTTP11() }

// HeaderValue implements ports.Approach.
func (x *exchange) HeaderValue(name string) string {
	values := x.Request.Header.PeekAll(name)
	switch len(values) {
	case 0:
		return ""
	case 1:
		return string(values[0])
	}
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		b.Write(v)
	}
	return b.String()
}

// audited runs what changes state, or refuses it, and writes either down.
func (s *Server) audited(x *exchange, do func() error) error {
	action, target := actionOf(x.route)
	if x.name != "" {
		target = string(x.model())
	}
	before := s.stateOf(x)
	err := do()
	after := s.stateOf(x)
	if x.cleared != "" {
		before, after = "", x.cleared
	}
	if err != nil {
		before, after = "", ""
	}
	s.deps.Access.Audit(x.traced, ports.AuditEntry{
		Transport: "http", Caller: x.caller, Action: action, Target: target, Before: before, After: after, Err: err, RequestID: string(x.requestID),
	})
	return err
}

func actionOf(rt *route) (action, target string) {
	switch {
	case strings.HasSuffix(rt.path, "/reload"):
		return "reload", "all models"
	case strings.HasSuffix(rt.path, "/cache"):
		return "clear_cache", ""
	}
	return "reset_statistics", "statistics"
}

// stateOf describes what an operation of operators is about to change, or has changed.
func (s *Server) stateOf(x *exchange) string {
	action, _ := actionOf(x.route)
	switch action {
	case "reload":
		if x.name != "" {
			m, _ := s.deps.Models.Get(x.traced, x.model())
			return m.Ref.Version + " " + m.Ref.Digest
		}
		var all []string
		for _, m := range s.deps.Models.List(x.traced) {
			all = append(all, string(m.Ref.Name)+" "+m.Ref.Version+" "+m.Ref.Digest)
		}
		return strings.Join(all, ", ")
	case "reset_statistics":
		r := s.deps.Stats.Requests()
		return fmt.Sprintf("%d requests since %s", r.Total, r.Since.UTC().Format(time.RFC3339))
	}
	return ""
}
