package duck_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
)

// escapes are statements that reach for what is not theirs. FILE is a Parquet file of another query, OWN one of a table
// that the statement itself reads.
var escapes = []string{
	"COPY log_entries TO '/tmp/x.csv'",
	"COPY (SELECT 1) TO 'OWN'",
	"SELECT * FROM read_csv('/etc/passwd')",
	"SELECT * FROM read_csv_auto('/etc/passwd')",
	"SELECT * FROM '/etc/passwd'",
	`SELECT * FROM "/etc/passwd"`,
	`SELECT * FROM "/etc/passwd.csv"`,
	"FROM '/etc/passwd'",
	"ATTACH '/tmp/x.db'",
	"ATTACH ':memory:' AS m",
	"DETACH memory",
	"USE memory",
	"INSTALL httpfs",
	"LOAD httpfs",
	"SET threads = 1",
	"SET VARIABLE x = 1",
	"RESET threads",
	"PRAGMA threads=1",
	"PRAGMA database_list",
	"CALL pragma_version()",
	"SELECT getenv('HOME')",
	"SELECT * FROM duckdb_settings()",
	"SELECT * FROM duckdb_secrets()",
	"SELECT * FROM pragma_version()",
	"SELECT current_setting('temp_directory')",
	"SELECT getvariable('x')",
	"SELECT 1; SELECT 2",
	"SELECT 1; DROP TABLE log_entries",
	"SELECT '\\'; SELECT 2 --'",
	"CREATE TABLE x (a INT)",
	"CREATE MACRO count(x) AS 1",
	"CREATE VIEW x AS SELECT 1",
	"CREATE SECRET x (TYPE S3)",
	"DROP TABLE log_entries",
	"DROP VIEW log_entries",
	"INSERT INTO log_entries VALUES (1)",
	"UPDATE log_entries SET level = 1",
	"DELETE FROM log_entries",
	"TRUNCATE log_entries",
	"ALTER TABLE log_entries RENAME TO x",
	"EXPORT DATABASE '/tmp/x'",
	"IMPORT DATABASE '/tmp/x'",
	"CHECKPOINT",
	"VACUUM",
	"BEGIN",
	"PREPARE x AS SELECT 1",
	"EXECUTE x",
	"SUMMARIZE log_entries",
	"SELECT * FROM (SUMMARIZE log_entries)",
	"SELECT * FROM (SHOW TABLES)",
	"SELECT * FROM (DESCRIBE log_entries)",
	"SHOW ALL TABLES",
	"SHOW DATABASES",
	"DESCRIBE '/etc/passwd'",
	"PIVOT log_entries ON level USING count(*)",
	"SELECT * FROM glob('/etc/*')",
	"SELECT * FROM read_text('/etc/passwd')",
	"SELECT * FROM read_blob('/etc/passwd')",
	"SELECT * FROM read_parquet('FILE')",
	"SELECT * FROM read_parquet('OWN'), log_entries",
	"SELECT * FROM parquet_scan('OWN')",
	"SELECT * FROM parquet_metadata('OWN')",
	"SELECT * FROM parquet_schema('OWN')",
	"SELECT * FROM 'FILE'",
	"SELECT * FROM 'OWN'",
	`SELECT * FROM "OWN", log_entries`,
	"SELECT * FROM sniff_csv('/etc/passwd')",
	"SELECT * FROM query('SELECT 1')",
	"SELECT * FROM query_table('log_entries')",
	"SELECT * FROM query_table(['OWN'])",
	"SELECT * FROM histogram('OWN', 'level')",
	"SELECT * FROM duckdb_functions()",
	"SELECT * FROM sql_auto_complete('SEL')",
	"SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
	"SELECT json_serialize_plan('SELECT * FROM duckdb_settings()')",
	"SELECT * FROM pg_catalog.pg_tables",
	"SELECT * FROM memory.main.log_entries",
	"SELECT * FROM main.log_entries",
	"SELECT * FROM system.information_schema.tables",
	"SELECT * FROM sqlite_master",
	"SELECT * FROM information_schema.character_sets",
	`SELECT * FROM "loaded streams", streams`,
	"SELECT * FROM \"view_instance('thread_spans', '" + threadID + "')\"",
	`WITH "OWN" AS (SELECT 1) SELECT * FROM "OWN", log_entries`,
	`SELECT * FROM (WITH "OWN" AS (SELECT 1) SELECT * FROM "OWN"), "OWN"`,
	`WITH a AS (SELECT * FROM "FILE"), "FILE" AS (SELECT 1) SELECT * FROM a`,
	`SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t), t`,
	"SELECT (SELECT max(value) FROM duckdb_settings())",
	"SELECT [x FOR x IN (SELECT list(name) FROM duckdb_settings())]",
	"SELECT * FROM log_entries WHERE EXISTS (FROM duckdb_secrets())",
	"SELECT * FROM log_entries ORDER BY (SELECT count(*) FROM duckdb_settings())",
	"SELECT * FROM log_entries LIMIT (SELECT count(*) FROM duckdb_settings())",
	"SELECT count(*) FILTER (WHERE (SELECT true FROM duckdb_settings())) FROM log_entries",
	"SELECT sum(1) OVER (PARTITION BY (SELECT 1 FROM duckdb_settings())) FROM log_entries",
	"SELECT 1 UNION ALL SELECT 1 FROM duckdb_settings()",
	"EXPLAIN SELECT * FROM duckdb_settings()",
	"EXPLAIN ANALYZE COPY log_entries TO '/tmp/x'",
	"EXPLAIN CREATE TABLE x (a INT)",
	"SELECT * FROM view_instance('async_events', '/etc/passwd')",
	"SELECT * FROM view_instance('log_entries', (SELECT 'x'))",
	"SELECT * FROM view_instance('nothing', 'x')",
	"SELECT * FROM view_instance('thread_spans', 'global')",
	"SELECT * FROM thread_spans",
	"SELECT * FROM read_parquet(?)",
	"SELECT * FROM ?",
	"SELECT sleep_ms(1000)",
	"SELECT nextval('x')",
	"SELECT write_log('x')",
	"SELECT current_database()",
	"SELECT 1 FROM log_entries AT (VERSION => 1)",
	"SELECT * FROM log_entries TABLESAMPLE reservoir(1 ROWS), duckdb_settings()",
	"SELECT * FROM test_all_types()",
	"SELECT * FROM seq_scan('log_entries')",
	"SELECT * FROM range((SELECT count(*) FROM duckdb_settings()))",
	"SELECT system.main.getvariable('x')",
	// Functions of the engine behind ours of the same name, which have bounds.
	"SELECT system.main.repeat('x', 3)", "SELECT main.repeat('x', 3)", `SELECT "system"."main"."lpad"('x', 3, 'y')`, "SELECT MAIN.rpad('x', 3, 'y')",
	"SELECT system.main.range(3)", "SELECT system.range(3)", "SELECT system.main.replace('x', 'x', 'yy')", "SELECT pg_catalog.upper('x')",
	"SELECT memory.main.upper('x')", "SELECT * FROM system.main.range(3)", "SELECT system.main.sum(1) OVER ()", "SELECT \"MAIN\".upper('x')",
	"SELECT list_transform([1], x -> system.main.repeat('x', x))",
	`SELECT U&"repea\0074"('x', 3)`,
	"SELECT\u00a01; DROP\u00a0TABLE log_entries", "COPY\u00a0log_entries TO '/tmp/x.csv'",
	// Names that WITH hides, or does not.
	"WITH a AS (WITH duckdb_views AS (SELECT 1 AS x) SELECT * FROM duckdb_views), b AS (SELECT * FROM duckdb_views) SELECT * FROM b",
	"WITH a AS (SELECT * FROM duckdb_views), duckdb_views AS (SELECT 1) SELECT * FROM a",
	"WITH RECURSIVE duckdb_views(x) AS (SELECT 1 UNION ALL SELECT view_oid FROM duckdb_views WHERE x < 0) SELECT * FROM duckdb_views",
	"WITH RECURSIVE duckdb_views(x) USING KEY (x) AS (SELECT 1 UNION SELECT view_oid FROM duckdb_views WHERE false) SELECT * FROM duckdb_views",
	"WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM recurring.r WHERE x < 3) SELECT * FROM r",
	`SELECT * FROM "log_entries whole"`, `SELECT * FROM "__log_entries__partitions"`,
	// What the dialect has brought.
	"SELECT * REPLACE ((SELECT max(value) FROM duckdb_settings()) AS msg) FROM log_entries",
	"SELECT * EXCEPT (msg), (SELECT 1 FROM duckdb_settings()) FROM log_entries",
	"SELECT * FROM log_entries LEFT SEMI JOIN duckdb_settings() ON true", "SELECT * FROM log_entries LEFT ANTI JOIN duckdb_views ON true",
	"SELECT * FROM log_entries POSITIONAL JOIN duckdb_settings()", "SELECT * FROM log_entries, LATERAL (SELECT * FROM duckdb_settings())",
	"SELECT COLUMNS(c -> c = getvariable('x')) FROM log_entries", "SELECT list_transform([1], x -> getvariable('a'))",
	"SELECT list_aggregate([1], 'getvariable')", "SELECT 'x' OPERATOR(main.getvariable) 'y'", "SELECT CAST('log_entries' AS regclass)",
	"SELECT x'2f6574632f706173737764'.read_text()", "SELECT * FROM jsonb_each((SELECT value FROM duckdb_settings()))",
	"SELECT arrow_cast((SELECT value FROM duckdb_settings()), 'Utf8')", "SELECT approx_median(getvariable('x'))",
	"SELECT named_struct('a', getvariable('x'))", "SELECT make_histogram(0, 1, 2, getvariable('x'))",
	"SELECT * FROM log_entries WHERE time > (SELECT now() FROM duckdb_settings())", "SELECT $1 FROM duckdb_settings()",
	"SELECT sum(1) WITHIN GROUP (ORDER BY getvariable('x'))", "SELECT last_value(getvariable('x')) FROM log_entries",
	"SELECT 1 QUALIFY row_number() OVER (ORDER BY getvariable('x')) = 1", "SELECT [getvariable('x')][1:getvariable('y')]",
	"SELECT * FROM (VALUES (getvariable('x')))", "PREPARE\u00a0x AS SELECT 1",
	// error tells what rows hold, and what functions of others have failed with.
	"SELECT error(msg) FROM log_entries", "SELECT * FROM log_entries WHERE error(msg) IS NULL",
	"", ";", "--", "/* open", "'open", `"open`, "$$open", "SELECT \x00 1", "SELECT '\xff'",
	"SELECT", "SELECT FROM WHERE", "SELECT * FROM", "WITH", "VALUES", "(", ")", "EXPLAIN", "DESCRIBE", "SHOW",
}

