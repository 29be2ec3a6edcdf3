package query

import (
	"strings"
	"testing"
)

func rewriteText(sql string) (rewritten, error) {
	s, err := scan(sql)
	if err != nil {
		return rewritten{}, err
	}
	r, _, err := rewrite(s, newHints(), nil, nil)
	return r, err
}

func TestRewrite(t *testing.T) {
	for sql, want := range map[string]string{
		"select a from t where b = 'X' -- C":                                                                                "select a from t where b = 'X' -- C",
		"SELECT Foo, \"Foo\" FROM T;  -- end":                                                                               "select foo, \"Foo\" from t",
		"select E'a\\'B', $$ End $$, x'AB' from t":                                                                          `select E'a\'B', $$ End $$, '\xAB'::BLOB from t`,
		"select end from t":                                                                                                 `select "end" from t`,
		"select t.end, case when end > 1 then end end, end":                                                                 `select t."end", case when "end" > 1 then "end" end, "end"`,
		"select case x when 1 then case when y then 2 end else 3 end as end":                                                "select case x when 1 then case when y then 2::BIGINT end else 3::BIGINT end as end",
		"select first_value(x) filter (where end) from t":                                                                   `select first(x) filter (where "end") from t`,
		"select first_value(x) over (order by y), last_value(a) filter (where b) over w":                                    "select first_value(x) over (order by y), last_value(a) filter (where b) over w",
		"select arrow_cast(f(a, b), 'Int64')":                                                                               "select CAST(trunc(f(a, b)) AS BIGINT)",
		"select timestamp '2020', cast(x as timestamp), y::timestamptz, timestamp":                                          "select timestamp_ns '2020', cast(x as timestamp_ns), y::timestamp_ns, timestamp",
		"select x as timestamp, cast(x as timestamp with time zone)":                                                        "select x as timestamp, cast(x as timestamp_ns)",
		`select a like '\_' and b ilike 'x' and c not like '\%' escape '\'`:                                                 `select a like '\_' ESCAPE '\' and b ilike 'x' and c not like '\%' escape '\'`,
		"select cast(a as int unsigned), b::bigint unsigned, cast(c as float64), float64":                                   "select cast(trunc(a) as uinteger), trunc(b)::ubigint, cast(c as double), float64",
		"select current_timestamp, x as current_timestamp":                                                                  "select now(), x as current_timestamp",
		"select approx_percentile_cont(a + 1, 0.9, 100) from t":                                                             "select approx_quantile(CAST(a + 1::BIGINT AS DOUBLE), CAST( 0.9e0 AS FLOAT)) from t",
		"select approx_percentile_cont(0.9) within group (order by a desc) from t":                                          "select approx_quantile(CAST((a) AS DOUBLE), CAST(1 - 0.9 AS FLOAT))  from t",
		"select approx_median(a), approx_distinct(b), var(c)":                                                               "select approx_quantile(CAST(a AS DOUBLE), 0.5), approx_count_distinct(b), var_samp(c)",
		"select * from datafusion.public.t, public.u, information_schema.tables, \"datafusion\".information_schema.columns": `select * from "t", "u", "information_schema.tables", "information_schema.columns"`,
		"select * from view_instance('log_entries', 'ab-1')":                                                                `select * from "view_instance('log_entries', 'ab-1')"`,
		"select time, msg from t order by time desc limit 9":                                                                "select time, msg from t order by time desc NULLS LAST limit 9",
		"select * from t a order by a.time DESC, level desc":                                                                "select * from t a order by a.time desc NULLS LAST, level desc",
		"select row_number() over (order by time desc) from t":                                                              "select row_number() over (order by time desc NULLS LAST) from t",
		"select time from t order by time desc nulls first":                                                                 "select time from t order by time desc nulls first",
		"select time from t order by time":                                                                                  "select time from t order by time",
		"select max(x) as time from t order by time desc":                                                                   "select max(x) as time from t order by time desc",
		"select max(x) time from t order by time desc":                                                                      "select max(x) time from t order by time desc",
		"select time from t left join u using (k) order by time desc":                                                       "select time from t left join u using (k) order by time desc",
		"select time from (select nullif(a, b) as x) order by time desc":                                                    "select time from (select nullif(a, b) as x) order by time desc",
		"select time from t group by rollup(time) order by time desc":                                                       "select time from t group by rollup(time) order by time desc",
		"explain select 1": "select 1::BIGINT",
		"explain /* x */ analyze verbose select 1 ; ": "select 1::BIGINT",
	} {
		r, err := rewriteText(sql)
		if err != nil || r.text != want {
			t.Errorf("%s\n\tgot  %s, %v\n\twant %s", sql, r.text, err, want)
		}
	}
}

