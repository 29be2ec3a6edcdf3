package duck_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
)

const (
	histogramText = `Struct("start": non-null Float64, "end": non-null Float64, "min": non-null Float64, "max": non-null Float64, ` +
		`"sum": non-null Float64, "sum_sq": non-null Float64, "count": non-null UInt64, "bins": non-null List(non-null UInt64, field: 'bin'))`
	numbers    = "(SELECT range AS x FROM range(105))"
	histogram  = "(SELECT make_histogram(0.0, 100.0, 4, x) AS h FROM " + numbers + ")"
	properties = "[{'key': 'Name', 'value': 'upper'}, {'key': 'name', 'value': 'lower'}, {'key': 'n', 'value': '5'}]"
)

// ours are statements with functions of ours, their columns and rows, as in dialect.
var ours = []struct{ sql, columns, rows string }{
	// JSONB.
	{`SELECT encode(jsonb_parse('{name: ''value'',}'), 'hex') AS x`, "x Utf8", "4000000110000004100000056e616d6576616c7565"},
	{`SELECT jsonb_format_json(jsonb_parse('[0x10, +1, .5, NaN, , ]')) AS x`, "x Utf8", `[16,1,0.5,null,null,null]`},
	{`SELECT jsonb_format_json(jsonb_parse('')) AS a, jsonb_parse('{ test }') AS b, jsonb_parse('{"a":1,"a":2}') AS c, jsonb_parse(NULL) AS d`, "a Utf8|b Binary|c Binary|d Binary", "null|(null)|(null)|(null)"},
	{`SELECT jsonb_as_text(jsonb_parse('"x"')) AS a, jsonb_as_text(jsonb_parse('5')) AS b, jsonb_as_text(jsonb_parse('{"a": [true]}')) AS c, jsonb_as_text(NULL) AS d`, "a Utf8|b Utf8|c Utf8|d Utf8", `x|5|{"a":[true]}|(null)`},
	{`SELECT jsonb_as_i64(jsonb_parse('4.0')) AS a, jsonb_as_i64(jsonb_parse('4.5')) AS b, jsonb_as_f64(jsonb_parse('"4"')) AS c`, "a Int64|b Int64|c Float64", "4|(null)|(null)"},
	{`SELECT jsonb_format_json(jsonb_path_query(jsonb_parse('{"a":1}'), '$.missing')) AS a, jsonb_format_json(jsonb_path_query(jsonb_parse('{"a":[1,2]}'), '$.a[*]')) AS b`, "a Utf8|b Utf8", "[]|[1,2]"},
	{`SELECT jsonb_as_i64(jsonb_path_query_first(jsonb_parse('{"a":[1,2]}'), '$.a[last]')) AS a, jsonb_path_query_first(jsonb_parse('{}'), '$.a') AS b`, "a Int64|b Binary", "2|(null)"},
	{
		`SELECT jsonb_as_string(jsonb_path_query_first(jsonb_parse('{"items":[{"type":"idle"},{"type":"active","n":"x"}]}'), '$.items[*] ? (@.type == "active").n')) AS a`,
		"a Utf8", "x",
	},
	{
		`SELECT list_transform(jsonb_path_elements(jsonb_parse('[1,"x"]'), '$[*]'), x -> jsonb_format_json(x)) AS a, jsonb_path_elements(jsonb_parse('[]'), '$.x') AS b, jsonb_path_elements(jsonb_parse('[]'), NULL) AS c`,
		"a List(Utf8)|b List(Binary)|c List(Binary)", `["1","\"x\""]|[]|(null)`,
	},
	{
		`SELECT e.key, jsonb_format_json(e.value) AS v FROM (SELECT unnest(jsonb_entries(jsonb_parse('{"b":[1],"a":"x"}'))) AS e)`,
		"e[key] Utf8|v Utf8", `a|"x";b|[1]`,
	},
	{
		`SELECT jsonb_entries(jsonb_parse('{}')) AS a, jsonb_entries(jsonb_parse('[]')) AS b, jsonb_elements(jsonb_parse('[]')) AS c, jsonb_elements(jsonb_parse('{}')) AS d`,
		`a List(Struct("key": non-null Utf8, "value": Binary))|b List(Struct("key": non-null Utf8, "value": Binary))|c List(Binary)|d List(Binary)`, "[]|(null)|[]|(null)",
	},
	{`SELECT array_length(jsonb_elements(jsonb_parse('[1,2,3]'))) AS n`, "n UInt64", "3"},
	{`SELECT p, jsonb_path_query_first(d, p) IS NULL AS n FROM (SELECT jsonb_parse('{"a":1}') AS d), (VALUES ('$.a'), ('b'), (NULL)) t(p) ORDER BY p`, "p Utf8|n Boolean nn", "$.a|false;b|true;(null)|true"},
	{`SELECT count(*) AS n FROM log_entries WHERE jsonb_as_string(jsonb_path_query_first(properties, '$.name')) = 'value'`, "n Int64 nn", "100"},
	{`SELECT jsonb_path_query('\xAB'::bytea, '$') AS a, jsonb_format_json(''::bytea) AS b`, "a Binary|b Utf8", "(null)|(null)"},

	// Table functions on JSONB.
	{`SELECT key, jsonb_as_text(value) AS v FROM jsonb_each(jsonb_parse('{"b":1,"a":"x"}'))`, "key Utf8|v Utf8", "a|x;b|1"},
	{`SELECT * FROM jsonb_each(jsonb_parse('[true]')) t(k, v)`, "k Utf8|v Binary", "0|IAAAAEAAAAA="},
	{`SELECT jsonb_as_i64(value) AS v FROM jsonb_array_elements(jsonb_parse('[1, 2]')) ORDER BY v DESC`, "v Int64", "2;1"},
	{`SELECT value FROM jsonb_array_elements(jsonb_parse('[]'))`, "value Binary", ""},
	{`SELECT key FROM jsonb_each(jsonb_parse('{}'))`, "key Utf8", ""},
	{`SELECT key FROM jsonb_each(NULL)`, "key Utf8", ""},
	{`SELECT key, jsonb_as_text(value) AS v FROM jsonb_each((SELECT properties FROM log_entries LIMIT 1))`, "key Utf8|v Utf8", "name|value"},
	{`SELECT count(*) AS n, count(DISTINCT key) AS d FROM jsonb_each((SELECT properties FROM log_entries))`, "n Int64 nn|d Int64 nn", "100|1"},
	{
		`SELECT jsonb_as_text(value) AS v FROM jsonb_array_elements((SELECT jsonb_parse(j) FROM (VALUES (1, '[1,2]'), (2, NULL), (3, '[]'), (4, '["x"]')) t(i, j) ORDER BY i))`,
		"v Utf8", "1;2;x",
	},
	{`SELECT key FROM jsonb_each((SELECT NULL::bytea))`, "key Utf8", ""},
	{`WITH p AS (SELECT jsonb_parse('{"a":{"b":1}}') AS j) SELECT o.key AS k, i.key AS l FROM jsonb_each((SELECT j FROM p)) o, jsonb_each((SELECT jsonb_get(j, 'a') FROM p)) i`, "k Utf8|l Utf8", "a|b"},
	{`SELECT key FROM jsonb_each((SELECT value FROM jsonb_each((SELECT jsonb_parse('{"a":{"b":1}}')))))`, "key Utf8", "b"},
	{`SELECT t.x, e.key FROM (SELECT 1 AS x, jsonb_parse('{"a":1,"b":2}') AS j) t, jsonb_each(t.j) e ORDER BY e.key`, "x Int64 nn|key Utf8", "1|a;1|b"},

	// Properties, as JSONB and as lists.
	{"SELECT property_get(" + properties + ", 'name') AS a, property_get(" + properties + ", 'NAME') AS b, property_get(" + properties + ", 'x') AS c", "a Utf8|b Utf8|c Utf8", "lower|upper|(null)"},
	{`SELECT property_get(jsonb_parse('{"n":5,"s":"x","o":{"a":null}}'), 'N') AS a, property_get(jsonb_parse('{"o":{"a":null}}'), 'o') AS b, property_get(NULL, 'a') AS c`, "a Utf8|b Utf8|c Utf8", `5|{"a":null}|(null)`},
	{"SELECT properties_length(" + properties + ") AS a, properties_length(jsonb_parse('[1]')) AS b, properties_length(jsonb_parse('{\"a\":1}')) AS c", "a Int32|b Int32|c Int32", "3|0|1"},
	{"SELECT jsonb_format_json(properties_to_jsonb(" + properties + ")) AS a", "a Utf8", `{"Name":"upper","n":"5","name":"lower"}`},
	{
		"SELECT properties_to_dict(properties) AS a, properties_to_array(properties_to_dict(properties)) AS b FROM log_entries LIMIT 1",
		`a List(Struct("key": non-null Utf8, "value": non-null Utf8))|b List(Struct("key": non-null Utf8, "value": non-null Utf8))`,
		`[{"key":"name","value":"value"}]|[{"key":"name","value":"value"}]`,
	},
	{"SELECT properties_to_array(properties_to_dict([{'key': 'a', 'value': 'b'}])) AS a", `a List(Struct("key": non-null Utf8, "value": non-null Utf8))`, `[{"key":"a","value":"b"}]`},
	{
		"SELECT arrow_typeof(properties_to_dict(properties)) AS a, arrow_typeof(property_get(properties, 'x')) AS b, arrow_typeof(properties) AS c FROM log_entries LIMIT 1", "a Utf8|b Utf8|c Utf8",
		`Dictionary(Int32, List(Struct("key": non-null Utf8, "value": non-null Utf8)))|Dictionary(Int32, Utf8)|Dictionary(Int32, Binary)`,
	},

	// Histograms.
	{"SELECT make_histogram(0.0, 2, 1, level) FROM log_entries LIMIT 0", "make_histogram(Float64(0),Int64(2),Int64(1),log_entries.level) " + histogramText, ""},
	{"SELECT h FROM " + histogram, "h " + histogramText, `{"bins":[25,25,25,30],"count":105,"end":100,"max":104,"min":0,"start":0,"sum":5460,"sum_sq":380380}`},
	{
		"SELECT quantile_from_histogram(h, 0.5) AS q, quantile_from_histogram(h, 0) AS z, quantile_from_histogram(h, 2) AS e, count_from_histogram(h) AS c, sum_from_histogram(h) AS s, variance_from_histogram(h) AS v FROM " + histogram,
		"q Float64|z Float64|e Float64|c UInt64|s Float64|v Float64", "52.5|0|100|105|5460|927.5",
	},
	{"SELECT * FROM expand_histogram((SELECT h FROM " + histogram + "))", "bin_center Float64 nn|count UInt64 nn", "12.5|25;37.5|25;62.5|25;87.5|30"},
	{"SELECT bin_center, count FROM expand_histogram((SELECT make_histogram(5, 5, 2, x) FROM " + numbers + "))", "bin_center Float64 nn|count UInt64 nn", "5.5|6;6.5|99"},
	{"SELECT count(*) AS n FROM expand_histogram((SELECT NULL::STRUCT(\"start\" DOUBLE, \"end\" DOUBLE, min DOUBLE, max DOUBLE, sum DOUBLE, sum_sq DOUBLE, count UBIGINT, bins UBIGINT[])))", "n Int64 nn", "0"},
	{"SELECT x % 2 AS g, count_from_histogram(make_histogram(0, 100, 2, x)) AS n FROM " + numbers + " GROUP BY g ORDER BY g", "g Int64 nn|n UInt64", "0|53;1|52"},
	{"SELECT make_histogram(0, 10, 2, x) FILTER (WHERE x < 5) AS h FROM " + numbers, "h " + histogramText, `{"bins":[5,0],"count":5,"end":10,"max":4,"min":0,"start":0,"sum":10,"sum_sq":30}`},
	{"SELECT count_from_histogram(make_histogram(0, 10, 2, DISTINCT_X.x)) AS a, count_from_histogram(make_histogram(DISTINCT 0, 10, 2, x % 3)) AS b FROM " + numbers + " DISTINCT_X", "a UInt64|b UInt64", "105|3"},
	{"SELECT max(n) AS m FROM (SELECT count_from_histogram(make_histogram(0, 10, 2, x) OVER (ORDER BY x ROWS 2 PRECEDING)) AS n FROM " + numbers + ")", "m UInt64", "3"},
	{"SELECT make_histogram(0.0, 100.0, 2, x) AS h FROM (SELECT 1 AS x) WHERE x > 1", "h " + histogramText, `{"bins":[0,0],"count":0,"end":100,"max":-1.7976931348623157e+308,"min":1.7976931348623157e+308,"start":0,"sum":0,"sum_sq":0}`},
	{"SELECT make_histogram(-1, +1.5, 1, x) FILTER (WHERE x > 1) AS h FROM (SELECT 1 AS x)", "h " + histogramText, `{"bins":[0],"count":0,"end":1.5,"max":-1.7976931348623157e+308,"min":1.7976931348623157e+308,"start":-1,"sum":0,"sum_sq":0}`},
	{"SELECT make_histogram(min_x, 100.0, 2, x) AS h FROM (SELECT 1 AS x, 0 AS min_x) WHERE x > 1", "h " + histogramText, "(null)"},
	{"SELECT count_from_histogram(make_histogram(0, 1, 2, NULL)) AS n, count_from_histogram(make_histogram(0, 1, 2, x)) AS m FROM (VALUES (0.5), (NULL)) t(x)", "n UInt64|m UInt64", "0|1"},
	{"SELECT make_histogram(lo, hi, 2, x) AS h FROM " + numbers + ", (SELECT min(range) AS lo, max(range) AS hi FROM range(105))", "h " + histogramText, `{"bins":[52,53],"count":105,"end":104,"max":104,"min":0,"start":0,"sum":5460,"sum_sq":380380}`},
	{
		"SELECT sum_histograms(h) AS h FROM (SELECT x % 3 AS g, make_histogram(0.0, 100.0, 4, x) AS h FROM " + numbers + " GROUP BY g UNION ALL SELECT 9, NULL)", "h " + histogramText,
		`{"bins":[25,25,25,30],"count":105,"end":100,"max":104,"min":0,"start":0,"sum":5460,"sum_sq":380380}`,
	},
	{"SELECT sum_histograms(h) AS h FROM " + histogram + " WHERE 1 = 2", "h " + histogramText, "(null)"},
	{"SELECT (h).count AS n, h.bins[1] AS b FROM " + histogram, "n UInt64|b UInt64", "105|25"},
	{"SELECT isnan(variance_from_histogram(make_histogram(0, 1, 1, 0.5))) AS v, quantile_from_histogram(make_histogram(0, 1, 1, NULL), 0.5) AS q", "v Boolean|q Float64", "true|1"},
	{"SELECT make_histogram(0, 1, 2, 'NaN'::double) AS h", "h " + histogramText, `{"bins":[1,0],"count":1,"end":1,"max":-1.7976931348623157e+308,"min":1.7976931348623157e+308,"start":0,"sum":"NaN","sum_sq":"NaN"}`},
	{"SELECT count_from_histogram(make_histogram(0, 1, 1, level)) AS n, count_from_histogram(make_histogram(0, 1, 1, CAST(level AS BIGINT UNSIGNED))) AS m FROM log_entries", "n UInt64|m UInt64", "100|100"},

	// Interpolation, bins, colours.
	{"SELECT lerp(0.5, 1, 0.5) AS a, lerp(0, 10, 2) AS b, unlerp(0, 10, 5) AS c, unlerp(0.0, 0, 0) AS d, lerp(NULL, 1, 1) AS e", "a Float64|b Float64|c Float64|d Float64|e Float64", "0.75|20|0.5|NaN|(null)"},
	{"SELECT bin_center(74, 50) AS a, bin_center(76, 50) AS b, bin_center(-76, 50) AS c, bin_center(1.25, 0.5) AS d", "a Float64|b Float64|c Float64|d Float64", "50|100|-100|1.5"},
	{"SELECT rgba(1,0,0,1) AS a, rgba(0.5,0.5,0.5,1) AS b, rgba(-1, 2, 'NaN'::double, 0) AS c, rgba(NULL, 0, 0, 0) AS d", "a UInt32|b UInt32|c UInt32|d UInt32", "4278190335|2155905279|16711680|(null)"},
	{
		"SELECT lerp_color(CAST(4278190335 AS INT UNSIGNED), CAST(65535 AS INT UNSIGNED), 0.5) AS a, lerp_color(0, 4294967295, 2) AS b, lerp_color(255, 0, -1) AS c, lerp_color(rgba(1,1,1,1), 0, 0.0) AS d",
		"a UInt32|b UInt32|c UInt32|d UInt32", "2147516671|4294967295|255|4294967295",
	},
	{
		"SELECT color_scale('viridis', 0, 1) AS a, color_scale('VIRIDIS', 1.5, 1) AS b, color_scale('turbo', 0.5, 1.0) = color_scale('Turbo', 0.5, 7) AS c, color_scale('magma', 'NaN'::double, 0.5) AS d, color_scale('inferno', NULL, 1) AS e",
		"a UInt32|b UInt32|c Boolean|d UInt32|e UInt32", "1140937983|4259784191|true|1152|(null)",
	},
	{"SELECT count(DISTINCT color_scale(n, 0.3, 1)) AS n FROM (VALUES ('viridis'), ('magma'), ('plasma'), ('inferno'), ('cividis'), ('turbo')) t(n)", "n Int64 nn", "6"},
}

