package config

import (
	"fmt"
	"math"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/guardy-ai/guardy/domain"
)

// setting is one leaf of Config: a value that a file, a variable or a flag can set.
type setting struct {
	key   string // "cache.redis.url"
	value reflect.Value
}

// settings lists the leaves of the struct behind p, in the order of declaration.
func settings(p any) []setting {
	return walk(nil, "", reflect.ValueOf(p).Elem())
}

func walk(out []setting, prefix string, v reflect.Value) []setting {
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("koanf")
		if name == "" || name == "-" {
			continue
		}
		if f := v.Field(i); f.Kind() == reflect.Struct {
			out = walk(out, prefix+name+".", f)
		} else {
			out = append(out, setting{prefix + name, f})
		}
	}
	return out
}

// Value returns the value of a setting, which is absent where the adapter that it belongs to is not part of the
// program. The command line asks so for the settings of transports, and works without any of them.
func Value[T any](c Config, key string) (value T, ok bool) {
	for _, s := range settings(&c) {
		if s.key == key {
			value, ok = s.value.Interface().(T)
			return value, ok
		}
	}
	return value, false
}

// Set sets a setting to a value of its type. It is false where the adapter that the setting belongs to is not part of
// the program.
func Set[T any](c *Config, key string, value T) bool {
	for _, s := range settings(c) {
		if s.key == key {
			s.value.Set(reflect.ValueOf(value))
			return true
		}
	}
	return false
}

// Variable returns the name of the environment variable that sets key.
func Variable(key string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// secretKeys name the settings whose values are never shown.
var secretKeys = []string{
	"security.admin_keys", "cache.redis.url", "cache.redis.password", "cache.redis.sentinel_password", "cache.redis.secret",
	"devices.redis.url", "devices.redis.password",
}

// IsSecret reports whether the value of key must not be shown. Secrets come from the environment, a
// file that a variable names, or the configuration file; never from the command line, which every
// user of the machine can read.
func IsSecret(key string) bool { return slices.Contains(secretKeys, key) }

// Display renders a value as it would be written in the file, secrets masked.
func Display(key string, value any) string {
	text := render(value)
	if !IsSecret(key) || text == "" || text == "[]" {
		return text
	}
	// Which server is asked is no secret, and the first thing to look at when the cache is down.
	if s, ok := value.(string); ok {
		if u, err := url.Parse(s); err == nil && u.Host != "" {
			return u.Redacted()
		}
	}
	return "********"
}

func render(value any) string {
	switch v := value.(type) {
	case time.Duration:
		return renderDuration(v)
	case int64:
		return renderSize(v)
	case []string:
		items := make([]string, len(v))
		for i, item := range v {
			if items[i] = renderText(item); strings.ContainsAny(item, ",[]{}") {
				items[i] = strconv.Quote(item)
			}
		}
		return "[" + strings.Join(items, ", ") + "]"
	case string:
		return renderText(v)
	}
	return fmt.Sprint(value)
}

// renderText quotes a text where YAML would read it as something else.
func renderText(s string) string {
	if s == "" {
		return ""
	}
	text, err := yaml.Marshal(s)
	if err != nil {
		return strconv.Quote(s)
	}
	return strings.TrimSpace(string(text))
}

// renderDuration drops the zero parts that time.Duration.String keeps: 5m instead of 5m0s.
func renderDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// units of sizes, largest first.
var units = []struct {
	suffix string
	bytes  int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

func renderSize(n int64) string {
	for _, u := range units[:3] {
		if n != 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(n, 10)
}

// decode stores raw, a value of a YAML document or a text, in dst.
func decode(raw any, dst reflect.Value) error {
	if _, ok := dst.Interface().(time.Duration); ok {
		d, err := decodeDuration(raw)
		dst.SetInt(int64(d))
		return err
	}
	if dst.Kind() == reflect.Slice {
		list, err := decodeList(raw)
		dst.Set(reflect.ValueOf(list))
		return err
	}
	text, ok := scalar(raw)
	if !ok {
		return fmt.Errorf("%v is not a single value", raw)
	}
	switch dst.Kind() {
	case reflect.String:
		dst.SetString(text)
	case reflect.Bool:
		b, err := decodeBool(text)
		if err != nil {
			return err
		}
		dst.SetBool(b)
	case reflect.Int64:
		n, err := decodeSize(text)
		if err != nil {
			return err
		}
		dst.SetInt(n)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		dst.SetInt(int64(n))
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("%q is not a finite number", text)
		}
		dst.SetFloat(f)
	default:
		panic("config: no decoder for " + dst.Type().String())
	}
	return nil
}

func scalar(raw any) (text string, ok bool) {
	switch v := raw.(type) {
	case string:
		return strings.TrimSpace(v), true
	case bool, int, int64, uint64, float64:
		return fmt.Sprint(v), true
	}
	return "", false
}

// decodeBool reads the spellings of Go and of YAML 1.1, in any case, which compose files and shells use.
func decodeBool(text string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "t", "1", "yes", "y", "on":
		return true, nil
	case "false", "f", "0", "no", "n", "off":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", text)
}

func decodeDuration(raw any) (time.Duration, error) {
	text, ok := scalar(raw)
	if !ok {
		return 0, fmt.Errorf("%v is not a duration such as 250ms or 5m", raw)
	}
	d, err := time.ParseDuration(text)
	if err == nil {
		return d, nil
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return 0, fmt.Errorf("the duration %s has no unit: write %[1]ss for seconds", text)
	}
	return 0, fmt.Errorf("%q is not a duration such as 250ms or 5m", text)
}

func decodeSize(text string) (int64, error) {
	number, unit := text, int64(1)
	for _, u := range units {
		if n, ok := strings.CutSuffix(text, u.suffix); ok {
			number, unit = strings.TrimSpace(n), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n > math.MaxInt64/unit || n < math.MinInt64/unit {
		return 0, fmt.Errorf("%q is not a size such as 4MiB, 512KiB or a number of bytes", text)
	}
	return n * unit, nil
}

func decodeList(raw any) ([]string, error) {
	items, ok := raw.([]any)
	if !ok {
		text, ok := scalar(raw)
		if !ok {
			return nil, fmt.Errorf("%v is not a list", raw)
		}
		if yaml.Unmarshal([]byte(text), &items) != nil || !strings.HasPrefix(text, "[") {
			items = nil
			for part := range strings.SplitSeq(text, ",") {
				items = append(items, part)
			}
		}
	}
	var list []string
	for _, item := range items {
		text, ok := scalar(item)
		if !ok {
			return nil, fmt.Errorf("%v is not a text", item)
		}
		if text != "" {
			list = append(list, text)
		}
	}
	return list, nil
}

// nearest returns the candidate that a person who wrote name most likely meant, empty when none is
// close.
func nearest(name string, candidates []string) string {
	for _, c := range candidates {
		if strings.HasSuffix(c, "."+name) { // the section was left out
			return c
		}
	}
	return domain.NearestName(name, slices.Values(candidates))
}
