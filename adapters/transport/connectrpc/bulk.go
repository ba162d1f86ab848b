package connectrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"connectrpc.com/connect"

	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

// block is a run of questions that are scored together. It is reused.
type block struct {
	asked    []asked
	requests []risk.Request // those that are not refused already
	outcomes []risk.Outcome
}

type asked struct {
	prefix  string // the question's place in the request
	refused error  // what was wrong with its shape
}

func (b *block) add(r risk.Request, prefix string, refused error) {
	b.asked = append(b.asked, asked{prefix, refused})
	if refused == nil {
		b.requests = append(b.requests, r)
	}
}

func (b *block) reset() { b.asked, b.requests = b.asked[:0], b.requests[:0] }

// answer asks the questions at once and yields every item in order; base is the index of the first.
func (b *block) answer(
	ctx context.Context, s *Server, to ports.RiskBatch, base int64, yield func(*guardyv1.FloodRiskPrediction) error,
) error {
	b.outcomes = slices.Grow(b.outcomes[:0], len(b.requests))[:len(b.requests)]
	clear(b.outcomes)
	if len(b.requests) > 0 {
		to.Assess(ctx, b.requests, b.outcomes)
	}
	next := 0
	for i, q := range b.asked {
		index, err := base+int64(i), q.refused
		var out *guardyv1.FloodRiskPrediction
		if err == nil {
			r, o := &b.requests[next], &b.outcomes[next]
			next++
			if err = under(q.prefix, o.Err); err == nil {
				out = item(index, r, &o.Assessment)
			}
		}
		if err != nil {
			out = failedItem(index, s.itemError(ctx, err))
		}
		if err := yield(out); err != nil {
			return err
		}
	}
	return nil
}

// under moves the pointers of an item's error to the item's place.
func under(prefix string, err error) error {
	var e *domain.Error
	if prefix == "" || !errors.As(err, &e) || len(e.Violations) == 0 {
		return err
	}
	moved := *e
	moved.Violations = strictjson.Under(prefix, e.Violations)
	return &moved
}

// itemError classifies the error of one item, and logs what the client will not be told.
func (s *Server) itemError(ctx context.Context, err error) *domain.Error {
	e := domainError(err)
	if e.Kind == domain.KindInternal {
		c := callOf(ctx)
		s.log.ErrorContext(ctx, "internal error", "route", c.route, "request_id", c.id, "error", err)
	}
	return e
}

// blockSize is how many questions of a stream are scored at once, and how far reading runs ahead of
// scoring. It bounds the memory of a stream.
const blockSize = 64

// arrival is one message of a stream.
type arrival struct {
	request risk.Request
	refused error
}

// stream answers in blocks: whatever has arrived, up to blockSize, is scored together, so that a fast
// sender gets the speed of a batch and a slow one an answer at once. When the answers are not taken,
// sending blocks, then the channel fills, then HTTP/2 flow control stops the sender.
func (s *Server) stream(ctx context.Context, stream *connect.BidiStream[assessRequest, guardyv1.FloodRiskPrediction]) error {
	to, err := s.deps.Batch.Begin(ctx)
	if err != nil {
		return err
	}
	c := callOf(ctx)
	ctx, cancel := context.WithCancel(ctx)
	arrivals, received := make(chan arrival, blockSize), make(chan error, 1)
	read := sync.WaitGroup{}
	read.Go(func() {
		defer close(arrivals)
		received <- s.receive(ctx, stream, arrivals)
	})
	defer func() { // the reader must not outlive the call
		cancel()
		c.readUntil(time.Unix(1, 0)) // wakes it when it waits for the client
		read.Wait()
		c.hold = false
	}()

	c.hold = true
	var b block
	for index := int64(0); ; index += int64(len(b.asked)) {
		b.reset()
		select {
		case <-s.draining:
			return &domain.Error{Kind: domain.KindUnavailable, Msg: "the service is stopping; continue elsewhere"}
		case first, more := <-arrivals:
			if !more {
				return <-received
			}
			b.add(first.request, "", first.refused)
		}
		b.fill(arrivals)
		if err := s.send(ctx, stream, c, &b, to, index); err != nil {
			return err
		}
	}
}

// fill takes what has arrived without waiting for more.
func (b *block) fill(arrivals <-chan arrival) {
	for len(b.asked) < blockSize {
		select {
		case a, more := <-arrivals:
			if !more {
				return // the caller sees the closed channel next
			}
			b.add(a.request, "", a.refused)
		default:
			return
		}
	}
}

func (s *Server) send(
	ctx context.Context, stream *connect.BidiStream[assessRequest, guardyv1.FloodRiskPrediction],
	c *call, b *block, to ports.RiskBatch, index int64,
) error {
	ctx, cancel := context.WithTimeout(ctx, s.deps.Limits.Timeout)
	defer cancel()
	c.writeUntil(time.Now().Add(s.cfg.WriteTimeout))
	if err := b.answer(ctx, s, to, index, stream.Send); err != nil {
		return err
	}
	c.flush()
	return nil
}

// receive reads until the client has sent everything (nil), the stream breaks or ctx ends. It runs beside
// the handler, where nobody else would recover a panic.
func (s *Server) receive(
	ctx context.Context, stream *connect.BidiStream[assessRequest, guardyv1.FloodRiskPrediction], to chan<- arrival,
) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	c, noCache := callOf(ctx), fresh(stream.RequestHeader())
	var extended time.Time
	for {
		// Moving the deadline costs more than receiving a message, so it moves in steps.
		if now := time.Now(); now.Sub(extended) > s.cfg.StreamIdleTimeout/8 {
			extended = now
			c.readUntil(now.Add(s.cfg.StreamIdleTimeout))
		}
		in, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		r, shape := question(&in.msg, false, noCache)
		refused := in.malformed()
		if refused == nil {
			refused = refusal(append(in.violations(), shape...), "", r.Validate)
		}
		select {
		case to <- arrival{r, refused}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
