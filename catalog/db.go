package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/micromegas-go/micromegas/telemetry"
)

// Options says where the database is. Only DSN is required.
type Options struct {
	DSN         string           // path of an SQLite file, or postgres://…
	BusyTimeout time.Duration    // how long a transaction waits for others' locks and is tried again; 0 means 10s
	Conns       int              // most connections at a time, for reading on SQLite, in all on PostgreSQL; 0 means 8
	Now         func() time.Time // the clock of claims and of what is retired; nil means time.Now
	Log         *slog.Logger     // nil discards

	// KeepSchema leaves the schema as it is: a database that is not migrated is then an error, ErrNotMigrated.
	KeepSchema bool
}

func (o Options) withDefaults() Options {
	if o.BusyTimeout <= 0 {
		o.BusyTimeout = 10 * time.Second
	}
	if o.Conns <= 0 {
		o.Conns = 8
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// DB is an open catalog; it may be used from many goroutines. Several processes may open the same database.
type DB struct {
	dialect *dialect
	texts   texts
	writer  pool
	reader  pool
	now     func() time.Time
	log     *slog.Logger

	busyTimeout time.Duration
	interrupt   func(committed bool) error

	close func() error
}

// pool is a set of connections; on SQLite with the statements prepared on them.
type pool struct {
	*sql.DB
	prepared *prepared // nil where the driver keeps prepared statements itself
}

// Interrupt lets f be called before and after the commit of each transaction that writes. What it returns before is returned
// instead of committing, what it returns afterwards although it was committed, as when an answer is lost. It is for tests of
// what is built on a catalog, and must not be called while transactions run.
func (db *DB) Interrupt(f func(committed bool) error) { db.interrupt = f }

// Open opens the database, creates it if need be and migrates it forward. A database that a newer program has migrated
// is an error, since an older one would not keep its invariants.
func Open(ctx context.Context, o Options) (*DB, error) {
	db, err := connect(ctx, o)
	if err != nil {
		return nil, err
	}
	if o.KeepSchema {
		err = db.checkMigrated(ctx)
	} else {
		err = db.migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(db.unavailable(err), db.Close())
	}
	return db, nil
}

// connect opens the database as it is.
func connect(ctx context.Context, o Options) (*DB, error) {
	o = o.withDefaults()
	open := openSQLite
	if scheme, _, ok := strings.Cut(o.DSN, "://"); ok {
		if scheme != "postgres" && scheme != "postgresql" { // the rest may hold a password
			return nil, fmt.Errorf("open catalog: %.20q:// is not supported; it must be a file's path or postgres://…", scheme)
		}
		open = openPostgres
	}
	db, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	db.now, db.log, db.busyTimeout = o.Now, o.Log, o.BusyTimeout
	db.close = sync.OnceValue(func() error {
		if db.reader.DB == db.writer.DB {
			return db.writer.close()
		}
		return errors.Join(db.reader.close(), db.writer.close())
	})
	return db, nil
}

// Close waits for running statements and closes the connections. It may be called twice.
func (db *DB) Close() error {
	if err := db.close(); err != nil {
		return fmt.Errorf("close catalog: %w", err)
	}
	return nil
}

func (p pool) close() error {
	if p.prepared != nil {
		p.prepared.close()
	}
	return p.Close()
}

// Ping reports whether the database could take a write now, without writing.
func (db *DB) Ping(ctx context.Context) error {
	return db.write(ctx, "ping", func(s *session) error { return db.dialect.checkWritable(ctx, s) })
}

// timeNow is the moment by the catalog's clock.
func (db *DB) timeNow() telemetry.Time { return telemetry.TimeOf(db.now()) }
