package duck_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
)

const depthChild = "DUCK_TEST_DEPTH"

// deep are statements whose parse tree, plan or values are as deep or as long as a statement can make them. Many of them have
// no parentheses that could be counted. A recursion in C++ that goes too deep ends the process, so a child asks them.
func deep() map[string]string {
	rep := strings.Repeat
	document := func(open, end string, n int) string {
		return "repeat('" + open + "', " + fmt.Sprint(n) + ") || '1' || repeat('" + end + "', " + fmt.Sprint(n) + ")"
	}
	statements := map[string]string{
		"parentheses":      "SELECT " + rep("(", 100_000) + "1" + rep(")", 100_000),
		"subqueries":       rep("SELECT * FROM (", 50_000) + "SELECT 1" + rep(")", 50_000),
		"lists":            "SELECT " + rep("[", 100_000) + rep("]", 100_000),
		"structs":          "SELECT " + rep("{'a': ", 100_000) + "1" + rep("}", 100_000),
		"minus":            "SELECT " + rep("- ", 500_000) + "1",
		"not":              "SELECT " + rep("NOT ", 250_000) + "true",
		"case":             "SELECT " + rep("CASE WHEN true THEN ", 40_000) + "1" + rep(" END", 40_000),
		"case when":        "SELECT " + rep("CASE WHEN ", 60_000) + "true" + rep(" THEN true END", 60_000),
		"case arms":        "SELECT CASE" + rep(" WHEN 1=2 THEN 3", 2_000) + " END",
		"or":               "SELECT true" + rep(" OR true", 120_000),
		"or columns":       "SELECT count(*) FROM log_entries WHERE level = 1" + rep(" OR level = 2", 80_000),
		"and":              "SELECT true" + rep(" AND true", 110_000),
		"and or":           "SELECT true" + rep(" AND true OR true", 60_000),
		"concat":           "SELECT 'a'" + rep("||'a'", 200_000),
		"plus":             "SELECT 1" + rep("+1", 100_000),
		"power":            "SELECT 1" + rep("^1", 100_000),
		"casts":            "SELECT 1" + rep("::INT", 50_000),
		"is null":          "SELECT 1" + rep(" IS NULL", 130_000),
		"comparisons":      "SELECT 1" + rep(" = 1", 250_000),
		"like":             "SELECT 'a'" + rep(" LIKE 'a'", 110_000),
		"between":          "SELECT 1" + rep(" BETWEEN 1 AND 2", 60_000),
		"collate":          "SELECT 'a'" + rep(" COLLATE nocase", 60_000),
		"at time zone":     "SELECT now()" + rep(" AT TIME ZONE 'UTC'", 50_000),
		"subscripts":       "SELECT [1]" + rep("[1]", 330_000),
		"slices":           "SELECT [1]" + rep("[:]", 330_000),
		"dots":             "SELECT a" + rep(".a", 500_000) + " FROM log_entries a",
		"methods":          "SELECT 'a'" + rep(".upper()", 110_000),
		"arrows":           "SELECT list_transform([1], x" + rep("->x", 300_000) + ")",
		"json arrows":      "SELECT '{}'" + rep("->>'a'", 150_000),
		"in":               "SELECT 1 IN (1" + rep(",1", 100_000) + ")",
		"in columns":       "SELECT count(*) FROM log_entries WHERE level IN (1" + rep(",2", 100_000) + ")",
		"in texts":         "SELECT count(*) FROM log_entries WHERE msg IN ('1'" + rep(",'x'", 100_000) + ")",
		"union all":        "SELECT 1" + rep(" UNION ALL SELECT 1", 50_000),
		"union":            "SELECT 1" + rep(" UNION SELECT 1", 60_000),
		"except":           "SELECT 1" + rep(" EXCEPT SELECT 1", 60_000),
		"cross joins":      "SELECT count(*) FROM range(1) t" + rep(", range(1)", 90_000),
		"joins":            "SELECT count(*) FROM log_entries" + rep(" JOIN log_entries USING (time)", 30_000),
		"natural joins":    "SELECT 1 FROM log_entries" + rep(" NATURAL JOIN log_entries", 35_000),
		"values":           "SELECT * FROM (VALUES (1)" + rep(",(1)", 50_000) + ")",
		"columns":          "SELECT 1" + rep(",1", 5_000),
		"order by":         "SELECT 1 ORDER BY 1" + rep(",1", 400_000),
		"group by":         "SELECT level FROM log_entries GROUP BY level" + rep(",level", 150_000),
		"array types":      "SELECT NULL::INT" + rep("[]", 450_000),
		"struct types":     "SELECT NULL::" + rep("STRUCT(a ", 60_000) + "INT" + rep(")", 60_000),
		"lists of text":    "SELECT [" + rep("1,", 10_000) + "1]",
		"arguments":        "SELECT concat('a'" + rep(",'a'", 20_000) + ")",
		"coalesce":         "SELECT coalesce(NULL" + rep(",NULL", 5_000) + ")",
		"window":           "SELECT 1 FROM log_entries WINDOW w AS (ORDER BY time)" + rep(", w AS (ORDER BY time)", 30_000),
		"json array":       "SELECT json_structure(" + document("[", "]", 1_000_000) + ")",
		"json object":      "SELECT json_structure(" + document(`{"a":`, "}", 1_000_000) + ")",
		"json pretty":      "SELECT length(json_pretty(" + document("[", "]", 1_000_000) + "))",
		"json valid":       "SELECT json_valid(" + document("[", "]", 1_000_000) + ")",
		"json tree":        "SELECT count(*) FROM json_tree(" + document("[", "]", 1_000_000) + ")",
		"json merge":       "SELECT length(json_merge_patch(" + document(`{"a":`, "}", 1_000_000) + ", " + document(`{"a":`, "}", 1_000_000) + "))",
		"json contains":    "SELECT json_contains(" + document("[", "]", 1_000_000) + ", '2')",
		"json group":       "SELECT json_group_structure(" + document("[", "]", 1_000_000) + ")",
		"json transform":   "SELECT json_transform(" + document("[", "]", 1_000_000) + ", " + document("[", "]", 1_000_000) + ")",
		"json type text":   "SELECT json_transform('1', repeat('[', 200) || '\"INT\"' || repeat(']', 200))",
		"from json deep":   "SELECT from_json('[]', '" + rep("[", 200_000) + `"INT"` + rep("]", 200_000) + "')",
		"json cast":        "SELECT CAST(CAST(" + document("[", "]", 1_000_000) + " AS JSON) AS INT[][])",
		"json tree each":   "SELECT count(*) FROM json_each(" + document(`{"a":`, "}", 1_000_000) + ")",
		"json wild":        "SELECT json_extract(" + document(`{"a":`, "}", 1_000_000) + ", '$..a')",
		"json keys":        "SELECT json_keys(" + document(`{"a":`, "}", 1_000_000) + ")",
		"json to json":     "SELECT length(CAST(to_json(CAST(" + document(`{"a":`, "}", 1_000_000) + " AS JSON)) AS VARCHAR))",
		"json type":        "SELECT json_type(" + document(`{"a":`, "}", 1_000_000) + ")",
		"json from":        "SELECT from_json(" + document(`{"a":`, "}", 1_000_000) + ", '{\"a\": \"JSON\"}')",
		"json path":        "SELECT json_extract('{}', '$" + rep(".a", 300_000) + "')",
		"json every":       "SELECT json_extract(" + document("[", "]", 1_000_000) + ", '$" + rep("[*]", 1000) + "')",
		"jsonb parse":      "SELECT jsonb_format_json(jsonb_parse(" + document("[", "]", 1_000_000) + "))",
		"jsonb object":     "SELECT jsonb_format_json(jsonb_parse(" + document(`{"a":`, "}", 1_000_000) + "))",
		"jsonb path":       "SELECT jsonb_path_query(jsonb_parse('{}'), '$" + rep(".a", 300_000) + "')",
		"jsonb path paren": "SELECT jsonb_path_query(jsonb_parse('{}'), '$ ? " + rep("(", 300_000) + "@.a == 1" + rep(")", 300_000) + "')",
		"list cast":        "SELECT CAST(" + document("[", "]", 1_000_000) + " AS INT[])",
		"pattern":          "SELECT regexp_matches('a', '" + rep("(", 300_000) + rep(")", 300_000) + "')",
		"pattern made":     "SELECT regexp_matches('a', " + document("(", ")", 1_000_000) + ")",
		"pattern count":    "SELECT regexp_count('a', " + document("(", ")", 100_000) + ")",
		"pattern repeats":  "SELECT regexp_matches('a', 'a" + rep("{1000}", 1000) + "')",
		"like made":        "SELECT repeat('a', 10000) LIKE repeat('%a', 5000)",
	}
	var ctes, names strings.Builder
	ctes.WriteString("WITH c0 AS (SELECT 1)")
	for i := range 2000 {
		fmt.Fprintf(&ctes, ", c%d AS (SELECT * FROM c%d)", i+1, i)
	}
	ctes.WriteString(" SELECT * FROM c2000")
	statements["ctes"] = ctes.String()
	names.WriteString("SELECT 1")
	for i := range 3_000 {
		fmt.Fprintf(&names, ", %d AS c%d", i, i)
	}
	statements["named columns"] = names.String()
	return statements
}

func TestDepth(t *testing.T) {
	if os.Getenv(depthChild) == "" {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDepth$", "-test.v")
		child.Env = append(os.Environ(), depthChild+"=1")
		out, err := child.CombinedOutput()
		t.Logf("%s", out) // the last statement that begins is the one that ended it
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	s := newService(t, newLake(t), duck.Options{MemoryLimit: 1 << 30, MaxConcurrent: 2}, query.Options{})
	statements := deep()
	for _, name := range slices.Sorted(maps.Keys(statements)) {
		begin := time.Now()
		t.Log(name, "begins")
		a, err := run(t, s, query.Request{SQL: statements[name]})
		switch fault.KindOf(err) {
		case fault.Invalid, fault.TooLarge, fault.Exhausted, fault.Unimplemented:
			t.Logf("%s: %.200s", name, fault.Of(err).Public())
		default:
			if err != nil {
				t.Errorf("%s: %.300v", name, err)
			} else {
				t.Logf("%s: %d rows", name, len(a.rows))
			}
		}
		t.Log(time.Since(begin))
	}
}
