package transporttest

import (
	"bytes"
	"context"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/domain/vector"
)

// Update rewrites the answers of the corpus by what the transport answers: go test ./adapters/transport/fiberhttp
// -run Conformance -update. Answers that are made by a template, and parts of answers, are left alone.
var Update = flag.Bool("update", false, "rewrite the answers of ports/transporttest/testdata")

// Client calls one transport in one encoding, and brings its answers into the JSON of the contract.
type Client interface {
	// Encoding says which cases can be expressed.
	Encoding() Encoding
	// Call sends one request. The error is for calls that could not be made at all and fails the test.
	Call(ctx context.Context, c Call) (Reply, error)
}

// Encoding is the way in which a client writes requests.
type Encoding string

// The encodings, from the most to the least that they can express.
const (
	HTTP   Encoding = "http"   // the bytes of the case as they stand, each line of a stream by itself
	JSON   Encoding = "json"   // the bytes of the case as they stand
	Binary Encoding = "binary" // messages made from the request
)

func (e Encoding) expresses(only string) bool {
	switch only {
	case "":
		return true
	case string(JSON):
		return e == HTTP || e == JSON
	}
	return string(e) == only
}

// Call is one request.
type Call struct {
	// Method is a method of the RPC services: "AssessFloodRisk".
	Method string
	// Body is the request in the JSON of the contract; of a method of ModelService {"name": "…"} or {}.
	Body []byte
	// Lines are the requests of a stream instead.
	Lines [][]byte
	// Fresh asks for Cache-Control: no-cache.
	Fresh bool
}

// Reply is an answer, the answers of a stream, or a refusal.
type Reply struct {
	Body  []byte
	Lines [][]byte
	// Refusal is the error as JSON: {"code": …, "detail": …, "errors": […]}; other members are ignored.
	Refusal []byte
}

//go:embed testdata/*.txtar
var corpus embed.FS

// Run replays the corpus. start serves the service with the limits of this package and no admin keys
// until the test ends.
func Run(t *testing.T, start func(t *testing.T, s *Service) Client) {
	t.Helper()
	service := NewService()
	client := start(t, service)
	cases, err := load()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if !client.Encoding().expresses(c.only) {
				t.Skipf("cannot be expressed in %s", client.Encoding())
			}
			c.run(t, service, client)
		})
	}
}

// testCase is one file of the corpus.
type testCase struct {
	name, only                   string
	call                         Call
	part                         bool
	calls, answer, lines, refuse []byte
}

func load() ([]testCase, error) {
	files, err := corpus.ReadDir("testdata")
	if err != nil {
		return nil, err
	}
	var cases []testCase
	for _, f := range files {
		data, err := corpus.ReadFile(path.Join("testdata", f.Name()))
		if err != nil {
			return nil, err
		}
		c, err := parse(txtar.Parse(data))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		c.name = strings.TrimSuffix(f.Name(), ".txtar")
		cases = append(cases, c)
	}
	return cases, nil
}

// Requests returns the requests of the corpus to a method that are answered by all encodings.
func Requests(method string) ([][]byte, error) {
	cases, err := load()
	var out [][]byte
	for _, c := range cases {
		if c.call.Method == method && c.call.Body != nil && c.only == "" && c.refuse == nil {
			out = append(out, c.call.Body)
		}
	}
	return out, err
}

// Answers returns the answers that the corpus holds for a method.
func Answers(method string) ([][]byte, error) {
	cases, err := load()
	var out [][]byte
	for _, c := range cases {
		if c.call.Method == method && c.answer != nil {
			out = append(out, c.answer)
		}
	}
	return out, err
}

