package quickest

import (
	"fmt"
	"slices"

	"github.com/guardy-ai/guardy/domain"
)

// Options bound the work of one plan. The zero value bounds nothing.
type Options struct {
	// Spent tells how much of the time for the plan is over: from 0, nothing, to 1, all of it. It is asked now and then.
	// Each rank has its share of it. From a quarter of that on plans with some slack are looked for, which are found
	// sooner, and at its end any plan is good.
	Spent func() float64
	// Each is called with each departure, instead of collecting them in the plan: there are as many as units in a large
	// one. It must not keep the departure or change it.
	Each func(*Departure)
	// Abort is asked now and then. Once it returns an error, planning ends with that error.
	Abort func() error
}

// Plan is who leaves when and which way.
type Plan struct {
	Served int64
	// NoRoute counts the units that reach no sink, NoRoom those that find the sinks they reach full.
	NoRoute, NoRoom int64
	// Clearance is the step by which everybody who is served is at a sink.
	Clearance int
	// LowerBound is a step before which no plan serves as many, under the precedence of the ranks; it equals
	// Clearance for an optimal plan.
	LowerBound int
	// Together is a step before which no plan serves as many, even if no rank came first.
	Together int
	Ranks    []Rank
	// Departures are all, unless Options.Each was given them.
	Departures []Departure
}

// Rank is what a plan does for the units of one rank. As many as possible are served, where the ranks before come first;
// the last of them is at a sink by Clearance. No plan that leaves the ranks before as they are serves as many before
// LowerBound.
type Rank struct {
	Served, NoRoute, NoRoom int64
	Clearance, LowerBound   int
}

// Gap returns by how many percent of the lower bound the plan may be above the optimum.
func (p *Plan) Gap() float64 { return gap(p.Clearance, p.LowerBound) }

// Gap returns by how many percent of the lower bound the clearance may be above the optimum.
func (r *Rank) Gap() float64 { return gap(r.Clearance, r.LowerBound) }

func gap(clearance, bound int) float64 {
	if clearance == bound {
		return 0
	}
	return 100 * float64(clearance-bound) / float64(max(bound, 1))
}

// New plans a scenario on a network. It fails when the instance is invalid (KindInvalid, all violations), when
// it takes more than MaxEdgeSteps (KindTooLarge: longer steps and larger units make it smaller), and when Abort
// does.
func New(n *Network, s *Scenario, o Options) (*Plan, error) {
	p, err := newProblem(n, s)
	if err != nil {
		return nil, err
	}
	b := &budget{Options: o}
	if b.aborted() {
		return nil, b.err
	}
	w := work{p: p, budget: b, each: o.Each, plan: &Plan{Ranks: make([]Rank, len(p.ranks))}, room: slices.Clone(p.room)}
	w.fair = newFair(p)
	w.most = w.fair.serve(0, w.room)
	var everywhere []int32
	for _, origins := range p.ranks {
		for _, o := range origins {
			everywhere = append(everywhere, o.node)
		}
	}
	w.reach = p.distances(everywhere, false)
	w.hold(-1)
	if len(p.ranks) > 1 {
		w.plan.Together = w.together()
	}
	for rank := range p.ranks {
		if err := w.serve(rank); err != nil {
			return nil, err
		}
	}
	w.plan.Departures = w.departures()
	if len(p.ranks) == 1 {
		w.plan.Together = w.plan.LowerBound
	}
	return w.plan, nil
}

// together returns a step before which no plan serves as many, whichever rank comes first.
func (w *work) together() int {
	var all []origin
	var served int64
	for rank, origins := range w.p.ranks {
		all = append(all, origins...)
		served += w.most.target[rank]
	}
	if served == 0 {
		return 0
	}
	return newSearch(w.p, all, w.room, &w.held).pooled(served, 0, w.budget)
}

// work is one plan in the making.
type work struct {
	p      *problem
	budget *budget
	plan   *Plan
	fair   *fair
	most   served  // of the ranks that are left
	room   []int32 // by sink: places that are left
	reach  []int32 // by node: the earliest step at which anybody can be there
	held   grid    // by edge: units of the ranks that are done
	each   func(*Departure)
	trips  []trip
}

