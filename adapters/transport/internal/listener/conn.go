package listener

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/guardy-ai/guardy/adapters/transport/internal/room"
)

// Limits bound the connections of a listener.
type Limits struct {
	// Connections is how many may be open at once. 0 is no bound.
	Connections int
	// PerClient is how many of them one client may have. 0 is half of them.
	PerClient int
	// Forwards reports the addresses of proxies, which are no clients: what comes through them has no bound of this
	// kind. nil is nobody.
	Forwards func(netip.Addr) bool
	// Rate is how many bytes a second a client has to take of an answer, once the server's own time limit for
	// it is over. 0 leaves it to that limit.
	Rate int64
	// Grace is how long a client may take before Rate counts.
	Grace time.Duration
}

// patience is how long a connection stands still before it gives way to a new one.
const patience = 250 * time.Millisecond

// Conn is an accepted connection.
type Conn struct {
	net.Conn
	of   *socket
	hold room.Hold

	watcher atomic.Pointer[Watcher]

	timed atomic.Bool  // one answer at a time goes over it, and gets time as it is taken
	wrote atomic.Int64 // bytes of the answer at hand
	since atomic.Int64 // when the answer at hand began, in ns since 1970; 0 before that
}

// Watcher is told of progress: the client took something of a long answer.
type Watcher interface{ Moved(now time.Time) }

// Of returns the connection of this package that is c or under c; nil when there is none, as in tests that serve
// without a listener.
func Of(c net.Conn) *Conn {
	for c != nil {
		if own, ok := c.(*Conn); ok {
			return own
		}
		wrapped, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		c = wrapped.NetConn()
	}
	return nil
}

// Begin tells that the service works for the connection: it does not give way until End. one tells that this is
// all that it carries meanwhile, as in HTTP/1.
func (c *Conn) Begin(one bool) {
	if c == nil {
		return
	}
	c.hold.Begin()
	c.timed.Store(one)
	c.watcher.Store(nil)
	c.wrote.Store(0)
	c.since.Store(0)
}

// Served tells that the service has done something for the connection that took no time.
func (c *Conn) Served(now time.Time) {
	if c != nil {
		c.hold.Begin()
		c.hold.End(now)
	}
}

// Watch has w be told of the progress of the answer at hand, until the next Begin.
func (c *Conn) Watch(w *Watcher) {
	if c != nil {
		c.watcher.Store(w)
	}
}

// End is the end of what Begin began.
func (c *Conn) End(now time.Time) {
	if c != nil {
		c.hold.End(now)
	}
}

// GiveWay implements room.Holder.
func (c *Conn) GiveWay() { _ = c.Conn.Close() }

// Abort closes the connection at once, with TLS around it or not.
func (c *Conn) Abort() {
	if c != nil {
		_ = c.Conn.Close()
	}
}

// Close implements net.Conn.
func (c *Conn) Close() error {
	err := c.Conn.Close()
	c.of.conns.Free(&c.hold)
	if errors.Is(err, net.ErrClosed) {
		return nil // it gave way
	}
	return err
}

// piece is how much of an answer is written between two looks at the clock.
const piece = 64 << 10

// Write implements io.Writer. A long answer gets more time as it is taken: the time limit that the server set
// holds for what it is set for, and a client that takes Rate bytes a second is not cut off.
func (c *Conn) Write(p []byte) (n int, err error) {
	if !c.timed.Load() {
		return c.Conn.Write(p)
	}
	if len(p) <= piece && c.wrote.Load() == 0 {
		n, err = c.Conn.Write(p)
		c.wrote.Add(int64(n))
		return n, err
	}
	for len(p) > 0 {
		m, err := c.Conn.Write(p[:min(piece, len(p))])
		n += m
		if err != nil {
			return n, err
		}
		p = p[m:]
		c.took(m)
	}
	return n, nil
}

// took notes that the client took n bytes, and gives it the time for as many more.
func (c *Conn) took(n int) {
	now := time.Now()
	before := c.wrote.Add(int64(n)) - int64(n)
	c.since.CompareAndSwap(0, now.UnixNano())
	if w := c.watcher.Load(); w != nil {
		(*w).Moved(now)
	}
	if after := before + int64(n); c.of.limits.Rate > 0 && before/piece != after/piece {
		earned := time.Duration(float64(after) / float64(c.of.limits.Rate) * float64(time.Second))
		_ = c.Conn.SetWriteDeadline(time.Unix(0, c.since.Load()).Add(c.of.limits.Grace + earned))
	}
}

// Wrote returns how many bytes of the answer at hand were taken.
func (c *Conn) Wrote() int64 {
	if c == nil {
		return 0
	}
	return c.wrote.Load()
}

// socket accepts connections within limits. It can be closed twice: here and by the server.
type socket struct {
	net.Listener
	name   string
	log    *slog.Logger
	limits Limits
	conns  *room.Room

	closed context.Context
	close  context.CancelCauseFunc

	told atomic.Int64 // when it was last told that connections cannot be accepted, in ns since 1970
}

func newSocket(l net.Listener, name string, log *slog.Logger, limits Limits) *socket {
	s := &socket{Listener: l, name: name, log: log, limits: limits}
	if limits.Connections <= 0 {
		limits.Connections = int(^uint32(0) >> 1)
	}
	if limits.PerClient <= 0 {
		limits.PerClient = (limits.Connections + 1) / 2
	}
	s.conns = room.New(int64(limits.Connections), patience).Shared(int64(limits.PerClient))
	s.closed, s.close = context.WithCancelCause(context.Background())
	return s
}

// Longest pause after an accept that failed, as in net/http.
const maxPause = time.Second

// client returns the client at the other end; none where that is a proxy.
func (s *socket) client(c net.Conn) netip.Prefix {
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok && s.limits.Forwards != nil && s.limits.Forwards(tcp.AddrPort().Addr()) {
		return netip.Prefix{}
	}
	return room.ClientOf(c.RemoteAddr())
}

// Client returns the client of the connection; none where a proxy calls for others.
func (c *Conn) Client() netip.Prefix { return c.of.client(c.Conn) }

// Accept implements net.Listener. Errors that pass, such as that of a process without descriptors, are waited
// out: a server would end by them. Where the connections are all taken, one that stands still gives way, or the
// new one waits.
func (s *socket) Accept() (net.Conn, error) {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, maxPause) {
		c, err := s.Listener.Accept()
		if err == nil {
			conn := &Conn{Conn: c, of: s}
			if !s.conns.Take(s.closed, &conn.hold, 1, conn, s.client(c)) {
				_ = c.Close()
				return nil, net.ErrClosed
			}
			return conn, nil
		}
		if s.closed.Err() != nil || !passes(err) {
			return nil, err
		}
		if now := time.Now(); now.Sub(time.Unix(0, s.told.Load())) > time.Minute {
			s.told.Store(now.UnixNano())
			s.log.Warn("a connection could not be accepted; trying again", "listener", s.name, "error", err)
		}
		select {
		case <-time.After(pause):
		case <-s.closed.Done():
			return nil, net.ErrClosed
		}
	}
}

// passes reports whether accepting may work again later: the process or the system is out of descriptors or
// memory, or the client has gone already.
func passes(err error) bool {
	for _, e := range []error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EINTR, syscall.EAGAIN, syscall.EPROTO, syscall.EPERM,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// Close implements net.Listener.
func (s *socket) Close() error {
	if s.closed.Err() != nil {
		return nil //nolint:nilerr // closed before
	}
	s.close(net.ErrClosed)
	return s.Listener.Close()
}
