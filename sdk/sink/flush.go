package sink

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// waiter is a call of Flush.
type waiter struct {
	seq       uint64 // it waits for items up to this one
	remaining Count
	lost      Count
	done      chan struct{}
}

// Flush waits until the server has acknowledged all that was handed over before the call. It returns an error when ctx
// ends before, when some of it was lost, whether before the call or since, and after Shutdown when that had to leave
// something. A loss is told by one Flush: the first that ends after it. While it waits, attempts are at most a second
// apart, unless the server asked for more.
func (s *Sink) Flush(ctx context.Context) error {
	s.mu.Lock()
	w := &waiter{seq: s.seq, done: make(chan struct{})}
	for k := range s.queues {
		for it := s.queues[k].first; it != nil; it = it.next {
			if !it.earlier {
				w.remaining.add(it.events, it.bytes)
			}
		}
	}
	if s.stopped {
		left := w.remaining // while Shutdown is about to count it
		left.addCount(Stats{Lost: s.lost}.LostBy(CauseShutdown))
		left.addCount(s.left)
		s.mu.Unlock()
		if left.Blocks > 0 {
			return fmt.Errorf("the sink has ended; %d events in %d blocks are not acknowledged", left.Events, left.Blocks)
		}
		return nil
	}
	w.lost, s.untold = s.untold, Count{}
	s.waiters = append(s.waiters, w)
	s.settleWaiters()
	s.poke()
	s.mu.Unlock()

	select {
	case <-w.done:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.waiters, w); i >= 0 {
		s.waiters = slices.Delete(s.waiters, i, i+1)
		why := ctx.Err()
		if s.gate.err != nil {
			why = fmt.Errorf("%w; the last attempt: %w", why, s.gate.err)
		}
		err := fmt.Errorf("%d events in %d blocks are not acknowledged yet: %w", w.remaining.Events, w.remaining.Blocks, why)
		return errors.Join(err, w.loss())
	}
	return w.loss()
}

// loss is what Flush says of what was lost, nil if nothing was.
func (w *waiter) loss() error {
	if w.lost.Blocks == 0 {
		return nil
	}
	return fmt.Errorf("%d events in %d blocks were lost", w.lost.Events, w.lost.Blocks)
}

// departed tells those who wait that it has left the queue.
func (s *Sink) departed(it *item, lost bool) {
	if it.earlier {
		return
	}
	told := false
	for _, w := range s.waiters {
		if it.seq > w.seq {
			continue
		}
		w.remaining.Blocks--
		w.remaining.Events -= int64(it.events)
		if lost {
			w.lost.add(it.events, it.bytes)
			told = true
		}
	}
	if lost && !told {
		s.untold.add(it.events, it.bytes)
	}
	s.settleWaiters()
}

// settleWaiters ends the waiting of those whose items have all left.
func (s *Sink) settleWaiters() {
	if len(s.records.due) > 0 {
		return
	}
	s.waiters = slices.DeleteFunc(s.waiters, func(w *waiter) bool {
		if w.remaining.Blocks > 0 {
			return false
		}
		close(w.done)
		return true
	})
}

// dismissWaiters ends all waiting: nothing will be sent any more.
func (s *Sink) dismissWaiters() {
	for _, w := range s.waiters {
		close(w.done)
	}
	s.waiters = nil
}
