package adaptive

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

const (
	// standing is how long a queue is not empty before it counts as one that stands: work arrives faster than it
	// is done, and to wait for longer only makes every answer later. The idea and the figure are CoDel's
	// (Nichols, Jacobson 2012), as used for requests by Facebook's "Fail at Scale" (Maurer 2015).
	standing = 100 * time.Millisecond
	// hurry is the part of its longest wait that work may wait in a queue that stands.
	hurry = 10

	// The limit is looked at after so much time and so many slots that came back.
	windowTime  = 100 * time.Millisecond
	windowSlots = 50
	// tolerance is how much longer than alone a slot may take without the limit falling.
	tolerance = 2
	// smoothing is the weight of the newest look.
	smoothing = 0.25
	// slack is the weight of one slot in the baseline.
	slack = 1.0 / 64
)

// share is the part of the limit that a class may have.
var share = [ports.NumClasses]float64{ports.ClassProbe: 1, ports.ClassSingle: 1, ports.ClassBulk: 0.5, ports.ClassPlan: 0.25}

// Gate implements ports.Admission.
type Gate struct {
	processors int
	max        float64
	slots      sync.Pool

	mu      sync.Mutex
	limit   float64
	used    int
	classes [ports.NumClasses]class

	// of the window at hand
	began    time.Time
	returned int     // slots that came back
	ratio    float64 // of each to its baseline, added up
	most     int     // slots in use at once
}

// class is the state of a class.
type class struct {
	wait     time.Duration
	used     int
	queue    queue
	baseline float64 // ns of a slot while there are no more in use than processors; 0 before the first
	shed     uint64
}

var _ ports.Admission = (*Gate)(nil)

// New returns a gate for so many processors.
func New(cfg Config, processors int) (*Gate, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	g := &Gate{processors: processors, max: float64(max(cfg.MaxSlots, 1)), began: time.Now()}
	g.limit = min(g.max, 4*g.least())
	g.slots.New = func() any { return new(slot) }
	for c, wait := range [ports.NumClasses]time.Duration{0, cfg.WaitSingle, cfg.WaitBulk, cfg.WaitPlan} {
		g.classes[c].wait = wait
	}
	return g, nil
}

// least is the lowest limit: with fewer slots a processor would wait for the next work.
func (g *Gate) least() float64 { return min(g.max, 2*float64(g.processors)) }

// slot implements ports.Slot.
type slot struct {
	gate    *Gate
	work    ports.Work
	began   time.Time
	resting bool
	alone   bool // there were no more slots in use than processors when it began
}

// Enter implements ports.Admission.
func (g *Gate) Enter(ctx context.Context, w ports.Work) (ports.Slot, error) {
	w.Class = min(w.Class, ports.NumClasses-1)
	if w.Class == ports.ClassProbe {
		return probe{}, nil
	}
	s := g.slots.Get().(*slot)
	*s = slot{gate: g, work: w}
	wait := g.classes[w.Class].wait
	if err := g.take(ctx, s, wait); err != nil {
		g.slots.Put(s)
		return nil, err
	}
	return s, nil
}

// take takes the slots of s, or waits for them, for at most so long. 0 is as long as ctx allows.
func (g *Gate) take(ctx context.Context, s *slot, wait time.Duration) error {
	now := time.Now()
	g.mu.Lock()
	c := &g.classes[s.work.Class]
	cost := g.cost(s.work)
	if g.fits(s.work.Class, cost) && !g.awaited(s.work.Class) {
		g.begin(s, cost, now)
		g.mu.Unlock()
		return nil
	}
	w := &waiter{cost: cost, client: s.work.Client, since: now, ready: make(chan struct{})}
	if wait == 0 { // it was admitted before, and is not shed in the midst
		w.since, wait = time.Time{}, math.MaxInt64
	}
	c.queue.push(w, now)
	g.mu.Unlock()

	w.await(ctx, wait)

	g.mu.Lock()
	defer g.mu.Unlock()
	if !w.gone { // nobody decided
		c.queue.leave(w)
	}
	if w.granted {
		g.start(s, w.cost, time.Now())
		return nil
	}
	if err := ctx.Err(); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return &domain.Error{Kind: domain.KindDeadline, Op: "admission", Msg: "the time budget ran out in the queue", Err: err}
		}
		return &domain.Error{Kind: domain.KindCanceled, Op: "admission", Err: err}
	}
	c.shed++
	return ports.NewShed(s.work.Class, ports.ShedQueueTime, rand.Float64())
}

// cost is what the work takes of the slots: no more than its class may have.
func (g *Gate) cost(w ports.Work) int { return min(max(w.Cost, 1), g.capacity(w.Class)) }

