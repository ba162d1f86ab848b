package redisclient

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/guardy-ai/guardy/ports/cachetest"
)

type breakerTest struct {
	*breaker
	t      *testing.T
	clock  cachetest.Clock
	states []string
}

func newBreakerTest(t *testing.T, failures int) *breakerTest {
	b := &breakerTest{t: t}
	b.breaker = newBreaker(failures, time.Second, b.clock.Now, func(s string) { b.states = append(b.states, s) })
	return b
}

// call makes a lookup that goes as o says.
func (b *breakerTest) call(o outcome) {
	b.t.Helper()
	probe, ok := b.read()
	if !ok {
		b.t.Fatal("the breaker refuses the call")
	}
	b.done(probe, o)
}

func (b *breakerTest) refuses() {
	b.t.Helper()
	if _, ok := b.read(); ok {
		b.t.Fatal("the breaker lets the call through")
	}
}

func TestBreakerOpensWhenEnoughOfTheNewestCallsFail(t *testing.T) {
	b := newBreakerTest(t, 3)
	for range 2 {
		b.call(bad)
	}
	for range window - 2 {
		b.call(good)
	}
	b.call(bad) // the third, but the first two are out of the window or about to be
	b.call(good)
	b.call(bad)
	if b.state() != stateOK {
		t.Fatal("open too early")
	}
	b.call(good)
	b.call(bad)
	if b.state() != stateOpen {
		t.Fatalf("three of the newest five failed: %s", b.state())
	}
	b.refuses()
}

func TestBreakerLetsOneProbeThroughAnInterval(t *testing.T) {
	b := newBreakerTest(t, 1)
	b.call(bad)
	b.refuses()
	b.clock.Advance(time.Second)
	if b.state() != stateHalfOpen {
		t.Errorf("due for a probe: %s", b.state())
	}
	probe, ok := b.read()
	if !probe || !ok {
		t.Fatal("no probe")
	}
	b.refuses() // one at a time
	b.done(probe, bad)
	b.refuses() // and one an interval
	if b.state() != stateOpen {
		t.Errorf("after a failed probe: %s", b.state())
	}
	b.clock.Advance(time.Second)
	b.call(good)
	b.call(good)
	if b.state() != stateOK {
		t.Errorf("after a good probe: %s", b.state())
	}
	if diff := cmp.Diff([]string{stateOpen, stateOK}, b.states); diff != "" {
		t.Error(diff)
	}
}

func TestACallerThatGivesUpProvesNothing(t *testing.T) {
	b := newBreakerTest(t, 1)
	for range 2 * window {
		b.call(unknown)
	}
	b.call(bad)
	b.clock.Advance(time.Second)
	b.call(unknown) // a probe that was abandoned makes room for the next
	b.call(good)
}

func TestStragglersDoNotCloseAnOpenBreaker(t *testing.T) {
	b := newBreakerTest(t, 1)
	straggler, _ := b.read()
	b.call(bad)
	b.done(straggler, good)
	b.refuses()
}

func TestAStoreIsLeftOutRightAfterAFailure(t *testing.T) {
	b := newBreakerTest(t, 5)
	writes := func() bool { _, ok := b.write(); return ok }
	if !writes() {
		t.Error("refused before anything failed")
	}
	b.call(bad)
	if writes() {
		t.Error("allowed right after a failure")
	}
	b.call(good)
	if !writes() {
		t.Error("refused after a success")
	}
	b.call(bad)
	b.clock.Advance(time.Second) // nobody looks up, everybody stores: it must go on
	if !writes() {
		t.Error("refused long after a failure")
	}
}

func TestAStoreMayBeTheProbe(t *testing.T) {
	b := newBreakerTest(t, 1)
	b.call(bad)
	b.clock.Advance(time.Second)
	probe, ok := b.write()
	if !probe || !ok {
		t.Fatal("not allowed")
	}
	b.done(probe, good)
	b.call(good)
}
