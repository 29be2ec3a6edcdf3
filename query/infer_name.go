package query

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Columns without an alias have the names that existing statements expect: sum(t.level), t.level + Int64(1),
// upper(t.target). A column is qualified by its table, casts leave no trace, and no parentheses are written. Where the form of
// a name is not known the engine's stays.

// operatorNames are functions of the engine that are written between their operands.
var operatorNames = map[string]string{
	"+": "+", "-": "-", "*": "*", "/": "/", "%": "%", "&": "&", "|": "|", "<<": "<<", ">>": ">>", "||": "||",
	"~~": "LIKE", "!~~": "NOT LIKE", "~~*": "ILIKE", "!~~*": "NOT ILIKE",
	"like_escape": "LIKE", "not_like_escape": "NOT LIKE", "ilike_escape": "ILIKE", "not_ilike_escape": "NOT ILIKE",
}

var comparisonNames = map[string]string{
	"COMPARE_EQUAL": "=", "COMPARE_NOTEQUAL": "!=", "COMPARE_LESSTHAN": "<", "COMPARE_GREATERTHAN": ">",
	"COMPARE_LESSTHANOREQUALTO": "<=", "COMPARE_GREATERTHANOREQUALTO": ">=",
	"COMPARE_DISTINCT_FROM": "IS DISTINCT FROM", "COMPARE_NOT_DISTINCT_FROM": "IS NOT DISTINCT FROM",
}

// spokenNames are functions whose arguments the grammar takes in words.
var spokenNames = map[string]string{"trim": "btrim", "position": "strpos", "substring": "substr"}

// naming makes the name of an expression; it gives up with the first piece that it does not know.
type naming struct {
	*scope
	known bool
}

// nameOf returns the name of a column that has no alias, or "".
func (sc *scope) nameOf(n node) string {
	w := &naming{sc, true}
	if name := w.expression(n); w.known {
		return name
	}
	return ""
}

func (w *naming) unknown() string {
	w.known = false
	return ""
}

func (w *naming) list(nodes []any, separator string) string {
	names := make([]string, len(nodes))
	for i, n := range nodes {
		names[i] = w.expression(asNode(n))
	}
	return strings.Join(names, separator)
}

func (w *naming) expression(n node) string {
	w.depth++
	defer func() { w.depth-- }()
	if w.depth > maxInference || !w.known {
		return w.unknown()
	}
	if name, ok := w.interval(n); ok {
		return name
	}
	switch n.text("class") {
	case "COLUMN_REF":
		return w.column(n.texts("column_names"))
	case "CONSTANT":
		return w.constant(n.child("value"))
	case "CAST":
		return w.cast(n)
	case "FUNCTION":
		return w.function(n)
	case "WINDOW":
		return w.window(n)
	case "COMPARISON":
		if op := comparisonNames[n.text("type")]; op != "" && w.source(n.pos()) != "is" {
			return w.expression(n.child("left")) + " " + op + " " + w.expression(n.child("right"))
		}
	case "CONJUNCTION":
		return w.list(n.list("children"), map[string]string{"CONJUNCTION_AND": " AND ", "CONJUNCTION_OR": " OR "}[n.text("type")])
	case "BETWEEN":
		return w.between(n, " BETWEEN ")
	case "CASE":
		return w.cases(n)
	case "OPERATOR":
		return w.operator(n)
	case "SUBQUERY":
		if n.text("subquery_type") == "SCALAR" {
			if columns, ok := w.query(n.child("subquery").child("node"), w.with); ok && len(columns) == 1 && columns[0].name != "" {
				return columns[0].qualified()
			}
		}
	}
	return w.unknown()
}

func (w *naming) column(names []string) string {
	if c, ok := w.find(names); ok {
		return c.qualified()
	}
	if len(names) > 1 { // a field of a structure
		if c, ok := w.find(names[:len(names)-1]); ok {
			return c.qualified() + "[" + names[len(names)-1] + "]"
		}
	}
	return w.unknown()
}

