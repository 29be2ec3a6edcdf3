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

// TicksAt turns a moment into ticks of what is sent. It goes by the monotonic reading where t has one.
func (f Foreign) TicksAt(t time.Time) telemetry.Ticks {
	return telemetry.Ticks(t.Sub(f.r.clock.start) + f.r.clock.ahead)
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
