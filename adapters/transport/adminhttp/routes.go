package adminhttp

import (
	"bytes"
	"embed"
	"encoding/json"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"github.com/guardy-ai/guardy/domain"
)

//go:embed live
var live embed.FS

// routes lists every path. Patterns name no method, so that a wrong one is answered by guard in the
// shape of all other errors.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", file("live/index.html", "text/html; charset=utf-8"))
	mux.HandleFunc("/live.js", file("live/live.js", "text/javascript; charset=utf-8"))
	mux.HandleFunc("/live.css", file("live/live.css", "text/css; charset=utf-8"))
	mux.HandleFunc("/runtime", s.runtime)
	mux.HandleFunc("/top", s.top)
	mux.HandleFunc("/metrics", s.metrics)
	mux.HandleFunc("/readyz", s.ready)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/block", blockProfile())
	mux.HandleFunc("/debug/pprof/mutex", mutexProfile())
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		problem(w, r, http.StatusNotFound, domain.KindNotFound.String(), "there is no such page on the admin listener")
	})
	return mux
}

// guard refuses what no operator sends, and keeps answers out of caches and frames.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		if s.local && !localHost(r.Host) {
			// A name that somebody else's DNS points at 127.0.0.1 would let a page of theirs read this.
			problem(w, r, http.StatusForbidden, domain.KindForbidden.String(), "the admin listener answers to local names only, such as localhost")
			return
		}
		if s.local && r.Header.Get("X-Forwarded-For")+r.Header.Get("Forwarded")+r.Header.Get("Via") != "" {
			problem(w, r, http.StatusForbidden, domain.KindForbidden.String(),
				"the admin listener is on loopback and asked through a proxy; bind it elsewhere (admin.addr) and configure a key with the scope admin")
			return
		}
		if !s.allowed(w, r) {
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			problem(w, r, http.StatusMethodNotAllowed, "method_not_allowed", "the admin listener only shows; it takes GET and HEAD")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// localHost tells whether a Host header names this machine.
func localHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		host = host[1 : n-1]
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// policy lets the live view load what is embedded here and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func file(name, contentType string) http.HandlerFunc {
	content, err := live.ReadFile(name)
	if err != nil {
		panic(err) // the name is wrong in this file
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Security-Policy", policy)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}
}

func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	if s.deps.Metrics == nil {
		problem(w, r, http.StatusNotFound, domain.KindNotFound.String(), "telemetry is off: set telemetry.kind to otel for metrics")
		return
	}
	var page bytes.Buffer // the type is known, and an error answerable, only after the writing
	contentType, err := s.deps.Metrics.WriteMetrics(&page)
	if err != nil {
		s.deps.Logger.ErrorContext(r.Context(), "write metrics", "error", err)
		problem(w, r, http.StatusInternalServerError, domain.KindInternal.String(), "the metrics could not be written; the log says why")
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(page.Len()))
	_, _ = page.WriteTo(w) // the scraper that left does not want to know
}

// problem answers an error in the shape of RFC 9457, as the public listeners do.
func problem(w http.ResponseWriter, r *http.Request, status int, code, detail string) {
	writeJSON(w, status, "application/problem+json", struct {
		Type     string `json:"type"`
		Title    string `json:"title"`
		Status   int    `json:"status"`
		Detail   string `json:"detail"`
		Instance string `json:"instance"`
		Code     string `json:"code"`
	}{"about:blank", http.StatusText(status), status, detail, r.URL.EscapedPath(), code})
}

func writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // only finite numbers and strings are ever given
	}
	body = append(body, '\n')
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
