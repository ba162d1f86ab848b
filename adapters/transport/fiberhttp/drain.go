package fiberhttp

import (
	"net"
	"sync"
	"time"
)

// What a stopping service still does for an open stream.
const (
	// probeTime is how long it looks whether the client has sent lines that are not answered.
	probeTime = 100 * time.Millisecond
	// discardTime bounds the reading of such lines. A connection that is closed with bytes unread is reset, and the
	// client would lose the last answers.
	discardTime = time.Second
)

// drain ends the streams that are open when the service stops. Their clients may be silent for minutes, so their
// reads are broken off.
type drain struct {
	mu       sync.Mutex
	stopping bool
	open     map[*stream]struct{}
}

// begin makes every stream end after the lines that it has read.
func (d *drain) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopping = true
	for t := range d.open {
		_ = t.conn.SetReadDeadline(time.Unix(1, 0)) // long past: a read under way returns
	}
}

func (d *drain) add(t *stream) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open == nil {
		d.open = map[*stream]struct{}{}
	}
	d.open[t] = struct{}{}
}

func (d *drain) remove(t *stream) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, t)
}

// patience bounds the next read: by the idle time, or by the probe's once the service stops, which it reports.
func (d *drain) patience(conn net.Conn, idle time.Duration) (stopping bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping {
		idle = probeTime
	}
	_ = conn.SetReadDeadline(time.Now().Add(idle))
	return d.stopping
}

func (d *drain) begun() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stopping
}
