package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/fx"
	"go.uber.org/goleak"

	"github.com/guardy-ai/guardy/app/config"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp keeps the date for ever, and looks only every ten seconds whether a server has stopped.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp/stackless.funcWorker"),
	)
}

// watch is a slog handler that remembers where the service listens.
type watch struct {
	mu    sync.Mutex
	addrs map[string]string
}

func (w *watch) Enabled(context.Context, slog.Level) bool { return true }
func (w *watch) WithAttrs([]slog.Attr) slog.Handler       { return w }
func (w *watch) WithGroup(string) slog.Handler            { return w }

func (w *watch) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "listening" {
		return nil
	}
	attrs := map[string]string{}
	r.Attrs(func(a slog.Attr) bool {
		attrs[a.Key] = a.Value.String()
		return true
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.addrs[attrs["listener"]] = attrs["addr"]
	return nil
}

func newWatch() *watch { return &watch{addrs: map[string]string{}} }

// ephemeral returns the defaults on free ports of loopback, with a Redis that is not there.
func ephemeral(t *testing.T) config.Config {
	t.Helper()
	c := config.Default()
	config.Set(&c, "http.port", 0) // where the transport is part of the program
	config.Set(&c, "connect.addr", "127.0.0.1:0")
	c.Admin.Addr = "127.0.0.1:0"
	c.Models.Path = "../models"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Cache.Redis.URL = "redis://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return c
}

func start(t *testing.T, c config.Config) (*fx.App, *watch) {
	t.Helper()
	if err := Validate(c); err != nil {
		t.Fatal(err)
	}
	w := newWatch()
	a := New(c, Build{Version: "1.2.3"}, slog.New(w))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a, w
}

func stop(t *testing.T, a *fx.App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), a.StopTimeout())
	defer cancel()
	if err := a.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestEveryCombinationOfAdaptersStartsServesAndStops(t *testing.T) {
	try := func(names []string, cache, devices, telemetry, source string) {
		t.Run(fmt.Sprintf("%s/%s/%s/%s/%s", strings.Join(names, "+"), cache, devices, telemetry, source), func(t *testing.T) {
			c := ephemeral(t)
			c.Transports, c.Cache.Kind, c.Devices.Kind, c.Telemetry.Kind, c.Models.Source = names, cache, devices, telemetry, source
			if err := fx.ValidateApp(options(c, Build{}, slog.New(newWatch()), pause)); err != nil {
				t.Fatal(err)
			}
			a, w := start(t, c)
			defer stop(t, a)
			var listeners []string
			for name := range w.addrs {
				listeners = append(listeners, name)
			}
			slices.Sort(listeners)
			if diff := cmp.Diff(append([]string{"admin"}, names...), listeners); diff != "" {
				t.Error(diff)
			}
			if code, body := get(t, "http://"+w.addrs["admin"]+"/readyz"); code != http.StatusOK {
				t.Errorf("not ready: %d %s", code, body)
			}
		})
	}
	all := transportChoice(config.Default()).names
	choices := [][]string{all}
	if len(all) > 1 {
		for _, name := range all {
			choices = append(choices, []string{name})
		}
	}
	for _, names := range choices {
		for cache := range caches {
			for telemetry := range telemetries {
				for source := range modelSources {
					try(names, cache, "", telemetry, source)
				}
			}
		}
	}
	// The states of devices have to do with the cache only: they may ask the same server.
	for cache := range caches {
		for devices := range states {
			try(all[:1], cache, devices, "none", "embedded")
		}
	}
}

func TestEveryAdapterOfTheContractIsRegistered(t *testing.T) {
	for _, tt := range []struct {
		table table
		want  string
	}{
		{transports, "connect, http"},
		{caches, "memory, none, redis, tiered"},
		{states, "memory, redis"},
		{telemetries, "none, otel"},
		{modelSources, "dir, embedded"},
	} {
		if got := known(tt.table); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

func TestATakenPortFailsTheStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for name, set := range map[string]func(*config.Config) bool{
		"http":    func(c *config.Config) bool { return config.Set(c, "http.port", taken.Addr().(*net.TCPAddr).Port) },
		"connect": func(c *config.Config) bool { return config.Set(c, "connect.addr", taken.Addr().String()) },
		"admin":   func(c *config.Config) bool { return config.Set(c, "admin.addr", taken.Addr().String()) },
	} {
		t.Run(name, func(t *testing.T) {
			c := ephemeral(t)
			if !set(&c) {
				t.Skip("not part of the program")
			}
			a := New(c, Build{}, slog.New(newWatch()))
			err := a.Start(t.Context())
			if err == nil || !strings.Contains(err.Error(), "address already in use") {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %v", err)
			}
		})
	}
}

func TestAModelThatIsRefusedFailsTheStartBeforeAnythingListens(t *testing.T) {
	c := ephemeral(t)
	c.Models.Source, c.Models.Path = "dir", t.TempDir()
	w := newWatch()
	a := New(c, Build{}, slog.New(w))
	if err := a.Start(t.Context()); err == nil {
		t.Error("the service started without a model")
	}
	if len(w.addrs) > 0 {
		t.Errorf("it listened: %v", w.addrs)
	}
}

func TestValidateNamesWhatIsKnown(t *testing.T) {
	c := config.Default()
	c.Transports, c.Cache.Kind = []string{"connect", "pigeon"}, "memcached"
	config.Set(&c, "connect.addr", "nonsense")
	err := Validate(c)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`transports: there is no "pigeon"; known are connect, http`,
		`cache.kind: there is no "memcached"; known are memory, none, redis, tiered`,
		`connect.addr: `,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in\n%v", want, err)
		}
	}
	if c.Transports = nil; Validate(c) == nil {
		t.Error("a service without a transport was accepted")
	}
}

func TestASectionIsValidatedOnlyWhenItsAdapterIsSelected(t *testing.T) {
	c := config.Default()
	c.Cache.Redis.Timeout = -1
	if err := Validate(c); err != nil {
		t.Error(err)
	}
	for _, choose := range []func(*config.Config){
		func(c *config.Config) { c.Cache.Kind = "redis" }, // and with it the states of devices: one problem is said once
		func(c *config.Config) { c.Devices.Kind = "redis" },
	} {
		c := c
		choose(&c)
		if err := Validate(c); err == nil || !strings.HasPrefix(err.Error(), "cache.redis.timeout: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v", err)
		}
	}
}

func TestTheServiceIsUnreadyWhileItStillAnswers(t *testing.T) {
	c := ephemeral(t)
	c.Shutdown.Delay = time.Minute
	draining, goOn := make(chan time.Duration), make(chan struct{})
	w := newWatch()
	a := fx.New(options(c, Build{}, slog.New(w), func(_ context.Context, d time.Duration) {
		draining <- d
		<-goOn
	}))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	probe := "http://" + w.addrs["admin"] + "/readyz"
	if code, _ := get(t, probe); code != http.StatusOK {
		t.Errorf("before the stop /readyz answers %d", code)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- a.Stop(context.WithoutCancel(t.Context())) }()
	if d := <-draining; d != c.Shutdown.Delay {
		t.Errorf("drains for %v", d)
	}
	if code, _ := get(t, probe); code != http.StatusServiceUnavailable {
		t.Errorf("while draining /readyz answers %d", code)
	}
	close(goOn)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
