package duck_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
	"github.com/micromegas-go/micromegas/telemetry"
)

// counting is a table function that tells how often it ran and can be held up after its first batch.
type counting struct {
	runs    atomic.Int64
	release chan struct{} // nil: goes on at once
	fail    error         // after the first batch
	freed   atomic.Int64
}

var countingSchema = arrow.NewSchema([]arrow.Field{
	{Name: "time", Type: timeType},
	{Name: "msg", Type: dictText},
}, nil)

func (c *counting) function(name string, admin bool) query.TableFunction {
	return query.TableFunction{Name: name, Admin: admin, Plan: func(args []query.Argument) (query.Call, error) {
		if len(args) != 2 {
			return query.Call{}, fault.New(fault.Invalid, name+" wants two arguments")
		}
		text, err := args[0].Text()
		if err != nil {
			return query.Call{}, err
		}
		at, err := args[1].Time()
		if err != nil {
			return query.Call{}, err
		}
		return query.Call{Schema: countingSchema, Run: func(context.Context, telemetry.Range) (*query.Rows, error) {
			c.runs.Add(1)
			return &query.Rows{
				Reader:  &slowReader{counting: c, text: text, at: at},
				Release: func() { c.freed.Add(1) },
			}, nil
		}}, nil
	}}
}

// slowReader gives two batches of one row each.
type slowReader struct {
	*counting
	text  string
	at    telemetry.Time
	n     int
	batch arrow.RecordBatch
	err   error
}

func (r *slowReader) Schema() *arrow.Schema { return countingSchema }
func (r *slowReader) Retain()               {}
func (r *slowReader) Release()              {}
func (r *slowReader) Err() error            { return r.err }
func (r *slowReader) Next() bool {
	if r.n == 1 && r.release != nil {
		<-r.release
	}
	if r.n == 1 && r.fail != nil {
		r.err = r.fail
	}
	if r.n == 2 || r.err != nil {
		return false
	}
	r.n++
	b := array.NewRecordBuilder(memory.DefaultAllocator, countingSchema)
	defer b.Release()
	b.Field(0).(*array.TimestampBuilder).Append(arrow.Timestamp(r.at))
	_ = b.Field(1).(*array.BinaryDictionaryBuilder).AppendString(fmt.Sprintf("%s %d", r.text, r.n))
	r.batch = b.NewRecordBatch()
	return true
}
func (r *slowReader) RecordBatch() arrow.RecordBatch { return r.batch }
func (r *slowReader) Record() arrow.RecordBatch      { return r.batch }

func functionService(t *testing.T, c *counting, scalars ...query.Scalar) *query.Service {
	t.Helper()
	return newService(t, &fakeLake{}, duck.Options{}, query.Options{
		TableFunctions: []query.TableFunction{c.function("steps", false), c.function("retire_partitions", true)},
		Scalars:        scalars,
	})
}

func texts(t *testing.T, ctx context.Context, s *query.Service, sql string) ([]string, error) {
	t.Helper()
	result, err := s.Execute(ctx, query.Request{SQL: sql})
	if err != nil {
		return nil, err
	}
	defer result.Release()
	var out []string
	for result.Next() {
		for i := range int(result.RecordBatch().NumRows()) {
			var row []string
			for _, c := range result.RecordBatch().Columns() {
				row = append(row, strings.Clone(c.ValueStr(i)))
			}
			out = append(out, strings.Join(row, "|"))
		}
	}
	return out, result.Err()
}

func TestTableFunction(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT time, msg FROM steps('a', '2026-01-31T12:00:00+00:00')":                                       "2026-01-31T12:00:00Z|a 1,2026-01-31T12:00:00Z|a 2",
		"SELECT msg FROM steps('a', TIMESTAMP '2026-01-31 12:00:00')":                                         "a 1,a 2",
		"SELECT * FROM steps('a', TIMESTAMP '2026-01-31 12:00:00.000000001')":                                 "2026-01-31T12:00:00.000000001Z|a 1,2026-01-31T12:00:00.000000001Z|a 2",
		"SELECT upper(msg) AS m FROM steps('a', '2026-01-31')":                                                "A 1,A 2",
		"SELECT s.msg FROM steps('a', '2026-01-31') AS s WHERE s.msg LIKE '%2'":                               "a 2",
		"SELECT count(*) FROM Steps('a', now() - INTERVAL '1 hour')":                                          "2",
		"SELECT count(*) FROM steps('A', '2026-01-31') x, steps('a', '2026-01-31') y":                         "4",
		"SELECT msg FROM (SELECT msg FROM steps('a', '2026-01-31'::timestamp)) ORDER BY 1 DESC":               "a 2,a 1",
		"WITH s AS (SELECT * FROM steps('it''s', CAST('2026-01-31' AS TIMESTAMP))) SELECT msg FROM s LIMIT 1": "it's 1",
	} {
		t.Run(sql, func(t *testing.T) {
			c := &counting{}
			got, err := texts(t, t.Context(), functionService(t, c), sql)
			if err != nil || strings.Join(got, ",") != want {
				t.Fatalf("got %q, %v, want %q", got, err, want)
			}
			if c.runs.Load() != c.freed.Load() || c.runs.Load() == 0 {
				t.Errorf("%d runs, %d released", c.runs.Load(), c.freed.Load())
			}
		})
	}
}

