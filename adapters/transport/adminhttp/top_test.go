package adminhttp

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"
)

const here = "github.com/guardy-ai/guardy/adapters/transport/adminhttp"

func TestTopNamesWhatTakesProcessorTime(t *testing.T) {
	s, err := New(loopback(), deps())
	if err != nil {
		t.Fatal(err)
	}
	s.http.WriteTimeout = time.Second / 2 // a profile takes longer than other answers may
	start(t, s)
	got := make(chan answer)
	go func() { got <- ask(t, s, http.MethodGet, "/top?seconds=1", "") }()
	var a answer
	for a.status == 0 {
		busyOuter()
		select {
		case a = <-got:
		default:
		}
	}
	v := topOf(t, a)
	if v.Seconds < 1 || v.Samples == 0 || v.CPUSeconds <= 0 || v.Time.IsZero() {
		t.Errorf("incomplete: %+v", v)
	}
	inner, outer := find(v.Flat, here+".busyInner"), find(v.Cumulative, here+".busyOuter")
	if inner.FlatPercent <= 0 || inner.CumulativePercent < inner.FlatPercent || !inner.Ours || inner.Package != here {
		t.Errorf("what was busy is not told: %+v", v.Flat)
	}
	if outer.CumulativePercent < inner.CumulativePercent || outer.FlatPercent > inner.FlatPercent {
		t.Errorf("what called it is not told: %+v", v.Cumulative)
	}
}

var busyWith atomic.Uint64

//go:noinline
func busyOuter() { busyInner() }

//go:noinline
func busyInner() {
	n := busyWith.Load()
	for range 1_000_000 {
		n = n*6364136223846793005 + 1
	}
	busyWith.Store(n)
}

func topOf(t *testing.T, a answer) (v topView) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &v); err != nil || a.status != http.StatusOK {
		t.Fatalf("status %d, %v in %q", a.status, err, a.body)
	}
	return v
}

func find(list []functionView, name string) functionView {
	if i := slices.IndexFunc(list, func(f functionView) bool { return f.Function == name }); i >= 0 {
		return list[i]
	}
	return functionView{}
}

func TestTopTakesOneProfileAtATime(t *testing.T) {
	s := serve(t, loopback(), deps())
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Fatal(err)
	}
	a := ask(t, s, http.MethodGet, "/top?seconds=1", "")
	pprof.StopCPUProfile()
	if a.status != http.StatusConflict || !strings.Contains(a.body, `"conflict"`) || !strings.Contains(a.body, "/debug/pprof/profile") {
		t.Errorf("while another takes one: status %d, %s", a.status, a.body)
	}

	first := make(chan answer)
	go func() { first <- ask(t, s, http.MethodGet, "/top?seconds=30", "") }()
	awaitTop()
	if a := ask(t, s, http.MethodGet, "/top?seconds=1", ""); a.status != http.StatusConflict {
		t.Errorf("the second: status %d, %s", a.status, a.body)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
	if v := topOf(t, <-first); v.Seconds >= 30 {
		t.Errorf("stopping did not end the profile: it took %v s", v.Seconds)
	}
}

// awaitTop returns once a profile of /top is under way.
func awaitTop() {
	stacks := make([]byte, 1<<20)
	for !bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("adminhttp.sleep(")) {
		runtime.Gosched()
	}
}

func TestTopTakesSecondsAndNothingElse(t *testing.T) {
	for query, want := range map[string]time.Duration{
		"": 2 * time.Second, "seconds=1": time.Second, "seconds=30": 30 * time.Second,
	} {
		if got, ok := topLength(query); !ok || got != want {
			t.Errorf("%q: %v, %v; want %v", query, got, ok, want)
		}
	}
	s := serve(t, loopback(), deps())
	for _, query := range []string{
		"seconds=0", "seconds=31", "seconds=-1", "seconds=1.5", "seconds=", "seconds=1s", "seconds=257",
		"seconds=1&seconds=2", "seconds=1&debug=1", "second=1", "seconds=%zz", "seconds=1;debug=1",
	} {
		a := ask(t, s, http.MethodGet, "/top?"+query, "")
		if a.status != http.StatusUnprocessableEntity || a.header.Get("Content-Type") != "application/problem+json" ||
			!strings.Contains(a.body, "from 1 to 30") {
			t.Errorf("%s: status %d, %s", query, a.status, a.body)
		}
	}
}

