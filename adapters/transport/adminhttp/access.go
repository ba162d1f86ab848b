package adminhttp

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// approach is a request to the admin listener. It implements ports.Approach.
type approach struct{ *http.Request }

func (a approach) PeerAddr() netip.Addr {
	ap, _ := netip.ParseAddrPort(a.RemoteAddr)
	return ap.Addr()
}

func (a approach) AuthorityName() string { return a.Host }

func (a approach) OldHTTP() bool { return !a.ProtoAtLeast(1, 1) }

func (a approach) HeaderValue(name string) string { return strings.Join(a.Header.Values(name), ", ") }

// scraped are the pages that machines read again and again. They show figures and states, nothing of a request.
func scraped(path string) bool { return path == "/metrics" || path == "/readyz" }

// allowed asks for a key with the scope admin where the listener is not on loopback. Without any such key figures are
// shown to everybody, and the rest to callers on this machine: a profile tells a stranger much.
func (s *Server) allowed(w http.ResponseWriter, r *http.Request) bool {
	if s.local || !s.deps.Access.Keyed(ports.ScopeAdmin) && scraped(r.URL.Path) {
		return true
	}
	caller, err := s.deps.Access.Admit(approach{r}, ports.ScopeAdmin)
	if err != nil || strings.HasPrefix(r.URL.Path, "/debug/") || r.URL.Path == "/top" || r.URL.Path == "/" {
		s.deps.Access.Audit(r.Context(), ports.AuditEntry{
			Transport: "admin", Caller: caller, Action: "read", Target: r.URL.Path, Err: err, RequestID: r.Header.Get("X-Request-Id"),
		})
	}
	if err == nil {
		return true
	}
	kind := domain.KindOf(err)
	status := http.StatusForbidden
	if kind == domain.KindUnauthenticated {
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `Bearer realm="guardy"`)
	}
	msg := err.Error()
	if e, ok := errors.AsType[*domain.Error](err); ok {
		msg = e.Msg
	}
	problem(w, r, status, kind.String(), msg)
	return false
}
