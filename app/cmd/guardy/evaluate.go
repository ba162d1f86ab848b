package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/guardy-ai/guardy/app"
	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/skill"
	"github.com/guardy-ai/guardy/app/config"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

type evaluateCmd struct {
	File            string `arg:"" help:"CSV file with a header, gzip allowed; - reads standard input."`
	Label           string `help:"Column that says whether the flood came: 1 or 0, true or false." default:"flood" placeholder:"COLUMN"`
	Against         string `help:"Second model to compare with: a folder of models as MODEL_PATH takes it, the folder of one risk model, or a version that the binary holds, as 1.0.0." placeholder:"MODEL"`
	Daily           bool   `help:"The lines are the days of places in the order of their dates: what a request needs of other days is taken from their lines."`
	SpinUp          int    `help:"With --daily, days at the start of each place that only serve as history." default:"0" placeholder:"DAYS"`
	PerfectForecast bool   `help:"With --daily, tomorrow's rain of the record stands for its forecast. No forecast is so good: the figures flatter."`
	Group           string `help:"Column to report by, for example the river or the season." placeholder:"COLUMN"`
	Out             string `help:"Folder for report.json, report.txt and reliability.svg; made when it is not there." placeholder:"DIR"`
	JSON            bool   `help:"Write the report as JSON on standard output." name:"json"`
}

// Help is shown by guardy evaluate --help.
func (evaluateCmd) Help() string {
	return `Columns are named as the fields of a flood-risk request: latitude, longitude, rainfall_mm, date,
rainfall_7d_mean, …, river.value, river.normal, river.flood_threshold, site.area_km2 (or area_km2).
rainfall_history_mm (or weather_history.rainfall_mm), weather_history.temperature and river.history are one
cell each, yesterday first, separated by blanks or semicolons, or the columns river.history.0 (yesterday),
.1, …; rainfall_forecast_mm has tomorrow first. An empty cell, NA or NaN is missing. A line without a label
is left out. Columns that are not used are named on standard error.

With --daily each line is one day of a place (location_id, else the coordinates), in the order of its dates:
rainfall_mm, temperature, humidity and river.value are those of that day. The history of the weather and of
the river are the lines before; the river's value of a day is an input from the next day on, because it is
not known in time. A date without a line is not known. rainfall_forecast_mm, where given, is the forecast made that day;
--perfect-forecast takes the rain of the next line instead. Without the label's column the label is flood today or tomorrow:
river.value at or above river.flood_threshold, of the line or of the site register.

With --against two models answer every line, and the report adds who moved and whether it was better: cases
by the levels before and after with their floods; by the level to warn from, what only one of the models
warns of, POD and FAR; the places that moved most. Before is the model of --against, after the served one.
Intervals are of 90 % over places (--group, else location_id, else the coordinates), drawn anew with
replacement: the days of one place are not independent. They need five places.`
}

// evaluation is the report of one run.
type evaluation struct {
	Model          versionModel            `json:"model"`
	Event          string                  `json:"flood_definition"`
	Data           string                  `json:"data"`
	Lines          int                     `json:"lines"`
	Unlabelled     int                     `json:"unlabelled"`
	Daily          *dailyCounts            `json:"daily,omitempty"`
	Bad            int                     `json:"bad"`
	IgnoredColumns []string                `json:"ignored_columns"`
	Missing        map[string]int          `json:"missing_inputs"`
	OutOfDomain    map[string]int          `json:"out_of_domain_inputs"`
	Overall        skill.Report            `json:"overall"`
	Groups         map[string]skill.Report `json:"groups,omitempty"`
	Against        *versionModel           `json:"against,omitempty"`
	Comparison     *skill.Comparison       `json:"comparison,omitempty"`
}

// Run scores the served model. Lines that cannot be read are reported and left out; then the exit
// code is 1, because the figures are not those of the whole file.
func (e *evaluateCmd) Run(ctx context.Context, c *cli, std stdio) error {
	loaded, err := c.load(std)
	if err != nil {
		return err
	}
	if !e.Daily && (e.SpinUp != 0 || e.PerfectForecast) {
		return errors.New("--spin-up and --perfect-forecast need --daily")
	}
	in, name, err := openInput(e.File, std)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // read only: nothing is lost
	table, err := newTable(in, e.Label, e.Group, e.Daily)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, column := range table.ignored {
		fmt.Fprintf(std.err, "guardy: column %q is not a field of a request and is not used\n", column)
	}

	limitCPUs(loaded.Config.Predict.Workers)
	ev := scorer{bad: badLines{w: std.err}, cases: map[string][]skill.Case{}}
	var lines source = table
	var days *dailyTable
	if e.Daily {
		if days, err = newDailyTable(table, loaded.Config.Sites, e.SpinUp, e.PerfectForecast); err != nil {
			return err
		}
		lines = days
	}
	model, against, err := e.answer(ctx, loaded.Config, lines, &ev)
	if err != nil {
		return err
	}
	report := evaluation{
		Model: versionOf(model), Event: risk.FloodDefinition, Data: name,
		Lines: table.lines, Unlabelled: ev.unlabelled, Bad: ev.bad.n, IgnoredColumns: table.ignored,
		Missing: names(ev.missing), OutOfDomain: names(ev.outOfDomain),
	}
	if days != nil {
		days.counts.PerfectForecast = e.PerfectForecast
		report.Daily = &days.counts
	}
	var all []skill.Case
	for _, cases := range ev.cases {
		all = append(all, cases...)
	}
	if len(all) == 0 {
		return fmt.Errorf("%s holds no line that can be scored; is the label in column %q?", name, e.Label)
	}
	report.Overall = skill.Score(all)
	if e.Group != "" {
		report.Groups = map[string]skill.Report{}
		for group, cases := range ev.cases {
			report.Groups[group] = skill.Score(cases)
		}
	}
	if e.Against != "" {
		slices.SortFunc(ev.pairs, func(a, b skill.Pair) int { return a.Line - b.Line }) // blocks end in any order
		comparison, other := skill.Compare(ev.pairs), versionOf(against)
		report.Against, report.Comparison = &other, &comparison
	}
	if err := e.write(report, std); err != nil {
		return err
	}
	if ev.bad.n > 0 {
		return fmt.Errorf("%d of %d lines could not be used; the figures leave them out", ev.bad.n, table.lines)
	}
	return nil
}

