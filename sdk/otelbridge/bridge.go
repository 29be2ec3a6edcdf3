package otelbridge

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/micromegas-go/micromegas/sdk/sink"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// Recorder is the process that everything belongs to: what the Foreign method of an *sdk.Recorder returns.
type Recorder interface {
	// Process is the record of the process.
	Process() telemetry.Process
	// TicksAt turns a moment into ticks of the process's clock, such that a server can store them.
	TicksAt(t time.Time) telemetry.Ticks
	// Stream announces a stream.
	Stream(id telemetry.StreamID, body []byte)
	// Block hands a block over.
	Block(b sink.Block)
	// Flush waits until what was handed over is stored, or ctx ends.
	Flush(ctx context.Context) error
}

// Options of [New]. Recorder is required.
type Options struct {
	Recorder Recorder
	// FlushPeriod is how long spans and records wait at most before they go to the sink; 0 means 5s.
	FlushPeriod time.Duration
	// BlockBytes is the size at which they go before that; 0 means 1 MiB.
	BlockBytes int
}

const (
	defaultFlushPeriod = 5 * time.Second
	defaultBlockBytes  = 1 << 20
)

// Bridge carries from OpenTelemetry to a recorder.
type Bridge struct {
	opts    Options
	spans   *outlet[wire.SpanBuilder]
	metrics *outlet[wire.MetricBuilder]
	logs    *outlet[wire.LogBuilder]

	depths sync.Map // of spans that have begun and not ended: trace.SpanID → uint32

	stop    chan struct{}
	once    sync.Once
	running sync.WaitGroup
}

// New starts a bridge; [Bridge.Shutdown] ends it.
func New(o Options) *Bridge {
	if o.FlushPeriod <= 0 {
		o.FlushPeriod = defaultFlushPeriod
	}
	if o.BlockBytes <= 0 {
		o.BlockBytes = defaultBlockBytes
	}
	b := &Bridge{
		opts:    o,
		spans:   newOutlet(o, sink.Spans, telemetry.TagCPU, wire.SpanLayouts, (*wire.SpanBuilder).Finish, (*wire.SpanBuilder).Size),
		metrics: newOutlet(o, sink.Metrics, telemetry.TagMetrics, wire.MetricLayouts, (*wire.MetricBuilder).Finish, (*wire.MetricBuilder).Size),
		logs:    newOutlet(o, sink.Logs, telemetry.TagLog, wire.LogLayouts, (*wire.LogBuilder).Finish, (*wire.LogBuilder).Size),
		stop:    make(chan struct{}),
	}
	b.running.Go(b.run)
	return b
}

// run hands over what waits, from time to time.
func (b *Bridge) run() {
	tick := time.NewTicker(b.opts.FlushPeriod)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			b.handOver()
		case <-b.stop:
			return
		}
	}
}

func (b *Bridge) handOver() {
	b.spans.close()
	b.metrics.close()
	b.logs.close()
}

// Flush hands everything over and waits until it is stored, or ctx ends.
func (b *Bridge) Flush(ctx context.Context) error {
	b.handOver()
	return b.opts.Recorder.Flush(ctx)
}

// Shutdown flushes and stops the bridge, and leaves the recorder as it is. Providers that use the bridge should be shut
// down before.
func (b *Bridge) Shutdown(ctx context.Context) error {
	b.once.Do(func() { close(b.stop) })
	b.running.Wait()
	return b.Flush(ctx)
}

// ticks are those of a moment; of now when nobody said when.
func (b *Bridge) ticks(at time.Time) telemetry.Ticks {
	if at.IsZero() {
		at = time.Now()
	}
	return b.opts.Recorder.TicksAt(at)
}

// errNothing is the answer to calls without data.
var errNothing = errors.New("otelbridge: no data")
