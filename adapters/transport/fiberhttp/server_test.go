package fiberhttp

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/guardy-ai/guardy/adapters/access"
	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/adapters/transport/internal/flight"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/recordertest"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }),
		// fasthttp keeps these for the life of the process.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).workerFunc"),
	)
}

const (
	riskPath  = "/api/v1/predict/flood-risk"
	batchPath = "/api/v1/predict/batch"
	good      = `{"latitude":38.5,"longitude":-82.5,"rainfall_mm":25}`
	jsonType  = "Content-Type: application/json"
	linesType = "Content-Type: application/x-ndjson"
)

func serve(t *testing.T) string {
	_, url := start(t, testConfig(), testDeps(transporttest.NewService()))
	return url
}

func TestRefusalsThatOnlyHTTPKnows(t *testing.T) {
	url := serve(t)
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		code                     string
	}{
		{"unknown path", "POST", "/api/v1/predict/weather", good, nil, 404, "not_found"},
		{"path with a slash too many", "POST", riskPath + "/", good, nil, 404, "not_found"},
		{"path in another case", "POST", "/API/v1/predict/flood-risk", good, nil, 404, "not_found"},
		{"wrong method", "GET", batchPath, "", nil, 405, "method_not_allowed"},
		{"unheard-of method", "BREW", riskPath, "", nil, 405, "method_not_allowed"},
		{"unheard-of method and path", "BREW", "/coffee", "", nil, 404, "not_found"},
		{"wrong method of a parameterised path", "GET", "/api/v1/models/risk_scorer/cache", "", nil, 405, "method_not_allowed"},
		{"no content type", "POST", riskPath, good, nil, 415, "unsupported_media_type"},
		{"a form", "POST", riskPath, "a=b", []string{"Content-Type: application/x-www-form-urlencoded"}, 415, "unsupported_media_type"},
		{"text", "POST", batchPath, good, []string{"Content-Type: text/json"}, 415, "unsupported_media_type"},
		{"multipart", "POST", batchPath, good, []string{"Content-Type: multipart/form-data; boundary=x"}, 415, "unsupported_media_type"},
		{"lines for one question", "POST", riskPath, good, []string{linesType}, 415, "unsupported_media_type"},
		{"another charset", "POST", riskPath, good, []string{jsonType + "; charset=latin1"}, 415, "unsupported_media_type"},
		{"another encoding", "POST", riskPath, good, []string{jsonType, "Content-Encoding: br"}, 415, "unsupported_media_type"},
		{"two encodings", "POST", riskPath, good, []string{jsonType, "Content-Encoding: gzip, gzip"}, 415, "unsupported_media_type"},
		{"not gzip", "POST", riskPath, good, []string{jsonType, "Content-Encoding: gzip"}, 400, "malformed"},
		{"wants XML", "POST", riskPath, good, []string{jsonType, "Accept: application/xml, text/*"}, 406, "not_acceptable"},
		{"wants no JSON", "POST", riskPath, good, []string{jsonType, "Accept: */*, application/json;q=0"}, 406, "not_acceptable"},
		{"wants lines for a list", "POST", batchPath, good, []string{jsonType, "Accept: application/x-ndjson"}, 406, "not_acceptable"},
		{"wants a list for lines", "POST", batchPath, good, []string{linesType, "Accept: application/json"}, 406, "not_acceptable"},
		{"headers too large", "GET", "/livez", "", []string{"X-Long: " + strings.Repeat("x", 20_000)}, 431, "too_large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var body io.Reader
			if c.body != "" {
				body = strings.NewReader(c.body)
			}
			a := do(t, c.method, url+c.path, body, c.header...)
			if p := a.problem(t); a.StatusCode != c.status || p.Code != c.code || p.Instance != c.path && c.status != 431 {
				t.Errorf("got %d %s", a.StatusCode, a.body)
			}
			if allow := a.Header.Get("Allow"); (allow != "") != (c.status == 405) {
				t.Errorf("Allow is %q", allow)
			}
		})
	}
}

func TestAFieldBesideTheBodyIsRefused(t *testing.T) {
	url := serve(t)
	for _, path := range []string{riskPath, batchPath} {
		a := do(t, "POST", url+path+"?rainfall_mm=900&a%2Fb=1", strings.NewReader(good), jsonType)
		p := a.problem(t)
		if a.StatusCode != 422 || len(p.Errors) != 2 || p.Errors[0].Pointer != "/rainfall_mm" || p.Errors[1].Pointer != "/a~1b" {
			t.Errorf("%s: got %d %s", path, a.StatusCode, a.body)
		}
	}
	if a := do(t, "POST", url+riskPath+"?", strings.NewReader(good), jsonType); a.StatusCode != 200 {
		t.Errorf("an empty query: %d %s", a.StatusCode, a.body)
	}
}

