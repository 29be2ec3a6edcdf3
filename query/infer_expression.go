package query

import (
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// The types that existing clients see.
var (
	timeType     = &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "+00:00"} // of columns
	plainTime    = &arrow.TimestampType{Unit: arrow.Nanosecond}                     // of now() and of what the statement writes itself
	durationType = arrow.FixedWidthTypes.Duration_ns
	dateType     = arrow.FixedWidthTypes.Date32
	dictText     = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	dictBinary   = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.Binary}
)

var (
	propertyList = arrow.ListOf(arrow.StructOf(notNullField("key", arrow.BinaryTypes.String), notNullField("value", arrow.BinaryTypes.String)))
	// histogramType is that of make_histogram.
	histogramType = arrow.StructOf(
		notNullField("start", arrow.PrimitiveTypes.Float64), notNullField("end", arrow.PrimitiveTypes.Float64),
		notNullField("min", arrow.PrimitiveTypes.Float64), notNullField("max", arrow.PrimitiveTypes.Float64),
		notNullField("sum", arrow.PrimitiveTypes.Float64), notNullField("sum_sq", arrow.PrimitiveTypes.Float64),
		notNullField("count", arrow.PrimitiveTypes.Uint64),
		notNullField("bins", arrow.ListOfField(notNullField("bin", arrow.PrimitiveTypes.Uint64))),
	)
)

func notNullField(name string, t arrow.DataType) arrow.Field { return arrow.Field{Name: name, Type: t} }

// expression returns what is known about an expression.
func (sc *scope) expression(n node) trait {
	sc.depth++
	defer func() { sc.depth-- }()
	if sc.depth > maxInference || n == nil {
		return trait{}
	}
	switch n.text("class") {
	case "COLUMN_REF":
		t, _ := sc.find(n.texts("column_names"))
		return t
	case "CONSTANT":
		if sc.source(n.pos()) == "arrow_typeof" {
			constant := sc.known.typeofs[sc.text.original(n.pos())].constant
			return trait{declared: arrow.BinaryTypes.String, notNull: constant, constant: constant}
		}
		return constantTrait(n.child("value"))
	case "CAST":
		return sc.castTrait(n)
	case "CASE":
		return sc.caseTrait(n)
	case "FUNCTION", "WINDOW":
		return sc.functionTrait(n)
	case "OPERATOR":
		return sc.operatorTrait(n)
	case "COMPARISON":
		return sc.comparisonTrait(n)
	case "CONJUNCTION":
		return allOf(sc.expressions(n.list("children")))
	case "BETWEEN":
		return sc.betweenTrait(n)
	case "SUBQUERY":
		return sc.subqueryTrait(n)
	}
	return trait{}
}

func (sc *scope) expressions(nodes []any) []trait {
	out := make([]trait, len(nodes))
	for i, n := range nodes {
		out[i] = sc.expression(asNode(n))
	}
	return out
}

func allNotNull(traits []trait) bool {
	return !slices.ContainsFunc(traits, func(t trait) bool { return !t.notNull })
}

// allOf is what holds for a value that is null only when one of these is.
func allOf(traits []trait) trait {
	return trait{notNull: allNotNull(traits), constant: allConstant(traits)}
}

func allConstant(traits []trait) bool {
	return !slices.ContainsFunc(traits, func(t trait) bool { return !t.constant })
}

func constantTrait(value node) trait {
	if value.bool("is_null") {
		return trait{declared: arrow.Null, constant: true}
	}
	t := trait{notNull: true, constant: true}
	switch value.child("type").text("id") {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT":
		t.integer = true
	case "DECIMAL", "INTERVAL":
		t.inexact = true
	}
	return t
}

// engineCasts are the types that clients see of what is cast to the engine's type of that name.
var engineCasts = map[string]arrow.DataType{
	"TIMESTAMP_NS": plainTime, "TIMESTAMP": plainTime, "DATE": dateType,
	"TINYINT": arrow.PrimitiveTypes.Int8, "SMALLINT": arrow.PrimitiveTypes.Int16, "INTEGER": arrow.PrimitiveTypes.Int32,
	"BIGINT": arrow.PrimitiveTypes.Int64,
}

func (sc *scope) castTrait(n node) trait {
	from := sc.expression(n.child("child"))
	to := n.child("cast_type").text("id")
	if to == "VARCHAR" && isTime(from.declared) && n.pos() >= 0 {
		sc.hints.timeText[sc.text.original(n.pos())] = from.declared.(*arrow.TimestampType).TimeZone != ""
	}
	t := trait{notNull: from.notNull && !n.bool("try_cast"), constant: from.constant, declared: engineCasts[to]}
	t.inexact = to == "DECIMAL" || to == "INTERVAL"
	if n.child("child").text("class") == "PARAMETER" && t.declared == plainTime {
		t.declared = timeType // a value of the caller's, which has a zone
	}
	if n.pos() >= 0 {
		if declared := sc.typed[sc.text.original(n.pos())]; declared != nil {
			t.declared = declared
		}
	}
	return t
}

