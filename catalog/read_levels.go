package catalog

import (
	"context"
	"database/sql"
)

// Level is how much of one level a claim could take.
type Level struct {
	Level int
	Files int64
	Bytes int64
}

// Levels tells what ClaimPartitions could take of each level below c.Level, so that nobody writes in order to find out that
// there is nothing to do.
func (r *Reader) Levels(ctx context.Context, c ClaimPartitions) ([]Level, error) {
	now := int64(r.s.db.timeNow())
	var list []Level
	q := query{name: "level_sizes", args: []any{
		string(c.View), c.Level, orNone(c.MaxFileBytes), now, now, orNone(int64(c.MaxAttempts)),
	}}
	err := r.s.each(ctx, q, func(rows *sql.Rows) error {
		var l Level
		if err := rows.Scan(&l.Level, &l.Files, &l.Bytes); err != nil {
			return err
		}
		list = append(list, l)
		return nil
	})
	return list, err
}

// AnyBelowSchema reports whether there is a partition of an older schema version that ClaimPartitions would take.
func (r *Reader) AnyBelowSchema(ctx context.Context, c ClaimPartitions) (bool, error) {
	now := int64(r.s.db.timeNow())
	found := false
	q := query{name: "any_below_schema", args: []any{string(c.View), c.BelowSchema, now, now, orNone(int64(c.MaxAttempts))}}
	err := r.s.each(ctx, q, func(*sql.Rows) error {
		found = true
		return nil
	})
	return found, err
}
