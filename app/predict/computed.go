package predict

import (
	"context"
	"sync"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

// computed asks the model.
type computed struct {
	recorder ports.Recorder
	clock    ports.Clock
	scratch  sync.Pool // *risk.Scratch
}

func newComputed(recorder ports.Recorder, clock ports.Clock) *computed {
	return &computed{recorder: recorder, clock: clock, scratch: sync.Pool{New: func() any { return new(risk.Scratch) }}}
}

func (c *computed) one(ctx context.Context, m *risk.Model, r *risk.Request, a *risk.Assessment) error {
	if ctx.Err() != nil {
		return contextError(ctx, "risk.assess")
	}
	start := c.clock()
	m.Assess(r, a)
	a.AssessedAt = start.UTC()
	var levels domain.LevelCounts
	levels[a.Level] = 1
	c.recorder.Predicted(ctx, m.Ref(), &levels, 1, c.clock().Sub(start))
	return nil
}

// block is how many items are scored between two looks at the context.
const block = 256

func (c *computed) many(ctx context.Context, m *risk.Model, rs []risk.Request, out []risk.Outcome, todo []int32) {
	s := c.scratch.Get().(*risk.Scratch)
	defer c.scratch.Put(s)
	for len(todo) > 0 {
		n := min(len(todo), block)
		if ctx.Err() != nil {
			err := contextError(ctx, "risk.assess")
			for _, i := range todo {
				out[i].Err = err
			}
			return
		}
		start := c.clock()
		m.AssessMany(s, rs, out, todo[:n])
		at := start.UTC()
		var levels domain.LevelCounts
		for _, i := range todo[:n] {
			out[i].Assessment.AssessedAt = at
			levels[out[i].Assessment.Level]++
		}
		c.recorder.Predicted(ctx, m.Ref(), &levels, n, c.clock().Sub(start))
		todo = todo[n:]
	}
}
