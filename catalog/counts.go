package catalog

import (
	"context"
	"database/sql"
)

// Counts tells how much there is. It counts rows: not for every request.
func (r *Reader) Counts(ctx context.Context) (Counts, error) {
	c := Counts{Views: make(map[View]ViewCounts)}
	for _, v := range Views() {
		c.Views[v] = ViewCounts{}
	}
	err := r.s.one(ctx, query{name: "counts"}, &c.Processes, &c.Streams, &c.Blocks, &c.Orphans, &c.Retired)
	if err != nil {
		return Counts{}, err
	}
	q := query{name: "pending_counts", args: []any{int64(r.s.db.timeNow())}}
	err = r.s.each(ctx, q, func(rows *sql.Rows) error {
		var view View
		var v ViewCounts
		err := rows.Scan(&view, &v.Pending, &v.Quarantined, &v.Claimed, &v.PendingBytes, &v.OldestPending,
			&v.Free, &v.FreeBytes, &v.OldestFree)
		c.Views[view] = v
		return err
	})
	if err != nil {
		return Counts{}, err
	}
	err = r.s.each(ctx, query{name: "partition_counts"}, func(rows *sql.Rows) error {
		var view View
		var n ViewCounts
		err := rows.Scan(&view, &n.Partitions, &n.Rows, &n.Bytes, &n.Blocks)
		v := c.Views[view]
		v.Partitions, v.Rows, v.Bytes, v.Blocks = n.Partitions, n.Rows, n.Bytes, n.Blocks
		c.Views[view] = v
		return err
	})
	return c, err
}