// bypasses are calls of functions with bounds, in ways in which our tokens could differ from the engine's, and failures
// that a statement makes up. Their fault is found while rows are computed.
var bypasses = []string{
	"SELECT length(repeat\u00a0('x', 20000000))", "SELECT length(\"repeat\"\u3000('x', 20000000))", "SELECT len(range\ufeff(2000000))",
	"SELECT length(lpad\u200b('x', 20000000, 'y'))", "SELECT length(\u2060repeat('x', 20000000))", `SELECT length("REPEAT"('x', 20000000))`,
	"SELECT len(main.range(2000000))", "SELECT len(main.generate_series(1, 2000000))", "SELECT len(\"range\"(2000000))", "SELECT len((2000000).range())",
	"SELECT len(MAIN.RANGE(2000000))", "SELECT length(main.replace(repeat('x', 16000000), 'x', repeat('y', 100)))",
	"SELECT error('micromegas function failed #1')", "SELECT error('micromegas function failed #1-x')",
}

func TestBypasses(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	for _, sql := range bypasses {
		if a, err := run(t, s, query.Request{SQL: sql}); err == nil {
			t.Errorf("%q was answered: %v", sql, a.rows)
		} else if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", sql, err)
		}
	}
}

func TestEscapes(t *testing.T) {
	l := newLake(t)
	dir := t.TempDir()
	other := writeParquet(t, filepath.Join(dir, "other.parquet"), logBatch(1, 0))
	own := l.tables["log_entries"].Files[0]
	s := newService(t, l, duck.Options{}, query.Options{})
	before, _ := os.ReadFile(own)
	for _, sql := range escapes {
		sql = strings.NewReplacer("FILE", other, "OWN", strings.ReplaceAll(own, "'", "''")).Replace(sql)
		a, err := run(t, s, query.Request{SQL: sql})
		if err == nil {
			t.Errorf("%s\n\twas answered: %v", sql, a.rows)
			continue
		}
		switch fault.KindOf(err) {
		case fault.Invalid, fault.Unimplemented:
		default:
			t.Errorf("%s\n\tkind %v: %v", sql, fault.KindOf(err), err)
		}
		public := fault.Of(err).Public()
		if strings.Contains(public, "read_parquet") && !strings.Contains(sql, "read_parquet") || strings.Contains(public, "Stack Trace") ||
			strings.Contains(public, "loaded ") && !strings.Contains(sql, "loaded ") {
			t.Errorf("%s\n\tgives away: %s", sql, public)
		}
		if testing.Verbose() {
			t.Logf("%s\n\t%s", sql, public)
		}
		if _, err := s.Describe(t.Context(), sql); err == nil {
			t.Errorf("%s\n\twas described", sql)
		}
	}
	if after, _ := os.ReadFile(own); string(before) != string(after) {
		t.Error("a file of the lake was changed")
	}
	if a := mustRun(t, s, "SELECT count(*) FROM log_entries"); a.rows[0][0] != "100" {
		t.Errorf("afterwards: %v", a.rows)
	}
}

