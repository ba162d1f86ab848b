package app_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/guardy-ai/guardy/app"
	"github.com/guardy-ai/guardy/app/config"
)

// What clients ask for.
const (
	riskPath  = "/api/v1/predict/flood-risk"
	batchPath = "/api/v1/predict/batch"
	rpcRisk   = "/guardy.v1.PredictionService/AssessFloodRisk"
	place     = `{"latitude":38.5,"longitude":-82.5,"rainfall_mm":25,"temperature":10,"humidity":80}`
)

// besieged is the whole service, with limits that are small enough for a test to reach them.
type besieged struct{ http, rpc string }

func besiege(t *testing.T, change func(c *config.Config)) besieged {
	t.Helper()
	c := config.Default()
	addrs := make([]string, 2)
	for i := range addrs {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addrs[i] = l.Addr().String()
		_ = l.Close()
	}
	port := 0
	if _, err := fmt.Sscan(addrs[0][strings.LastIndex(addrs[0], ":")+1:], &port); err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]any{
		"http.port": port, "connect.addr": addrs[1], "admin.addr": "", "predict.timeout": time.Minute,
		"http.max_connections": 128, "connect.max_connections": 128, "http.max_in_flight": 32, "connect.max_in_flight": 32,
		"http.max_streams": 8, "connect.max_streams": 8, "http.max_bytes_in_flight": int64(4 << 20),
	} {
		set(t, &c, key, value)
	}
	change(&c)
	a := app.New(c, app.Build{}, slog.New(slog.DiscardHandler))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		_ = a.Stop(ctx) // what hostile clients keep open is cut
	})
	return besieged{addrs[0], addrs[1]}
}

func set(t *testing.T, c *config.Config, key string, value any) {
	t.Helper()
	ok := false
	switch v := value.(type) {
	case int:
		ok = config.Set(c, key, v)
	case int64:
		ok = config.Set(c, key, v)
	case string:
		ok = config.Set(c, key, v)
	case time.Duration:
		ok = config.Set(c, key, v)
	}
	if !ok {
		t.Fatalf("there is no setting %s", key)
	}
}

// connect opens n connections that end with the test.
func connect(t *testing.T, addr string, n int) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, n)
	for i := range conns {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		conns[i] = c
	}
	return conns
}

// honest sends so many requests of each kind, half of them over connections of their own, and insists that 99 % of
// each are answered.
func honest(t *testing.T, s besieged, kinds ...string) {
	t.Helper()
	h2 := &http.Transport{Protocols: new(http.Protocols)}
	h2.Protocols.SetUnencryptedHTTP2(true)
	kept, fresh := &http.Transport{}, &http.Transport{DisableKeepAlives: true}
	defer h2.CloseIdleConnections()
	defer kept.CloseIdleConnections()
	const n = 100
	for _, kind := range kinds {
		failed := 0
		for i := range n {
			transport, url, contentType, body := kept, "http://"+s.http+riskPath, "application/json", place
			if i%2 == 1 {
				transport = fresh
			}
			switch kind {
			case "batch":
				url, body = "http://"+s.http+batchPath, `{"locations":[`+place+`]}`
			case "stream":
				url, body, contentType = "http://"+s.http+batchPath, place+"\n"+place+"\n", "application/x-ndjson"
			case "rpc":
				transport, url = h2, "http://"+s.rpc+rpcRisk
			}
			if err := ask(t, transport, url, contentType, body); err != nil {
				failed++
				t.Logf("%s: %v", kind, err)
			}
		}
		if failed > n/100 {
			t.Errorf("%d of %d honest requests of the kind %s failed", failed, n, kind)
		}
	}
}

func ask(t *testing.T, transport *http.Transport, url, contentType, body string) error {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", contentType)
	res, err := transport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || bytes.Contains(answer, []byte(`"status":"error"`))) {
		err = fmt.Errorf("%s %s", res.Status, answer)
	}
	return err
}

func unchanged(*config.Config) {}

func TestIdleChunkedBodiesKeepNobodyOut(t *testing.T) {
	s := besiege(t, unchanged)
	for _, c := range connect(t, s.http, 300) { // more than there may be connections
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", riskPath)
	}
	honest(t, s, "single", "batch", "rpc")
}

func TestSlowHeadersKeepNobodyOut(t *testing.T) {
	s := besiege(t, unchanged)
	for _, addr := range []string{s.http, s.rpc} {
		for _, c := range connect(t, addr, 300) {
			fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nX-Slow: ", riskPath)
		}
	}
	honest(t, s, "single", "rpc")
}

func TestSlowBodiesKeepNobodyOutAndTakeNoMoreThanTheirRoom(t *testing.T) {
	s := besiege(t, func(c *config.Config) { set(t, c, "http.max_bytes_in_flight", int64(1<<20)) })
	part := strings.Repeat(" ", 200<<10) // of a body of 1 MiB
	for _, c := range connect(t, s.http, 40) {
		go fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", batchPath, 1<<20, part)
	}
	honest(t, s, "single", "batch", "rpc")
}

func TestSlowReadersKeepNobodyOut(t *testing.T) {
	s := besiege(t, func(c *config.Config) {
		set(t, c, "predict.max_batch_size", 3000)
		set(t, c, "http.max_in_flight", 16) // four of them batches
	})
	question := strings.Replace(place, "}", `,"explain":true}`, 1)
	body := `{"locations":[` + strings.Repeat(question+",", 2999) + question + `]}`
	small := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
	}}
	for range 8 {
		c, err := small.DialContext(t.Context(), "tcp", s.http)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		go fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", batchPath, len(body), body)
	}
	honest(t, s, "single", "rpc")
}

