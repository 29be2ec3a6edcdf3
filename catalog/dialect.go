package catalog

import (
	"context"
	"embed"
)

// dialect is all that differs between the databases; the statements in sql/ are shared.
type dialect struct {
	name       string
	numbered   bool     // placeholders are $1, $2, … and not ?
	rowLocks   bool     // writers run side by side; lines that begin with "--pg:" are part of a statement
	migrations embed.FS // migrations/<name>/NNNN_*.sql

	// hasMigrations tells whether the table of migrations is there.
	hasMigrations string
	// lockMigrations makes the transaction the only one that migrates.
	lockMigrations func(context.Context, *session) error
	// checkWritable fails when the transaction could not write.
	checkWritable func(context.Context, *session) error
	// transient reports whether err may pass: the database is locked, full or out of reach.
	transient func(error) bool
	// retry reports whether the transaction that failed with err should be run again at once.
	retry func(error) bool
}
