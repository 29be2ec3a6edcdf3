package sdk

import (
	"context"
	"time"

	"github.com/micromegas-go/micromegas/sdk/sink"
	"github.com/micromegas-go/micromegas/telemetry"
)

// Foreign is the way into the process for another library that records by itself and makes blocks of its own, such as
// package otelbridge. Its blocks go the way of the recorder's own.
type Foreign struct{ r *Recorder }

// Foreign returns the way in.
func (r *Recorder) Foreign() Foreign { return Foreign{r} }

// Process is the record of the process.
func (f Foreign) Process() telemetry.Process { return f.r.process }

// farthest is how far from the start of the process a moment can be: what servers store is 64 bits of nanoseconds since
// 1970, and a clock that was never set must not spoil the block that it is in.
const farthest = 100 * 365 * 24 * time.Hour

// TicksAt turns a moment into ticks of what is sent. It goes by the monotonic reading where t has one. Moments that are
// more than a century away become that.
func (f Foreign) TicksAt(t time.Time) telemetry.Ticks {
	c := f.r.clock
	since := int64(min(max(t.Sub(c.start), -farthest), farthest) + c.ahead)
	if t != t.Round(0) { // it has a monotonic reading
		since = c.awake(since)
	}
	return telemetry.Ticks(since)
}

// Stream announces a stream, once, before its first block.
func (f Foreign) Stream(id telemetry.StreamID, body []byte) {
	if f.r.sink != nil {
		f.r.sink.Stream(id, body)
	}
}

// Block hands a block over.
func (f Foreign) Block(b sink.Block) {
	if f.r.sink != nil {
		f.r.sink.Block(b)
	}
}

// Flush waits until what was handed over is stored, or ctx ends.
func (f Foreign) Flush(ctx context.Context) error {
	if f.r.sink == nil {
		return nil
	}
	return f.r.sink.Flush(ctx)
}
