package query

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// result streams the rows of a query in the types of clients.
type result struct {
	ctx     context.Context //nolint:containedctx // starts the statement again for each row of parameters
	edge    *edge
	rows    array.RecordReader // nil before the first run and after the last
	runs    *runs
	left    int64 // rows that may still be given out; negative means all
	plan    *plan
	session Session
	input   *input
	cancel  context.CancelFunc

	releases atomic.Int64 // Retain minus Release; -1 when done
	mu       sync.Mutex   // a Release from another goroutine ends the query, then waits for Next
	batch    arrow.RecordBatch
	err      error
}

func (r *result) Schema() *arrow.Schema { return r.edge.schema }

func (r *result) Next() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop()
	if r.releases.Load() < 0 {
		return false
	}
	for r.err == nil && r.left != 0 && r.rows != nil {
		if !r.rows.Next() {
			err := r.rows.Err()
			if err == nil {
				r.rows.Release()
				r.rows, err = r.runs.next(r.ctx)
			}
			if err != nil {
				r.err = located(r.plan.stmt.sql, r.plan.located(r.input.blame(r.ctx, err)))
			}
			continue
		}
		batch := r.rows.RecordBatch()
		if batch.NumRows() == 0 {
			continue
		}
		converted, err := r.edge.convert(batch)
		if err != nil {
			r.err = located(r.plan.stmt.sql, err)
			return false
		}
		if r.left > 0 && converted.NumRows() > r.left {
			whole := converted
			converted = whole.NewSlice(0, r.left)
			whole.Release()
		}
		if r.left > 0 {
			r.left -= converted.NumRows()
		}
		r.batch = converted
		return true
	}
	return false
}

func (r *result) drop() {
	if r.batch != nil {
		r.batch.Release()
		r.batch = nil
	}
}

func (r *result) RecordBatch() arrow.RecordBatch { return r.batch }

func (r *result) Record() arrow.RecordBatch { return r.batch }

func (r *result) Err() error { return r.err }

func (r *result) Retain() { r.releases.Add(1) }

// Release ends the query with the last reference and gives everything back. Another goroutine may be in Next.
func (r *result) Release() {
	if r.releases.Add(-1) != -1 {
		return
	}
	r.cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rows != nil {
		r.rows.Release()
	}
	r.drop()
	r.session.Close()
	r.input.close()
}

// runs starts a prepared statement, with the values of one row of parameters after the other.
type runs struct {
	session Session
	plan    *plan
	direct  array.RecordReader // the answer when the engine has nothing to do with it
	columns *arrow.Schema      // as they were planned
	values  []arrow.Array      // in the order of the session's parameters; nil without any
	count   int                // how often it runs
	begun   int
}

// next starts the next run; the rows of the one before have been released. nil when there is none.
func (r *runs) next(ctx context.Context) (array.RecordReader, error) {
	if r.begun == r.count {
		return nil, nil
	}
	if r.direct != nil {
		r.begun++
		r.direct.Retain()
		return r.direct, nil
	}
	if r.values != nil {
		if err := r.session.Bind(ctx, r.values, r.begun); err != nil {
			return nil, r.plan.located(err)
		}
	}
	r.begun++
	rows, err := r.session.Run(ctx)
	if err != nil {
		return nil, r.plan.located(err)
	}
	if r.values == nil || r.plan.explain() != "" {
		return rows, nil
	}
	for i, f := range rows.Schema().Fields() {
		if i >= r.columns.NumFields() || !arrow.TypeEqual(f.Type, r.columns.Field(i).Type) {
			rows.Release()
			return nil, &fault.Error{
				Kind: fault.Invalid, Msg: "the type of column " + f.Name + " depends on the values of parameters",
				Fix: "cast the parameters in the statement",
			}
		}
	}
	return rows, nil
}
