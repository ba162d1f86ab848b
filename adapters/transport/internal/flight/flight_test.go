package flight_test

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/guardy-ai/guardy/adapters/transport/internal/flight"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// admission remembers what entered, and counts the slots that are held. While it is shut it sheds after a second.
type admission struct {
	entered []ports.Work
	held    atomic.Int64
	shut    atomic.Bool
}

func (a *admission) Enter(ctx context.Context, w ports.Work) (ports.Slot, error) {
	if a.shut.Load() {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
		return nil, ports.NewShed(w.Class, ports.ShedQueueTime, 0)
	}
	a.entered = append(a.entered, w)
	a.held.Add(1)
	return slot{a}, nil
}

type slot struct{ of *admission }

func (slot) Rest()                        {}
func (slot) Resume(context.Context) error { return nil }
func (s slot) Leave()                     { s.of.held.Add(-1) }

// client counts how often it was told to give way.
type client struct{ gone atomic.Int64 }

func (c *client) GiveWay() { c.gone.Add(1) }

func bubble(t *testing.T, l flight.Limits, test func(t *testing.T, a *admission, rooms *flight.Rooms)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a := new(admission)
		test(t, a, flight.New(l, a))
		if n := a.held.Load(); n != 0 {
			t.Errorf("%d slots are left", n)
		}
	})
}

var small = flight.Limits{Requests: 8, Streams: 2, Bytes: 1000}

func reasonOf(err error) ports.ShedReason {
	if s, ok := errors.AsType[*ports.Shed](err); ok && domain.KindOf(err) == domain.KindUnavailable {
		return s.Reason
	}
	return ports.NumShedReasons
}

func TestASlotEndsWithTheWorkAndAPlaceWithTheAnswer(t *testing.T) {
	bubble(t, small, func(t *testing.T, a *admission, rooms *flight.Rooms) {
		var r flight.Request
		r.Open(rooms, new(client), ports.ClassSingle, netip.Prefix{})
		if err := r.Enter(t.Context(), flight.Cost(500)); err != nil || a.held.Load() != 1 || a.entered[0].Cost != 1 {
			t.Errorf("%v, %+v", err, a.entered)
		}
		r.Encoded(time.Now())
		if a.held.Load() != 0 || rooms.InFlight(ports.ClassSingle) != 1 {
			t.Error("the slot is held, or the place is not")
		}
		r.Done(time.Now())
		if rooms.InFlight(ports.ClassSingle) != 0 {
			t.Error("the place is held")
		}
	})
}

func TestASingleRequestThatIsAsLargeAsABatchIsAdmittedAsOne(t *testing.T) {
	bubble(t, small, func(t *testing.T, a *admission, rooms *flight.Rooms) {
		var r flight.Request
		r.Open(rooms, new(client), ports.ClassSingle, netip.Prefix{})
		if err := r.Enter(t.Context(), flight.Cost(100<<10)); err != nil || a.entered[0].Class != ports.ClassBulk || a.entered[0].Cost != 4 {
			t.Errorf("%v, %+v", err, a.entered)
		}
		r.Done(time.Now())
	})
}

func TestAnAnswerThatNobodyReadsGivesItsPlaceAndItsBytesToAnother(t *testing.T) {
	bubble(t, small, func(t *testing.T, _ *admission, rooms *flight.Rooms) {
		var slow, other flight.Request
		var reader client
		slow.Open(rooms, &reader, ports.ClassPlan, netip.Prefix{}) // of which there is one place
		if err := errors.Join(slow.Enter(t.Context(), 1), slow.Grow(t.Context(), 900)); err != nil {
			t.Fatal(err)
		}
		other.Open(rooms, new(client), ports.ClassPlan, netip.Prefix{})
		if err := other.Enter(t.Context(), 1); reasonOf(err) != ports.ShedInFlight {
			t.Errorf("in the midst of the work of another: %v", err)
		}
		slow.Encoded(time.Now())
		time.Sleep(flight.Patience)
		if err := errors.Join(other.Enter(t.Context(), 1), other.Grow(t.Context(), 900)); err != nil || reader.gone.Load() == 0 {
			t.Errorf("%v, told %d times", err, reader.gone.Load())
		}
		slow.Done(time.Now())
		other.Done(time.Now())
	})
}

func TestWhereNobodyGivesWayMemoryIsShed(t *testing.T) {
	bubble(t, small, func(t *testing.T, _ *admission, rooms *flight.Rooms) {
		var working, other flight.Request
		working.Open(rooms, new(client), ports.ClassBulk, netip.Prefix{})
		if err := errors.Join(working.Enter(t.Context(), 1), working.Grow(t.Context(), 900)); err != nil {
			t.Fatal(err)
		}
		other.Open(rooms, new(client), ports.ClassSingle, netip.Prefix{})
		start := time.Now()
		if err := other.Grow(t.Context(), 900); reasonOf(err) != ports.ShedMemory || time.Since(start) != 2*flight.Patience {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		other.Done(time.Now())
		working.Done(time.Now())
	})
}

func TestAStreamWaitsForItsTurnAndHoldsASlotForABlockOnly(t *testing.T) {
	bubble(t, small, func(t *testing.T, a *admission, rooms *flight.Rooms) {
		var s flight.Stream
		if err := s.Open(t.Context(), rooms, new(client), netip.Prefix{}); err != nil {
			t.Fatal(err)
		}
		a.shut.Store(true)
		go func() {
			time.Sleep(10 * time.Second)
			a.shut.Store(false)
		}()
		slot, err := s.Block(t.Context(), 1) // it was shed ten times meanwhile
		if err != nil || a.held.Load() != 1 {
			t.Fatal(err)
		}
		s.Blocked(slot)
		a.shut.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if _, err := s.Block(ctx, 1); err == nil || a.held.Load() != 0 {
			t.Error("the block was begun after its time")
		}
		s.Close()
	})
}

func TestASilentStreamEndsForANewOne(t *testing.T) {
	bubble(t, small, func(t *testing.T, _ *admission, rooms *flight.Rooms) {
		var silent, busy, third flight.Stream
		var told client
		one, other := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32")
		if err := errors.Join(silent.Open(t.Context(), rooms, &told, one), busy.Open(t.Context(), rooms, new(client), other)); err != nil {
			t.Fatal(err)
		}
		slot, err := busy.Block(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := third.Open(t.Context(), rooms, new(client), one); err != nil || told.gone.Load() != 1 || !silent.GaveWay() || busy.GaveWay() {
			t.Errorf("%v, told %d times", err, told.gone.Load())
		}
		busy.Blocked(slot)
		for _, s := range []*flight.Stream{&silent, &busy, &third} {
			s.Close()
		}
	})
}
