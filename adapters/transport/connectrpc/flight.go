package connectrpc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/guardy-ai/guardy/adapters/transport/internal/flight"
	"github.com/guardy-ai/guardy/adapters/transport/internal/lazyctx"
	"github.com/guardy-ai/guardy/adapters/transport/internal/listener"
	"github.com/guardy-ai/guardy/adapters/transport/internal/room"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// peer is what is known of a connection.
type peer struct {
	conn   *listener.Conn
	client netip.Prefix
}

type peerKey struct{}

// withPeer has the calls of a connection know it.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	p := &peer{listener.Of(c), room.ClientOf(c.RemoteAddr())}
	if p.conn != nil {
		p.client = p.conn.Client()
	}
	return context.WithValue(ctx, peerKey{}, p)
}

// unknownPeer is the peer of a call that came over no connection of ours.
var unknownPeer = new(peer)

func peerOf(ctx context.Context) *peer {
	if p, ok := ctx.Value(peerKey{}).(*peer); ok {
		return p
	}
	return unknownPeer
}

// GiveWay implements room.Holder: the client sends or takes too slowly for others to wait for it.
func (c *call) GiveWay() {
	past := time.Unix(1, 0)
	c.readUntil(past)
	c.writeUntil(past)
}

// receivedBody is a whole body.
type receivedBody struct {
	bytes.Reader
	data []byte
}

// Close implements io.Closer.
func (*receivedBody) Close() error { return nil }

// maxKept is the size above which the memory of a body is left to the collector.
const maxKept = 1 << 20

var receivedBodies = sync.Pool{New: func() any { return new(receivedBody) }}

// receiveBody reads the body to its end. Nothing but its bytes, and a place among the calls that still arrive, is held
// meanwhile.
func (s *Server) receiveBody(c *call, r *http.Request) (*receivedBody, error) {
	if !s.arriving.TryTake(&c.arriving, 1, c, c.peer.client) && !s.arrive(c) {
		return nil, ports.NewShed(c.flight.Class(), ports.ShedInFlight, rand.Float64())
	}
	defer s.arriving.Free(&c.arriving)
	c.readUntil(c.start.Add(s.cfg.ReadTimeout))
	b := receivedBodies.Get().(*receivedBody)
	limited := http.MaxBytesReader(c.ResponseWriter, r.Body, s.cfg.MaxBodyBytes+envelopeBytes)
	data, looked, counted := b.data[:0], 0, flight.Small
	for {
		if cap(data)-len(data) < minRead {
			data = append(make([]byte, 0, max(2*cap(data), 4*minRead)), data...)
		}
		n, err := limited.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case errors.Is(err, io.EOF):
			c.received()
			b.data = data
			b.Reset(data)
			return b, nil
		case err != nil:
			b.release()
			return nil, unreadable(err)
		}
		if more := len(data) - counted; more > 0 {
			if err := c.flight.Grow(c.Context, int64(more)); err != nil {
				b.release()
				return nil, err
			}
			counted = len(data)
		}
		now := time.Now()
		c.arriving.Moved(now)
		if len(data)-looked >= looks {
			looked = len(data)
			c.flight.Moved(now)
			c.readUntil(c.start.Add(s.cfg.ReadTimeout + s.earned(looked)))
		}
	}
}

// arrivingPatience is how long a call of which nothing arrives is left alone when others have no place to arrive.
const arrivingPatience = 100 * time.Millisecond

// arrive waits for a place among the calls that arrive.
func (s *Server) arrive(c *call) bool {
	ctx, cancel := context.WithTimeout(c.Context, s.cfg.ReadTimeout)
	defer cancel()
	return s.arriving.Take(ctx, &c.arriving, 1, c, c.peer.client)
}

func (b *receivedBody) release() {
	if cap(b.data) > maxKept {
		b.data = nil
	}
	receivedBodies.Put(b)
}

const (
	// minRead is the least room for a read of a body.
	minRead = 512
	// looks is how much of a long body or answer passes between two looks at the clock.
	looks = 64 << 10
)

// earned is the time that n bytes at the least rate take.
func (s *Server) earned(n int) time.Duration {
	return time.Duration(float64(n) / float64(s.cfg.MinRate) * float64(time.Second))
}

// enter waits until it is the turn of a call whose body of so many bytes has arrived. Its time begins now. leave
// ends what it began.
func (s *Server) enter(c *call, size int) (leave func(), err error) {
	now := time.Now()
	bounded := lazyctx.WithDeadline(c.Context, now.Add(s.deps.Limits.Timeout))
	c.peer.conn.Begin(false)
	leave = func() {
		bounded.Cancel()
		now := time.Now()
		c.flight.Done(now)
		c.peer.conn.End(now)
	}
	c.writeUntil(now.Add(s.cfg.WriteTimeout))
	if err := c.flight.Enter(bounded, flight.Cost(size)); err != nil {
		return leave, err
	}
	bounded.Keep(ports.SlotKey{}, c.flight.Slot())
	c.Context = bounded
	return leave, nil
}

// Write implements io.Writer. The first byte of the answer is the end of the work. A long answer is counted, and gets
// more time as it is taken.
func (c *call) Write(p []byte) (n int, err error) {
	c.flight.Encoded(time.Now())
	if c.stream.isOpen || c.server == nil || len(p) <= flight.Small {
		n, err := c.ResponseWriter.Write(p)
		c.status = max(c.status, http.StatusOK)
		return n, err
	}
	if err := c.flight.Grow(c.Context, int64(len(p))); err != nil {
		c.noRoom = err
		return 0, err
	}
	c.status = max(c.status, http.StatusOK)
	start := time.Now()
	for len(p) > 0 {
		m, err := c.ResponseWriter.Write(p[:min(looks, len(p))])
		n += m
		if err != nil {
			return n, err
		}
		p = p[m:]
		c.flight.Moved(time.Now())
		c.writeUntil(start.Add(c.server.cfg.WriteTimeout + c.server.earned(n)))
	}
	return n, nil
}

// openStream is the stream of a call, if it is one.
type openStream struct {
	flight.Stream
	isOpen bool
}

// gaveWay is the error of a stream that had to end for another.
func gaveWay() error {
	return &domain.Error{
		Kind: domain.KindUnavailable, Msg: "nothing came on this stream for a while, and another one needed its place; open it again to go on",
	}
}
