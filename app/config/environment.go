package config

import (
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// variablePrefix starts every environment variable that is Guardy's own.
const variablePrefix = "GUARDY_"

// FileVariable names the configuration file, as --config does. The command reads it.
const FileVariable = variablePrefix + "CONFIG"

// operatorVariables are the names that operators know from the service that Guardy replaces. They
// give plain numbers of seconds where the file wants a unit.
var operatorVariables = []struct {
	name, key string
	seconds   bool
}{
	{"HOST", "http.host", false},
	{"PORT", "http.port", false},
	{"LOG_LEVEL", "log.level", false},
	{"REDIS_URL", "cache.redis.url", false},
	{"CACHE_TTL_FLOOD_RISK", "cache.ttl.flood_risk", true},
	{"CACHE_TTL_NOWCAST", "cache.ttl.nowcast", true},
	{"CACHE_TTL_ANOMALY", "cache.ttl.anomaly", true},
	{"CACHE_TTL_BATCH", "cache.ttl.batch", true},
	{"CACHE_TTL_EVACUATION", "cache.ttl.evacuation", true},
	{"MAX_BATCH_SIZE", "predict.max_batch_size", false},
	{"WORKER_THREADS", "predict.workers", false},
	{"PREDICTION_TIMEOUT", "predict.timeout", true},
	{"MODEL_PATH", "models.path", false},
	{"MODEL_WARMUP", "models.warmup", false},
	{"CORS_ORIGINS", "http.cors_origins", false},
	{"CORS_ORIGINS", "connect.cors_origins", false},
}

// OperatorVariable returns the operators' name for key, empty when it has only Variable(key).
func OperatorVariable(key string) string {
	for _, v := range operatorVariables {
		if v.key == key {
			return v.name
		}
	}
	return ""
}

// ignoredVariable reports whether a GUARDY_ variable is not configuration: the switches of the test
// suites and the name of the file.
func ignoredVariable(name string) bool {
	return strings.HasPrefix(name, "GUARDY_TEST_") || name == "GUARDY_QARTOD_VECTORS" || name == FileVariable
}

// Kubernetes gives every container the addresses of the Services of its namespace, in the form of Docker's links:
// GUARDY_SERVICE_HOST, GUARDY_PORT=tcp://… and GUARDY_PORT_8000_TCP_ADDR beside a Service named guardy,
// GUARDY_REDIS_PORT=tcp://… beside one named guardy-redis. They are nobody's configuration.
// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
var (
	injectedHost = regexp.MustCompile(`^GUARDY_([A-Z0-9_]+_)?SERVICE_HOST$`)
	injectedPort = regexp.MustCompile(`^GUARDY_([A-Z0-9_]+_)?SERVICE_PORT(_[A-Z0-9_]+)?$`)
	injectedLink = regexp.MustCompile(`^GUARDY_([A-Z0-9_]+_)?PORT(_[0-9]+_(TCP|UDP|SCTP))?$`)
	injectedPart = regexp.MustCompile(`^GUARDY_([A-Z0-9_]+_)?PORT_[0-9]+_(TCP|UDP|SCTP)_(PROTO|PORT|ADDR)$`)
	linkValue    = regexp.MustCompile(`^(tcp|udp|sctp)://.+:[0-9]+$`)
)

// injected reports whether Kubernetes set the variable. Name and value both have to be of its form: a GUARDY_HTTP_PORT
// that holds a number is the operator's.
func injected(name, value string) bool {
	switch {
	case injectedHost.MatchString(name):
		return value == "None" || net.ParseIP(value) != nil // None: a headless Service
	case injectedPort.MatchString(name):
		_, err := strconv.ParseUint(value, 10, 16)
		return err == nil
	case injectedPart.MatchString(name):
		return true
	case injectedLink.MatchString(name):
		return linkValue.MatchString(value)
	}
	return false
}

// fromEnvironment reads the variables. An empty variable counts as not set, because that is what
// compose files and shells make of an absent one. Where an operators' name and a GUARDY_ name set
// the same key, the GUARDY_ name wins: it says exactly which key it means.
func (l *loader) fromEnvironment(environ []string) layer {
	env := make(map[string]string, len(environ))
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok && value != "" && !injected(name, value) {
			env[name] = value
		}
	}
	out := layer{}
	for _, v := range operatorVariables {
		if value, origin, ok := l.variable(env, v.name, v.key); ok {
			if v.seconds {
				if _, err := strconv.ParseFloat(value, 64); err == nil {
					value += "s"
				}
			}
			out[v.key] = entry{value, origin}
		}
	}

	byName := make(map[string]string, len(l.keys))
	for _, key := range l.keys {
		byName[Variable(key)] = key
		if value, origin, ok := l.variable(env, Variable(key), key); ok {
			out[key] = entry{value, origin}
		}
	}
	for name := range env {
		secretFile, isFile := strings.CutSuffix(name, "_FILE")
		if _, known := byName[name]; known || !strings.HasPrefix(name, variablePrefix) || ignoredVariable(name) ||
			isFile && IsSecret(byName[secretFile]) {
			continue
		}
		l.unknown("environment variable", name, "env:"+name, nearestVariable(name, byName))
	}
	l.switches(env, out)
	return out
}

// variable returns the value of name or, for a secret, the content of the file that name_FILE names.
func (l *loader) variable(env map[string]string, name, key string) (value, origin string, ok bool) {
	if value, ok := env[name]; ok {
		return value, "env:" + name, true
	}
	path, ok := env[name+"_FILE"]
	if !ok || !IsSecret(key) {
		return "", "", false
	}
	origin = "env:" + name + "_FILE"
	text, err := os.ReadFile(path)
	if err != nil {
		l.problem(key, origin, err.Error())
		return "", "", false
	}
	return strings.TrimSpace(string(text)), origin, true
}

// switches applies the two operators' variables that choose an adapter. They do not override a
// choice that was made by its own key, except that REDIS_ENABLED=false takes Redis out of a file's
// cache.kind and devices.kind.
func (l *loader) switches(env map[string]string, out layer) {
	if path, ok := out["models.path"]; ok && path.origin == "env:MODEL_PATH" && !l.chosen("models.source", out) {
		out["models.source"] = entry{"dir", path.origin}
	}

	const origin = "env:REDIS_ENABLED"
	text, ok := env["REDIS_ENABLED"]
	if !ok {
		return
	}
	enabled, err := decodeBool(text)
	if err != nil {
		l.problem("cache.kind", origin, err.Error())
		return
	}
	for _, c := range []struct {
		key, with string
		redis     []string // the choices that need Redis
	}{
		{"cache.kind", "tiered", []string{"redis", "tiered"}},
		{"devices.kind", "redis", []string{"redis"}},
	} {
		switch _, fromEnv := out[c.key]; {
		case enabled && !l.chosen(c.key, out):
			out[c.key] = entry{c.with, origin}
		case !enabled && !fromEnv && slices.Contains(c.redis, l.text(c.key)):
			out[c.key] = entry{"memory", origin}
		}
	}
}

// nearestVariable suggests a variable. The separators of sections and words look alike in a variable
// name, so that GUARDY_PORT finds GUARDY_HTTP_PORT.
func nearestVariable(name string, known map[string]string) string {
	names := make([]string, 0, len(known))
	for n := range known {
		names = append(names, n)
	}
	slices.Sort(names)
	if n := nearest(name, names); n != "" {
		return n
	}
	rest := strings.TrimPrefix(name, variablePrefix)
	for _, n := range names {
		if strings.HasSuffix(n, "_"+rest) {
			return n
		}
	}
	return ""
}
