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
	"path/filepath"
	"time"

	"github.com/guardy-ai/guardy/loadtest/internal/cli"
	"github.com/guardy-ai/guardy/loadtest/internal/growth"
	"github.com/guardy-ai/guardy/loadtest/internal/k6"
	"github.com/guardy-ai/guardy/loadtest/internal/service"
)

// parse accepts flags before and after the scenario.
func parse(args []string, usage io.Writer) (o k6.Test, err error) {
	f := flag.NewFlagSet("load", flag.ContinueOnError)
	f.SetOutput(usage)
	f.BoolVar(&o.Quick, "quick", false, "a short run")
	f.BoolVar(&o.Connect, "connect", false, "over Connect instead of HTTP")
	f.BoolVar(&o.Live, "live", false, "serve k6's dashboard while it runs, on http://127.0.0.1:5665")
	f.BoolVar(&o.Behaviour, "behaviour", false, "judge answers only, not times; no dashboard")
	f.Float64Var(&o.Rate, "rate", 0, "requests a user sends each second (default of shapes.js: 4); a breakpoint raises its rate by so many a step (500)")
	f.DurationVar(&o.Duration, "duration", 0, "of the run, instead of the scenario's own")
	f.IntVar(&o.MaxBatch, "max-batch", 500, "largest batch of the scenario batch; a service that is started here allows it")
	f.IntVar(&o.Seed, "seed", int(time.Now().UnixNano()%1e6), "of the questions; default: by the clock, so that a run does not find the answers to the one before")
	f.StringVar(&o.Out, "out", "", "folder for the results (default results/TIME-SCENARIO-TRANSPORT)")
	if o.Scenario, err = cli.Word(f, args); err != nil {
		return o, err
	}
	if o.Scenario == "" {
		return o, errors.New("name a scenario: smoke, normal, stress, spike, soak, batch, breakpoint or overload")
	}
	if o.Out == "" {
		o.Out = filepath.Join("results", time.Now().UTC().Format("2006-01-02T150405")+"-"+o.Scenario+"-"+o.Transport())
	}
	return o, nil
}

func main() {
	cli.Main("load", func(ctx context.Context, args []string) error {
		o, err := parse(args, os.Stderr)
		if err != nil {
			return err
		}
		return run(ctx, o)
	})
}

func run(ctx context.Context, o k6.Test) (err error) {
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return err
	}
	program, err := k6.Build(ctx)
	if err != nil {
		return err
	}
	build := service.Build{Folder: o.Out, MaxBatch: o.MaxBatch}
	if o.Scenario == overloadScenario {
		build.Environ = town()
	}
	s, err := service.Reach(ctx, build)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()

	w, memory := watch(ctx, s), growth.Watch(ctx, s)
	took, crossed, err := program.Run(ctx, o, s)
	use, watched := w.end(context.WithoutCancel(ctx), took)
	samples, missed := memory.End()
	if err = errors.Join(err, watched); err != nil {
		return err
	}
	if use.memory, err = drawn(o.Out, samples, missed); err != nil {
		return err
	}
	r, err := readResult(filepath.Join(o.Out, "summary.json"))
	if err != nil {
		return err
	}
	page := filepath.Join(o.Out, "summary.md")
	if r.Overload != nil {
		text, reached := overloadReport(s, r, use)
		if err := os.WriteFile(page, text, 0o644); err != nil {
			return err
		}
		fmt.Println(page)
		if !reached {
			return errors.New("a goal was missed")
		}
		return nil
	}
	if err := os.WriteFile(page, report(o, s, r, use), 0o644); err != nil {
		return err
	}
	fmt.Printf("%s: %s\n", r.verdict(), page)
	if crossed && !r.breakpoint() {
		return errors.New("a threshold was crossed")
	}
	return nil
}

// overloadScenario asks for plans on a region.
const overloadScenario = "overload"

// town is the environment of a service that plans for the town of the fixture, unless the caller names a region.
func town() []string {
	if os.Getenv("GUARDY_REGION_OSM") != "" {
		return nil
	}
	const folder = "../adapters/regionsource/osmregion/testdata/eldermere/"
	return []string{
		"GUARDY_REGION_OSM=" + folder + "roads.osm.pbf", "GUARDY_REGION_SHELTERS=" + folder + "shelters.geojson",
		"GUARDY_REGION_POPULATION=" + folder + "population.csv",
	}
}

// drawn writes the picture of memory over time and returns what the report says of it. A service that was
// running already may have no admin listener, or one elsewhere.
func drawn(folder string, samples []growth.Sample, missed error) (string, error) {
	picture, err := growth.Picture(samples)
	if err != nil {
		return fmt.Sprintf("Memory over time is not drawn: %v", errors.Join(err, missed)), nil
	}
	return "![memory over time](memory.svg)", os.WriteFile(filepath.Join(folder, "memory.svg"), picture, 0o644)
}
