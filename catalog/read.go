package catalog

import (
	"context"
	"database/sql"
	"fmt"
)

// Reader reads one snapshot. It is valid only within the call of Read that made it, and for one goroutine.
type Reader struct{ s *session }

// Read calls f with a Reader: everything that it returns belongs to one moment, not before the call of Read.
func (db *DB) Read(ctx context.Context, f func(*Reader) error) error {
	o := &sql.TxOptions{ReadOnly: true}
	if db.dialect == postgresDialect {
		o.Isolation = sql.LevelRepeatableRead
	}
	err := db.transact(ctx, db.reader, o, func(s *session) error { return f(&Reader{s}) })
	if err != nil {
		return fmt.Errorf("read catalog: %w", db.unavailable(err))
	}
	return nil
}