// qualified is the column's name behind its table's.
func (t trait) qualified() string {
	if t.table == "" {
		return t.name
	}
	return t.table + "." + t.name
}

func (w *naming) constant(value node) string {
	if value.bool("is_null") {
		return "NULL"
	}
	number, _ := value["value"].(json.Number)
	switch value.child("type").text("id") {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT":
		return "Int64(" + string(number) + ")"
	case "DOUBLE":
		if f, err := strconv.ParseFloat(string(number), 64); err == nil {
			return "Float64(" + strconv.FormatFloat(f, 'f', -1, 64) + ")"
		}
	case "VARCHAR":
		return `Utf8("` + value.text("value") + `")`
	}
	return w.unknown()
}

// interval names a literal INTERVAL.
func (w *naming) interval(n node) (string, bool) {
	i, ok := w.token[w.text.original(max(n.pos(), 0))]
	if !ok || w.stmt.word(i-1) != "interval" {
		return "", false
	}
	d, ok := intervalOf(n)
	return fmt.Sprintf(`IntervalMonthDayNano("IntervalMonthDayNano { months: %d, days: %d, nanoseconds: %d }")`, d.months, d.days, d.rest.Nanoseconds()), ok
}

func (w *naming) cast(n node) string {
	child := n.child("child")
	switch n.child("cast_type").text("id") {
	case "BOOLEAN":
		if child.text("class") == "CONSTANT" && child.child("value").child("type").text("id") == "VARCHAR" && w.source(n.pos()) != "cast" {
			switch child.child("value").text("value") {
			case "t":
				return "Boolean(true)"
			case "f":
				return "Boolean(false)"
			}
		}
	case "INTERVAL":
		return w.unknown()
	}
	return w.expression(child)
}

func (w *naming) function(n node) string {
	name, children := n.text("function_name"), n.list("children")
	word := w.source(n.pos())
	switch {
	case name == "count_star":
		return w.aggregate("count(*)", n)
	case name == "-" && len(children) == 1:
		child := w.expression(asNode(children[0]))
		if digits, ok := strings.CutPrefix(child, "Int64("); ok && !strings.HasPrefix(digits, "-") && strings.IndexByte(digits, ')') == len(digits)-1 {
			return "Int64(-" + digits
		}
		if digits, ok := strings.CutPrefix(child, "Float64("); ok && !strings.HasPrefix(digits, "-") && strings.IndexByte(digits, ')') == len(digits)-1 {
			return "Float64(-" + digits
		}
		return "(- " + child + ")"
	case operatorNames[name] != "" && len(children) >= 2:
		return w.expression(asNode(children[0])) + " " + operatorNames[name] + " " + w.expression(asNode(children[1]))
	case name == "trunc" && word != "trunc" && len(children) == 1:
		return w.expression(asNode(children[0])) // put in by the rewriter
	case name == "list_value" && word == "":
		return "make_array(" + w.list(children, ",") + ")"
	case word == "extract" && len(children) == 2:
		return "date_part(Utf8(\"" + strings.ToUpper(asNode(children[0]).child("value").text("value")) + "\")," + w.expression(asNode(children[1])) + ")"
	case word == "position" && len(children) == 2:
		return "strpos(" + w.list(children, ",") + ")"
	case word == "current_timestamp" || word == "current_date":
		return word + "()"
	case word == "approx_median" && len(children) == 2:
		children = children[:1]
	case word == "":
		return w.unknown()
	}
	if spoken := spokenNames[word]; spoken != "" {
		word = spoken
	}
	distinct := ""
	if n.bool("distinct") {
		distinct = "DISTINCT "
	}
	return w.aggregate(word+"("+distinct+w.list(children, ",")+")", n)
}