// capacity is how many slots a class may have, at least one.
func (g *Gate) capacity(c ports.Class) int { return max(1, int(g.limit*share[c])) }

func (g *Gate) fits(c ports.Class, cost int) bool {
	of := &g.classes[c]
	// The limit may have fallen below the cost meanwhile: such work is let in alone.
	return (g.used+cost <= int(g.limit) || g.used == 0) && (of.used+cost <= g.capacity(c) || of.used == 0)
}

// awaited reports whether work waits that comes before new work of the class.
func (g *Gate) awaited(c ports.Class) bool {
	for p := range c + 1 {
		if g.classes[p].queue.waiting > 0 {
			return true
		}
	}
	return false
}

// begin takes the slots.
func (g *Gate) begin(s *slot, cost int, now time.Time) {
	g.reserve(s.work.Class, cost)
	g.start(s, cost, now)
}

func (g *Gate) reserve(c ports.Class, cost int) {
	g.used += cost
	g.classes[c].used += cost
	g.most = max(g.most, g.used)
}

func (g *Gate) start(s *slot, cost int, now time.Time) {
	s.work.Cost, s.began, s.resting, s.alone = cost, now, false, g.used <= g.processors
}

// end gives the slots back and lets in who waits for them.
func (g *Gate) end(s *slot, now time.Time, finished bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := &g.classes[s.work.Class]
	g.used -= s.work.Cost
	c.used -= s.work.Cost
	if finished {
		g.learn(c, s, now)
	}
	g.dispatch(now)
}

// dispatch begins waiting work, or sheds it, in the order of the classes.
func (g *Gate) dispatch(now time.Time) {
	for i := range g.classes {
		c := &g.classes[i]
		for w := c.queue.head(); w != nil; w = c.queue.head() {
			if !w.since.IsZero() && now.Sub(w.since) > c.allowed(now) {
				c.queue.pop()
				close(w.ready)
				continue
			}
			w.cost = min(w.cost, g.capacity(ports.Class(i)))
			if !g.fits(ports.Class(i), w.cost) {
				break
			}
			c.queue.pop()
			w.granted = true
			g.reserve(ports.Class(i), w.cost)
			close(w.ready)
		}
		if c.queue.waiting > 0 && g.used >= int(g.limit) {
			return
		}
	}
}

// allowed is how long work of the class may have waited that is begun now.
func (c *class) allowed(now time.Time) time.Duration {
	if now.Sub(c.queue.busy) > standing {
		return c.wait / hurry
	}
	return c.wait
}

// learn takes the time of a slot into account.
func (g *Gate) learn(c *class, s *slot, now time.Time) {
	took := float64(max(now.Sub(s.began), time.Microsecond)) / float64(s.work.Cost)
	switch {
	case c.baseline == 0:
		c.baseline = took
	case s.alone:
		c.baseline += slack * (took - c.baseline)
	}
	// One that took very long, for whatever reason, does not decide alone.
	g.ratio += min(took/c.baseline, 4*tolerance)
	g.returned++
	if g.returned < windowSlots || now.Sub(g.began) < windowTime {
		return
	}
	// Where the slots were not used, their number tells nothing.
	if g.most >= int(g.limit) {
		gradient := max(0.5, min(1, tolerance*float64(g.returned)/g.ratio))
		wanted := g.limit*gradient + math.Sqrt(g.limit)
		g.limit = max(g.least(), min(g.max, g.limit+smoothing*(wanted-g.limit)))
	}
	g.began, g.returned, g.ratio, g.most = now, 0, 0, g.used
}

// Rest implements ports.Slot.
func (s *slot) Rest() {
	if !s.resting {
		s.resting = true
		s.gate.end(s, time.Now(), false)
	}
}

// Resume implements ports.Slot.
func (s *slot) Resume(ctx context.Context) error {
	if !s.resting {
		return nil
	}
	return s.gate.take(ctx, s, 0)
}

// Leave implements ports.Slot.
func (s *slot) Leave() {
	if !s.resting {
		s.gate.end(s, time.Now(), true)
	}
	g := s.gate
	*s = slot{}
	g.slots.Put(s)
}

// probe is the slot of what is always let in.
type probe struct{}

func (probe) Rest()                        {}
func (probe) Resume(context.Context) error { return nil }
func (probe) Leave()                       {}

// Figures are the state of a gate.
type Figures struct {
	Limit, Used int
	Waiting     [ports.NumClasses]int
	Shed        [ports.NumClasses]uint64
}

// Figures returns the state at the moment.
func (g *Gate) Figures() Figures {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := Figures{Limit: int(g.limit), Used: g.used}
	for i := range g.classes {
		f.Waiting[i], f.Shed[i] = g.classes[i].queue.waiting, g.classes[i].shed
	}
	return f
}
