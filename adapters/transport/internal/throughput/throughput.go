// Package throughput compares servers by how many requests they answer over real sockets. It is for
// benchmarks: the caller sends one prepared request over and over on connections that are kept alive, without
// pipelining, and reads no more of an answer than where it ends.
package throughput

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Target is a server and what it is asked.
type Target struct {
	Name, Addr string
	// Requests are whole requests of HTTP/1.1 as they go over the wire. Each caller sends them in turn.
	Requests [][]byte
}

// caller sends the requests of a target in turn over one connection.
type caller struct {
	*Client
	requests [][]byte
	next     int
}

// callers connects n callers, each of which begins at another request.
func (t Target) callers(n int) ([]*caller, error) {
	out := make([]*caller, 0, n)
	for i := range n {
		c, err := Dial(t.Addr)
		if err != nil {
			hangUp(out)
			return nil, err
		}
		out = append(out, &caller{c, t.Requests, i * len(t.Requests) / n})
	}
	return out, nil
}

func hangUp(callers []*caller) {
	for _, c := range callers {
		c.Close()
	}
}

// call sends the next request and reads its answer.
func (c *caller) call() error {
	r := c.requests[c.next%len(c.requests)]
	c.next++
	return c.Do(r)
}

// Request returns a POST of JSON with further headers, each ending in "\r\n".
func Request(path, headers, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s",
		path, headers, len(body), body)
}

// FloodRisk returns the body of a flood-risk request of the usual size, with factors or without.
func FloodRisk(explain bool) string {
	return fmt.Sprintf(`{"latitude":38.4192,"longitude":-82.4452,"rainfall_mm":41.2,"temperature":17.4,"humidity":88,"location_id":"03206600",`+
		`"location_name":"East Fork Twelvepole Creek","date":"2014-04-29","rainfall_7d_mean":9.8,"rainfall_30d_mean":4.1,`+
		`"rainfall_history_mm":[12.4,0,3.1,0.2,22.8,0,0],"temperature_7d_mean":15.2,"temperature_30d_mean":12.9,`+
		`"river":{"value":1.82,"normal":0.64,"flood_threshold":3.4},"site":{"elevation_m":291.5,"slope_m_per_km":38.4,"area_km2":98.7},`+
		`"explain":%t}`, explain)
}

// Plan is how targets are compared.
type Plan struct {
	Rounds      int
	Each        time.Duration // of a target in a round
	Connections int
}

// Standard takes some 25 seconds for five targets.
var Standard = Plan{Rounds: 15, Each: 300 * time.Millisecond, Connections: 16}

// Rates holds what a target reached, a figure a round.
type Rates struct {
	PerSecond Series
	// PerCore is requests per second of processor time, of server and caller together. With all cores
	// busy it decides the throughput, and other programs on the machine disturb it less.
	PerCore Series
}

// Series is one figure a round.
type Series []float64

// Median returns the median.
func (s Series) Median() float64 { return median(s) }

// Against returns the median over the rounds of s's share of base: what disturbs a machine disturbs both
// of a round.
func (s Series) Against(base Series) float64 {
	ratios := make([]float64, len(s))
	for i := range s {
		ratios[i] = s[i] / base[i]
	}
	return median(ratios)
}

func median(v []float64) float64 {
	s := slices.SortedFunc(slices.Values(v), cmp.Compare[float64])
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// Compare measures the targets in turn, round after round, after one round that does not count.
func Compare(tb testing.TB, p Plan, targets ...Target) []Rates {
	tb.Helper()
	out := make([]Rates, len(targets))
	for round := range p.Rounds + 1 {
		for i, t := range targets {
			before := processorTime(tb)
			n, took, err := measure(t, p)
			if err != nil {
				tb.Fatalf("%s: %v", t.Name, err)
			}
			if round > 0 {
				out[i].PerSecond = append(out[i].PerSecond, n/took.Seconds())
				out[i].PerCore = append(out[i].PerCore, n/(processorTime(tb)-before).Seconds())
			}
		}
	}
	return out
}

// processorTime is what this process has used.
func processorTime(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure returns how many requests were answered in what time.
func measure(t Target, p Plan) (n float64, took time.Duration, err error) {
	callers, err := t.callers(p.Connections)
	if err != nil {
		return 0, 0, err
	}
	defer hangUp(callers)
	var (
		answered atomic.Int64
		failed   = make(chan error, p.Connections)
		wg       sync.WaitGroup
	)
	start := time.Now()
	for _, c := range callers {
		wg.Go(func() {
			n := int64(0)
			for time.Since(start) < p.Each {
				if err := c.call(); err != nil {
					failed <- err
					return
				}
				n++
			}
			answered.Add(n)
		})
	}
	wg.Wait()
	took = time.Since(start)
	select {
	case err := <-failed:
		return 0, 0, err
	default:
	}
	return float64(answered.Load()), took, nil
}

// Client is one connection.
type Client struct {
	conn net.Conn
	buf  []byte
}

// Dial connects.
func Dial(addr string) (*Client, error) {
	conn, err := net.Dial("tcp", addr) //nolint:noctx // of a benchmark, to this machine
	if err != nil {
		return nil, err
	}
	return &Client{conn, make([]byte, 1<<20)}, nil
}

// Close closes the connection.
func (c *Client) Close() { _ = c.conn.Close() }

var (
	ok     = []byte("HTTP/1.1 200 ")
	end    = []byte("\r\n\r\n")
	length = []byte("\r\nContent-Length: ")
)

// Do sends a request and reads its answer, which must be 200 with a Content-Length.
func (c *Client) Do(request []byte) error {
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	n, whole := 0, -1
	for whole < 0 || n < whole {
		if n == len(c.buf) {
			c.buf = append(c.buf, make([]byte, n)...)
		}
		m, err := c.conn.Read(c.buf[n:])
		if err != nil {
			return err
		}
		n += m
		if whole < 0 {
			if whole, err = size(c.buf[:n]); err != nil {
				return err
			}
		}
	}
	if n > whole {
		return errors.New("bytes after the answer")
	}
	return nil
}

// size returns how many bytes an answer has with its headers, or -1 when those are not complete yet.
func size(b []byte) (int, error) {
	body := bytes.Index(b, end)
	if body < 0 {
		return -1, nil
	}
	head := b[:body+2]
	at := bytes.Index(head, length)
	if !bytes.HasPrefix(head, ok) || at < 0 {
		return 0, fmt.Errorf("not 200 with a length: %.300q", b)
	}
	digits, _, _ := bytes.Cut(head[at+len(length):], []byte("\r"))
	n, err := strconv.Atoi(string(digits))
	return body + len(end) + n, err
}

// FreeAddr returns an address on loopback that nothing listened on a moment ago.
func FreeAddr(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it takes no time
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// Report compares the targets and reports, as metrics of the benchmark, the rate of the first and the
// shares of it that the others reach: of requests per second, and per second of processor time.
func Report(b *testing.B, p Plan, targets ...Target) {
	b.Helper()
	rates := Compare(b, p, targets...)
	b.ReportMetric(rates[0].PerSecond.Median(), targets[0].Name+"/s")
	b.ReportMetric(rates[0].PerCore.Median(), targets[0].Name+"/cpu-s")
	for i, r := range rates[1:] {
		b.ReportMetric(100*r.PerSecond.Against(rates[0].PerSecond), targets[i+1].Name+"-%")
		b.ReportMetric(100*r.PerCore.Against(rates[0].PerCore), targets[i+1].Name+"-cpu-%")
	}
	b.ReportMetric(0, "ns/op") // all rounds together say nothing
}
