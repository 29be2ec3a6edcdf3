package sink

import (
	"context"
	"time"
)

// run starts what is to be done until ctx ends.
func (s *Sink) run(ctx context.Context) {
	if s.spool != nil {
		s.findSpooled()
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		now := time.Now()
		at, gone := s.begin(ctx, now)
		s.discard(gone)
		at = earlier(at, s.report(now, false))
		timer.Reset(until(now, at))
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// begin starts as much as may be under way at once, and returns when to look again, and what was given up.
func (s *Sink) begin(ctx context.Context, now time.Time) (at time.Time, gone []*item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return time.Time{}, nil
	}
	at, gone = s.expire(now, nil)
	if it, when := s.nextToSpool(now); it != nil {
		it.busy, s.spooling = true, true
		s.working.Go(func() { s.spoolItem(it) })
	} else {
		at = earlier(at, when)
	}
	for s.inFlight < s.opts.InFlight {
		j, when := s.nextRequest(now)
		if j == nil {
			at = earlier(at, when)
			break
		}
		s.inFlight++
		s.working.Go(func() { s.do(ctx, j) })
	}
	return at, gone
}

// job is a request to be made: about a record, or for an item.
type job struct {
	record *record
	item   *item
	epoch  uint64  // when it began; see record
	era    uint64  // when it began; see gate
	probe  bool    // it finds out whether the server is up again
	halves []*item // what the item becomes, which is too large for the server
}

// nextRequest picks what to send, and marks it; or it says when there may be something.
func (s *Sink) nextRequest(now time.Time) (j *job, at time.Time) {
	hurried := len(s.waiters) > 0
	ok, when := s.gate.allow(now, hurried)
	if !ok {
		return nil, when
	}
	for _, r := range s.records.due {
		if r.fresh(s.epoch) {
			continue // it settles with the answer that is under way
		}
		j, when := s.recordJob(r, now, hurried)
		if j != nil {
			return j, time.Time{}
		}
		at = earlier(at, when)
	}
	for k := range s.queues {
		for it := s.queues[k].first; it != nil; it = it.next {
			j, when := s.itemJob(it, now, hurried)
			if j != nil {
				return j, time.Time{}
			}
			at = earlier(at, when)
		}
	}
	return nil, at
}

// itemJob is what it needs next: its process, its stream, or to be sent.
func (s *Sink) itemJob(it *item, now time.Time, hurried bool) (*job, time.Time) {
	if it.busy {
		return nil, time.Time{}
	}
	if waits, until := it.waits(now, hurried); waits {
		return nil, until
	}
	if st := it.stream; st != nil {
		if !st.process.fresh(s.epoch) {
			return s.recordJob(st.process, now, hurried)
		}
		if !st.fresh(s.epoch) {
			return s.recordJob(st, now, hurried)
		}
	}
	it.busy = true
	return s.newJob(job{item: it}, it.attempts), time.Time{}
}

func (s *Sink) recordJob(r *record, now time.Time, hurried bool) (*job, time.Time) {
	if r.busy {
		return nil, time.Time{}
	}
	if waits, until := r.waits(now, hurried); waits {
		return nil, until
	}
	r.busy = true
	return s.newJob(job{record: r}, r.attempts), time.Time{}
}

func (s *Sink) newJob(j job, attempts int) *job {
	j.epoch, j.era = s.epoch, s.gate.era
	j.probe = s.gate.state != up
	s.gate.probing = s.gate.probing || j.probe
	if attempts > 0 {
		s.retries++
	}
	return &j
}

// earlier returns the earlier of two moments, of which the zero one is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// until is how long to sleep; a long time when at is never.
func until(now, at time.Time) time.Duration {
	if at.IsZero() {
		return time.Hour
	}
	return max(at.Sub(now), time.Millisecond)
}