func (sc *scope) caseTrait(n node) trait {
	var out trait
	all := true
	for i, check := range n.list("case_checks") {
		sc.expression(asNode(check).child("when_expr"))
		t := sc.expression(asNode(check).child("then_expr"))
		all = all && t.notNull
		if i == 0 {
			out = t
		} else {
			out = out.merge(t)
		}
	}
	otherwise := sc.expression(n.child("else_expr"))
	out = out.merge(otherwise)
	out.name, out.table, out.notNull = "", "", all && otherwise.notNull
	return out
}

func (sc *scope) comparisonTrait(n node) trait {
	left, right := sc.expression(n.child("left")), sc.expression(n.child("right"))
	sc.compared(left, n.child("right"))
	sc.compared(right, n.child("left"))
	distinct := n.text("type") == "COMPARE_DISTINCT_FROM" || n.text("type") == "COMPARE_NOT_DISTINCT_FROM"
	return trait{notNull: distinct || left.notNull && right.notNull, constant: left.constant && right.constant}
}

func (sc *scope) betweenTrait(n node) trait {
	input := sc.expression(n.child("input"))
	lower, upper := sc.expression(n.child("lower")), sc.expression(n.child("upper"))
	sc.compared(input, n.child("lower"))
	sc.compared(input, n.child("upper"))
	return allOf([]trait{input, lower, upper})
}

// compared notes that a literal interval is compared with a duration, which the engine knows as a number.
func (sc *scope) compared(with trait, n node) {
	if with.declared == nil || with.declared.ID() != arrow.DURATION || n.pos() < 0 {
		return
	}
	if n.child("cast_type").text("id") == "INTERVAL" || strings.HasPrefix(n.text("function_name"), "to_") {
		sc.hints.spans[sc.text.original(n.pos())] = true
	}
}

func (sc *scope) subqueryTrait(n node) trait {
	unresolved := sc.unresolved
	columns, ok := sc.query(n.child("subquery").child("node"), sc.with)
	alone := sc.unresolved == unresolved // of a correlated one existing servers do not know it
	switch n.text("subquery_type") {
	case "EXISTS", "NOT_EXISTS":
		return trait{notNull: true}
	case "SCALAR":
		if ok && len(columns) == 1 {
			c := columns[0]
			return trait{declared: c.declared, integer: c.integer, inexact: c.inexact, notNull: alone && c.notNull && oneRow(n.child("subquery").child("node"))}
		}
	}
	return trait{}
}

// oneRow reports whether a query has exactly one row: that of an aggregate over all rows.
func oneRow(n node) bool {
	if n.text("type") != "SELECT_NODE" || n["having"] != nil || n["qualify"] != nil || len(n.list("group_expressions"))+len(n.list("group_sets")) > 0 ||
		n.text("aggregate_handling") == "FORCE_AGGREGATES" {
		return false
	}
	for _, m := range n.list("modifiers") {
		if kind := asNode(m).text("type"); kind != "ORDER_MODIFIER" && kind != "DISTINCT_MODIFIER" {
			return false
		}
	}
	for _, e := range n.list("select_list") {
		if e := asNode(e); e.text("class") == "FUNCTION" && (e.text("function_name") == "count" || e.text("function_name") == "count_star") {
			return true
		}
	}
	return false
}

func (sc *scope) operatorTrait(n node) trait {
	args := sc.expressions(n.list("children"))
	switch n.text("type") {
	case "OPERATOR_COALESCE":
		return coalesceTrait(args)
	case "OPERATOR_NOT", "COMPARE_IN", "COMPARE_NOT_IN":
		return allOf(args)
	case "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL":
		return trait{notNull: true, constant: allConstant(args)}
	case "GROUPING_FUNCTION":
		return trait{notNull: true, declared: arrow.PrimitiveTypes.Int32}
	case "ARRAY_EXTRACT":
		if len(args) > 0 && args[0].declared != nil {
			if l, ok := args[0].declared.(*arrow.ListType); ok {
				return trait{declared: l.Elem()}
			}
		}
	}
	return trait{}
}

func coalesceTrait(args []trait) trait {
	var out trait
	notNull := false
	for i, t := range args {
		notNull = notNull || t.notNull
		switch {
		case i == 0:
			out = t
		case t.declared == nil && out.declared != nil && isText(out.declared):
			out = trait{declared: out.declared} // a text literal becomes what the column is
		default:
			out = out.merge(t)
		}
	}
	out.name, out.table, out.notNull, out.constant = "", "", notNull, allConstant(args)
	return out
}

func isTime(t arrow.DataType) bool {
	_, ok := t.(*arrow.TimestampType)
	return ok
}

func isText(t arrow.DataType) bool { return t.ID() == arrow.STRING || arrow.TypeEqual(t, dictText) }

func isDuration(t arrow.DataType) bool { return t != nil && t.ID() == arrow.DURATION }

func isUnsigned(t arrow.DataType) bool {
	return t != nil && (t.ID() == arrow.UINT8 || t.ID() == arrow.UINT16 || t.ID() == arrow.UINT32 || t.ID() == arrow.UINT64)
}
