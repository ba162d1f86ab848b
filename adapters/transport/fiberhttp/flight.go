package fiberhttp

import (
	"errors"
	"net/netip"
	"time"

	"github.com/guardy-ai/guardy/adapters/transport/internal/flight"
	"github.com/guardy-ai/guardy/adapters/transport/internal/lazyctx"
	"github.com/guardy-ai/guardy/adapters/transport/internal/listener"
	"github.com/guardy-ai/guardy/adapters/transport/internal/room"
	"github.com/guardy-ai/guardy/ports"
)

// enter waits until it is the turn of a request that has arrived completely. Its time begins now.
func (x *exchange) enter(bodyBytes int) error {
	if until := time.Now().Add(x.server.deps.Limits.Timeout); !x.ctx.Renew(until) { // somebody waited for it meanwhile
		x.ctx.Cancel()
		x.ctx = lazyctx.WithDeadline(x.traced, until)
	}
	x.conn.Begin(true)
	x.atWork = true
	if err := x.flight.Enter(x.ctx, flight.Cost(bodyBytes)); err != nil {
		return err
	}
	x.ctx.Keep(ports.SlotKey{}, x.flight.Slot())
	return nil
}

// inTime is the error of a request whose time is over.
func (x *exchange) inTime() error {
	return x.ctx.Err()
}

// client is who asks.
func (x *exchange) client() netip.Prefix {
	if x.conn == nil {
		return room.ClientOf(x.RemoteAddr())
	}
	return x.conn.Client()
}

// GiveWay implements room.Holder: the client sends or takes too slowly for others to wait for it.
func (x *exchange) GiveWay() { x.conn.Abort() }

// answerFits counts the answer, which is encoded, among the bytes under way. What is small is not counted.
func (x *exchange) answerFits() error {
	if len(x.out) <= flight.Small {
		return nil
	}
	if err := x.flight.Grow(x.ctx, int64(len(x.out))); err != nil {
		return err
	}
	var w listener.Watcher = &x.flight
	x.conn.Watch(&w)
	return nil
}

// tellShed records what was shed and returns when to come again.
func (s *Server) tellShed(x *exchange, err error) time.Duration {
	var shed *ports.Shed
	if errors.As(err, &shed) {
		s.deps.Recorder.Shed(x.traced, shed.Class, shed.Reason)
		return shed.RetryAfter
	}
	return 0
}

// looks is how much of a long body arrives between two looks at the clock.
const looks = 16 << 10

// arrived moves the time limit of a body of which n bytes have arrived: the client has ReadTimeout for it, and more
// while it sends at the least rate.
func (x *exchange) arrived(n int) {
	earned := time.Duration(float64(n) / float64(x.server.cfg.MinRate) * float64(time.Second))
	_ = x.Conn().SetReadDeadline(x.start.Add(x.server.cfg.ReadTimeout + earned))
	x.flight.Moved(time.Now())
}
