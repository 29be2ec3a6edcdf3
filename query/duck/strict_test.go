package duck_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
)

// extremes are values of the types that functions take, none of them null.
var extremes = [][]string{
	{"''", "'1'", "'md5'", "'UTC'", "'day'", "'hex'", "'é日 b'", "'2026-01-02'", "'('", "','", "'%Y'", "'i'"},
	{"0::BIGINT", "1::BIGINT", "-1::BIGINT", "7::BIGINT", "9223372036854775807::BIGINT", "(-9223372036854775808)::BIGINT"},
	{"0::INTEGER", "3::INTEGER", "(-3)::INTEGER", "2147483647::INTEGER"},
	{"0e0", "-1.5e0", "'nan'::DOUBLE", "'inf'::DOUBLE", "1e300", "'-inf'::DOUBLE"},
	{"0.5", "-7.25", "0.0"},
	{"true", "false"},
	{"TIMESTAMP_NS '1970-01-01'", "TIMESTAMP_NS '2026-02-03 04:05:06.789'", "TIMESTAMP_NS 'infinity'", "TIMESTAMP_NS '-infinity'"},
	{"TIMESTAMP '1970-01-01'", "TIMESTAMP '9999-01-01'", "TIMESTAMP 'infinity'"},
	{"DATE '1970-01-01'", "DATE '0001-01-01'", "DATE 'infinity'"},
	{"INTERVAL '0 days'", "INTERVAL '-3 months'", "INTERVAL '90 minutes'"},
	{`''::BLOB`, `'\x00\xFF'::BLOB`},
	{"[]::BIGINT[]", "[1]::BIGINT[]", "[NULL]::BIGINT[]", "[1, NULL, 2]::BIGINT[]"},
	{"[]::VARCHAR[]", "['a']", "[NULL]::VARCHAR[]", "['b', NULL]"},
	{"{'a': 1}", "{'a': NULL::INTEGER}"},
	{"[]::BIGINT[][]", "[[1, NULL], NULL]::BIGINT[][]"},
	{"map {'a': 1, 'b': NULL}", "map([]::VARCHAR[], []::INTEGER[])"},
}

// decimals and intervals are places in extremes.
const decimals, intervals = 4, 9

// third are the types of extremes that are tried together in threes.
var third = []int{0, 1, 12}

// TestStrictFunctions calls the functions that are taken to be null only when an argument is with all kinds of values: then a
// column of their answers is declared never null, and must not be.
func TestStrictFunctions(t *testing.T) {
	e, err := duck.Open(duck.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	s, err := e.Session(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Attach(t.Context(), query.Attachment{}); err != nil {
		t.Fatal(err)
	}
	var all []int
	for i := range extremes {
		all = append(all, i)
	}
	for _, name := range query.StrictFunctions() {
		called := false
		arities, err := firstValue(t.Context(), s, `SELECT string_agg(DISTINCT CASE WHEN varargs IS NULL THEN len(parameters)::VARCHAR ELSE '1 2 3' END, ' ')
			FROM duckdb_functions() WHERE function_name = '`+name+"'")
		if err != nil {
			t.Fatal(err)
		}
		for n, kinds := range [][]int{{}, all, all, third, {0, 1}} {
			if !strings.Contains(arities, fmt.Sprint(n)) {
				continue
			}
			combinations(kinds, n, func(chosen []int) {
				if nulls, ok := callWithAll(t.Context(), s, name, chosen); ok {
					called = true
					for _, call := range nulls {
						if !expected(name, call, chosen) {
							t.Errorf("%s is null", call)
						}
					}
				}
			})
		}
		if !called {
			t.Errorf("%s was called with nothing that it takes", name)
		}
	}
}

// expected reports whether the inference knows that the call may be null: see trait.inexact and mayBeInfinite.
func expected(name, call string, chosen []int) bool {
	switch name {
	case "/", "%":
		return slices.Contains(chosen, decimals) || slices.Contains(chosen, intervals)
	case "date_bin":
		return strings.Contains(call, "inf")
	}
	return false
}

func combinations(kinds []int, n int, do func([]int)) {
	var fill func(chosen []int)
	fill = func(chosen []int) {
		if len(chosen) == n {
			do(chosen)
			return
		}
		for _, k := range kinds {
			fill(append(chosen, k))
		}
	}
	fill(nil)
}

// callOf writes a call of a function or operator.
func callOf(name string, args []string) string {
	if name == "struct_pack" {
		return "struct_pack(x := " + args[0] + ")"
	}
	return `"` + name + `"(` + strings.Join(args, ", ") + ")"
}

// callWithAll calls the function with all values of the chosen types and returns the calls that answered NULL. ok says that it
// takes these types.
func callWithAll(ctx context.Context, s query.Session, name string, chosen []int) (nulls []string, ok bool) {
	args := make([]string, len(chosen))
	var from []string
	for i, k := range chosen {
		args[i] = fmt.Sprintf("t%d.v", i)
		from = append(from, fmt.Sprintf("(VALUES (%s)) t%d(v)", strings.Join(extremes[k], "), ("), i))
	}
	// TRY answers NULL where there is an error, so that what is NULL here is looked at one by one.
	sql := "SELECT count(*) FROM (SELECT 1 AS one) one"
	if len(from) > 0 {
		sql += ", " + strings.Join(from, ", ")
	}
	n, err := firstValue(ctx, s, sql+" WHERE TRY("+callOf(name, args)+") IS NULL")
	if err == nil && n == "0" {
		return nil, true
	}
	if at, ok := errors.AsType[*query.SQLError](err); ok && !at.Data && !strings.Contains(err.Error(), "TRY") && !strings.Contains(err.Error(), "onstant") {
		first := make([]string, len(chosen))
		for i, k := range chosen {
			first[i] = extremes[k][0]
		}
		_, err = firstValue(ctx, s, "SELECT "+callOf(name, first))
		if at, ok := errors.AsType[*query.SQLError](err); ok && !at.Data {
			return nil, false // it does not take these types
		}
	}
	var each func(values []string)
	most := []int{1, 16, 6, 2, 2}[len(chosen)] // of each type, as these are statements of their own
	each = func(values []string) {
		if len(values) < len(chosen) {
			of := extremes[chosen[len(values)]]
			for _, v := range of[:min(most, len(of))] {
				each(append(values, v))
			}
			return
		}
		call := callOf(name, values)
		got, err := firstValue(ctx, s, "SELECT ("+call+") IS NULL")
		ok = ok || err == nil
		if got == "true" {
			nulls = append(nulls, call)
		}
	}
	each(nil)
	return nulls, ok
}

func firstValue(ctx context.Context, s query.Session, sql string) (string, error) {
	if _, err := s.Prepare(ctx, sql); err != nil {
		return "", err
	}
	rows, err := s.Run(ctx)
	if err != nil {
		return "", err
	}
	defer rows.Release()
	value := ""
	for rows.Next() {
		if value == "" && rows.RecordBatch().NumRows() > 0 {
			value = strings.Clone(rows.RecordBatch().Column(0).ValueStr(0)) // the batch goes
		}
	}
	return value, rows.Err()
}
