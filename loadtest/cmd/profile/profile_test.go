package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"github.com/guardy-ai/guardy/loadtest/internal/k6"
	"github.com/guardy-ai/guardy/loadtest/internal/service"
)

func TestFlagsMayComeBeforeAndAfterTheProfile(t *testing.T) {
	o, err := parse([]string{"--addr", "127.0.0.1:1", "block", "--load", "none"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.what != "block" || o.addr != "127.0.0.1:1" || o.load.Scenario != "none" || o.seconds != profiles["block"].seconds {
		t.Errorf("%+v", o)
	}
	for _, bad := range [][]string{nil, {"goroutine"}, {"cpu", "block"}, {"cpu", "--seconds", "-1"}, {"cpu", "--nonsense"}} {
		if _, err := parse(bad, io.Discard); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// made is a profile with every kind of value that is drawn.
func made(t *testing.T) []byte {
	t.Helper()
	f := &profile.Function{ID: 1, Name: "main.main"}
	at := &profile.Location{ID: 1, Line: []profile.Line{{Function: f}}}
	wait := &profile.Function{ID: 2, Name: "net/http/pprof.handler.serveDeltaProfile"}
	itself := &profile.Location{ID: 2, Line: []profile.Line{{Function: wait}}}
	p := &profile.Profile{
		Function: []*profile.Function{f, wait}, Location: []*profile.Location{at, itself}, DurationNanos: 1.5e9,
		Sample: []*profile.Sample{
			{Location: []*profile.Location{at}, Value: []int64{1e6, 2e6, 3e6, 4e6}},
			{Location: []*profile.Location{itself, at}, Value: []int64{5e9, 5e9, 5e9, 5e9}},
		},
	}
	for _, kind := range []string{"cpu", "alloc_space", "inuse_space", "delay"} {
		p.SampleType = append(p.SampleType, &profile.ValueType{Type: kind, Unit: "nanoseconds"})
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// admin is an admin listener that answers requests at once, but a profile over time only after memory was
// looked at twice if anybody looks.
func admin(t *testing.T, looked chan struct{}) *service.Service {
	t.Helper()
	content, total := made(t), 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/runtime":
			total += 50
			_ = json.NewEncoder(w).Encode(map[string]any{"requests": map[string]any{"total": total}})
			select {
			case looked <- struct{}{}:
			default:
			}
		case r.URL.Path == "/debug/pprof/allocs":
			<-looked
			<-looked
			<-looked // so the second is read
			fallthrough
		case strings.HasPrefix(r.URL.Path, "/debug/pprof/"):
			if wantSeconds := r.URL.Path != "/debug/pprof/heap"; (r.FormValue("seconds") == "2") != wantSeconds {
				t.Errorf("asked for %s", r.URL)
			}
			_, _ = w.Write(content)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return &service.Service{Admin: server.URL}
}

func TestEveryProfileIsSavedAndDrawn(t *testing.T) {
	for what, files := range map[string][]string{
		"cpu":    {"cpu.pb.gz", "cpu.svg"},
		"memory": {"allocated.pb.gz", "allocated.svg", "in-use.pb.gz", "in-use.svg", "memory.svg"},
		"block":  {"block.pb.gz", "block.svg", "mutex.pb.gz", "mutex.svg"},
		"trace":  {"trace.out"},
	} {
		t.Run(what, func(t *testing.T) {
			o := options{what: what, seconds: 2, load: k6.Test{Out: t.TempDir()}}
			if err := profiles[what].take(t.Context(), admin(t, make(chan struct{}, 3)), o); err != nil {
				t.Fatal(err)
			}
			for _, name := range files {
				content, err := os.ReadFile(filepath.Join(o.load.Out, name))
				if err != nil || len(content) == 0 {
					t.Errorf("%s: %v", name, err)
				}
				if strings.HasSuffix(name, ".svg") && name != "memory.svg" && (!strings.Contains(string(content), "main.main") || strings.Contains(string(content), "serveDelta")) {
					t.Errorf("%s shows\n%s", name, content)
				}
			}
		})
	}
}

func TestAnAdminListenerThatRefusesIsAnError(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "another profile is under way", http.StatusConflict)
	}))
	defer server.Close()
	o := options{what: "cpu", seconds: 1, load: k6.Test{Out: t.TempDir()}}
	err := profiles["cpu"].take(t.Context(), &service.Service{Admin: server.URL}, o)
	if err == nil || !strings.Contains(err.Error(), "another profile is under way") {
		t.Errorf("%v", err)
	}
}

func TestAServiceUnderLoadIsNotLoadedMore(t *testing.T) {
	stop, err := underLoad(t.Context(), admin(t, nil), options{load: k6.Test{Scenario: "normal"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
