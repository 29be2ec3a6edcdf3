package flightsql

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// messages are what a client has sent: a schema, then dictionaries and batches.
type messages interface {
	// Recv returns io.EOF after the last one.
	Recv() (*flight.FlightData, error)
}

// putMessages are the messages of a DoPut whose first has been read. They are verified before anything reads them.
type putMessages struct {
	first  *flight.FlightData
	stream messages
	seen   func(*flight.FlightData) error // may be nil
	failed error                          // why there is no next one; nil after the last
}

// Recv returns the next message, beginning with the first.
func (p *putMessages) Recv() (m *flight.FlightData, err error) {
	if m = p.first; m != nil {
		p.first = nil
	} else if m, err = p.stream.Recv(); errors.Is(err, io.EOF) {
		return nil, err
	}
	// A message without a header has only metadata, which nobody here reads.
	if err == nil && len(m.GetDataHeader()) > 0 {
		err = verifyHeader(m.GetDataHeader())
	}
	if err == nil && p.seen != nil {
		err = p.seen(m)
	}
	p.failed = err
	return m, err
}

// batches begins to read, with at most so many bytes of memory for what is not as it came, such as compressed batches. The
// schema must be in the first message. The caller asks ended when Next has returned false.
func (p *putMessages) batches(memory int64) (*flight.Reader, error) {
	if len(p.first.GetDataHeader()) == 0 {
		return nil, fault.New(fault.Invalid, "the first message has no schema")
	}
	r, err := flight.NewRecordReader(p, ipc.WithAllocator(newBounded(memory)))
	if err != nil {
		return nil, p.because(err)
	}
	return r, nil
}

// ended returns why r has ended: nil when the client has sent everything.
func (p *putMessages) ended(r *flight.Reader) error {
	if p.failed != nil || r.Err() != nil {
		return p.because(r.Err())
	}
	return nil
}

// because prefers our own reason, or the transport's, to what the reader made of it.
func (p *putMessages) because(err error) error {
	switch {
	case fault.Of(p.failed) != nil:
		return p.failed
	case p.failed != nil:
		return fault.Wrap(fault.Canceled, "the caller has ended the call", p.failed)
	}
	return fault.Wrap(fault.Invalid, "a batch cannot be read", err)
}

// bounded is an allocator that panics rather than give out more than its limit at a time: a few bytes of a compressed
// batch can say that they become terabytes. Readers of batches turn the panic into an error.
type bounded struct {
	memory.Allocator
	left atomic.Int64
}

func newBounded(limit int64) *bounded {
	b := &bounded{Allocator: memory.DefaultAllocator}
	b.left.Store(limit)
	return b
}

func (b *bounded) take(size int) {
	if b.left.Add(-int64(size)) < 0 {
		b.left.Add(int64(size))
		panic(fmt.Errorf("a batch needs too much memory: %d bytes more", size))
	}
}

// Allocate implements memory.Allocator.
func (b *bounded) Allocate(size int) []byte {
	b.take(size)
	return b.Allocator.Allocate(size)
}

// Reallocate implements memory.Allocator.
func (b *bounded) Reallocate(size int, old []byte) []byte {
	b.take(size - len(old))
	return b.Allocator.Reallocate(size, old)
}

// Free implements memory.Allocator.
func (b *bounded) Free(p []byte) {
	b.left.Add(int64(len(p)))
	b.Allocator.Free(p)
}