func FuzzTopLength(f *testing.F) {
	for _, query := range []string{"", "seconds=2", "seconds=99999999999999999999", "seconds=%32", "a=b&seconds=1", "seconds=+1"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		if length, ok := topLength(query); ok && (length < time.Second || length > 30*time.Second || length%time.Second != 0) {
			t.Errorf("%q is %v", query, length)
		}
	})
}

func TestTopAddsUpByFunction(t *testing.T) {
	at := func(id uint64, functions ...string) *profile.Location { // the innermost of what is inlined first
		l := &profile.Location{ID: id}
		for _, name := range functions {
			l.Line = append(l.Line, profile.Line{Function: &profile.Function{Name: name}})
		}
		return l
	}
	main, f := at(1, "main.main"), at(2, "a.org/b.inlined", "a.org/b.F[go.shape.c.d/e.T]")
	p := &profile.Profile{
		TimeNanos: 5e9, DurationNanos: 2e9,
		Sample: []*profile.Sample{
			{Value: []int64{6, 60e6}, Location: []*profile.Location{f, main}},
			{Value: []int64{3, 30e6}, Location: []*profile.Location{main, f, main}},
			{Value: []int64{1, 10e6}, Location: []*profile.Location{at(3), at(4, "aeshashbody")}},
		},
	}
	inlined := functionView{Function: "a.org/b.inlined", Package: "a.org/b", FlatPercent: 60, CumulativePercent: 90}
	generic := functionView{Function: "a.org/b.F[go.shape.c.d/e.T]", Package: "a.org/b", CumulativePercent: 90}
	ours := functionView{Function: "main.main", Package: "main", Ours: true, FlatPercent: 30, CumulativePercent: 90}
	unknown := functionView{Function: "unknown", FlatPercent: 10, CumulativePercent: 10}
	assembly := functionView{Function: "aeshashbody", CumulativePercent: 10}
	want := topView{
		Time: time.Unix(5, 0).UTC(), Seconds: 2, Samples: 10, CPUSeconds: 0.1,
		Flat:       []functionView{inlined, ours, unknown},
		Cumulative: []functionView{generic, inlined, ours, assembly, unknown},
	}
	if d := cmp.Diff(want, newTopView(p)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if d := cmp.Diff(topView{Time: time.Unix(0, 0).UTC(), Flat: []functionView{}, Cumulative: []functionView{}},
		newTopView(&profile.Profile{})); d != "" {
		t.Errorf("of an idle process (-want +got):\n%s", d)
	}
}

func TestTopListsTheFirstTwentyFive(t *testing.T) {
	p := &profile.Profile{}
	for i := range 40 {
		name := "main.f" + string(rune('A'+i))
		p.Sample = append(p.Sample, &profile.Sample{
			Value:    []int64{1, int64(100 - i)},
			Location: []*profile.Location{{Line: []profile.Line{{Function: &profile.Function{Name: name}}}}},
		})
	}
	v := newTopView(p)
	if len(v.Flat) != 25 || len(v.Cumulative) != 25 || v.Flat[0].Function != "main.fA" || v.Flat[24].Function != "main.fY" {
		t.Errorf("%d and %d functions: %+v", len(v.Flat), len(v.Cumulative), v.Flat)
	}
}

// The script finds in the page all that it looks for there, and "top" is off until somebody asks for it.
func TestTheScriptFindsItsPlacesInThePage(t *testing.T) {
	s := serve(t, loopback(), deps())
	page, script := ask(t, s, http.MethodGet, "/", "").body, ask(t, s, http.MethodGet, "/live.js", "").body
	places := regexp.MustCompile(`(?:getElementById|fill)\("([^"]+)"`).FindAllStringSubmatch(script, -1)
	for _, place := range places {
		if !strings.Contains(page, `id="`+place[1]+`"`) {
			t.Errorf("the page has no %s", place[1])
		}
	}
	if len(places) == 0 || !strings.Contains(script, `fetch("/top?seconds=`) || !strings.Contains(page, `aria-pressed="false"`) {
		t.Error("the page cannot show what takes processor time")
	}
}
