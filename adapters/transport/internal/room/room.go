// Package room bounds what requests take beside the processor: connections, streams, bytes. Who waits for its
// client gives way to who comes: when a room is full, the holder that has not moved for the longest time is
// pushed out, provided that it has stood still for a while and that the service is not at work for it. So a
// flood of idle holders cannot keep others out, and no honest holder is pushed out in the midst of its work.
package room

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Holder is told to give back what it holds. GiveWay is called once, with the room locked: it must neither wait
// nor ask the room. What the holder had counts as free from then on.
type Holder interface{ GiveWay() }

// Hold is what one holder has of a room. The zero value has nothing.
type Hold struct {
	holder Holder
	client netip.Prefix
	units  int64
	index  int // in Room.holds

	moved   atomic.Int64 // when it last made progress, in ns since 1970
	working atomic.Int32 // what is at work for it: it does not give way then
	proven  atomic.Bool  // it completed something: it gives way after those that never did
	gone    bool         // it gave way
}

// Moved notes progress.
func (h *Hold) Moved(now time.Time) { h.moved.Store(now.UnixNano()) }

// Begin keeps the hold from giving way until End.
func (h *Hold) Begin() { h.working.Add(1) }

// Working reports whether a Begin has no End yet.
func (h *Hold) Working() bool { return h.working.Load() > 0 }

// End is the end of a work that Begin began. It counts as progress.
func (h *Hold) End(now time.Time) {
	h.proven.Store(true)
	h.Moved(now)
	h.working.Add(-1)
}

// Room has a number of units.
type Room struct {
	size     int64
	share    int64 // most units of one client
	patience time.Duration

	mu         sync.Mutex
	used       int64
	holds      []*Hold
	clients    map[netip.Prefix]int64 // units of each; nil where clients are not told apart
	candidates []*Hold                // the stillest at the newest look, the stillest last
	freed      chan struct{}          // closed when units come back; nil when nobody waits
	pushedOut  atomic.Int64
}

// New returns a room of size units. A holder gives way when it has not moved for patience.
func New(size int64, patience time.Duration) *Room {
	return &Room{size: size, share: size, patience: patience}
}

// Shared has no client take more than share units. What has no client, the zero prefix, is not bound.
func (r *Room) Shared(share int64) *Room {
	r.share, r.clients = max(1, share), map[netip.Prefix]int64{}
	return r
}

// Client joins the addresses that one client can use at will: one IPv4 address, or an IPv6 /64 network.
func Client(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap()
	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits)
	return p
}

// ClientOf returns the client at an address of a connection.
func ClientOf(a net.Addr) netip.Prefix {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return Client(tcp.AddrPort().Addr())
	}
	return netip.Prefix{}
}

// Take takes n units for the hold, in addition to those that it has. Where there is no room and nobody gives
// way, it waits until ctx ends. It reports whether it got them.
func (r *Room) Take(ctx context.Context, h *Hold, n int64, holder Holder, client netip.Prefix) bool {
	return r.take(ctx.Done(), true, h, n, holder, client)
}

// TryTake is Take without waiting.
func (r *Room) TryTake(h *Hold, n int64, holder Holder, client netip.Prefix) bool {
	return r.take(nil, false, h, n, holder, client)
}

func (r *Room) take(done <-chan struct{}, wait bool, h *Hold, n int64, holder Holder, client netip.Prefix) bool {
	var tick *time.Timer
	for {
		now := time.Now()
		r.mu.Lock()
		if h.gone {
			r.mu.Unlock()
			return false
		}
		if r.fits(n, client) {
			r.add(h, n, holder, client, now)
			r.mu.Unlock()
			return true
		}
		victim := r.stillest(h, client, now)
		if victim != nil {
			victim.gone = true
			victim.holder.GiveWay()
			r.remove(victim)
			r.mu.Unlock()
			r.pushedOut.Add(1)
			continue
		}
		if !wait {
			r.mu.Unlock()
			return false
		}
		if r.freed == nil {
			r.freed = make(chan struct{})
		}
		freed := r.freed
		r.mu.Unlock()
		// A holder comes to stand still without telling, so somebody has to look from time to time.
		if tick == nil {
			tick = time.NewTimer(r.patience / looks)
			defer tick.Stop()
		} else {
			tick.Reset(r.patience / looks)
		}
		select {
		case <-freed:
		case <-tick.C:
		case <-done:
			return false
		}
	}
}

