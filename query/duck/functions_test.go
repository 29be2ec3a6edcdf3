package duck_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
)

// TestFunctions compares the engine's functions with the two lists. A function that a new version brings must be put on
// one of them by somebody who has looked at it.
func TestFunctions(t *testing.T) {
	e, err := duck.Open(duck.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	functions, err := e.Functions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(functions) < 500 {
		t.Fatalf("the engine names %d functions", len(functions))
	}
	text, err := os.ReadFile("testdata/functions_denied.txt")
	if err != nil {
		t.Fatal(err)
	}
	denied := strings.Split(strings.TrimSpace(string(text)), "\n")[1:]
	values, tables := query.AllowedFunctions()
	have := map[string]bool{}
	for _, f := range functions {
		kind, name, _ := strings.Cut(f, " ")
		allowed := values[name]
		switch kind {
		case "scalar", "aggregate", "macro":
			kind = "value"
		case "table", "table_macro":
			kind, allowed = "table", tables[name]
		case "pragma":
			allowed = false
		default:
			t.Errorf("%s: unknown kind", f)
		}
		have[kind+" "+name] = true
		if isDenied := slices.Contains(denied, kind+" "+name); allowed == isDenied {
			t.Errorf("%s %s: allowed %v, denied %v", kind, name, allowed, isDenied)
		}
	}
	for name := range values {
		if !have["value "+name] && name != "unnest" && name != "now" {
			t.Errorf("%s is allowed and does not exist", name)
		}
	}
	for name := range tables {
		if !have["table "+name] {
			t.Errorf("table %s is allowed and does not exist", name)
		}
	}
}
