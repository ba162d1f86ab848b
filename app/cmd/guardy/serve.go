package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/guardy-ai/guardy/adapters/telemetry/tracelog"
	"github.com/guardy-ai/guardy/app"
	"github.com/guardy-ai/guardy/app/config"
	"github.com/guardy-ai/guardy/ports"
)

type serveCmd struct{}

// Run serves until a signal, or until a listener fails.
func (serveCmd) Run(ctx context.Context, c *cli, std stdio) error {
	loaded, err := c.load(std)
	if err != nil {
		return err
	}
	hangup := make(chan os.Signal, 1) // from the beginning: unheard, the signal would end the process
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	limitCPUs(loaded.Config.Predict.Workers)
	semver, _ := buildVersion()
	level := new(slog.LevelVar)
	logger := newLogger(loaded.Config.Log, level, std.err)
	service := app.New(loaded.Config, app.Build{Version: semver}, logger) //nolint:contextcheck // hooks get theirs from Start and Stop

	// A signal meanwhile does not break the start off half-way: it is short, and the stop is orderly.
	start, cancel := context.WithTimeout(context.WithoutCancel(ctx), service.StartTimeout())
	defer cancel()
	if err := service.Start(start); err != nil {
		return explain("start", loaded, err)
	}
	ended := service.Wait()
	var result error
	for serving := true; serving; {
		select {
		case <-hangup:
			again(c, std, loaded, level, logger)
		case <-ctx.Done():
			logger.Info("stopping", "reason", "signal")
			serving = false
		case s := <-ended:
			if s.ExitCode != 0 {
				result = errors.New("a listener failed; the log says why")
			}
			serving = false
		}
	}
	// The signal that ended ctx must not cut the drain short.
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), service.StopTimeout())
	defer cancel()
	if err := service.Stop(stop); err != nil {
		return errors.Join(result, explain("stop", loaded, err))
	}
	logger.Info("stopped")
	return result
}

// again reads the configuration again, as SIGHUP asks for. The level of the log changes at once; a setting that
// takes effect at the next start only is named. A configuration that is wrong changes nothing.
func again(c *cli, std stdio, running *config.Loaded, level *slog.LevelVar, logger *slog.Logger) {
	now, err := c.load(std)
	if err != nil {
		logger.Error("SIGHUP: the configuration is wrong and was not taken", "error", err)
		return
	}
	level.Set(levelOf(now.Config.Log))
	var waiting []string
	before := running.Settings()
	for i, s := range now.Settings() {
		if s.Value != before[i].Value && s.Key != "log.level" {
			waiting = append(waiting, s.Key)
		}
	}
	logger.Info("SIGHUP: the configuration was read again", "log_level", now.Config.Log.Level)
	if len(waiting) > 0 {
		logger.Warn("SIGHUP: these settings take effect at the next start", "settings", waiting)
	}
}

// listenersAt are the settings of each listener's address.
var listenersAt = []struct{ listener, key, variables string }{
	{"http", "http.port", "HOST and PORT choose another place"},
	{"connect", "connect.addr", "GUARDY_CONNECT_ADDR chooses another place"},
	{"admin", "admin.addr", "GUARDY_ADMIN_ADDR chooses another place"},
}

// explain names the setting that an error comes from, where that setting comes from, and the next step where there is
// one. What went wrong several times for one reason is told once.
func explain(doing string, loaded *config.Loaded, err error) error {
	err = app.Cause(err)
	text := err.Error()
	for _, p := range listenersAt {
		if strings.HasPrefix(text, "listen for "+p.listener+":") {
			text = p.key + ": " + text
			if errors.Is(err, syscall.EADDRINUSE) {
				text += "; is another guardy running? PORT, GUARDY_CONNECT_ADDR and GUARDY_ADMIN_ADDR choose other places"
			} else {
				text += "; " + p.variables
			}
		}
	}
	var lines []error
	seen := map[string]bool{}
	for line := range strings.SplitSeq(text, "\n") {
		if seen[line] {
			continue
		}
		seen[line] = true
		for _, s := range loaded.Settings() {
			if strings.Contains(" "+line, " "+s.Key+": ") && s.Origin != "default" {
				line += " (" + s.Origin + ")"
			}
		}
		lines = append(lines, fmt.Errorf("%s: %s", doing, line))
	}
	return errors.Join(lines...)
}

// limitCPUs applies predict.workers. Every pool of the program is as large as GOMAXPROCS.
func limitCPUs(n int) {
	if n > 0 {
		runtime.GOMAXPROCS(n)
	}
}

// newLogger writes to w with the ids of the trace in the context, at a level that may change.
func newLogger(cfg config.Log, level *slog.LevelVar, w io.Writer) *slog.Logger {
	level.Set(levelOf(cfg))
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if at, ok := a.Value.Any().(slog.Level); ok && a.Key == slog.LevelKey && at == ports.LevelAudit {
			return slog.String(slog.LevelKey, "AUDIT")
		}
		return a
	}}
	var handler slog.Handler = slog.NewJSONHandler(w, options)
	if cfg.Format == "text" {
		handler = slog.NewTextHandler(w, options)
	}
	return slog.New(tracelog.New(handler))
}

func levelOf(cfg config.Log) slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
		panic(err) // config.Validate accepted a level that slog does not know
	}
	return level
}