// answer scores the lines of the table with the served model, and with the other one where there is one.
func (e *evaluateCmd) answer(ctx context.Context, cfg config.Config, t source, s *scorer) (model, against domain.ModelRef, err error) {
	score := func(other ports.RiskBatch) func(app.Core) error {
		return func(core app.Core) error {
			batch, err := core.Batch.Begin(ctx)
			if err != nil {
				return err
			}
			model = batch.Model()
			return s.run(ctx, t, batch, other)
		}
	}
	if e.Against == "" {
		return model, against, app.Offline(ctx, cfg, score(nil))
	}
	path, remove, err := modelFolder(e.Against)
	if err != nil {
		return model, against, fmt.Errorf("--against %s: %w", e.Against, err)
	}
	defer remove()
	second := cfg
	second.Models.Source, second.Models.Path = "dir", path
	err = app.Offline(ctx, second, func(core app.Core) error {
		other, err := core.Batch.Begin(ctx)
		if err != nil {
			return err
		}
		against = other.Model()
		return app.Offline(ctx, cfg, score(other))
	})
	return model, against, err
}

func versionOf(m domain.ModelRef) versionModel {
	return versionModel{string(m.Name), m.Version, m.Digest}
}

// openInput opens a file, inflated when it is gzip; - is standard input. It returns the name to call it by.
func openInput(path string, std stdio) (io.ReadCloser, string, error) {
	in := io.NopCloser(std.in)
	name := "standard input"
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, "", err
		}
		in, name = f, filepath.Base(path)
	}
	buffered := bufio.NewReaderSize(in, 1<<16)
	if magic, _ := buffered.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return readCloser{buffered, in}, name, nil
	}
	inflated, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, "", errors.Join(fmt.Errorf("%s: %w", name, err), in.Close())
	}
	return readCloser{inflated, in}, name, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// write puts the report where it was asked for.
func (e *evaluateCmd) write(report evaluation, std stdio) error {
	encoded, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	encoded = append(encoded, '\n')
	var text bytes.Buffer
	if err := report.writeText(&text); err != nil {
		return err
	}
	if e.Out != "" {
		title := fmt.Sprintf("%s %s on %s", report.Model.Name, report.Model.Version, report.Data)
		var picture bytes.Buffer
		if err := report.Overall.WriteSVG(&picture, title); err != nil {
			return err
		}
		if err := os.MkdirAll(e.Out, 0o755); err != nil {
			return err
		}
		for name, content := range map[string][]byte{"report.json": encoded, "report.txt": text.Bytes(), "reliability.svg": picture.Bytes()} {
			if err := os.WriteFile(filepath.Join(e.Out, name), content, 0o644); err != nil {
				return err
			}
		}
	}
	if e.JSON {
		_, err = std.out.Write(encoded)
	} else {
		_, err = text.WriteTo(std.out)
	}
	return err
}

func (r *evaluation) writeText(w io.Writer) error {
	fmt.Fprintf(w, "%s %s (%s) on %s\n", r.Model.Name, r.Model.Version, r.Model.Digest, r.Data)
	fmt.Fprintf(w, "lines %d, without a label %d, bad %d\n", r.Lines, r.Unlabelled, r.Bad)
	if d := r.Daily; d != nil {
		if d.PerfectForecast {
			fmt.Fprintln(w, "forecast: the rain that came (--perfect-forecast); with a real one the figures are lower")
		}
		fmt.Fprintf(w, "places %d; days that only serve as history %d, without rain %d; values that count as missing %d\n",
			d.Places, d.SpinUp, d.NoRain, d.Discarded)
	}
	for _, list := range []struct {
		what   string
		counts map[string]int
	}{{"missing", r.Missing}, {"out of domain", r.OutOfDomain}} {
		if len(list.counts) == 0 {
			continue
		}
		items := slices.Sorted(maps.Keys(list.counts))
		for i, name := range items {
			items[i] = fmt.Sprintf("%s (%d)", name, list.counts[name])
		}
		fmt.Fprintf(w, "%s: %s\n", list.what, strings.Join(items, ", "))
	}
	if err := r.Overall.WriteText(w); err != nil {
		return err
	}
	if len(r.Groups) > 0 {
		if err := skill.WriteGroups(w, r.Groups); err != nil {
			return err
		}
	}
	if r.Comparison == nil {
		return nil
	}
	return r.Comparison.WriteText(w, r.Against.Version, r.Model.Version)
}

