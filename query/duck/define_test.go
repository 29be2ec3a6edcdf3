package duck

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The engine's own macros must not lead to functions of ours that were not made because the statement does not name them.
func TestOwnMacrosMentionNothingOfOurs(t *testing.T) {
	e, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	i, err := e.newInstance()
	if err != nil {
		t.Fatal(err)
	}
	defer i.close()
	text, err := i.text(context.Background(), `SELECT string_agg(DISTINCT function_name || chr(9) || replace(macro_definition, chr(10), ' '), chr(10)) || CAST(? AS VARCHAR)
		FROM duckdb_functions() WHERE internal AND macro_definition IS NOT NULL`, "")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text) {
		name, body, _ := strings.Cut(strings.TrimSpace(line), "\t")
		for _, d := range definitions() {
			if !d.always() && !slices.Contains(spelled[d.name], name) && regexp.MustCompile(`\b`+d.name+`\b`).MatchString(body) {
				t.Errorf("%s calls %s: %s", name, d.name, body)
			}
		}
	}
}
