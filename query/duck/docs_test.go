package duck_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
)

// documented are the functions that docs/sql.md must have an example for.
var documented = strings.Fields(`
	jsonb_parse jsonb_format_json jsonb_get jsonb_as_string jsonb_as_text jsonb_as_f64 jsonb_as_i64 jsonb_array_length
	jsonb_object_keys jsonb_path_query jsonb_path_query_first jsonb_entries jsonb_elements jsonb_path_elements jsonb_each
	jsonb_array_elements property_get properties_length properties_to_jsonb properties_to_dict properties_to_array
	make_histogram sum_histograms quantile_from_histogram variance_from_histogram count_from_histogram sum_from_histogram
	expand_histogram lerp unlerp bin_center rgba lerp_color color_scale`)

var (
	example  = regexp.MustCompile("^\\| `([^`]+)` \\| ([^|]*) \\|")
	codeSpan = regexp.MustCompile("`([^`]*)`")
)

// TestDocs runs the examples of docs/sql.md: lines of a table with a value or a statement, and its answer in code.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/sql.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## Functions\n")
	section, _, ok2 := strings.Cut(section, "\n## ")
	if !ok || !ok2 {
		t.Fatal("docs/sql.md has no section Functions")
	}
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	var seen strings.Builder
	for line := range strings.Lines(section) {
		m := example.FindStringSubmatch(line)
		if m == nil || strings.Contains(m[1], "<") { // with ids of a lake; the system test runs those
			continue
		}
		sql := strings.ReplaceAll(m[1], `\|`, "|")
		seen.WriteString(sql + "\n")
		if !strings.HasPrefix(sql, "SELECT ") {
			sql = "SELECT " + sql
		}
		var want []string
		for _, span := range codeSpan.FindAllStringSubmatch(m[2], -1) {
			want = append(want, span[1])
		}
		a, err := run(t, s, query.Request{SQL: sql})
		if err != nil {
			t.Errorf("%s\n\t%v", sql, err)
			continue
		}
		if len(a.rows) != 1 {
			t.Errorf("%s: %d rows", sql, len(a.rows))
			continue
		}
		if got := strings.Join(a.rows[0], "|"); len(want) > 0 && got != strings.Join(want, "|") {
			t.Errorf("%s\n\t%s\n\twant %s", sql, got, want)
		}
	}
	for _, name := range documented {
		if !strings.Contains(seen.String(), name+"(") {
			t.Errorf("docs/sql.md has no example with %s", name)
		}
	}
}
