package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"syscall"

	"github.com/guardy-ai/guardy/adapters/telemetry/tracelog"
	"github.com/guardy-ai/guardy/app"
	"github.com/guardy-ai/guardy/app/config"
)

type serveCmd struct{}

// Run serves until a signal, or until a listener fails.
func (serveCmd) Run(ctx context.Context, c *cli, std stdio) error {
	loaded, err := c.load(std)
	if err != nil {
		return err
	}
	limitCPUs(loaded.Config.Predict.Workers)
	semver, _ := buildVersion()
	logger := newLogger(loaded.Config.Log, std.err)
	service := app.New(loaded.Config, app.Build{Version: semver}, logger) //nolint:contextcheck // hooks get theirs from Start and Stop

	// A signal meanwhile does not break the start off half-way: it is short, and the stop is orderly.
	start, cancel := context.WithTimeout(context.WithoutCancel(ctx), service.StartTimeout())
	defer cancel()
	if err := service.Start(start); err != nil {
		return fmt.Errorf("start: %w", explain(err))
	}
	ended := service.Wait()
	var result error
	select {
	case <-ctx.Done():
		logger.Info("stopping", "reason", "signal")
	case s := <-ended:
		if s.ExitCode != 0 {
			result = errors.New("a listener failed; the log says why")
		}
	}
	// The signal that ended ctx must not cut the drain short.
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), service.StopTimeout())
	defer cancel()
	if err := service.Stop(stop); err != nil {
		return errors.Join(result, fmt.Errorf("stop: %w", explain(err)))
	}
	logger.Info("stopped")
	return result
}

// explain adds the next step where there is one.
func explain(err error) error {
	err = app.Cause(err)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w; is another guardy running? PORT, GUARDY_CONNECT_ADDR and GUARDY_ADMIN_ADDR choose other places", err)
	}
	return err
}

// limitCPUs applies predict.workers. Every pool of the program is as large as GOMAXPROCS.
func limitCPUs(n int) {
	if n > 0 {
		runtime.GOMAXPROCS(n)
	}
}

// newLogger writes to w with the ids of the trace in the context.
func newLogger(cfg config.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
		panic(err) // config.Validate accepted a level that slog does not know
	}
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewJSONHandler(w, options)
	if cfg.Format == "text" {
		handler = slog.NewTextHandler(w, options)
	}
	return slog.New(tracelog.New(handler))
}
