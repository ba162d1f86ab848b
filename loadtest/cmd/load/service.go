package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// service is what the load test asks.
type service struct {
	http, connect string       // the URLs
	process       *os.Process  // nil when the service was running already
	ended         <-chan error // of process
}

// reach returns the service that runs under HOST, PORT and GUARDY_CONNECT_ADDR, or builds and starts one there.
func reach(ctx context.Context, o options) (*service, error) {
	s := &service{
		http:    "http://" + net.JoinHostPort(environment("HOST", "127.0.0.1"), environment("PORT", "8000")),
		connect: "http://" + environment("GUARDY_CONNECT_ADDR", "127.0.0.1:8081"),
	}
	if s.ready(ctx) == nil {
		return s, nil
	}
	return s, s.start(ctx, o)
}

func environment(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// readyIn bounds a start: loading the models takes a fraction of a second on an idle machine.
const readyIn = 30 * time.Second

func (s *service) start(ctx context.Context, o options) error {
	binary := filepath.Join(o.out, "guardy")
	absolute, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-C", "..", "-trimpath", "-o", absolute, "./app/cmd/guardy")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the service: %w\n%s", err, out)
	}
	defer func() { _ = os.Remove(binary) }() // a running program keeps its file
	log, err := os.Create(filepath.Join(o.out, "server.log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	c := exec.Command(absolute, "serve") //nolint:noctx // it is asked to stop, and drains
	c.Env = os.Environ()
	if os.Getenv("MAX_BATCH_SIZE") == "" {
		c.Env = append(c.Env, "MAX_BATCH_SIZE="+strconv.Itoa(o.maxBatch))
	}
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = ownGroup
	if err := c.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	s.process, s.ended = c.Process, ended
	if err := s.awaitReady(ctx); err != nil {
		return errors.Join(fmt.Errorf("start the service (%s): %w", log.Name(), err), s.stop())
	}
	return nil
}

// ownGroup keeps the terminal's interrupt from what is started here: it is told once, by us, in order.
var ownGroup = &syscall.SysProcAttr{Setpgid: true}

func (s *service) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyIn)
	defer cancel()
	for {
		err := s.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case end := <-s.ended:
			s.process = nil
			return fmt.Errorf("it ended: %w", end)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *service) ready(ctx context.Context) error { return s.get(ctx, "/readyz", nil) }

// get reads a JSON answer of the service into v, unless that is nil.
func (s *service) get(ctx context.Context, path string, v any) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.http+path, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", path, answer.Status)
	}
	if v == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(v)
}

// stop ends the service if it was started here, and reports one that did not survive the test.
func (s *service) stop() error {
	if s.process == nil {
		return nil
	}
	select {
	case err := <-s.ended:
		return fmt.Errorf("the service ended by itself: %w", err)
	default:
	}
	if err := s.process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return <-s.ended
}