func TestRefusedStatements(t *testing.T) {
	for sql, want := range map[string]string{
		"select 1; select 2":                       "only one statement",
		"insert into t values (1)":                 "must begin with",
		"select view_instance('a')":                "two constant texts",
		"select * from view_instance(a, b)":        "two constant texts",
		"select * from view_instance('a', 'x''y')": "not an id",
		"select arrow_cast(x, 'Nope')":             "does not know",
		"select arrow_cast(x)":                     "wants",
		"create materialized view x with ()":       "error parsing view DDL",
		"show everything":                          "SHOW knows",
		"describe":                                 "must follow",
		"describe a b":                             "must follow",
		strings.Repeat("(", 300) + "1":             "nested",
		"/* /* */":                                 "no end",
	} {
		if _, err := rewriteText(sql); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %s", sql, err, want)
		}
	}
}

func TestOriginal(t *testing.T) {
	sql := "select end, timestamp '2020', nope, x"
	r, err := rewriteText(sql)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"nope", ", x", "'2020'", "select"} {
		if got, want := r.original(strings.Index(r.text, word)), strings.Index(sql, word); got != want {
			t.Errorf("%s: %d, want %d", word, got, want)
		}
	}
	if got, want := r.original(strings.Index(r.text, "end")), strings.Index(sql, "end"); got != want {
		t.Errorf("end: %d, want %d", got, want)
	}
}

// FuzzRewrite checks that no text brings the tokeniser or the rewriter down, that tokens cover the text, that positions
// stay inside of it, and that what has nothing to rewrite comes back unchanged.
func FuzzRewrite(f *testing.F) {
	for _, sql := range []string{
		"select a, \"b\", 'c', $$d$$, $x$e$x$, 1.5e-3, 0x1F, .5 from t -- c\n where /* /* */ */ a <> b::int",
		"select case when end then end end, first_value(x) over (), arrow_cast(a, 'Int64')",
		"select approx_percentile_cont(0.5) within group (order by x), timestamp '2020', public.x, datafusion.public.",
		"explain analyze select 1;", "describe a.b.c", "show columns from x", "view_instance('a', 'b')", "((((", "case case end", "'", "\"", "$$", "/*",
	} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		tokens, err := tokenise(sql)
		if err != nil {
			return
		}
		at := 0
		for _, tok := range tokens {
			if tok.pos != at || tok.end <= tok.pos {
				t.Fatalf("token %v at %d", tok, at)
			}
			at = tok.end
		}
		if at != len(sql) {
			t.Fatalf("tokens end at %d of %d", at, len(sql))
		}
		s, err := scan(sql)
		if err != nil || s.kind > kindAnalyze {
			return
		}
		r, _, err := rewrite(s, newHints(), nil, nil)
		if err != nil {
			return
		}
		for i := range len(r.text) + 1 {
			if o := r.original(i); o < 0 || o > len(sql) {
				t.Fatalf("position %d becomes %d of %d", i, o, len(sql))
			}
		}
		if len(r.edits) == 0 && r.text != sql {
			t.Fatalf("%q became %q without an edit", sql, r.text)
		}
	})
}
