package ports

import (
	"context"
	"net/netip"
	"time"

	"github.com/guardy-ai/guardy/domain"
)

// Class is a kind of work, in the order of its priority: what comes first is begun first, and shed last.
type Class uint8

// The classes of work.
const (
	ClassProbe  Class = iota // health and readiness: never shed, never waits
	ClassSingle              // one prediction or observation, and what operators ask
	ClassBulk                // many predictions: a batch, a block of a stream
	ClassPlan                // an evacuation

	// NumClasses counts the classes.
	NumClasses
)

var classNames = [NumClasses]string{"probe", "single", "bulk", "plan"}

// String returns the name, as it stands in answers and metrics.
func (c Class) String() string {
	if c < NumClasses {
		return classNames[c]
	}
	return "unknown"
}

// Work is what wants to be begun.
type Work struct {
	Class Class
	// Cost is how many slots it takes, at least one.
	Cost int
	// Client is who asks. Clients take turns where work waits. The zero value is one client like others.
	Client netip.Prefix
}

// Admission decides what is worked on now, what waits and what is shed.
type Admission interface {
	// Enter returns a slot when it is the turn of the work. The error is a *domain.Error: KindUnavailable around
	// a *Shed when the work would have to wait for too long, KindDeadline or KindCanceled when ctx ends first.
	// Whoever gets a slot calls Leave once.
	Enter(ctx context.Context, w Work) (Slot, error)
}

// Slot is the right to use the processor. One goroutine at a time uses it.
type Slot interface {
	// Rest gives the right back while the holder waits for somebody else; Resume waits until it has it again,
	// or until ctx ends. Without a Rest before it, Resume does nothing.
	Rest()
	Resume(ctx context.Context) error
	// Leave gives the right back for good.
	Leave()
}

// SlotKey is the key under which a context has its slot.
type SlotKey struct{}

// WithSlot returns a context in which work is done that holds the slot.
func WithSlot(ctx context.Context, s Slot) context.Context {
	return context.WithValue(ctx, SlotKey{}, s)
}

// AtRest calls wait without the slot of ctx, if it has one: whoever waits for somebody else's work keeps nobody
// from working. The error is that of ctx, which ended before the slot was there again.
func AtRest(ctx context.Context, wait func()) error {
	s, ok := ctx.Value(SlotKey{}).(Slot)
	if !ok {
		wait()
		return nil
	}
	s.Rest()
	wait()
	return s.Resume(ctx)
}

// Shed says what was shed and when to come again. It is the cause of a KindUnavailable error.
type Shed struct {
	Class  Class
	Reason ShedReason
	// RetryAfter differs from one Shed to the next, so that those who were shed together do not come back
	// together.
	RetryAfter time.Duration
}

// Error implements error.
func (s *Shed) Error() string { return "shed " + s.Class.String() + ": " + s.Reason.String() }

// ShedReason is why work was shed.
type ShedReason uint8

// The reasons.
const (
	ShedQueueTime ShedReason = iota // it waited for its turn for too long
	ShedQueueFull                   // too many wait
	ShedInFlight                    // too many are worked on, wait or are being written
	ShedMemory                      // bodies and answers under way take too much

	// NumShedReasons counts the reasons.
	NumShedReasons
)

var shedReasonNames = [NumShedReasons]string{"queue_time", "queue_full", "in_flight", "memory"}

// String returns the name, as it stands in metrics.
func (r ShedReason) String() string {
	if r < NumShedReasons {
		return shedReasonNames[r]
	}
	return "unknown"
}

// NewShed returns the error for work that is shed, with a time to come again that is spread over some seconds: the
// lower the priority, the later. chance is a random number in [0, 1).
func NewShed(c Class, reason ShedReason, chance float64) error {
	spread := [NumClasses]float64{1, 2, 6, 12}[min(c, ClassPlan)]
	return &domain.Error{
		Kind: domain.KindUnavailable, Op: "admission",
		Msg: "the service is at its limit for " + classTexts[min(c, ClassPlan)] + " (class " + c.String() + "); try again after the time in Retry-After",
		Err: &Shed{Class: c, Reason: reason, RetryAfter: time.Second + time.Duration(chance*spread*float64(time.Second))},
	}
}

var classTexts = [NumClasses]string{"probes", "single requests", "bulk requests", "plans"}

// OpenAdmission admits everything at once. It is for tests, and for programs that serve nobody.
type OpenAdmission struct{}

// Enter implements Admission.
func (OpenAdmission) Enter(context.Context, Work) (Slot, error) { return openSlot{}, nil }

type openSlot struct{}

func (openSlot) Rest()                        {}
func (openSlot) Resume(context.Context) error { return nil }
func (openSlot) Leave()                       {}
