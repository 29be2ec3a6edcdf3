package duck_test

import (
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
)

// bound makes parameters of JSON rows.
func bound(tb testing.TB, schema *arrow.Schema, rows string) arrow.RecordBatch {
	tb.Helper()
	batch, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(rows))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(batch.Release)
	return batch
}

// typed is a schema with columns $1, $2, … of these types.
func typed(types ...arrow.DataType) *arrow.Schema {
	fields := make([]arrow.Field, len(types))
	for i, t := range types {
		fields[i] = arrow.Field{Name: string(rune('a' + i)), Type: t, Nullable: true}
	}
	return arrow.NewSchema(fields, nil)
}

func TestParameters(t *testing.T) {
	i32, i64, f64, text := arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Float64, arrow.BinaryTypes.String
	micros := &arrow.TimestampType{Unit: arrow.Microsecond}
	zoned := &arrow.TimestampType{Unit: arrow.Second, TimeZone: "UTC"}
	dict := &arrow.DictionaryType{IndexType: i32, ValueType: text}
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	for _, tc := range []struct {
		sql     string
		schema  *arrow.Schema
		rows    string
		columns string
		answer  string
	}{
		{"SELECT ?", typed(i64), `[{"a": 7}]`, "$1 Int64", "7"},
		{"SELECT ? AS x", typed(text), `[{"a": "it's; -- ?"}]`, "x Utf8", "it's; -- ?"},
		{"SELECT $2 AS x, $1 AS y, $2 AS z", typed(i64, text), `[{"a": 1, "b": "s"}]`, "x Utf8|y Int64|z Utf8", "s|1|s"},
		{"SELECT ? + 1 AS x", typed(f64), `[{"a": 1.5}]`, "x Float64", "2.5"},
		{"SELECT ? + 1 AS x", typed(i32), `[{"a": 1}]`, "x Int64", "2"},
		{"SELECT 1=? AS x", typed(arrow.PrimitiveTypes.Uint8), `[{"a": 1}]`, "x Boolean", "true"},
		{"SELECT ? AS x", typed(arrow.Null), `[{"a": null}]`, "x Utf8", "(null)"},
		{"SELECT ? AS x", typed(i64), `[{"a": null}, {"a": 3}]`, "x Int64", "(null);3"},
		{"SELECT ? AS x", typed(dict), `[{"a": "d"}]`, "x Utf8", "d"},
		{"SELECT ? AS x", typed(arrow.BinaryTypes.Binary), `[{"a": ""}, {"a": "AAE="}]`, "x Binary", ";AAE="},
		{"SELECT $Name || $other AS x", arrow.NewSchema([]arrow.Field{{Name: "OTHER", Type: text}, {Name: "unused", Type: text}, {Name: "name", Type: text}}, nil), `[{"OTHER": "b", "unused": "", "name": "a"}]`, "x Utf8", "ab"},
		{"SELECT CASE WHEN ? THEN ? END AS x", typed(arrow.FixedWidthTypes.Boolean, i64), `[{"a": true, "b": 4}]`, "x Int64", "4"},
		// What the statement expects: a text is read like a literal.
		{"SELECT count(*) FROM log_entries WHERE time >= ? AND time < ?", typed(text, text), `[{"a": "1970-01-01T00:00:00Z", "b": "2100-01-01"}]`, "count(*) Int64 nn", "100"},
		{"SELECT count(*) FROM log_entries WHERE time >= ?", typed(micros), `[{"a": "2100-01-01"}]`, "count(*) Int64 nn", "0"},
		{"SELECT ? AS x", typed(zoned), `[{"a": "2001-02-03T04:05:06Z"}]`, `x Timestamp(ns, "+00:00")`, "2001-02-03T04:05:06Z"},
		{"SELECT count(*) FROM log_entries WHERE level = ?", typed(text), `[{"a": "100"}]`, "count(*) Int64 nn", "0"},
		{"SELECT msg FROM log_entries ORDER BY time LIMIT ? OFFSET ?", typed(i64, i64), `[{"a": 0, "b": 1}]`, "msg Utf8 nn", ""},
		{"SELECT count(*) FROM log_entries WHERE msg LIKE ?", typed(text), `[{"a": "%"}]`, "count(*) Int64 nn", "100"},
		{"SELECT unnest(?) AS x ORDER BY x", typed(arrow.ListOf(i64)), `[{"a": [3, 1]}]`, "x Int64", "1;3"},
		// Once per row, one after the other; the limit of the request holds for all of them.
		{"SELECT ? * i AS x FROM range(3) r(i)", typed(i64), `[{"a": 1}, {"a": 10}]`, "x Int64", "0;1;2;0;10;20"},
		{"SELECT ? AS x", typed(i64), `[]`, "x Int64", ""},
		{"WITH w AS (SELECT ? AS v) SELECT v FROM w UNION ALL SELECT ?", typed(i64, i64), `[{"a": 1, "b": 2}]`, "v Int64", "1;2"},
	} {
		parameters := bound(t, tc.schema, tc.rows)
		a, err := run(t, s, query.Request{SQL: tc.sql, Parameters: parameters})
		if err != nil {
			t.Errorf("%s\n\t%v", tc.sql, err)
			continue
		}
		var rows []string
		for _, r := range a.rows {
			rows = append(rows, strings.Join(r, "|"))
		}
		if got := strings.Join(a.fields(), "|"); got != tc.columns {
			t.Errorf("%s\n\tcolumns %s\n\twant    %s", tc.sql, got, tc.columns)
		}
		if got := strings.Join(rows, ";"); got != tc.answer {
			t.Errorf("%s\n\trows %s\n\twant %s", tc.sql, got, tc.answer)
		}
		d, err := s.Prepare(t.Context(), tc.sql, parameters)
		if err != nil {
			t.Errorf("prepare %s: %v", tc.sql, err)
		} else if !d.Columns.Equal(a.schema) {
			t.Errorf("%s: described as %s, answered %s", tc.sql, d.Columns, a.schema)
		}
		if _, err := s.Prepare(t.Context(), tc.sql, nil); err != nil {
			t.Errorf("prepare %s without values: %v", tc.sql, err)
		}
	}
}