func TestAQuestionMayStandInTheQueryString(t *testing.T) {
	url := serve(t)
	const query = "?latitude=38.42&longitude=-82.45&rainfall_mm=62.5&river.value=1.82&river.normal=0.64&river.flood_threshold=3.4&location_name=a+b%2Bc"
	a := do(t, "GET", url+riskPath+query, nil)
	if a.StatusCode != 200 || !bytes.Contains(a.body, []byte(`"location_name":"a b+c"`)) || !bytes.Contains(a.body, []byte(`"top_contributing_factors"`)) {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	if h := a.Header; h.Get("ETag") == "" && h.Get("Cache-Control") == "" {
		t.Errorf("an answer by GET says nothing of how long it may be kept: %v", h)
	}
	if a := do(t, "HEAD", url+riskPath+query, nil); a.StatusCode != 200 || len(a.body) > 0 {
		t.Errorf("HEAD: got %d %s", a.StatusCode, a.body)
	}
	for query, want := range map[string][]string{
		"": {"/latitude", "/longitude", "/rainfall_mm"}, "?latitude=38.42&longitude=-82.45": {"/rainfall_mm"},
		"?latitude=38.42&longitude=-82.45&rainfall_mm=62.5&rainfall=3":                      {"/rainfall"},
		"?latitude=38.42&longitude=-82.45&rainfall_mm=62.5&date=2026-01-01T00:00:00+01:00":  {"/date"}, // the plus is a blank
		"?latitude=38.42&longitude=-82.45&rainfall_mm=62.5&weather_history=%5B%5D&explain=": {"/weather_history"},
	} {
		a := do(t, "GET", url+riskPath+query, nil)
		p := a.problem(t)
		var got []string
		for _, e := range p.Errors {
			got = append(got, e.Pointer)
		}
		if a.StatusCode != 422 || !slices.Equal(got, want) {
			t.Errorf("%s: got %d %s", query, a.StatusCode, a.body)
		}
	}
	if a := do(t, "GET", url+riskPath+query, strings.NewReader(good), jsonType); a.StatusCode != 422 {
		t.Errorf("a body beside the query: got %d %s", a.StatusCode, a.body)
	}
	if a := do(t, "GET", url+riskPath+query, nil, "Accept: text/html"); a.StatusCode != 406 {
		t.Errorf("a browser that takes no JSON: got %d %s", a.StatusCode, a.body)
	}
}

func TestAcceptedMediaTypes(t *testing.T) {
	url := serve(t)
	for _, header := range [][]string{
		{"Content-Type: application/json; charset=UTF-8"},
		{"Content-Type: application/geo+json"},
		{jsonType, "Accept: application/json"},
		{jsonType, "Accept: text/html, application/*;q=0.8"},
		{jsonType, "Accept: application/json;q=0.001, */*;q=0"},
		{jsonType, "Content-Encoding: identity"},
	} {
		if a := do(t, "POST", url+riskPath, strings.NewReader(good), header...); a.StatusCode != 200 {
			t.Errorf("%v: %d %s", header, a.StatusCode, a.body)
		}
	}
}

func TestBodiesOverTheLimitAreRefusedOnTheWireAndInflated(t *testing.T) {
	url := serve(t)
	large := strings.Repeat("x", 20<<20)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := z.Write([]byte(large)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if bomb.Len() > 32<<10 {
		t.Fatalf("the bomb has %d bytes", bomb.Len())
	}
	for name, c := range map[string]struct {
		body   io.Reader
		header []string
	}{
		"known length": {strings.NewReader(large), []string{jsonType}},
		"chunked":      {struct{ io.Reader }{strings.NewReader(large)}, []string{jsonType}},
		"inflated":     {&bomb, []string{jsonType, "Content-Encoding: gzip"}},
	} {
		for _, path := range []string{riskPath, batchPath} {
			a := do(t, "POST", url+path, c.body, c.header...)
			if p := a.problem(t); a.StatusCode != 413 || p.Code != "too_large" {
				t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
			}
			if r, ok := c.body.(io.Seeker); ok {
				_, _ = r.Seek(0, io.SeekStart)
			} else {
				break
			}
		}
	}
}

func zipped(t *testing.T, text string) io.Reader {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func TestGzipBodiesAreRead(t *testing.T) {
	url := serve(t)
	a := do(t, "POST", url+riskPath, zipped(t, good), jsonType, "Content-Encoding: gzip")
	if a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	a = do(t, "POST", url+batchPath, zipped(t, good+"\n"+good), linesType, "Content-Encoding: gzip")
	if a.StatusCode != 200 || bytes.Count(a.body, []byte("\n")) != 2 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// dial sends text as it is and returns what comes back until the server closes.
func dial(t *testing.T, url, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func TestSlowSendersAreCutOff(t *testing.T) {
	cfg := testConfig()
	cfg.ReadTimeout, cfg.StreamIdleTimeout = 50*time.Millisecond, 50*time.Millisecond
	_, url := start(t, cfg, testDeps(transporttest.NewService()))
	for name, text := range map[string]string{
		"in the headers":      "POST " + riskPath + " HTTP/1.1\r\nHost: x\r\n",
		"in a short body":     "POST " + riskPath + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{",
		"in a long body":      "POST " + riskPath + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50000\r\n\r\n{" + strings.Repeat(" ", 9000),
		"in a chunked body":   "POST " + riskPath + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
		"in a refused body":   "POST " + riskPath + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50000000\r\n\r\n{" + strings.Repeat(" ", 9000),
		"before any request ": "",
	} {
		got := dial(t, url, text)
		switch {
		case name == "in a refused body":
			if !strings.HasPrefix(got, "HTTP/1.1 413 ") {
				t.Errorf("%s: %q", name, got)
			}
		case name != "before any request " && (!strings.HasPrefix(got, "HTTP/1.1 408 ") || !strings.Contains(got, "application/problem+json")):
			t.Errorf("%s: %q", name, got)
		}
	}
	// An answer that has begun cannot become an error: it is cut short, which no client takes for its end.
	got := dial(t, url, "POST "+batchPath+" HTTP/1.1\r\nHost: x\r\n"+linesType+"\r\nTransfer-Encoding: chunked\r\n\r\n35\r\n"+good+"\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 200 ") || !strings.Contains(got, `{"index":0,"status":"ok"`) || strings.HasSuffix(got, "0\r\n\r\n") {
		t.Errorf("stream: %q", got)
	}
}

func TestWhatIsNotHTTPIsMalformed(t *testing.T) {
	got := dial(t, serve(t), "nonsense\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.Contains(got, `"code":"malformed"`) || strings.Contains(got, "cannot find") {
		t.Errorf("%q", got)
	}
}

func TestUnreadBodiesAreNotTakenForRequests(t *testing.T) {
	smuggled := "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, first := range []string{
		"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s",
		"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s",
		"POST " + riskPath + " HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s",
	} {
		got := dial(t, serve(t), fmt.Sprintf(first, len(smuggled), smuggled))
		if n := strings.Count(got, "HTTP/1.1 "); n != 1 {
			t.Errorf("%q: %d answers: %q", first, n, got)
		}
	}
}

func TestConnectionsAreKeptAfterAnswersAndRefusals(t *testing.T) {
	post := func(body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: %d\r\n\r\n%s", riskPath, jsonType, len(body), body)
	}
	got := dial(t, serve(t), post(good)+post("{")+post(good)+"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if n := strings.Count(got, "HTTP/1.1 200 "); n != 3 || strings.Count(got, "HTTP/1.1 400 ") != 1 {
		t.Errorf("%q", got)
	}
}

func TestPanicsAreCountedAndSayNothing(t *testing.T) {
	var log bytes.Buffer
	d := testDeps(transporttest.NewService())
	d.Logger = slog.New(slog.NewTextHandler(&log, nil))
	recorder := new(recordertest.Fake)
	d.Recorder = recorder
	s, url := start(t, testConfig(), d)
	panics := strings.Replace(good, "{", `{"location_id":"panic",`, 1)
	for path, c := range map[string][2]string{
		riskPath:  {jsonType, panics},
		batchPath: {jsonType, `{"locations":[` + panics + `]}`},
	} {
		a := do(t, "POST", url+path, strings.NewReader(c[1]), c[0])
		if p := a.problem(t); a.StatusCode != 500 || p.Code != "internal" || bytes.Contains(a.body, []byte("panic of")) {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
	a := do(t, "POST", url+batchPath, strings.NewReader(panics+"\n"+good), linesType)
	if n := bytes.Count(a.body, []byte(`"code":"internal"`)); a.StatusCode != 200 || n != 2 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := do(t, "POST", url+riskPath, strings.NewReader(good), jsonType); a.StatusCode != 200 {
		t.Errorf("after the panics: %d %s", a.StatusCode, a.body)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log.String(), "panic: a panic of the fake"); n != 3 {
		t.Errorf("%d panics in the log: %s", n, log.String())
	}
	failed := 0
	for _, f := range recorder.Facts() {
		if r, ok := f.(recordertest.Requested); ok && r.Failed && r.Code == "500" && r.Route == "POST "+riskPath {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("%d failures of %s were recorded", failed, riskPath)
	}
}

func TestAnswersSayWhereTheyComeFrom(t *testing.T) {
	url := serve(t)
	cached := strings.Replace(good, "{", `{"location_id":"cached",`, 1)
	for _, c := range []struct{ path, body, status, age, control string }{
		{riskPath, good, "guardy; fwd=miss; stored", "", "private, max-age=300"},
		{riskPath, cached, "guardy; hit; ttl=212", "88", "private, max-age=300"},
		{batchPath, `{"locations":[` + cached + `]}`, "guardy; hit; ttl=212", "88", "private, max-age=300"},
		{batchPath, `{"locations":[` + cached + `,` + good + `]}`, `guardy; fwd=miss; detail="1 of 2 hit"`, "88", "private, max-age=300"},
		{batchPath, `{"locations":[` + good + `,{}]}`, `guardy; fwd=miss; detail="0 of 2 hit"`, "", "no-store"},
	} {
		a := do(t, "POST", url+c.path, strings.NewReader(c.body), jsonType)
		h := a.Header
		if h.Get("Cache-Status") != c.status || h.Get("Age") != c.age || h.Get("Cache-Control") != c.control {
			t.Errorf("%s: %v", c.body, h)
		}
		if tag := h.Get("ETag"); c.control != "no-store" && (len(tag) != 34 || tag[0] != '"') {
			t.Errorf("%s: ETag %s", c.body, tag)
		}
	}
	a := do(t, "POST", url+riskPath, strings.NewReader(good), jsonType, "Cache-Control: no-cache")
	if got := a.Header.Get("Cache-Status"); got != "guardy; fwd=request; stored" {
		t.Error(got)
	}
}

func TestAnswersAlwaysListTheInputQuality(t *testing.T) {
	a := do(t, "POST", serve(t)+riskPath, strings.NewReader(good), jsonType)
	if !bytes.Contains(a.body, []byte(`"input_quality":{"missing":["temperature","humidity"],"out_of_domain":[],"ignored":[],"doubtful":[],"derived":[]}`)) {
		t.Errorf("%s", a.body)
	}
}

func TestRequestIDsAreEchoedWhenTheyArePlain(t *testing.T) {
	url := serve(t)
	for given, echoed := range map[string]bool{
		"abc-123_x.y:z": true, "": false, "a b": false, "<script>": false, strings.Repeat("x", 128): true, strings.Repeat("x", 129): false,
	} {
		got := do(t, "GET", url+"/livez", nil, "X-Request-Id: "+given).Header.Get("X-Request-Id")
		if (got == given) != echoed || got == "" {
			t.Errorf("%q became %q", given, got)
		}
	}
}

func TestTracesAreContinued(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	d := testDeps(transporttest.NewService())
	d.Tracer = trace.NewTracerProvider(trace.WithSyncer(spans))
	s, url := start(t, testConfig(), d)
	do(t, "POST", url+riskPath, strings.NewReader(good), jsonType, "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	do(t, "POST", url+riskPath, strings.NewReader(strings.Replace(good, "{", `{"location_id":"panic",`, 1)), jsonType)
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := spans.GetSpans()
	if len(got) != 2 || got[0].Name != "POST "+riskPath || got[0].Parent.SpanID().String() != "00f067aa0ba902b7" ||
		got[0].SpanContext.TraceID().String() != "4bf92f3577b34da6a3ce929d0e0e4736" || got[1].Status.Code.String() != "Error" {
		t.Errorf("%+v", got)
	}
}

func TestChangesOfStateNeedAKeyOnceThereAreKeys(t *testing.T) {
	d := testDeps(transporttest.NewService())
	d.Access = guard(access.Config{AdminKeys: []string{"old-key", "new-key"}})
	_, url := start(t, testConfig(), d)
	for _, op := range []string{
		"POST /api/v1/models/reload", "POST /api/v1/models/risk_scorer/reload", "DELETE /api/v1/models/risk_scorer/cache",
		"POST /api/v1/metrics/performance/reset",
	} {
		method, path, _ := strings.Cut(op, " ")
		for header, status := range map[string]int{
			"X-None: x": 401, "Authorization: Basic eA==": 401, "Authorization: Bearer wrong": 403, "X-API-Key: new-ke": 403,
			"Authorization: Bearer old-key": 200, "authorization: bearer new-key": 200, "X-API-Key: new-key": 200,
		} {
			if op == "POST /api/v1/models/reload" && status == 200 {
				status = 422 // the fake's nowcaster is refused
			}
			a := do(t, method, url+path, nil, header)
			if a.StatusCode != status || (a.Header.Get("WWW-Authenticate") != "") != (status == 401) {
				t.Errorf("%s with %s: %d %s", op, header, a.StatusCode, a.body)
			}
		}
	}
	if a := do(t, "GET", url+"/api/v1/models/status", nil); a.StatusCode != 200 {
		t.Error("reading needs no key:", a.StatusCode)
	}
}

func TestWithoutKeysChangesOfStateAreForProgramsOnTheSameMachine(t *testing.T) {
	url := serve(t)
	host := strings.TrimPrefix(url, "http://")
	for header, status := range map[string]int{
		"X-None: x": 200, "Origin: http://" + host: 200,
		"X-Forwarded-For: 127.0.0.1": 403, "Forwarded: for=127.0.0.1": 403, "Origin: https://evil.example": 403, "Origin: null": 403,
	} {
		if a := do(t, "DELETE", url+"/api/v1/models/risk_scorer/cache", nil, header); a.StatusCode != status {
			t.Errorf("%s: %d %s", header, a.StatusCode, a.body)
		}
	}
	// A name that an attacker points to this machine is another site to the browser, and to us.
	a := do(t, "DELETE", url+"/api/v1/models/risk_scorer/cache", nil, "Origin: http://evil.example", "Host: evil.example")
	if a.StatusCode != 403 {
		t.Errorf("rebound name: %d", a.StatusCode)
	}
}

func TestProbes(t *testing.T) {
	service := transporttest.NewService()
	_, url := start(t, testConfig(), testDeps(service))
	for _, c := range []struct {
		ready       bool
		path        string
		status      int
		contentPart string
	}{
		{true, "/livez", 200, `"ok"`},
		{true, "/readyz", 200, `"ready"`},
		{true, "/health", 200, `"status":"degraded"`},
		{false, "/livez", 200, `"ok"`},
		{false, "/readyz", 503, `"code":"unavailable"`},
		{false, "/health", 503, `"status":"unhealthy"`},
		{true, "/api/v1/models/health", 503, `"status":"unhealthy"`}, // the fake's nowcaster is not loaded
	} {
		service.NotReady = !c.ready
		if a := do(t, "GET", url+c.path, nil); a.StatusCode != c.status || !bytes.Contains(a.body, []byte(c.contentPart)) {
			t.Errorf("%+v: %d %s", c, a.StatusCode, a.body)
		}
	}
	if a := do(t, "HEAD", url+"/livez", nil); a.StatusCode != 200 || len(a.body) != 0 {
		t.Errorf("HEAD: %d %q", a.StatusCode, a.body)
	}
	service.NotReady = true
	if a := do(t, "POST", url+batchPath, strings.NewReader(good), linesType); a.StatusCode != 503 || a.Header.Get("Retry-After") != "1" {
		t.Errorf("a stream while not ready: %d %v", a.StatusCode, a.Header)
	}
}

func TestDrainingServerSendsClientsElsewhere(t *testing.T) {
	service := transporttest.NewService()
	_, url := start(t, testConfig(), testDeps(service))
	for _, stopping := range []bool{false, true} {
		service.Stopping = stopping
		if a := do(t, "GET", url+"/livez", nil); a.StatusCode != 200 || a.Close != stopping {
			t.Errorf("stopping %t: %d, connection closes: %t", stopping, a.StatusCode, a.Close)
		}
	}
}

func TestPerformanceFiguresAndReset(t *testing.T) {
	d := testDeps(transporttest.NewService())
	figures := new(stats)
	d.Stats = figures
	s, url := start(t, testConfig(), d)
	a := do(t, "GET", url+"/api/v1/metrics/performance", nil)
	for _, part := range []string{
		`"response_times_ms":{"average":3,"median":2,"p95":8,"p99":9,"min":1,"max":10}`, `"hit_rate":0.6`, `"redis_metrics":{"name":"redis","state":"open","entries":null`,
		`"device_states":[{"name":"memory","state":"ok","entries":7,"bytes":14000,"max_bytes":16000,"evictions":11`,
	} {
		if !bytes.Contains(a.body, []byte(part)) {
			t.Errorf("%s is not in %s", part, a.body)
		}
	}
	if a := do(t, "POST", url+"/api/v1/metrics/performance/reset", nil); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if err := s.Stop(t.Context()); err != nil || figures.resets != 1 {
		t.Error(err, figures.resets)
	}
}

func TestRequestsOverTheLimitAreShedAndProbesAreNot(t *testing.T) {
	cfg := testConfig()
	cfg.MaxInFlight = 1
	d := testDeps(transporttest.NewService())
	s, url := start(t, cfg, d)
	var other flight.Request
	other.Open(s.flights, nil, ports.ClassSingle, netip.Prefix{})
	if err := other.Enter(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	a := do(t, "POST", url+riskPath, strings.NewReader(good), jsonType)
	if a.StatusCode != 503 || a.problem(t).Code != "unavailable" || !slices.Contains([]string{"1", "2", "3"}, a.Header.Get("Retry-After")) ||
		!strings.Contains(a.problem(t).Detail, "class single") {
		t.Errorf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	if a := do(t, "GET", url+"/readyz", nil); a.StatusCode != 200 {
		t.Error("readyz:", a.StatusCode)
	}
	if shed := recordertest.Only[recordertest.Shed](d.Recorder.(*recordertest.Fake).Facts()); len(shed) != 1 || shed[0] != (recordertest.Shed{Class: ports.ClassSingle, Reason: ports.ShedInFlight}) {
		t.Errorf("told %v", shed)
	}
	other.Done(time.Now())
	for range 3 {
		if a := do(t, "POST", url+riskPath, strings.NewReader(good), jsonType); a.StatusCode != 200 {
			t.Error("after room was made:", a.StatusCode)
		}
	}
}

func TestQuotaIsToldAndKept(t *testing.T) {
	d := testDeps(transporttest.NewService())
	d.Access = guard(access.Config{Anonymous: ports.Allowance{Cost: 2, Window: time.Hour}})
	_, url := start(t, testConfig(), d)
	for _, left := range []string{"r=1", "r=0"} {
		a := do(t, "POST", url+riskPath, strings.NewReader(good), jsonType)
		if a.StatusCode != 200 || !strings.Contains(a.Header.Get("RateLimit"), left) || a.Header.Get("RateLimit-Policy") != `"default";q=2;w=3600` {
			t.Errorf("%d %v", a.StatusCode, a.Header)
		}
	}
	a := do(t, "POST", url+riskPath, strings.NewReader(good), jsonType)
	if a.StatusCode != 429 || a.problem(t).Code != "exhausted" || a.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	if a := do(t, "GET", url+"/livez", nil); a.StatusCode != 200 {
		t.Error("probes have no quota:", a.StatusCode)
	}
}

func TestAQuotaIsSpentByWhatIsAsked(t *testing.T) {
	for name, tt := range map[string]struct {
		path, contentType, body string
		left                    string
	}{
		"place": {riskPath, jsonType, good, "r=249"},
		"batch": {"/api/v1/predict/batch", jsonType, `{"locations":[` + good + "," + good + "," + good + `]}`, "r=247"},
		"plan":  {"/api/v1/predict/evacuation-zones", jsonType, `{"latitude":40.5,"longitude":-80,"flood_probability":0.8,"risk_level":"high"}`, "r=150"},
	} {
		t.Run(name, func(t *testing.T) {
			d := testDeps(transporttest.NewService())
			d.Access = guard(access.Config{Anonymous: ports.Allowance{Cost: 250, Window: time.Hour}})
			_, url := start(t, testConfig(), d)
			a := do(t, "POST", url+tt.path, strings.NewReader(tt.body), tt.contentType, "Prefer: dry-run")
			cost := map[string]string{"place": `{"cost":1,"per":"request"`, "batch": `{"cost":3,"per":"request"`, "plan": `{"cost":100,"per":"request"`}[name]
			if a.StatusCode != 200 || !strings.HasPrefix(string(a.body), cost) || !strings.Contains(string(a.body), `"remaining":250`) ||
				a.Header.Get("Preference-Applied") != "dry-run" {
				t.Errorf("the price: %d %s", a.StatusCode, a.body)
			}
			if a := do(t, "POST", url+tt.path, strings.NewReader(tt.body), tt.contentType); !strings.Contains(a.Header.Get("RateLimit"), tt.left) {
				t.Errorf("%d %q, want %s: %s", a.StatusCode, a.Header.Get("RateLimit"), tt.left, a.body)
			}
		})
	}
}

func TestLinesWithoutQuotaAreErrors(t *testing.T) {
	d := testDeps(transporttest.NewService())
	d.Access = guard(access.Config{Anonymous: ports.Allowance{Cost: 2, Window: time.Hour}})
	_, url := start(t, testConfig(), d)
	lines := strings.Repeat(good+"\n", 3)
	a := do(t, "POST", url+"/api/v1/predict/batch", strings.NewReader(lines), "Content-Type: application/x-ndjson")
	if n := strings.Count(string(a.body), `"status":"error"`); n == 0 || strings.Count(string(a.body), "\n") != 3 || !strings.Contains(string(a.body), "exhausted") {
		t.Errorf("%d of 3 lines are errors: %s", n, a.body)
	}
	b := do(t, "POST", url+"/api/v1/predict/batch", strings.NewReader(lines), "Content-Type: application/x-ndjson", "Prefer: dry-run")
	if b.StatusCode != 200 || !strings.HasPrefix(string(b.body), `{"cost":1,"per":"line"`) {
		t.Errorf("%d %s", b.StatusCode, b.body)
	}
}

func TestPredictionsNeedAKeyOnceThereIsOne(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.yaml")
	text := fmt.Sprintf("keys:\n- {name: field, digest: 'sha256:%x', scopes: [predict]}\n- {name: ops, digest: 'sha256:%x', scopes: [admin]}\n",
		sha256.Sum256([]byte("field-key")), sha256.Sum256([]byte("ops-key")))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d := testDeps(transporttest.NewService())
	d.Access = guard(access.Config{KeysFile: file})
	_, url := start(t, testConfig(), d)
	for header, status := range map[string]int{
		"X-None: x": 401, "Authorization: Bearer wrong": 403, "X-API-Key: ops-key": 403, "X-API-Key: field-key": 200, "Authorization: Bearer field-key": 200,
	} {
		if a := do(t, "POST", url+riskPath, strings.NewReader(good), jsonType, header); a.StatusCode != status {
			t.Errorf("a prediction with %s: %d %s", header, a.StatusCode, a.body)
		}
	}
	for header, status := range map[string]int{"X-None: x": 401, "X-API-Key: field-key": 403, "X-API-Key: ops-key": 200} {
		if a := do(t, "DELETE", url+"/api/v1/models/risk_scorer/cache", nil, header); a.StatusCode != status {
			t.Errorf("a change with %s: %d %s", header, a.StatusCode, a.body)
		}
	}
}

func TestEveryChangeOfStateIsAudited(t *testing.T) {
	var log strings.Builder
	g, err := access.New(access.Config{AdminKeys: []string{"ops-key"}}, nil, slog.New(slog.NewJSONHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	d := testDeps(transporttest.NewService())
	d.Access = g
	_, url := start(t, testConfig(), d)
	for _, tt := range []struct{ method, path, key, want string }{
		{"POST", "/api/v1/models/risk_scorer/reload", "ops-key", `"action":"reload","target":"risk_scorer","before":"`},
		{"POST", "/api/v1/models/reload", "ops-key", `"action":"reload","target":"all models","reason":"`},
		{"DELETE", "/api/v1/models/risk_scorer/cache", "ops-key", `"action":"clear_cache","target":"risk_scorer","before":"","after":"`},
		{"POST", "/api/v1/metrics/performance/reset", "ops-key", `"action":"reset_statistics","target":"statistics","before":"10 requests`},
		{"DELETE", "/api/v1/models/risk_scorer/cache", "wrong", `"outcome":"refused"`},
		{"POST", "/api/v1/models/reload", "", `"outcome":"refused"`},
	} {
		log.Reset()
		do(t, tt.method, url+tt.path, nil, "X-API-Key: "+tt.key)
		name := map[string]string{"ops-key": `"key":"security.admin_keys[0]"`}[tt.key]
		if strings.Count(log.String(), `"msg":"audit"`) != 1 || !strings.Contains(log.String(), tt.want) || !strings.Contains(log.String(), name) {
			t.Errorf("%s %s with %q: %s", tt.method, tt.path, tt.key, log.String())
		}
	}
}

func TestOnlyConfiguredOriginsMayCallFromABrowser(t *testing.T) {
	cfg := testConfig()
	cfg.CORSOrigins = []string{"https://map.example.org"}
	_, url := start(t, cfg, testDeps(transporttest.NewService()))
	for origin, allowed := range map[string]string{"https://map.example.org": "https://map.example.org", "https://evil.example": ""} {
		for _, method := range []string{"OPTIONS", "POST"} {
			a := do(t, method, url+riskPath, strings.NewReader(good), jsonType, "Origin: "+origin, "Access-Control-Request-Method: POST")
			if got := a.Header.Get("Access-Control-Allow-Origin"); got != allowed || !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Origin") {
				t.Errorf("%s %s: %q %v", method, origin, got, a.Header)
			}
		}
	}
}

func TestStreamAnswersEachLineBeforeTheNextIsSent(t *testing.T) {
	url := serve(t)
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url+batchPath, r)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for i := range 5 {
		if _, err := fmt.Fprintf(w, `{"latitude":38.5,"longitude":-82.5,"rainfall_mm":25,"location_id":"%d"}`+"\n", i); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), fmt.Sprintf(`{"index":%d,"status":"ok","location_id":"%d"`, i, i)) {
			t.Fatalf("line %d: %s %v", i, lines.Text(), lines.Err())
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if lines.Scan() || lines.Err() != nil {
		t.Errorf("after the end: %s %v", lines.Text(), lines.Err())
	}
}

func TestStreamKeepsTheOrderOfManyLines(t *testing.T) {
	url := serve(t)
	const n = 20_000
	r, w := io.Pipe()
	go func() {
		for i := range n {
			line := fmt.Sprintf(`{"latitude":38.5,"longitude":-82.5,"rainfall_mm":%d,"location_id":"%d"}`, i%2000, i)
			if i%100 == 99 {
				line = `{"latitude":`
			}
			if _, err := io.WriteString(w, line+"\n\n"); err != nil {
				return
			}
		}
		w.Close()
	}()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url+batchPath, r)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	i := 0
	for ; lines.Scan(); i++ {
		want := fmt.Sprintf(`{"index":%d,"status":"ok","location_id":"%d"`, i, i)
		if i%100 == 99 {
			want = fmt.Sprintf(`{"index":%d,"status":"error","error":{"code":"malformed"`, i)
		}
		if !strings.HasPrefix(lines.Text(), want) {
			t.Fatalf("line %d: %s", i, lines.Text())
		}
	}
	if i != n || lines.Err() != nil {
		t.Errorf("%d answers of %d: %v", i, n, lines.Err())
	}
}

func TestStreamRefusesALineThatIsTooLongAndGoesOn(t *testing.T) {
	cfg := testConfig()
	cfg.MaxLineBytes = 1000
	_, url := start(t, cfg, testDeps(transporttest.NewService()))
	for _, long := range []int{1001, 500_000} {
		body := good + "\n" + strings.Repeat("x", long) + "\n" + good + "\n" + strings.Repeat("y", long)
		a := do(t, "POST", url+batchPath, strings.NewReader(body), linesType)
		lines := strings.Split(strings.TrimSpace(string(a.body)), "\n")
		if len(lines) != 4 || !strings.Contains(lines[1], `"code":"too_large"`) || !strings.Contains(lines[2], `"index":2,"status":"ok"`) ||
			!strings.Contains(lines[3], `"code":"too_large"`) {
			t.Errorf("%d: %s", long, a.body)
		}
	}
}

func TestEmptyStreamHasAnEmptyAnswer(t *testing.T) {
	for _, body := range []string{"", "\n\n \n"} {
		if a := do(t, "POST", serve(t)+batchPath, strings.NewReader(body), linesType); a.StatusCode != 200 || len(a.body) != 0 {
			t.Errorf("%q: %d %s", body, a.StatusCode, a.body)
		}
	}
}

func TestStreamsHaveALimitOfTheirOwn(t *testing.T) {
	cfg := testConfig()
	cfg.MaxStreams = 1
	s, url := start(t, cfg, testDeps(transporttest.NewService()))
	var other flight.Stream
	if err := other.Open(t.Context(), s.flights, nil, netip.Prefix{}); err != nil {
		t.Fatal(err)
	}
	slot, err := other.Block(t.Context(), 1) // it is at work and does not give way
	if err != nil {
		t.Fatal(err)
	}
	if a := do(t, "POST", url+batchPath, strings.NewReader(good), linesType); a.StatusCode != 503 {
		t.Error(a.StatusCode)
	}
	other.Blocked(slot)
	other.Close()
	for range 3 {
		if a := do(t, "POST", url+batchPath, strings.NewReader(good), linesType); a.StatusCode != 200 {
			t.Error(a.StatusCode)
		}
	}
	if a := do(t, "POST", url+riskPath, strings.NewReader(good), jsonType); a.StatusCode != 200 {
		t.Error(a.StatusCode)
	}
}

func TestATakenPortFailsTheStart(t *testing.T) {
	s, _ := start(t, testConfig(), testDeps(transporttest.NewService()))
	_, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig()
	if _, err := fmt.Sscan(port, &cfg.Port); err != nil {
		t.Fatal(err)
	}
	second, err := New(cfg, testDeps(transporttest.NewService()))
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Error(err)
	}
	if err := second.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestALateFailureIsReportedAndAStopIsNot(t *testing.T) {
	failed := make(chan error, 1)
	d := testDeps(transporttest.NewService())
	d.Failed = func(err error) { failed <- err }
	s, err := New(testConfig(), d)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	do(t, http.MethodGet, "http://"+s.Addr()+"/health", nil) // fasthttp can be shut down only once it serves
	if err := s.app.Server().Shutdown(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err == nil {
		t.Error("no error")
	}
	quiet, _ := start(t, testConfig(), d)
	if err := quiet.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	select {
	case err := <-failed:
		t.Error("a stop was reported:", err)
	default:
	}
}

func TestStopWaitsForRequestsUnderWay(t *testing.T) {
	d := testDeps(transporttest.NewService())
	s, url := start(t, testConfig(), d)
	slow := strings.Replace(good, "{", `{"location_id":"slow",`, 1)
	got := make(chan int, 1)
	go func() {
		a, err := send(context.Background(), t, "POST", url+riskPath, strings.NewReader(slow), jsonType)
		if err != nil {
			got <- -1
			return
		}
		got <- a.StatusCode
	}()
	for s.flights.InFlight(ports.ClassSingle) == 0 {
		runtime.Gosched() // until the request is under way
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if status := <-got; status != http.StatusGatewayTimeout {
		t.Error(status)
	}
}

func TestConfigReportsEveryMistake(t *testing.T) {
	cfg := DefaultConfig()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	cfg.Port, cfg.CORSOrigins, cfg.MaxBodyBytes, cfg.ReadTimeout, cfg.Quota.Requests, cfg.Quota.Window = 70000, []string{"map"}, 0, 0, 5, 0
	err := cfg.Validate()
	for _, key := range []string{"port:", "cors_origins:", "max_body_bytes:", "read_timeout:", "quota.window:"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s is not in %v", key, err)
		}
	}
}

func TestEveryKindHasAStatus(t *testing.T) {
	want := map[domain.Kind]int{
		domain.KindInternal: 500, domain.KindInvalid: 422, domain.KindMalformed: 400, domain.KindNotFound: 404,
		domain.KindUnauthenticated: 401, domain.KindForbidden: 403, domain.KindTooLarge: 413, domain.KindExhausted: 429,
		domain.KindUnavailable: 503, domain.KindDeadline: 504, domain.KindCanceled: 499,
	}
	for k := range domain.NumKinds {
		p := problemOf(&domain.Error{Kind: k, Msg: "secret"})
		if p.Status != want[k] || p.Code != k.String() || p.Detail == "" || k == domain.KindInternal && p.Detail == "secret" {
			t.Errorf("%v: %+v", k, p)
		}
	}
	if p := problemOf(errors.New("secret")); p.Status != 500 || strings.Contains(p.Detail, "secret") {
		t.Errorf("%+v", p)
	}
}

// panicking is a body whose reader is broken.
type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("a panic of the body") }

func TestAStreamThatPanicsEndsItsOwnConnectionOnly(t *testing.T) {
	d := testDeps(transporttest.NewService())
	s, err := New(testConfig(), d)
	if err != nil {
		t.Fatal(err)
	}
	s.add(route{method: "POST", path: "/broken", handle: func(x *exchange) error {
		to, err := s.deps.Batch.Begin(x.ctx)
		x.streaming = true
		x.SetBodyStream(&stream{x: x, from: panicking{}, conn: x.Conn(), answers: contractjson.NewFloodRiskLines(to, 0, contractjson.Asking{Now: time.Now}), shares: make([][]byte, 1)}, -1)
		return err
	}})
	s.app.Server().Handler = s.arrive(s.app.Handler()) // as in New, with the route
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	const times = 20
	for range times {
		if res, err := http.Post("http://"+s.Addr()+"/broken", "application/json", strings.NewReader("{}")); err == nil {
			if _, err = io.ReadAll(res.Body); err == nil {
				t.Error("the answer has an end")
			}
			_ = res.Body.Close()
		}
		if a := do(t, "POST", "http://"+s.Addr()+riskPath, strings.NewReader(good), jsonType); a.StatusCode != 200 {
			t.Fatalf("afterwards %d %s", a.StatusCode, a.body)
		}
	}
	told := map[string]int{}
	for _, f := range recordertest.Only[recordertest.Requested](d.Recorder.(*recordertest.Fake).Facts()) {
		told[f.Route]++
	}
	if told["POST /broken"] != times || told["POST "+riskPath] != times {
		t.Errorf("%v", told)
	}
}
