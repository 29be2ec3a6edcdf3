package flightsql

import (
	"bytes"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// sender is the stream of a DoGet. Send blocks until the transport takes the message: with HTTP/2 flow control that is
// when the client reads.
type sender interface {
	Send(*flight.FlightData) error
}

// writer puts record batches on a stream, cut to size. Dictionaries travel before the batch that needs them, again
// whenever they differ from those sent before; never as deltas, which some clients cannot read.
type writer struct {
	ipc *ipc.Writer
}

// newWriter sends the schema at once, so that the caller has it while the first batch is computed, and also when none
// ever comes.
func newWriter(stream sender, schema *arrow.Schema) (*writer, error) {
	p := &payloads{stream: stream}
	first := ipc.GetSchemaPayload(schema, memory.DefaultAllocator)
	defer first.Release()
	if err := p.WritePayload(first); err != nil {
		return nil, err
	}
	p.skip = true // the ipc.Writer sends the same one with its first batch
	return &writer{ipc.NewWriterWithPayloadWriter(p, ipc.WithSchema(schema), ipc.WithAllocator(memory.DefaultAllocator))}, nil
}

func (w *writer) write(batch arrow.RecordBatch) error {
	for part := range cut(batch, maxBatch) {
		if err := w.ipc.Write(part); err != nil {
			return fmt.Errorf("send a batch of %d rows: %w", part.NumRows(), err)
		}
	}
	return nil
}

// close releases the dictionaries that were kept for comparison; it sends nothing.
func (w *writer) close() { _ = w.ipc.Close() }

// payloads turns IPC messages into Flight messages.
type payloads struct {
	stream sender
	skip   bool // leave out the next one
	body   bytes.Buffer
}

func (*payloads) Start() error { return nil }
func (*payloads) Close() error { return nil }

// WritePayload sends one message. The buffers are free again when Send returns: gRPC has marshaled the message by then.
func (p *payloads) WritePayload(m ipc.Payload) error {
	if p.skip {
		p.skip = false
		return nil
	}
	head := m.Meta()
	defer head.Release()
	p.body.Reset()
	if err := m.SerializeBody(&p.body); err != nil {
		return err
	}
	err := p.stream.Send(&flight.FlightData{DataHeader: head.Bytes(), DataBody: p.body.Bytes()})
	if err != nil && status.Code(err) != codes.Internal {
		return fault.Wrap(fault.Canceled, "the caller does not read the answer any more", err)
	}
	return err
}
