package throughput

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestAClientReadsAnswersOfAnySizeToTheirEnd(t *testing.T) {
	sizes := []int{0, 1, 5000, 3 << 20}
	next := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.Header.Get("X-Extra") != "1" || string(body) != "{}" || r.Header.Get("Content-Type") != "application/json" {
			w.WriteHeader(http.StatusBadRequest)
		}
		w.Header().Set("Content-Length", strconv.Itoa(sizes[next]))
		_, _ = io.WriteString(w, strings.Repeat("x", sizes[next]))
		next++
	}))
	defer server.Close()
	c, err := Dial(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range sizes {
		if err := c.Do(Request("/path", "X-Extra: 1\r\n", "{}")); err != nil {
			t.Fatal(err)
		}
	}
	if next != len(sizes) {
		t.Errorf("%d requests arrived", next)
	}
}

func TestWhatIsNoAnswerIsAnError(t *testing.T) {
	for _, answer := range []string{
		"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxx", "HTTP/1.1 200 OK\r\n",
	} {
		near, far := net.Pipe()
		go func() {
			_, _ = far.Read(make([]byte, 100))
			_, _ = io.WriteString(far, answer)
			_ = far.Close()
		}()
		if (&Client{near, make([]byte, 1000)}).Do([]byte("GET")) == nil {
			t.Errorf("%q was taken for an answer", answer)
		}
	}
}

func TestRoundsAreComparedOneByOne(t *testing.T) {
	if got := (Series{5, 20, 90}).Against(Series{10, 40, 100}); got != 0.5 {
		t.Errorf("share %v", got)
	}
	if got := (Series{4, 1, 3, 2}).Median(); got != 2.5 {
		t.Errorf("median %v", got)
	}
}

func TestEveryRequestThatIsDueIsSentAndCounted(t *testing.T) {
	var mu sync.Mutex
	asked := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.URL.Path]++
		mu.Unlock()
		w.Header().Set("Content-Length", "0")
	}))
	defer server.Close()
	target := Target{Addr: server.Listener.Addr().String(), Requests: [][]byte{Request("/a", "", "{}"), Request("/b", "", "{}")}}
	// Four connections of a request every 40 ms each, five times.
	got := Paced(t, target, 100, 4, 200*time.Millisecond)
	if got.N != 20 || asked["/a"] != 10 || asked["/b"] != 10 {
		t.Errorf("%+v of %v", got, asked)
	}
	if got.Median <= 0 || got.P99 < got.Median || got.P999 < got.P99 || got.Max < got.P999*9/10 {
		t.Errorf("%+v", got)
	}
}
