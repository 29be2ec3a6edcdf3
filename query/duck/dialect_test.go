package duck_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
)

// dialect are statements with their columns and rows: "name type [nn]|…" and "value|…;…".
var dialect = []struct{ sql, columns, rows string }{
	// Names and types.
	{"SELECT 1 AS Foo", "foo Int64 nn", "1"},
	{`SELECT 1 AS "Foo"`, "Foo Int64 nn", "1"},
	{"SELECT 0.5 AS x, 100.0 * 3 AS y", "x Float64 nn|y Float64 nn", "0.5|300"},
	{
		"SELECT count(*), COUNT(level), sum(level), max(level), avg(level) AS a FROM log_entries",
		"count(*) Int64 nn|count(log_entries.level) Int64 nn|sum(log_entries.level) Int64|max(log_entries.level) Int32|a Float64",
		"100|100|346|6|3.46",
	},
	{"SELECT count(*) AS n FROM log_entries WHERE level + 1 > 100", "n Int64 nn", "0"},
	{"SELECT level + 1 AS x, CASE WHEN level = 1 THEN 1 ELSE 0 END AS y FROM log_entries LIMIT 1", "x Int64 nn|y Int64 nn", "2|1"},
	{"SELECT sum(depth) AS x FROM view_instance('thread_spans', '" + threadID + "')", "x UInt64", "6"},
	{"SELECT l.level, l.target FROM log_entries l JOIN streams s ON s.process_id = l.process_id ORDER BY l.time LIMIT 1", "level Int32 nn|target Utf8 nn", "1|net"},
	{
		"SELECT s.stream_id, l.target FROM streams s LEFT JOIN log_entries l ON l.level = 77 ORDER BY 1", "stream_id Utf8 nn|target Utf8",
		"stream-0|(null);stream-1|(null)",
	},
	{"SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS t(a, b) ORDER BY a", "a Int64 nn|b Utf8", "1|a;2|(null)"},
	{"SELECT tags FROM streams ORDER BY stream_id LIMIT 1", "tags List(non-null Utf8, field: 'tag')", `["log","all"]`},
	{
		"SELECT array_length(tags) AS n, array_has(tags, 'cpu') AS h, array_position(tags, 'cpu') AS p FROM streams ORDER BY stream_id",
		"n UInt64|h Boolean|p UInt64", "2|false|(null);2|true|1",
	},
	{"SELECT [1, 2] AS l, {'a': 1.5} AS s", `l List(Int64) nn|s Struct("a": Float64) nn`, `[1,2]|{"a":1.5}`},
	{"SELECT row_number() OVER (ORDER BY time) AS n FROM log_entries LIMIT 1", "n UInt64 nn", "1"},
	{
		"SELECT span_id, encode(span_id, 'hex') AS x FROM view_instance('thread_spans', '" + threadID + "') WHERE span_id = decode('0001020304050602', 'hex')",
		"span_id FixedSizeBinary(8) nn|x Utf8", "AAECAwQFBgI=|0001020304050602",
	},
	{"SELECT * FROM empty", `process_id Utf8 nn|time Timestamp(ns, "+00:00") nn|target Utf8 nn|level Int32 nn|msg Utf8 nn|properties Binary nn`, ""},
	{"SELECT 1 AS a UNION ALL SELECT 2 ORDER BY a", "a Int64 nn", "1;2"},
	{"SELECT NULL AS a", "a Null", "(null)"},
	// What an answer of literals is never null, unless the engine has nothing to say.
	{"SELECT upper('a') AS a, split_part('a', ',', 2) AS b, date_bin('1 hour', TIMESTAMP '2026-01-02T03:04:05') AS c", "a Utf8 nn|b Utf8 nn|c Timestamp(ns) nn", "A||2026-01-02T03:00:00"},
	{"SELECT CAST('1.5' AS DECIMAL(3, 1)) % CAST('0' AS DECIMAL(3, 1)) AS a, INTERVAL '1 day' / 0 AS b", "a Decimal|b Interval(MonthDayNano)", "(null)|(null)"},
	{"SELECT date_bin('1 hour', TIMESTAMP '2026-01-02', 'infinity') AS a", "a Timestamp(ns)", "(null)"},
	{"SELECT (SELECT count(*) FROM log_entries) AS a, (SELECT count(*) FROM log_entries GROUP BY level LIMIT 0) AS b", "a Int64 nn|b Int64", "100|(null)"},
	{"SELECT (SELECT count(*) FROM log_entries HAVING false) AS a, (SELECT count(*) FROM log_entries LIMIT 0) AS b", "a Int64|b Int64", "(null)|(null)"},

	{"SELECT s.stream_id, l.target FROM log_entries l RIGHT JOIN streams s ON l.level = 77 ORDER BY 1 LIMIT 1", "stream_id Utf8 nn|target Utf8", "stream-0|(null)"},
	{"SELECT s.stream_id, l.target FROM log_entries l FULL JOIN streams s ON l.level = 77 ORDER BY 1 LIMIT 1", "stream_id Utf8|target Utf8", "stream-0|(null)"},
	{"SELECT s.stream_id, l.n FROM streams s POSITIONAL JOIN (VALUES (1), (2), (3)) l(n) ORDER BY n DESC LIMIT 1", "stream_id Utf8|n Int64", "(null)|3"},
	{
		"SELECT * FROM streams JOIN (SELECT stream_id, 1 AS x FROM streams) y USING (stream_id) ORDER BY 1 LIMIT 0",
		`stream_id Utf8 nn|process_id Utf8|tags List(non-null Utf8, field: 'tag')|properties Binary|insert_time Timestamp(ns, "+00:00")|x Int64 nn`, "",
	},
	{"SELECT target, level, count(*) AS n FROM log_entries GROUP BY ROLLUP (target, level) ORDER BY n DESC LIMIT 1", "target Utf8|level Int32|n Int64 nn", "(null)|(null)|100"},
	{"SELECT max(level) AS a, sum(level) AS b, min(msg) AS c, count(level) AS d FROM empty", "a Int32|b Int64|c Utf8|d Int64 nn", "(null)|(null)|(null)|0"},
	{"SELECT lag(level) OVER (ORDER BY time) AS a FROM log_entries LIMIT 1", "a Int32", "(null)"},
	{"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT max(n) AS m FROM r", "m Int64", "3"},
	{"WITH a AS (SELECT level FROM log_entries), b AS (SELECT level AS x FROM a) SELECT x FROM b UNION ALL SELECT NULL ORDER BY x DESC LIMIT 1", "x Int32", "(null)"},
	{"SELECT (SELECT level FROM log_entries WHERE level > 100) AS a, coalesce((SELECT msg FROM empty), 'x') AS b", "a Int32|b Utf8 nn", "(null)|x"},
	{
		"SELECT a.* FROM log_entries a SEMI JOIN streams USING (process_id) LIMIT 0",
		`process_id Utf8 nn|time Timestamp(ns, "+00:00") nn|target Utf8 nn|level Int32 nn|msg Utf8 nn|properties Binary nn`, "",
	},

	// Arithmetic and order.
	{"SELECT 7/2 AS a, -7/2 AS b, 7.0/2 AS c", "a Int64 nn|b Int64 nn|c Float64 nn", "3|-3|3.5"},
	{"SELECT x FROM (VALUES (1), (NULL), (2)) t(x) ORDER BY x DESC", "x Int64", "(null);2;1"},
	{"SELECT x FROM (VALUES (1), (NULL), (2)) t(x) ORDER BY x", "x Int64", "1;2;(null)"},
	{"SELECT sum(9223372036854775807) AS x", "x Int64", "9223372036854775807"},
	{"SELECT CAST(7 AS INT UNSIGNED) AS a, CAST(1 AS BIGINT UNSIGNED) AS b, CAST(1 AS FLOAT64) AS c", "a UInt32 nn|b UInt64 nn|c Float64 nn", "7|1|1"},

	// Time.
	{"SELECT time FROM log_entries WHERE time = '2024-03-01T12:00:01.123456790Z'", `time Timestamp(ns, "+00:00") nn`, "2024-03-01T12:00:01.12345679Z"},
	{"SELECT count(*) FROM log_entries WHERE time >= '2024-03-01T14:01:00.123456789+02:00'", "count(*) Int64 nn", "40"},
	{"SELECT TIMESTAMP '2024-03-01T14:01:00.123456789+02:00' AS t", `t Timestamp(ns) nn`, "2024-03-01T12:01:00.123456789"},
	{
		"SELECT CAST('2024-03-01T12:00:00.123456789Z' AS TIMESTAMP) AS t, '2024-03-01'::timestamp AS u",
		`t Timestamp(ns) nn|u Timestamp(ns) nn`, "2024-03-01T12:00:00.123456789|2024-03-01T00:00:00",
	},
	{"SELECT count(*) FROM log_entries WHERE time < now() AND time > now() - INTERVAL '100 years'", "count(*) Int64 nn", "100"},
	{"SELECT count(*) FROM log_entries WHERE time < CURRENT_TIMESTAMP", "count(*) Int64 nn", "100"},
	{"SELECT max(time) - min(time) AS d FROM log_entries", "d Duration(ns)", "99000000099ns"},
	{
		`SELECT "end" - "begin" AS d, CAST(("end" - "begin") AS BIGINT) / 2 AS h, arrow_cast("end" - "begin", 'Int64') AS i FROM view_instance('thread_spans', '` + threadID + "') LIMIT 1",
		"d Duration(ns) nn|h Int64 nn|i Int64 nn", "7ns|3|7",
	},
	{
		"SELECT min(time) + INTERVAL '1 month' AS t, min(time) - INTERVAL '1 day' AS u FROM log_entries",
		`t Timestamp(ns, "+00:00")|u Timestamp(ns, "+00:00")`, "2024-04-01T12:00:00.123456789Z|2024-02-29T12:00:00.123456789Z",
	},
	{
		"SELECT date_bin('1 minute', time) AS b, count(*) FROM log_entries GROUP BY b ORDER BY b", `b Timestamp(ns, "+00:00")|count(*) Int64 nn`,
		"2024-03-01T12:00:00Z|60;2024-03-01T12:01:00Z|40",
	},
	{
		"SELECT date_bin(INTERVAL '10 millisecond', min(time)) AS b, date_bin(interval '1 week', min(time)) AS w, date_bin(interval '7 minute', min(time), timestamp '1970-01-01T00:00:00Z') AS o FROM log_entries",
		`b Timestamp(ns, "+00:00")|w Timestamp(ns, "+00:00")|o Timestamp(ns, "+00:00")`,
		"2024-03-01T12:00:00.12Z|2024-02-29T00:00:00Z|2024-03-01T11:56:00Z",
	},
	{
		"SELECT date_trunc('hour', min(time)) AS h, date_part('minute', max(time)) AS m, datepart('year', max(time)) AS y, extract(epoch FROM TIMESTAMP '1970-01-01T00:00:01.5Z') AS e FROM log_entries",
		`h Timestamp(ns, "+00:00")|m Int32|y Int32|e Float64 nn`, "2024-03-01T12:00:00Z|1|2024|1.5",
	},
	{
		"SELECT to_timestamp('2024-01-01T00:00:00Z') AS a, to_timestamp_nanos(5) AS b, to_timestamp_millis(5) AS c",
		`a Timestamp(ns) nn|b Timestamp(ns) nn|c Timestamp(ns) nn`, "2024-01-01T00:00:00|1970-01-01T00:00:00.000000005|1970-01-01T00:00:00.005",
	},
	{"SELECT DATE '2024-01-02' AS d", "d Date32 nn", "2024-01-02"},

	// Words.
	{
		"SELECT name, begin, end FROM view_instance('thread_spans', '" + threadID + "') WHERE end > begin ORDER BY end LIMIT 1",
		`name Utf8 nn|begin Timestamp(ns, "+00:00") nn|end Timestamp(ns, "+00:00") nn`, "span 0|2024-03-01T12:00:00.123456789Z|2024-03-01T12:00:00.123456796Z",
	},
	{"SELECT CASE WHEN level = 1 THEN 'a' ELSE 'b' END AS c, level AS end FROM log_entries LIMIT 1", "c Utf8 nn|end Int32 nn", "a|1"},
	{"SELECT msg LIKE '%message\\_%' AS a, 'a_b' LIKE 'a\\_b' AS b, 'axb' ILIKE 'A\\_b' AS c FROM log_entries LIMIT 1", "a Boolean nn|b Boolean nn|c Boolean nn", "false|true|false"},
	{"SELECT first_value(msg ORDER BY time) FILTER (WHERE level = 2) AS f, last_value(target ORDER BY time) AS l FROM log_entries", "f Utf8|l Utf8", "message 1|db"},
	{"SELECT first_value(msg) OVER (ORDER BY time) AS f FROM log_entries LIMIT 1", "f Utf8", "message 0"},
	{
		"SELECT approx_percentile_cont(level, 0.5) AS a, approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY level) AS b, approx_median(level) AS c, approx_percentile_cont(level, 0.5) FILTER (WHERE level > 100) AS d FROM log_entries",
		"a Float64|b Float64|c Float64|d Float64", "3|3|3|(null)",
	},
	{"SELECT arrow_typeof(level) AS a, arrow_typeof(time) AS b, arrow_typeof(msg) AS c FROM log_entries LIMIT 1", "a Utf8|b Utf8|c Utf8", `Int32|Timestamp(ns, "+00:00")|Utf8`},
	{
		"SELECT arrow_typeof(property_get(properties, 'x')) AS a, arrow_typeof(l.target) AS b, arrow_typeof(1) AS c, arrow_typeof(1.5) AS d, arrow_typeof(properties_to_jsonb(properties)) AS e FROM log_entries l LIMIT 1",
		"a Utf8|b Utf8|c Utf8 nn|d Utf8 nn|e Utf8", "Dictionary(Int32, Utf8)|Dictionary(Int32, Utf8)|Int64|Float64|Dictionary(Int32, Binary)",
	},
	{"SELECT (SELECT arrow_typeof(tags) FROM streams LIMIT 1) AS a", "a Utf8", "List(non-null Utf8, field: 'tag')"},
	{"SELECT arrow_cast(level, 'Utf8') AS a, arrow_cast('x', 'Dictionary(Int32, Utf8)') AS b FROM log_entries LIMIT 1", "a Utf8 nn|b Utf8 nn", "1|x"},
	{
		"SELECT nvl(NULL, 2) AS a, regexp_like('abc', 'b.') AS b, btrim('  x ') AS c, nanvl('NaN'::double, 1.0::double) AS d, signum(-3) AS e, concat('a', NULL, 'b') AS f",
		"a Int64 nn|b Boolean nn|c Utf8 nn|d Float64 nn|e Float64 nn|f Utf8 nn", "2|true|x|1|-1|ab",
	},
	{"SELECT encode('abcd'::bytea, 'base64') AS a, encode(decode('YWJjZA', 'base64'), 'hex') AS b, encode('\\xAB'::bytea, 'hex') AS c", "a Utf8 nn|b Utf8 nn|c Utf8 nn", "YWJjZA|61626364|ab"},
	{"SELECT count(*) FROM public.log_entries, datafusion.public.empty", "count(*) Int64 nn", "0"},
	{"SELECT length(msg) AS a, strpos(msg, 'g') AS b FROM log_entries LIMIT 1", "a Int32|b Int32 nn", "9|6"},
	{"VALUES (1, 'x')", "column1 Int64 nn|column2 Utf8 nn", "1|x"},
	{"FROM log_entries SELECT count(*)", "count(*) Int64 nn", "100"},
	{"SELECT a FROM (SELECT 1 AS a) WHERE a IN (SELECT unnest([1, 2]))", "a Int64 nn", "1"},
	{"SELECT g FROM generate_series(1, 3) t(g)", "g Int64 nn", "1;2;3"},

	// JSONB.
	{`SELECT encode(jsonb_parse('{ "name" : "value" }'), 'hex') AS x`, "x Utf8", "4000000110000004100000056e616d6576616c7565"},
	{
		`SELECT property_get(properties, 'NAME') AS a, properties_length(properties) AS b, jsonb_format_json(properties) AS c FROM log_entries LIMIT 1`,
		"a Utf8|b Int32|c Utf8", `value|1|{"name":"value"}`,
	},
	{`SELECT jsonb_format_json(jsonb_parse('{"b":1, "a":[1, 2.5,null]}')) AS x`, "x Utf8", `{"a":[1,2.5,null],"b":1}`},
	{`SELECT jsonb_as_i64(jsonb_get(jsonb_parse('{ "name" : 321321321321 }'), 'name')) AS a, jsonb_as_f64(jsonb_get(jsonb_parse('{ "name" : 2.3 }'), 'NAME')) AS b`, "a Int64|b Float64", "321321321321|2.3"},
	{
		`SELECT jsonb_as_string(jsonb_parse('5')) AS a, jsonb_array_length(jsonb_parse('{"k":1}')) AS b, jsonb_array_length(jsonb_parse('[1,2]')) AS c, jsonb_parse('{ not json... }') IS NULL AS d`,
		"a Utf8|b Int64|c Int64|d Boolean nn", "(null)|(null)|2|true",
	},
	{`SELECT jsonb_object_keys(jsonb_parse('{"b":1,"a":2}')) AS k, jsonb_object_keys(jsonb_parse('[]')) AS l`, "k List(Utf8)|l List(Utf8)", `["a","b"]|(null)`},
	{"SELECT count(*) FROM log_entries WHERE property_get(properties, 'name') = 'value'", "count(*) Int64 nn", "100"},
	{"SELECT count(*) FROM streams WHERE property_get(properties, 'x') IS NULL", "count(*) Int64 nn", "2"},

	// Our catalogue.
	{"SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1", "table_name Utf8 nn", "empty;log_entries;streams"},
	{
		"SELECT column_name, data_type, is_nullable FROM datafusion.information_schema.columns WHERE table_name = 'streams' AND column_name = 'properties'",
		"column_name Utf8 nn|data_type Utf8 nn|is_nullable Utf8 nn", "properties|Dictionary(Int32, Binary)|YES",
	},
	{
		"SHOW TABLES", "table_catalog Utf8 nn|table_schema Utf8 nn|table_name Utf8 nn|table_type Utf8 nn",
		"datafusion|public|empty|BASE TABLE;datafusion|public|log_entries|BASE TABLE;datafusion|public|streams|BASE TABLE;" +
			"datafusion|information_schema|tables|VIEW;datafusion|information_schema|views|VIEW;datafusion|information_schema|columns|VIEW;" +
			"datafusion|information_schema|df_settings|VIEW;datafusion|information_schema|schemata|VIEW;datafusion|information_schema|routines|VIEW;datafusion|information_schema|parameters|VIEW",
	},
	{
		"DESCRIBE empty;", "column_name Utf8 nn|data_type Utf8 nn|is_nullable Utf8 nn",
		`process_id|Dictionary(Int32, Utf8)|NO;time|Timestamp(ns, "+00:00")|NO;target|Dictionary(Int32, Utf8)|NO;level|Int32|NO;msg|Utf8|NO;properties|Dictionary(Int32, Binary)|NO`,
	},
}

