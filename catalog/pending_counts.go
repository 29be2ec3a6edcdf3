package catalog

import (
	"context"
	"database/sql"
)

// PendingCounts tells what waits to be materialised; the numbers of partitions are not filled in. Unlike [Reader.Counts]
// it costs no more than the pending rows.
func (r *Reader) PendingCounts(ctx context.Context) (map[View]ViewCounts, error) {
	counts := make(map[View]ViewCounts)
	for _, v := range Views() {
		counts[v] = ViewCounts{}
	}
	q := query{name: "pending_counts", args: []any{int64(r.s.db.timeNow())}}
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
