package fiberhttp

import (
	"context"
	"fmt"
	"sync"

	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

// LineOptions are what a line cannot say about itself.
type LineOptions struct {
	// MaxBytes is the limit of a line, for the error of one that is longer.
	MaxBytes int
	// Explain is what an absent `explain` means.
	Explain bool
	// Fresh by-passes the cache.
	Fresh bool
}

// Lines answers the lines of an NDJSON body. The command line uses it without a server, so what it
// writes for a line is what the API writes. It is safe for concurrent use.
type Lines struct {
	to      ports.RiskBatch
	options LineOptions
	scratch sync.Pool // *lineScratch
}

// lineScratch is the memory of one run of lines.
type lineScratch struct {
	wire  wireRequest
	items batchItems
}

// NewLines returns Lines that asks to.
func NewLines(to ports.RiskBatch, options LineOptions) *Lines {
	return &Lines{to: to, options: options, scratch: sync.Pool{New: func() any { return new(lineScratch) }}}
}

// Append answers lines with one item each, in their order, appended to out with a newline each. first is
// the index of the first; a nil line stands for one that was longer than the limit. It returns out and
// how many could not be answered.
func (l *Lines) Append(ctx context.Context, out []byte, lines [][]byte, first int) (_ []byte, failed int) {
	s := l.scratch.Get().(*lineScratch)
	defer l.scratch.Put(s)
	s.items = s.items.recycled()
	var r risk.Request
	for _, line := range lines {
		var err error
		if line == nil {
			err = lineTooLong(l.options.MaxBytes)
		} else {
			err = s.wire.question(strictjson.Decode(line, &s.wire, strictjson.Options{}), &r, l.options.Explain, l.options.Fresh)
		}
		s.items.add(&r, err)
	}
	s.items.makeOutcomes()
	l.to.Assess(ctx, s.items.requests, s.items.outcomes)
	for i := range lines {
		r, a, err := s.items.result(i)
		if err != nil {
			failed++
		}
		out = append(appendPrediction(out, first+i, r, a, err, ""), '\n')
	}
	return out, failed
}

// appendLines is Append of what answers each line by itself.
func appendLines(
	ctx context.Context, out []byte, lines [][]byte, first, maxBytes int, answer func(ctx context.Context, out, line []byte) ([]byte, error),
) (_ []byte, failed int) {
	for i, line := range lines {
		err := lineTooLong(maxBytes)
		if line != nil {
			out, err = answer(ctx, out, line)
		}
		if err != nil {
			failed++
			out = appendPrediction(out, first+i, nil, nil, err, "")
		}
		out = append(out, '\n')
	}
	return out, failed
}

func lineTooLong(maxBytes int) error {
	return &domain.Error{
		Kind: domain.KindTooLarge, Op: "lines",
		Msg: fmt.Sprintf("the line is larger than the %d bytes that are allowed", maxBytes),
	}
}
