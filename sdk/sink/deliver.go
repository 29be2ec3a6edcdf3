package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// maxStrikes is how often a block may fail while the server takes others, before it is given up: the fault is its own.
const maxStrikes = 10

// maxPatience limits how much longer a request may take that ran out of time before: 2³ times.
const maxPatience = 3

// do makes the request j.
func (s *Sink) do(ctx context.Context, j *job) {
	if j.record != nil {
		body := j.body(s)
		out := s.request(ctx, j.record.route, body, s.opts.RequestTimeout)
		s.finish(func(now time.Time) []*item { s.finishRecord(j, body, out, now); return nil })
		return
	}
	it := j.item
	body, err := s.prepare(it)
	out := outcome{verdict: impossible, err: err}
	if err == nil {
		out = s.request(ctx, routeBlock, body, s.opts.RequestTimeout<<min(it.timeouts, maxPatience))
		if tooLarge(out.err) {
			if j.halves, err = s.halve(it, body); err != nil {
				out.err = fmt.Errorf("%w; %w", out.err, err)
			}
		}
	}
	s.finish(func(now time.Time) []*item { return s.finishItem(j, out, now) })
}

// body is the content of a record, which may be replaced.
func (j *job) body(s *Sink) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return j.record.body
}

func (s *Sink) request(ctx context.Context, route string, body []byte, timeout time.Duration) outcome {
	if err := ctx.Err(); err != nil { // while it was encoded
		return failureOf(err)
	}
	s.mu.Lock()
	s.requests++
	s.mu.Unlock()
	return s.poster.post(ctx, route, body, timeout)
}

// finish notes the end of a job.
func (s *Sink) finish(note func(now time.Time) []*item) {
	now := time.Now()
	s.mu.Lock()
	s.inFlight--
	gone := note(now)
	s.poke()
	s.mu.Unlock()
	s.discard(gone)
}

// prepare returns the bytes to send for it, or [errLater], [errElsewhere], or why there are none.
func (s *Sink) prepare(it *item) ([]byte, error) {
	switch {
	case it.file != "":
		return s.load(it)
	case it.body != nil:
		return it.body, nil
	}
	body, err := encode(it.encode)
	if err != nil {
		return nil, &encodeError{err}
	}
	s.encoded(it, body)
	return body, nil
}

var (
	// errLater: a block of the spool turned out to need its process or stream first.
	errLater = errors.New("its process or stream comes first")
	// errElsewhere: another program has sent what was in the spool, or dropped it to keep within its limit.
	errElsewhere = errors.New("the file is gone")
)

// encoded notes that body is all that has to be kept of it.
func (s *Sink) encoded(it *item, body []byte) {
	s.mu.Lock()
	if !it.abandoned {
		s.queued.Bytes += int64(len(body)) - it.bytes
	}
	it.bytes = int64(len(body))
	it.body = body
	s.mu.Unlock()
	it.letGo()
}

// encodeError marks a block that could not be encoded.
type encodeError struct{ err error }

func (e *encodeError) Error() string { return "encode a block: " + e.err.Error() }
func (e *encodeError) Unwrap() error { return e.err }

func encode(f func() ([]byte, error)) (body []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	if f == nil {
		return nil, errors.New("no encoder")
	}
	body, err = f()
	if err == nil && len(body) == 0 {
		err = errors.New("no bytes")
	}
	return body, err
}

// letGo tells the recording side that it may use the block's memory again. The sink's mutex is not held.
func (it *item) letGo() {
	release := it.release
	it.encode, it.release = nil, nil
	if release == nil {
		return
	}
	_ = safely(func() bool { release(); return true })
}

// tell makes the gate know of an outcome, and begins a new epoch where the server may have forgotten us. t is about the
// request: one that the server forbids while it takes others is not the gate's business.
func (s *Sink) tell(j *job, out outcome, t *tries, now time.Time) {
	if j.probe {
		s.gate.probing = false
	}
	switch out.verdict {
	case taken:
		if j.item != nil {
			s.successes++
		}
		s.listens(j, now)
	case unreached, busy, notReady:
		s.gate.fail(now, j.era, out.wait, out.err)
	case odd:
		s.gate.oddity(now, j.era, out.wait, out.err)
	case refused:
		if !forbidden(out.err) || !t.alone(s.successes) {
			s.gate.hold(now, j.era, out.wait, out.err)
		}
	case unknown, impossible:
		if _, answered := errors.AsType[*statusError](out.err); answered {
			s.listens(j, now)
		}
	}
	if (out.verdict == unreached || out.verdict == odd) && j.epoch == s.epoch {
		s.epoch++
	}
}

// listens notes that the server answered, to a block or to the only thing there was to send.
func (s *Sink) listens(j *job, now time.Time) {
	if j.item != nil || s.queued.Blocks+s.spooled.Blocks == 0 {
		s.gate.succeed()
	} else {
		s.gate.pass(now)
	}
}

