package access

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Quotas are counted by the generic cell rate algorithm (ITU-T I.371): the state of an account is the one instant at
// which it will have all of its allowance again.

// interval is the time in which one unit of cost comes back.
func interval(a ports.Allowance) time.Duration { return max(1, a.Window/time.Duration(a.Cost)) }

// Spend implements ports.Gatekeeper.
func (g *Guard) Spend(ctx context.Context, c ports.Caller, cost int) (ports.Quota, error) {
	if c.Allowance.Cost == 0 {
		return ports.Quota{}, nil
	}
	q := ports.Quota{Allowance: c.Allowance}
	granted := c.Allowance
	var debt time.Duration
	ok, asked := false, false
	if g.shared != nil {
		var err error
		debt, ok, err = g.shared.Spend(ctx, c.Account, granted, cost)
		if asked = err == nil; !asked {
			granted.Cost = max(1, int(float64(granted.Cost)*g.cfg.Share))
		}
	}
	if !asked {
		debt, ok = g.local.spend(c.Account, granted, cost, g.now())
	}
	each := interval(granted)
	q.Left = max(0, granted.Cost-int(math.Ceil(float64(debt)/float64(each))))
	q.Reset = each
	if ok {
		return q, nil
	}
	if cost > c.Allowance.Cost {
		q.Reset = 0
		return q, refusal(domain.KindExhausted, fmt.Sprintf(
			"this costs %d, and the whole quota is %d in %v: ask for less at once, or have the quota raised", cost, c.Allowance.Cost, c.Allowance.Window))
	}
	q.Reset = debt + time.Duration(cost)*each - time.Duration(granted.Cost)*each
	return q, refusal(domain.KindExhausted, fmt.Sprintf(
		"this costs %d, and %d is left of the quota of %d in %v; the header Retry-After says when to go on", cost, q.Left, c.Allowance.Cost, c.Allowance.Window))
}

// local counts the quotas of this replica.
type local struct {
	max int

	mu    sync.Mutex
	whole map[string]time.Time // when an account has all of its allowance again
	sweep time.Time            // when to look for accounts that have
}

func newLocal(maxClients int) *local {
	return &local{max: max(1, maxClients), whole: map[string]time.Time{}}
}

func (l *local) spend(account string, a ports.Allowance, cost int, now time.Time) (debt time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	whole, known := l.whole[account]
	if whole.Before(now) {
		whole = now
	}
	each := interval(a)
	next := whole.Add(time.Duration(cost) * each)
	if next.Sub(now) > time.Duration(a.Cost)*each {
		return whole.Sub(now), false
	}
	if cost == 0 {
		return whole.Sub(now), true
	}
	if !known && len(l.whole) >= l.max {
		l.makeRoom(now, a.Window)
	}
	l.whole[account] = next
	return next.Sub(now), true
}

// makeRoom forgets the accounts that have their whole allowance, which loses nothing, at most once in a while; failing
// that, whichever comes first.
func (l *local) makeRoom(now time.Time, window time.Duration) {
	if now.After(l.sweep) {
		l.sweep = now.Add(window / 4)
		for c, whole := range l.whole {
			if !whole.After(now) {
				delete(l.whole, c)
			}
		}
	}
	for c := range l.whole {
		if len(l.whole) < l.max {
			return
		}
		delete(l.whole, c)
	}
}
