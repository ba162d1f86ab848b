package connectrpc

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// gated guards a procedure before a byte of its body is read: it asks who the caller is and whether it may do this,
// and takes what that costs. A cost of zero is taken by the handler, once it is known.
func (s *Server) gated(scope ports.Scope, cost int) connect.HandlerOption {
	return connect.WithRequestGate(func(ctx context.Context, _ connect.Spec, _ connect.Peer, _ http.Header) (context.Context, error) {
		c := callOf(ctx)
		caller, err := s.deps.Access.Admit(c, scope)
		c.caller = caller
		if err == nil && cost > 0 {
			err = s.spend(ctx, cost)
		}
		if err == nil {
			return ctx, nil
		}
		if scope == ports.ScopeAdmin {
			action, target := actionOf(c.route)
			s.audit(ctx, action, target, "", "", err)
		}
		return nil, c.refuse(domainError(err))
	})
}

// spend takes cost from the quota of the caller and tells it what is left.
func (s *Server) spend(ctx context.Context, cost int) error {
	c := callOf(ctx)
	if c.caller.Allowance.Cost == 0 {
		return nil
	}
	q, err := s.deps.Access.Spend(ctx, c.caller, cost)
	if q.Cost > 0 && c.status == 0 {
		h := c.Header()
		h.Set("RateLimit-Policy", fmt.Sprintf(`"default";q=%d;w=%d`, q.Cost, max(1, int(q.Window.Seconds()))))
		h.Set("RateLimit", fmt.Sprintf(`"default";r=%d;t=%s`, q.Left, wholeSeconds(q.Reset)))
		if err != nil && q.Reset > 0 {
			h.Set("Retry-After", wholeSeconds(q.Reset))
		}
	}
	return err
}

// wholeSeconds rounds up: a client that waits as told is not refused again.
func wholeSeconds(d time.Duration) string {
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}

func actionOf(route string) (action, target string) {
	if strings.HasSuffix(route, "/ReloadModels") {
		return "reload", "all models"
	}
	return "clear_cache", ""
}

func (s *Server) audit(ctx context.Context, action, target, before, after string, err error) {
	c := callOf(ctx)
	if err != nil {
		before, after = "", ""
	}
	s.deps.Access.Audit(ctx, ports.AuditEntry{
		Transport: "connect", Caller: c.caller, Action: action, Target: target, Before: before, After: after, Err: err, RequestID: c.id,
	})
}

// versions describes the models in service for the audit.
func (s *Server) versions(ctx context.Context, names []domain.ModelName) string {
	var all []string
	for _, name := range names {
		if m, err := s.deps.Models.Get(ctx, name); err == nil {
			all = append(all, string(name)+" "+m.Ref.Version+" "+m.Ref.Digest)
		}
	}
	return strings.Join(all, ", ")
}

// PeerAddr implements ports.Approach.
func (c *call) PeerAddr() netip.Addr {
	ap, _ := netip.ParseAddrPort(c.request.RemoteAddr)
	return ap.Addr()
}

// AuthorityName implements ports.Approach.
func (c *call) AuthorityName() string { return c.request.Host }

// OldHTTP implements ports.Approach.
func (c *call) OldHTTP() bool { return !c.request.ProtoAtLeast(1, 1) }

// HeaderValue implements ports.Approach.
func (c *call) HeaderValue(name string) string {
	return strings.Join(c.request.Header.Values(name), ", ")
}
