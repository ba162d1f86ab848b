package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is guardy serve in a process of its own.
type process struct {
	cmd                  *exec.Cmd
	http, connect, admin string // addresses
	log                  *lockedBuffer
	ended                bool
}

// lockedBuffer is what a process has written so far.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// startProcess starts the service and waits until it is ready.
func startProcess(t *testing.T, environ ...string) *process {
	t.Helper()
	return startCommand(t, exec.Command("guardy", "serve"), environ...)
}

// startCommand is startProcess by another command.
func startCommand(t *testing.T, command *exec.Cmd, environ ...string) *process {
	t.Helper()
	p := launch(t, command, environ...)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := awaitReady(ctx, "http://"+p.http+"/readyz", nil); err != nil {
		t.Fatalf("%v\n%s", err, p.log)
	}
	return p
}

// launch starts the service.
func launch(t *testing.T, command *exec.Cmd, environ ...string) *process {
	t.Helper()
	free, err := freePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{http: "127.0.0.1:" + free[0], connect: "127.0.0.1:" + free[1], admin: "127.0.0.1:" + free[2], log: new(lockedBuffer)}
	p.cmd = command
	p.cmd.Dir = t.TempDir()
	p.cmd.Env = append([]string{
		"HOME=" + p.cmd.Dir, "PATH=" + os.Getenv("PATH"), "PORT=" + free[0], "GUARDY_CONNECT_ADDR=" + p.connect, "GUARDY_ADMIN_ADDR=" + p.admin,
	}, environ...)
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !p.ended {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
		if t.Failed() {
			t.Logf("the log:\n%s", p.log)
		}
	})
	return p
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// wait returns the exit code.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	p.ended = true
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return p.cmd.ProcessState.ExitCode()
}

// logged waits until the log has the text.
func (p *process) logged(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(p.log.String(), text); {
		if time.Now().After(deadline) {
			t.Fatalf("the log never says %q", text)
		}
		time.Sleep(10 * time.Millisecond) // it is another process: there is nothing else to wait for
	}
}

// environments that operators and platforms make, none of which may keep the service from its work.
func TestTheServiceStartsInTheEnvironmentsThatPlatformsMake(t *testing.T) {
	p := startProcess(t,
		"GUARDY_SERVICE_HOST=10.96.12.3", "GUARDY_SERVICE_PORT=8000", "GUARDY_SERVICE_PORT_HTTP=8000", "GUARDY_PORT=tcp://10.96.12.3:8000",
		"GUARDY_PORT_8000_TCP=tcp://10.96.12.3:8000", "GUARDY_PORT_8000_TCP_PROTO=tcp", "GUARDY_PORT_8000_TCP_PORT=8000",
		"GUARDY_PORT_8000_TCP_ADDR=10.96.12.3",
		"LOG_LEVEL=Warning", "REDIS_ENABLED=no", "MODEL_WARMUP=Yes", `CORS_ORIGINS=["https://map.example.org"]`,
		"OTEL_RESOURCE_ATTRIBUTES=a=b,bad", "OTEL_TRACES_EXPORTER=pigeon", "OTEL_METRICS_EXPORTER=pigeon", "OTEL_TRACES_SAMPLER=sometimes",
	)
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"OTEL_RESOURCE_ATTRIBUTES", "traces are not exported", "metrics are not exported"} {
		if strings.Count(p.log.String(), want) != 1 {
			t.Errorf("the log does not say once: %s", want)
		}
	}
	if strings.Contains(p.log.String(), `"level":"INFO"`) {
		t.Error("LOG_LEVEL=Warning lets lines of level info through")
	}
}

