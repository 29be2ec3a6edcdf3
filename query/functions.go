package query

import (
	_ "embed"
	"strings"
)

//go:embed functions.txt
var functionsText string

// AllowedFunctions returns the names of what statements may call where a value stands, and where a table stands.
func AllowedFunctions() (values, tables map[string]bool) {
	values, tables = map[string]bool{}, map[string]bool{}
	into := values
	for line := range strings.Lines(functionsText) {
		switch line = strings.TrimSpace(line); {
		case line == "" || line[0] == '#' && len(line) > 1:
		case strings.HasPrefix(line, "[tables"):
			into = tables
		case strings.HasPrefix(line, "[functions"):
			into = values
		default:
			into[line] = true
		}
	}
	return values, tables
}
