// Package config reads Guardy's configuration: one YAML file, the environment, two flags, over
// defaults that serve the embedded models on loopback with nothing set. It knows where every value
// came from, refuses unknown names with the nearest known one, and checks everything before
// anything listens. docs/configuration.md is generated from the comments of the structs below and
// of the adapters' own Config types.
package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/adapters/admission/adaptive"
	"github.com/guardy-ai/guardy/adapters/cache/memorycache"
	"github.com/guardy-ai/guardy/adapters/cache/rediscache"
	"github.com/guardy-ai/guardy/adapters/devicestates/memorystates"
	"github.com/guardy-ai/guardy/adapters/devicestates/redisstates"
	"github.com/guardy-ai/guardy/adapters/regionsource/osmregion"
	"github.com/guardy-ai/guardy/adapters/siteregister/fileregister"
	"github.com/guardy-ai/guardy/adapters/telemetry/otelrecorder"
	"github.com/guardy-ai/guardy/adapters/transport/adminhttp"
	"github.com/guardy-ai/guardy/adapters/transport/connectrpc"
	"github.com/guardy-ai/guardy/adapters/transport/fiberhttp"
)

//go:generate go run ./internal/refgen -o ../../docs/configuration.md

// Config is the whole configuration. Sections of adapters that are not selected are read but not
// validated.
type Config struct {
	// Which transports to serve: http (JSON), connect (Connect, gRPC and gRPC-Web), or both. The admin
	// listener is always on.
	Transports []string `koanf:"transports"`

	Log        Log                 `koanf:"log"`
	HTTP       fiberhttp.Config    `koanf:"http" part:"transport"`
	Connect    connectrpc.Config   `koanf:"connect" part:"transport"`
	Admin      adminhttp.Config    `koanf:"admin"`
	Admission  adaptive.Config     `koanf:"admission"`
	Sites      fileregister.Config `koanf:"sites"`
	Region     osmregion.Config    `koanf:"region"`
	Cache      Cache               `koanf:"cache"`
	Devices    Devices             `koanf:"devices"`
	Telemetry  Telemetry           `koanf:"telemetry"`
	Models     Models              `koanf:"models"`
	Predict    Predict             `koanf:"predict"`
	Evacuation Evacuation          `koanf:"evacuation"`
	Security   Security            `koanf:"security"`
	Shutdown   Shutdown            `koanf:"shutdown"`
}

// Log decides what is written to standard error.
type Log struct {
	// Least level that is written: debug, info, warn or error, in any case; warning, critical, fatal and trace
	// are understood, too. Debug shows every step of the start.
	Level string `koanf:"level"`
	// Form of a line: json for machines, text for people.
	Format string `koanf:"format"`
}

// spellings are the names of levels and forms that operators bring from other programs.
var spellings = map[string]map[string]string{
	"log.level": {"warning": "warn", "critical": "error", "fatal": "error", "trace": "debug"},
}

// spelt are the settings that are taken in any case.
var spelt = []string{"log.level", "log.format", "cache.kind", "cache.policy", "devices.kind", "telemetry.kind", "models.source"}

// canonical returns the spelling of a setting that the program uses.
func canonical(key, value string) string {
	if key == "http.host" { // [::1] is how a URL and a host:port write it
		return strings.TrimSuffix(strings.TrimPrefix(value, "["), "]")
	}
	if !slices.Contains(spelt, key) {
		return value
	}
	value = strings.ToLower(value)
	if known, ok := spellings[key][value]; ok {
		return known
	}
	return value
}

// Cache decides where answers are remembered. Losing a cache changes latency, never an answer.
type Cache struct {
	// Cache in use: memory (in the process), redis (shared by replicas), tiered (memory in front of
	// Redis) or none.
	Kind string `koanf:"kind"`
	// When Redis is asked: auto (for the answers of a model that takes longer to compute than Redis takes to
	// look up, as measured) or always. What was measured and decided is in the answer of
	// /api/v1/metrics/performance. Choose always when replicas should share work at the price of time.
	Policy string `koanf:"policy"`

	TTL    TTL                `koanf:"ttl"`
	Memory memorycache.Config `koanf:"memory"`
	Redis  rediscache.Config  `koanf:"redis"`
}

// The policies of a cache over the network.
const (
	PolicyAuto   = "auto"
	PolicyAlways = "always"
)

// TTL is how long an answer may be served again, by kind of question. The real time of an entry is up to
// a tenth shorter, at random, so that entries made together do not expire together. Zero keeps
// answers of that kind out of the cache.
type TTL struct {
	// Flood-risk answers to single questions.
	FloodRisk time.Duration `koanf:"flood_risk"`
	// Nowcasts.
	Nowcast time.Duration `koanf:"nowcast"`
	// Verdicts on sensor readings.
	Anomaly time.Duration `koanf:"anomaly"`
	// Flood-risk answers given in a batch or a stream.
	Batch time.Duration `koanf:"batch"`
	// Plans for an evacuation.
	Evacuation time.Duration `koanf:"evacuation"`
}