// A statement that only selects columns of the call hands every batch on when it comes.
func TestTableFunctionStreams(t *testing.T) {
	c := &counting{release: make(chan struct{})}
	s := functionService(t, c)
	result, err := s.Execute(t.Context(), query.Request{SQL: "SELECT time, msg FROM steps('a', '2026-01-31');"})
	if err != nil {
		t.Fatal(err)
	}
	defer result.Release()
	if !result.Next() || result.RecordBatch().Column(1).ValueStr(0) != "a 1" {
		t.Fatal("no first row before the second")
	}
	close(c.release)
	if !result.Next() || result.Next() || result.Err() != nil {
		t.Fatalf("not two rows: %v", result.Err())
	}
}

func TestTableFunctionErrors(t *testing.T) {
	broken := errors.New("secret cause")
	for name, tc := range map[string]struct {
		sql  string
		fail error
		kind fault.Kind
		text string
	}{
		"not constant":     {"SELECT * FROM steps(upper('a'), '2026-01-31')", nil, fault.Invalid, "argument 1 of steps must be a constant"},
		"wrong kind":       {"SELECT * FROM steps(1, '2026-01-31')", nil, fault.Invalid, "argument 1 of steps must be a text (at line 1, column 21)"},
		"no time":          {"SELECT * FROM steps('a', 'yesterday')", nil, fault.Invalid, "argument 2 of steps must be a time"},
		"too few":          {"SELECT * FROM steps('a')", nil, fault.Invalid, "two arguments (at line 1, column 15)"},
		"fault, streaming": {"SELECT * FROM steps('a', '2026-01-31')", fault.New(fault.Unavailable, "away"), fault.Unavailable, "away"},
		"fault, drained":   {"SELECT count(*) FROM steps('a', '2026-01-31')", fault.New(fault.Unavailable, "away"), fault.Unavailable, "away"},
		"bug, streaming":   {"SELECT * FROM steps('a', '2026-01-31')", broken, fault.Internal, ""},
		"bug, drained":     {"SELECT max(msg) FROM steps('a', '2026-01-31')", broken, fault.Internal, ""},
		"admin":            {"SELECT * FROM retire_partitions('a', '2026-01-31')", nil, fault.PermissionDenied, auth.EnvAdmins},
	} {
		t.Run(name, func(t *testing.T) {
			c := &counting{fail: tc.fail}
			_, err := texts(t, t.Context(), functionService(t, c), tc.sql)
			f := fault.Of(err)
			if f == nil || f.Kind != tc.kind || !strings.Contains(f.Public(), tc.text) || strings.Contains(f.Public(), "secret") {
				t.Fatalf("got %v, want kind %v and %q", err, tc.kind, tc.text)
			}
			if c.runs.Load() != c.freed.Load() || tc.fail == nil && c.runs.Load() > 0 {
				t.Errorf("%d runs, %d released", c.runs.Load(), c.freed.Load())
			}
		})
	}
}

// Describing and explaining a statement runs nothing.
func TestFunctionsDoNotRunWhilePlanning(t *testing.T) {
	c := &counting{}
	var calls atomic.Int64
	s := functionService(t, c, query.Scalar{
		Name: "touch", Args: []arrow.DataType{arrow.BinaryTypes.String}, Result: arrow.BinaryTypes.String,
		Call: func(_ context.Context, args [][]any, rows int) ([]any, error) {
			calls.Add(int64(rows))
			return args[0], nil
		},
	})
	sql := "SELECT touch('x'), msg FROM steps('a', '2026-01-31')"
	schema, err := s.Describe(t.Context(), sql)
	if err != nil || schema.NumFields() != 2 || !arrow.TypeEqual(schema.Field(1).Type, dictText) {
		t.Fatalf("Describe = %v, %v", schema, err)
	}
	if _, err := texts(t, t.Context(), s, "EXPLAIN "+sql); err != nil {
		t.Fatal(err)
	}
	if c.runs.Load() != 0 || calls.Load() != 0 {
		t.Fatalf("%d runs, %d calls", c.runs.Load(), calls.Load())
	}
	if got, err := texts(t, t.Context(), s, sql); err != nil || len(got) != 2 || got[0] != "x|a 1" || calls.Load() != 2 {
		t.Fatalf("got %q, %v, %d calls", got, err, calls.Load())
	}
}

