package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// chunk is a run of lines on its way from the input to the output. It is reused.
type chunk struct {
	text  []byte
	lines [][]byte // into text, blank ones left out; nil stands for one that was too long
	first int      // number of the first line, from 0

	out  []byte
	bad  int
	done chan struct{} // closed when out and bad are set
}

// answerLines sets c.out and c.bad.
type answerLines func(ctx context.Context, c *chunk)

// pump reads lines, lets workers answer chunks of them side by side, and writes the answers in the
// order of the lines. What is under way is bounded: memory does not grow with the input, and when
// nobody takes the answers nothing more is read. A line is answered when it has arrived; reading
// never waits for a chunk to fill.
type pump struct {
	in      io.Reader
	out     io.Writer
	workers int
	maxLine int
	answer  answerLines
	// written is told, after each write, how many lines have been answered.
	written func(lines int)
}

// run returns the number of lines, and of those that could not be answered.
func (p *pump) run(ctx context.Context) (lines, bad int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work, ordered := make(chan *chunk), make(chan *chunk, 2*p.workers)
	used := make(chan *chunk, cap(ordered))

	for range p.workers {
		go func() {
			for c := range work {
				p.answer(ctx, c)
				close(c.done)
			}
		}()
	}
	var readErr error // set before ordered is closed
	go func() {       // not waited for when ctx ends: it may be in a Read that nothing ends
		defer close(ordered)
		defer close(work)
		for r := (lineReader{in: p.in, max: p.maxLine}); readErr == nil; {
			c := reuse(used)
			readErr = r.read(c)
			if len(c.lines) == 0 {
				continue
			}
			select {
			case ordered <- c:
				work <- c
			case <-ctx.Done():
				return
			}
		}
	}()

	for {
		select {
		case <-ctx.Done():
			return lines, bad, ctx.Err()
		case c, more := <-ordered:
			if !more {
				if errors.Is(readErr, io.EOF) {
					readErr = nil
				}
				return lines, bad, errors.Join(readErr, ctx.Err())
			}
			<-c.done
			if _, err := p.out.Write(c.out); err != nil {
				return lines, bad, err
			}
			lines += len(c.lines)
			bad += c.bad
			p.written(lines)
			select {
			case used <- c:
			default: // enough are waiting to be used again
			}
		}
	}
}

// outcome is the error of a command that has pumped: how far it came, or how many lines have an error.
func outcome(lines, bad int, err error, what string) error {
	if err != nil {
		return fmt.Errorf("after %d %s: %w", lines, what, err)
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d %s could not be answered; their lines say why", bad, lines, what)
	}
	return nil
}

func reuse(used <-chan *chunk) *chunk {
	select {
	case c := <-used:
		c.done = make(chan struct{})
		return c
	default:
		return &chunk{done: make(chan struct{})}
	}
}

// readBytes is how much is read at once: some three hundred plain requests, enough to score them as
// a batch.
const readBytes = 64 << 10

// lineReader cuts its input into chunks of whole lines.
type lineReader struct {
	in       io.Reader
	max      int    // longest line
	rest     []byte // the begin of a line whose end has not come
	overlong bool   // rest belongs to a line that is too long, and is dropped
	next     int    // number of the next line
}

// read fills c with the lines that have arrived, at least one unless it returns an error.
func (r *lineReader) read(c *chunk) error {
	c.text, c.lines, c.out, c.bad, c.first = append(c.text[:0], r.rest...), c.lines[:0], c.out[:0], 0, r.next
	r.rest = r.rest[:0]
	for {
		if cap(c.text)-len(c.text) < readBytes {
			c.text = append(make([]byte, 0, 2*cap(c.text)+readBytes), c.text...)
		}
		n, err := r.in.Read(c.text[len(c.text) : len(c.text)+readBytes])
		c.text = c.text[:len(c.text)+n]
		if err == nil && bytes.IndexByte(c.text[len(c.text)-n:], '\n') < 0 {
			// Still inside one line. What is beyond the limit need not be kept.
			if r.overlong = r.overlong || len(c.text) > r.max; r.overlong {
				c.text = c.text[:0]
			}
			continue
		}
		r.cut(c, err != nil)
		if len(c.lines) > 0 || err != nil {
			return err
		}
		c.text = append(c.text[:0], r.rest...) // blank lines only
		r.rest = r.rest[:0]
	}
}

// cut finds the lines in c.text; at the end of the input the last one needs no newline.
func (r *lineReader) cut(c *chunk, last bool) {
	for text := c.text; len(text) > 0 || last && r.overlong; {
		line, after, ended := bytes.Cut(text, []byte{'\n'})
		if !ended && !last {
			r.rest = append(r.rest, line...)
			break
		}
		text = after
		switch {
		case r.overlong || len(line) > r.max:
			r.overlong = false
			c.lines = append(c.lines, nil)
		case len(bytes.TrimSpace(line)) > 0:
			c.lines = append(c.lines, line)
		}
	}
	r.next += len(c.lines)
}
