package sink

import "time"

const (
	// spoolAfter is how long an outage lasts before blocks go to files: a restart of the server should cost no disk.
	spoolAfter = 5 * time.Second
	// spoolGrace is how long Shutdown may take longer than its context to write what is left.
	spoolGrace = 5 * time.Second
)

// findSpooled queues what is in the spool, before everything else.
func (s *Sink) findSpooled() {
	all, err := s.spool.list(time.Now())
	s.mu.Lock()
	if err != nil {
		s.news.say("the spool can't be read", err)
	}
	var before [kinds]queue
	for _, f := range all {
		it := &item{
			kind: f.kind, events: f.events, bytes: f.size, since: time.Unix(0, f.created), id: f.block, file: f.path, earlier: true,
		}
		before[f.kind].push(it)
		s.spooled.add(it.events, it.bytes)
	}
	for k := range before {
		for it := s.queues[k].first; it != nil; it = s.queues[k].first {
			s.queues[k].remove(it)
			before[k].push(it)
		}
		s.queues[k] = before[k]
	}
	gone := s.shedSpool(nil)
	s.mu.Unlock()
	s.discard(gone)
}

// load reads a file. The first one of a process or stream teaches the sink their records, which may have to be sent
// before the block: then the answer is [errLater].
func (s *Sink) load(it *item) ([]byte, error) {
	e, err := s.spool.read(it.file)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if it.stream == nil {
		it.stream = s.records.lend(e.stream)
		if it.stream.body == nil && len(e.streamBody) > 0 {
			if err := s.records.learnStream(e.stream, e.streamBody); err != nil {
				return nil, &spoolError{err}
			}
		}
		if p := it.stream.process; p != nil && p.body == nil && len(e.processBody) > 0 {
			if _, err := s.records.learnProcess(e.processBody); err != nil {
				return nil, &spoolError{err}
			}
		}
	}
	if !it.stream.fresh(s.epoch) || !it.stream.process.fresh(s.epoch) {
		return nil, errLater
	}
	return e.blockBody, nil
}

// nextToSpool picks what should go to a file now, or says when to look again.
func (s *Sink) nextToSpool(now time.Time) (*item, time.Time) {
	if s.spool == nil || s.spooling {
		return nil, time.Time{}
	}
	crowded := s.queued.Bytes > s.opts.SoftBytes
	var at time.Time
	if !crowded {
		if s.gate.state == up {
			return nil, time.Time{}
		}
		at = s.gate.since.Add(spoolAfter)
	}
	if s.spool.retryAt.After(at) {
		at = s.spool.retryAt
	}
	it := s.toSpool(crowded)
	if it == nil {
		return nil, time.Time{}
	}
	if now.Before(at) {
		return nil, at
	}
	return it, time.Time{}
}

// toSpool is the first item in memory that nobody is at work on: what would be dropped first when memory is short, else
// what would be missed most.
func (s *Sink) toSpool(crowded bool) *item {
	if s.queued.Blocks == 0 {
		return nil // there may be very many files to look through
	}
	for k := range s.queues {
		if crowded {
			k = len(s.queues) - 1 - k
		}
		if it := s.queues[k].oldest(false); it != nil {
			return it
		}
	}
	return nil
}

// spoolItem writes it to a file. It is busy.
func (s *Sink) spoolItem(it *item) {
	gone := s.writeItem(it)
	s.mu.Lock()
	it.busy, s.spooling = false, false
	s.poke()
	s.mu.Unlock()
	s.discard(gone)
}

// writeItem moves it from memory into a file, and returns what is to be discarded.
func (s *Sink) writeItem(it *item) []*item {
	if it.body == nil {
		body, err := encode(it.encode)
		if err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			if it.abandoned {
				return nil
			}
			s.news.say("a block of telemetry is lost", &encodeError{err})
			return s.lose(it, CauseEncoding)
		}
		s.encoded(it, body)
	}
	e := entry{kind: it.kind, events: it.events, created: it.since.UnixNano(), block: it.id, stream: it.stream.stream, blockBody: it.body}
	s.mu.Lock()
	e.streamBody = it.stream.body
	if it.stream.process != nil {
		e.processBody = it.stream.process.body
	}
	s.mu.Unlock()

	path, n, err := s.spool.write(&e)

	s.mu.Lock()
	defer s.mu.Unlock()
	if it.abandoned {
		return nil
	}
	if err != nil {
		s.spool.retryAt = time.Now().Add(spoolPause)
		s.news.say("the spool can't be written", err)
		return nil
	}
	s.queued.sub(it.events, it.bytes)
	it.file, it.bytes, it.body = path, n, nil
	s.spooled.add(it.events, it.bytes)
	return s.shedSpool(nil)
}

// spoolRest writes what is left in memory. Nothing else is under way.
func (s *Sink) spoolRest() {
	deadline := time.Now().Add(spoolGrace)
	for time.Now().Before(deadline) {
		s.mu.Lock()
		it := s.toSpool(false)
		s.mu.Unlock()
		if it == nil {
			return
		}
		gone := s.writeItem(it)
		s.discard(gone)
		if it.file == "" && len(gone) == 0 {
			return // the disk doesn't take it
		}
	}
}