func TestDialect(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	for _, tc := range dialect {
		a, err := run(t, s, query.Request{SQL: tc.sql})
		if err != nil {
			t.Errorf("%s\n\t%v", tc.sql, err)
			continue
		}
		if got := strings.Join(a.fields(), "|"); got != tc.columns {
			t.Errorf("%s\n\tcolumns %s\n\twant    %s", tc.sql, got, tc.columns)
		}
		var rows []string
		for _, r := range a.rows {
			rows = append(rows, strings.Join(r, "|"))
		}
		if got := strings.Join(rows, ";"); got != tc.rows {
			t.Errorf("%s\n\trows %s\n\twant %s", tc.sql, got, tc.rows)
		}
		if schema, err := s.Describe(t.Context(), tc.sql); err != nil {
			t.Errorf("describe %s: %v", tc.sql, err)
		} else if got, want := len(schema.Fields()), len(a.fields()); got != want {
			t.Errorf("describe %s: %d columns, want %d", tc.sql, got, want)
		}
	}
}

func TestPreserveDictionary(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	a, err := run(t, s, query.Request{
		SQL:                "SELECT target, properties, property_get(properties, 'name') AS p, msg, first_value(target) OVER () AS f FROM log_entries ORDER BY time",
		PreserveDictionary: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"target Dictionary(Int32, Utf8) nn", "properties Dictionary(Int32, Binary) nn", "p Dictionary(Int32, Utf8)", "msg Utf8 nn",
		"f Dictionary(Int32, Utf8)",
	}
	if !slices.Equal(a.fields(), want) {
		t.Errorf("columns %q, want %q", a.fields(), want)
	}
	if len(a.rows) != 100 || a.rows[1][0] != "db" || a.rows[1][2] != "value" {
		t.Errorf("rows %q", fmt.Sprint(a.rows[:2]))
	}
}