// aggregate adds FILTER and ORDER BY of an aggregate.
func (w *naming) aggregate(call string, n node) string {
	if w.source(n.pos()) == "approx_percentile_cont" && len(w.calls(n.pos())) == 0 {
		return w.unknown() // WITHIN GROUP
	}
	if filter := n.child("filter"); filter != nil {
		call += " FILTER (WHERE " + w.expression(filter) + ")"
	}
	if orders := n.child("order_bys").list("orders"); len(orders) > 0 {
		call += " ORDER BY [" + w.orders(orders) + "]"
	}
	return call
}

// orders writes a list of ORDER BY.
func (w *naming) orders(orders []any) string {
	names := make([]string, len(orders))
	for i, o := range orders {
		o := asNode(o)
		direction, nulls := "ASC", "NULLS LAST"
		if o.text("type") == "DESCENDING" {
			direction, nulls = "DESC", "NULLS FIRST"
		}
		if written := strings.ReplaceAll(o.text("null_order"), "_", " "); strings.HasPrefix(written, "NULLS ") && !w.addedNulls(o) {
			nulls = written
		}
		names[i] = w.expression(o.child("expression")) + " " + direction + " " + nulls
	}
	return strings.Join(names, ", ")
}

// addedNulls reports whether NULLS LAST may come from the rewriter; see descending.
func (w *naming) addedNulls(order node) bool {
	names := order.child("expression").texts("column_names")
	return order.text("type") == "DESCENDING" && len(names) > 0 && neverNull[names[len(names)-1]]
}

func (w *naming) window(n node) string {
	word := w.source(n.pos())
	if word == "" || n.child("filter") != nil || n.bool("ignore_nulls") || len(n.list("arg_orders")) > 0 {
		return w.unknown()
	}
	args := slices.Clone(n.list("children"))
	for _, key := range []string{"offset_expr", "default_expr"} {
		if e := n.child(key); e != nil {
			args = append(args, map[string]any(e))
		}
	}
	name := word + "(" + w.list(args, ",") + ")"
	if n.text("function_name") == "count_star" || word == "count" && len(args) == 0 {
		name = "count(*)"
	}
	if partitions := n.list("partitions"); len(partitions) > 0 {
		name += " PARTITION BY [" + w.list(partitions, ", ") + "]"
	}
	orders := n.list("orders")
	if len(orders) > 0 {
		name += " ORDER BY [" + w.orders(orders) + "]"
	}
	return name + w.frame(n, len(orders) > 0)
}

// frame writes the rows that a window looks at. The engine tells of the standard frame as RANGE up to the current row.
func (w *naming) frame(n node, ordered bool) string {
	start, end := n.text("start"), n.text("end")
	if start == "UNBOUNDED_PRECEDING" && end == "CURRENT_ROW_RANGE" {
		if ordered {
			return " RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
		}
		return " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
	}
	unit := "ROWS"
	if strings.HasSuffix(start+end, "_RANGE") || strings.Contains(start, "_RANGE") {
		unit = "RANGE"
	}
	bound := func(kind string, e node) string {
		value := ""
		if e != nil {
			number, ok := e.child("value")["value"].(json.Number)
			if e.text("class") == "CAST" {
				number, ok = e.child("child").child("value")["value"].(json.Number)
			}
			if !ok {
				return w.unknown()
			}
			value = string(number) + " "
		}
		switch kind = strings.TrimSuffix(strings.TrimSuffix(kind, "_ROWS"), "_RANGE"); kind {
		case "UNBOUNDED_PRECEDING", "UNBOUNDED_FOLLOWING", "CURRENT_ROW":
			return strings.ReplaceAll(kind, "_", " ")
		case "EXPR_PRECEDING":
			return value + "PRECEDING"
		case "EXPR_FOLLOWING":
			return value + "FOLLOWING"
		}
		return w.unknown()
	}
	return fmt.Sprintf(" %s BETWEEN %s AND %s", unit, bound(start, n.child("start_expr")), bound(end, n.child("end_expr")))
}

func (w *naming) between(n node, word string) string {
	return w.expression(n.child("input")) + word + w.expression(n.child("lower")) + " AND " + w.expression(n.child("upper"))
}

