package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// started runs a stack that ends with the test.
func started(t *testing.T) *stack {
	t.Helper()
	if testing.Short() {
		t.Skip("runs several processes")
	}
	for _, program := range []string{"nginx", "redis-server"} {
		if _, err := exec.LookPath(program); err != nil {
			if ci, _ := strconv.ParseBool(os.Getenv("CI")); ci {
				t.Fatalf("CI must have %s: install Debian's nginx-light and redis-server", program)
			}
			t.Skipf("no %s in the PATH: install Debian's nginx-light and redis-server to run this test", program)
		}
	}
	dir := t.TempDir()
	guardy, err := build(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := start(t.Context(), options{guardy: guardy, deploy: "..", dir: dir, count: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// question is one request of the load. Every answer must be complete: the word is one that only an
// answered question has.
type question struct{ path, body, word string }

// ask returns what is wrong with the answer, or nil.
func (q question) ask(ctx context.Context, c *http.Client, base string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+q.path, strings.NewReader(q.body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := c.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return err
	case res.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(q.word)):
		return fmt.Errorf("%s: %s: %s", q.path, res.Status, body)
	}
	return nil
}

// mix returns the i-th question; places and rain repeat now and then, so that the cache takes part.
func mix(i int) question {
	place := fmt.Sprintf(`"latitude":%d.5,"longitude":-%d.25,"rainfall_mm":%d`, 30+i%10, 80+i%7, i%90)
	switch i % 4 {
	case 0:
		var readings []string
		for h := range 24 {
			readings = append(readings, fmt.Sprintf(`{"timestamp":"2026-03-0%dT%02d:00:00Z","rainfall_mm":%d,"water_level_m":%d.%d}`, 1+i%9, h, i%5, 1+h/12, h%10))
		}
		return question{
			"/api/v1/predict/nowcast",
			`{"latitude":30,"longitude":-90,"river":{"normal":1,"flood_threshold":4},"weather_sequence":[` + strings.Join(readings, ",") + `]}`,
			`"max_risk_probability"`,
		}
	case 1:
		return question{"/api/v1/predict/batch", `{"locations":[{` + place + `},{` + place + `,"temperature":9}]}`, `"successful":2`}
	case 2:
		return question{"/guardy.v1.PredictionService/AssessFloodRisk", `{` + place + `}`, `"flood_probability"`}
	}
	return question{"/api/v1/predict/flood-risk", `{` + place + `,"temperature":12.5,"humidity":80}`, `"flood_probability"`}
}

// load asks questions at a fixed rate, however long answers take, until the returned function is called,
// which waits for the last answer and returns how many were asked and every failure.
func load(t *testing.T, base string, perSecond int) (end func() (asked int, failures []error)) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 30 * time.Second}
	ctx, cancel := context.WithCancel(t.Context())
	var (
		asked    int
		mu       sync.Mutex
		failures []error
		wg       sync.WaitGroup
	)
	ticks := time.NewTicker(time.Second / time.Duration(perSecond))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
			}
			q := mix(asked)
			asked++
			wg.Go(func() {
				// The end of the load must not cut a question off.
				if err := q.ask(context.WithoutCancel(ctx), client, base); err != nil {
					mu.Lock()
					defer mu.Unlock()
					failures = append(failures, err)
				}
			})
		}
	}()
	return func() (int, []error) {
		cancel()
		<-done
		ticks.Stop()
		wg.Wait()
		client.CloseIdleConnections()
		return asked, failures
	}
}

