package duck

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	bindings "github.com/duckdb/duckdb-go-bindings"
)

// DuckDB hands rows out in chunks of 2048. They are put together into batches of about batchRows, but a batch is not
// held back for longer than batchWait, and the first goes out at once.
const (
	batchRows = 32 << 10
	batchWait = 20 * time.Millisecond
)

// reader streams the rows of a running statement.
type reader struct {
	ctx     context.Context //nolint:containedctx // ends the statement between calls of Next
	cancel  context.CancelFunc
	p       *prepared
	schema  *arrow.Schema
	mu      sync.Mutex // a Release from another goroutine waits for Next
	refs    atomic.Int64
	pending bindings.PendingResult
	result  bindings.Result
	options bindings.ArrowOptions
	target  int // rows of the next batch
	batch   arrow.RecordBatch
	ended   bool
	err     error
}

var _ array.RecordReader = (*reader)(nil)

// run starts the statement. Its first rows are computed before run returns; the others on demand.
func (p *prepared) run(ctx context.Context) (*reader, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &reader{ctx: ctx, cancel: cancel, p: p}
	r.refs.Store(1)
	var err error
	if e := p.instance.during(ctx, func() { err = r.start() }); e != nil {
		err = e
	}
	if err != nil {
		r.Release()
		return nil, err
	}
	return r, nil
}

func (r *reader) start() error {
	if bindings.PendingPreparedStreaming(r.p.stmt, &r.pending) == bindings.StateError {
		return classify(r.ctx, bindings.PendingError(r.pending))
	}
	if bindings.ExecutePending(r.pending, &r.result) == bindings.StateError {
		return classify(r.ctx, bindings.ResultError(&r.result))
	}
	r.options = bindings.ResultGetArrowOptions(&r.result)
	n := bindings.ColumnCount(&r.result)
	names, types := make([]string, n), make([]bindings.LogicalType, n)
	for c := range n {
		names[c] = bindings.ColumnName(&r.result, c)
		types[c] = bindings.ColumnLogicalType(&r.result, c)
	}
	var err error
	r.schema, err = arrowSchema(r.options, names, types)
	return err
}

func (r *reader) Schema() *arrow.Schema { return r.schema }

// Next fetches the next batch.
func (r *reader) Next() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop()
	if r.ended || r.refs.Load() == 0 {
		return false
	}
	var parts []arrow.RecordBatch
	var err error
	if e := r.p.instance.during(r.ctx, func() { parts, err = r.fetch() }); e != nil {
		err = e
	}
	if err == nil {
		r.batch, err = join(r.schema, parts)
	}
	for _, part := range parts {
		part.Release()
	}
	if err != nil {
		r.err, r.ended = err, true
		return false
	}
	return r.batch != nil
}

// fetch collects chunks for a batch. Those that came before an error are dropped with it: the caller sees the error one
// batch earlier than it could.
func (r *reader) fetch() (parts []arrow.RecordBatch, err error) {
	begin := time.Now()
	for rows := 0; rows == 0 || rows < r.target && time.Since(begin) < batchWait; {
		chunk := bindings.FetchChunk(r.result)
		if chunk.Ptr == nil {
			r.ended = true
			if text := bindings.ResultError(&r.result); text != "" {
				return parts, classify(r.ctx, text)
			}
			return parts, nil
		}
		var part arrow.RecordBatch
		var problem bindings.ErrorData
		r.p.instance.account.loosely(func() { part, problem = bindings.DataChunkToArrowArray(r.options, r.schema, chunk) })
		bindings.DestroyDataChunk(&chunk)
		if err := dataError(problem); err != nil {
			return parts, err
		}
		parts = append(parts, part)
		rows += int(part.NumRows())
	}
	r.target = batchRows
	return parts, nil
}

// join makes one batch of parts; nil of none.
func join(schema *arrow.Schema, parts []arrow.RecordBatch) (arrow.RecordBatch, error) {
	switch len(parts) {
	case 0:
		return nil, nil
	case 1:
		parts[0].Retain()
		return parts[0], nil
	}
	columns := make([]arrow.Array, schema.NumFields())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	pieces := make([]arrow.Array, len(parts))
	var rows int64
	for c := range columns {
		rows = 0
		for p, part := range parts {
			pieces[p] = part.Column(c)
			rows += part.NumRows()
		}
		var err error
		if columns[c], err = array.Concatenate(pieces, memory.DefaultAllocator); err != nil {
			return nil, err
		}
	}
	return array.NewRecordBatch(schema, columns, rows), nil
}

func (r *reader) drop() {
	if r.batch != nil {
		r.batch.Release()
		r.batch = nil
	}
}

func (r *reader) RecordBatch() arrow.RecordBatch { return r.batch }

func (r *reader) Record() arrow.RecordBatch { return r.batch }

func (r *reader) Err() error { return r.err }

func (r *reader) Retain() { r.refs.Add(1) }

// Release ends the statement with the last reference, also while another goroutine is in Next.
func (r *reader) Release() {
	if r.refs.Add(-1) != 0 {
		return
	}
	r.cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop()
	bindings.Interrupt(r.p.instance.conn)
	bindings.DestroyArrowOptions(&r.options)
	bindings.DestroyResult(&r.result)
	bindings.DestroyPending(&r.pending)
}
