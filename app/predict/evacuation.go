package predict

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"runtime"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/roadplan"
	"github.com/guardy-ai/guardy/ports"
)

// LoadRegion loads the region that an operator named, beside the one in service. Without an error, nil means
// that none was named. Errors are as of ports.ModelSource.
type LoadRegion func(ctx context.Context) (evacuation.RegionPlanner, error)

// RegionFrom returns the LoadRegion of a source.
func RegionFrom(source ports.RegionSource) LoadRegion {
	return func(ctx context.Context) (evacuation.RegionPlanner, error) {
		if source.Describe() == "" {
			return nil, nil
		}
		r, err := source.LoadRegion(ctx)
		if err != nil {
			return nil, err
		}
		return roadplan.New(r), nil
	}
}

// planner makes a planner of the region.
func (load LoadRegion) planner(ctx context.Context) (*evacuation.Planner, domain.ModelCard, error) {
	var region evacuation.RegionPlanner
	if load != nil {
		var err error
		if region, err = load(ctx); err != nil {
			return nil, domain.ModelCard{Ref: domain.ModelRef{Name: domain.EvacuationPlanner}}, err
		}
	}
	sum := sha256.Sum256(evacuation.Identity(region))
	p := evacuation.NewPlanner(region, "sha256:"+hex.EncodeToString(sum[:]))
	return p, p.Card(), nil
}

// Planning bounds the making of plans on a region.
type Planning struct {
	// Workers is how many plans are made at once; 0 is half of the CPUs, at least one.
	Workers int
	// Queue is how many plans may wait; what comes on top is refused.
	Queue int
	// Budget is how long one plan may take once it is begun. What is best until then is answered. 0 leaves it
	// to the request.
	Budget time.Duration
}

// maxWait is how long a plan may wait for a worker. Half of the time of a request is then left for the plan itself.
const maxWait = 2500 * time.Millisecond

// reserve is the share of a request's time that is kept for what comes after the plan.
const reserve = 10

// Evacuations answers evacuation questions. It implements ports.EvacuationPlanner.
type Evacuations struct {
	models   *Models
	cache    *lookaside
	plans    *pool
	budget   time.Duration
	recorder ports.Recorder
	clock    ports.Clock
}

func newEvacuations(m *Models, d Deps) *Evacuations {
	workers := d.Planning.Workers
	if workers == 0 {
		workers = max(1, runtime.GOMAXPROCS(0)/2)
	}
	return &Evacuations{
		models: m, cache: newLookaside(d, d.TTL.Evacuation), plans: newPool(workers, d.Planning.Queue, maxWait), budget: d.Planning.Budget,
		recorder: d.Recorder, clock: d.Clock,
	}
}

// PlanEvacuation implements ports.EvacuationPlanner.
func (s *Evacuations) PlanEvacuation(ctx context.Context, r *evacuation.Request, a *evacuation.Answer) error {
	*a = evacuation.Answer{}
	p, err := s.models.evacuation.current()
	if err == nil {
		err = domain.Invalid("evacuation", r.Validate())
	}
	if err == nil {
		r.Canonicalize()
		err = ask(ctx, s.cache, evacuationQuestion{s, p, r}, a)
	}
	if err != nil {
		return refuse(ctx, s.recorder, domain.EvacuationPlanner, a, err)
	}
	s.recorder.Served(ctx, p.Ref(), levelAsked(r), 1)
	return nil
}

// levelAsked counts the level that the question brought.
func levelAsked(r *evacuation.Request) *domain.LevelCounts {
	var levels domain.LevelCounts
	levels[r.Level()] = 1
	return &levels
}

// evacuationQuestion is an evacuation question bound to a planner. It implements question.
type evacuationQuestion struct {
	s *Evacuations
	p *evacuation.Planner
	r *evacuation.Request
}

func (q evacuationQuestion) key() domain.Key {
	return digest(domain.EvacuationPlanner, q.r.AppendCanonical(q.p.CacheScope()))
}

func (q evacuationQuestion) fresh() bool { return q.r.Fresh }

func (q evacuationQuestion) compute(ctx context.Context, a *evacuation.Answer) error {
	const op = "evacuation"
	if ctx.Err() != nil {
		return contextError(ctx, op)
	}
	if !q.p.HasRegion() {
		return q.plan(ctx, ctx, a)
	}
	// The workers are a bound of their own: the slot of the request is free for others meanwhile.
	var err error
	rested := ports.AtRest(ctx, func() {
		err = q.s.plans.do(ctx, op, func() error {
			until, cancel := q.s.timed(ctx)
			defer cancel()
			return q.plan(ctx, until, a)
		})
	})
	if err == nil {
		err = rested
	}
	return err
}

// plan asks the planner for the best answer that it has when until ends. Nobody waits for an answer after ctx.
func (q evacuationQuestion) plan(ctx, until context.Context, a *evacuation.Answer) error {
	start := q.s.clock()
	if err := q.p.Plan(q.r, func() float64 { return spent(q.s.clock, start, until) }, a); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return contextError(ctx, "evacuation")
	}
	a.GeneratedAt = start.UTC().Truncate(time.Millisecond)
	q.s.recorder.Predicted(ctx, q.p.Ref(), levelAsked(q.r), 1, q.s.clock().Sub(start))
	return nil
}

// spent returns how much of the time from a start until the end of a context is over.
func spent(clock ports.Clock, start time.Time, until context.Context) float64 {
	if until.Err() != nil {
		return 1
	}
	end, ok := until.Deadline()
	if !ok {
		return 0
	}
	return min(float64(clock().Sub(start))/float64(end.Sub(start)), 1)
}

// timed returns the context in which a plan is made that begins now.
func (s *Evacuations) timed(ctx context.Context) (context.Context, context.CancelFunc) {
	budget := s.budget
	if end, ok := ctx.Deadline(); ok {
		left := time.Until(end)
		left -= left / reserve
		if budget == 0 || left < budget {
			budget = left
		}
	}
	if budget == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, budget)
}

func (evacuationQuestion) room() int { return 0 }

func (evacuationQuestion) encode(dst []byte, a *evacuation.Answer) []byte { return a.AppendBinary(dst) }

func (q evacuationQuestion) decode(data []byte, a *evacuation.Answer) error {
	return evacuation.Decode(data, q.p.Ref(), a)
}

func (evacuationQuestion) provenance(a *evacuation.Answer) *domain.Provenance { return &a.Provenance }

func (evacuationQuestion) computedAt(a *evacuation.Answer) time.Time { return a.GeneratedAt }
