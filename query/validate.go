package query

import (
	"fmt"
	"slices"
	"strings"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// The kinds of nodes that a query may be made of. Everything else is refused, so that a newer engine cannot bring
// something in that nobody has looked at.
var (
	allowedQueries = setOf("SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE")
	allowedTables  = setOf("BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "EMPTY_FROM", "PIVOT",
		"COLUMN_DATA")
	allowedExpressions = setOf("COLUMN_REF", "CONSTANT", "FUNCTION", "OPERATOR", "COMPARISON", "CONJUNCTION", "CAST", "CASE",
		"SUBQUERY", "WINDOW", "STAR", "BETWEEN", "LAMBDA", "LAMBDA_REF", "COLLATE", "POSITIONAL_REFERENCE", "PARAMETER")
)

func setOf(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return set
}

// validator walks a parse tree. It proves that the query reads no tables but known ones and calls no functions but those
// on the list; it collects the tables.
type validator struct {
	functions, tableFunctions map[string]bool
	known                     func(table string) bool
	hint                      func(table string) string             // what to do about an unknown table
	functionHint              func(name string, inFrom bool) string // what to do about an unknown function

	used   []string
	tables []node          // that are no WITH names, every mention
	called map[string]bool // functions, in lower case
}

// query checks a query node. ctes are the names that an enclosing WITH has defined.
func (v *validator) query(n node, ctes []string) error {
	if !allowedQueries[n.text("type")] {
		return refused(n, n.text("type"))
	}
	ctes = slices.Clone(ctes)
	for _, entry := range n.child("cte_map").list("map") {
		name := asNode(entry).text("key")
		if !plainName(name) {
			return fault.New(fault.Invalid, fmt.Sprintf("WITH: the name %q must be made of letters, digits and _", name))
		}
		body := asNode(entry).child("value")
		inner := ctes
		if q := body.child("query").child("node"); q.text("type") == "RECURSIVE_CTE_NODE" {
			inner = append(slices.Clone(ctes), lower(name))
		}
		if err := v.any(map[string]any(body), inner); err != nil {
			return err
		}
		ctes = append(ctes, lower(name))
	}
	if name := n.text("cte_name"); name != "" {
		if !plainName(name) {
			return fault.New(fault.Invalid, fmt.Sprintf("WITH: the name %q must be made of letters, digits and _", name))
		}
		ctes = append(ctes, lower(name))
	}
	for _, key := range sortedKeys(n) {
		if key == "cte_map" {
			continue
		}
		if err := v.any(n[key], ctes); err != nil {
			return err
		}
	}
	return nil
}

// any checks whatever a field holds.
func (v *validator) any(value any, ctes []string) error {
	switch value := value.(type) {
	case []any:
		for _, e := range value {
			if err := v.any(e, ctes); err != nil {
				return err
			}
		}
	case map[string]any:
		n := node(value)
		switch {
		case has(n, "cte_map"):
			return v.query(n, ctes)
		case has(n, "class"):
			if err := v.expression(n); err != nil {
				return err
			}
		case has(n, "sample") && has(n, "type"):
			if err := v.table(n, ctes); err != nil {
				return err
			}
			if n.text("type") == "TABLE_FUNCTION" {
				// The function itself has been checked as a table; its arguments are values.
				return v.any(n.child("function")["children"], ctes)
			}
		}
		for _, key := range sortedKeys(n) {
			if err := v.any(n[key], ctes); err != nil {
				return err
			}
		}
	}
	return nil
}

func has(n node, key string) bool { _, ok := n[key]; return ok }

func sortedKeys(n node) []string {
	keys := make([]string, 0, len(n))
	for k := range n {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (v *validator) expression(n node) error {
	class := n.text("class")
	if !allowedExpressions[class] {
		return refused(n, class)
	}
	name := n.text("function_name")
	switch {
	case name == "":
		return nil
	case !v.functions[lower(name)] || qualifiedCall(n):
		return unknownFunction(n, name, v.functionHint(name, false))
	case lower(name) == "error" && !slices.ContainsFunc(n.list("children"), isConstant):
		// What it says of rows would be told before the conditions that hide them are applied.
		return &SQLError{Fault: fault.New(fault.Invalid, "error() wants a constant text"), Pos: n.pos()}
	}
	v.called[lower(name)] = true
	return nil
}

// qualifiedCall reports whether a call names another schema than main, where the engine finds ours first and its parser
// puts calls that it makes itself. In its catalog system the engine's own functions stand, without the bounds of ours.
func qualifiedCall(n node) bool {
	schema := n.text("schema")
	return n.text("catalog") != "" || schema != "" && schema != "main"
}

func isConstant(v any) bool { return asNode(v).text("class") == "CONSTANT" }

func (v *validator) table(n node, ctes []string) error {
	kind := n.text("type")
	if !allowedTables[kind] {
		return refused(n, kind)
	}
	switch kind {
	case "TABLE_FUNCTION":
		f := n.child("function")
		if name := f.text("function_name"); f.text("class") != "FUNCTION" || !v.tableFunctions[lower(name)] || qualifiedCall(f) {
			return unknownFunction(f, name, v.functionHint(name, true))
		}
	case "BASE_TABLE":
		name := n.text("table_name")
		if n.text("schema_name") != "" || n.text("catalog_name") != "" {
			return &SQLError{
				Fault: fault.New(fault.Invalid, fmt.Sprintf("table '%s' not found: only the schema %s exists", name, schemaName)),
				Pos:   n.pos(),
			}
		}
		if slices.Contains(ctes, lower(name)) {
			return nil
		}
		if !v.known(name) {
			return &SQLError{
				Fault: &fault.Error{Kind: fault.Invalid, Msg: fmt.Sprintf("table '%s' not found", name), Fix: v.hint(name)},
				Pos:   n.pos(),
			}
		}
		v.tables = append(v.tables, n)
		if !slices.Contains(v.used, lower(name)) {
			v.used = append(v.used, lower(name))
		}
	}
	return nil
}

func unknownFunction(n node, name, fix string) error {
	if len(name) > 100 {
		name = name[:100]
	}
	return &SQLError{
		Fault: &fault.Error{Kind: fault.Invalid, Msg: fmt.Sprintf("function '%s' does not exist", strings.ToValidUTF8(name, "")), Fix: fix},
		Pos:   n.pos(),
	}
}

func refused(n node, what string) error {
	what = strings.ToLower(strings.ReplaceAll(strings.TrimSuffix(what, "_NODE"), "_", " "))
	return &SQLError{Fault: fault.New(fault.Invalid, fmt.Sprintf("the statement contains something that is not allowed (%s)", what)), Pos: n.pos()}
}

// plainName reports whether a name could be written without quotes, so that it cannot be taken for a path of a file.
func plainName(name string) bool {
	for i := range len(name) {
		if !isWordPart(name[i]) {
			return false
		}
	}
	return name != ""
}
