// Package lazyctx has contexts that cost little until somebody waits for them.
package lazyctx

import (
	"context"
	"sync"
	"time"
)

// Deadline is context.WithDeadline for requests that are mostly answered before anybody waits: the timer and
// the channel are made when something asks for Done. Until then the clock is read.
type Deadline struct {
	parent context.Context
	at     time.Time

	key, value any // of Keep

	mu     sync.Mutex
	waited context.Context // made by the first Done; nil until then
	stop   context.CancelFunc
	err    error // why it ended before that
}

// WithDeadline returns a context that ends at the given time, with its parent or with Cancel, which must be
// called, whichever is first.
func WithDeadline(parent context.Context, at time.Time) *Deadline {
	if sooner, ok := parent.Deadline(); ok && sooner.Before(at) {
		at = sooner
	}
	return &Deadline{parent: parent, at: at}
}

// Keep adds a value to the context. Call it before anybody else has the context.
func (d *Deadline) Keep(key, value any) { d.key, d.value = key, value }

// Deadline implements context.Context.
func (d *Deadline) Deadline() (time.Time, bool) { return d.at, true }

// Done implements context.Context.
func (d *Deadline) Done() <-chan struct{} {
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
func (d *Deadline) Err() error {
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
func (d *Deadline) Value(key any) any {
	if d.key != nil && key == d.key {
		return d.value
	}
	d.mu.Lock()
	ctx := d.waited
	d.mu.Unlock()
	if ctx == nil {
		ctx = d.parent
	}
	return ctx.Value(key)
}

// Cancel ends it.
func (d *Deadline) Cancel() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waited != nil {
		d.stop()
	} else if d.err == nil {
		d.err = context.Canceled
	}
}
