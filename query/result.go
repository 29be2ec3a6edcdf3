package query

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// result streams the rows of a query in the types of clients.
type result struct {
	edge    *edge
	rows    array.RecordReader
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
	for r.err == nil && r.left != 0 {
		if !r.rows.Next() {
			if err := r.rows.Err(); err != nil {
				r.err = located(r.plan.stmt.sql, r.plan.located(err))
			}
			return false
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
	r.rows.Release()
	r.drop()
	r.session.Close()
	r.input.close()
}