func (w *naming) cases(n node) string {
	checks := n.list("case_checks")
	var name strings.Builder
	name.WriteString("CASE")
	// The engine makes a comparison of each value of CASE x WHEN value.
	operand := node(nil)
	if len(checks) > 0 && w.source(n.pos()) == "case" && w.following(n.pos()) != "when" {
		operand = asNode(checks[0]).child("when_expr").child("left")
		name.WriteString(" " + w.expression(operand))
	}
	for _, c := range checks {
		when := asNode(c).child("when_expr")
		if operand != nil {
			if when.text("class") != "COMPARISON" || !sameTree(when.child("left"), operand) {
				return w.unknown()
			}
			when = when.child("right")
		}
		name.WriteString(" WHEN " + w.expression(when) + " THEN " + w.expression(asNode(c).child("then_expr")))
	}
	if e := n.child("else_expr"); e != nil && (e.text("class") != "CONSTANT" || !e.child("value").bool("is_null")) {
		name.WriteString(" ELSE " + w.expression(e))
	}
	return name.String() + " END"
}

func sameTree(a, b node) bool { return reflect.DeepEqual(a, b) }

func (w *naming) operator(n node) string {
	children := n.list("children")
	if len(children) == 0 {
		return w.unknown()
	}
	first := asNode(children[0])
	switch n.text("type") {
	case "OPERATOR_NOT":
		if first.text("class") == "BETWEEN" {
			return w.between(first, " NOT BETWEEN ")
		}
		return "NOT " + w.expression(first)
	case "OPERATOR_IS_NULL":
		return w.expression(first) + " IS NULL"
	case "OPERATOR_IS_NOT_NULL":
		return w.expression(first) + " IS NOT NULL"
	case "COMPARE_IN":
		return w.expression(first) + " IN " + w.list(children[1:], ", ")
	case "COMPARE_NOT_IN":
		return w.expression(first) + " NOT IN " + w.list(children[1:], ", ")
	case "OPERATOR_COALESCE":
		if asNode(children[len(children)-1]).text("function_name") == "empty_histogram" {
			return w.expression(first) // the rewriter put it around make_histogram
		}
		if word := w.source(n.pos()); word != "" {
			return word + "(" + w.list(children, ",") + ")"
		}
		return "coalesce(" + w.list(children, ",") + ")"
	case "ARRAY_EXTRACT", "STRUCT_EXTRACT":
		if len(children) == 2 {
			if key := asNode(children[1]); n.text("type") == "ARRAY_EXTRACT" && key.child("value").child("type").text("id") != "VARCHAR" {
				return w.expression(first) + "[" + w.expression(key) + "]"
			}
			return w.expression(first) + "[" + asNode(children[1]).child("value").text("value") + "]"
		}
	}
	return w.unknown()
}

// source returns the word that the user wrote where the rewritten text has position pos; "" when it is no word.
func (in *inference) source(pos int) string {
	if pos < 0 || in.token == nil {
		return ""
	}
	if i, ok := in.token[in.text.original(pos)]; ok {
		return in.stmt.word(i)
	}
	return ""
}

// following returns the word behind the one at pos.
func (in *inference) following(pos int) string {
	if i, ok := in.token[in.text.original(pos)]; ok && in.token != nil {
		return in.stmt.word(i + 1)
	}
	return ""
}

// calls returns the tokens of commas in the call that the user wrote at pos.
func (in *inference) calls(pos int) []int {
	i, ok := in.token[in.text.original(pos)]
	if !ok {
		return nil
	}
	var commas []int
	depth := 0
	for j := i + 1; j < len(in.stmt.tokens); j++ {
		switch {
		case in.stmt.is(j, "("):
			depth++
		case in.stmt.is(j, ")"):
			if depth--; depth <= 0 {
				return commas
			}
		case in.stmt.is(j, ",") && depth == 1:
			commas = append(commas, j)
		}
	}
	return commas
}