// TestNoRequestFailsWhileThePartsAreReplaced is the promise of the stack: replicas are restarted one after
// another and Redis dies and comes back, and no client sees an error.
func TestNoRequestFailsWhileThePartsAreReplaced(t *testing.T) {
	s := started(t)
	ctx := t.Context()
	end := load(t, s.URL, 150)
	pass := func(n int) { // lets the load run for a while
		for i := range n {
			if err := mix(i).ask(ctx, http.DefaultClient, s.URL); err != nil {
				t.Error(err)
			}
		}
	}
	pass(40)
	for i := range 2 * len(s.replicas) { // each of them twice
		if err := s.restart(ctx, i%len(s.replicas)); err != nil {
			t.Fatal(err)
		}
		pass(40)
	}
	if err := s.redis.kill(); err != nil {
		t.Fatal(err)
	}
	pass(40)
	if err := s.redis.start(ctx); err != nil {
		t.Fatal(err)
	}
	pass(40)
	asked, failures := end()
	if asked < 100 {
		t.Fatalf("only %d questions were asked: that proves nothing", asked)
	}
	for i, err := range failures {
		if i < 10 {
			t.Error(err)
		}
	}
	t.Logf("%d of %d requests failed", len(failures), asked)
}

// TestStatesHaveAServerOfTheirOwnThatKeepsThem asks the two servers what they do when they are full or restarted, and a
// replica whether it is content with both.
func TestStatesHaveAServerOfTheirOwnThatKeepsThem(t *testing.T) {
	s := started(t)
	for _, tt := range []struct {
		p    *process
		want []string
	}{
		{s.redis, []string{"maxmemory-policy allkeys-lru", "appendonly no", "requirepass"}},
		{s.states, []string{"maxmemory-policy noeviction", "appendonly yes", "requirepass"}},
	} {
		conf, err := os.ReadFile(tt.p.args[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range tt.want {
			if !strings.Contains(string(conf), want) {
				t.Errorf("%s is not told %q", tt.p.name, want)
			}
		}
	}
	r, err := http.Get(s.URL + "/health")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || !strings.Contains(string(text), `"status":"healthy"`) || !strings.Contains(string(text), "devices.redis") {
		t.Errorf("the replicas are not content: %s, %v", text, err)
	}
}

var metricName = regexp.MustCompile(`\b(guardy|http_server|rpc_server|process|go)_[a-z0-9_]+`)

// TestDashboardAndAlertsNameMetricsThatExist asks a replica for what the dashboard and the rules are made
// of. A metric that was renamed would leave an empty panel and an alert that never fires.
func TestDashboardAndAlertsNameMetricsThatExist(t *testing.T) {
	s := started(t)
	for i := range 8 {
		if err := mix(i).ask(t.Context(), http.DefaultClient, s.URL); err != nil {
			t.Fatal(err)
		}
	}
	var exported string
	for _, a := range s.admins {
		r, err := http.Get("http://" + a + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		exported += string(text)
	}
	rules, err := os.ReadFile("../prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../grafana/dashboards/guardy.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	used := string(rules)
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			used += " " + target.Expr
		}
	}
	names := metricName.FindAllString(used, -1)
	if len(names) < 20 {
		t.Fatalf("%d metrics were found in the dashboard and the rules: %v", len(names), names)
	}
	for _, name := range names {
		if name == "guardy_assess_failures_total" {
			continue // exported from the first failure on
		}
		if !regexp.MustCompile(`(?m)^` + name + `[{ ]`).MatchString(exported) {
			t.Errorf("%s is used and not exported", name)
		}
	}
}

// TestRunbookHasEverySectionThatAlertsName keeps the links of the alerts alive.
func TestRunbookHasEverySectionThatAlertsName(t *testing.T) {
	rules, err := os.ReadFile("../prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	runbook, err := os.ReadFile("../../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]bool{}
	for _, line := range strings.Split(string(runbook), "\n") {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			anchors[strings.ReplaceAll(strings.ToLower(title), " ", "-")] = true
		}
	}
	links := regexp.MustCompile(`docs/runbook\.md#(\S+)`).FindAllStringSubmatch(string(rules), -1)
	if n := strings.Count(string(rules), "alert: "); n == 0 || n != len(links) {
		t.Fatalf("%d alerts have %d links", n, len(links))
	}
	for _, link := range links {
		if !anchors[link[1]] {
			t.Errorf("docs/runbook.md has no section %q", link[1])
		}
	}
}