func parse(a *txtar.Archive) (c testCase, err error) {
	for line := range strings.Lines(string(a.Comment)) {
		switch key, value, _ := strings.Cut(strings.TrimSpace(line), ": "); key {
		case "method":
			c.call.Method = value
		case "only":
			c.only = value
		case "fresh":
			c.call.Fresh = true
		case "part":
			c.part = true
		}
	}
	for _, f := range a.Files {
		data, err := expand(f.Data)
		if err != nil {
			return c, err
		}
		switch f.Name {
		case "request.json":
			c.call.Body = bytes.TrimSuffix(data, []byte("\n"))
		case "request.ndjson":
			c.call.Lines = lines(data)
		case "calls.json":
			c.calls = data
		case "answer.json":
			c.answer = data
		case "answer.ndjson":
			c.lines = data
		case "error.json":
			c.refuse = data
		default:
			return c, fmt.Errorf("there is no meaning in the file %s", f.Name)
		}
	}
	if c.call.Method == "" {
		return c, errors.New("the method is missing")
	}
	return c, nil
}

func lines(data []byte) [][]byte {
	if len(data) == 0 {
		return [][]byte{}
	}
	return bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
}

func expand(data []byte) ([]byte, error) {
	if !bytes.Contains(data, []byte("<<")) {
		return data, nil
	}
	t, err := template.New("").Delims("<<", ">>").Funcs(template.FuncMap{
		"repeat": func(s string, n int) string { return strings.Repeat(s, n) },
		"join":   func(s string, n int) string { return strings.TrimSuffix(strings.Repeat(s+",", n), ",") },
		"hex": func(s string) (string, error) {
			b, err := hex.DecodeString(s)
			return string(b), err
		},
	}).Parse(string(data))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, nil)
	return out.Bytes(), err
}

func (c *testCase) run(t *testing.T, s *Service, client Client) {
	s.Calls()
	s.Nowcasts()
	s.Anomalies()
	s.Evacuations()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	reply, err := client.Call(ctx, c.call)
	if err != nil {
		t.Fatal(err)
	}
	if c.calls != nil {
		got := []any{}
		for _, call := range s.Calls() {
			got = append(got, describe(&call))
		}
		for _, call := range s.Nowcasts() {
			got = append(got, describeNowcast(&call))
		}
		for _, call := range s.Anomalies() {
			got = append(got, describeAnomaly(&call))
		}
		for _, call := range s.Evacuations() {
			got = append(got, describeEvacuation(&call))
		}
		compare(t, "the use case was asked", decode(t, c.calls), prune(got))
	}
	switch {
	case c.refuse != nil:
		if reply.Refusal == nil {
			t.Fatalf("answered %.300s %.300s, want a refusal", reply.Body, bytes.Join(reply.Lines, []byte(" ")))
		}
		want, got := decode(t, c.refuse).(map[string]any), decode(t, reply.Refusal).(map[string]any)
		for key := range got {
			if key != "code" && key != "detail" && key != "errors" {
				delete(got, key)
			}
		}
		if want["detail"] == nil {
			delete(got, "detail")
		}
		for i, v := range list(want["errors"]) {
			if got := list(got["errors"]); i < len(got) && v.(map[string]any)["detail"] == nil {
				delete(got[i].(map[string]any), "detail")
			}
		}
		compare(t, "the refusal", want, got)
	case reply.Refusal != nil:
		t.Fatalf("refused: %s", reply.Refusal)
	case c.lines != nil:
		want := lines(c.lines)
		if len(want) != len(reply.Lines) {
			t.Fatalf("%d answers, want %d: %s", len(reply.Lines), len(want), bytes.Join(reply.Lines, []byte("\n")))
		}
		for i := range want {
			c.compareAnswer(t, want[i], reply.Lines[i])
		}
	case *Update && client.Encoding() == HTTP && !c.part:
		c.rewrite(t, reply.Body)
	default:
		c.compareAnswer(t, c.answer, reply.Body)
	}
}

// rewrite puts the answer into the file of the case.
func (c *testCase) rewrite(t *testing.T, answer []byte) {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	name := filepath.Join(filepath.Dir(here), "testdata", c.name+".txtar")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	a := txtar.Parse(data)
	for i := range a.Files {
		if f := &a.Files[i]; f.Name == "answer.json" && !bytes.Contains(f.Data, []byte("<<")) {
			var members map[string]json.RawMessage
			if err := json.Unmarshal(answer, &members); err != nil {
				t.Fatal(err)
			}
			if _, timed := members["processing_time_ms"]; timed { // it differs from run to run
				answer = processingTime.ReplaceAll(answer, nil)
			}
			var out bytes.Buffer
			if err := json.Indent(&out, answer, "", " "); err != nil {
				t.Fatal(err)
			}
			f.Data = append(out.Bytes(), '\n')
		}
	}
	if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}

