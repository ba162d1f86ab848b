package fiberhttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/adapters/transport/internal/flight"
	"github.com/guardy-ai/guardy/adapters/transport/internal/lazyctx"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

const (
	// streamBlock is how many lines one worker decodes, scores and encodes at a time.
	streamBlock = 256
	// streamBuffer is how much is read at once; a longer line grows it up to the limit.
	streamBuffer = 64 << 10
)

// assessStream answers an NDJSON body line by line as it arrives.
//
// fasthttp pulls the answer with Read on the goroutine of the connection, and every Read reads on: so
// memory is constant, a client that does not receive is not read from either, and nothing touches the
// connection after fasthttp has taken it back. A Read never waits for more lines while it has one to
// answer; the lines that came together are worked on by all processors.
func (s *Server) assessStream(x *exchange) error {
	if err := x.accepts(typeNDJSON); err != nil {
		return err
	}
	if x.dry {
		return x.priced(ports.CostPlace, true, "line")
	}
	x.ctx = lazyctx.WithDeadline(x.traced, time.Now().Add(s.deps.Limits.Timeout))
	if err := x.stream.Open(x.ctx, s.flights, x, x.client()); err != nil {
		return err
	}
	body, err := x.encoded(x.rawBody())
	if err != nil {
		return err
	}
	to, err := s.deps.Batch.Begin(x.ctx)
	if err != nil {
		return err
	}
	x.streaming = true
	x.Response.Header.SetContentType(typeNDJSON)
	x.Response.Header.Set("Cache-Control", "no-store")
	x.Response.Header.Set("X-Accel-Buffering", "no") // proxies must not collect lines
	x.Response.ImmediateHeaderFlush = true
	// A body that is not read to its end would be taken for the next request, and whether it will be
	// is not known when the headers leave.
	x.SetConnectionClose()
	t := &stream{
		x: x, from: body, conn: x.Conn(), limit: int(s.cfg.MaxLineBytes), shares: make([][]byte, runtime.GOMAXPROCS(0)),
		answers: contractjson.NewFloodRiskLines(to, int(s.cfg.MaxLineBytes), contractjson.Asking{Fresh: x.fresh(), Now: time.Now}),
	}
	s.drain.add(t)
	x.SetBodyStream(t, -1)
	return nil
}

// stream is the body of the answer.
type stream struct {
	x       *exchange
	from    io.Reader
	conn    net.Conn
	limit   int // of a line
	answers *contractjson.FloodRiskLines
	shares  [][]byte // the answers of each worker's share of the lines

	in       []byte // read, and not yet answered: in[done:]
	done     int
	searched int // in[done:searched] has no newline
	overlong bool
	ended    error // why nothing more comes; io.EOF at the end of the body
	index    int   // of the next line

	lines [][]byte // those under way; nil stands for one that was too long
	out   []byte   // encoded, and not yet sent: out[sent:]
	sent  int
}

// Read implements io.Reader.
func (t *stream) Read(p []byte) (int, error) {
	for t.sent == len(t.out) {
		t.out, t.sent = t.out[:0], 0
		t.collect()
		if len(t.lines) > 0 {
			t.answer()
			continue
		}
		if t.ended != nil {
			t.x.drained = errors.Is(t.ended, io.EOF)
			return 0, t.ended
		}
		t.fill()
	}
	n := copy(p, t.out[t.sent:])
	t.sent += n
	// The client has this long to take it.
	now := time.Now()
	_ = t.conn.SetWriteDeadline(now.Add(t.x.server.cfg.WriteTimeout))
	t.x.stream.Moved(now)
	return n, nil
}

// Close implements io.Closer; fasthttp calls it when the answer has ended, well or not.
func (t *stream) Close() error {
	if t.ended != nil && !errors.Is(t.ended, io.EOF) {
		t.x.cause = t.ended
	}
	if z, ok := t.from.(*inflater); ok {
		z.release()
	}
	t.x.server.drain.remove(t)
	t.x.stream.Close()
	t.x.server.finish(t.x)
	return nil
}

// fill reads once, whatever is there.
func (t *stream) fill() {
	t.in = append(t.in[:0], t.in[t.done:]...)
	t.searched -= t.done
	t.done = 0
	if len(t.in) == cap(t.in) {
		t.in = append(make([]byte, 0, max(2*cap(t.in), streamBuffer)), t.in...)
	}
	drain := &t.x.server.drain
	stopping := drain.patience(t.conn, t.x.server.cfg.StreamIdleTimeout)
	n, err := t.from.Read(t.in[len(t.in):cap(t.in)])
	switch {
	case err != nil && !errors.Is(err, io.EOF) && !stopping && drain.begun():
		return // the service began to stop during the read; the next one finds out what the client is owed
	case stopping && (err == nil || !errors.Is(err, io.EOF)):
		t.stop(n > 0)
		return
	}
	t.in = t.in[:len(t.in)+n]
	switch {
	case errors.Is(err, io.EOF):
		t.ended = io.EOF
	case err != nil:
		t.ended = bodyError(err)
	}
}

