package fiberhttp

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"github.com/guardy-ai/guardy/ports/transporttest"
)

func TestTheClientsWishDecidesTheCoding(t *testing.T) {
	for accept, want := range map[string]coding{
		"":                             identity,
		"identity":                     identity,
		"gzip":                         gzipped,
		"x-gzip":                       gzipped,
		"GZIP":                         gzipped,
		"br":                           brotlied,
		"gzip, deflate, br":            brotlied,
		"gzip;q=1.0, br;q=0.5":         gzipped,
		"gzip;q=0":                     identity,
		"gzip;q=0, br;q=0":             identity,
		"gzip;q=0.001":                 gzipped,
		"gzip;q=0.5, identity":         identity,
		"*":                            brotlied,
		"*;q=0":                        identity,
		"br;q=0, *":                    gzipped,
		"deflate, zstd":                identity,
		"gzip;q=two":                   identity,
		"gzip;q=7":                     identity,
		"gzip ; q=0.8 , br ; q = 0.7":  gzipped,
		strings.Repeat("gzip;q=0,", 9): identity,
	} {
		if got := codingFor(accept); got != want {
			t.Errorf("%q: %v, want %v", accept, got, want)
		}
	}
}

// A long answer has the same bytes whatever the coding, and says which it is; a short one is sent as it is.
func TestLongAnswersAreCompressedForClientsThatTakeIt(t *testing.T) {
	_, addr := start(t, testConfig(), testDeps(transporttest.NewService()))
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	ask := func(path, accept string) (*http.Response, []byte) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, addr+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", accept)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, body
	}
	_, plain := ask("/openapi.json", "identity")
	for accept, inflate := range map[string]func(io.Reader) (io.Reader, error){
		"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"br":   func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
	} {
		res, packed := ask("/openapi.json", accept)
		if res.Header.Get("Content-Encoding") != accept || !strings.Contains(res.Header.Get("Vary"), "Accept-Encoding") {
			t.Errorf("%s: headers %v", accept, res.Header)
		}
		r, err := inflate(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: %d bytes, %v, want %d", accept, len(got), err, len(plain))
		}
		if len(packed) > len(plain)/2 {
			t.Errorf("%s: %d bytes of %d", accept, len(packed), len(plain))
		}
		if res, _ := ask("/livez", accept); res.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: a short answer is compressed", accept)
		}
	}
	if res, _ := ask("/openapi.json", "identity"); res.Header.Get("Content-Encoding") != "" || !strings.Contains(res.Header.Get("Vary"), "Accept-Encoding") {
		t.Errorf("headers %v", res.Header)
	}
}

func TestAPathIsTheSameWithAndWithoutNeedlessEncoding(t *testing.T) {
	for path, want := range map[string]string{
		"/livez":                 "/livez",
		"/%6civez":               "/livez",
		"/api%2Dx%2e%5F%7e":      "/api-x._~",
		"/a%2Fb":                 "/a%2Fb",
		"/a%20b%25":              "/a%20b%25",
		"/a%zz%4":                "/a%zz%4",
		"/%":                     "/%",
		"/api/v1/models/%72isk/": "/api/v1/models/risk/",
	} {
		if got := string(decodeUnreserved([]byte(path))); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	_, addr := start(t, testConfig(), testDeps(transporttest.NewService()))
	res, err := http.Get(addr + "/live%7A")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("status %d", res.StatusCode)
	}
}

// announce asks whether a body of so many bytes may be sent.
func announce(t *testing.T, length int64) net.Conn {
	t.Helper()
	_, addr := start(t, testConfig(), testDeps(transporttest.NewService()))
	c, err := net.Dial("tcp", strings.TrimPrefix(addr, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: guardy\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n",
		riskPath, length)
	return c
}

// The client learns that its body is too large before it has sent a byte of it.
func TestABodyThatIsTooLargeIsRefusedBeforeItIsSent(t *testing.T) {
	c := announce(t, 1<<40)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusRequestEntityTooLarge || !bytes.Contains(body, []byte(`"code":"too_large"`)) || !res.Close {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

func TestABodyThatIsWelcomeIsAskedFor(t *testing.T) {
	c := announce(t, int64(len(benchmarkBody)))
	in := bufio.NewReader(c)
	line, err := in.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(c, benchmarkBody)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("status %d", res.StatusCode)
	}
}
