// Guardy answers how likely a river flood is, early enough to act on it: as a service (guardy serve)
// and from the command line, with the same models and the same answers.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // time zones by name: the binary may run where no database of them is installed

	"github.com/alecthomas/kong"

	"github.com/guardy-ai/guardy/app"
	"github.com/guardy-ai/guardy/app/config"
)

func main() {
	// The second signal ends the process at once: an operator who presses twice means it.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr, os.Environ()})
	stop()
	os.Exit(code)
}

// stdio is what a command may touch of the process.
type stdio struct {
	in       io.Reader
	out, err io.Writer
	environ  []string
}

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// cli is the grammar of the command line.
type cli struct {
	Config   string            `help:"YAML file with the configuration (GUARDY_CONFIG)." placeholder:"FILE"`
	LogLevel string            `help:"Least level that is logged: debug, info, warn or error." placeholder:"LEVEL"`
	Set      map[string]string `help:"Set one configuration key; may be repeated. See docs/configuration.md." placeholder:"KEY=VALUE" mapsep:"none"`

	Serve   serveCmd `cmd:"" help:"Serve predictions over HTTP JSON, Connect, gRPC and gRPC-Web."`
	Predict struct {
		FloodRisk  floodRiskCmd  `cmd:"" help:"Answer flood-risk requests: NDJSON on standard input, answers on standard output."`
		Anomaly    anomalyCmd    `cmd:"" help:"Answer questions about sensor readings: NDJSON on standard input, answers on standard output."`
		Nowcast    nowcastCmd    `cmd:"" help:"Answer nowcast requests: NDJSON on standard input, answers on standard output."`
		Evacuation evacuationCmd `cmd:"" name:"evacuation-zones" help:"Answer evacuation requests: NDJSON on standard input, answers on standard output."`
	} `cmd:"" help:"Answer requests without a server."`
	Region    regionCmd   `cmd:"" help:"Look at the region on which evacuations are planned."`
	Sites     sitesCmd    `cmd:"" help:"Make rows of the site register from your own records."`
	QC        qcCmd       `cmd:"" name:"qc" help:"Judge a sensor record: CSV on standard input, a verdict a reading on standard output."`
	Evaluate  evaluateCmd `cmd:"" help:"Score the served model on your own labelled CSV."`
	Settings  configCmd   `cmd:"" name:"config" help:"Show or check the configuration."`
	Health    healthCmd   `cmd:"" name:"healthcheck" help:"Ask the service on this machine whether it is ready."`
	ShowBuild versionCmd  `cmd:"" name:"version" help:"Show the version of the program and of its models."`
}

// run is the whole program: it returns the exit code.
func run(ctx context.Context, args []string, std stdio) int {
	var c cli
	code, exited := 0, false
	parser, err := kong.New(&c,
		kong.Name("guardy"),
		kong.Description("Flood early warning: calibrated flood probabilities from rain, weather, river and catchment."),
		kong.Writers(std.out, std.err),
		kong.Exit(func(c int) { code, exited = c, true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&c, std),
	)
	if err != nil {
		panic(err) // the grammar above is wrong
	}
	parsed, err := parser.Parse(args)
	switch {
	case exited: // --help
		return code
	case err != nil:
		fmt.Fprintf(std.err, "guardy: %v; see guardy --help\n", err)
		return exitUsage
	}
	if err := parsed.Run(); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintln(std.err, "guardy:", line)
		}
		return exitFailed
	}
	return exitDone
}

// load reads the configuration from the file, the environment and the flags.
func (c *cli) load(std stdio) (*config.Loaded, error) {
	src := config.Sources{File: c.Config, Environ: std.environ}
	for _, pair := range std.environ {
		if name, value, _ := strings.Cut(pair, "="); name == config.FileVariable && src.File == "" {
			src.File = value
		}
	}
	for key, value := range c.Set {
		src.Flags = append(src.Flags, config.Flag{Name: "--set", Key: key, Value: value})
	}
	if c.LogLevel != "" {
		src.Flags = append(src.Flags, config.Flag{Name: "--log-level", Key: "log.level", Value: c.LogLevel})
	}
	return config.Load(src, app.Validate)
}
