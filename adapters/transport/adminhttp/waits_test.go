package adminhttp

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// Each makes one goroutine wait for another in a way that its profile shows, under a name of its own.
var waits = map[string]struct{ during, afterwards func() }{
	"block": {blockedDuring, blockedAfterwards},
	"mutex": {contendedDuring, contendedAfterwards},
}

func TestWaitsAreSampledForTheLengthOfAProfile(t *testing.T) {
	s := serve(t, loopback(), deps())
	for name, wait := range waits {
		t.Run(name, func(t *testing.T) {
			got := make(chan answer)
			go func() { got <- ask(t, s, http.MethodGet, "/debug/pprof/"+name+"?seconds=1", "") }()
			for waiting := true; waiting; {
				wait.during()
				select {
				case a := <-got:
					if functions := unzipped(t, a); !strings.Contains(functions, "During") {
						t.Error("what waited is not in the profile")
					}
					waiting = false
				default:
				}
			}
			for range 100 {
				wait.afterwards()
			}
			if functions := unzipped(t, ask(t, s, http.MethodGet, "/debug/pprof/"+name, "")); strings.Contains(functions, "Afterwards") {
				t.Error("waits are sampled on after the profile")
			}
		})
	}
	if rate := runtime.SetMutexProfileFraction(-1); rate != 0 {
		t.Errorf("one mutex event of %d is still kept", rate)
	}
}

func TestOneProfileOfWaitsAtATime(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	h := sampled("block", func() { close(started); <-release }, func() {})
	first := make(chan int)
	go func() { first <- asked(t, h) }()
	<-started
	if status := asked(t, h); status != http.StatusConflict {
		t.Errorf("the second: status %d", status)
	}
	close(release)
	if status := <-first; status != http.StatusOK {
		t.Errorf("the first: status %d", status)
	}
}

func asked(t *testing.T, h http.HandlerFunc) (status int) {
	w := httptest.NewRecorder()
	h(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?seconds=1", nil))
	return w.Code
}

func unzipped(t *testing.T, a answer) string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(a.body))
	if err != nil {
		t.Fatalf("status %d, %q: %v", a.status, a.body, err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

//go:noinline
func blockedDuring() { received() }

//go:noinline
func blockedAfterwards() { received() }

// received waits for a goroutine that does something first.
func received() {
	c := make(chan struct{})
	go func() {
		for range 1000 {
			runtime.Gosched()
		}
		c <- struct{}{}
	}()
	<-c
}

//go:noinline
func contendedDuring() { contended(func(mu *sync.Mutex) { mu.Unlock() }) }

//go:noinline
func contendedAfterwards() { contended(func(mu *sync.Mutex) { mu.Unlock() }) }

// contended lets goroutines queue for a lock. A mutex profile shows who unlocks it.
func contended(unlock func(*sync.Mutex)) {
	var mu sync.Mutex
	var done sync.WaitGroup
	for range 4 {
		done.Go(func() {
			for range 100 {
				mu.Lock()
				runtime.Gosched()
				unlock(&mu)
			}
		})
	}
	done.Wait()
}