func TestAFloodOfStreamsKeepsNobodyOut(t *testing.T) {
	s := besiege(t, unchanged)
	for _, c := range connect(t, s.http, 40) {
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n", batchPath)
	}
	for _, c := range connect(t, s.rpc, 3) { // each with all the streams that HTTP/2 allows it, and no bodies
		f := newFramer(t, c)
		for i := range 250 {
			f.open(t, uint32(2*i+1), rpcRisk, false)
		}
	}
	honest(t, s, "single", "rpc", "stream")
}

func TestRapidResetsKeepNobodyOut(t *testing.T) {
	s := besiege(t, unchanged)
	var wg sync.WaitGroup
	for _, c := range connect(t, s.rpc, 4) {
		f := newFramer(t, c)
		wg.Go(func() {
			for i := range 20_000 {
				if f.tryOpen(uint32(2*i+1), rpcRisk) != nil || f.WriteRSTStream(uint32(2*i+1), http2.ErrCodeCancel) != nil {
					return // the service has had enough of it
				}
			}
		})
	}
	honest(t, s, "single", "rpc")
	wg.Wait()
}

func TestAFloodOfContinuationsKeepsNobodyOut(t *testing.T) {
	s := besiege(t, unchanged)
	var wg sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	for _, c := range connect(t, s.rpc, 4) {
		f := newFramer(t, c)
		wg.Go(func() {
			err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.headers(rpcRisk)})
			more := make([]byte, 8<<10) // literal fields without end
			for i := 0; i < 20_000 && err == nil; i++ {
				err = f.WriteContinuation(1, false, more)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				refused++
			}
		})
	}
	honest(t, s, "single", "rpc")
	wg.Wait()
	if refused != 4 {
		t.Errorf("%d of 4 floods were cut off", refused)
	}
}

func TestAHiddenRequestIsNeverRun(t *testing.T) {
	s := besiege(t, unchanged)
	hidden := "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
	post := "POST " + riskPath + " HTTP/1.1\r\nContent-Type: application/json\r\n"
	length := func(n int) string { return fmt.Sprintf("Content-Length: %d\r\n", n) }
	for name, request := range map[string]string{
		"two lengths":        post + "Host: x\r\n" + length(len(place)) + length(len(place)+len(hidden)) + "\r\n" + place + hidden,
		"the shorter last":   post + "Host: x\r\n" + length(len(place)+len(hidden)) + length(len(place)) + "\r\n" + place + hidden,
		"length and chunked": post + "Host: x\r\n" + length(5+len(hidden)) + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"not quite chunked":  post + "Host: x\r\nTransfer-Encoding: xchunked\r\n" + length(5+len(hidden)) + "\r\n0\r\n\r\n" + hidden,
		"chunked twice":      post + "Host: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n" + length(5+len(hidden)) + "\r\n0\r\n\r\n" + hidden,
		"two hosts":          post + "Host: x\r\nHost: y\r\n" + length(len(place)) + "\r\n" + place + hidden,
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, s.http, 1)[0]
			if _, err := io.WriteString(c, request); err != nil {
				t.Fatal(err)
			}
			_ = c.SetReadDeadline(time.Now().Add(time.Minute))
			in := bufio.NewReader(c)
			first, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, first.Body)
			rest, err := io.ReadAll(in)
			if len(rest) > 0 {
				t.Errorf("%s, and then: %s", first.Status, rest)
			}
			if err != nil {
				t.Errorf("%s, and the connection stays open: %v", first.Status, err)
			}
		})
	}
	honest(t, s, "single", "rpc")
}

func TestUnknownKeysInGzipCostLittle(t *testing.T) {
	s := besiege(t, unchanged)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = io.WriteString(z, "{"+strings.Repeat(`"a":1,`, 590_000)+`"b":1}`)
	_ = z.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.http+riskPath, bytes.NewReader(packed.Bytes()))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Content-Encoding", "gzip")
				res, err := http.DefaultClient.Do(r)
				if err != nil {
					continue
				}
				answer, _ := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if res.StatusCode != 422 && res.StatusCode != 503 {
					t.Errorf("%s %.200s", res.Status, answer)
				}
			}
		})
	}
	honest(t, s, "single", "rpc")
	cancel()
	wg.Wait()
	http.DefaultClient.CloseIdleConnections()
}

// framer speaks HTTP/2 as no client of a library would.
type framer struct {
	*http2.Framer
	buf bytes.Buffer
	enc *hpack.Encoder
}

func newFramer(t *testing.T, c net.Conn) *framer {
	t.Helper()
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, c) }() // what the service says is of no interest
	f := &framer{Framer: http2.NewFramer(c, nil)}
	f.enc = hpack.NewEncoder(&f.buf)
	if err := f.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *framer) headers(path string) []byte {
	f.buf.Reset()
	for _, h := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":authority", "x"}, {":path", path}, {"content-type", "application/json"}} {
		_ = f.enc.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
	}
	return f.buf.Bytes()
}

func (f *framer) tryOpen(id uint32, path string) error {
	return f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: f.headers(path), EndHeaders: true})
}

func (f *framer) open(t *testing.T, id uint32, path string, end bool) {
	t.Helper()
	if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: f.headers(path), EndHeaders: true, EndStream: end}); err != nil {
		t.Fatal(err)
	}
}
