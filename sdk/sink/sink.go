package sink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/micromegas-go/micromegas/telemetry"
)

// Sink delivers blocks. Its methods may be called by any goroutine; none but [Sink.Flush] and [Sink.Shutdown] waits.
type Sink struct {
	opts   Options
	log    *slog.Logger
	poster *poster
	spool  *spool // nil: none

	wake    chan struct{} // capacity 1: look again
	cancel  context.CancelFunc
	working sync.WaitGroup // the loop, and what it started

	shutdown    sync.Once
	shutdownErr error // after shutdown

	mu       sync.Mutex
	queues   [kinds]queue
	records  records
	gate     gate
	epoch    uint64 // see record
	seq      uint64
	inFlight int  // requests under way
	spooling bool // an item is on its way to a file
	closing  bool // nothing more is taken
	stopped  bool // nothing more is begun
	waiters  []*waiter
	untold   Count // lost while nobody waited for it; the next Flush tells, or Shutdown
	news     news

	queued, spooled, sent, left Count
	lost                        [kinds][causes]Count
	requests, retries           int64
	successes                   uint64 // blocks sent
}

// New starts a sink; [Sink.Shutdown] ends it. The error names everything that is wrong with o.
func New(o Options) (*Sink, error) {
	o, err := o.withDefaults()
	var decorator Decorator
	if o.Decorator != nil {
		var failed error
		if decorator, failed = o.Decorator(); failed != nil {
			err = errors.Join(err, failed)
		}
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Sink{
		opts: o, log: o.Log, poster: newPoster(o, decorator),
		wake: make(chan struct{}, 1), cancel: cancel,
		records: newRecords(), gate: gate{policy: o.BlocksRetry}, epoch: 1,
	}
	if o.Spool != "" {
		s.spool = newSpool(o.Spool)
	}
	s.working.Go(func() { s.run(ctx) })
	return s, nil
}

// Process is the body of the insert_process request. It is sent at once, and again whenever the server may have lost it.
func (s *Sink) Process(body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return
	}
	r, err := s.records.learnProcess(body)
	if err != nil {
		s.news.say("the record of this process is malformed", err)
		return
	}
	if !r.fresh(s.epoch) {
		s.records.demand(r)
	}
	s.poke()
}

// Stream is the body of the insert_stream request of one stream. It is sent before the stream's first block, and again
// whenever the server may have lost it.
func (s *Sink) Stream(id telemetry.StreamID, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.records.learnStream(id, body); err != nil {
		s.news.say("the record of a stream is malformed", err)
		s.poke()
	}
}

// EndStream says that there will be no more blocks of a stream. Those that were handed over keep its record until they are
// sent; then it is forgotten.
func (s *Sink) EndStream(id telemetry.StreamID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records.streams, id)
}

// Block hands b over.
func (s *Sink) Block(b Block) {
	b.Kind = min(b.Kind, kinds-1)
	it := &item{
		kind: b.Kind, events: max(b.Events, 0), bytes: int64(max(b.Size, 0)), id: b.ID, since: time.Now(), encode: b.Encode, release: b.Release,
	}
	s.mu.Lock()
	if s.closing {
		s.lost[b.Kind][CauseShutdown].add(it.events, it.bytes)
		s.mu.Unlock()
		it.letGo()
		return
	}
	s.seq++
	it.seq, it.stream = s.seq, s.records.stream(b.Stream)
	s.queues[it.kind].push(it)
	s.queued.add(it.events, it.bytes)
	gone := s.shed(nil)
	s.poke()
	s.mu.Unlock()
	s.discard(gone)
}

// Stats returns what was done so far.
func (s *Sink) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{
		Queued: s.queued, Spooled: s.spooled, Sent: s.sent, Left: s.left, Lost: s.lost,
		Requests: s.requests, Retries: s.retries, State: s.gate.state.String(),
	}
	if s.gate.err != nil {
		st.Err = s.gate.err.Error()
	}
	if s.stopped {
		st.State = "closed"
	}
	return st
}

// poke makes the loop look again.
func (s *Sink) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Shutdown sends what is left, until ctx ends, and stops the sink. What could not be sent then goes into the spool if
// there is one, and is lost otherwise; the error says how much, and what was lost before if no [Sink.Flush] has told it.
// It ends soon after ctx. Called again, it waits for the first call.
func (s *Sink) Shutdown(ctx context.Context) error {
	s.shutdown.Do(func() {
		s.mu.Lock()
		s.closing = true
		w := s.beginWaiting()
		s.mu.Unlock()
		s.wait(ctx, w)
		lost := s.stop()
		lost.addCount(w.lost)
		s.shutdownErr = lossError(lost)
		if late := s.Stats().LostBy(CauseShutdown); late.Blocks > 0 {
			late := fmt.Errorf("%d events of telemetry in %d blocks could not be sent in time", late.Events, late.Blocks)
			s.shutdownErr = errors.Join(s.shutdownErr, late)
		}
	})
	return s.shutdownErr
}

// stopGrace is how long Shutdown may take longer than its context for what does not end when it is cancelled: a decorator
// or a transport of the program's, an encoder.
const stopGrace = 5 * time.Second

// abandon waits for everything that was begun. What does not end in time is left to itself, and so is its item: nothing
// that it does counts any more.
func (s *Sink) abandon() {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.working.Wait()
		s.poster.close()
	}()
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	select {
	case <-ended:
	case <-grace.C:
		s.mu.Lock()
		for k := range s.queues {
			for it := s.queues[k].first; it != nil; it = it.next {
				it.abandoned = it.busy
			}
		}
		s.mu.Unlock()
		s.write(message{text: "a request of telemetry does not end although it was cancelled"})
	}
}

// stop ends everything that is under way, and keeps or counts what is left. It returns what was lost before that.
func (s *Sink) stop() (lost Count) {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.cancel()
	s.poke()
	s.abandon()

	if s.spool != nil {
		s.spoolRest()
	}
	s.mu.Lock()
	lost = s.untold
	var gone []*item
	for k := range s.queues {
		for it := s.queues[k].first; it != nil; it = s.queues[k].first {
			if it.file == "" {
				if lost := s.lose(it, CauseShutdown); !it.abandoned {
					gone = append(gone, lost...)
				}
				continue
			}
			s.left.add(it.events, it.bytes)
			s.spooled.sub(it.events, it.bytes)
			s.queues[k].remove(it)
			s.departed(it, true)
		}
	}
	s.dismissWaiters()
	left := s.left
	s.mu.Unlock()
	s.discard(gone)
	s.report(time.Now(), true)
	if left.Blocks > 0 {
		s.write(message{info: true, text: "telemetry that could not be sent is kept for the next start", args: []any{
			"blocks", left.Blocks, "events", left.Events, "folder", s.opts.Spool,
		}})
	}
	return lost
}