// serve plans for one rank on what the ranks before leave.
func (w *work) serve(rank int) error {
	var supply int64
	for _, o := range w.p.ranks[rank] {
		supply += int64(o.supply)
	}
	r := &w.plan.Ranks[rank]
	r.Served, r.NoRoute = w.most.target[rank], w.fair.noRoute[rank]
	r.NoRoom = supply - r.Served - r.NoRoute
	w.plan.Served += r.Served
	w.plan.NoRoute += r.NoRoute
	w.plan.NoRoom += r.NoRoom
	if r.Served == 0 {
		return nil
	}
	var left int64
	for _, n := range w.most.target[rank:] {
		left += n
	}
	w.budget.share(float64(r.Served) / float64(left))
	x, err := w.quickest(r, rank, w.room)
	if err != nil {
		return err
	}
	if most := w.fair.serve(rank+1, x.room); slices.Equal(most.target[rank+1:], w.most.target[rank+1:]) {
		w.most = most
	} else {
		// These units are in the only places that later ones can reach. What was proven holds with fewer places, too.
		bound := r.LowerBound
		if x, err = w.quickest(r, rank, w.most.quota[rank]); err != nil {
			return err
		}
		r.LowerBound = bound
		for k := range x.room {
			x.room[k] += w.room[k] - w.most.quota[rank][k]
		}
		w.most = w.fair.serve(rank+1, x.room)
	}
	w.room = x.room
	w.plan.Clearance, w.plan.LowerBound = max(w.plan.Clearance, r.Clearance), max(w.plan.LowerBound, r.LowerBound)
	w.settle(rank, x)
	return nil
}

// quickest looks for the least horizon in which a rank is served with so much room.
func (w *work) quickest(r *Rank, rank int, room []int32) (*search, error) {
	x := newSearch(w.p, w.p.ranks[rank], room, &w.held)
	bound := x.pooled(r.Served, x.alone(r.NoRoom), w.budget)
	if steps := int64(bound) * int64(len(w.p.edges)); steps > MaxEdgeSteps {
		return nil, &domain.Error{
			Kind: domain.KindTooLarge, Op: "quickest.plan",
			Msg: fmt.Sprintf("at least %d steps on %d edges are more than can be planned; use longer steps", bound, len(w.p.edges)),
		}
	}
	x.begin(bound)
	bound, err := x.run(bound, r.Served, w.budget)
	if err != nil {
		return nil, err
	}
	r.LowerBound, r.Clearance = bound, 0
	for k := range x.kept.base {
		r.Clearance = max(r.Clearance, x.kept.prevUsed(int32(k), x.horizon))
	}
	return x, nil
}

// run looks for a horizon in which the target is reached, from one on that is known to be no later than the least. It
// returns the horizon before which the target is proven to be out of reach.
func (x *search) run(horizon int, target int64, b *budget) (bound int, err error) {
	bound = horizon
	for {
		full := x.fill(target, b)
		switch {
		case b.err != nil:
			return bound, b.err
		case x.value == target:
			return bound, nil
		case full:
			bound = x.horizon + x.tooShort(target)
			x.extend(max(bound, b.slackened(bound)))
		default:
			b.slacken()
			x.extend(max(x.horizon+x.horizon/8+1, b.slackened(bound)))
		}
	}
}

// budget asks the options and remembers a refusal.
type budget struct {
	Options
	err   error
	ticks int
	slack int // index in slacks of what is looked for

	// The time of a rank begins and ends at these shares of the whole.
	begin, end float64
}

// share gives the next rank its share of the time that is left.
func (b *budget) share(share float64) {
	b.slack = 0
	if b.Spent != nil {
		b.begin = min(b.Spent(), 1)
		b.end = b.begin + (1-b.begin)*share
	}
}

// over returns how much of the time of a rank is over.
func (b *budget) over() float64 {
	if b.end <= b.begin {
		return 1
	}
	return (b.Spent() - b.begin) / (b.end - b.begin)
}

// slacks say from what share of the time on which slack above the bound is taken.
var slacks = [...]struct{ spent, slack float64 }{{0, 0}, {0.25, 0.05}, {0.55, 0.1}, {0.7, 0.2}, {0.85, 0.35}, {1, 0.6}}

// ticksPerQuestion is how many hops may pass before the options are asked again.
const ticksPerQuestion = 1 << 14

// tick is spent for what happens often.
func (b *budget) tick() bool {
	b.ticks++
	return b.ticks%ticksPerQuestion == 0 && b.spent()
}

// aborted reports whether to stop and answer nothing.
func (b *budget) aborted() bool {
	if b.err == nil && b.Abort != nil {
		b.err = b.Abort()
	}
	return b.err != nil
}

// spent reports whether to go on with more slack.
func (b *budget) spent() bool {
	return b.aborted() || b.Spent != nil && b.slack+1 < len(slacks) && b.over() >= slacks[b.slack+1].spent
}

// slacken allows for more slack.
func (b *budget) slacken() { b.slack = min(b.slack+1, len(slacks)-1) }

// slackened returns the horizon to try above a bound.
func (b *budget) slackened(bound int) int { return bound + int(slacks[b.slack].slack*float64(bound)) }
