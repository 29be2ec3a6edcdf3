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
// held back for longer than batchWait or beyond batchBytes, and the first goes out at once.
const (
	batchRows  = 32 << 10
	batchBytes = 4 << 20
	batchWait  = 20 * time.Millisecond
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
	over    arrow.RecordBatch // of many bytes by itself, read behind batch
	ended   bool
	err     error

	gone   bool        // the statement has been let go of
	unshed func() bool // the guard's ending the query lets go of it no more
}

var _ array.RecordReader = (*reader)(nil)

// run starts the statement. Its first rows are computed before run returns; the others on demand.
func (p *prepared) run(ctx context.Context) (*reader, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &reader{ctx: ctx, cancel: cancel, p: p}
	r.refs.Store(1)
	r.unshed = context.AfterFunc(p.instance.doomed, r.shed)
	var err error
	r.mu.Lock()
	if e := p.instance.during(ctx, func() { err = r.start() }); e != nil {
		err = e
	}
	r.mu.Unlock()
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
	if r.over != nil {
		r.batch, r.over = r.over, nil
		return true
	}
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
	bytes := 0
	for rows := 0; rows == 0 || rows < r.target && bytes < batchBytes && time.Since(begin) < batchWait; {
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
			return parts, classify(r.ctx, err.Error())
		}
		size := sizeOf(part)
		if len(parts) > 0 && size >= batchBytes { // is not copied
			r.over = part
			break
		}
		parts = append(parts, part)
		rows += int(part.NumRows())
		bytes += size
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

// sizeOf is about how many bytes a batch has.
func sizeOf(batch arrow.RecordBatch) (n int) {
	for _, c := range batch.Columns() {
		n += int(c.Data().SizeInBytes())
	}
	return n
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
	r.unshed()
	r.cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop()
	r.letGoLocked()
}

// shed ends the statement when the guard has ended the query. Nobody may be reading.
func (r *reader) shed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return
	}
	if r.err == nil {
		r.err = canceled(r.p.instance.doomed)
	}
	r.ended = true
	r.letGoLocked()
	i := r.p.instance
	i.mu.Lock() // Cost reads the account of the statement
	defer i.mu.Unlock()
	i.account.within(func() { // DuckDB frees what a statement held when the next one begins
		var res bindings.Result
		bindings.Query(i.conn, "SELECT 1", &res)
		bindings.DestroyResult(&res)
	})
}

// letGoLocked frees what the statement has.
func (r *reader) letGoLocked() {
	if r.gone {
		return
	}
	r.gone = true
	if r.over != nil {
		r.over.Release()
		r.over = nil
	}
	bindings.Interrupt(r.p.instance.conn)
	r.p.instance.account.within(func() {
		bindings.DestroyArrowOptions(&r.options)
		bindings.DestroyResult(&r.result)
		bindings.DestroyPending(&r.pending)
	})
}
