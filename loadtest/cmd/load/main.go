// Load runs a load test against the service and writes what came of it: see ../../README.md.
//
//	go run -C loadtest ./cmd/load normal [--quick] [--connect] [--live] …
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	scenario  string
	quick     bool
	connect   bool
	live      bool
	behaviour bool
	rate      float64
	duration  time.Duration
	maxBatch  int
	seed      int
	out       string
}

func (o options) transport() string {
	if o.connect {
		return "connect"
	}
	return "http"
}

// parse accepts flags before and after the scenario.
func parse(args []string, usage io.Writer) (o options, err error) {
	f := flag.NewFlagSet("load", flag.ContinueOnError)
	f.SetOutput(usage)
	f.BoolVar(&o.quick, "quick", false, "a short run")
	f.BoolVar(&o.connect, "connect", false, "over Connect instead of HTTP")
	f.BoolVar(&o.live, "live", false, "serve k6's dashboard while it runs, on http://127.0.0.1:5665")
	f.BoolVar(&o.behaviour, "behaviour", false, "judge answers only, not times; no dashboard")
	f.Float64Var(&o.rate, "rate", 0, "requests a user sends each second (default of shapes.js: 4); a breakpoint raises its rate by so many a step (500)")
	f.DurationVar(&o.duration, "duration", 0, "of the run, instead of the scenario's own")
	f.IntVar(&o.maxBatch, "max-batch", 500, "largest batch of the scenario batch; a service that is started here allows it")
	f.IntVar(&o.seed, "seed", int(time.Now().UnixNano()%1e6), "of the questions; default: by the clock, so that a run does not find the answers to the one before")
	f.StringVar(&o.out, "out", "", "folder for the results (default results/TIME-SCENARIO-TRANSPORT)")
	for rest := args; ; {
		if err := f.Parse(rest); err != nil {
			return o, err
		}
		if f.NArg() == 0 {
			break
		}
		if o.scenario != "" {
			return o, fmt.Errorf("one scenario at a time, not %q and %q", o.scenario, f.Arg(0))
		}
		o.scenario, rest = f.Arg(0), f.Args()[1:]
	}
	if o.scenario == "" {
		return o, errors.New("name a scenario: smoke, normal, stress, spike, soak, batch or breakpoint")
	}
	if o.out == "" {
		o.out = filepath.Join("results", time.Now().UTC().Format("2006-01-02T150405")+"-"+o.scenario+"-"+o.transport())
	}
	return o, nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	k6, err := buildK6(ctx)
	if err != nil {
		return err
	}
	s, err := reach(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()

	w := watch(ctx, s)
	took, crossed, err := k6.run(ctx, o, s)
	use, watched := w.end(context.WithoutCancel(ctx), took)
	if err = errors.Join(err, watched); err != nil {
		return err
	}
	r, err := readResult(filepath.Join(o.out, "summary.json"))
	if err != nil {
		return err
	}
	page := filepath.Join(o.out, "summary.md")
	if err := os.WriteFile(page, report(o, s, r, use), 0o644); err != nil {
		return err
	}
	fmt.Printf("%s: %s\n", r.verdict(), page)
	if crossed && !r.breakpoint() {
		return errors.New("a threshold was crossed")
	}
	return nil
}