func TestHostMayBeAnIPv6AddressInBrackets(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("there is no IPv6 here")
	}
	_ = l.Close()
	free, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	environ := []string{"HOST=[::1]", "PORT=" + free[0], "GUARDY_CONNECT_ADDR=[::1]:0", "GUARDY_ADMIN_ADDR="}
	ctx, signal := context.WithCancel(t.Context())
	log, done := new(lockedBuffer), make(chan int)
	go func() { done <- run(ctx, []string{"serve"}, stdio{nil, io.Discard, log, environ}) }()
	ready, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := awaitReady(ready, "http://[::1]:"+free[0]+"/readyz", nil); err != nil {
		t.Error(err)
	}
	var out bytes.Buffer
	if code := run(ctx, []string{"healthcheck"}, stdio{nil, &out, log, environ}); code != exitDone {
		t.Error("the health check does not find the service")
	}
	signal()
	if code := <-done; code != exitDone {
		t.Errorf("exit code %d\n%s", code, log)
	}
}

func TestHangupReadsTheConfigurationAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "guardy.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("log: {level: warn}\n")
	p := startProcess(t, "GUARDY_CONFIG="+file)
	write("log: {level: info}\npredict: {max_batch_size: 7}\n")
	p.signal(t, syscall.SIGHUP)
	p.logged(t, `"settings":["predict.max_batch_size"]`)
	if !strings.Contains(p.log.String(), `"log_level":"info"`) {
		t.Error("the level of the log did not change")
	}
	write("log: {level: loud}\n")
	p.signal(t, syscall.SIGHUP)
	p.logged(t, "was not taken")
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t); code != exitDone {
		t.Errorf("exit code %d", code)
	}
}

const oneLine = `{"latitude":38.9,"longitude":-77.1,"rainfall_mm":64.5,"temperature":14.2,"humidity":91}` + "\n"

// openStream posts NDJSON that goes on, and returns where to write more and the answers.
func openStream(t *testing.T, addr string) (lines *io.PipeWriter, answers *bufio.Reader) {
	t.Helper()
	body, lines := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/api/v1/predict/batch", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	go func() { _, _ = io.WriteString(lines, oneLine+oneLine) }()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return lines, bufio.NewReader(res.Body)
}

func TestATermSignalEndsAnOpenStreamCleanly(t *testing.T) {
	p := startProcess(t)
	lines, answers := openStream(t, p.http)
	for i := range 2 {
		line, err := answers.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, fmt.Sprintf(`{"index":%d,"status":"ok"`, i)) {
			t.Fatalf("%s, %v", line, err)
		}
	}
	p.signal(t, syscall.SIGTERM)
	rest, err := io.ReadAll(answers)
	if err != nil || len(rest) > 0 {
		t.Errorf("everything that was sent is answered, and yet: %q, %v", rest, err)
	}
	_ = lines.Close()
	if code := p.wait(t); code != exitDone {
		t.Errorf("exit code %d", code)
	}
}

func TestAStreamThatIsCutShortSaysSo(t *testing.T) {
	p := startProcess(t)
	lines, answers := openStream(t, p.http)
	go func() { // as fast as the service takes them, without an end
		for {
			if _, err := io.WriteString(lines, oneLine); err != nil {
				return
			}
		}
	}()
	for range 100 {
		if _, err := answers.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	p.signal(t, syscall.SIGTERM)
	n, last := 100, ""
	for {
		line, err := answers.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			break
		}
		if err != nil {
			t.Fatalf("after %d answers: %v", n, err)
		}
		n, last = n+1, line
	}
	if !strings.HasPrefix(last, fmt.Sprintf(`{"index":%d,"status":"error"`, n-1)) || !strings.Contains(last, "send them again") {
		t.Errorf("the last of %d answers: %s", n, last)
	}
	if code := p.wait(t); code != exitDone {
		t.Errorf("exit code %d", code)
	}
}