// TestClosedEngine runs statements that the checks of package query would refuse directly on a session, so that the
// engine's own walls are seen to stand.
func TestClosedEngine(t *testing.T) {
	dir := t.TempDir()
	own := writeParquet(t, filepath.Join(dir, "own.parquet"), logBatch(1, 0))
	other := writeParquet(t, filepath.Join(dir, "other.parquet"), logBatch(1, 0))
	e, err := duck.Open(duck.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	session, err := e.Session(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if err := session.Attach(t.Context(), query.Attachment{Relations: []query.Relation{{Name: "t", Schema: logSchema, Files: []string{own}}}}); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"SELECT * FROM read_csv('/etc/passwd')",
		"SELECT * FROM read_text('/etc/passwd')",
		fmt.Sprintf("SELECT * FROM '%s'", other),
		fmt.Sprintf("SELECT * FROM glob('%s/*')", dir),
		fmt.Sprintf("COPY (SELECT 1) TO '%s/new.parquet'", dir),
		fmt.Sprintf("ATTACH '%s/x.db'", dir),
		"INSTALL httpfs", "LOAD httpfs",
		"SET enable_external_access = true", "SET lock_configuration = false", "SET allowed_paths = ['/etc/passwd']",
		"SET threads = 64", "RESET memory_limit", "SET memory_limit = '1TB'",
	} {
		_, err := session.Prepare(t.Context(), sql)
		if err == nil {
			_, err = session.Run(t.Context())
		}
		if err == nil {
			t.Errorf("%s was let through", sql)
		}
	}
}

// TestErrorsHideRows makes errors of what rows hold. The engine may have come upon rows that the caller does not see.
func TestErrorsHideRows(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	for _, value := range []string{
		"strptime(msg, '%Y')", "regexp_matches('x', msg || '(')", "regexp_full_match('x', '[' || msg)", "regexp_extract_all('x', msg || '[')",
		"string_split_regex('x', '(' || msg)", "regexp_count('x', msg || '(')", "regexp_match('x', '(?P<' || msg)", "regexp_matches('x', '\\' || msg)",
		"regexp_matches('x', '(?' || msg)", "regexp_matches('x', '[z-' || msg || ']')", "regexp_replace('x', '*' || msg, '')",
		"msg::INT", "msg::UUID", "msg::INTERVAL", "msg::BIT", "(msg || '\\xzz')::BLOB", "msg::TIMESTAMP", "msg::DATE", "msg::TIME", "msg::INT[]",
		"msg::STRUCT(a INT)", "msg::JSON", "msg::DECIMAL(3, 1)", "msg::BOOLEAN", "msg::ENUM('a')", "date_part(msg, now())", "date_trunc(msg, now())",
		"unhex(msg)", "from_binary(msg)", "from_base64(msg)", "jsonb_path_query(properties, msg)", "json_extract('{}', '$.[' || msg)",
		"json_keys(msg)", "to_timestamp(msg)", "to_date(msg)", "digest(msg, msg)", "encode(msg::BLOB, msg)", "timezone(msg, now())",
		"map([msg, msg], [1, 2])", "date_bin(msg::INTERVAL, now())", "bitstring(msg, 100)", "arrow_cast(msg, 'Int64')", "time_bucket(msg::INTERVAL, now())",
	} {
		for _, sql := range []string{
			"SELECT " + value + " FROM log_entries",
			"SELECT count(*) FROM log_entries WHERE " + value + " IS NULL AND level = 100",
			"SELECT max(" + value + "::VARCHAR) FROM log_entries GROUP BY level",
		} {
			_, err := run(t, s, query.Request{SQL: sql})
			if err == nil {
				continue // the engine need not come to it
			}
			if public := fault.Of(err).Public(); strings.Contains(public, "essage") {
				t.Errorf("%s\n\tgives away: %s", sql, public)
			}
		}
	}
}

// TestExhaustion sends statements that want too much. Each must end with an error, and soon: in processor time, which other
// programs on the machine do not add to.
func TestExhaustion(t *testing.T) {
	l, e := newLake(t), newEngine(t, duck.Options{MemoryLimit: 256 << 20, MaxConcurrent: 2, SpillLimit: 16 << 20})
	s, patient := query.New(l, e, query.Options{Timeout: 1500 * time.Millisecond}), query.New(l, e, query.Options{})
	most := time.Duration(runtime.GOMAXPROCS(0)) * 10 * time.Second
	many := func(n int, open, middle, end string) string {
		return "SELECT " + strings.Repeat(open, n) + middle + strings.Repeat(end, n)
	}
	for name, sql := range map[string]string{
		"recursion":          "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
		"recursion doubling": "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT a.n + 1 FROM r a, (VALUES (1), (2)) b) SELECT count(*) FROM r",
		"cross join":         "SELECT count(*) FROM range(1000000) a, range(1000000) b, range(1000000) c WHERE a.value + b.value + c.range = -1",
		"repeat":             "SELECT length(repeat(repeat('x', 1000000), 1000000))",
		"repeat of rows":     "SELECT max(repeat('x', 1000000 + range)) FROM range(100000) GROUP BY range",
		"list":               "SELECT len(list(value)) FROM range(10000000000)",
		"sort":               "SELECT * FROM range(2000000000) ORDER BY hash(value)",
		"string_agg":         "SELECT length(string_agg(value, ',')) FROM range(10000000000)",
		"lpad of rows":       "SELECT max(length(lpad('x', 1000000, 'y'))) FROM range(1000000)",
		"list of range":      "SELECT len(range(1000000000))",
		"list of series":     "SELECT len(generate_series(1, 1000000000))",
		"replace":            "SELECT length(replace(repeat('x', 1000000), 'x', repeat('y', 1000000)))",
		"lambda and text":    "SELECT len(list_transform(range(1000000), x -> repeat('y', 1000000)))",
		"histogram":          "SELECT histogram(value) FROM range(1000000000)",
		"lpad":               "SELECT length(lpad('x', 2000000000, 'y'))",
		"parentheses":        many(10000, "(", "1", ")"),
		"brackets":           many(10000, "[", "1", "]"),
		"functions":          many(10000, "abs(", "1", ")"),
		"not":                many(100000, "NOT ", "true", ""),
		"minus":              many(100000, "- ", "1", ""),
		"plus":               many(100000, "1 + ", "1", ""),
		"case":               many(20000, "CASE WHEN true THEN ", "1", " END"),
		"casts":              many(100000, "", "1", "::int"),
		"concat":             many(100000, "'a' || ", "'b'", ""),
		"subqueries":         many(5000, "(SELECT ", "1", ")"),
		"unions":             "SELECT 1" + strings.Repeat(" UNION ALL SELECT 1", 50000),
		"joins":              "SELECT count(*) FROM range(1)" + strings.Repeat(", range(1)", 50000),
		"left joins":         "SELECT count(*) FROM range(1) a" + strings.Repeat(" LEFT JOIN range(1) ON true", 30000),
		"withs":              "WITH a0 AS (SELECT 1 AS x)" + withs(20000) + " SELECT * FROM a20000",
		"json":               many(20000, "json_array(", "1", ")"),
		"struct":             many(250, "{a: ", "1", "}") + strings.Repeat(".a", 60000),
		"index":              "SELECT x" + strings.Repeat("[1]", 100000) + " FROM (SELECT [1] AS x)",
		"arrow":              "SELECT '{}'::json" + strings.Repeat("->'a'", 100000),
		"types":              "SELECT CAST(NULL AS int" + strings.Repeat("[]", 100000) + ")",
		"lambda":             many(200, "list_transform([1], x -> ", "1", ")") + strings.Repeat(" + 1", 100000),
		"long":               "SELECT '" + strings.Repeat("x", 1<<20) + "'",
		"between":            many(50000, "1 BETWEEN 0 AND ", "1", ""),
		"collate":            "SELECT 'a'" + strings.Repeat(" COLLATE NOCASE", 50000),
		"at time zone":       "SELECT TIMESTAMP '2020-01-01'" + strings.Repeat(" AT TIME ZONE 'UTC'", 40000),
		"is null":            "SELECT 1" + strings.Repeat(" IS NULL", 100000),
		"dots":               "SELECT a" + strings.Repeat(".a", 300000),
		"intersects":         "SELECT 1" + strings.Repeat(" INTERSECT SELECT 1", 30000),
	} {
		t.Run(name, func(t *testing.T) {
			begin := processorTime(t)
			a, err := run(t, s, query.Request{SQL: sql})
			took := processorTime(t) - begin
			if took > most {
				t.Errorf("took %s", took)
			}
			switch fault.KindOf(err) {
			case fault.Exhausted, fault.Invalid, fault.TooLarge:
			default:
				if err != nil {
					t.Errorf("kind %v: %.300s", fault.KindOf(err), err)
				}
			}
			if err != nil {
				t.Logf("%s: %.200s", took, fault.Of(err).Public())
			} else {
				t.Logf("%s: %d rows", took, len(a.rows))
			}
			if a := mustRun(t, patient, "SELECT count(*) FROM log_entries"); a.rows[0][0] != "100" {
				t.Errorf("afterwards: %v", a.rows)
			}
		})
	}
}

// processorTime is what this process has used so far.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func withs(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, ", a%d AS (SELECT x + 1 AS x FROM a%d)", i, i-1)
	}
	return b.String()
}

