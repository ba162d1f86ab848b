package lazyctx

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestADeadlineEndsAsContextsDo does the same to a deadline and to the standard library's and compares.
func TestADeadlineEndsAsContextsDo(t *testing.T) {
	type step struct {
		name string
		do   func(ctx context.Context, cancel, cancelParent func())
	}
	wait := func(d time.Duration) step {
		return step{"wait " + d.String(), func(context.Context, func(), func()) { time.Sleep(d); synctest.Wait() }}
	}
	ask := step{"ask for Done", func(ctx context.Context, _, _ func()) { ctx.Done() }}
	end := step{"cancel", func(_ context.Context, cancel, _ func()) { cancel() }}
	parent := step{"cancel the parent", func(_ context.Context, _, cancel func()) { cancel(); synctest.Wait() }}
	look := step{"look", func(ctx context.Context, _, _ func()) { _ = ctx.Err() }}

	for _, steps := range [][]step{
		{},
		{end},
		{ask, end},
		{end, ask},
		{wait(time.Minute)},
		{ask, wait(time.Minute)},
		{wait(time.Minute), ask},
		{parent},
		{ask, parent},
		{parent, ask},
		{wait(time.Minute), look, end},
		{end, look, wait(time.Minute)},
		{look, ask, wait(time.Minute), end},
		{parent, look, wait(time.Minute)},
	} {
		name := ""
		for _, s := range steps {
			name += s.name + ", "
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				run := func(start func(context.Context) (context.Context, func())) (error, bool) {
					above, cancelParent := context.WithCancel(t.Context())
					defer cancelParent()
					ctx, cancel := start(above)
					defer cancel()
					for _, s := range steps {
						s.do(ctx, cancel, cancelParent)
					}
					// A context that nobody waits for learns of its end when it is asked.
					err := ctx.Err()
					select {
					case <-ctx.Done():
						return err, true
					default:
						return err, false
					}
				}
				want, wantDone := run(func(p context.Context) (context.Context, func()) {
					ctx, cancel := context.WithTimeout(p, time.Second)
					return ctx, cancel
				})
				got, gotDone := run(func(p context.Context) (context.Context, func()) {
					d := WithDeadline(p, time.Now().Add(time.Second))
					return d, d.Cancel
				})
				if !errors.Is(got, want) || !errors.Is(want, got) || gotDone != wantDone {
					t.Errorf("%v, done %v; context.WithTimeout: %v, done %v", got, gotDone, want, wantDone)
				}
			})
		})
	}
}

func TestContextsBelowADeadlineHearOfItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		d := WithDeadline(context.WithValue(t.Context(), key{}, "kept"), time.Now().Add(time.Second))
		below, cancel := context.WithCancel(d)
		defer cancel()
		if d.Value(key{}) != "kept" || below.Value(key{}) != "kept" {
			t.Error("the value is lost")
		}
		if at, ok := below.Deadline(); !ok || at != d.at {
			t.Errorf("deadline %v, %v", at, ok)
		}
		<-below.Done()
		if below.Err() != context.DeadlineExceeded {
			t.Error(below.Err())
		}
		d.Cancel()
	})
}

func TestTheParentsDeadlineHoldsWhereItIsSooner(t *testing.T) {
	soon := time.Now().Add(time.Second)
	for offset, want := range map[time.Duration]time.Time{-time.Millisecond: soon.Add(-time.Millisecond), time.Hour: soon} {
		parent, cancel := context.WithDeadline(t.Context(), soon)
		defer cancel()
		d := WithDeadline(parent, soon.Add(offset))
		defer d.Cancel()
		if at, ok := d.Deadline(); !ok || !at.Equal(want) {
			t.Errorf("%v, %v; want %v", at, ok, want)
		}
	}
}

func TestADeadlineMovesWhileNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := WithDeadline(t.Context(), time.Now().Add(time.Second))
		defer d.Cancel()
		if !d.Renew(time.Now().Add(time.Minute)) {
			t.Error("it did not move")
		}
		time.Sleep(2 * time.Second)
		if d.Err() != nil {
			t.Errorf("it ended at the old time: %v", d.Err())
		}
		d.Keep("key", 1)
		if d.Value("key") != 1 || d.Value("other") != nil {
			t.Error("the value is not there, or another one is")
		}
		_ = d.Done()
		if d.Renew(time.Now().Add(time.Hour)) {
			t.Error("it moved although somebody waits")
		}
		if d.Value("key") != 1 {
			t.Error("the value has gone")
		}
	})
}
