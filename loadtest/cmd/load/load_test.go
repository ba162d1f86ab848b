package main

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/loadtest/internal/k6"
	"github.com/guardy-ai/guardy/loadtest/internal/service"
)

func TestFlagsMayComeBeforeAndAfterTheScenario(t *testing.T) {
	o, err := parse([]string{"--quick", "stress", "--connect", "--duration", "2m"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.Scenario != "stress" || !o.Quick || !o.Connect || o.Duration != 2*time.Minute || o.Transport() != "connect" {
		t.Errorf("%+v", o)
	}
	for _, bad := range [][]string{nil, {"--quick"}, {"smoke", "soak"}, {"smoke", "--nonsense"}} {
		if _, err := parse(bad, io.Discard); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func parsed(t *testing.T, text string) (r result) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "summary.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := readResult(path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const plain = `{"state":{"testRunDurationMs":10000},"shape":{"users":50},
"setup_data":{"served":["flood-risk"],"left":["anomaly"]},
"root_group":{"checks":[{"name":"flood-risk: status 503","fails":3}]},
"metrics":{
"http_req_duration":{"values":{"avg":1.5,"p(95)":40,"count":100},"thresholds":{"avg<10":{"ok":true},"p(95)<30":{"ok":false}}},
"http_req_duration{endpoint:flood-risk}":{"values":{"avg":1.5,"count":100}},
"success":{"values":{"rate":0.97},"thresholds":{"rate>0.999":{"ok":false}}}}}`

func TestTheReportSaysWhatFailedAndWhatWasLeftOut(t *testing.T) {
	r := parsed(t, plain)
	if r.verdict() != "FAILED" || r.breakpoint() {
		t.Errorf("verdict %s", r.verdict())
	}
	page := string(report(k6.Test{Scenario: "normal"}, &service.Service{}, r, usage{wall: time.Second, service: time.Second / 4, samples: 1}))
	for _, want := range []string{
		"**FAILED**", "| **left out, not served** | anomaly |", "| http_req_duration | `avg<10` | 1.5 | held |",
		"| http_req_duration | `p(95)<30` | 40 | **crossed** |", "| success | `rate>0.999` | 0.97 | **crossed** |",
		"- 3 times flood-risk: status 503", "| requests | 100, 10/s;", "| processor, service | 0.2 s, 25 % of a core |",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in\n%s", want, page)
		}
	}
}

func TestTheKneeIsTheLastStepThatHoldsAtItsFullRate(t *testing.T) {
	steps := func(third string) result {
		return parsed(t, `{"step":{"rate":100,"seconds":10,"count":4},"metrics":{
"http_req_duration{step:1}":{"values":{"count":940},"thresholds":{"p(99)<80":{"ok":true}}},
"http_req_duration{step:2}":{"values":{"count":1940},"thresholds":{"p(99)<80":{"ok":true}}},
"http_req_duration{step:3}":`+third+`}}`)
	}
	for _, third := range []string{
		`{"values":{"count":2940},"thresholds":{"p(99)<80":{"ok":false}}}`, // too slow
		`{"values":{"count":2500},"thresholds":{"p(99)<80":{"ok":true}}}`,  // not asked as often as it should be
	} {
		if got := steps(third).verdict(); got != "the knee is above 195 requests/s" {
			t.Errorf("%s: %s", third, got)
		}
	}
	if k := steps(`{"values":{"count":2940},"thresholds":{"p(99)<80":{"ok":true}}}`).knee(); k != 3 {
		t.Errorf("knee at step %d, want 3", k)
	}
}

func TestTheServiceIsWatched(t *testing.T) {
	seconds, hits := 1.0, 10
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v1/models/status":
			seconds++
			_ = json.NewEncoder(w).Encode(map[string]any{"version": "1", "process": map[string]any{"resident_bytes": 5e7, "cpu_seconds": seconds, "cpus": 2}})
		default:
			hits *= 2
			_ = json.NewEncoder(w).Encode(map[string]any{"cache_metrics": map[string]any{"hits": hits, "misses": 5}, "redis_metrics": nil})
		}
	}))
	defer server.Close()
	w := watch(t.Context(), &service.Service{HTTP: server.URL})
	u, err := w.end(t.Context(), 3*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if u.peak != 5e7 || u.mean != 5e7 || u.service < time.Second || u.k6 != 3*time.Second || u.hits != 20 || u.lookups != 20 || u.redis != "" {
		t.Errorf("%+v", u)
	}
}

func TestAServiceThatCannotBeWatchedIsAnError(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	if _, err := watch(t.Context(), &service.Service{HTTP: server.URL}).end(t.Context(), 0); err == nil {
		t.Error("no error")
	}
}

func TestProcessorTimeLeavesIdleOut(t *testing.T) {
	busy, stolen := cpuLine(strings.Fields("cpu 100 10 50 99999 99999 3 2 77 0 0"))
	if busy != 1650*time.Millisecond || stolen != 770*time.Millisecond {
		t.Errorf("busy %v, stolen %v", busy, stolen)
	}
	if busy, stolen = cpuLine(strings.Fields("cpu 100")); busy != time.Second || stolen != 0 {
		t.Errorf("busy %v, stolen %v of a short line", busy, stolen)
	}
}

func TestPressureIsTheTotalOfSome(t *testing.T) {
	for file, want := range map[string]time.Duration{
		"some avg10=29.42 avg60=38.33 avg300=26.29 total=13382818001\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n": 13382818001 * time.Microsecond,
		"full avg10=0.00 total=7\n": 0,
		"some avg10=0.00\n":         0,
		"":                          0,
	} {
		if got := pressure(file); got != want {
			t.Errorf("%q: %v, not %v", file, got, want)
		}
	}
}

func TestTheMemoryOfRedisIsRead(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	asked := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		buf := make([]byte, 200)
		n, _ := io.ReadAtLeast(c, buf, len("INFO memory\r\nQUIT\r\n"))
		asked <- string(buf[:n])
		_, _ = io.WriteString(c, "+OK\r\n$44\r\n# Memory\r\nused_memory:123456\r\nused_memory_human:1K\r\n\r\n+OK\r\n")
		_ = c.Close()
	}()
	got, err := redisMemory(context.Background(), "redis://:secret@"+l.Addr().String()+"/0")
	if err != nil || got != 123456 {
		t.Errorf("%d, %v", got, err)
	}
	if q := <-asked; !strings.HasPrefix(q, "*3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$6\r\nsecret\r\n") {
		t.Errorf("asked %q", q)
	}
	if _, err := redisMemory(context.Background(), "rediss://x"); err == nil {
		t.Error("TLS was accepted")
	}
}

func TestEveryOverriddenThresholdSaysWhy(t *testing.T) {
	data, err := os.ReadFile("../../thresholds.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Default   map[string]float64        `json:"default"`
		Scenarios map[string]map[string]any `json:"scenarios"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for scenario, limits := range file.Scenarios {
		for name := range maps.Keys(limits) {
			if _, known := file.Default[name]; !known && name != "reason" {
				t.Errorf("%s: there is no limit %q", scenario, name)
			}
		}
		if reason, _ := limits["reason"].(string); reason == "" {
			t.Errorf("%s has limits of its own and no reason", scenario)
		}
	}
}
