// Package flight bounds the requests of one transport that are under way: how many, how many bytes their bodies
// and answers take, and, through ports.Admission, how many are worked on. Both transports use it in the same way.
//
//	body arrives        nothing is held but the bytes that have come; a slow sender gives way
//	body is complete    Enter: a place among those in flight, and a slot when it is the request's turn
//	answer is encoded   Encoded: the slot is free; Grow: the bytes of the answer
//	answer is written   Done; a slow reader gives way
package flight

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/guardy-ai/guardy/adapters/transport/internal/room"
	"github.com/guardy-ai/guardy/ports"
)

// Limits bound what is under way.
type Limits struct {
	// Requests is how many may be in flight. Bulk requests may be a quarter of them, plans an eighth.
	Requests int
	// Streams is how many may be open.
	Streams int
	// Bytes is how much bodies and answers may take together.
	Bytes int64
}

// Patience is how long a body or an answer may stand still before it gives way to another that has no room.
const Patience = time.Second

// streamPatience is the same for a stream on which nothing is worked.
const streamPatience = 2 * time.Second

// Small is how many bytes of a body, or of an answer, are not counted. There are at most so many of them as there
// are connections, and as there are requests in flight.
const Small = 8 << 10

// Rooms are the rooms of one transport.
type Rooms struct {
	admission ports.Admission
	places    [ports.NumClasses]*room.Room
	bytes     *room.Room
	streams   *room.Room
}

// New returns the rooms of a transport. All transports share one admission.
func New(l Limits, admission ports.Admission) *Rooms {
	r := &Rooms{admission: admission, bytes: room.New(l.Bytes, Patience), streams: room.New(int64(l.Streams), streamPatience).Shared(int64(l.Streams+1) / 2)}
	for class, part := range [ports.NumClasses]int{ports.ClassProbe: 1, ports.ClassSingle: 1, ports.ClassBulk: 4, ports.ClassPlan: 8} {
		r.places[class] = room.New(int64(max(1, l.Requests/part)), Patience)
	}
	return r
}

// InFlight returns how many requests of a class are in flight.
func (r *Rooms) InFlight(c ports.Class) int64 { return r.places[c].Used() }

// Request is what one request has. The zero value has nothing.
type Request struct {
	rooms  *Rooms
	holder room.Holder
	client netip.Prefix
	class  ports.Class
	place  room.Hold
	bytes  room.Hold
	slot   ports.Slot
	placed bool
	grown  bool
}

// Open prepares the request: holder is told when it has to give way, client is who asks.
func (r *Request) Open(rooms *Rooms, holder room.Holder, class ports.Class, client netip.Prefix) {
	r.rooms, r.holder, r.class, r.client = rooms, holder, class, client
}

// Class is the class of the request.
func (r *Request) Class() ports.Class { return r.class }

// slotBytes is how much of a body costs a slot: a batch of about a hundred places.
const slotBytes = 32 << 10

// Cost is the cost of a request with such a body, in slots.
func Cost(bytes int) int { return 1 + bytes/slotBytes }

// Enter waits until it is the request's turn. A single request that costs more than others is bulk: it must not keep
// those from being answered. The error is one of ports.Admission.
func (r *Request) Enter(ctx context.Context, cost int) error {
	if !r.placed {
		if r.class == ports.ClassSingle && cost > 1 {
			r.class = ports.ClassBulk
		}
		if !r.rooms.places[r.class].Take(ended, &r.place, 1, r.holder, r.client) {
			return r.shed(ports.ShedInFlight)
		}
		r.placed = true
		r.place.Begin()
		if r.grown {
			r.bytes.Begin()
		}
	}
	var err error
	r.slot, err = r.rooms.admission.Enter(ctx, ports.Work{Class: r.class, Cost: cost, Client: r.client})
	return err
}

// ended is a context of somebody who does not wait.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// Slot is the slot that Enter got; nil before and after that.
func (r *Request) Slot() ports.Slot { return r.slot }

