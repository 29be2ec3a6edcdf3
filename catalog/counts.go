package catalog

import (
	"context"
	"database/sql"
)

// Counts tells how much there is. It counts rows: not for every request.
func (r *Reader) Counts(ctx context.Context) (Counts, error) {
	var c Counts
	err := r.s.one(ctx, query{name: "counts"}, &c.Processes, &c.Streams, &c.Blocks, &c.Orphans, &c.Retired, &c.SetAside)
	if err != nil {
		return Counts{}, err
	}
	if c.Views, err = r.PendingCounts(ctx); err != nil {
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

// PendingCounts tells what waits to be materialised; the numbers of partitions are not filled in. Unlike [Reader.Counts]
// it costs no more than the pending rows.
func (r *Reader) PendingCounts(ctx context.Context) (map[View]ViewCounts, error) {
	counts := make(map[View]ViewCounts)
	for _, v := range Views() {
		counts[v] = ViewCounts{}
	}
	now := int64(r.s.db.timeNow())
	q := query{name: "pending_counts", args: []any{now, now}}
	err := r.s.each(ctx, q, func(rows *sql.Rows) error {
		var view View
		var v ViewCounts
		err := rows.Scan(&view, &v.Pending, &v.Quarantined, &v.Claimed, &v.PendingBytes, &v.OldestPending,
			&v.Free, &v.FreeBytes, &v.OldestFree)
		counts[view] = v
		return err
	})
	return counts, err
}
