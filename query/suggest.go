package query

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/micromegas-go/micromegas/internal/nearest"
)

// tableHint says what to do about an unknown table.
func (s *Service) tableHint(table string) string {
	if s.static.Schema(table) != nil { // known to statements, so that this is the definition of a view
		return "views cannot read static tables, which other servers of the lake need not have"
	}
	views := s.lake.Views()
	if plainName(table) && !slices.Contains(views, lower(table)) {
		if _, err := s.lake.Schema(lower(table), "00000000-0000-0000-0000-000000000000"); err == nil {
			return fmt.Sprintf("read one instance with view_instance('%s', '<id>')", lower(table))
		}
	}
	if s.ours[lower(table)] != nil {
		return fmt.Sprintf("it is a function: FROM %s(…)", lower(table))
	}
	for _, t := range s.static.Tables() {
		views = append(views, t.Name)
	}
	if meant := meant(table, slices.Values(views)); meant != "" {
		return meant
	}
	return "SHOW TABLES lists the tables"
}

// functionHint says what to do about an unknown function, when something is like it among those that may stand there, or
// the same stands elsewhere; else it is "".
func (s *Service) functionHint(name string, inFrom bool) string {
	var names []string
	switch {
	case inFrom && s.functions[lower(name)]:
		return "it makes a value, no table"
	case inFrom:
		names = slices.AppendSeq(slices.Collect(maps.Keys(s.ours)), maps.Keys(s.tableFunctions))
		names = append(names, "view_instance") // which the rewriter knows
	case s.tableFunctions[lower(name)]:
		return "it stands in FROM"
	default:
		names = slices.Collect(maps.Keys(s.functions))
	}
	names = slices.DeleteFunc(names, func(f string) bool { return !plainName(f) }) // operators are called functions too
	slices.Sort(names)
	return meant(name, slices.Values(names))
}

// engineHint says what to do about errors of the engine whose words lead away from what is meant; else it is "".
func engineHint(sql string, at *SQLError) string {
	switch msg := at.Fault.Msg; {
	case strings.HasPrefix(msg, "Referenced column ") && at.Pos >= 0 && at.Pos < len(sql) && sql[at.Pos] == '"':
		return "double quotes stand around names; texts have single quotes"
	case strings.HasPrefix(msg, "No function matches ") && strings.Contains(msg, "'array_extract(BLOB, "):
		return "property_get(properties, 'key') is the value of a property"
	}
	return ""
}

// meant asks whether the nearest of names is meant; "" when none is near.
func meant(name string, names iter.Seq[string]) string {
	if near := nearest.Name(name, names); near != "" {
		return fmt.Sprintf("is %s meant?", near)
	}
	return ""
}