func TestOurs(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	for _, tc := range ours {
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
		if schema, err := s.Describe(t.Context(), tc.sql); err != nil || schema.NumFields() != len(a.fields()) {
			t.Errorf("describe %s: %v %v", tc.sql, schema, err)
		}
	}
}

// TestOursErrors checks what a wrong call says.
func TestOursErrors(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	for sql, want := range map[string]string{
		`SELECT jsonb_path_query(jsonb_parse('{}'), '$[')`:                                                              "jsonb_path_query: invalid JSONPath '$['",
		`SELECT jsonb_path_query_first(properties, '$.a[?(@.b)]') FROM log_entries`:                                     "jsonb_path_query_first: invalid JSONPath '$.a[?(@.b)]'",
		`SELECT jsonb_path_elements(jsonb_parse('{}'), '')`:                                                             "jsonb_path_elements: invalid JSONPath ''",
		`SELECT jsonb_path_query(jsonb_parse('[[1]]'), '$` + strings.Repeat(".**", 1000) + `')`:                         "jsonb_path_query: the path looks at too many values",
		`SELECT jsonb_as_string('x', 'y')`:                                                                              "jsonb_as_string",
		`SELECT * FROM jsonb_each(jsonb_parse('5'))`:                                                                    "jsonb_each: the value is neither an object nor an array",
		`SELECT * FROM jsonb_array_elements(jsonb_parse('{}'))`:                                                         "jsonb_array_elements: the value is not an array",
		`SELECT * FROM jsonb_array_elements(jsonb_parse('5'))`:                                                          "jsonb_array_elements: the value is not an array",
		`SELECT * FROM jsonb_each((SELECT properties FROM log_entries WHERE level > 100))`:                              "jsonb_each subquery returned no rows",
		`SELECT * FROM jsonb_array_elements((SELECT jsonb_parse('[]') WHERE 1 = 2))`:                                    "jsonb_array_elements subquery returned no rows",
		`SELECT * FROM expand_histogram((SELECT h FROM ` + histogram + ` WHERE 1 = 2))`:                                 "expand_histogram subquery returned no rows",
		`SELECT * FROM jsonb_each()`:                                                                                    "jsonb_each wants one argument",
		`SELECT * FROM jsonb_each('a', 'b')`:                                                                            "jsonb_each wants one argument",
		`SELECT * FROM jsonb_each((SELECT properties FROM log_entries) || 'x')`:                                         "jsonb_each wants a subquery in its own parentheses",
		`SELECT make_histogram(0, 1, 0, 1)`:                                                                             "make_histogram: the number of bins",
		`SELECT make_histogram(0, 1, 1.5, 1)`:                                                                           "make_histogram: the number of bins",
		`SELECT make_histogram(0, 1, 2000000, 1)`:                                                                       "make_histogram: the number of bins",
		`SELECT make_histogram(0, 1, -2, 1) WHERE 1 = 2`:                                                                "make_histogram: the number of bins",
		`SELECT make_histogram(2, 1, 1, 1)`:                                                                             "make_histogram: start and end must be finite",
		`SELECT make_histogram('NaN'::double, 1, 1, 1)`:                                                                 "make_histogram: start and end must be finite",
		`SELECT make_histogram(0, 'Infinity'::double, 1, 1)`:                                                            "make_histogram: start and end must be finite",
		`SELECT make_histogram(NULL, 1, 1, 1)`:                                                                          "must not be NULL",
		`SELECT make_histogram(0, x, 1, 1) FROM (VALUES (1), (2)) t(x)`:                                                 "must not change within a group",
		`SELECT make_histogram(0, 1, 1)`:                                                                                "make_histogram",
		`SELECT make_histogram(0, 1, 1, msg) FROM log_entries`:                                                          "make_histogram",
		`SELECT make_histogram(0, 1, 1000000, 1) FROM range(100) GROUP BY range`:                                        "the histograms of a query may have",
		`SELECT sum_histograms(h) FROM (SELECT make_histogram(0, 1, x, 1) AS h FROM (VALUES (1), (2)) t(x) GROUP BY x)`: "Error merging incompatible histograms",
		`SELECT sum_histograms(h) FROM (SELECT make_histogram(0, x, 1, 1) AS h FROM (VALUES (1), (2)) t(x) GROUP BY x)`: "Error merging incompatible histograms",
		`SELECT sum_histograms(1)`:                                                                                      "sum_histograms",
		`SELECT quantile_from_histogram(1, 0.5)`:                                                                        "quantile_from_histogram",
		`SELECT color_scale('jet', 0.5, 1)`:                                                                             "color_scale(): unknown colormap 'jet'. Recognized: viridis, magma, plasma, inferno, cividis, turbo",
		`SELECT lerp_color(-1, 0, 0.5)`:                                                                                 "lerp_color(): a color is a number from 0 to 4294967295",
		`SELECT rgba(1, 2, 3)`:                                                                                          "rgba",
		`SELECT unnest(jsonb_each(properties)) FROM empty`:                                                              "",
	} {
		_, err := run(t, s, query.Request{SQL: sql})
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n\t%v\n\twant %s", sql, err, want)
		}
	}
}