var processingTime = regexp.MustCompile(`,"processing_time_ms":[0-9.e+-]+`)

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func (c *testCase) compareAnswer(t *testing.T, want, got []byte) {
	t.Helper()
	w, g := decode(t, want), decode(t, got)
	if m, ok := g.(map[string]any); ok {
		delete(m, "processing_time_ms") // the only number that differs from run to run
	}
	if c.part {
		g = named(w, g)
	}
	compare(t, "the answer", w, g)
}

// named returns the parts of got that want names.
func named(want, got any) any {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return got
		}
		out := map[string]any{}
		for key := range w {
			if v, ok := g[key]; ok {
				out[key] = named(w[key], v)
			}
		}
		return out
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return got
		}
		out := make([]any, len(g))
		for i := range g {
			out[i] = named(w[i], g[i])
		}
		return out
	}
	return got
}

func decode(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%v in %.300q", err, data)
	}
	return prune(v)
}

// prune removes what differs between encodings without meaning anything: null and empty lists, which
// protobuf cannot tell from absent, and the quotes that its JSON puts around 64-bit integers.
func prune(v any) any {
	switch v := v.(type) {
	case string:
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return float64(n)
		}
	case map[string]any:
		for key, member := range v {
			if pruned := prune(member); pruned == nil {
				delete(v, key)
			} else {
				v[key] = pruned
			}
		}
	case []any:
		if len(v) == 0 {
			return nil
		}
		for i := range v {
			v[i] = prune(v[i])
		}
	}
	return v
}

func compare(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, diff)
	}
}

// number sets a member that is not missing.
func number(m map[string]any, name string, v float64) {
	if !math.IsNaN(v) {
		m[name] = v
	}
}

// numbers is a list with null for what is missing; nil when it is empty.
func numbers(list []float64) (out []any) {
	for _, v := range list {
		if math.IsNaN(v) {
			out = append(out, nil)
		} else {
			out = append(out, v)
		}
	}
	return out
}

// describe renders what the use case was asked in the JSON of the contract, without what is missing.
func describe(r *risk.Request) any {
	out := map[string]any{"explain": r.Explain}
	text := func(name, v string) {
		if v != "" {
			out[name] = v
		}
	}
	object := func(name string, m map[string]any) {
		if len(m) > 0 {
			out[name] = m
		}
	}
	number(out, "latitude", r.Latitude)
	number(out, "longitude", r.Longitude)
	number(out, "rainfall_mm", r.RainfallMM)
	number(out, "temperature", r.Temperature)
	number(out, "humidity", r.Humidity)
	number(out, "rainfall_7d_mean", r.Rainfall7dMean)
	number(out, "rainfall_30d_mean", r.Rainfall30dMean)
	number(out, "temperature_7d_mean", r.Temperature7dMean)
	number(out, "temperature_30d_mean", r.Temperature30dMean)
	text("location_id", r.LocationID)
	text("location_name", r.LocationName)
	if !r.Date.IsZero() {
		out["date"] = r.Date.Format(time.RFC3339)
	}
	if history := numbers(r.RainfallHistoryMM); history != nil {
		out["rainfall_history_mm"] = history
	}
	for name, series := range map[string][]float64{
		"temperature_history": r.TemperatureHistory, "rainfall_forecast_mm": r.RainfallForecastMM,
	} {
		if values := numbers(series); values != nil {
			out[name] = values
		}
	}
	river, site := map[string]any{}, map[string]any{}
	if values := numbers(r.RiverHistory); values != nil {
		river["history"] = values
	}
	number(river, "value", r.River.Value)
	number(river, "normal", r.River.Normal)
	number(river, "flood_threshold", r.River.FloodThreshold)
	for i, v := range r.Site.Values() {
		number(site, vector.SiteNames[i], *v)
	}
	object("river", river)
	object("site", site)
	if r.Fresh {
		out["fresh"] = true
	}
	return out
}