// Devices decides what is remembered of the devices whose readings are judged, and what their values must
// obey.
type Devices struct {
	// Where the states of devices are kept: memory (in the process) or redis (shared by replicas, on the
	// server of devices.redis.url or else of cache.redis; while that takes none they are held in the process). Not set, it is redis where cache.kind is redis or tiered, else memory.
	Kind string `koanf:"kind"`
	// File (YAML or JSON) with limits of your own for variables and for single devices; docs/sensors.md
	// shows one. guardy qc obeys it, too. It is read at the start.
	Limits string `koanf:"limits"`

	Memory memorystates.Config `koanf:"memory"`
	Redis  redisstates.Config  `koanf:"redis"`
}

// DevicesKind returns devices.kind as it is in effect: replicas that share their answers share what they
// know of devices.
func (c Config) DevicesKind() string {
	switch {
	case c.Devices.Kind != "":
		return c.Devices.Kind
	case c.Cache.Kind == "redis" || c.Cache.Kind == "tiered":
		return "redis"
	}
	return "memory"
}

// Telemetry decides where measurements and traces go. The figures of the JSON operations API are
// kept whichever is chosen.
type Telemetry struct {
	// Telemetry in use: otel (OpenTelemetry traces and metrics, Prometheus page on the admin
	// listener) or none.
	Kind string `koanf:"kind"`

	OTel otelrecorder.Config `koanf:"otel"`
}

// Models decides which models are served.
type Models struct {
	// Where models come from: embedded (in the binary) or dir (models.path).
	Source string `koanf:"source"`
	// Directory with one folder a model, as models/ of the repository. Used when models.source is dir.
	Path string `koanf:"path"`
	// Exercise the models before anything listens, so that the first answer is as fast as the
	// thousandth. It takes a few milliseconds of the start.
	Warmup bool `koanf:"warmup"`
}

// Validate requires a directory; it is the section of the adapter dir.
func (m Models) Validate() error {
	if m.Path == "" {
		return errors.New("path: a directory is required when models.source is dir (MODEL_PATH)")
	}
	return nil
}

// Predict bounds the work of a question.
type Predict struct {
	// Most locations in one batch. A larger batch is refused; NDJSON and RPC streams have no bound.
	MaxBatchSize int `koanf:"max_batch_size"`
	// Time budget of one request, queueing included. A request that takes longer is answered with
	// deadline (HTTP 504).
	Timeout time.Duration `koanf:"timeout"`
	// CPUs that the program may use at once. 0 means all that the machine or the container allows.
	Workers int `koanf:"workers"`
}

// Evacuation bounds the making of evacuation plans on a region, which takes longer than other answers.
type Evacuation struct {
	// Plans that are made at once. 0 means half of the CPUs that the program may use, at least one, so
	// that other requests stay fast.
	Workers int `koanf:"workers"`
	// Plans that may wait for their turn. More are answered unavailable (HTTP 503).
	Queue int `koanf:"queue"`
	// Time after which the search for a better plan ends; what is found by then takes up to about a second more to
	// complete and prove for a city of tens of thousands. Small plans are optimal well before. Raise it, and
	// predict.timeout with it, where a nearer clearance time is worth waiting for: gap_percent says how far a
	// plan may be from the best. The search also ends a tenth before predict.timeout; 0 leaves it to that.
	Budget time.Duration `koanf:"budget"`
}

// Security decides who may ask, and who may change state.
type Security struct {
	// File of keys (YAML), each with a name, a digest, scopes and a quota; docs/security.md shows one. It is read
	// again within a second of a change; a file that is wrong changes nothing. Once a key with the scope predict
	// exists, predictions need one; once one with the scope admin exists, what changes state does.
	KeysFile string `koanf:"keys_file"`
	// Keys with the scope admin, as they are, beside those of the file (Authorization: Bearer). While there is no
	// key with this scope, what changes state is answered to callers on the same machine only, and behind
	// http.trusted_proxies to nobody. Secret: set it by GUARDY_SECURITY_ADMIN_KEYS, by
	// GUARDY_SECURITY_ADMIN_KEYS_FILE or in the file; several keys allow rotation.
	AdminKeys []string `koanf:"admin_keys"`
	// Part of every quota that a replica grants by itself while Redis, where the replicas count together, is away.
	// Default 0.5; one over the number of replicas keeps the whole.
	QuotaShare float64 `koanf:"quota_share"`
}

// Shutdown is how the service stops.
type Shutdown struct {
	// Time between the moment that /readyz says no and the moment that the listeners close. Set it to
	// two periods of the load balancer's probe; requests that arrive meanwhile are answered.
	Delay time.Duration `koanf:"delay"`
	// Longest time that the requests under way get to finish once the listeners are closed.
	Timeout time.Duration `koanf:"timeout"`
}

// maxBatchSize bounds what predict.max_batch_size may allow: a larger body belongs into a stream.
const maxBatchSize = 10_000

// maxPlans is more plans than any machine makes at once.
const maxPlans = 10_000

// transports names the transports that are part of the program: those that have a section.
func transports() []string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if f.Tag.Get("part") == "transport" {
			names = append(names, f.Tag.Get("koanf"))
		}
	}
	return names
}

