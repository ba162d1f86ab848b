package redisclient

import (
	"math/bits"
	"sync"
	"time"
)

// window is how many of the newest calls the breaker judges by.
const window = 20

// outcome is what a call says about Redis.
type outcome uint8

const (
	unknown outcome = iota // the caller gave up first
	good
	bad
)

// breaker stops asking a Redis that fails. It is closed while calls go through; it opens when
// enough of the newest calls failed; then, once an interval, one call goes through as a probe, and
// a good one closes it. It is a few lines of our own because what a request may lose to Redis
// hangs on them: a store right after a failed lookup is left out as well (see write).
type breaker struct {
	failures int           // within window, to open
	interval time.Duration // between probes
	now      func() time.Time
	changed  func(state string)

	mu      sync.Mutex
	history uint32 // a bit per call, newest lowest; 1 = bad
	open    bool
	probing bool
	badAt   time.Time // of the newest bad call
}

// The states as CacheTier names them.
const (
	stateOK       = "ok"
	stateOpen     = "open"
	stateHalfOpen = "half_open"
)

func newBreaker(failures int, interval time.Duration, now func() time.Time, changed func(string)) *breaker {
	return &breaker{failures: failures, interval: interval, now: now, changed: changed}
}

// read reports whether a lookup may be made, and whether it is a probe; done must follow.
func (b *breaker) read() (probe, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return false, true
	}
	return b.probe()
}

// write reports whether a store may be made. While the newest call is a failure of late, it may
// not: the lookup before it has already cost its request the whole budget.
func (b *breaker) write() (probe, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open {
		return b.probe()
	}
	return false, b.history&1 == 0 || b.now().Sub(b.badAt) >= b.interval
}

func (b *breaker) probe() (probe, ok bool) {
	if b.probing || b.now().Sub(b.badAt) < b.interval {
		return false, false
	}
	b.probing = true
	return true, true
}

// done tells how a call went.
func (b *breaker) done(probe bool, o outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	}
	if o == unknown || b.open && !probe { // a straggler from before the breaker opened proves nothing
		return
	}
	b.history = b.history << 1 & (1<<window - 1)
	if o == bad {
		b.history |= 1
		b.badAt = b.now()
	}
	switch {
	case b.open && o == good:
		b.open, b.history = false, 0
		b.changed(stateOK)
	case !b.open && bits.OnesCount32(b.history) >= b.failures:
		b.open = true
		b.changed(stateOpen)
	}
}

// state names the state for operators.
func (b *breaker) state() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.open:
		return stateOK
	case b.probing || b.now().Sub(b.badAt) >= b.interval:
		return stateHalfOpen
	}
	return stateOpen
}
