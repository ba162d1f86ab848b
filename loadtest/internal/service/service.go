// Package service finds the service that a test asks, or builds and starts one.
package service

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

// Service is what is asked.
type Service struct {
	HTTP, Connect, Admin string       // the URLs
	process              *os.Process  // nil when the service was running already
	ended                <-chan error // of process
}

// Build says how a service is built and started that does not run yet.
type Build struct {
	Folder   string   // for its log
	Environ  []string // more of the environment of a service that is started here
	MaxBatch int      // largest batch that it takes, unless MAX_BATCH_SIZE says
}

// Reach returns the service that runs under HOST, PORT, GUARDY_CONNECT_ADDR and GUARDY_ADMIN_ADDR, or builds and
// starts one there.
func Reach(ctx context.Context, b Build) (*Service, error) {
	s := &Service{
		HTTP:    "http://" + net.JoinHostPort(Environment("HOST", "127.0.0.1"), Environment("PORT", "8000")),
		Connect: "http://" + Environment("GUARDY_CONNECT_ADDR", "127.0.0.1:8081"),
		Admin:   "http://" + Environment("GUARDY_ADMIN_ADDR", "127.0.0.1:9464"),
	}
	if s.ready(ctx) == nil {
		return s, nil
	}
	return s, s.start(ctx, b)
}

// Environment is the value of a variable, or what is to be taken where it has none.
func Environment(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// StartedHere tells that the service did not run before.
func (s *Service) StartedHere() bool { return s.process != nil }

// readyIn bounds a start: loading the models takes a fraction of a second on an idle machine.
const readyIn = 30 * time.Second

func (s *Service) start(ctx context.Context, b Build) error {
	binary := filepath.Join(b.Folder, "guardy")
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
	log, err := os.Create(filepath.Join(b.Folder, "server.log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	c := exec.Command(absolute, "serve") //nolint:noctx // it is asked to stop, and drains
	c.Env = append(os.Environ(), b.Environ...)
	if os.Getenv("MAX_BATCH_SIZE") == "" {
		c.Env = append(c.Env, "MAX_BATCH_SIZE="+strconv.Itoa(b.MaxBatch))
	}
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = OwnGroup
	if err := c.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	s.process, s.ended = c.Process, ended
	if err := s.awaitReady(ctx); err != nil {
		return errors.Join(fmt.Errorf("start the service (%s): %w", log.Name(), err), s.Stop())
	}
	return nil
}

// OwnGroup keeps the terminal's interrupt from what is started here: it is told once, by us, in order.
var OwnGroup = &syscall.SysProcAttr{Setpgid: true}

func (s *Service) awaitReady(ctx context.Context) error {
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

func (s *Service) ready(ctx context.Context) error { return Get(ctx, s.HTTP+"/readyz", nil) }

// Get reads a JSON answer into v, unless that is nil.
func Get(ctx context.Context, url string, v any) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, answer.Status)
	}
	if v == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(v)
}

// Stop ends the service if it was started here, and reports one that did not survive the test.
func (s *Service) Stop() error {
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
