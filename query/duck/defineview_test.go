package duck_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
)

const definition = `CREATE MATERIALIZED VIEW levels WITH (
	extract_query = $$SELECT date_bin('1 minute', time) AS time_bin, process_id, level, count(*) AS entries FROM log_entries AS l
		WHERE l.time >= '{begin}' AND l.time < '{end}' GROUP BY time_bin, process_id, level$$,
	count_src_query = 'SELECT count(*) FROM log_entries WHERE time >= ''{begin}'' AND time < ''{end}''',
	merge_partitions_query = 'SELECT time_bin, process_id, level, sum(entries) AS entries FROM {source} GROUP BY time_bin, process_id, level',
	update_group = 3000, time_column = 'time_bin', merge_sort_order = 'time_bin, level'
);`

func definedService(t *testing.T) (*query.Service, context.Context) {
	t.Helper()
	s, _, ctx := definedBeside(t, nil)
	return s, ctx
}

// definedBeside is a service with a catalog for definitions, beside static tables.
func definedBeside(t *testing.T, tables query.StaticTables) (*query.Service, *catalog.DB, context.Context) {
	t.Helper()
	db, err := catalog.Open(t.Context(), catalog.Options{DSN: filepath.Join(t.TempDir(), "catalog.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	s := newService(t, newLake(t), duck.Options{}, query.Options{
		Definitions: db, TableFunctions: []query.TableFunction{query.DefinedViews(db)}, Static: tables,
	})
	return s, db, auth.With(t.Context(), &auth.Identity{Subject: "ada", Method: auth.MethodOIDC, Admin: true})
}

func joined(t *testing.T, ctx context.Context, s *query.Service, sql string) string {
	t.Helper()
	rows, err := texts(t, ctx, s, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return strings.Join(rows, ",")
}

func TestDefinedView(t *testing.T) {
	s, ctx := definedService(t)
	if got := joined(t, ctx, s, definition); got != "levels|created" {
		t.Fatalf("defining it answered %q", got)
	}
	plain := joined(t, ctx, s, "SELECT date_bin('1 minute', time) AS b, process_id, level, count(*) AS n FROM log_entries GROUP BY 1, 2, 3 ORDER BY 1, 2, 3")
	if got := joined(t, ctx, s, "SELECT * FROM levels ORDER BY 1, 2, 3"); got != plain || got == "" {
		t.Errorf("the view has %s, want %s", got, plain)
	}
	if got := joined(t, ctx, s, "SELECT count(*) FROM __levels__partitions"); got == "0" {
		t.Error("no rows before merging")
	}
	schema, err := s.Describe(ctx, "SELECT * FROM levels")
	if err != nil || query.TypeText(schema.Field(0).Type) != `Timestamp(ns, "+00:00")` || schema.Field(1).Type.String() != dictText.String() || schema.Field(3).Type.String() != "int64" {
		t.Errorf("columns %v, %v", schema, err)
	}
	// The view beside the table that it is made from: a condition on the one leaves out nothing of the other.
	if got, want := joined(t, ctx, s, "SELECT (SELECT sum(entries) FROM levels), count(*) FROM log_entries WHERE time > '2200-01-01T00:00:00Z'"),
		joined(t, ctx, s, "SELECT count(*) FROM log_entries")+"|0"; got != want {
		t.Errorf("beside its source: %s, want %s", got, want)
	}
	if got := joined(t, ctx, s, "SELECT table_name FROM information_schema.tables WHERE table_name = 'levels'"); got != "levels" {
		t.Errorf("information_schema.tables: %q", got)
	}
	if got := joined(t, ctx, s, "SELECT column_name FROM information_schema.columns WHERE table_name = 'levels'"); got != "time_bin,process_id,level,entries" {
		t.Errorf("information_schema.columns: %q", got)
	}
	if got := joined(t, ctx, s, "DESCRIBE levels"); !strings.HasPrefix(got, "time_bin|Timestamp(ns") {
		t.Errorf("DESCRIBE: %q", got)
	}
	if got := joined(t, ctx, s, "SHOW TABLES"); !strings.Contains(got, "|levels|") {
		t.Errorf("SHOW TABLES: %q", got)
	}
	second := strings.NewReplacer("levels", "totals", "log_entries", "levels", "count(*) AS entries", "sum(entries) AS entries",
		"date_bin('1 minute', time)", "date_bin('1 hour', l.time_bin)", "time >=", "time_bin >=", "AND time <", "AND time_bin <", "l.time <", "l.time_bin <",
		"update_group = 3000", "update_group = 4000", "BY time_bin, process_id, level$$", "BY 1, 2, 3$$").Replace(definition)
	if got := joined(t, ctx, s, second); got != "totals|created" {
		t.Fatalf("a view of a view: %q", got)
	}
	if got, want := joined(t, ctx, s, "SELECT sum(entries) FROM totals"), joined(t, ctx, s, "SELECT count(*) FROM log_entries"); got != want {
		t.Errorf("a view of a view counts %s, want %s", got, want)
	}
	list := joined(t, ctx, s, "SELECT view_set_name, update_group, updated_by FROM list_view_set_definitions()")
	if list != "levels|3000|ada,totals|4000|ada" {
		t.Errorf("list_view_set_definitions: %s", list)
	}
	if got := joined(t, ctx, s, "SELECT definition_sql FROM list_view_set_definitions() LIMIT 1"); got != definition {
		t.Errorf("definition_sql is %s", got)
	}
	wantFault(t, ctx, s, "DROP MATERIALIZED VIEW levels", fault.Invalid, "view DDL refused: ")
	wantFault(t, ctx, s, definition, fault.Exists, "materialized view 'levels' already exists; use CREATE OR REPLACE")
	if got := joined(t, ctx, s, strings.Replace(definition, "CREATE", "CREATE OR REPLACE", 1)); got != "levels|replaced" {
		t.Errorf("replacing: %q", got)
	}
	if got := joined(t, ctx, s, "drop materialized view totals;"); got != "totals|dropped" {
		t.Errorf("dropping: %q", got)
	}
	if got := joined(t, ctx, s, "DROP MATERIALIZED VIEW IF EXISTS totals"); got != "totals|not_found" {
		t.Errorf("dropping what is not there: %q", got)
	}
	wantFault(t, ctx, s, "DROP MATERIALIZED VIEW totals", fault.NotFound, "materialized view 'totals' does not exist")
	wantFault(t, ctx, s, "SELECT * FROM totals", fault.Invalid, "table 'totals' not found")
}

// Types reach into definitions, as they do in other statements.
func TestDefinedViewDialect(t *testing.T) {
	s, ctx := definedService(t)
	const of = "arrow_typeof(time)"
	sql := strings.NewReplacer("level, count(*) AS entries", "level, max("+of+") AS entries", "sum(entries)", "max(entries)").Replace(definition)
	if got := joined(t, ctx, s, sql); got != "levels|created" {
		t.Fatalf("defining it answered %q", got)
	}
	if got := joined(t, ctx, s, "SELECT DISTINCT entries FROM levels"); got != `Timestamp(ns, "+00:00")` {
		t.Errorf("arrow_typeof in a view: %q", got)
	}
}

// TestNamesInDefinedViews gives names of tables to something else, in the definition of a view and in the statement around it.
func TestNamesInDefinedViews(t *testing.T) {
	s, ctx := definedService(t)
	for name, from := range map[string]string{
		"WITH":     "$$WITH log_entries AS (SELECT * FROM LOG_ENTRIES WHERE level = 1) SELECT",
		"quoted":   "$$WITH a AS (SELECT * FROM \"log_entries\" \"log_entries\" WHERE \"log_entries\".level = 1), log_entries AS (FROM a) SELECT",
		"no alias": "$$WITH a(n) AS (SELECT count(*) FROM log_entries WHERE log_entries.level = 99), log_entries AS (FROM log_entries, a WHERE level = 1 AND n = 0) SELECT",
	} {
		sql := strings.Replace(strings.Replace(definition, "$$SELECT", from, 1), "CREATE", "CREATE OR REPLACE", 1)
		if got := joined(t, ctx, s, sql); !strings.HasPrefix(got, "levels|") {
			t.Fatalf("%s: defining it answered %q", name, got)
		}
		if got, want := joined(t, ctx, s, "SELECT sum(entries) FROM levels"), joined(t, ctx, s, "SELECT count(*) FROM log_entries WHERE level = 1"); got != want {
			t.Errorf("%s: the view counts %s, want %s", name, got, want)
		}
	}
	want := joined(t, ctx, s, "SELECT sum(entries) FROM levels")
	for _, sql := range []string{
		"WITH __levels__partitions AS (SELECT 1 AS entries) SELECT sum(entries) FROM levels",
		"WITH log_entries AS (SELECT 1 AS level) SELECT sum(entries) FROM levels",
		"WITH __levels__partitions AS (SELECT 1 AS entries), log_entries AS (SELECT 1 AS level) SELECT sum(l.entries) FROM levels l, log_entries, __levels__partitions",
	} {
		if got := joined(t, ctx, s, sql); got != want {
			t.Errorf("%s = %s, want %s", sql, got, want)
		}
	}
	for _, sql := range []string{
		`SELECT * FROM "log_entries whole", levels`, `SELECT * FROM levels, "LOG_ENTRIES WHOLE"`, `WITH "log_entries whole" AS (SELECT 1) SELECT * FROM levels`,
		`SELECT * FROM "loaded log_entries", levels`, `SELECT * FROM memory.main.levels`, `SELECT * FROM main."__levels__partitions"`,
	} {
		wantFault(t, ctx, s, sql, fault.Invalid, "")
	}
	for _, call := range []string{"list_view_set_definitions()", "list_view_set_definitions\u00a0()"} {
		sql := strings.Replace(strings.Replace(definition, "CREATE", "CREATE OR REPLACE", 1), "FROM log_entries AS l", "FROM log_entries AS l, "+call, 1)
		wantFault(t, ctx, s, sql, fault.Invalid, "")
	}
}

func wantFault(t *testing.T, ctx context.Context, s *query.Service, sql string, kind fault.Kind, text string) {
	t.Helper()
	_, err := texts(t, ctx, s, sql)
	if f := fault.Of(err); f == nil || f.Kind != kind || !strings.Contains(f.Public(), text) {
		t.Errorf("%s\n= %v, want kind %v and %q", sql, err, kind, text)
	}
}

func TestViewDefinitionsAreChecked(t *testing.T) {
	s, ctx := definedService(t)
	for name, tc := range map[string]struct {
		from, to string
		kind     fault.Kind
		text     string
	}{
		"name":             {"VIEW levels", "VIEW __levels", fault.Invalid, "error parsing view DDL: '__levels' cannot name a view"},
		"unknown option":   {"merge_sort_order", "sort", fault.Invalid, "error parsing view DDL: unknown view option 'sort'"},
		"missing option":   {"update_group = 3000, ", "", fault.Invalid, "error parsing view DDL: missing required option 'update_group'"},
		"no time":          {"time_column = 'time_bin', ", "", fault.Invalid, "missing required option 'time_column'"},
		"placeholder":      {"{source}", "log_entries", fault.Invalid, "merge_partitions_query must contain {source}"},
		"twice":            {"update_group = 3000", "update_group = 3000, update_group = 1", fault.Invalid, "is there twice"},
		"behind the end":   {");", ") AND MORE", fault.Invalid, "expected the end of the statement"},
		"delta":            {"time_column", "source_partition_delta = '1 week', time_column", fault.Invalid, "is not of the form"},
		"built in":         {"VIEW levels", "VIEW log_entries", fault.Invalid, "is the name of a built-in view"},
		"table":            {"FROM log_entries AS l", "FROM nowhere AS l", fault.Invalid, "error building materialized view: view 'levels': table 'nowhere' not found"},
		"itself":           {"FROM log_entries AS l", "FROM levels AS l", fault.Invalid, "is defined by itself"},
		"instance":         {"FROM log_entries AS l", "FROM view_instance('log_entries', 'x') AS l", fault.Invalid, "view_instance cannot be read by a view"},
		"volatile":         {"l.time < '{end}'", "l.time < '{end}' AND l.time < now()", fault.Invalid, "depends on when it is called"},
		"merge types":      {"sum(entries) AS entries", "avg(entries) AS entries", fault.Invalid, "view definition failed validation: column 4"},
		"merge columns":    {", sum(entries) AS entries", "", fault.Invalid, "returns 3 columns, extract_query 4"},
		"whose":            {"process_id", "target", fault.Invalid, "must have a text column audience or process_id"},
		"time column":      {"time_column = 'time_bin'", "time_column = 'level'", fault.Invalid, "is not a timestamp"},
		"count":            {"SELECT count(*) FROM", "SELECT msg FROM", fault.Invalid, "must return a column of Int64 counts"},
		"group":            {"update_group = 3000", "update_group = 2000", fault.Invalid, "must be larger than 2000"},
		"statement inside": {"SELECT date_bin", "DROP MATERIALIZED VIEW x; SELECT date_bin", fault.Invalid, "only one statement"},
		"file":             {"FROM log_entries AS l", "FROM read_csv('/etc/passwd') AS l", fault.Invalid, "does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			sql := strings.ReplaceAll(definition, tc.from, tc.to)
			if sql == definition {
				t.Fatal("nothing was changed")
			}
			wantFault(t, ctx, s, sql, tc.kind, tc.text)
		})
	}
	if got := joined(t, ctx, s, "SELECT count(*) FROM list_view_set_definitions()"); got != "0" {
		t.Errorf("%s definitions were recorded", got)
	}
	wantFault(t, t.Context(), s, definition, fault.PermissionDenied, "CREATE/DROP MATERIALIZED VIEW requires admin privileges")
	wantFault(t, t.Context(), s, "DROP MATERIALIZED VIEW )(", fault.PermissionDenied, "requires admin privileges")
}

// awayDefinitions is a catalog that is out of reach, as a statement sees it.
type awayDefinitions struct {
	*catalog.DB // nil: a statement asks for nothing but Definitions
	asked       int
}

func (a *awayDefinitions) Definitions(context.Context) ([]catalog.Definition, error) {
	a.asked++
	return nil, catalog.ErrUnavailable
}

func TestDefinitionsAreAskedForWhenNeeded(t *testing.T) {
	store := &awayDefinitions{}
	s := newService(t, newLake(t), duck.Options{}, query.Options{Definitions: store})
	for _, sql := range []string{
		"SELECT 1", "SELECT count(*) FROM log_entries", "SELECT count(*) FROM view_instance('log_entries', '" + processID + "')",
		"WITH w AS (SELECT 1 AS x) SELECT x FROM w", "DESCRIBE log_entries", "SELECT count(*) FROM information_schema.df_settings",
	} {
		if _, err := texts(t, t.Context(), s, sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
		if sql != "SELECT count(*) FROM information_schema.df_settings" && store.asked > 0 {
			t.Errorf("%s asked for the definitions of views", sql)
		}
	}
	wantFault(t, t.Context(), s, "SELECT * FROM levels", fault.Unavailable, "the catalog cannot be read now")
	if store.asked == 0 {
		t.Error("a table that nothing else knows was not looked for in the catalog")
	}
}
