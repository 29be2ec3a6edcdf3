package catalog

import (
	"context"
	"fmt"

	"github.com/micromegas-go/micromegas/telemetry"
)

// Retired returns up to limit partitions that retired before a moment, oldest first; 0 means 1024. Queries that began
// before they retired may still read their files. Those that were set aside, see ReopenPartitions, are not among them.
func (db *DB) Retired(ctx context.Context, before telemetry.Time, limit int) ([]Partition, error) {
	return db.retired(ctx, before, limit, 0)
}

// SetAside returns up to limit partitions whose files were found broken before a moment, oldest first; 0 means 1024.
func (db *DB) SetAside(ctx context.Context, before telemetry.Time, limit int) ([]Partition, error) {
	return db.retired(ctx, before, limit, 1)
}

func (db *DB) retired(ctx context.Context, before telemetry.Time, limit, broken int) ([]Partition, error) {
	if limit <= 0 {
		limit = defaultClaim
	}
	var list []Partition
	err := db.Read(ctx, func(r *Reader) error {
		list = nil
		q := query{name: "retired_partitions", args: []any{int64(before), broken, limit}}
		return r.s.each(ctx, q, scanPartitions(&list, nil))
	})
	return list, err
}

// Forget removes retired partitions after their files were deleted. Unknown ones are passed over; a live one among them
// is an error, and then nothing is removed.
func (db *DB) Forget(ctx context.Context, partitions []PartitionID) error {
	return db.write(ctx, "forget partitions", func(s *session) error {
		return listBatches(ids(partitions), func(batch []any) error {
			var live int64
			if err := s.one(ctx, query{name: "live_among", n: len(batch), args: batch}, &live); err != nil {
				return err
			}
			if live > 0 {
				return fmt.Errorf("%d of them are live", live)
			}
			_, err := s.exec(ctx, query{name: "forget_partitions", n: len(batch), args: batch})
			return err
		})
	})
}
