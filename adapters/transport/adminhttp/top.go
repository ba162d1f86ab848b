package adminhttp

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"runtime/pprof"
	"strconv"
	"time"

	"github.com/google/pprof/profile"

	"github.com/guardy-ai/guardy/domain"
)

// Bounds of ?seconds= of /top.
const (
	topSeconds    = 2 // unless told
	topSecondsMax = 30
)

// top answers what takes processor time during the next seconds.
func (s *Server) top(w http.ResponseWriter, r *http.Request) {
	length, ok := topLength(r.URL.RawQuery)
	if !ok {
		problem(w, r, http.StatusUnprocessableEntity, domain.KindInvalid.String(),
			"/top takes seconds, once, as a whole number from 1 to "+strconv.Itoa(topSecondsMax)+", and nothing else")
		return
	}
	// What cannot be given more time, as in a test, has no limit of it.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(length + writeTimeout))
	var raw bytes.Buffer
	if err := pprof.StartCPUProfile(&raw); err != nil { // its only reason
		problem(w, r, http.StatusConflict, "conflict",
			"another profile of the processor is under way, of /top or of /debug/pprof/profile; the process takes one at a time")
		return
	}
	sleep(r.Context(), length)
	pprof.StopCPUProfile()
	p, err := profile.ParseData(raw.Bytes())
	if err != nil {
		s.deps.Logger.ErrorContext(r.Context(), "read the processor profile", "error", err)
		problem(w, r, http.StatusInternalServerError, domain.KindInternal.String(), "the profile could not be read; the log says why")
		return
	}
	writeJSON(w, http.StatusOK, "application/json", newTopView(p))
}

// topLength reads the query of /top.
func topLength(query string) (length time.Duration, ok bool) {
	if query == "" {
		return topSeconds * time.Second, true
	}
	values, err := url.ParseQuery(query)
	if err != nil || len(values) != 1 || len(values["seconds"]) != 1 {
		return 0, false
	}
	n, err := strconv.ParseUint(values.Get("seconds"), 10, 8)
	if err != nil || n < 1 || n > topSecondsMax {
		return 0, false
	}
	return time.Duration(n) * time.Second, true
}

// sleep returns after a time, or when the client leaves or the server stops.
func sleep(ctx context.Context, length time.Duration) {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