// source gives labelled requests: io.EOF after the last, or a *lineError for one that cannot be used.
type source interface{ next() (line, error) }

// scorer answers the lines of a table on all processors and keeps what is scored.
type scorer struct {
	bad badLines

	mu                   sync.Mutex // guards what follows
	cases                map[string][]skill.Case
	pairs                []skill.Pair // where two models answer
	unlabelled           int
	missing, outOfDomain [risk.NumInputs]int
}

// evaluateBlock is how many lines are answered at a time.
const evaluateBlock = 2048

// run answers every line with batch and, unless it is nil, with the model to compare with.
func (s *scorer) run(ctx context.Context, t source, batch, against ports.RiskBatch) error {
	workers := runtime.GOMAXPROCS(0)
	blocks := make(chan []line, workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for block := range blocks {
				s.score(ctx, batch, against, block)
			}
		})
	}
	err := s.read(ctx, t, blocks)
	close(blocks)
	wg.Wait()
	return errors.Join(err, ctx.Err())
}

func (s *scorer) read(ctx context.Context, t source, blocks chan<- []line) error {
	block := make([]line, 0, evaluateBlock)
	for ctx.Err() == nil {
		l, err := t.next()
		var bad *lineError
		switch {
		case errors.Is(err, io.EOF):
			blocks <- block
			return nil
		case errors.As(err, &bad):
			s.bad.report(bad.line, bad.err)
			continue
		case err != nil:
			return err
		case l.label == "":
			s.mu.Lock()
			s.unlabelled++
			s.mu.Unlock()
			continue
		}
		if block = append(block, l); len(block) == cap(block) {
			blocks <- block
			block = make([]line, 0, evaluateBlock)
		}
	}
	return nil
}

func (s *scorer) score(ctx context.Context, batch, against ports.RiskBatch, block []line) {
	var before []risk.Outcome
	if against != nil {
		before = assess(ctx, against, block)
	}
	out := assess(ctx, batch, block)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, o := range out {
		if o.Err != nil {
			s.bad.report(block[i].number, o.Err)
			continue
		}
		a := &o.Assessment
		for input := range risk.NumInputs {
			if a.Quality.Missing.Has(input) {
				s.missing[input]++
			}
			if a.Quality.OutOfDomain.Has(input) {
				s.outOfDomain[input]++
			}
		}
		if before != nil && before[i].Err == nil {
			b := &before[i].Assessment
			s.pairs = append(s.pairs, skill.Pair{
				Place: block[i].place(), Line: block[i].number, Event: block[i].event,
				Before: skill.Answer{Probability: b.Probability, Level: b.Level},
				After:  skill.Answer{Probability: a.Probability, Level: a.Level},
			})
		}
		group := block[i].group
		s.cases[group] = append(s.cases[group], skill.Case{Probability: a.Probability, Level: a.Level, Event: block[i].event})
	}
}

// assess answers copies of the requests: a batch rounds and completes what it is given.
func assess(ctx context.Context, batch ports.RiskBatch, block []line) []risk.Outcome {
	requests, out := make([]risk.Request, len(block)), make([]risk.Outcome, len(block))
	for i := range block {
		requests[i] = block[i].request
		for _, sequence := range sequences {
			values := sequence(&requests[i])
			*values = slices.Clone(*values)
		}
	}
	batch.Assess(ctx, requests, out)
	return out
}

func names(counts [risk.NumInputs]int) map[string]int {
	out := map[string]int{}
	for i, n := range counts {
		if n > 0 {
			out[risk.Input(i).String()] = n
		}
	}
	return out
}

// badLines reports the first lines that could not be used, and counts all.
type badLines struct {
	w  io.Writer
	mu sync.Mutex
	n  int
}

// maxReported keeps a file of the wrong kind from filling the screen.
const maxReported = 20

func (b *badLines) report(line int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
	switch {
	case b.n <= maxReported:
		fmt.Fprintf(b.w, "guardy: line %d: %s\n", line, clientText(err))
	case b.n == maxReported+1:
		fmt.Fprintln(b.w, "guardy: more bad lines follow; only their number is reported")
	}
}

// clientText renders an error with every violation, without the internal operation.
func clientText(err error) string {
	var e *domain.Error
	if !errors.As(err, &e) || len(e.Violations) == 0 {
		return err.Error()
	}
	parts := make([]string, len(e.Violations))
	for i, v := range e.Violations {
		parts[i] = v.Pointer + ": " + v.Detail
	}
	return strings.Join(parts, "; ")
}