// forbidden reports whether err may be about one process or stream, and not about the credential as such.
func forbidden(err error) bool {
	e, ok := errors.AsType[*statusError](err)
	return ok && e.code == http.StatusForbidden
}

// settleRecord notes that the server has answered body, which may have changed meanwhile: then it is still to be sent.
func (s *Sink) settleRecord(j *job, body []byte) {
	r := j.record
	r.tries = tries{}
	if bytes.Equal(r.body, body) {
		r.acked = j.epoch
		s.records.settled(r)
	}
}

func (s *Sink) finishRecord(j *job, body []byte, out outcome, now time.Time) {
	r := j.record
	r.busy = false
	s.tell(j, out, &r.tries, now)
	switch out.verdict {
	case taken:
		s.settleRecord(j, body)
	case impossible, unknown: // its blocks go without; it is tried again in the next epoch
		s.settleRecord(j, body)
		s.news.say("the server does not take a record about this process", out.err)
	case unreached, busy, odd, notReady:
		r.failed(now, s.opts.MetadataRetry, s.successes)
	case refused:
		r.failed(now, s.opts.MetadataRetry, s.successes)
		r.notBefore = now.Add(heldFor)
	}
	s.settleWaiters()
}

func (s *Sink) finishItem(j *job, out outcome, now time.Time) []*item {
	it := j.item
	if it.abandoned {
		return nil
	}
	it.busy = false
	s.tell(j, out, &it.tries, now)
	switch {
	case errors.Is(out.err, errLater):
		return nil
	case errors.Is(out.err, errElsewhere):
		s.take(it, nil)
		return []*item{it}
	case unreadable(out.err):
		s.news.say("the spool can't be read", out.err)
		it.successes = s.successes // no fault of the block
		it.failed(now, s.opts.BlocksRetry, s.successes)
		return nil
	}
	if out.timeout {
		it.timeouts++
	}
	switch out.verdict {
	case taken:
		s.sent.add(it.events, it.bytes)
		s.take(it, nil)
		return []*item{it}
	case impossible:
		if j.halves != nil {
			s.news.say("a block of telemetry is too large for the server and is sent in parts", out.err)
			return s.replace(it, j.halves)
		}
		s.news.say("a block of telemetry is lost", out.err)
		return s.lose(it, causeOf(out.err))
	case unknown:
		if it.unknown || it.stream == nil {
			s.news.say("a block of telemetry is lost", out.err)
			return s.lose(it, CauseRejected)
		}
		it.unknown = true
		it.stream.acked = 0
		if it.stream.process != nil {
			it.stream.process.acked = 0
		}
		return nil
	case notReady: // the credential's fault, not the block's
		return nil
	case refused:
		it.failed(now, s.opts.BlocksRetry, s.successes)
		it.notBefore = now.Add(heldFor)
	case unreached, busy, odd:
		if !blames(out) {
			it.successes = s.successes
		}
		it.failed(now, s.opts.BlocksRetry, s.successes)
	}
	limit := s.opts.BlocksRetry.Attempts
	if it.strikes >= maxStrikes || (limit > 0 && it.attempts >= limit && out.verdict != refused) {
		s.news.say("a block of telemetry is given up", out.err)
		return s.lose(it, CauseRejected)
	}
	return nil
}

// blames reports whether a failure may be the block's fault: not when the server says itself that it is busy or away.
func blames(out outcome) bool {
	_, answered := errors.AsType[*statusError](out.err)
	return out.verdict == odd || (out.verdict == unreached && !answered)
}

func tooLarge(err error) bool {
	e, ok := errors.AsType[*statusError](err)
	return ok && e.code == http.StatusRequestEntityTooLarge
}

func unreadable(err error) bool {
	_, ok := errors.AsType[*unreadableError](err)
	return ok
}

func causeOf(err error) Cause {
	if _, ok := errors.AsType[*encodeError](err); ok {
		return CauseEncoding
	}
	if _, ok := errors.AsType[*spoolError](err); ok {
		return CauseSpool
	}
	return CauseRejected
}

// take removes it from the queue; cause is nil when nothing of it is lost.
func (s *Sink) take(it *item, cause *Cause) {
	s.queues[it.kind].remove(it)
	if it.file != "" {
		s.spooled.sub(it.events, it.bytes)
	} else {
		s.queued.sub(it.events, it.bytes)
	}
	if cause != nil {
		s.lost[it.kind][*cause].add(it.events, it.bytes)
	}
	s.departed(it, cause != nil)
}

// lose takes it out of the queue and counts it. What it returns is to be discarded.
func (s *Sink) lose(it *item, c Cause) []*item {
	s.take(it, &c)
	return []*item{it}
}

// discard lets go of what has left the queue. The sink's mutex is not held.
func (s *Sink) discard(gone []*item) {
	for _, it := range gone {
		it.letGo()
		if it.file != "" {
			s.spool.remove(it.file)
		}
	}
}