func TestOursDictionaries(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	a, err := run(t, s, query.Request{
		SQL: "SELECT jsonb_parse('1') AS a, jsonb_path_query(properties, '$.name') AS b, properties_to_dict(properties) AS c, " +
			"properties_to_dict(CASE WHEN level = 1 THEN NULL ELSE properties END) AS d FROM log_entries LIMIT 2",
		PreserveDictionary: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	list := `Dictionary(Int32, List(Struct("key": non-null Utf8, "value": non-null Utf8)))`
	want := []string{"a Dictionary(Int32, Binary)", "b Dictionary(Int32, Binary)", "c " + list, "d " + list}
	if !slices.Equal(a.fields(), want) {
		t.Errorf("columns %q, want %q", a.fields(), want)
	}
	if len(a.rows) != 2 || a.rows[1][3] != `[{"key":"name","value":"value"}]` {
		t.Errorf("rows %q", a.rows)
	}
}

// TestHistogramProperty compares histograms of many groups, made by several threads, with the engine's own aggregates.
func TestHistogramProperty(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{Threads: 4}, query.Options{})
	a, err := run(t, s, query.Request{SQL: `
		WITH v AS (SELECT range % 97 AS g, (range * 7919 % 10007) / 10.0 - 100 AS x, make_timestamp_ns(range) AS t FROM range(500000)),
		h AS (SELECT g, make_histogram(0, 800, 50, x) AS h, count(*) AS n, sum(x) AS s, min(x) AS lo, max(x) AS hi, var_samp(x) AS var,
			count(*) FILTER (WHERE x < 16) AS first, count(*) FILTER (WHERE x >= 784) AS last FROM v GROUP BY g)
		SELECT count(*), bool_and(h.count = n AND h.min = lo AND h.max = hi AND h.bins[1] = first AND h.bins[50] = last AND list_sum(h.bins) = n),
			max(abs(h.sum - s)), max(abs(variance_from_histogram(h) / var - 1)), (sum_histograms(h)).count FROM h`})
	if err != nil {
		t.Fatal(err)
	}
	if row := a.rows[0]; row[0] != "97" || row[1] != "true" || row[4] != "500000" {
		t.Errorf("%q", row)
	}
}

func TestQuantileProperty(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	a, err := run(t, s, query.Request{SQL: `SELECT q / 20.0 AS q, quantile_from_histogram(h, q / 20.0) AS x
		FROM (SELECT make_histogram(0, 1000, 1000, range + 0.5) AS h FROM range(1000)), (SELECT range AS q FROM range(21)) ORDER BY 1`})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.rows) != 21 {
		t.Fatal(len(a.rows))
	}
	for i, row := range a.rows {
		if want := []string{"0", "50", "100", "150", "200", "250", "300", "350", "400", "450", "500", "550", "600", "650", "700", "750", "800", "850", "900", "950", "1000"}[i]; row[1] != want {
			t.Errorf("%s: %s, want %s", row[0], row[1], want)
		}
	}
}
