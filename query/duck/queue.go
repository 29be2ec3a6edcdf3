package duck

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// queue hands out slots. Callers take turns, whatever the number of their queries; the queries of one caller keep their
// order. One caller never holds the last slot while it has others, so that there is one for whoever comes next.
type queue struct {
	slots, perCaller     int // that run: in all, of one caller
	waiting, callerWaits int // that may wait: in all, of one caller
	mu                   sync.Mutex
	running              int
	queued               int
	callers              map[string]*waiter
	turns                []*waiter // callers with waiting queries, the next one first
}

// waiter is a caller with queries in the queue or running.
type waiter struct {
	name    string
	running int
	queue   []*ticket // oldest first
}

// ticket is a waiting query.
type ticket struct {
	granted chan struct{} // closed when it has a slot
}

// retryAfter is what a query that finds the queue full is told.
const retryAfter = 2 * time.Second

func newQueue(o Options) *queue {
	return &queue{
		slots: o.MaxConcurrent, perCaller: o.CallerRunning, waiting: o.MaxWaiting, callerWaits: o.CallerWaiting,
		callers: map[string]*waiter{},
	}
}

// enter waits for a slot. leave gives it back.
func (q *queue) enter(ctx context.Context, caller string) error {
	q.mu.Lock()
	w := q.callers[caller]
	if w == nil {
		w = &waiter{name: caller}
	}
	if q.running < q.slots && w.running < q.perCaller && len(w.queue) == 0 {
		q.callers[caller] = w
		w.running++
		q.running++
		q.mu.Unlock()
		return nil
	}
	if err := q.full(w); err != nil {
		q.mu.Unlock()
		return err
	}
	q.callers[caller] = w
	t := &ticket{granted: make(chan struct{})}
	if len(w.queue) == 0 {
		q.turns = append(q.turns, w)
	}
	w.queue = append(w.queue, t)
	q.queued++
	q.mu.Unlock()

	select {
	case <-t.granted:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-t.granted: // at the same moment
		q.leaveLocked(w)
	default:
		w.queue = slices.DeleteFunc(w.queue, func(other *ticket) bool { return other == t })
		q.queued--
		if len(w.queue) == 0 {
			q.turns = slices.DeleteFunc(q.turns, func(other *waiter) bool { return other == w })
		}
		q.forgetLocked(w)
	}
	return canceled(ctx)
}

func (q *queue) full(w *waiter) error {
	var msg string
	switch {
	case q.queued >= q.waiting:
		msg = fmt.Sprintf("%d queries are running and %d are waiting", q.running, q.queued)
	case len(w.queue) >= q.callerWaits:
		msg = fmt.Sprintf("%d queries of yours are running and %d are waiting", w.running, len(w.queue))
	default:
		return nil
	}
	return &fault.Error{Kind: fault.Exhausted, Msg: msg, Fix: "try again in a moment", RetryAfter: retryAfter}
}

// leave gives a slot back and hands it on.
func (q *queue) leave(caller string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.leaveLocked(q.callers[caller])
}

func (q *queue) leaveLocked(w *waiter) {
	w.running--
	q.running--
	for i := 0; i < len(q.turns) && q.running < q.slots; {
		next := q.turns[i]
		if next.running >= q.perCaller {
			i++ // keeps its turn
			continue
		}
		close(next.queue[0].granted)
		next.queue = next.queue[1:]
		next.running++
		q.running++
		q.queued--
		q.turns = slices.Delete(q.turns, i, i+1)
		if len(next.queue) > 0 {
			q.turns = append(q.turns, next)
		}
		i = 0
	}
	q.forgetLocked(w)
}

func (q *queue) forgetLocked(w *waiter) {
	if w.running == 0 && len(w.queue) == 0 {
		delete(q.callers, w.name)
	}
}