// post asks the service and returns the headers and the body.
func post(t *testing.T, url, body string) (http.Header, string) {
	t.Helper()
	res, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s, %v", url, res.StatusCode, text, err)
	}
	return res.Header, string(text)
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// startRedis starts a server in a process of its own and returns its address.
func startRedis(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI must test against a real redis-server: install Debian's redis-server")
		}
		t.Skip("no redis-server in the PATH: install Debian's redis-server to run this test")
	}
	free, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	out := new(lockedBuffer)
	cmd := exec.Command(path, append([]string{"--port", free[0], "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir()}, args...)...)
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	(&process{log: out}).logged(t, "Ready to accept connections")
	return "127.0.0.1:" + free[0]
}

// TestARedisThatCannotBeUsedIsToldOnce starts the service beside Redis servers that do not do what is wanted.
func TestARedisThatCannotBeUsedIsToldOnce(t *testing.T) {
	free, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		addr   func(*testing.T) string
		reason string
		stored bool
	}{
		"not there": {func(*testing.T) string { return "127.0.0.1:" + free[0] }, "it cannot be reached", false},
		"a replica": {func(t *testing.T) string { return startRedis(t, "--replicaof", "127.0.0.1 1") }, "it is a replica", false},
		"full":      {func(t *testing.T) string { return startRedis(t, "--maxmemory", "1") }, "its memory is full", false},
		"sound":     {func(t *testing.T) string { return startRedis(t) }, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			addr := tt.addr(t)
			p := startProcess(t, "GUARDY_CACHE_KIND=redis", "GUARDY_DEVICES_KIND=redis", "REDIS_URL=redis://user@"+addr, "GUARDY_CACHE_POLICY=always")
			header, _ := post(t, "http://"+p.http+"/api/v1/predict/flood-risk", oneLine)
			if got := header.Get("Cache-Status"); strings.Contains(got, "stored") != tt.stored {
				t.Errorf("Cache-Status: %s", got)
			}
			for i, lost := range []bool{!tt.stored, false} {
				_, verdict := post(t, "http://"+p.http+"/api/v1/predict/anomaly", fmt.Sprintf(
					`{"device_id":"gauge-7","timestamp":"2026-10-04T0%d:00:00Z","water_level_m":1.5}`, i))
				if i == 1 && strings.Contains(verdict, "no_state") || !lost && strings.Contains(verdict, "state_lost") {
					t.Errorf("reading %d: %s", i, verdict)
				}
			}
			health := get(t, "http://"+p.http+"/health")
			if want := map[bool]string{true: `"status":"healthy"`, false: `"status":"degraded"`}[tt.stored]; !strings.Contains(health, want) ||
				!strings.Contains(health, tt.reason) {
				t.Errorf("want %s and the reason: %s", want, health)
			}
			if ready := get(t, "http://"+p.admin+"/readyz"); !strings.Contains(ready, tt.reason) {
				t.Errorf("readiness does not say why: %s", ready)
			}
			for _, use := range []string{"as the cache", "as the store of device states"} {
				n := 0
				for line := range strings.SplitSeq(p.log.String(), "\n") {
					if strings.Contains(line, `"WARN"`) && strings.Contains(line, use) && strings.Contains(line, addr) && strings.Contains(line, tt.reason) {
						n++
					}
				}
				if n != 1 && !tt.stored {
					t.Errorf("%d warnings, want one, that name the reason and the address of redis %s", n, use)
				}
			}
			if tt.stored && strings.Contains(p.log.String(), `"WARN","msg":"redis`) {
				t.Error("a warning beside a sound Redis")
			}
		})
	}
}

func TestAProcessWithoutDescriptorsAcceptsAgain(t *testing.T) {
	p := startCommand(t, exec.Command("sh", "-c", "ulimit -n 150; exec guardy serve"))
	p.logged(t, "the limit of open files allows fewer connections than configured")
	for range 250 { // idle ones, more than there are descriptors
		c, err := net.Dial("tcp", p.http)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	for range 50 {
		r, err := client.Get("http://" + p.http + "/api/v1/models/health")
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != http.StatusOK {
			t.Error(r.Status)
		}
	}
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t); code != 0 {
		t.Errorf("exit %d", code)
	}
}
