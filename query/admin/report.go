package admin

import (
	"context"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/micromegas-go/micromegas/internal/fault"
)

var (
	typeTime = &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "+00:00"}
	typeText = arrow.BinaryTypes.String

	messageSchema = arrow.NewSchema([]arrow.Field{{Name: "time", Type: typeTime, Nullable: true}, {Name: "msg", Type: typeText, Nullable: true}}, nil)
)

// report reads what an operation says while it works. The operation goes on while nobody reads, to its end or that of the
// context: releasing the reader waits for it, as half of an operation is not what a LIMIT asks for.
type report struct {
	cancel context.CancelFunc
	ended  chan struct{} // closed when the operation has ended

	mu    sync.Mutex
	said  []message
	more  chan struct{} // has room for one: something was said
	err   error         // of the operation; set before ended is closed
	batch arrow.RecordBatch
}

type message struct {
	at  time.Time
	msg string
}

func (f *Functions) report(ctx context.Context, name string, args []string, do work) *report {
	ctx, cancel := context.WithCancel(ctx)
	r := &report{cancel: cancel, ended: make(chan struct{}), more: make(chan struct{}, 1)}
	go func() {
		defer close(r.ended)
		last := ""
		r.err = do(ctx, func(msg string) {
			last = msg
			r.mu.Lock()
			r.said = append(r.said, message{f.now(), msg})
			r.mu.Unlock()
			select {
			case r.more <- struct{}{}:
			default:
			}
		})
		f.audit(ctx, name, args, last, r.err)
	}()
	return r
}

func (r *report) Schema() *arrow.Schema { return messageSchema }
func (r *report) Retain()               {}

// Release waits until the operation has ended.
func (r *report) Release() {
	<-r.ended
	r.cancel()
	r.drop()
}

func (r *report) drop() {
	if r.batch != nil {
		r.batch.Release()
		r.batch = nil
	}
}

// Next waits until something was said, or the operation has ended.
func (r *report) Next() bool {
	r.drop()
	for {
		r.mu.Lock()
		said := r.said
		r.said = nil
		r.mu.Unlock()
		if len(said) > 0 {
			r.batch = messages(said)
			return true
		}
		select {
		case <-r.more:
		case <-r.ended:
			r.mu.Lock()
			rest := len(r.said)
			r.mu.Unlock()
			if rest == 0 {
				return false
			}
		}
	}
}

// Err is why the operation has failed.
func (r *report) Err() error {
	select {
	case <-r.ended:
	default:
		return nil
	}
	if r.err != nil && fault.Of(r.err) == nil {
		return fault.Wrap(fault.Internal, "the operation failed", r.err)
	}
	return r.err
}

func (r *report) RecordBatch() arrow.RecordBatch { return r.batch }
func (r *report) Record() arrow.RecordBatch      { return r.batch }

func messages(list []message) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, messageSchema)
	defer b.Release()
	for _, m := range list {
		b.Field(0).(*array.TimestampBuilder).Append(arrow.Timestamp(m.at.UnixNano()))
		b.Field(1).(*array.StringBuilder).Append(m.msg)
	}
	return b.NewRecordBatch()
}
