package catalog_test

import (
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	_ "modernc.org/sqlite"             // the driver sqlite

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

func TestMigrateSQLite(t *testing.T) {
	testMigrate(t, "sqlite", "sqlite", func(t *testing.T) string {
		t.Helper()
		return filepath.Join(t.TempDir(), "catalog.db")
	})
}

// testMigrate takes databases as each released version left them, with data in it, to today's.
func testMigrate(t *testing.T, database, driver string, newDatabase func(*testing.T) string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("migrations", database, "*.sql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d migrations, %v", len(files), err)
	}
	for version := 1; version <= len(files); version++ {
		t.Run("from version "+strconv.Itoa(version), func(t *testing.T) {
			o := newOldDatabase(t, database, driver, newDatabase(t), files[:version])
			o.migrate(t, len(files))
		})
	}
	t.Run("of another program", func(t *testing.T) {
		dsn := newDatabase(t)
		raw, err := sql.Open(driver, dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		if _, err := raw.ExecContext(t.Context(), "CREATE TABLE processes (process_id TEXT)"); err != nil {
			t.Fatal(err)
		}
		db, err := catalog.Open(t.Context(), catalog.Options{DSN: dsn})
		if err == nil {
			err = db.Close()
			t.Error("it was opened")
		}
		if err == nil || !strings.Contains(err.Error(), "tables of another program") {
			t.Errorf("Open = %v", err)
		}
		var rows int
		if err := raw.QueryRowContext(t.Context(), "SELECT count(process_id) FROM processes").Scan(&rows); err != nil {
			t.Errorf("the other program's table: %v", err)
		}
	})
	t.Run("of nothing", func(t *testing.T) {
		dsn := newDatabase(t)
		list, err := catalog.Migrations(t.Context(), catalog.Options{DSN: dsn})
		if err != nil || len(list) != len(files) || list[0] != (catalog.Migration{Version: 1, Name: "0001_schema"}) {
			t.Errorf("Migrations = %+v, %v", list, err)
		}
		if database == "sqlite" {
			if _, err := os.Stat(dsn); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("looking made a file: %v", err)
			}
		}
		if _, err := catalog.Open(t.Context(), catalog.Options{DSN: dsn, KeepSchema: true}); !errors.Is(err, catalog.ErrNotMigrated) {
			t.Errorf("Open = %v, want ErrNotMigrated", err)
		}
	})
}

// oldDatabase is a database as an earlier release left it.
type oldDatabase struct {
	dsn     string
	version int

	process          telemetry.ProcessID
	pending, covered telemetry.BlockID
	partition        catalog.PartitionID
}

// newOldDatabase applies the first migrations to an empty database and writes what their release would have written: a
// process, a stream of log entries, a block that waits, one in a partition, and, where there are keys, a key.
func newOldDatabase(t *testing.T, database, driver, dsn string, files []string) *oldDatabase {
	t.Helper()
	raw, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	exec := func(statement string) {
		t.Helper()
		if _, err := raw.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%v\n%s", err, statement)
		}
	}
	id := func(v [16]byte) string { return "x'" + hex.EncodeToString(v[:]) + "'" }
	bytes := func(b ...byte) string { return "x'" + hex.EncodeToString(b) + "'" }
	if database == "postgres" {
		id = func(v [16]byte) string { return "'" + uuid.UUID(v).String() + "'" }
		bytes = func(b ...byte) string { return `'\x` + hex.EncodeToString(b) + "'" }
	}
	exec("CREATE TABLE schema_migrations (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)")
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		exec(string(text))
		exec(fmt.Sprintf("INSERT INTO schema_migrations VALUES (%d, '%s', 5)", i+1, strings.TrimSuffix(filepath.Base(file), ".sql")))
	}
	o := &oldDatabase{
		dsn: dsn, version: len(files), process: telemetry.ProcessID(uuid.New()), pending: telemetry.BlockID(uuid.New()),
		covered: telemetry.BlockID(uuid.New()), partition: uuid.New(),
	}
	stream := [16]byte(uuid.New())
	exec("INSERT INTO processes (process_id, exe, username, realname, computer, distro, cpu_brand, tsc_frequency, start_time, " +
		"start_ticks, parent_id, properties, insert_time) VALUES (" + id(o.process) + ", '/bin/game', 'ada', 'Ada', 'box', 'debian', 'cpu', 1000, 10, 20, NULL, '{}', 30)")
	exec("INSERT INTO process_activity VALUES (" + id(o.process) + ", 60, 400, 50, 2)")
	exec("INSERT INTO streams (stream_id, process_id, dependencies_metadata, objects_metadata, tags, properties, format, insert_time) " +
		"VALUES (" + id(stream) + ", " + id(o.process) + ", " + bytes(0x80) + ", " + bytes(0x80) +
		`, '["log"]', '{}', '` + telemetry.FormatNative + "', 31)")
	exec("INSERT INTO stream_tags VALUES (" + id(stream) + ", 'log')")
	exec("INSERT INTO stream_feeds VALUES (" + id(stream) + ", 'log_entries')")
	exec("INSERT INTO stream_activity VALUES (" + id(stream) + ", 60, 2)")
	for i, block := range []telemetry.BlockID{o.pending, o.covered} {
		exec(fmt.Sprintf("INSERT INTO blocks (block_id, stream_id, process_id, begin_time, end_time, begin_ticks, end_ticks, objects, "+
			"object_offset, payload_size, insert_time, segment, segment_offset, segment_size, payload) "+
			"VALUES (%s, %s, %s, 40, 50, 300, 400, 3, 0, 1, %d, '', 0, 0, %s)", id(block), id(stream), id(o.process), 60+i, bytes(0xa0)))
	}
	exec("INSERT INTO pending (view_name, block_no) SELECT 'log_entries', block_no FROM blocks WHERE block_id = " + id(o.pending))
	exec("INSERT INTO partitions (partition_id, view_name, file, size, row_count, min_time, max_time, schema_version, level, blocks, created) " +
		"VALUES (" + id(o.partition) + ", 'log_entries', 'views/p', 1000, 3, 40, 50, 1, 0, 1, 70)")
	exec("INSERT INTO members (view_name, block_no, partition_no) SELECT 'log_entries', b.block_no, p.partition_no FROM blocks b, partitions p " +
		"WHERE b.block_id = " + id(o.covered))
	if len(files) >= 3 {
		exec("UPDATE partitions SET min_insert = 61, max_insert = 61, objects = 3")
	}
	if len(files) >= 2 {
		exec("INSERT INTO api_keys (key_id, key_hash, name, roles, may_delegate, allowed_cidrs, imported, created_at, created_by, revision) " +
			"VALUES (" + id(uuid.New()) + ", " + bytes(make([]byte, 32)...) + `, 'old', '["ingest"]', 0, '[]', 0, 5, 'ada', 1)`)
		exec("UPDATE api_key_changes SET revision = 1")
	}
	return o
}

