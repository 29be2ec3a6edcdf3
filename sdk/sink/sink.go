package sink

import (
	"context"

	"github.com/micromegas-go/micromegas/telemetry"
)

// Sink delivers blocks. Its methods may be called by any goroutine; none but [Sink.Flush] and [Sink.Shutdown] waits.
type Sink struct{}

// New starts a sink; [Sink.Shutdown] ends it.
func New(o Options) (*Sink, error) {
	_, err := o.withDefaults()
	return &Sink{}, err
}

// Process is the body of the insert_process request. It is sent at once, and again whenever the server may have lost it.
func (s *Sink) Process(body []byte) {}

// Stream is the body of the insert_stream request of one stream. It is sent before the stream's first block, and again
// whenever the server may have lost it.
func (s *Sink) Stream(id telemetry.StreamID, body []byte) {}

// Block hands b over.
func (s *Sink) Block(b Block) {}

// Flush waits until the server has acknowledged all that was handed over before the call. It returns an error when ctx
// ends before, and when some of it was lost.
func (s *Sink) Flush(ctx context.Context) error { return nil }

// Shutdown sends what is left, until ctx ends, and stops the sink. What could not be sent then goes into the spool if
// there is one, and is lost otherwise; the error says how much.
func (s *Sink) Shutdown(ctx context.Context) error { return nil }

// Stats returns what was done so far.
func (s *Sink) Stats() Stats { return Stats{} }
