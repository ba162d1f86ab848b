package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// echo answers a line with its number and itself.
func echo(_ context.Context, c *chunk) {
	c.out, c.bad = c.out[:0], 0
	for i, line := range c.lines {
		text := string(line)
		if line == nil {
			text = "too long"
			c.bad++
		}
		c.out = fmt.Appendf(c.out, "%d %s\n", c.first+i, text)
	}
}

// expected is what echo makes of text when it is read in one piece.
func expected(text string, maxLine int) (out string, lines, bad int) {
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case len(line) > maxLine:
			fmt.Fprintf(&b, "%d too long\n", lines)
			bad++
		case strings.TrimSpace(line) == "":
			continue
		default:
			fmt.Fprintf(&b, "%d %s\n", lines, line)
		}
		lines++
	}
	return b.String(), lines, bad
}

func TestAnswersComeInTheOrderOfTheLinesHoweverTheyAreRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("ab \n"))).Draw(t, "text")
		workers := rapid.IntRange(1, 4).Draw(t, "workers")
		var in io.Reader = strings.NewReader(text)
		switch rapid.IntRange(0, 3).Draw(t, "reader") {
		case 1:
			in = iotest.OneByteReader(in)
		case 2:
			in = iotest.HalfReader(in)
		case 3:
			in = iotest.DataErrReader(in)
		}
		const maxLine = 6
		var out bytes.Buffer
		p := pump{in: in, out: &out, workers: workers, maxLine: maxLine, answer: echo, written: func(int) {}}
		lines, bad, err := p.run(context.Background())
		want, wantLines, wantBad := expected(text, maxLine)
		if err != nil || out.String() != want || lines != wantLines || bad != wantBad {
			t.Fatalf("%q: got %q, %d lines, %d bad, %v; want %q, %d, %d", text, out.String(), lines, bad, err, want, wantLines, wantBad)
		}
	})
}

func TestALineIsAnsweredBeforeTheNextOneIsTyped(t *testing.T) {
	typed, keyboard := io.Pipe()
	screen, shown := io.Pipe()
	p := pump{in: typed, out: shown, workers: 2, maxLine: 100, answer: echo, written: func(int) {}}
	ended := make(chan error, 1)
	go func() {
		_, _, err := p.run(context.Background())
		ended <- err
	}()
	for i := range 3 {
		if _, err := fmt.Fprintf(keyboard, "line %d\n", i); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("%d line %d\n", i, i)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(screen, got); err != nil || string(got) != want {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	if err := keyboard.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestABrokenInputIsReportedAfterWhatCameBefore(t *testing.T) {
	broken := errors.New("the disk is gone")
	var out bytes.Buffer
	p := pump{in: io.MultiReader(strings.NewReader("a\nb\n"), iotest.ErrReader(broken)), out: &out, workers: 2, maxLine: 100, answer: echo, written: func(int) {}}
	lines, _, err := p.run(context.Background())
	if !errors.Is(err, broken) || lines != 2 || out.String() != "0 a\n1 b\n" {
		t.Errorf("got %q, %d lines, %v", out.String(), lines, err)
	}
}

func TestAReaderThatGoesAwayStopsTheWork(t *testing.T) {
	gone := errors.New("broken pipe")
	p := pump{
		in: strings.NewReader(strings.Repeat("line\n", 1e5)), out: failingWriter{gone}, workers: 2, maxLine: 100,
		answer: echo, written: func(int) {},
	}
	if _, _, err := p.run(context.Background()); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestASignalEndsAWaitForInput(t *testing.T) {
	never, keyboard := io.Pipe()
	defer func() { _ = keyboard.Close() }()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p := pump{in: never, out: io.Discard, workers: 1, maxLine: 100, answer: echo, written: func(int) {}}
	if _, _, err := p.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
