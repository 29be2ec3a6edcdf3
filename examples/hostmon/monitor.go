package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/micromegas-go/micromegas/wire"
)

// queued is how many flushes wait at most while the server is away; then the newest are dropped, which keeps the
// beginning of an outage. Five minutes at one flush every two seconds.
const queued = 150

var (
	spanRegister = span("register")
	spanEncode   = span("encode")
	spanSend     = span("send")
)

// monitor samples in one goroutine and sends in another, so that a slow server doesn't delay samples.
type monitor struct {
	config   config
	recorder *recorder
	sampler  *sampler
	sender   *sender
	log      *slog.Logger

	sampling, sending *thread
	queue             chan [][]byte // insert_block requests, one slice per flush
}

func newMonitor(c config, root rootFS, stderr io.Writer) *monitor {
	clk := newClock()
	r := newRecorder(clk, describe(clk, c.parent, root))
	log := slog.New(logHandler{recorder: r, next: slog.NewTextHandler(stderr, nil)})
	m := &monitor{
		config: c, recorder: r, log: log, sender: newSender(c, log),
		sampling: r.thread(1, "sampler"), sending: r.thread(2, "sender"),
		queue: make(chan [][]byte, queued),
	}
	m.sampler = newSampler(r, m.sampling, root, log)
	return m
}

// run works until ctx ends, then sends what is left. It fails only when the server refuses this process.
func (m *monitor) run(ctx context.Context) error {
	p := m.recorder.process
	m.log.InfoContext(ctx, "started", "process_id", p.ID, "url", m.config.url, "sample_every", m.config.sampleEvery)

	// Sending goes on after ctx has ended, for as long as the end may take.
	sending, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(m.config.drain, giveUp) })()

	sampling, stop := context.WithCancel(ctx)
	defer stop()
	var (
		wg      sync.WaitGroup
		refused error
	)
	wg.Go(func() {
		if refused = m.send(sending); refused != nil {
			stop() // nothing of this process will be taken
		}
	})
	m.sample(sampling)
	wg.Wait()
	m.sender.client.CloseIdleConnections()
	return refused
}

// sample reads and flushes on time until ctx ends.
func (m *monitor) sample(ctx context.Context) {
	defer close(m.queue)
	sample, flush := time.NewTicker(m.config.sampleEvery), time.NewTicker(m.config.flushEvery)
	defer sample.Stop()
	defer flush.Stop()
	m.sampler.sample(ctx) // rates need two
	for {
		select {
		case <-sample.C:
			m.sampler.sample(ctx)
		case <-flush.C:
			m.flush(ctx)
		case <-ctx.Done():
			m.log.InfoContext(ctx, "stopping")
			m.enqueue(ctx, m.recorder.cut()) // without a span: its end would come after the last block
			return
		}
	}
}

// flush queues what was recorded.
func (m *monitor) flush(ctx context.Context) {
	end := m.sampling.span(&spanEncode)
	bodies := m.recorder.cut()
	end()
	m.enqueue(ctx, bodies)
}

func (m *monitor) enqueue(ctx context.Context, bodies [][]byte) {
	select {
	case m.queue <- bodies:
	default:
		m.log.WarnContext(ctx, "telemetry dropped: the queue is full", "blocks", len(bodies))
	}
}

// send registers this process and its streams and then sends what is queued. It waits for each answer, so that what is
// there can be read. The error says that the server refuses this process; a refused block is only logged.
func (m *monitor) send(ctx context.Context) error {
	if err := m.register(ctx); err != nil {
		if _, refused := err.(*refusedError); refused { //nolint:errorlint // comes unwrapped
			return err
		}
		m.log.WarnContext(ctx, "nothing could be sent", "err", err)
		return nil
	}
	m.log.InfoContext(ctx, "registered")
	for bodies := range m.queue {
		m.sendAll(ctx, bodies)
	}
	return nil
}

func (m *monitor) register(ctx context.Context) error {
	defer m.sending.span(&spanRegister)()
	if err := m.sender.post(ctx, "insert_process", wire.EncodeProcess(m.recorder.process)); err != nil {
		return err
	}
	for _, s := range m.recorder.streams() {
		if err := m.sender.post(ctx, "insert_stream", wire.EncodeStream(s)); err != nil {
			return err
		}
	}
	return nil
}

func (m *monitor) sendAll(ctx context.Context, bodies [][]byte) {
	defer m.sending.span(&spanSend)()
	for _, body := range bodies {
		if err := m.sender.post(ctx, "insert_block", body); err != nil {
			m.log.WarnContext(ctx, "a block is lost", "size", fmt.Sprint(len(body)), "err", err)
		}
	}
}
