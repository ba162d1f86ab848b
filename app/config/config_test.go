package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/guardy-ai/guardy/app/config"
)

func accept(config.Config) error { return nil }

// load writes yaml to a file named guardy.yaml in the working directory and loads it.
func load(t *testing.T, yaml string, environ []string, flags ...config.Flag) (*config.Loaded, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	src := config.Sources{Environ: environ, Flags: flags}
	if yaml != "" {
		src.File = "guardy.yaml"
		if err := os.WriteFile(src.File, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config.Load(src, accept)
}

func mustLoad(t *testing.T, yaml string, environ []string, flags ...config.Flag) *config.Loaded {
	t.Helper()
	l, err := load(t, yaml, environ, flags...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestNothingSetGivesTheDefaults(t *testing.T) {
	l := mustLoad(t, "", nil)
	if diff := cmp.Diff(config.Default(), l.Config); diff != "" {
		t.Error(diff)
	}
	for _, s := range l.Settings() {
		if s.Origin != "default" {
			t.Errorf("%s comes from %s", s.Key, s.Origin)
		}
	}
}

func TestDefaultsAreValid(t *testing.T) {
	if err := config.Default().Validate(); err != nil {
		t.Error(err)
	}
}

func TestFlagsWinOverEnvironmentOverFileOverDefaults(t *testing.T) {
	const yaml = "log: {level: warn}\ncache:\n  ttl:\n    nowcast: 1m\n    anomaly: 2m\n"
	l := mustLoad(t, yaml, []string{"LOG_LEVEL=error", "CACHE_TTL_ANOMALY=90"}, config.Flag{Name: "--log-level", Key: "log.level", Value: "debug"})
	for key, want := range map[string][2]string{
		"log.level":            {"debug", "flag:--log-level"},
		"cache.ttl.anomaly":    {"1m30s", "env:CACHE_TTL_ANOMALY"},
		"cache.ttl.nowcast":    {"1m", "file:guardy.yaml:4"},
		"cache.ttl.evacuation": {"15m", "default"},
	} {
		if got := find(t, l, key); got.Value != want[0] || got.Origin != want[1] {
			t.Errorf("%s = %s from %s, want %s from %s", key, got.Value, got.Origin, want[0], want[1])
		}
	}
}

func find(t *testing.T, l *config.Loaded, key string) config.Setting {
	t.Helper()
	for _, s := range l.Settings() {
		if s.Key == key {
			return s
		}
	}
	t.Fatalf("no setting %s", key)
	return config.Setting{}
}

func TestOperatorVariablesSetTheirKeys(t *testing.T) {
	for _, tt := range []struct{ variable, key, want string }{
		{"HOST=0.0.0.0", "http.host", "0.0.0.0"},
		{"PORT=9000", "http.port", "9000"},
		{"LOG_LEVEL=debug", "log.level", "debug"},
		{"REDIS_ENABLED=true", "cache.kind", "tiered"},
		{"REDIS_ENABLED=true", "devices.kind", "redis"},
		{"REDIS_ENABLED=false", "cache.kind", "memory"},
		{"REDIS_URL=redis://cache:6380/2", "cache.redis.url", "redis://cache:6380/2"},
		{"CACHE_TTL_FLOOD_RISK=30", "cache.ttl.flood_risk", "30s"},
		{"CACHE_TTL_NOWCAST=1.5", "cache.ttl.nowcast", "1.5s"},
		{"CACHE_TTL_ANOMALY=250ms", "cache.ttl.anomaly", "250ms"},
		{"CACHE_TTL_BATCH=0", "cache.ttl.batch", "0s"},
		{"CACHE_TTL_EVACUATION=1h", "cache.ttl.evacuation", "1h"},
		{"MAX_BATCH_SIZE=500", "predict.max_batch_size", "500"},
		{"WORKER_THREADS=4", "predict.workers", "4"},
		{"PREDICTION_TIMEOUT=2", "predict.timeout", "2s"},
		{"MODEL_PATH=/srv/models", "models.path", "/srv/models"},
		{"MODEL_PATH=/srv/models", "models.source", "dir"},
		{"MODEL_WARMUP=false", "models.warmup", "false"},
		{"CORS_ORIGINS=https://a.example, https://b.example", "http.cors_origins", "[https://a.example, https://b.example]"},
		{"GUARDY_LOG_FORMAT=text", "log.format", "text"},
		{"GUARDY_CACHE_TTL_FLOOD_RISK=20s", "cache.ttl.flood_risk", "20s"},
		{"GUARDY_TRANSPORTS=http", "transports", "[http]"},
		{"GUARDY_CONNECT_ADDR=127.0.0.1:0", "connect.addr", "127.0.0.1:0"},
		{"GUARDY_ADMIN_ADDR=127.0.0.1:0", "admin.addr", "127.0.0.1:0"},
		{"GUARDY_CACHE_REDIS_URL=redis://cache:6380/2", "cache.redis.url", "redis://cache:6380/2"},
	} {
		t.Run(tt.variable+" "+tt.key, func(t *testing.T) {
			name, _, _ := strings.Cut(tt.variable, "=")
			l := mustLoad(t, "", []string{tt.variable})
			got := find(t, l, tt.key)
			if got.Value != tt.want {
				t.Errorf("%s = %s, want %s", tt.key, got.Value, tt.want)
			}
			if got.Value != find(t, mustLoad(t, "", nil), tt.key).Value && got.Origin != "env:"+name {
				t.Errorf("origin %s", got.Origin)
			}
		})
	}
}

func TestSpellingsOfOperatorsAreUnderstood(t *testing.T) {
	for _, tt := range []struct{ variable, key, want string }{
		{"LOG_LEVEL=INFO", "log.level", "info"},
		{"LOG_LEVEL=Warning", "log.level", "warn"},
		{"LOG_LEVEL=WARN", "log.level", "warn"},
		{"LOG_LEVEL=CRITICAL", "log.level", "error"},
		{"LOG_LEVEL=trace", "log.level", "debug"},
		{"GUARDY_LOG_FORMAT=JSON", "log.format", "json"},
		{"REDIS_ENABLED=on", "cache.kind", "tiered"},
		{"REDIS_ENABLED=No", "cache.kind", "memory"},
		{"MODEL_WARMUP=OFF", "models.warmup", "false"},
		{"HOST=[::1]", "http.host", "::1"},
		{"HOST=[::]", "http.host", "::"},
		{`CORS_ORIGINS=["https://a.example", "https://b.example"]`, "http.cors_origins", "[https://a.example, https://b.example]"},
	} {
		if got := strings.Trim(find(t, mustLoad(t, "", []string{tt.variable}), tt.key).Value, `"'`); got != tt.want {
			t.Errorf("%s: %s = %s, want %s", tt.variable, tt.key, got, tt.want)
		}
	}
}

func TestVariablesThatKubernetesInjectsAreIgnored(t *testing.T) {
	l := mustLoad(t, "", []string{
		"GUARDY_SERVICE_HOST=10.96.12.3", "GUARDY_SERVICE_PORT=8000", "GUARDY_SERVICE_PORT_HTTP_API=8000",
		"GUARDY_PORT=tcp://10.96.12.3:8000", "GUARDY_PORT_8000_TCP=tcp://10.96.12.3:8000", "GUARDY_PORT_8000_TCP_PROTO=tcp",
		"GUARDY_PORT_8000_TCP_PORT=8000", "GUARDY_PORT_8000_TCP_ADDR=10.96.12.3",
		// beside Services named guardy-redis and guardy-http; the last would set http.port
		"GUARDY_REDIS_SERVICE_HOST=fd00::1", "GUARDY_REDIS_PORT=tcp://[fd00::1]:6379", "GUARDY_REDIS_PORT_6379_TCP_ADDR=fd00::1",
		"GUARDY_HTTP_SERVICE_HOST=10.96.12.4", "GUARDY_HTTP_PORT=tcp://10.96.12.4:80",
	})
	if diff := cmp.Diff(config.Default(), l.Config); diff != "" {
		t.Error(diff)
	}
	own := mustLoad(t, "", []string{"GUARDY_HTTP_PORT=9000"}).Config
	if got, _ := config.Value[int](own, "http.port"); got != 9000 {
		t.Errorf("the operator's port is %d", got)
	}
	if _, err := load(t, "", []string{"GUARDY_PORT=8000"}); err == nil || !strings.Contains(err.Error(), "GUARDY_HTTP_PORT") {
		t.Errorf("a misspelt variable: %v", err)
	}
}

func TestAChoiceByItsOwnKeyWinsOverTheSwitches(t *testing.T) {
	for _, tt := range []struct {
		name, yaml string
		environ    []string
		key, want  string
	}{
		{"enabled, kind in the file", "cache: {kind: redis}", []string{"REDIS_ENABLED=true"}, "cache.kind", "redis"},
		{"enabled, kind by variable", "", []string{"REDIS_ENABLED=true", "GUARDY_CACHE_KIND=none"}, "cache.kind", "none"},
		{"disabled takes Redis out of the file", "cache: {kind: tiered}", []string{"REDIS_ENABLED=false"}, "cache.kind", "memory"},
		{"enabled, states in the file", "devices: {kind: memory}", []string{"REDIS_ENABLED=true"}, "devices.kind", "memory"},
		{"disabled takes Redis out of the states", "devices: {kind: redis}", []string{"REDIS_ENABLED=false"}, "devices.kind", "memory"},
		{"disabled leaves none alone", "cache: {kind: none}", []string{"REDIS_ENABLED=0"}, "cache.kind", "none"},
		{"path given, source in the file", "models: {source: embedded}", []string{"MODEL_PATH=/m"}, "models.source", "embedded"},
		{"GUARDY_ wins over the operators' name", "", []string{"LOG_LEVEL=warn", "GUARDY_LOG_LEVEL=error"}, "log.level", "error"},
		{"an empty variable is not set", "", []string{"LOG_LEVEL="}, "log.level", "info"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := find(t, mustLoad(t, tt.yaml, tt.environ), tt.key).Value; got != tt.want {
				t.Errorf("%s = %s, want %s", tt.key, got, tt.want)
			}
		})
	}
}

func TestEveryProblemIsReportedOnceWithItsOrigin(t *testing.T) {
	const yaml = `log:
  levels: info
predict:
  timeout: 5
  max_batch_size: many
cache: memory
nonsense_of_all_kinds: 1
models:
`
	_, err := load(t, yaml, []string{"GUARDY_CACHE_KNID=none", "GUARDY_PORT=1", "REDIS_ENABLED=maybe", "PREDICTION_TIMEOUT=soon", "GUARDY_TEST_REDIS_ADDR=x", "GUARDY_QARTOD_VECTORS=x"},
		config.Flag{Name: "--set", Key: "cache.kidn", Value: "none"})
	want := strings.TrimSpace(`
cache.kind: "maybe" is neither true nor false (env:REDIS_ENABLED)
unknown environment variable GUARDY_CACHE_KNID: did you mean GUARDY_CACHE_KIND? (env:GUARDY_CACHE_KNID)
unknown environment variable GUARDY_PORT: did you mean GUARDY_HTTP_PORT? (env:GUARDY_PORT)
predict.timeout: "soon" is not a duration such as 250ms or 5m (env:PREDICTION_TIMEOUT)
cache.kind: "maybe" is neither true nor false (env:REDIS_ENABLED)
unknown setting log.levels: did you mean log.level? (file:guardy.yaml:2)
predict.max_batch_size: "many" is not a whole number (file:guardy.yaml:5)
cache: is a section and cannot be memory (file:guardy.yaml:6)
unknown setting nonsense_of_all_kinds (file:guardy.yaml:7)
unknown setting cache.kidn: did you mean cache.kind? (flag:--set)
`)
	wanted := map[string]bool{}
	for line := range strings.SplitSeq(want, "\n") {
		wanted[line] = true
	}
	var report *config.Error
	if !errors.As(err, &report) {
		t.Fatalf("got %v, want an *Error", err)
	}
	for _, p := range report.Problems {
		if !wanted[p.String()] {
			t.Errorf("unexpected: %s", p)
		}
		delete(wanted, p.String())
	}
	for line := range wanted {
		t.Errorf("missing: %s", line)
	}
}

func TestADurationInTheFileNeedsAUnit(t *testing.T) {
	_, err := load(t, "predict: {timeout: 5}", nil)
	if want := "predict.timeout: the duration 5 has no unit: write 5s for seconds (file:guardy.yaml:1)"; err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestValuesOutsideTheirRangeNameTheirOrigin(t *testing.T) {
	_, err := load(t, "log:\n  level: loud\n", []string{"MAX_BATCH_SIZE=0", "CACHE_TTL_BATCH=-1", "GUARDY_SECURITY_ADMIN_KEYS=short"})
	want := strings.Join([]string{
		`cache.ttl.batch: -1s is negative; 0 keeps these answers out of the cache (env:CACHE_TTL_BATCH)`,
		`security.admin_keys: key 1 is shorter than 16 characters (env:GUARDY_SECURITY_ADMIN_KEYS)`,
		`predict.max_batch_size: 0 is outside 1 to 10000 (env:MAX_BATCH_SIZE)`,
		`log.level: "loud" is not one of debug, info, warn, error (file:guardy.yaml:2)`,
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestFindingsOfTheAdaptersCarryTheirOrigin(t *testing.T) {
	_, err := config.Load(config.Sources{Environ: []string{"GUARDY_LOG_LEVEL=warn"}}, func(c config.Config) error {
		return errors.Join(errors.New("log.level: not "+c.Log.Level), errors.Join(errors.New("cache.kind: no such cache")))
	})
	want := "cache.kind: no such cache\nlog.level: not warn (env:GUARDY_LOG_LEVEL)"
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestBrokenFilesAreNamed(t *testing.T) {
	for name, tt := range map[string]struct{ yaml, want string }{
		"syntax":    {"log: [", "yaml: line 1"},
		"duplicate": {"log: {level: info}\nlog: {level: warn}\n", `already defined`},
		"list":      {"- a\n", "cannot unmarshal"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, tt.yaml, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "guardy.yaml") {
				t.Errorf("got %v, want %q and the file", err, tt.want)
			}
		})
	}
	_, err := config.Load(config.Sources{File: "absent.yaml"}, accept)
	if want := "read the configuration file: no such file or directory (file:absent.yaml)"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestSecretsAreMaskedAndKeptOffTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys")
	if err := os.WriteFile(keys, []byte("0123456789abcdef,fedcba9876543210\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := mustLoad(t, "", []string{"GUARDY_SECURITY_ADMIN_KEYS_FILE=" + keys, "REDIS_URL=redis://user:hunter2@cache:6379/0"})
	if diff := cmp.Diff([]string{"0123456789abcdef", "fedcba9876543210"}, l.Config.Security.AdminKeys); diff != "" {
		t.Error(diff)
	}
	if got := find(t, l, "security.admin_keys"); got.Value != "********" || got.Origin != "env:GUARDY_SECURITY_ADMIN_KEYS_FILE" {
		t.Errorf("got %+v", got)
	}
	if got := find(t, l, "cache.redis.url").Value; got != "redis://user:xxxxx@cache:6379/0" {
		t.Errorf("got %s", got)
	}
	for _, s := range l.Settings() {
		if strings.Contains(s.Value, "hunter2") {
			t.Errorf("%s shows a password", s.Key)
		}
	}

	_, err := load(t, "", []string{"GUARDY_SECURITY_ADMIN_KEYS_FILE=" + filepath.Join(dir, "absent")},
		config.Flag{Name: "--set", Key: "security.admin_keys", Value: "0123456789abcdef"})
	for _, want := range []string{"no such file", "a secret does not belong on the command line: use GUARDY_SECURITY_ADMIN_KEYS or"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestPrintedSettingsLoadAgainAsTheSameConfiguration(t *testing.T) {
	first := mustLoad(t, "predict: {timeout: 1m30s, workers: 3}\ntransports: [connect]\n", nil)
	var b strings.Builder
	for _, s := range first.Settings() {
		b.WriteString(s.Key + ": " + s.Value + "\n")
	}
	second := mustLoad(t, b.String(), nil)
	if diff := cmp.Diff(first.Config, second.Config); diff != "" {
		t.Error(diff)
	}
}

func TestEveryVariableNamesOneKey(t *testing.T) {
	seen := map[string]string{}
	for _, s := range mustLoad(t, "", nil).Settings() {
		name := config.Variable(s.Key)
		if other, ok := seen[name]; ok {
			t.Errorf("%s sets both %s and %s", name, other, s.Key)
		}
		seen[name] = s.Key
	}
}

func TestDefaultTTLsAreTheContracts(t *testing.T) {
	want := config.TTL{FloodRisk: 300 * time.Second, Nowcast: 600 * time.Second, Anomaly: 60 * time.Second, Batch: 180 * time.Second, Evacuation: 900 * time.Second}
	if got := config.Default().Cache.TTL; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestStatesOfDevicesAreWhereTheAnswersAre(t *testing.T) {
	for _, tt := range []struct{ cache, devices, want string }{
		{"memory", "", "memory"},
		{"none", "", "memory"},
		{"redis", "", "redis"},
		{"tiered", "", "redis"},
		{"redis", "memory", "memory"},
		{"none", "redis", "redis"},
	} {
		c := config.Default()
		c.Cache.Kind, c.Devices.Kind = tt.cache, tt.devices
		if got := c.DevicesKind(); got != tt.want {
			t.Errorf("cache %s, devices %q: %s, want %s", tt.cache, tt.devices, got, tt.want)
		}
	}
}