func (r *Request) shed(reason ports.ShedReason) error {
	return ports.NewShed(r.class, reason, rand.Float64())
}

// Grow counts n more bytes of the body or of the answer. Where there is no room and nobody gives way, it waits until
// ctx ends, for two times Patience at most.
func (r *Request) Grow(ctx context.Context, n int64) error {
	if !r.rooms.bytes.Take(ended, &r.bytes, n, r.holder, r.client) {
		ctx, cancel := context.WithTimeout(ctx, 2*Patience)
		defer cancel()
		if !r.rooms.bytes.Take(ctx, &r.bytes, n, r.holder, r.client) {
			return r.shed(ports.ShedMemory)
		}
	}
	if !r.grown {
		r.grown = true
		if r.slot != nil {
			r.bytes.Begin()
		}
	}
	return nil
}

// Moved notes that the client sent or took something.
func (r *Request) Moved(now time.Time) {
	r.place.Moved(now)
	r.bytes.Moved(now)
}

// Encoded is the end of the work: what is left is to write the answer.
func (r *Request) Encoded(now time.Time) {
	if r.slot == nil {
		return
	}
	r.slot.Leave()
	r.slot = nil
	r.place.End(now)
	if r.grown {
		r.bytes.End(now)
	}
}

// Done gives everything back. The request can be opened again.
func (r *Request) Done(now time.Time) {
	if r.slot != nil {
		r.Encoded(now)
	} else if r.placed && r.place.Working() {
		r.place.End(now) // it was shed
		if r.grown {
			r.bytes.End(now)
		}
	}
	if r.placed {
		r.rooms.places[r.class].Free(&r.place)
	}
	if r.grown {
		r.rooms.bytes.Free(&r.bytes)
	}
	r.rooms, r.holder, r.placed, r.grown = nil, nil, false, false
}

// Stream is what one open stream has. The zero value has nothing.
type Stream struct {
	rooms  *Rooms
	client netip.Prefix
	hold   room.Hold
}

// Open takes a place among the streams, or waits for one until ctx ends, for somewhat more than the time after which
// a stream on which nothing is worked gives way. holder is told when this one has to.
func (s *Stream) Open(ctx context.Context, rooms *Rooms, holder room.Holder, client netip.Prefix) error {
	ctx, cancel := context.WithTimeout(ctx, streamPatience+streamPatience/4)
	defer cancel()
	if !rooms.streams.Take(ctx, &s.hold, 1, holder, client) {
		return ports.NewShed(ports.ClassBulk, ports.ShedInFlight, rand.Float64())
	}
	s.rooms, s.client = rooms, client
	return nil
}

// Block waits for a slot for one block, which the stream holds no longer than that. A stream whose turn does not come
// is not shed in the midst: it waits until ctx ends.
func (s *Stream) Block(ctx context.Context, cost int) (ports.Slot, error) {
	s.hold.Begin()
	for {
		slot, err := s.rooms.admission.Enter(ctx, ports.Work{Class: ports.ClassBulk, Cost: cost, Client: s.client})
		if err == nil {
			return slot, nil
		}
		if ctx.Err() != nil {
			s.hold.End(time.Now())
			return nil, err
		}
	}
}

// Blocked ends what Block began.
func (s *Stream) Blocked(slot ports.Slot) {
	slot.Leave()
	s.hold.End(time.Now())
}

// Moved notes that the client sent or took something.
func (s *Stream) Moved(now time.Time) { s.hold.Moved(now) }

// GaveWay reports whether the stream had to give way.
func (s *Stream) GaveWay() bool { return s.rooms != nil && s.rooms.streams.GaveWay(&s.hold) }

// Close gives the place back.
func (s *Stream) Close() {
	if s.rooms != nil {
		s.rooms.streams.Free(&s.hold)
		s.rooms = nil
	}
}
