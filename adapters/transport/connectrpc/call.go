package connectrpc

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"connectrpc.com/connect"

	"github.com/guardy-ai/guardy/adapters/transport/internal/flight"
	"github.com/guardy-ai/guardy/adapters/transport/internal/requestid"
	"github.com/guardy-ai/guardy/adapters/transport/internal/room"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// call is what the layers of one request tell each other. It is the request's context as well, and holds
// its body, which saves an allocation for each. Only the goroutine that serves the request writes it. The
// reader of a stream moves the read deadline and may refuse.
type call struct {
	context.Context
	request *http.Request
	start   time.Time

	id     string // X-Request-Id
	route  string
	code   string // set by the layer that decided it
	caller ports.Caller
	hold   bool // collect the messages of a block instead of sending each by itself

	server   *Server
	peer     *peer
	flight   flight.Request // what it has of what is bounded
	stream   openStream
	arriving room.Hold // while its body arrives
	noRoom   error     // why the answer was not written

	status  int
	body    body
	control http.ResponseController
	http.ResponseWriter
}

type callKey struct{}

// callOf returns the call of a request that came through Server.serve.
func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// Value implements context.Context.
func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// readUntil and writeUntil bound the time that the client may take. Every connection that this server
// accepts can do that.
func (c *call) readUntil(t time.Time)  { _ = c.control.SetReadDeadline(t) }
func (c *call) writeUntil(t time.Time) { _ = c.control.SetWriteDeadline(t) }

// received is called at the end of the body: from then on the client owes nothing.
func (c *call) received() { c.readUntil(time.Time{}) }

// refuse records the failure and renders it.
func (c *call) refuse(e *domain.Error) *connect.Error {
	if e.Kind == domain.KindUnavailable {
		after := time.Second
		if shed, ok := errors.AsType[*ports.Shed](e); ok {
			after = shed.RetryAfter
			c.server.deps.Recorder.Shed(c, shed.Class, shed.Reason)
		}
		c.Header().Set("Retry-After", strconv.Itoa(int((after+time.Second-1)/time.Second)))
	}
	err := connectError(e, c.id)
	c.code = err.Code().String()
	return err
}

// result is the code for telemetry, and whether the service failed rather than the caller. A call that
// reached no handler has the HTTP status; if that is 200, as gRPC demands, its message could not be read.
func (c *call) result() (code string, failed bool) {
	switch {
	case c.code != "":
		return c.code, slices.Contains(failures, c.code)
	case c.status >= http.StatusBadRequest:
		return strconv.Itoa(c.status), c.status >= http.StatusInternalServerError
	}
	return connect.CodeInvalidArgument.String(), false
}

// failures are the codes that the HTTP API maps to 5xx.
var failures = []string{
	connect.CodeInternal.String(), connect.CodeUnavailable.String(), connect.CodeDeadlineExceeded.String(),
}

const codeOK = "ok"

// WriteHeader remembers the status.
func (c *call) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

// Flush implements http.Flusher, which connect calls after every message. A stream holds it back until
// its block is complete: one write to the network instead of dozens.
func (c *call) Flush() {
	if !c.hold {
		c.flush()
	}
}

func (c *call) flush() { _ = c.control.Flush() }

// Unwrap is for http.ResponseController.
func (c *call) Unwrap() http.ResponseWriter { return c.ResponseWriter }

const maxRequestID = 128

// requestID echoes the client's id if it can stand in a header and a log line.
func requestID(given string) string {
	if given != "" && len(given) <= maxRequestID {
		for i := range len(given) {
			if given[i] <= ' ' || given[i] > '~' {
				return newRequestID()
			}
		}
		return given
	}
	return newRequestID()
}

func newRequestID() string {
	var b [requestid.Len]byte
	return string(requestid.Append(b[:0]))
}
