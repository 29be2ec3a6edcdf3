package catalog_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// testOpen is what both databases promise about opening; driver and dsn are for the tests' own connection.
func testOpen(t *testing.T, driver, dsn string) {
	t.Helper()
	t.Run("together", func(t *testing.T) {
		g, ctx := errgroup.WithContext(t.Context())
		for range 8 {
			g.Go(func() error {
				db, err := catalog.Open(ctx, catalog.Options{DSN: dsn})
				if err != nil {
					return err
				}
				return errors.Join(db.Ping(ctx), db.Close(), db.Close())
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("newer", func(t *testing.T) {
		raw, err := sql.Open(driver, dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		var steps int
		if err := raw.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM schema_migrations").Scan(&steps); err != nil || steps == 0 {
			t.Fatalf("%d migrations, %v", steps, err)
		}
		running, err := catalog.Open(t.Context(), catalog.Options{DSN: dsn})
		if err != nil {
			t.Fatal(err)
		}
		defer running.Close()
		_, err = raw.ExecContext(t.Context(), "INSERT INTO schema_migrations (version, name, applied_at) VALUES (99, 'later', 0)")
		if err != nil {
			t.Fatal(err)
		}
		_, err = catalog.Open(t.Context(), catalog.Options{DSN: dsn})
		if err == nil || errors.Is(err, catalog.ErrUnavailable) || !strings.Contains(err.Error(), "run the newer release") {
			t.Errorf("Open = %v, want an error that says what to do", err)
		}

		// A program that was running before does not know what newer tables mention: it must take no object for an orphan.
		_, segments := running.SegmentsInUse(t.Context(), []string{"segments/1"})
		_, files := running.FilesInUse(t.Context(), []string{"views/1"})
		waste := running.Read(t.Context(), func(r *catalog.Reader) error {
			_, err := r.WastedSegments(t.Context(), 0, 1)
			return err
		})
		for _, err := range []error{segments, files, waste} {
			if err == nil || !strings.Contains(err.Error(), "run the newer release") {
				t.Errorf("of an older program: %v, want an error that says what to do", err)
			}
		}
	})
}

func TestOpenSQLite(t *testing.T) {
	testOpen(t, "sqlite", filepath.Join(t.TempDir(), "a folder", "catalog.db"))
}

func TestOpenStrangePath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder #1?x=%20&", "catalog.db")
	db, err := catalog.Open(t.Context(), catalog.Options{DSN: path})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestOpenErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(strings.Repeat("this is not a database", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, dsn := range map[string]string{
		"nothing":        "",
		"not a database": file,
		"not a folder":   filepath.Join(file, "catalog.db"),
		"malformed":      "postgres://user:secret@host:port/",
		"other scheme":   "mysql://user:secret@host/",
	} {
		db, err := catalog.Open(t.Context(), catalog.Options{DSN: dsn, BusyTimeout: time.Millisecond})
		if err == nil {
			t.Errorf("%s: opened", name)
			_ = db.Close()
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows the password: %v", name, err)
		}
	}
}

// TestLocked holds SQLite's write lock, as a stuck process would.
func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.db")
	db, err := catalog.Open(t.Context(), catalog.Options{DSN: path, BusyTimeout: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	raw, err := sql.Open("sqlite", path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	lock, err := raw.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	checkUnavailable(t, db)
	if err := db.Read(t.Context(), func(r *catalog.Reader) error { _, err := r.Counts(t.Context()); return err }); err != nil {
		t.Errorf("Read waits for a writer: %v", err)
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Errorf("Ping after the lock = %v", err)
	}
}

// checkUnavailable sees that writing fails with ErrUnavailable.
func checkUnavailable(t *testing.T, db *catalog.DB) {
	t.Helper()
	ctx := t.Context()
	for name, write := range map[string]func(context.Context) error{
		"Append": func(ctx context.Context) error {
			_, err := db.Append(ctx, []catalog.BlockRecord{{Block: telemetry.Block{ID: telemetry.BlockID(uuid.New())}}})
			return err
		},
		"InsertProcess": func(ctx context.Context) error {
			_, err := db.InsertProcess(ctx, telemetry.Process{ID: telemetry.ProcessID(uuid.New())})
			return err
		},
		"ClaimPending": func(ctx context.Context) error {
			_, err := db.ClaimPending(ctx, catalog.ClaimPending{View: catalog.LogEntries})
			return err
		},
		"Ping": db.Ping,
	} {
		if err := write(ctx); !errors.Is(err, catalog.ErrUnavailable) {
			t.Errorf("%s = %v, want ErrUnavailable", name, err)
		}
	}
}