// Default returns the configuration of a service that nobody configured: safe, local, useful.
func Default() Config {
	return Config{
		Transports: transports(),
		Log:        Log{Level: "info", Format: "json"},
		HTTP:       fiberhttp.DefaultConfig(),
		Connect:    connectrpc.DefaultConfig(),
		Admin:      adminhttp.DefaultConfig(),
		Admission:  adaptive.DefaultConfig(),
		Sites:      fileregister.DefaultConfig(),
		Region:     osmregion.DefaultConfig(),
		Cache: Cache{
			Kind:   "memory",
			Policy: PolicyAuto,
			TTL: TTL{
				FloodRisk: 5 * time.Minute, Nowcast: 10 * time.Minute, Anomaly: time.Minute,
				Batch: 3 * time.Minute, Evacuation: 15 * time.Minute,
			},
			Memory: memorycache.DefaultConfig(),
			Redis:  rediscache.DefaultConfig(),
		},
		Devices:    Devices{Redis: redisstates.DefaultConfig(), Memory: memorystates.DefaultConfig()},
		Telemetry:  Telemetry{Kind: "otel", OTel: otelrecorder.DefaultConfig()},
		Models:     Models{Source: "embedded", Warmup: true},
		Predict:    Predict{MaxBatchSize: 100, Timeout: 5 * time.Second},
		Evacuation: Evacuation{Queue: 16, Budget: 2 * time.Second},
		Security:   Security{QuotaShare: 0.5},
		Shutdown:   Shutdown{Timeout: 15 * time.Second},
	}
}

// minKeyLength keeps an admin key from being guessed.
const minKeyLength = 16

// Validate returns everything that is wrong in the sections that belong to no adapter, joined; each
// message starts with its key. The registry of package app checks the names of adapters and the
// sections of those that are selected.
func (c Config) Validate() error {
	var errs []error
	refuse := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf(key+": "+format, args...))
	}
	oneOf := func(key, value string, allowed ...string) {
		if !slices.Contains(allowed, value) {
			refuse(key, "%q is not one of %s", value, strings.Join(allowed, ", "))
		}
	}
	oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	oneOf("log.format", c.Log.Format, "json", "text")
	oneOf("cache.policy", c.Cache.Policy, PolicyAuto, PolicyAlways)
	for _, s := range settings(&c.Cache.TTL) {
		if d := s.value.Int(); d < 0 {
			refuse("cache.ttl."+s.key, "%s is negative; 0 keeps these answers out of the cache", time.Duration(d))
		}
	}
	if c.Predict.MaxBatchSize < 1 || c.Predict.MaxBatchSize > maxBatchSize {
		refuse("predict.max_batch_size", "%d is outside 1 to %d", c.Predict.MaxBatchSize, maxBatchSize)
	}
	if c.Predict.Timeout <= 0 {
		refuse("predict.timeout", "%s leaves no time to answer", c.Predict.Timeout)
	}
	if c.Evacuation.Workers < 0 || c.Evacuation.Workers > maxPlans {
		refuse("evacuation.workers", "%d is outside 0 to %d", c.Evacuation.Workers, maxPlans)
	}
	if c.Evacuation.Queue < 0 || c.Evacuation.Queue > maxPlans {
		refuse("evacuation.queue", "%d is outside 0 to %d", c.Evacuation.Queue, maxPlans)
	}
	if c.Evacuation.Budget < 0 {
		refuse("evacuation.budget", "%s is negative; 0 leaves it to predict.timeout", c.Evacuation.Budget)
	}
	if c.Shutdown.Delay < 0 {
		refuse("shutdown.delay", "%s is negative", c.Shutdown.Delay)
	}
	if c.Shutdown.Timeout <= 0 {
		refuse("shutdown.timeout", "%s leaves requests no time to finish", c.Shutdown.Timeout)
	}
	if c.Predict.Workers < 0 {
		refuse("predict.workers", "%d is negative; 0 means all that there are", c.Predict.Workers)
	}
	if !(c.Security.QuotaShare > 0 && c.Security.QuotaShare <= 1) {
		refuse("security.quota_share", "%v is outside 0 to 1", c.Security.QuotaShare)
	}
	for i, key := range c.Security.AdminKeys {
		if len(key) < minKeyLength {
			refuse("security.admin_keys", "key %d is shorter than %d characters", i+1, minKeyLength)
		}
	}
	return errors.Join(errs...)
}

// ValidateSection checks the section of one adapter, named by its key ("cache.redis"). Adapters know
// only their own names; the messages start with the whole key.
func (c Config) ValidateSection(section string) error {
	v := reflect.ValueOf(c)
	for name := range strings.SplitSeq(section, ".") {
		v = field(v, name)
	}
	var errs []error
	for _, err := range flatten(v.Interface().(interface{ Validate() error }).Validate()) {
		errs = append(errs, fmt.Errorf("%s.%w", section, err))
	}
	return errors.Join(errs...)
}

// field returns the field of a section by its key.
func field(v reflect.Value, name string) reflect.Value {
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("koanf") == name {
			return v.Field(i)
		}
	}
	panic("config: there is no section " + name)
}
