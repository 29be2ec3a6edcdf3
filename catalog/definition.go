package catalog

import (
	"context"
	"database/sql"
	"errors"

	"github.com/micromegas-go/micromegas/telemetry"
)

// Definition is a view that an administrator has defined in SQL. What its text means is up to others.
type Definition struct {
	Name        string
	SQL         string // the statement as it was sent
	UpdateGroup int32
	Updated     telemetry.Time
	UpdatedBy   string // "" when nobody said who he was
}

// ErrExists means that there is something of that name already.
var ErrExists = errors.New("exists already")

// PutDefinition records d. Without replace, a definition of that name makes it ErrExists; replaced says whether there
// was one.
func (db *DB) PutDefinition(ctx context.Context, d Definition, replace bool) (replaced bool, err error) {
	d.Updated, d.SQL, d.UpdatedBy = db.timeNow(), clean(d.SQL), clean(d.UpdatedBy)
	err = db.write(ctx, "define view "+d.Name, func(s *session) error {
		n, err := s.exec(ctx, query{name: "delete_definition", args: []any{d.Name}})
		if err != nil {
			return err
		}
		if replaced = n > 0; replaced && !replace {
			return ErrExists
		}
		_, err = s.exec(ctx, query{name: "insert_definition", args: []any{d.Name, d.SQL, d.UpdateGroup, int64(d.Updated), d.UpdatedBy}})
		return err
	})
	return replaced, err
}

// DeleteDefinition removes a definition, or is ErrNotFound.
func (db *DB) DeleteDefinition(ctx context.Context, name string) error {
	return db.write(ctx, "drop view "+name, func(s *session) error {
		n, err := s.exec(ctx, query{name: "delete_definition", args: []any{name}})
		if err == nil && n == 0 {
			return ErrNotFound
		}
		return err
	})
}

// Definitions returns all definitions by name.
func (db *DB) Definitions(ctx context.Context) ([]Definition, error) {
	var list []Definition
	err := db.Read(ctx, func(r *Reader) error {
		list = nil
		return r.s.each(ctx, query{name: "definitions"}, func(rows *sql.Rows) error {
			var d Definition
			err := rows.Scan(&d.Name, &d.SQL, &d.UpdateGroup, (*int64)(&d.Updated), &d.UpdatedBy)
			list = append(list, d)
			return err
		})
	})
	return list, err
}