func TestScalar(t *testing.T) {
	text, blob := arrow.BinaryTypes.String, arrow.BinaryTypes.Binary
	s := functionService(t, &counting{},
		query.Scalar{
			Name: "shout", Args: []arrow.DataType{text}, Result: text,
			Call: func(_ context.Context, args [][]any, rows int) ([]any, error) {
				out := make([]any, rows)
				for i, v := range args[0] {
					switch v {
					case nil:
						out[i] = "NULL!"
					case "bad":
						return nil, fault.New(fault.NotFound, "there is no bad")
					case "bug":
						return nil, errors.New("secret cause")
					case "none":
					default:
						out[i] = strings.ToUpper(v.(string)) + "!"
					}
				}
				return out, nil
			},
		},
		query.Scalar{
			Name: "shout", Args: []arrow.DataType{text, blob, &arrow.TimestampType{Unit: arrow.Nanosecond}}, Result: blob,
			Call: func(_ context.Context, args [][]any, _ int) ([]any, error) {
				return []any{fmt.Appendf(nil, "%s %x %d", args[0][0], args[1][0], args[2][0])}, nil
			},
		},
		query.Scalar{
			Name: "retire_partition_by_file", Admin: true, Args: []arrow.DataType{text}, Result: text,
			Call: func(context.Context, [][]any, int) ([]any, error) { return nil, errors.New("ran") },
		},
	)
	for sql, want := range map[string]string{
		"SELECT shout('a')": "A!",
		"SELECT shout(x) FROM (VALUES ('a'), (NULL), ('none')) AS t(x)":                               "A!,NULL!,(null)",
		"SELECT shout('x', decode('0aff', 'hex'), CAST('1970-01-01T00:00:01' AS TIMESTAMP))::VARCHAR": "x 0aff 1000000000",
	} {
		if got, err := texts(t, t.Context(), s, sql); err != nil || strings.Join(got, ",") != want {
			t.Errorf("%s = %q, %v, want %q", sql, got, err, want)
		}
	}
	for sql, kind := range map[string]fault.Kind{
		"SELECT shout('bad')":                     fault.NotFound,
		"SELECT shout('bug')":                     fault.Internal,
		"SELECT shout(1, 2)":                      fault.Invalid,
		"SELECT retire_partition_by_file('file')": fault.PermissionDenied,
	} {
		_, err := texts(t, t.Context(), s, sql)
		if f := fault.Of(err); f == nil || f.Kind != kind || strings.Contains(f.Public(), "secret") {
			t.Errorf("%s = %v, want kind %v", sql, err, kind)
		}
	}
}

// TestAdminSpellings calls a function of administrators in ways in which our tokens could differ from the engine's.
func TestAdminSpellings(t *testing.T) {
	var calls atomic.Int64
	text := arrow.BinaryTypes.String
	s := functionService(t, &counting{}, query.Scalar{
		Name: "retire_partition_by_file", Admin: true, Args: []arrow.DataType{text}, Result: text,
		Call: func(_ context.Context, args [][]any, _ int) ([]any, error) {
			calls.Add(1)
			return args[0], nil
		},
	})
	ctx := auth.With(t.Context(), &auth.Identity{Subject: "u", Method: auth.MethodOIDC, Roles: auth.RoleDefault})
	const name = "retire_partition_by_file"
	for _, sql := range []string{
		"SELECT " + name + "\u00a0('x')", "SELECT\u00a0" + name + "('x')", "SELECT \ufeff" + name + "\u3000('x')", "SELECT \"" + name + "\"\u2009('x')",
		"SELECT upper(" + name + "\u200b('x'))", "WITH a AS (SELECT " + name + "\u2060('x')) SELECT * FROM a",
		"SELECT E'a'\n'\\'', " + name + "('x') --'", "SELECT E'a\\'', " + name + "('x') --'", "SELECT 'a\\', " + name + "('x')--'",
		"SELECT $a$ $b$ $a$, " + name + "('x') -- $b$", "SELECT /* /* */ */ " + name + "/**/('x')", "SELECT 1--\r, " + name + "('x')\n",
		"SELECT 1e1" + name + "('x')", "SELECT 1." + name + "('x')", "SELECT U&'\\', " + name + "('x') --'",
		"SELECT 'x'." + name + "()", "SELECT ('x')." + name + "()", "SELECT list_transform(['x'], y -> " + name + "\u00a0(y))",
		"SELECT main." + name + "\u00a0('x')", "SELECT public." + name + "\u00a0('x')", "EXPLAIN SELECT " + name + "\u00a0('x')",
		"SELECT * FROM retire_partitions\u00a0('a', '2026-01-31')", "SELECT * FROM \"retire_partitions\"\u00a0('a', '2026-01-31')",
		"SELECT sum(1) FILTER (WHERE " + name + "\u00a0('x') = 'x')", "DESCRIBE SELECT " + name + "\u00a0('x')",
		"SELECT $1, " + name + "\u00a0($1)", "SELECT b'" + "'," + name + "\u00a0('x')", "SELECT [" + name + "\u00a0('x')]",
		"SELECT retire_partition_by_f\u0131le('x')", "SELECT \uff52etire_partition_by_file('x')",
	} {
		if got, err := texts(t, ctx, s, sql); err == nil {
			t.Errorf("%q was answered: %q", sql, got)
		} else if k := fault.KindOf(err); k != fault.PermissionDenied && k != fault.Invalid && k != fault.Unimplemented {
			t.Errorf("%q: %v", sql, err)
		}
		if _, err := s.Describe(ctx, sql); err == nil {
			t.Errorf("%q was described", sql)
		}
	}
	if calls.Load() > 0 {
		t.Errorf("%d calls", calls.Load())
	}
}