func TestLimitOverAllRowsOfParameters(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	limit := int64(4)
	a, err := run(t, s, query.Request{
		SQL: "SELECT ? * i AS x FROM range(3) r(i)", Limit: &limit,
		Parameters: bound(t, typed(arrow.PrimitiveTypes.Int64), `[{"a": 1}, {"a": 10}, {"a": 100}]`),
	})
	if err != nil || len(a.rows) != 4 || a.rows[3][0] != "0" {
		t.Errorf("%v, %v", a, err)
	}
}

func TestParametersThatCannotBeBound(t *testing.T) {
	i64, text := arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	for _, tc := range []struct {
		sql    string
		schema *arrow.Schema
		rows   string
		want   string
	}{
		{"SELECT ?", nil, "", "the statement has 1 parameter, and no values are bound"},
		{"SELECT ?, ?", nil, "", "the statement has 2 parameters, and no values are bound"},
		{"SELECT $name", nil, "", "no values are bound"},
		{"SELECT ?, ?", typed(i64), `[{"a": 1}]`, "has a parameter $2, but only 1 value is bound"},
		{"SELECT ?", typed(i64, i64), `[{"a": 1, "b": 2}]`, "2 values are bound, but the statement has 1 parameter"},
		{"SELECT 1", typed(i64), `[{"a": 1}]`, "1 value is bound to a statement without parameters"},
		{"SHOW TABLES", typed(i64), `[{"a": 1}]`, "1 value is bound to a statement without parameters"},
		{"SELECT $name", typed(i64), `[{"a": 1}]`, "no value is bound to the parameter $name"},
		{"SELECT level FROM log_entries WHERE level = ?", typed(text), `[{"a": "many"}]`, "many"},
		{"SELECT ?", typed(arrow.StructOf(arrow.Field{Name: "s", Type: i64})), `[{"a": {"s": 1}}]`, "cannot be bound"},
		{"SELECT ?", typed(&arrow.TimestampType{Unit: arrow.Second}), `[{"a": 99999999999}]`, "1677 to 2262"},
		{"SELECT * FROM unnest(?)", typed(arrow.ListOf(i64)), `[{"a": [1]}]`, "where a constant must be"},
		{"SELECT * FROM ?", typed(text), `[{"a": "log_entries"}]`, "syntax error"},
		{"SELECT * FROM read_parquet(?)", typed(text), `[{"a": "/etc/passwd"}]`, "'read_parquet' does not exist"},
		{"SELECT ? AS x UNION ALL SELECT $y", typed(i64), `[{"a": 1}]`, ""},
	} {
		r := query.Request{SQL: tc.sql}
		if tc.schema != nil {
			r.Parameters = bound(t, tc.schema, tc.rows)
		}
		_, err := run(t, s, r)
		if err == nil || !strings.Contains(err.Error(), tc.want) || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want %s", tc.sql, err, tc.want)
		}
	}
}

