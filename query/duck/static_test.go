package duck_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/objstore/uri"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
	"github.com/micromegas-go/micromegas/query/static"
)

// supplied writes files into a folder.
func supplied(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func staticTables(t *testing.T, dir string, o static.Options) *static.Tables {
	t.Helper()
	folder, err := uri.OpenFolder(t.Context(), dir, uri.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o.Dir = filepath.Join(t.TempDir(), "static")
	tables, err := static.Open(t.Context(), folder, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tables.Close() })
	return tables
}

func TestStaticTables(t *testing.T) {
	dir := t.TempDir()
	supplied(t, dir, map[string]string{
		"hosts.csv":         "Name,cores,since,owner\nbuild-1,16,2026-01-31T12:00:00.000000001+01:00,\nbuild-2,8,1999-01-01 00:00:00,ada\n",
		"my levels-2.json":  `[{"level": 2, "label": "error", "o": {"k": [1, 2]}}, {"level": 4, "label": "info", "o": null}]`,
		"none.csv":          "a,b\n",
		"Dotted.v2.csv":     "d\n2026-01-31\n",
		"views_in_sql.json": `{"x": 1}`,
	})
	tables := staticTables(t, dir, static.Options{})
	s := newService(t, newLake(t), duck.Options{}, query.Options{Static: tables})
	for sql, want := range map[string]string{
		"SELECT * FROM hosts ORDER BY cores":                                                                     "build-2|8|1999-01-01T00:00:00Z|ada,build-1|16|2026-01-31T11:00:00.000000001Z|(null)",
		"SELECT name FROM HOSTS WHERE since > timestamp '2020-01-01'":                                            "build-1",
		`SELECT h.cores + 1 FROM "Hosts" h WHERE owner IS NULL`:                                                  "17",
		`SELECT label, o.k[2] FROM "my levels-2" ORDER BY level`:                                                 "error|2,info|(null)",
		`SELECT o FROM "my levels-2" WHERE level = 2`:                                                            `{"k":[1,2]}`,
		`SELECT count(*) FROM none`:                                                                              "0",
		`SELECT d FROM "Dotted.v2"`:                                                                              "2026-01-31",
		`WITH hosts AS (SELECT 1 AS one) SELECT * FROM hosts`:                                                    "1",
		"SELECT l.label, count(*) FROM log_entries e JOIN \"my levels-2\" l USING (level) GROUP BY 1 ORDER BY 1": "error|17,info|17",
		"SELECT a.name FROM hosts a, hosts b WHERE a.cores > b.cores":                                            "build-1",
		"SELECT table_name, table_type FROM information_schema.tables WHERE table_name LIKE '%osts'":             "hosts|BASE TABLE",
		"SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name = 'hosts' AND ordinal_position IN (0, 2)": `Name|Utf8|YES,since|Timestamp(ns, "+00:00")|YES`,
		`DESCRIBE "my levels-2"`: `level|Int64|YES,label|Utf8|YES,o|Struct("k": List(Int64))|YES`,
	} {
		a, err := run(t, s, query.Request{SQL: sql})
		var rows []string
		for _, row := range a.rows {
			rows = append(rows, strings.Join(row, "|"))
		}
		if got := strings.Join(rows, ","); err != nil || got != want {
			t.Errorf("%s = %s, %v, want %s", sql, got, err, want)
		}
	}
	shown := mustRun(t, s, "SHOW TABLES")
	for _, name := range []string{"hosts", "my levels-2", "none", "Dotted.v2", "log_entries"} {
		if !slices.ContainsFunc(shown.rows, func(row []string) bool { return row[2] == name }) {
			t.Errorf("SHOW TABLES lacks %s: %q", name, shown.rows)
		}
	}
	explained := mustRun(t, s, "EXPLAIN SELECT * FROM hosts")
	if text := explained.rows[1][1]; !strings.HasPrefix(text, "hosts: 1 files, ") || strings.Contains(explained.rows[0][1], "/") {
		t.Errorf("EXPLAIN says %q", explained.rows)
	}

	// The columns are known before anything runs.
	schema, err := s.Describe(t.Context(), "SELECT since, Name, cores FROM hosts")
	if err != nil {
		t.Fatal(err)
	}
	want := arrow.NewSchema([]arrow.Field{
		{Name: "since", Type: timeType, Nullable: true},
		{Name: "Name", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "cores", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	}, nil)
	if !schema.Equal(want) {
		t.Errorf("columns %v, want %v", schema, want)
	}

	// The file itself is out of reach.
	for _, sql := range []string{
		"SELECT * FROM '" + filepath.Join(dir, "hosts.csv") + "'", "SELECT * FROM read_csv('" + filepath.Join(dir, "hosts.csv") + "')",
		`SELECT * FROM "hosts.csv"`, "SELECT filename FROM hosts",
	} {
		if a, err := run(t, s, query.Request{SQL: sql}); err == nil || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s = %v, %v", sql, a.rows, err)
		}
	}

	// Queries see what changes, whole.
	supplied(t, dir, map[string]string{"hosts.csv": "name\nother\n"})
	if err := os.Remove(filepath.Join(dir, "none.csv")); err != nil {
		t.Fatal(err)
	}
	tables.Refresh(t.Context())
	if a := mustRun(t, s, "SELECT * FROM hosts"); len(a.rows) != 1 || a.rows[0][0] != "other" {
		t.Errorf("after the change: %q", a.rows)
	}
	if _, err := run(t, s, query.Request{SQL: "SELECT * FROM none"}); err == nil || !strings.Contains(err.Error(), "table 'none' not found") {
		t.Errorf("after the file went: %v", err)
	}
}

// changing is a table whose columns are never the same twice.
type changing struct {
	query.StaticTables
	opened bool
}

func (c *changing) Schema(name string) *arrow.Schema { return logSchemaIf(name == "hosts") }

func (c *changing) Open(string) (*arrow.Schema, *query.Rows) {
	return streamSchema, &query.Rows{Release: func() { c.opened = true }}
}

func logSchemaIf(is bool) *arrow.Schema {
	if is {
		return logSchema
	}
	return nil
}

// A table that changes between planning and running is not read with the columns of before.
func TestStaticTableChanges(t *testing.T) {
	c := &changing{}
	s := newService(t, newLake(t), duck.Options{}, query.Options{Static: c})
	if _, err := run(t, s, query.Request{SQL: "SELECT * FROM hosts"}); fault.KindOf(err) != fault.Unavailable || !c.opened {
		t.Errorf("%v, released %v", err, c.opened)
	}
}

// Names of the lake, of views and of the engine stay theirs, whoever comes first.
func TestStaticNames(t *testing.T) {
	s, db, ctx := definedBeside(t, nil)
	joined(t, ctx, s, definition)
	l := newLake(t)
	for name, taken := range map[string]bool{
		"log_entries": true, "LOG_ENTRIES": true, "thread_spans": true, "levels": true, "__levels__partitions": true,
		"information_schema.tables": true, "loaded streams": true, "log_entries whole": true, "arrow stream": true,
		"hosts": false, "levels2": false, "log entries": false,
	} {
		what, err := query.NameTaken(ctx, l, db, name)
		if err != nil || (what != "") != taken {
			t.Errorf("%s is the name of %q, %v", name, what, err)
		}
	}
}

func TestStaticTableBesideDefinedView(t *testing.T) {
	dir := t.TempDir()
	supplied(t, dir, map[string]string{"levels.csv": "a\n1\n", "hosts.csv": "process_id,level\np,2\n"})
	s, _, ctx := definedBeside(t, staticTables(t, dir, static.Options{}))
	if _, err := texts(t, ctx, s, definition); err == nil || !strings.Contains(err.Error(), "'levels' is the name of a static table") {
		t.Errorf("a view with the name of a static table: %v", err)
	}
	reads := strings.ReplaceAll(strings.ReplaceAll(definition, "levels", "others"), "FROM log_entries AS l", "FROM hosts, log_entries AS l")
	if _, err := texts(t, ctx, s, reads); err == nil || !strings.HasPrefix(fault.Of(err).Fix, "views cannot read static tables") {
		t.Errorf("a view that reads a static table: %v; %s", err, fault.Of(err).Fix)
	}
}
