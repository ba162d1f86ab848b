package quickest

import (
	"fmt"

	"github.com/guardy-ai/guardy/domain"
)

// Options bound the work of one plan. The zero value bounds nothing.
type Options struct {
	// Enough is asked now and then. Once it says true the search for the optimum ends, and the best plan
	// that can be completed without it is answered; completing it takes some more time. Large instances are
	// not searched for the optimum when Enough is given: they are paced, and made better until it says true.
	Enough func() bool
	// Late is asked once the search has ended. Once it says true, the plan at hand is no longer compared with
	// that of CCRP, which is the floor otherwise.
	Late func() bool
	// Abort is asked now and then. Once it returns an error, planning ends with that error.
	Abort func() error
}

// Plan is who leaves when and which way.
type Plan struct {
	// Served is the largest number of units that any plan can serve, and this plan serves them all.
	Served int64
	// NoRoute counts the units that reach no sink, NoRoom those that find the sinks they reach full.
	NoRoute, NoRoom int64
	// Clearance is the step by which everybody who is served is at a sink.
	Clearance int
	// LowerBound is a step before which no plan serves as many; it equals Clearance for an optimal plan.
	LowerBound int
	Departures []Departure
}

// Gap returns by how many percent of the lower bound the plan may be above the optimum.
func (p *Plan) Gap() float64 {
	if p.Clearance == p.LowerBound {
		return 0
	}
	return 100 * float64(p.Clearance-p.LowerBound) / float64(max(p.LowerBound, 1))
}

// New plans a scenario on a network. It fails when the instance is invalid (KindInvalid, all violations), when
// it takes more than MaxEdgeSteps (KindTooLarge: longer steps and larger units make it smaller), and when Abort
// does.
func New(n *Network, s *Scenario, o Options) (*Plan, error) {
	return solve(n, s, o, func(p *problem, target int64, bound int, b *budget) (carrier, int) {
		if o.Enough != nil && target*int64(len(p.edges)) > maxCompletion {
			return paced(p, target, bound, b)
		}
		return optimal(p, target, bound, b)
	})
}

// Baseline plans by CCRP alone. Where CCRP fills sinks that others would have needed, the rest is brought in
// by undoing as little as it takes. The lower bound is the one that New starts from.
func Baseline(n *Network, s *Scenario, o Options) (*Plan, error) {
	return solve(n, s, o, func(p *problem, target int64, bound int, b *budget) (carrier, int) {
		return greedy(p, target, b, unreachable), bound
	})
}

// carrier is what brings units to sinks.
type carrier interface {
	served() int64
	trips() []trip
}

// planner is a way of planning: it returns how target units go and a bound, the given one or a better one.
type planner func(p *problem, target int64, bound int, b *budget) (carrier, int)

// maxCompletion is the size, units times edges, up to which a search that ran out of time completes what it has.
// That takes seconds.
const maxCompletion = 1 << 28

// optimal searches for the optimum, and when it has to stop before, completes what it has.
func optimal(p *problem, target int64, bound int, b *budget) (carrier, int) {
	x := newExact(p, target, b)
	bound, done := x.run(bound)
	if done || b.err != nil {
		return x.f, bound
	}
	b.Enough = nil
	x.complete(bound, unreachable)
	b.Enough = b.Late
	if f := greedy(p, target, b, x.f.last()-1); f.value == target {
		return f, bound
	}
	return x.f, bound
}

// solve runs one way of planning between the checks before and the decomposition after it.
func solve(n *Network, s *Scenario, o Options, way planner) (*Plan, error) {
	p, err := newProblem(n, s)
	if err != nil {
		return nil, err
	}
	b := &budget{Options: o}
	most := p.maxServed()
	bound := p.pooled(most.max, p.alone(most), b)
	if steps := int64(bound) * int64(len(p.edges)); steps > MaxEdgeSteps {
		return nil, &domain.Error{
			Kind: domain.KindTooLarge, Op: "quickest.plan",
			Msg: fmt.Sprintf("at least %d steps on %d edges are more than can be planned; use longer steps", bound, len(p.edges)),
		}
	}
	c, bound := way(p, most.max, bound, b)
	if b.err != nil {
		return nil, b.err
	}
	if c.served() != most.max {
		return nil, &domain.Error{Op: "quickest.plan", Err: fmt.Errorf("%d units planned where %d can be served", c.served(), most.max)}
	}
	plan := &Plan{
		Served: most.max, NoRoute: most.noRoute, NoRoom: p.total - most.noRoute - most.max,
		LowerBound: bound, Departures: p.departures(c.trips()),
	}
	for i := range plan.Departures {
		plan.Clearance = max(plan.Clearance, plan.Departures[i].Arrival(n))
	}
	return plan, nil
}

// budget asks the options and remembers a refusal.
type budget struct {
	Options
	err   error
	ticks int
}

// ticksPerQuestion is how many paths may pass before the options are asked again.
const ticksPerQuestion = 128

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

// spent reports whether to stop.
func (b *budget) spent() bool { return b.aborted() || b.Enough != nil && b.Enough() }
