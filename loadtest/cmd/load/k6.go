package main

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
)

// k6 is the path of the program.
type k6 string

// buildK6 has the go command build the k6 that go.mod names, if the build cache has none. It is run by
// its own path, so that interrupts and processor time are k6's and not the go command's.
func buildK6(ctx context.Context) (k6, error) {
	out, err := exec.CommandContext(ctx, "go", "tool", "-n", "k6").Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w\n%s", err, failed.Stderr)
		}
		return "", fmt.Errorf("build k6: %w", err)
	}
	return k6(strings.TrimSpace(string(out))), nil
}

// crossedThreshold is k6's exit code for it.
const crossedThreshold = 99

// run reports how much processor time k6 took, and whether a threshold was crossed.
func (k k6) run(ctx context.Context, o options, s *service) (took time.Duration, crossed bool, err error) {
	c := exec.CommandContext(ctx, string(k), "run", "--quiet", "--no-usage-report", "scenarios/load.js")
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 30 * time.Second
	c.Env = append(os.Environ(), settings(o, s)...)
	c.SysProcAttr = ownGroup
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
func settings(o options, s *service) []string {
	env := []string{
		"SCENARIO=" + o.scenario, "TRANSPORT=" + o.transport(), "HTTP_URL=" + s.http, "CONNECT_URL=" + s.connect,
		"SEED=" + strconv.Itoa(o.seed), "MAX_BATCH=" + strconv.Itoa(o.maxBatch),
		"SUMMARY=" + filepath.Join(o.out, "summary.json"),
		// k6 shares the machine with the service: memory is cheaper here than collecting garbage.
		"GOGC=400",
	}
	if o.quick {
		env = append(env, "QUICK=1")
	}
	if o.duration > 0 {
		env = append(env, "SECONDS="+strconv.Itoa(int(o.duration.Seconds())))
	}
	if o.rate > 0 {
		env = append(env, "RATE="+strconv.FormatFloat(o.rate, 'g', -1, 64), "STEP="+strconv.FormatFloat(o.rate, 'g', -1, 64))
	}
	if o.behaviour {
		return append(env, "BEHAVIOUR=1")
	}
	port := "-1" // no listener
	if o.live {
		port = "5665"
	}
	return append(env, "K6_WEB_DASHBOARD=true", "K6_WEB_DASHBOARD_PERIOD=2s", "K6_WEB_DASHBOARD_PORT="+port,
		"K6_WEB_DASHBOARD_EXPORT="+filepath.Join(o.out, "dashboard.html"))
}
