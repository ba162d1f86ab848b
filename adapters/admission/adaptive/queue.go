package adaptive

import (
	"context"
	"net/netip"
	"time"
)

// waiter is work that waits for its slots.
type waiter struct {
	cost    int
	client  netip.Prefix
	since   time.Time     // zero for work that is not shed
	ready   chan struct{} // closed when it is decided
	granted bool          // decided so
	gone    bool          // it does not wait any more
}

// queue is the waiting work of a class. Clients take turns, and the work of a client is in the order in which it
// came.
type queue struct {
	lines   map[netip.Prefix]*line
	turns   []*line // the next one first
	waiting int
	busy    time.Time // since when it has not been empty
}

// line is the waiting work of one client.
type line struct {
	client netip.Prefix
	work   []*waiter
}

func (q *queue) push(w *waiter, now time.Time) {
	if q.waiting == 0 {
		q.busy = now
	}
	q.waiting++
	l := q.lines[w.client]
	if l == nil {
		if q.lines == nil {
			q.lines = map[netip.Prefix]*line{}
		}
		l = &line{client: w.client}
		q.lines[w.client] = l
		q.turns = append(q.turns, l)
	}
	l.work = append(l.work, w)
}

// head returns the work whose turn it is; nil when there is none.
func (q *queue) head() *waiter {
	for len(q.turns) > 0 {
		l := q.turns[0]
		for len(l.work) > 0 {
			if w := l.work[0]; !w.gone {
				return w
			}
			l.work[0], l.work = nil, l.work[1:]
		}
		delete(q.lines, l.client)
		q.turns[0], q.turns = nil, q.turns[1:]
	}
	return nil
}

// pop takes the head away, after which it is the turn of another client.
func (q *queue) pop() {
	l := q.turns[0]
	l.work[0].gone = true
	l.work[0], l.work = nil, l.work[1:]
	q.turns[0], q.turns = nil, q.turns[1:]
	if len(l.work) == 0 {
		delete(q.lines, l.client)
	} else {
		q.turns = append(q.turns, l)
	}
	q.waiting--
}

// leave takes away work that gives up. Its place is passed over later.
func (q *queue) leave(w *waiter) {
	w.gone = true
	q.waiting--
}

// await waits for the decision on w, for at most d, or until ctx ends.
func (w *waiter) await(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-w.ready:
	case <-timer.C:
	case <-ctx.Done():
	}
}