func (o *oldDatabase) migrate(t *testing.T, newest int) {
	t.Helper()
	options := catalog.Options{DSN: o.dsn}
	list, err := catalog.Migrations(t.Context(), options)
	if err != nil || len(list) != newest {
		t.Fatalf("Migrations = %+v, %v", list, err)
	}
	for i, m := range list {
		if m.Version != i+1 || (m.Applied != 0) != (i < o.version) {
			t.Errorf("migration %+v: %d were applied", m, o.version)
		}
	}
	options.KeepSchema = true
	switch db, err := catalog.Open(t.Context(), options); {
	case o.version < newest:
		if !errors.Is(err, catalog.ErrNotMigrated) || !strings.Contains(err.Error(), "micromegas migrate --apply") {
			t.Errorf("Open that keeps the schema = %v, want ErrNotMigrated", err)
		}
	case err != nil:
		t.Errorf("Open that keeps the schema = %v", err)
	default:
		_ = db.Close()
	}
	options.KeepSchema = false
	db, err := catalog.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	o.check(t, db)
	list, err = catalog.Migrations(t.Context(), options)
	if err != nil || slices.ContainsFunc(list, func(m catalog.Migration) bool { return m.Applied == 0 }) {
		t.Errorf("afterwards: Migrations = %+v, %v", list, err)
	}
}

// check sees that everything is still there, and that the database can be written.
func (o *oldDatabase) check(t *testing.T, db *catalog.DB) {
	t.Helper()
	if err := db.CheckCoverage(t.Context()); err != nil {
		t.Error(err)
	}
	for _, want := range []int{1, 0} {
		any := false
		err := db.Read(t.Context(), func(r *catalog.Reader) (err error) {
			any, err = r.AnyUnmeasured(t.Context())
			return err
		})
		if n, err2 := db.MeasurePartitions(t.Context(), 10); n != want || any != (want > 0) || err != nil || err2 != nil {
			t.Errorf("MeasurePartitions = %d, %v, want %d; any: %v, %v", n, err2, want, any, err)
		}
	}
	err := db.Read(t.Context(), func(r *catalog.Reader) error {
		pending, err := r.Pending(t.Context(), catalog.LogEntries, catalog.Filter{})
		if len(pending) != 1 || pending[0].Block.ID != o.pending || pending[0].Process.Exe != "/bin/game" || pending[0].Process.Blocks != 2 {
			t.Errorf("pending %+v", pending)
		}
		partitions, err2 := r.PartitionRecords(t.Context(), catalog.PartitionFilter{})
		if len(partitions) != 1 || partitions[0].ID != o.partition || partitions[0].MinInsert != 61 || partitions[0].MaxInsert != 61 ||
			partitions[0].Objects != 3 {
			t.Errorf("partitions %+v", partitions)
		}
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Error(err)
	}
	revision := int64(1)
	if o.version >= 2 {
		revision = 2
		err := db.Read(t.Context(), func(r *catalog.Reader) error {
			k, err := r.KeyByHash(t.Context(), catalog.KeyHash{})
			if k.Name != "old" {
				t.Errorf("the key is %+v", k)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if k, created, err := db.CreateKey(t.Context(), catalog.Key{Hash: catalog.KeyHash{1}, Name: "new"}); err != nil || !created || k.Revision != revision {
		t.Errorf("CreateKey = %+v, %v, %v", k, created, err)
	}
	if _, err := db.InsertProcess(t.Context(), telemetry.Process{ID: telemetry.ProcessID(uuid.New())}); err != nil {
		t.Error(err)
	}
	if err := db.RetirePartitions(t.Context(), []catalog.PartitionID{o.partition}); err != nil {
		t.Error(err)
	}
	if err := db.CheckCoverage(t.Context()); err != nil {
		t.Error(err)
	}
}
