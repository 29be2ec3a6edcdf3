package catalog

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed migrations/sqlite/*.sql
var sqliteMigrations embed.FS

var sqliteDialect = &dialect{
	name:           "sqlite",
	migrations:     sqliteMigrations,
	hasMigrations:  "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations')",
	lockMigrations: func(context.Context, *session) error { return nil }, // BEGIN IMMEDIATE has done it
	checkWritable:  func(context.Context, *session) error { return nil }, // likewise
	transient:      sqliteTransient,
	retry:          func(err error) bool { return isSQLite(err, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) },
}

// walPages is the size of the write-ahead log, in pages of 4 KiB, from which a commit moves it into the file.
const walPages = 4000

// openSQLite opens one connection that writes, which makes database/sql queue the writers of this process, and some
// that read. A transaction that writes begins with BEGIN IMMEDIATE: it takes the lock at its start and then cannot fail
// for a conflict. In WAL mode readers see a snapshot and neither wait nor are waited for.
func openSQLite(ctx context.Context, o Options) (*DB, error) {
	// The driver syncs with fsync unless told otherwise, for the whole process; fdatasync, which SQLite itself uses on
	// Linux, is as durable and halves the time of a commit. Where there is none this fails and changes nothing.
	_, _ = sqlite.Fdatasync(true)
	path, err := filepath.Abs(o.DSN)
	if err != nil || o.DSN == "" {
		return nil, fmt.Errorf("open catalog: %q is not a file name", o.DSN)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("create the catalog's folder: %w", err)
	}
	if err := switchToWAL(ctx, path, o.BusyTimeout); err != nil {
		return nil, fmt.Errorf("open catalog %s: %w", path, err)
	}
	writer, err := sql.Open("sqlite", sqliteDSN(path, 0, "immediate", // DB.write waits
		"synchronous(full)", "wal_autocheckpoint("+strconv.Itoa(walPages)+")", "cache_size(-32768)"))
	if err != nil {
		return nil, fmt.Errorf("open catalog %s: %w", path, err)
	}
	writer.SetMaxOpenConns(1)
	writer.SetMaxIdleConns(1)
	reader, err := sql.Open("sqlite", sqliteDSN(path, o.BusyTimeout, "deferred", "query_only(1)", "cache_size(-16384)"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open catalog %s: %w", path, err), writer.Close())
	}
	reader.SetMaxOpenConns(o.Conns)
	reader.SetMaxIdleConns(o.Conns)
	return &DB{
		dialect: sqliteDialect,
		writer:  pool{DB: writer, prepared: newPrepared(writer)},
		reader:  pool{DB: reader, prepared: newPrepared(reader)},
	}, nil
}

// isMissing reports whether dsn is the path of an SQLite file that is not there; opening it would create it.
func isMissing(dsn string) (bool, error) {
	if strings.Contains(dsn, "://") || dsn == "" {
		return false, nil
	}
	_, err := os.Stat(dsn)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("open catalog: %w", err)
	}
	return false, nil
}

func sqliteDSN(path string, busy time.Duration, lock string, pragmas ...string) string {
	q := url.Values{"_txlock": {lock}, "_pragma": {
		"busy_timeout(" + strconv.FormatInt(busy.Milliseconds(), 10) + ")", "temp_store(memory)",
	}}
	q["_pragma"] = append(q["_pragma"], pragmas...)
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…, see https://sqlite.org/uri.html
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

// switchToWAL sets the journal mode, which the file remembers. While another process does the same on a fresh file,
// SQLite answers "locked" without waiting for the busy timeout, so it is tried until that has passed.
func switchToWAL(ctx context.Context, path string, busy time.Duration) error {
	db, err := sql.Open("sqlite", sqliteDSN(path, busy, "deferred"))
	if err != nil {
		return err
	}
	defer db.Close()
	for deadline := time.Now().Add(busy); ; {
		var mode string
		err := db.QueryRowContext(ctx, "PRAGMA journal_mode = wal").Scan(&mode)
		switch {
		case err == nil && mode == "wal":
			return nil
		case err == nil:
			return fmt.Errorf("the file system does not allow SQLite's WAL mode (journal mode %s); use a local disk", mode)
		case !isSQLite(err, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
			return err
		case time.Now().After(deadline):
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func sqliteTransient(err error) bool {
	return isSQLite(err, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM)
}

// isSQLite reports whether err carries one of the primary result codes (https://sqlite.org/rescode.html).
func isSQLite(err error, codes ...int) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	for _, c := range codes {
		if e.Code()&0xff == c {
			return true
		}
	}
	return false
}