// TestCancel ends queries at every point: while planning or computing, and between batches.
func TestCancel(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{MaxConcurrent: 1}, query.Options{})
	t.Run("before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Execute(ctx, query.Request{SQL: "SELECT 1"}); fault.KindOf(err) != fault.Canceled {
			t.Errorf("error %v", err)
		}
	})
	t.Run("while computing", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			res, err := s.Execute(ctx, query.Request{SQL: "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.value = -b.value - 5"})
			if err == nil {
				res.Release()
			}
			done <- err
		}()
		select {
		case err := <-done:
			t.Fatalf("it ended by itself: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
		cancel()
		if err := <-done; fault.KindOf(err) != fault.Canceled { // by itself it would end in days
			t.Errorf("error %v", err)
		}
	})
	t.Run("mid-stream", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		res, err := s.Execute(ctx, query.Request{SQL: "SELECT value AS x FROM range(10000000000)"})
		if err != nil {
			t.Fatal(err)
		}
		defer res.Release()
		if !res.Next() {
			t.Fatal(res.Err())
		}
		cancel()
		if res.Next() || fault.KindOf(res.Err()) != fault.Canceled {
			t.Errorf("error %v", res.Err())
		}
	})
	t.Run("released while computing", func(t *testing.T) {
		// The first chunk comes at once, the next one never.
		res, err := s.Execute(t.Context(), query.Request{SQL: "SELECT a.value AS x FROM range(100000000) a, range(100000000) b WHERE a.value < 1 AND b.value < 1000000 OR a.value + b.value = -1"})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for res.Next() {
			}
		}()
		res.Release()
		<-done
	})
	t.Run("released mid-stream", func(t *testing.T) {
		res, err := s.Execute(t.Context(), query.Request{SQL: "SELECT value AS x FROM range(10000000000)"})
		if err != nil {
			t.Fatal(err)
		}
		if !res.Next() {
			t.Fatal(res.Err())
		}
		batch := res.RecordBatch()
		batch.Retain()
		defer batch.Release()
		res.Release()
		if got := batch.Column(0).ValueStr(1); got != "1" {
			t.Errorf("the retained batch holds %s", got)
		}
	})
	if a := mustRun(t, s, "SELECT count(*) FROM log_entries"); a.rows[0][0] != "100" {
		t.Errorf("afterwards: %v", a.rows)
	}
}

