package app

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/adapters/access"
	"github.com/guardy-ai/guardy/adapters/cache/frugalcache"
	"github.com/guardy-ai/guardy/adapters/cache/memorycache"
	"github.com/guardy-ai/guardy/adapters/cache/rediscache"
	"github.com/guardy-ai/guardy/adapters/cache/tieredcache"
	"github.com/guardy-ai/guardy/adapters/devicestates/heldstates"
	"github.com/guardy-ai/guardy/adapters/devicestates/memorystates"
	"github.com/guardy-ai/guardy/adapters/devicestates/redisstates"
	"github.com/guardy-ai/guardy/adapters/modelsource/dir"
	"github.com/guardy-ai/guardy/adapters/modelsource/embedded"
	"github.com/guardy-ai/guardy/adapters/telemetry/none"
	"github.com/guardy-ai/guardy/adapters/telemetry/otelrecorder"
	"github.com/guardy-ai/guardy/adapters/transport/connectrpc"
	"github.com/guardy-ai/guardy/adapters/transport/fiberhttp"
	"github.com/guardy-ai/guardy/app/config"
	"github.com/guardy-ai/guardy/ports"
)

// The whole plug board. Adding an adapter is adding a line: its name, its module, and the sections of
// the configuration that have to be valid when it is selected.
var (
	transports = table{
		"http":    {func(c cfg) fx.Option { return fiberhttp.Module(c.HTTP, fiberhttp.Limits(limits(c))) }, sections{"http"}},
		"connect": {func(c cfg) fx.Option { return connectrpc.Module(c.Connect, connectrpc.Limits(limits(c))) }, sections{"connect"}},
	}
	caches = table{
		"memory": {func(c cfg) fx.Option { return memorycache.Module(c.Cache.Memory) }, sections{"cache.memory"}},
		"redis": {func(c cfg) fx.Option {
			if c.Cache.Policy == config.PolicyAlways {
				return rediscache.Module(c.Cache.Redis)
			}
			return frugalcache.Module(rediscache.Opener(c.Cache.Redis))
		}, sections{"cache.redis"}},
		"tiered": {func(c cfg) fx.Option {
			return tieredcache.Module(memorycache.Opener(c.Cache.Memory), far(c))
		}, sections{"cache.memory", "cache.redis"}},
		"none": {func(cfg) fx.Option { return fx.Provide(func() ports.AnswerCache { return nil }) }, nil},
	}
	states = table{
		"memory": {func(c cfg) fx.Option { return memorystates.Module(c.Devices.Memory) }, sections{"devices.memory"}},
		"redis": {func(c cfg) fx.Option {
			return heldstates.Module(redisstates.Opener(c.Cache.Redis, c.Devices.Redis), memorystates.Opener(c.Devices.Memory))
		}, sections{"cache.redis", "devices.redis", "devices.memory"}},
	}
	telemetries = table{
		"otel": {func(c cfg) fx.Option { return otelrecorder.Module(c.Telemetry.OTel) }, sections{"telemetry.otel"}},
		"none": {func(cfg) fx.Option { return none.Module() }, nil},
	}
	modelSources = table{
		"embedded": {func(cfg) fx.Option { return embedded.Module() }, nil},
		"dir":      {func(c cfg) fx.Option { return dir.Module(dir.Config{Path: c.Models.Path}, embedded.New()) }, sections{"models"}},
	}
)

// far opens the cache that replicas share, with the policy that decides when it is asked.
func far(c cfg) tieredcache.Open {
	open := rediscache.Opener(c.Cache.Redis)
	if c.Cache.Policy == config.PolicyAlways {
		return open
	}
	return frugalcache.Opener(open)
}

// cfg keeps the lines of the plug board short.
type cfg = config.Config

// sections name what an adapter is configured by.
type sections []string

// table maps the names of the configuration to adapters.
type table map[string]adapter

type adapter struct {
	module   func(cfg) fx.Option
	sections sections
}

// limits returns the bounds that all transports share; each has a type of its own with these fields.
func limits(c cfg) bounds { return bounds{c.Predict.MaxBatchSize, c.Predict.Timeout} }

type bounds struct {
	MaxBatchSize int
	Timeout      time.Duration
}

// guard decides who may ask for what, on every transport. Quotas are counted where replicas share their cache.
func guard(c cfg) fx.Option {
	var server *rediscache.Config
	if c.Cache.Kind == "redis" || c.Cache.Kind == "tiered" {
		server = &c.Cache.Redis
	}
	g := access.Config{KeysFile: c.Security.KeysFile, AdminKeys: c.Security.AdminKeys, Share: c.Security.QuotaShare, MaxClients: 100_000}
	if own, ok := config.Value[[]string](c, "http.trusted_proxies"); ok {
		g.TrustedProxies = own
	}
	if n, ok := config.Value[int](c, "http.quota.requests"); ok && n > 0 {
		window, _ := config.Value[time.Duration](c, "http.quota.window")
		g.Anonymous = ports.Allowance{Cost: n, Window: window}
		g.MaxClients, _ = config.Value[int](c, "http.quota.max_clients")
	}
	if !needsQuotas(g) {
		server = nil
	}
	return access.Module(g, server)
}

// needsQuotas reports whether anybody has a quota, or may get one when the file of keys changes.
func needsQuotas(g access.Config) bool { return g.KeysFile != "" || g.Anonymous.Cost > 0 }

// choice is the adapters that a configuration names, and the key that names them.
type choice struct {
	table table
	key   string
	names []string
}

func coreChoices(c cfg) []choice {
	return []choice{
		{caches, "cache.kind", []string{c.Cache.Kind}},
		{states, "devices.kind", []string{c.DevicesKind()}},
		{telemetries, "telemetry.kind", []string{c.Telemetry.Kind}},
		{modelSources, "models.source", []string{c.Models.Source}},
	}
}

func transportChoice(c cfg) choice {
	return choice{transports, "transports", slices.Compact(slices.Sorted(slices.Values(c.Transports)))}
}

// Validate checks the names of adapters and the sections of those that are selected. Messages start
// with the key.
func Validate(c config.Config) error {
	var errs []error
	if len(c.Transports) == 0 {
		errs = append(errs, fmt.Errorf("transports: at least one of %s is needed", known(transports)))
	}
	var selected sections
	for _, ch := range append(coreChoices(c), transportChoice(c)) {
		for _, name := range ch.names {
			a, ok := ch.table[name]
			if !ok {
				errs = append(errs, fmt.Errorf("%s: there is no %q; known are %s", ch.key, name, known(ch.table)))
			}
			selected = append(selected, a.sections...)
		}
	}
	selected = append(selected, always...)
	slices.Sort(selected)
	for _, s := range slices.Compact(selected) { // two adapters may share one
		errs = append(errs, c.ValidateSection(s))
	}
	_, err := c.DeviceLimits()
	errs = append(errs, err)
	if c.Security.KeysFile != "" {
		_, err := access.New(access.Config{KeysFile: c.Security.KeysFile}, nil, slog.New(slog.DiscardHandler))
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// always are the sections of what every service has.
var always = sections{"admin", "admission", "sites", "region"}

// modules returns the modules that a valid configuration chooses.
func modules(c cfg, choices ...choice) fx.Option {
	var options []fx.Option
	for _, ch := range choices {
		for _, name := range ch.names {
			options = append(options, ch.table[name].module(c))
		}
	}
	return fx.Options(options...)
}

func known(t table) string { return strings.Join(slices.Sorted(maps.Keys(t)), ", ") }
