package catalog

import (
	"context"
	"database/sql"
)

// SegmentsInUse tells which of the keys hold payloads of recorded or staged blocks, or of deleted ones that queries may still read;
// the others are missing from the result. A segment is written before its blocks are recorded: only one that is older
// than any append takes is an orphan.
func (db *DB) SegmentsInUse(ctx context.Context, keys []string) (map[string]bool, error) {
	return db.inUse(ctx, keys, "segments_in_use", "staged_segments", "wasted_segments")
}

// FilesInUse tells which of the keys are files of partitions, live or retired; the others are missing from the result.
// What SegmentsInUse says about orphans holds for them too.
func (db *DB) FilesInUse(ctx context.Context, keys []string) (map[string]bool, error) {
	return db.inUse(ctx, keys, "files_in_use")
}

func (db *DB) inUse(ctx context.Context, keys []string, names ...string) (map[string]bool, error) {
	values := make([]any, len(keys))
	for i, key := range keys {
		values[i] = key
	}
	used := make(map[string]bool)
	err := db.Read(ctx, func(r *Reader) error {
		if err := r.notNewer(ctx); err != nil {
			return err
		}
		return listBatches(values, func(batch []any) error {
			for _, name := range names {
				if err := r.s.each(ctx, query{name: name, n: len(batch), args: batch}, collect(used)); err != nil {
					return err
				}
			}
			return nil
		})
	})
	return used, err
}

// collect adds a row's only column, a string, to set.
func collect(set map[string]bool) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var s string
		if err := rows.Scan(&s); err != nil {
			return err
		}
		set[s] = true
		return nil
	}
}

// notNewer fails when a newer program has migrated the database since this one opened it. Its tables may mention objects that
// this program takes for orphans.
func (r *Reader) notNewer(ctx context.Context) error {
	steps, err := migrations(r.s.db.dialect)
	if err != nil {
		return err
	}
	var version int
	if err := r.s.one(ctx, query{name: "schema_version"}, &version); err != nil {
		return err
	}
	if version > len(steps) {
		return newerSchema(version, len(steps))
	}
	return nil
}
