package catalog

import (
	"context"
	"database/sql"
)

// FailedPending returns the pending blocks whose decoding has failed, those in quarantine among them, and those that could not
// be tried, by view and in the order of their insertion; without payloads, streams and processes.
func (r *Reader) FailedPending(ctx context.Context) ([]PendingBlock, error) {
	var list []PendingBlock
	var p PendingBlock
	dest := append([]any{(*string)(&p.View), &p.Attempts, &p.LastError, (*int64)(&p.NotBefore), &p.Quarantined}, p.Block.dest()...)
	err := r.s.each(ctx, query{name: "failed_pending"}, func(rows *sql.Rows) error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		list = append(list, p)
		return nil
	})
	return list, err
}
