package room_test

import (
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/guardy-ai/guardy/adapters/transport/internal/room"
)

const patience = time.Second

// guest counts how often it was told to give way.
type guest struct {
	room.Hold
	gone atomic.Int32
}

func (g *guest) GiveWay() { g.gone.Add(1) }

// now is a context that does not wait.
func now(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func take(t *testing.T, r *room.Room, n int64) *guest {
	t.Helper()
	g := new(guest)
	if !r.Take(now(t), &g.Hold, n, g, netip.Prefix{}) {
		t.Fatalf("no room for %d", n)
	}
	return g
}

func full(t *testing.T, r *room.Room, n int64) {
	t.Helper()
	g := new(guest)
	if r.Take(now(t), &g.Hold, n, g, netip.Prefix{}) {
		t.Errorf("there is room for %d more", n)
	}
}

func TestWhoStandsStillGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := room.New(2, patience)
		first, second := take(t, r, 1), take(t, r, 1)
		full(t, r, 1)
		time.Sleep(patience - 1)
		full(t, r, 1)
		second.Moved(time.Now())
		time.Sleep(1)
		third := take(t, r, 1)
		full(t, r, 1)
		if first.gone.Load() != 1 || second.gone.Load() != 0 || third.gone.Load() != 0 || r.Used() != 2 || r.PushedOut() != 1 {
			t.Errorf("told %d, %d, %d times to give way, %d in use", first.gone.Load(), second.gone.Load(), third.gone.Load(), r.Used())
		}
		if !r.GaveWay(&first.Hold) || r.Take(now(t), &first.Hold, 1, first, netip.Prefix{}) {
			t.Error("who gave way takes more")
		}
		r.Free(&first.Hold) // it has nothing any more
		if r.Used() != 2 {
			t.Errorf("%d in use", r.Used())
		}
	})
}

func TestWorkDoesNotGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := room.New(1, patience)
		g := take(t, r, 1)
		g.Begin()
		time.Sleep(time.Hour)
		full(t, r, 1)
		g.End(time.Now())
		full(t, r, 1) // it has only now finished
		time.Sleep(patience)
		take(t, r, 1)
	})
}

func TestWhoNeverFinishedAnythingGivesWayFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := room.New(2, patience)
		proven := take(t, r, 1)
		proven.Begin()
		proven.End(time.Now())
		time.Sleep(patience)
		idler := take(t, r, 1)
		time.Sleep(patience)
		take(t, r, 1)
		if proven.gone.Load() != 0 || idler.gone.Load() != 1 {
			t.Error("the one that had finished something gave way")
		}
	})
}

func TestWhoWaitsGetsWhatIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := room.New(10, patience)
		g := take(t, r, 7)
		g.Begin()
		got := make(chan bool)
		go func() {
			w := new(guest)
			got <- r.Take(t.Context(), &w.Hold, 5, w, netip.Prefix{})
		}()
		time.Sleep(time.Minute)
		r.Free(&g.Hold)
		if !<-got || r.Used() != 5 {
			t.Errorf("%d in use", r.Used())
		}
	})
}

func TestWhoWaitsGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := room.New(1, patience)
		take(t, r, 1).Begin()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		w := new(guest)
		if r.Take(ctx, &w.Hold, 1, w, netip.Prefix{}) {
			t.Error("there was room")
		}
	})
}

func TestAClientGivesWayToItselfAtItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := room.New(4, patience).Shared(2)
		one, other := room.Client(netip.MustParseAddr("192.0.2.1")), room.Client(netip.MustParseAddr("192.0.2.2"))
		guests := make([]*guest, 4)
		for i := range guests {
			guests[i] = new(guest)
			ok := r.Take(now(t), &guests[i].Hold, 1, guests[i], one)
			if ok != (i < 2) {
				t.Errorf("%d: %v", i, ok)
			}
		}
		stranger := new(guest)
		if !r.Take(now(t), &stranger.Hold, 1, stranger, other) {
			t.Error("no room for another client")
		}
		time.Sleep(patience)
		if !r.Take(now(t), &guests[2].Hold, 1, guests[2], one) {
			t.Error("the client does not give way to itself")
		}
		if guests[0].gone.Load()+guests[1].gone.Load() != 1 || stranger.gone.Load() != 0 {
			t.Error("somebody else gave way")
		}
	})
}

func TestAddressesOfOneClientAreOne(t *testing.T) {
	for _, tt := range [][2]string{{"192.0.2.1", "192.0.2.1/32"}, {"::ffff:192.0.2.1", "192.0.2.1/32"}, {"2001:db8:1:2:3::4", "2001:db8:1:2::/64"}} {
		if got := room.Client(netip.MustParseAddr(tt[0])).String(); got != tt[1] {
			t.Errorf("%s is %s, want %s", tt[0], got, tt[1])
		}
	}
}

func TestWhatIsLargerThanTheRoomIsLetInAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := room.New(10, patience)
		g := take(t, r, 1)
		full(t, r, 20)
		r.Free(&g.Hold)
		take(t, r, 20)
		full(t, r, 1)
	})
}

// A flood of many that stand still is looked over once for many newcomers, and the stillest go first.
func TestTheStillestOfManyGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 300
		r := room.New(n, patience)
		guests := make([]*guest, n)
		for i := range guests {
			guests[i] = take(t, r, 1)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(patience)
		for range n / 2 {
			take(t, r, 1)
		}
		for i, g := range guests {
			if gone := g.gone.Load() == 1; gone != (i < n/2) {
				t.Fatalf("%d: gone %v", i, gone)
			}
		}
	})
}
