package catalog_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

func TestMigrateFrom1SQLite(t *testing.T) {
	testMigrateFrom1(t, "sqlite", "sqlite", filepath.Join(t.TempDir(), "catalog.db"))
}

// testMigrateFrom1 opens a database as the first release left it, with a process, a stream and blocks in it.
func testMigrateFrom1(t *testing.T, database, driver, dsn string) {
	t.Helper()
	p := telemetry.Process{ID: telemetry.ProcessID(uuid.New()), Exe: "/bin/game", Properties: map[string]string{}}
	s := telemetry.Stream{ID: telemetry.StreamID(uuid.New()), ProcessID: p.ID, Tags: []string{"log"}, Format: telemetry.FormatNative}
	b := catalog.BlockRecord{Block: telemetry.Block{ID: telemetry.BlockID(uuid.New()), StreamID: s.ID, ProcessID: p.ID}}

	// Today's program writes the data; then all that came after version 1 is taken back, and its schema is compared
	// with what the first migration makes.
	db, err := catalog.Open(t.Context(), catalog.Options{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.InsertProcess(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if _, err := db.InsertStream(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Append(t.Context(), []catalog.BlockRecord{b}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	for _, statement := range []string{
		"DROP TABLE api_keys", "DROP TABLE api_key_changes", "DELETE FROM schema_migrations WHERE version > 1",
	} {
		if _, err := raw.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	sameTables(t, raw, database)

	db, err = catalog.Open(t.Context(), catalog.Options{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.CheckCoverage(t.Context()); err != nil {
		t.Error(err)
	}
	err = db.Read(t.Context(), func(r *catalog.Reader) error {
		list, err := r.Pending(t.Context(), catalog.LogEntries, catalog.Filter{})
		if len(list) != 1 || list[0].Block.ID != b.ID || list[0].Process.Exe != p.Exe {
			t.Errorf("%d blocks are left", len(list))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if k, created, err := db.CreateKey(t.Context(), catalog.Key{Name: "first"}); err != nil || !created || k.Revision != 1 {
		t.Errorf("CreateKey = %+v, %v, %v", k, created, err)
	}
}

// sameTables compares the names of the tables with those that the first migration makes.
func sameTables(t *testing.T, raw *sql.DB, database string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("migrations", database, "0001_schema.sql"))
	if err != nil {
		t.Fatal(err)
	}
	list := "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	if database == "postgres" {
		list = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
	}
	rows, err := raw.QueryContext(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		n++
		if name != "schema_migrations" && !strings.Contains(string(text), "CREATE TABLE "+name+" (") {
			t.Errorf("version 1 has no table %s", name)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if want := strings.Count(string(text), "CREATE TABLE ") + 1; n != want {
		t.Errorf("%d tables, version 1 has %d", n, want)
	}
}