func TestTimeout(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{}, query.Options{Timeout: 50 * time.Millisecond})
	_, err := run(t, s, query.Request{SQL: "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.value = -b.value - 5"})
	if fault.KindOf(err) != fault.Exhausted || !strings.Contains(err.Error(), "longer than 50ms") {
		t.Errorf("error %v", err)
	}
}

func TestAdmission(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{MaxConcurrent: 1, MaxWaiting: 1, CallerWaiting: 1}, query.Options{})
	res, err := s.Execute(t.Context(), query.Request{SQL: "SELECT 1"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	waiting := make(chan error)
	for range 2 {
		go func() {
			r, err := s.Execute(ctx, query.Request{SQL: "SELECT 1"})
			if err == nil {
				r.Release()
			}
			waiting <- err
		}()
	}
	// One of the two waits, the other one is told to come back.
	if err := <-waiting; fault.KindOf(err) != fault.Exhausted || fault.Of(err).RetryAfter <= 0 {
		t.Errorf("error %v", err)
	}
	res.Release()
	if err := <-waiting; err != nil {
		t.Errorf("the waiting query: %v", err)
	}
}

func TestErrors(t *testing.T) {
	l := newLake(t)
	s := newService(t, l, duck.Options{}, query.Options{})
	for _, tc := range []struct{ sql, want string }{
		{"SELECT\n  nope FROM log_entries", "(at line 2, column 3)"},
		{"SELECT TIMESTAMP '2020-01-01', nope FROM log_entries", "(at line 1, column 32)"},
		{"SELECT end, begin,\n TIMESTAMP '2020-01-01', é.nope FROM view_instance('thread_spans', '" + threadID + "')", "(at line 2, column 26)"},
		{"SELECT * FROM nope", "table 'nope' not found (at line 1, column 15)"},
		{"SELECT * FROM thread_spans", "view_instance('thread_spans', '<id>')"},
		{"SELECT nope(1)", "function 'nope' does not exist (at line 1, column 8)"},
		{"SELECT * FROM view_instance('nope', 'x')", "view set nope not found (at line 1, column 15)"},
		{"SELECT * FROM log_entry", "table 'log_entry' not found (at line 1, column 15); is log_entries meant?"},
		{"SELECT * FROM nothing_like_it", "SHOW TABLES lists the tables"},
		{"SELECT data_bin(INTERVAL '1 minute', time) FROM log_entries", "'data_bin' does not exist (at line 1, column 8); is date_bin meant?"},
		{"SELECT property_gett(properties, 'x') FROM log_entries", "is property_get meant?"},
		{"SELECT cuont(*) FROM log_entries", "is count meant?"},
		{"SELECT * FROM upper('a')", "it makes a value, no table"},
		{"SELECT json_each('{}')", "it stands in FROM"},
		{"SELECT * FROM view_instanc('log_entries', 'x')", "is view_instance meant?"},
		{`SELECT msg FROM log_entries WHERE target = "app"`, "texts have single quotes"},
		{"SELECT properties['a'] FROM log_entries", "property_get(properties, 'key')"},
		{"SELECT 1 +", "syntax error"},
		{"EXPLAIN SELECT nope FROM log_entries", "(at line 1, column 16)"},
		{"SELECT * FROM log_entries WHERE time > 'invalid-timestamp'", "invalid-timestamp"},
		{"SELECT CAST(msg AS INT) FROM log_entries", "(at line 1, column 8)"},
		{"SELECT level + 'a' FROM log_entries", "type casts"},
		{"SELECT 1;\n\n SELECT 2", "only one statement can be sent at a time (at line 1, column 9)"},
		{"SELECT sum(9223372036854775807 + 0 * value) FROM range(2)", "does not fit into Int64"},
		{"SELECT TIMESTAMP '9999-01-01'", ""},
	} {
		_, err := run(t, s, query.Request{SQL: tc.sql})
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Of(err).Public(), tc.want) {
			t.Errorf("%s\n\t%v\n\twant %s", tc.sql, err, tc.want)
			continue
		}
		if public := fault.Of(err).Public(); strings.Contains(public, "LINE ") || strings.Contains(public, "exception") || strings.Contains(public, "/tmp") {
			t.Errorf("%s\n\tgives away: %s", tc.sql, public)
		}
	}
	// A file that is missing is our fault, and its name is not for callers.
	l.tables["log_entries"].Files = append(l.tables["log_entries"].Files, "/nowhere/secret.parquet")
	for _, sql := range []string{"SELECT count(level) FROM log_entries", "SELECT * FROM log_entries"} {
		_, err := run(t, s, query.Request{SQL: sql})
		if fault.KindOf(err) != fault.Internal || strings.Contains(fault.Of(err).Public(), "secret") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestLimit(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	for _, tc := range []struct {
		sql   string
		limit int64
		want  int
	}{
		{"SELECT * FROM log_entries", 7, 7},
		{"SELECT * FROM log_entries", 0, 0},
		{"SELECT * FROM log_entries LIMIT 3", 7, 3},
		{"SELECT * FROM log_entries LIMIT 9 -- c", 7, 7},
		{"SELECT * FROM log_entries ORDER BY time DESC -- c", 7, 7},
		{"SELECT 1 UNION ALL SELECT 2", 1, 1},
		{"SHOW TABLES", 2, 2},
		{"SELECT * FROM log_entries OFFSET 98", 7, 2},
		{"SELECT value FROM range(1000000)", 70000, 70000},
		{"SELECT DISTINCT level FROM log_entries", 4, 4},
		{"VALUES (1), (2)", 1, 1},
		{"(SELECT 1)", 1, 1},
		{"WITH a AS (SELECT 1) SELECT * FROM a;", 1, 1},
	} {
		a, err := run(t, s, query.Request{SQL: tc.sql, Limit: &tc.limit})
		if err != nil || len(a.rows) != tc.want {
			t.Errorf("%s limited to %d: %d rows, %v", tc.sql, tc.limit, len(a.rows), err)
		}
	}
}

// TestOrder reads a table that promises an order.
func TestOrder(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	a := mustRun(t, s, "SELECT id FROM view_instance('thread_spans', '"+threadID+"')")
	if got := fmt.Sprint(a.rows); got != "[[0] [1] [2] [3]]" {
		t.Errorf("rows %s", got)
	}
	for sql, sorts := range map[string]bool{"SELECT count(*) FROM": false, "SELECT name, max(id) FROM": false, "SELECT * FROM": true, "SELECT list(id) FROM": true} {
		sql = "EXPLAIN " + sql + " view_instance('thread_spans', '" + threadID + "')"
		if strings.Contains(sql, "name,") {
			sql += " GROUP BY name"
		}
		if a := mustRun(t, s, sql); strings.Contains(a.rows[0][1], "ORDER_BY") != sorts {
			t.Errorf("%s: %s", sql, a.rows[0][1])
		}
	}
	a = mustRun(t, s, "SELECT id FROM (SELECT * FROM view_instance('thread_spans', '"+threadID+"') WHERE id > 0) LIMIT 2")
	if got := fmt.Sprint(a.rows); got != "[[1] [2]]" {
		t.Errorf("rows %s", got)
	}
}

func TestExplain(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	for _, sql := range []string{"EXPLAIN SELECT count(*) FROM log_entries WHERE level = 2", "EXPLAIN ANALYZE SELECT count(*) FROM log_entries WHERE level = 2"} {
		a := mustRun(t, s, sql)
		if got := strings.Join(a.fields(), "|"); got != "plan_type Utf8 nn|plan Utf8 nn" {
			t.Errorf("%s: columns %s", sql, got)
		}
		text := fmt.Sprint(a.rows)
		if !strings.Contains(text, "level=2") || strings.Contains(text, "lake") {
			t.Errorf("%s: %s", sql, text)
		}
		for _, wrong := range []string{"CAST", "msg", "properties"} { // nothing but the filter's column is read
			if strings.Contains(text, wrong) {
				t.Errorf("%s: %s in %s", sql, wrong, text)
			}
		}
	}
}
