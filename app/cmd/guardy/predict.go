package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/app"
	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/hydrograph"
	"github.com/guardy-ai/guardy/app/config"
	"github.com/guardy-ai/guardy/domain/nowcast"
)

type floodRiskCmd struct {
	Explain bool `help:"Give the factors of every answer whose request does not say otherwise."`
}

// Help is shown by guardy predict flood-risk --help.
func (floodRiskCmd) Help() string {
	return `Reads one flood-risk request a line and writes its answer a line, in the same order, exactly as
POST /api/v1/predict/batch answers application/x-ndjson. A line that cannot be answered has an error
in its place; then the exit code is 1.`
}

// Run answers standard input on standard output with one model.
func (f *floodRiskCmd) Run(ctx context.Context, c *cli, std stdio) error {
	return c.answer(ctx, std, func(core app.Core, cfg config.Config) (answering, error) {
		maxLine := limit(cfg, "http.max_line_bytes", usualLineBytes)
		to, err := core.Batch.Begin(ctx)
		if err != nil {
			return answering{}, err
		}
		lines := contractjson.NewFloodRiskLines(to, maxLine, contractjson.Asking{Explain: f.Explain, Now: time.Now})
		return answering{lines: lines, maxLine: maxLine}, nil
	})
}

type anomalyCmd struct{}

// Help is shown by guardy predict anomaly --help.
func (anomalyCmd) Help() string {
	return `Reads one reading of a device a line and writes its answer a line, in the same order, exactly as
POST /api/v1/predict/anomaly answers. Lines without history are judged by what the lines before said of the
device; nothing is kept when the command ends. A line may be as long as the body of a request. A line that
cannot be answered has an error in its place; then the exit code is 1. For a record in CSV, see guardy qc.`
}

// Run answers standard input on standard output.
func (anomalyCmd) Run(ctx context.Context, c *cli, std stdio) error {
	return c.answer(ctx, std, func(core app.Core, cfg config.Config) (answering, error) {
		maxLine := limit(cfg, "http.max_body_bytes", usualBodyBytes)
		return answering{lines: contractjson.NewAnomalyLines(core.Anomaly, maxLine), maxLine: maxLine, inOrder: true}, nil
	})
}

type nowcastCmd struct {
	Picture string `help:"Draw the questions, taken as those of one river, and their answers into an SVG file." placeholder:"FILE"`
}

// Help is shown by guardy predict nowcast --help.
func (nowcastCmd) Help() string {
	return `Reads one nowcast request a line and writes its answer a line, in the same order, exactly as
POST /api/v1/predict/nowcast answers. A line may be as long as the body of a request. A line that cannot
be answered has an error in its place; then the exit code is 1. With --picture, questions asked later
show what became of those asked before; all of them are kept in memory until the end.`
}

// Run answers standard input on standard output.
func (n *nowcastCmd) Run(ctx context.Context, c *cli, std stdio) error {
	var asked []hydrograph.Nowcast
	var mu sync.Mutex
	err := c.answer(ctx, std, func(core app.Core, cfg config.Config) (answering, error) {
		maxLine := limit(cfg, "http.max_body_bytes", usualBodyBytes) // the sequence of a year does not fit a line of questions about a day
		lines := contractjson.NewNowcastLines(core.Nowcast, maxLine)
		if n.Picture != "" {
			lines.Answered = func(r *nowcast.Request, f *nowcast.Forecast) {
				mu.Lock()
				defer mu.Unlock()
				asked = append(asked, hydrograph.Nowcast{Request: *r, Forecast: *f})
			}
		}
		return answering{lines: lines, maxLine: maxLine}, nil
	})
	if n.Picture == "" {
		return err
	}
	return errors.Join(err, n.draw(asked))
}