// looks is how often in the time of the patience somebody who waits looks for a holder that stands still.
const looks = 8

// Free gives back what the hold has.
func (r *Room) Free(h *Hold) {
	r.mu.Lock()
	if h.units > 0 {
		r.remove(h)
	}
	h.gone = false
	r.mu.Unlock()
}

// GaveWay reports whether the hold was pushed out.
func (r *Room) GaveWay(h *Hold) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return h.gone
}

// Used returns the units that are taken.
func (r *Room) Used() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.used
}

// PushedOut returns how many holders gave way.
func (r *Room) PushedOut() int64 { return r.pushedOut.Load() }

func (r *Room) fits(n int64, client netip.Prefix) bool {
	// What is larger than the whole room is let in alone: a bound of its own refuses what is too large.
	return (r.used+n <= r.size || r.used == 0) && (r.clients == nil || !client.IsValid() || r.clients[client]+n <= r.share)
}

func (r *Room) add(h *Hold, n int64, holder Holder, client netip.Prefix, now time.Time) {
	if h.units == 0 {
		h.holder, h.client, h.index = holder, client, len(r.holds)
		r.holds = append(r.holds, h)
		h.proven.Store(false)
	}
	h.units += n
	h.moved.Store(now.UnixNano())
	r.used += n
	if r.clients != nil {
		r.clients[client] += n
	}
}

func (r *Room) remove(h *Hold) {
	last := len(r.holds) - 1
	r.holds[h.index] = r.holds[last]
	r.holds[h.index].index = h.index
	r.holds[last] = nil
	r.holds = r.holds[:last]
	r.used -= h.units
	if r.clients != nil {
		if r.clients[h.client] -= h.units; r.clients[h.client] <= 0 {
			delete(r.clients, h.client)
		}
	}
	h.units, h.holder = 0, nil
	if at := slices.Index(r.candidates, h); at >= 0 {
		r.candidates = slices.Delete(r.candidates, at, at+1)
	}
	if r.freed != nil {
		close(r.freed)
		r.freed = nil
	}
}

// maxCandidates is how many holders one look over all of them finds. A look costs as much as there are holders,
// and a flood makes many.
const maxCandidates = 64

// stillest returns the holder that gives way to h: of those that stand still, one that never completed
// anything, else the one that has stood still for the longest time. A client that has its whole share gives
// way to itself.
func (r *Room) stillest(h *Hold, client netip.Prefix, now time.Time) *Hold {
	own := r.clients != nil && client.IsValid() && r.clients[client] >= r.share
	for looked := false; ; {
		for len(r.candidates) > 0 {
			last := len(r.candidates) - 1
			c := r.candidates[last]
			r.candidates[last] = nil
			r.candidates = r.candidates[:last]
			if r.givesWay(c, h, now) && (!own || c.client == client) {
				return c
			}
		}
		if looked {
			return nil
		}
		looked = true
		for _, c := range r.holds {
			if r.givesWay(c, h, now) && (!own || c.client == client) {
				r.consider(c)
			}
		}
	}
}

func (r *Room) givesWay(c, h *Hold, now time.Time) bool {
	return c != h && c.units > 0 && c.working.Load() == 0 && now.Sub(time.Unix(0, c.moved.Load())) >= r.patience
}

// consider keeps c if it is among the stillest, in their order.
func (r *Room) consider(c *Hold) {
	at := len(r.candidates)
	for at > 0 && stiller(r.candidates[at-1], c) {
		at--
	}
	if at == 0 && len(r.candidates) == maxCandidates {
		return
	}
	if len(r.candidates) == maxCandidates {
		copy(r.candidates, r.candidates[1:at])
		r.candidates[at-1] = c
		return
	}
	r.candidates = append(r.candidates, nil)
	copy(r.candidates[at+1:], r.candidates[at:])
	r.candidates[at] = c
}

// stiller reports whether a gives way before b.
func stiller(a, b *Hold) bool {
	if proven := a.proven.Load(); proven != b.proven.Load() {
		return !proven
	}
	return a.moved.Load() < b.moved.Load()
}
