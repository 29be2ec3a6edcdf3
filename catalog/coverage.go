package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// CheckCoverage verifies the invariant in this package's documentation over the whole database, in one snapshot; the
// error names up to forty violations. It reads everything: for tests and for a doctor.
func (db *DB) CheckCoverage(ctx context.Context) error {
	var violations []error
	err := db.Read(ctx, func(r *Reader) error {
		err := r.s.each(ctx, query{name: "check_coverage"}, func(rows *sql.Rows) error {
			var what, view string
			var block int64
			if err := rows.Scan(&what, &view, &block); err != nil {
				return err
			}
			violations = append(violations, fmt.Errorf("block number %d is %s (view %q)", block, what, view))
			return nil
		})
		if err != nil {
			return err
		}
		return r.s.each(ctx, query{name: "check_partition_sizes"}, func(rows *sql.Rows) error {
			var file, view string
			var want, got int64
			if err := rows.Scan(&file, &view, &want, &got); err != nil {
				return err
			}
			violations = append(violations, fmt.Errorf("partition %s of %s has %d members, not %d", file, view, got, want))
			return nil
		})
	})
	if err != nil {
		return err
	}
	if len(violations) > 0 {
		return fmt.Errorf("the catalog is inconsistent: %w", errors.Join(violations...))
	}
	return nil
}
