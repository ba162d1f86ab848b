package fiberhttp

import (
	"context"
	"sync"
	"time"
)

// deadline is context.WithTimeout for requests that are mostly answered before anybody waits: the timer and
// the channel are made when something asks for Done. Until then the clock is read.
type deadline struct {
	parent context.Context
	at     time.Time

	mu     sync.Mutex
	waited context.Context // made by the first Done; nil until then
	stop   context.CancelFunc
	err    error // why it ended before that
}

func newDeadline(parent context.Context, at time.Time) *deadline {
	return &deadline{parent: parent, at: at}
}

// Deadline implements context.Context.
func (d *deadline) Deadline() (time.Time, bool) { return d.at, true }

// Done implements context.Context.
func (d *deadline) Done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waited == nil {
		d.waited, d.stop = context.WithDeadline(d.parent, d.at)
		if d.err != nil {
			d.stop()
		}
	}
	return d.waited.Done()
}

// Err implements context.Context.
func (d *deadline) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.err != nil:
	case d.waited != nil:
		return d.waited.Err()
	case d.parent.Err() != nil:
		d.err = d.parent.Err()
	case !time.Now().Before(d.at):
		d.err = context.DeadlineExceeded
	}
	return d.err
}

// Value implements context.Context. Through the context that is waited for, the standard library's
// contexts below this one find what they have to hear of without a goroutine.
func (d *deadline) Value(key any) any {
	d.mu.Lock()
	ctx := d.waited
	d.mu.Unlock()
	if ctx == nil {
		ctx = d.parent
	}
	return ctx.Value(key)
}

// cancel ends it.
func (d *deadline) cancel() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waited != nil {
		d.stop()
	} else if d.err == nil {
		d.err = context.Canceled
	}
}
