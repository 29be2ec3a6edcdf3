package sink

import "time"

// shed drops what is too much for memory: spans, oldest first, above the soft limit, everything, oldest first, above the
// hard one. With a spool, spans are not dropped above the soft limit but go to files. A block that is being sent is not
// dropped. It appends what is to be discarded to gone.
func (s *Sink) shed(gone []*item) []*item {
	limit := s.opts.SoftBytes
	if s.spool != nil {
		limit = s.opts.HardBytes
	}
	for s.queued.Bytes > limit {
		it := s.queues[Spans].oldest(false)
		if it == nil {
			break
		}
		gone = append(gone, s.lose(it, CauseQueue)...)
	}
	for s.queued.Bytes > s.opts.HardBytes {
		it := s.oldest(false)
		if it == nil {
			break
		}
		gone = append(gone, s.lose(it, CauseQueue)...)
	}
	return gone
}

// shedSpool drops what is too much for the spool, in the same order.
func (s *Sink) shedSpool(gone []*item) []*item {
	for s.spooled.Bytes > s.opts.SpoolBytes {
		it := s.queues[Spans].oldest(true)
		if it == nil {
			it = s.oldest(true)
		}
		if it == nil {
			break
		}
		gone = append(gone, s.lose(it, CauseQueue)...)
	}
	return gone
}

// oldest returns the item of any kind that has waited longest and that nobody is at work on.
func (s *Sink) oldest(inFile bool) *item {
	var found *item
	for k := range s.queues {
		if it := s.queues[k].oldest(inFile); it != nil && (found == nil || it.since.Before(found.since)) {
			found = it
		}
	}
	return found
}

// expire drops what is too old, and returns when the next one will be.
func (s *Sink) expire(now time.Time, gone []*item) (time.Time, []*item) {
	var at time.Time
	if s.opts.MaxAge == 0 {
		return at, gone
	}
	for k := range s.queues {
		for it := s.queues[k].first; it != nil; {
			next := it.next
			if end := it.since.Add(s.opts.MaxAge); now.Before(end) {
				at = earlier(at, end)
				break // the ones behind it are younger
			}
			if !it.busy {
				gone = append(gone, s.lose(it, CauseAge)...)
			}
			it = next
		}
	}
	return at, gone
}
