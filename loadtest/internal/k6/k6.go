// Package k6 builds and runs k6 with the scenarios of this module.
package k6

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/loadtest/internal/service"
)

// Program is the path of k6.
type Program string

// Test is a run of a scenario. Zero values are the scenario's own.
type Test struct {
	Scenario  string
	Quick     bool          // a short run
	Connect   bool          // over Connect instead of HTTP
	Live      bool          // with the dashboard listening
	Behaviour bool          // answers are judged, times are not; no dashboard
	Rate      float64       // requests of a user each second, or what a breakpoint adds to it in each step
	Duration  time.Duration // of the run
	MaxBatch  int           // locations in the largest batch of the scenario batch
	Seed      int           // of the questions
	Out       string        // folder for the results
}

// script is the file of the scenario.
func (t Test) script() string {
	if t.Scenario == "overload" {
		return "scenarios/overload.js"
	}
	return "scenarios/load.js"
}

// Transport is the name that the script has for it.
func (t Test) Transport() string {
	if t.Connect {
		return "connect"
	}
	return "http"
}

// Build has the go command build the k6 that go.mod names, if the build cache has none. It is run by
// its own path, so that interrupts and processor time are k6's and not the go command's.
func Build(ctx context.Context) (Program, error) {
	out, err := exec.CommandContext(ctx, "go", "tool", "-n", "k6").Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w\n%s", err, failed.Stderr)
		}
		return "", fmt.Errorf("build k6: %w", err)
	}
	return Program(strings.TrimSpace(string(out))), nil
}

// crossedThreshold is k6's exit code for it.
const crossedThreshold = 99

// Run reports how much processor time k6 took, and whether a threshold was crossed.
func (k Program) Run(ctx context.Context, t Test, s *service.Service) (took time.Duration, crossed bool, err error) {
	c := exec.CommandContext(ctx, string(k), "run", "--quiet", "--no-usage-report", t.script())
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 30 * time.Second
	c.Env = append(os.Environ(), settings(t, s)...)
	c.SysProcAttr = service.OwnGroup
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	err = c.Run()
	if c.ProcessState != nil {
		took = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
		crossed = c.ProcessState.ExitCode() == crossedThreshold
	}
	if crossed {
		return took, true, nil
	}
	if err != nil {
		err = fmt.Errorf("k6: %w", err)
	}
	return took, false, err
}

// settings are the environment of the script.
func settings(t Test, s *service.Service) []string {
	env := []string{
		"SCENARIO=" + t.Scenario, "TRANSPORT=" + t.Transport(), "HTTP_URL=" + s.HTTP, "CONNECT_URL=" + s.Connect,
		"SEED=" + strconv.Itoa(t.Seed), "MAX_BATCH=" + strconv.Itoa(t.MaxBatch),
		"SUMMARY=" + filepath.Join(t.Out, "summary.json"),
		// k6 shares the machine with the service. Much more than this takes longer to touch new memory than it
		// saves in collections: at 2000 requests a second 400 and more broke the limits that 150 held.
		"GOGC=150",
	}
	if t.Quick {
		env = append(env, "QUICK=1")
	}
	if t.Duration > 0 {
		env = append(env, "SECONDS="+strconv.Itoa(int(t.Duration.Seconds())))
	}
	if t.Rate > 0 {
		env = append(env, "RATE="+strconv.FormatFloat(t.Rate, 'g', -1, 64), "STEP="+strconv.FormatFloat(t.Rate, 'g', -1, 64))
	}
	if t.Behaviour {
		return append(env, "BEHAVIOUR=1")
	}
	port := "-1" // no listener
	if t.Live {
		port = "5665"
	}
	return append(env, "K6_WEB_DASHBOARD=true", "K6_WEB_DASHBOARD_PERIOD=2s", "K6_WEB_DASHBOARD_PORT="+port,
		"K6_WEB_DASHBOARD_EXPORT="+filepath.Join(t.Out, "dashboard.html"))
}
