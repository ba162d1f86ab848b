package fiberhttp_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/adapters/transport/fiberhttp"
	"github.com/guardy-ai/guardy/adapters/transport/internal/throughput"
	"github.com/guardy-ai/guardy/app"
	"github.com/guardy-ai/guardy/app/config"
)

const (
	riskPath  = "/api/v1/predict/flood-risk"
	batchPath = "/api/v1/predict/batch"
)

// serve runs the whole service with its defaults over HTTP, and returns its address.
func serve(b *testing.B, change func(*config.Config)) string {
	b.Helper()
	c := config.Default()
	addr := throughput.FreeAddr(b)
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		b.Fatal(err)
	}
	if c.HTTP.Port, err = strconv.Atoi(port); err != nil {
		b.Fatal(err)
	}
	c.Transports, c.Admin.Addr = []string{"http"}, ""
	change(&c)
	a := app.New(c, app.Build{}, slog.New(slog.DiscardHandler))
	if err := a.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := a.Stop(context.WithoutCancel(b.Context())); err != nil {
			b.Error(err)
		}
	})
	return addr
}

func serveConstant(b *testing.B) string {
	b.Helper()
	constant := fiberhttp.NewConstant(b)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = constant.Listener(l) }()
	b.Cleanup(func() { _ = constant.Shutdown() })
	return l.Addr().String()
}

// BenchmarkLimits compares the service as it is shipped, all of it, with the least that any service on fiber
// has to do. Run it with -benchtime 1x: a run is all rounds.
func BenchmarkLimits(b *testing.B) {
	bare := serve(b, func(c *config.Config) { c.Cache.Kind = "none" })
	cached := serve(b, func(*config.Config) {})
	plain, factors := throughput.Request(riskPath, "", throughput.FloodRisk(false)), throughput.Request(riskPath, "", throughput.FloodRisk(true))
	targets := []throughput.Target{
		{Name: "constant", Addr: serveConstant(b), Requests: [][]byte{plain}},
		{Name: "uncached", Addr: bare, Requests: [][]byte{plain}},
		{Name: "factors", Addr: bare, Requests: [][]byte{factors}},
		{Name: "bypass", Addr: cached, Requests: [][]byte{throughput.Request(riskPath, "Cache-Control: no-cache\r\n", throughput.FloodRisk(false))}},
		{Name: "cached", Addr: cached, Requests: [][]byte{plain}},
	}
	for b.Loop() {
		throughput.Report(b, throughput.Standard, targets...)
	}
}

// BenchmarkBatch compares a batch with as many single requests, one after the other, over one connection. Run
// it with -benchtime 1x. The service has no cache here: every answer is computed, without factors.
func BenchmarkBatch(b *testing.B) {
	addr := serve(b, func(c *config.Config) {
		c.Cache.Kind, c.Predict.MaxBatchSize, c.HTTP.MaxBodyBytes = "none", 10_000, 16<<20
	})
	one := throughput.FloodRisk(false)
	single := throughput.Target{Name: "single", Addr: addr, Requests: [][]byte{throughput.Request(riskPath, "", one)}}
	for _, n := range []int{10, 50, 100, 500, 10_000} {
		body := `{"locations":[` + strings.Repeat(one+",", n-1) + one + `]}`
		batch := throughput.Target{Name: "batch", Addr: addr, Requests: [][]byte{throughput.Request(batchPath, "", body)}}
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			plan := throughput.Standard
			plan.Connections = 1
			for b.Loop() {
				rates := throughput.Compare(b, plan, single, batch)
				loop, vectorised := float64(n)/rates[0].PerSecond.Median(), 1/rates[1].PerSecond.Median()
				b.ReportMetric(1e3*loop, "loop-ms")
				b.ReportMetric(1e3*vectorised, "batch-ms")
				b.ReportMetric(1e6*vectorised/float64(n), "batch-µs/location")
				b.ReportMetric(float64(n)*rates[1].PerSecond.Against(rates[0].PerSecond), "speed-up")
				b.ReportMetric(0, "ns/op") // all rounds together say nothing
			}
		})
	}
}

// BenchmarkStreamOverSockets sends NDJSON bodies of two lengths, without a cache and without factors, and
// reports the lines a second and the most memory that the heap had at once, the caller's share included.
// Run it with -benchtime 1x.
func BenchmarkStreamOverSockets(b *testing.B) {
	addr := serve(b, func(c *config.Config) { c.Cache.Kind = "none" })
	const block = 1000
	lines := strings.Repeat(throughput.FloodRisk(false)+"\n", block)
	for _, n := range []int{100_000, 400_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				start := time.Now()
				body := io.LimitReader(&endless{text: lines}, int64(len(lines)*n/block))
				answered, heap := exchangeLines(b, "http://"+addr+batchPath, body)
				if answered != n {
					b.Fatalf("%d answers to %d lines", answered, n)
				}
				b.ReportMetric(float64(n)/time.Since(start).Seconds(), "lines/s")
				b.ReportMetric(float64(heap)/1e6, "heap-MB")
			}
		})
	}
}