// stop ends the stream of a service that stops. Everything that was read is answered by now. A client that has sent
// more is told so in a last line: an answer that is merely short would be taken for a whole one.
func (t *stream) stop(more bool) {
	pending := t.overlong || len(bytes.TrimSpace(t.in)) > 0
	t.in, t.searched, t.overlong, t.ended = t.in[:0], 0, false, io.EOF
	if !more && !pending {
		return
	}
	rest := t.in[:cap(t.in)]
	_ = t.conn.SetReadDeadline(time.Now().Add(discardTime))
	for err := error(nil); err == nil; {
		_, err = t.from.Read(rest)
	}
	t.out = append(contractjson.AppendItemError(t.out, t.index, &domain.Error{
		Kind: domain.KindUnavailable, Op: "http", Msg: fmt.Sprintf("the service is stopping: "+
			"the lines from index %d on are not answered; send them again", t.index),
	}), '\n')
}

// collect finds the lines that have arrived.
func (t *stream) collect() {
	t.lines = t.lines[:0]
	for len(t.lines) < streamBlock*len(t.shares) {
		end := bytes.IndexByte(t.in[t.searched:], '\n')
		if end < 0 {
			t.searched = len(t.in)
			t.rest()
			return
		}
		end += t.searched
		t.line(t.in[t.done:end])
		t.done, t.searched = end+1, end+1
	}
}

// rest deals with what has no newline: the last line at the end, or a line that is too long already.
func (t *stream) rest() {
	switch {
	case errors.Is(t.ended, io.EOF):
		t.line(t.in[t.done:])
		t.done = len(t.in)
	case len(t.in)-t.done > t.limit:
		t.overlong = true
		t.done = len(t.in)
	}
}

func (t *stream) line(line []byte) {
	switch {
	case t.overlong || len(line) > t.limit:
		t.overlong = false
		t.lines = append(t.lines, nil)
	case len(bytes.TrimSpace(line)) > 0: // a blank line asks nothing
		t.lines = append(t.lines, line)
	}
}

// answer encodes the answers of the lines under way into out, in their order.
func (t *stream) answer() {
	if err := t.x.lines(len(t.lines)); err != nil {
		t.out = errorItems(t.out, len(t.lines), t.index, err)
		t.index += len(t.lines)
		return
	}
	ctx, cancel := context.WithTimeout(t.x.traced, t.x.server.deps.Limits.Timeout)
	defer cancel()
	bytes := 0
	for _, line := range t.lines {
		bytes += len(line)
	}
	slot, err := t.x.stream.Block(ctx, flight.Cost(bytes))
	if err != nil {
		t.refuse(err)
		return
	}
	t.x.conn.Begin(false)
	defer func() {
		t.x.stream.Blocked(slot)
		t.x.conn.End(time.Now())
	}()
	var wg sync.WaitGroup
	used := 0
	for rest := t.lines; len(rest) > 0; used++ {
		// Few lines are not worth the hand-over; many are shared equally.
		n := min(len(rest), max(streamBlock/8, (len(t.lines)+len(t.shares)-1)/len(t.shares)))
		share, lines, first := &t.shares[used], rest[:n], t.index
		rest = rest[n:]
		t.index += n
		if len(rest) == 0 {
			t.answerShare(ctx, share, lines, first)
		} else {
			wg.Go(func() { t.answerShare(ctx, share, lines, first) })
		}
	}
	wg.Wait()
	for _, share := range t.shares[:used] {
		t.out = append(t.out, share...)
	}
}

// refuse answers the lines under way, whose turn did not come in time.
func (t *stream) refuse(err error) {
	t.x.server.tellShed(t.x, err)
	for range t.lines {
		t.out = append(contractjson.AppendItemError(t.out, t.index, err), '\n')
		t.index++
	}
}

// answerShare answers lines into out. A panic is an error of each of them.
func (t *stream) answerShare(ctx context.Context, out *[]byte, lines [][]byte, first int) {
	defer func() {
		if r := recover(); r != nil {
			err := fmt.Errorf("panic: %v\n%s", r, debug.Stack())
			t.x.server.deps.Logger.ErrorContext(ctx, "stream", "error", err)
			*out = (*out)[:0]
			for i := range lines {
				*out = append(contractjson.AppendItemError(*out, first+i, err), '\n')
			}
		}
	}()
	*out, _ = t.answers.Append(ctx, (*out)[:0], lines, first)
}