func TestParameterTypes(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	for sql, want := range map[string]string{
		"SELECT 1": "",
		"SELECT msg FROM log_entries WHERE level = ? AND time > ? AND msg = ?": `1 Int32|2 Timestamp(ns, "+00:00")|3 Utf8`,
		"SELECT $word FROM log_entries LIMIT $n":                               "word Utf8|n Int64",
		"SELECT ? + 1":                                                         "1 Int64",
		"SHOW TABLES":                                                          "",
	} {
		d, err := s.Prepare(t.Context(), sql, nil)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		var fields []string
		for _, f := range d.Parameters.Fields() {
			fields = append(fields, f.Name+" "+query.TypeText(f.Type))
		}
		if got := strings.Join(fields, "|"); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
		if d.Columns == nil || d.Columns.NumFields() == 0 {
			t.Errorf("%s: no columns", sql)
		}
	}
}

// Conditions on parameters reach the files, as those on literals do.
func TestParametersPrune(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	a, err := run(t, s, query.Request{
		SQL:        "EXPLAIN ANALYZE SELECT count(*) FROM log_entries WHERE time >= ?",
		Parameters: bound(t, typed(&arrow.TimestampType{Unit: arrow.Microsecond}), `[{"a": "2100-01-01"}]`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if plan := a.rows[0][1]; !strings.Contains(plan, "2100-01-01") {
		t.Errorf("the plan does not have the value:\n%s", plan)
	}
}

func TestCancelBetweenRowsOfParameters(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{}, query.Options{Timeout: time.Minute})
	res, err := s.Execute(t.Context(), query.Request{
		SQL:        "SELECT ? FROM range(100000)",
		Parameters: bound(t, typed(arrow.PrimitiveTypes.Int64), `[{"a": 1}, {"a": 2}]`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if !res.Next() {
		t.Fatal(res.Err())
	}
	res.Release()
	if res.Next() {
		t.Error("a released result goes on")
	}
}

func TestParametersAsConstants(t *testing.T) {
	i64, text, null := arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String, arrow.Null
	dict := &arrow.DictionaryType{IndexType: i64, ValueType: text}
	nanos := &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}
	c := &counting{}
	echo := c.function("echo", false)
	echo.Columns = countingSchema
	s := newService(t, newLake(t), duck.Options{}, query.Options{TableFunctions: []query.TableFunction{echo, c.function("shut", false)}})
	id := `[{"a": "` + processID + `"}]`
	const instance = "SELECT count(*) AS n FROM view_instance('log_entries', ?)"
	for _, tc := range []struct {
		sql    string
		schema *arrow.Schema
		rows   string
		answer string // or a part of the error
	}{
		{instance, typed(text), id, "50"},
		{instance, typed(dict), id, "50"},
		{instance + " WHERE level < ?", typed(text, i64), `[{"a": "` + processID + `", "b": 100}]`, "50"},
		{"SELECT $2 AS x, count(*) AS n FROM view_instance('log_entries', $1) WHERE level < $3", typed(text, text, i64), `[{"a": "` + processID + `", "b": "x", "c": 100}]`, "x|50"},
		{"SELECT $1 AS x, count(*) AS n FROM view_instance('log_entries', $1)", typed(text), id, processID + "|50"},
		{"SELECT $x AS x, count(*) AS n FROM view_instance('log_entries', $id)", arrow.NewSchema([]arrow.Field{{Name: "id", Type: text}, {Name: "x", Type: i64}}, nil), `[{"id": "` + processID + `", "x": 3}]`, "3|50"},
		{"SELECT msg FROM echo(?, ?)", typed(text, nanos), `[{"a": "it's", "b": "2026-01-02T03:04:05Z"}]`, "it's 1;it's 2"},
		{"SELECT msg FROM echo(?, ?) WHERE msg <> ?", typed(text, text, text), `[{"a": "m", "b": "2026-01-02", "c": "x"}]`, "m 1;m 2"},
		{"SELECT msg FROM shut(?, now())", typed(text), `[{"a": "m"}]`, "m 1;m 2"},
		{"SELECT msg FROM echo(?, now())", typed(text), `[{"a": "m"}, {"a": "m"}]`, "m 1;m 2;m 1;m 2"},
		{instance, typed(text), `[]`, ""},

		{"SELECT msg FROM echo(?, now())", typed(text), `[{"a": "m"}, {"a": "n"}]`, "parameter $1 stands where a constant must, and has several values"},
		{"SELECT msg FROM echo(?, now())", typed(i64), `[{"a": 1}]`, "argument 1 of echo must be a text"},
		{"SELECT msg FROM echo(?, now())", typed(null), `[{"a": null}]`, "argument 1 of echo must be a text"},
		{"SELECT msg FROM echo(? || 'x', now())", typed(text), `[{"a": "m"}]`, "argument 1 of echo must be a constant"},
		{"SELECT msg FROM echo(?, ?)", typed(text), `[{"a": "m"}]`, "has a parameter $2, but only 1 value is bound"},
		{"SELECT msg FROM echo(?, now())", typed(text, text), `[{"a": "m", "b": "n"}]`, "2 values are bound, but the statement has 1 parameter"},
		{"SELECT msg FROM echo(?, now())", nil, "", "the statement has 1 parameter, and no values are bound"},
		{instance, nil, "", "the statement has 1 parameter, and no values are bound"},
		{instance, typed(i64), `[{"a": 1}]`, "view_instance wants two constant texts"},
		{instance, typed(text), `[{"a": "' OR 1"}]`, "is not an id"},
		{"SELECT * FROM view_instance(?, 'x')", typed(text), `[{"a": "log_entries"}]`, "view_instance wants two constant texts"},
	} {
		r := query.Request{SQL: tc.sql}
		if tc.schema != nil {
			r.Parameters = bound(t, tc.schema, tc.rows)
		}
		a, err := run(t, s, r)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid || tc.answer == "" || !strings.Contains(err.Error(), tc.answer) {
				t.Errorf("%s: %v, want %s", tc.sql, err, tc.answer)
			}
			continue
		}
		var rows []string
		for _, row := range a.rows {
			rows = append(rows, strings.Join(row, "|"))
		}
		if got := strings.Join(rows, ";"); got != tc.answer {
			t.Errorf("%s\n\trows %s\n\twant %s", tc.sql, got, tc.answer)
		}
		if d, err := s.Prepare(t.Context(), tc.sql, r.Parameters); err != nil || d.Columns.NumFields() != a.schema.NumFields() {
			t.Errorf("%s: described as %v, %v, answered %s", tc.sql, d, err, a.schema)
		}
	}
	// Before anything is bound.
	for sql, want := range map[string]string{
		"SELECT level FROM view_instance('log_entries', ?) WHERE msg = ? AND level = ?": "level|1 Utf8 2 Utf8 3 Int32",
		"SELECT level = $2 AS x FROM view_instance('log_entries', $1)":                  "x|1 Utf8 2 Int32",
		"SELECT msg FROM echo($text, $at)":                                              "msg|text Utf8 at Utf8",
	} {
		d, err := s.Prepare(t.Context(), sql, nil)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		var fields []string
		for _, f := range d.Parameters.Fields() {
			fields = append(fields, f.Name+" "+query.TypeText(f.Type))
		}
		if got := d.Columns.Field(0).Name + "|" + strings.Join(fields, " "); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
	if _, err := s.Prepare(t.Context(), "SELECT msg FROM shut(?, now())", nil); err == nil || !strings.Contains(err.Error(), "where a constant must be") {
		t.Errorf("a function whose columns depend on its arguments: %v", err)
	}
}