// endless reads a text over and over.
type endless struct {
	text string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.text[e.at:])
	e.at = (e.at + n) % len(e.text)
	return n, nil
}

// exchangeLines posts an NDJSON body and returns how many lines came back as answers, and the most memory that
// objects took meanwhile.
func exchangeLines(b *testing.B, url string, body io.Reader) (answered int, heap uint64) {
	b.Helper()
	res, err := http.Post(url, "application/x-ndjson", body)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	in := bufio.NewScanner(res.Body)
	for ok := []byte(`"status":"ok"`); in.Scan(); {
		if !bytes.Contains(in.Bytes(), ok) {
			b.Fatalf("%s", in.Bytes())
		}
		if answered++; answered%1000 == 0 {
			metrics.Read(sample)
			heap = max(heap, sample[0].Value.Uint64())
		}
	}
	if err := in.Err(); err != nil {
		b.Fatal(err)
	}
	return answered, heap
}

// BenchmarkHalfLoad finds the rate at which the service as it is shipped, in a process of its own, is saturated
// by a caller on the same machine, asks it at half of that rate, and reports the times from when a request was
// due to when its answer had been read, in milliseconds. overslept-ms is how long the machine let a goroutine of
// the caller wait that only sleeps: what is slower by no more than that was not the service's doing. Run it
// with -benchtime 1x; GUARDY_TEST_LOAD_SECONDS is how long it asks, 20 unless told.
func BenchmarkHalfLoad(b *testing.B) {
	target := throughput.Target{Name: "mix", Addr: serveProcess(b), Requests: mixedRequests()}
	seconds, err := strconv.Atoi(cmp.Or(os.Getenv("GUARDY_TEST_LOAD_SECONDS"), "20"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		saturated := throughput.Compare(b, throughput.Standard, target)[0].PerSecond.Median()
		got := throughput.Paced(b, target, saturated/2, 256, time.Duration(seconds)*time.Second)
		b.ReportMetric(saturated, "saturated/s")
		b.ReportMetric(float64(got.N)/float64(seconds), "asked/s")
		for name, d := range map[string]time.Duration{
			"p50-ms": got.Median, "p99-ms": got.P99, "p99.9-ms": got.P999, "max-ms": got.Max, "overslept-ms": got.Overslept,
		} {
			b.ReportMetric(d.Seconds()*1e3, name)
		}
		b.ReportMetric(0, "ns/op") // all together say nothing
	}
}

// serveProcess builds and runs the command and returns the address of its HTTP API once that listens.
func serveProcess(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "guardy")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/guardy-ai/guardy/app/cmd/guardy").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	addr := throughput.FreeAddr(b)
	host, port, _ := net.SplitHostPort(addr)
	service := exec.Command(program, "serve")
	service.Env = append(os.Environ(), "HOST="+host, "PORT="+port, "GUARDY_TRANSPORTS=http", "GUARDY_ADMIN_ADDR=")
	if err := service.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = service.Process.Signal(os.Interrupt)
		_ = service.Wait()
	})
	for range 1000 { // it listens after a tenth of a second
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return addr
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.Fatal("the service does not listen")
	return ""
}

// mixedRequests are questions about 1400 rains: five in seven single ones with factors, two in seven batches
// of 25. One in ten wants a fresh answer; the others are computed once and then come from the cache.
func mixedRequests() [][]byte {
	question := func(i int, explain bool) string {
		return strings.Replace(throughput.FloodRisk(explain), `"rainfall_mm":41.2`, fmt.Sprintf(`"rainfall_mm":%.1f`, float64(i%1400)/10), 1)
	}
	out := make([][]byte, 1400)
	for i := range out {
		path, body, headers := riskPath, question(i, true), ""
		if i%7 >= 5 {
			batch := make([]string, 25)
			for k := range batch {
				batch[k] = question(i+k, false)
			}
			path, body = batchPath, `{"locations":[`+strings.Join(batch, ",")+`]}`
		}
		if i%10 == 0 {
			headers = "Cache-Control: no-cache\r\n"
		}
		out[i] = throughput.Request(path, headers, body)
	}
	return out
}
