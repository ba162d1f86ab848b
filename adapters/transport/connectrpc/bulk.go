package connectrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

// blockSize is how many questions of a stream are scored at once, and how far reading runs ahead of
// scoring. It bounds the memory of a stream.
const blockSize = 64

// arrival is one message of a stream.
type arrival struct {
	request risk.Request
	refused error
}

type floodRiskStream = connect.BidiStream[assessRequest, itemAnswer]

// stream answers in blocks: whatever has arrived, up to blockSize, is scored together, so that a fast
// sender gets the speed of a batch and a slow one an answer at once. When the answers are not taken,
// sending blocks, then the channel fills, then HTTP/2 flow control stops the sender.
func (s *Server) stream(ctx context.Context, stream *floodRiskStream) error {
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
	var b contractjson.Items
	for index := 0; ; index += b.Len() {
		b = b.Recycled()
		select {
		case <-s.draining:
			return &domain.Error{Kind: domain.KindUnavailable, Msg: "the service is stopping; continue elsewhere"}
		case first, more := <-arrivals:
			if !more {
				err := <-received
				if err != nil && c.stream.GaveWay() {
					return gaveWay()
				}
				return err
			}
			b.Add(&first.request, first.refused)
		}
		fill(&b, arrivals)
		if err := s.send(ctx, stream, c, &b, to, index); err != nil {
			return err
		}
	}
}

// fill takes what has arrived without waiting for more.
func fill(b *contractjson.Items, arrivals <-chan arrival) {
	for b.Len() < blockSize {
		select {
		case a, more := <-arrivals:
			if !more {
				return // the caller sees the closed channel next
			}
			b.Add(&a.request, a.refused)
		default:
			return
		}
	}
}

func (s *Server) send(
	ctx context.Context, stream *floodRiskStream, c *call, b *contractjson.Items, to ports.RiskBatch, index int,
) error {
	ctx, cancel := context.WithTimeout(ctx, s.deps.Limits.Timeout)
	defer cancel()
	c.writeUntil(time.Now().Add(s.cfg.WriteTimeout))
	b.MakeOutcomes()
	if refused := s.spend(ctx, b.Len()*ports.CostPlace); refused != nil {
		for i := range b.Outcomes {
			b.Outcomes[i].Err = refused
		}
	} else if len(b.Requests) > 0 {
		slot, err := c.stream.Block(ctx, 1+len(b.Requests)/blockSize)
		if err != nil { // its turn did not come in time
			for i := range b.Outcomes {
				b.Outcomes[i].Err = err
			}
		} else {
			to.Assess(ctx, b.Requests, b.Outcomes)
			c.stream.Blocked(slot)
		}
	}
	s.logInternal(ctx, b)
	for i := range b.Len() {
		answer := itemAnswer{func(dst []byte) []byte { return b.AppendItem(dst, i, index) }}
		if err := stream.Send(&answer); err != nil {
			return err
		}
	}
	c.flush()
	c.stream.Moved(time.Now())
	return nil
}

// receive reads until the client has sent everything (nil), the stream breaks or ctx ends. It runs beside
// the handler, where nobody else would recover a panic.
func (s *Server) receive(
	ctx context.Context, stream *floodRiskStream, to chan<- arrival,
) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	c, how := callOf(ctx), contractjson.Asking{Fresh: fresh(stream.RequestHeader()), Now: time.Now}
	var extended time.Time
	for {
		// Moving the deadline costs more than receiving a message, so it moves in steps.
		if now := time.Now(); now.Sub(extended) > s.cfg.StreamIdleTimeout/8 {
			extended = now
			c.readUntil(now.Add(s.cfg.StreamIdleTimeout))
		}
		in, err := stream.Receive()
		c.stream.Moved(time.Now())
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var a arrival
		a.refused = in.request().Question(in.shape, &a.request, how)
		select {
		case to <- a:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
