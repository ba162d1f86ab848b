package listener

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// scripted is a net.Listener that accepts what it is told, and then nothing more until it is closed.
type scripted struct {
	results []any // errors and connections
	closed  chan struct{}
	once    sync.Once
}

func (s *scripted) Accept() (net.Conn, error) {
	if len(s.results) == 0 {
		<-s.closed
		return nil, net.ErrClosed
	}
	next := s.results[0]
	s.results = s.results[1:]
	if err, ok := next.(error); ok {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", err)}
	}
	return next.(net.Conn), nil
}

func (s *scripted) Close() error   { s.once.Do(func() { close(s.closed) }); return nil }
func (s *scripted) Addr() net.Addr { return &net.TCPAddr{} }

func listen(limits Limits, results ...any) (*socket, *strings.Builder) {
	log := new(strings.Builder)
	return newSocket(&scripted{results: results, closed: make(chan struct{})}, "test", slog.New(slog.NewTextHandler(log, nil)), limits), log
}

func pipe() net.Conn {
	c, _ := net.Pipe()
	return c
}

func TestAnAcceptErrorThatPassesEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := listen(Limits{}, syscall.EMFILE, syscall.ECONNABORTED, syscall.ENFILE, pipe(), syscall.EBADF)
		if c, err := s.Accept(); err != nil || c == nil {
			t.Errorf("%v", err)
		}
		if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), "too many open files") {
			t.Errorf("%d warnings: %s", n, log)
		}
		if _, err := s.Accept(); !errors.Is(err, syscall.EBADF) {
			t.Errorf("an error that does not pass became %v", err)
		}
	})
}

func TestACloseEndsTheWaitForDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := listen(Limits{}, syscall.EMFILE)
		done := make(chan error)
		go func() {
			_, err := s.Accept()
			done <- err
		}()
		synctest.Wait()
		_ = s.Close()
		_ = s.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

// closes reports whether the other end of a pipe was closed.
func closed(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := c.Read(make([]byte, 1))
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe)
}

func TestAnIdleConnectionGivesWayToANewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ends []any
		var clients []net.Conn
		for range 3 {
			mine, theirs := net.Pipe()
			ends, clients = append(ends, mine), append(clients, theirs)
		}
		s, _ := listen(Limits{Connections: 2, PerClient: 2}, ends...)
		var conns []*Conn
		for range 2 {
			c, err := s.Accept()
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, Of(c))
		}
		conns[0].Begin(true) // it is at work
		time.Sleep(time.Minute)
		if _, err := s.Accept(); err != nil {
			t.Fatal(err)
		}
		if closed(clients[0]) || !closed(clients[1]) || closed(clients[2]) {
			t.Error("another connection was closed than the idle one")
		}
		if err := conns[1].Close(); err != nil || s.conns.Used() != 2 {
			t.Errorf("%v, %d connections", err, s.conns.Used())
		}
	})
}

func TestANewConnectionWaitsWhileAllAreAtWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := listen(Limits{Connections: 1, PerClient: 1}, pipe(), pipe())
		first, err := s.Accept()
		if err != nil {
			t.Fatal(err)
		}
		Of(first).Begin(true)
		accepted := make(chan error)
		go func() {
			_, err := s.Accept()
			accepted <- err
		}()
		time.Sleep(time.Hour)
		select {
		case err := <-accepted:
			t.Fatalf("accepted beyond the limit: %v", err)
		default:
		}
		Of(first).End(time.Now())
		if err := <-accepted; err != nil {
			t.Error(err)
		}
	})
}

// slow is a connection whose client takes one piece in so long.
type slow struct {
	net.Conn
	each     time.Duration
	deadline time.Time
}

func (s *slow) SetWriteDeadline(t time.Time) error { s.deadline = t; return nil }

func (s *slow) Write(p []byte) (int, error) {
	taken := time.Now().Add(s.each * time.Duration(len(p)) / piece)
	if taken.After(s.deadline) {
		time.Sleep(time.Until(s.deadline))
		return 0, os.ErrDeadlineExceeded
	}
	time.Sleep(time.Until(taken))
	return len(p), nil
}

func TestALongAnswerTakesAsLongAsTheClientKeepsTheLeastRate(t *testing.T) {
	for _, tt := range []struct {
		each  time.Duration // for 64 KiB
		whole bool
	}{{time.Second, true}, {3500 * time.Millisecond, true}, {5 * time.Second, false}} {
		synctest.Test(t, func(t *testing.T) {
			end := &slow{Conn: pipe(), each: tt.each}
			s, _ := listen(Limits{Rate: 16 << 10, Grace: 30 * time.Second}, net.Conn(end))
			c, err := s.Accept()
			if err != nil {
				t.Fatal(err)
			}
			Of(c).Begin(true)
			end.deadline = time.Now().Add(30 * time.Second) // as the server sets it
			n, err := c.Write(make([]byte, 100*piece))
			if whole := n == 100*piece && err == nil; whole != tt.whole || Of(c).Wrote() != int64(n) {
				t.Errorf("%v for a piece: %d bytes, %v", tt.each, n, err)
			}
		})
	}
}

func TestTheConnectionIsFoundUnderTLS(t *testing.T) {
	s, _ := listen(Limits{}, pipe())
	c, err := s.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if got := Of(tls.Server(c, &tls.Config{})); got != c { //nolint:gosec // nothing is sent
		t.Error("not found")
	}
	if Of(pipe()) != nil {
		t.Error("found what is not there")
	}
	var none *Conn
	none.Begin(true) // served without a listener
	none.End(time.Now())
	none.Abort()
}

// from is a connection from an address.
type from struct {
	net.Conn
	addr net.TCPAddr
}

func (f from) RemoteAddr() net.Addr { return &f.addr }

// Behind a proxy stand many clients: the bound of one client does not hold for it.
func TestAProxyIsNotOneClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proxy, client := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
		open := func(addr netip.Addr) (opened int) {
			var ends []any
			for range 4 {
				ends = append(ends, from{pipe(), *net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, 1))})
			}
			s, _ := listen(Limits{Connections: 4, PerClient: 2, Forwards: func(a netip.Addr) bool { return a == proxy }}, ends...)
			for range ends {
				c, err := s.Accept()
				if err != nil {
					t.Fatal(err)
				}
				if (Of(c).Client() == netip.Prefix{}) != (addr == proxy) {
					t.Errorf("%v is the client %v", addr, Of(c).Client())
				}
			}
			return int(s.conns.Used())
		}
		if n := open(proxy); n != 4 {
			t.Errorf("%d connections of a proxy stay open", n)
		}
		if n := open(client); n != 2 {
			t.Errorf("%d connections of a client stay open, want 2", n)
		}
	})
}
