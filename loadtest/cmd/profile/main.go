// Profile takes a profile of the service under load and writes it with a flame graph: see ../../../docs/performance.md.
//
//	go run -C loadtest ./cmd/profile cpu|memory|block|trace [--addr host:port] [--seconds n] …
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/loadtest/internal/cli"
	"github.com/guardy-ai/guardy/loadtest/internal/k6"
	"github.com/guardy-ai/guardy/loadtest/internal/service"
)

// options are what the command line says.
type options struct {
	what    string
	addr    string
	seconds int
	load    k6.Test
}

// parse accepts flags before and after what is to be profiled.
func parse(args []string, usage io.Writer) (o options, err error) {
	f := flag.NewFlagSet("profile", flag.ContinueOnError)
	f.SetOutput(usage)
	f.StringVar(&o.addr, "addr", service.Environment("GUARDY_ADMIN_ADDR", "127.0.0.1:9464"), "of the admin listener")
	f.IntVar(&o.seconds, "seconds", 0, "how long it takes (default: cpu 20, memory 30, block 10, trace 2)")
	f.StringVar(&o.load.Scenario, "load", "normal", "scenario to run where the service is idle; none to leave it so")
	f.Float64Var(&o.load.Rate, "rate", 20, "requests a user sends each second: more than in a load test, or a profile has little to show")
	f.BoolVar(&o.load.Connect, "connect", false, "load over Connect instead of HTTP")
	f.IntVar(&o.load.MaxBatch, "max-batch", 500, "largest batch of the scenario batch; a service that is started here allows it")
	f.StringVar(&o.load.Out, "out", "", "folder for the results (default results/TIME-profile-WHAT)")
	if o.what, err = cli.Word(f, args); err != nil {
		return o, err
	}
	known, ok := profiles[o.what]
	if !ok {
		return o, fmt.Errorf("say what to profile: %s", strings.Join(slices.Sorted(maps.Keys(profiles)), ", "))
	}
	if o.seconds < 0 {
		return o, fmt.Errorf("--seconds %d is below zero", o.seconds)
	}
	if o.seconds == 0 {
		o.seconds = known.seconds
	}
	if o.load.Out == "" {
		o.load.Out = filepath.Join("results", time.Now().UTC().Format("2006-01-02T150405")+"-profile-"+o.what)
	}
	o.load.Behaviour, o.load.Seed = true, int(time.Now().UnixNano()%1e6)
	return o, nil
}

func main() {
	cli.Main("profile", func(ctx context.Context, args []string) error {
		o, err := parse(args, os.Stderr)
		if err != nil {
			return err
		}
		return run(ctx, o)
	})
}

func run(ctx context.Context, o options) (err error) {
	if err := os.MkdirAll(o.load.Out, 0o755); err != nil {
		return err
	}
	if err := os.Setenv("GUARDY_ADMIN_ADDR", o.addr); err != nil { // a service that is started here listens there
		return err
	}
	s, err := service.Reach(ctx, service.Build{Folder: o.load.Out, MaxBatch: o.load.MaxBatch})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	stop, err := underLoad(ctx, s, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	return profiles[o.what].take(ctx, s, o)
}
