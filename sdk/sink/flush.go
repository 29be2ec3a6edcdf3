package sink

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// waiter is a call of Flush or Shutdown.
type waiter struct {
	seq       uint64 // it waits for items up to this one
	remaining Count
	lost      Count
	why       error // it did not wait to the end
	done      chan struct{}
}

// Flush waits until the server has acknowledged all that was handed over before the call. It returns an error when ctx
// ends before, when some of it was lost, whether before the call or since, and after Shutdown when that had to leave
// something. A loss is told by every call that waits for what was lost, or else by the next one. While Flush waits,
// attempts are at most a second apart, unless the server asked for more.
func (s *Sink) Flush(ctx context.Context) error {
	s.mu.Lock()
	if s.stopped {
		left := s.unacknowledged() // while Shutdown is about to count it
		left.addCount(Stats{Lost: s.lost}.LostBy(CauseShutdown))
		left.addCount(s.left)
		s.mu.Unlock()
		if left.Blocks > 0 {
			return fmt.Errorf("the sink has ended; %d events in %d blocks are not acknowledged", left.Events, left.Blocks)
		}
		return nil
	}
	w := s.beginWaiting()
	s.mu.Unlock()
	s.wait(ctx, w)
	err := lossError(w.lost)
	if w.why != nil {
		err = errors.Join(fmt.Errorf("%d events in %d blocks are not acknowledged yet: %w", w.remaining.Events, w.remaining.Blocks, w.why), err)
	}
	return err
}

// unacknowledged is what Flush waits for. Nobody waits for what an earlier run has left.
func (s *Sink) unacknowledged() Count {
	var n Count
	for k := range s.queues {
		for it := s.queues[k].first; it != nil; it = it.next {
			if !it.earlier {
				n.add(it.events, it.bytes)
			}
		}
	}
	return n
}

// beginWaiting makes a waiter for all that was handed over, which must be waited for. The sink has not ended.
func (s *Sink) beginWaiting() *waiter {
	w := &waiter{seq: s.seq, remaining: s.unacknowledged(), done: make(chan struct{})}
	w.lost, s.untold = s.untold, Count{}
	s.waiters = append(s.waiters, w)
	s.settleWaiters()
	s.poke()
	return w
}

// wait waits until what w is for has left the queue, or ctx ends. Nothing changes in w afterwards.
func (s *Sink) wait(ctx context.Context, w *waiter) {
	select {
	case <-w.done:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.waiters, w)
	if i < 0 {
		return
	}
	s.waiters = slices.Delete(s.waiters, i, i+1)
	w.why = ctx.Err()
	if s.gate.err != nil {
		w.why = fmt.Errorf("%w; the last attempt: %w", w.why, s.gate.err)
	}
}

// lossError is what Flush and Shutdown say of what was lost, nil if nothing was.
func lossError(lost Count) error {
	if lost.Blocks == 0 {
		return nil
	}
	return fmt.Errorf("%d events in %d blocks were lost", lost.Events, lost.Blocks)
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