func (n *nowcastCmd) draw(asked []hydrograph.Nowcast) error {
	title := "Nowcasts"
	if len(asked) > 0 {
		if r := &asked[0].Request; r.LocationName != "" || r.LocationID != "" {
			title += ": " + cmp.Or(r.LocationName, r.LocationID)
		}
	}
	var svg bytes.Buffer
	if err := hydrograph.WriteSVG(&svg, title, asked); err != nil {
		return err
	}
	return os.WriteFile(n.Picture, svg.Bytes(), 0o644)
}

type evacuationCmd struct{}

// Help is shown by guardy predict evacuation-zones --help.
func (evacuationCmd) Help() string {
	return `Reads one evacuation request a line and writes its answer a line, in the same order, exactly as
POST /api/v1/predict/evacuation-zones answers. A line may be as long as the body of a request. A line that
cannot be answered has an error in its place; then the exit code is 1.`
}

// Run answers standard input on standard output.
func (evacuationCmd) Run(ctx context.Context, c *cli, std stdio) error {
	return c.answer(ctx, std, func(core app.Core, cfg config.Config) (answering, error) {
		maxLine := limit(cfg, "http.max_body_bytes", usualBodyBytes)
		return answering{lines: contractjson.NewEvacuationLines(core.Evacuation, maxLine), maxLine: maxLine}, nil
	})
}

// What a line may have where the program has no HTTP transport whose setting says so.
const (
	usualLineBytes = 64 << 10
	usualBodyBytes = 4 << 20
)

// limit returns a size that a setting of the HTTP transport bounds, so that the command line takes what it takes.
func limit(c config.Config, key string, usual int) int {
	if n, ok := config.Value[int64](c, key); ok {
		return int(n)
	}
	return usual
}

// lineAnswerer answers lines of NDJSON: contractjson.FloodRiskLines and its like.
type lineAnswerer interface {
	Append(ctx context.Context, out []byte, lines [][]byte, first int) (_ []byte, failed int)
}

// answering is how the lines of a command are answered.
type answering struct {
	lines   lineAnswerer
	maxLine int  // bytes
	inOrder bool // one line after the other, not side by side
}

// answer pumps standard input through what open makes of the use cases.
func (c *cli) answer(ctx context.Context, std stdio, open func(app.Core, config.Config) (answering, error)) error {
	loaded, err := c.load(std)
	if err != nil {
		return err
	}
	cfg := loaded.Config
	limitCPUs(cfg.Predict.Workers)
	progress := newProgress(std)
	var lines, bad int
	err = app.Offline(ctx, cfg, func(core app.Core) error {
		answers, err := open(core, cfg)
		if err != nil {
			return err
		}
		p := pump{
			in: std.in, out: std.out, workers: runtime.GOMAXPROCS(0), maxLine: answers.maxLine, written: progress.written,
			answer: func(ctx context.Context, c *chunk) { c.out, c.bad = answers.lines.Append(ctx, c.out, c.lines, c.first) },
		}
		if answers.inOrder {
			p.workers = 1
		}
		lines, bad, err = p.run(ctx)
		return err
	})
	progress.end()
	return outcome(lines, bad, err, "requests")
}

// progress shows on a terminal how far the work is. Where standard error is not a terminal it shows
// nothing.
type progress struct {
	w     io.Writer // nil shows nothing
	start time.Time
	shown time.Time
}

// progressPeriod is about as often as an eye can follow.
const progressPeriod = 100 * time.Millisecond

func newProgress(std stdio) *progress {
	f, ok := std.err.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return &progress{}
	}
	return &progress{w: f, start: time.Now()}
}

func (p *progress) written(lines int) {
	now := time.Now()
	if p.w == nil || now.Sub(p.shown) < progressPeriod {
		return
	}
	p.shown = now
	fmt.Fprintf(p.w, "\r\x1b[K%d requests, %.0f/s", lines, float64(lines)/now.Sub(p.start).Seconds())
}

// end clears the line.
func (p *progress) end() {
	if p.w != nil && !p.shown.IsZero() {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
