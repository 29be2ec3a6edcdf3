package query

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
)

// The types that existing clients see.
var (
	timeType       = &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "+00:00"}
	durationType   = arrow.FixedWidthTypes.Duration_ns
	dictText       = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	dictBinary     = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.Binary}
	functionResult = map[string]arrow.DataType{
		"now": timeType, "date_bin": timeType, "date_trunc": timeType, "time_bucket": timeType, "to_timestamp": timeType,
		"to_timestamp_nanos": timeType, "to_timestamp_micros": timeType, "to_timestamp_millis": timeType,
		"to_timestamp_seconds": timeType, "make_timestamp_ns": timeType,
		"date_part": arrow.PrimitiveTypes.Int32, "datepart": arrow.PrimitiveTypes.Int32,
		"length": arrow.PrimitiveTypes.Int32, "char_length": arrow.PrimitiveTypes.Int32, "character_length": arrow.PrimitiveTypes.Int32,
		"strpos": arrow.PrimitiveTypes.Int32, "instr": arrow.PrimitiveTypes.Int32, "position": arrow.PrimitiveTypes.Int32,
		"octet_length": arrow.PrimitiveTypes.Int32, "ascii": arrow.PrimitiveTypes.Int32, "levenshtein": arrow.PrimitiveTypes.Int32,
		"array_length": arrow.PrimitiveTypes.Uint64, "array_position": arrow.PrimitiveTypes.Uint64, "cardinality": arrow.PrimitiveTypes.Uint64,
		"row_number": arrow.PrimitiveTypes.Uint64, "rank": arrow.PrimitiveTypes.Uint64, "dense_rank": arrow.PrimitiveTypes.Uint64,
		"ntile": arrow.PrimitiveTypes.Uint64, "approx_count_distinct": arrow.PrimitiveTypes.Uint64,
		"property_get": dictText, "jsonb_format_json": dictText, "jsonb_as_string": dictText,
		"jsonb_parse": dictBinary, "jsonb_get": dictBinary, "jsonb_path_query": dictBinary, "jsonb_path_query_first": dictBinary,
		"properties_to_jsonb": dictBinary,
		"properties_to_dict":  &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: propertyList},
		"properties_to_array": propertyList,
		"jsonb_entries":       arrow.ListOf(arrow.StructOf(notNullField("key", arrow.BinaryTypes.String), arrow.Field{Name: "value", Type: arrow.BinaryTypes.Binary, Nullable: true})),
		"make_histogram":      histogramType, "sum_histograms": histogramType, "empty_histogram": histogramType,
	}
	// passing functions answer with a value of their first argument.
	passing = setOf("first", "last", "any_value", "arbitrary", "min", "max", "lag", "lead", "first_value", "last_value",
		"nth_value", "nullif")
	// arithmetic keeps the width of integers.
	arithmetic = setOf("+", "-", "*", "/", "%", "//", "abs", "greatest", "least", "sum")
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
		t, _ := sc.column(n.texts("column_names"))
		return t
	case "CONSTANT":
		return constantTrait(n.child("value"))
	case "CAST":
		return castTrait(n.child("cast_type").text("id"), n.bool("try_cast"), sc.expression(n.child("child")))
	case "CASE":
		return sc.caseTrait(n)
	case "FUNCTION", "WINDOW":
		return sc.functionTrait(n)
	case "OPERATOR":
		return sc.operatorTrait(n)
	case "SUBQUERY":
		if n.text("subquery_type") != "SCALAR" {
			return trait{}
		}
		if columns, ok := sc.query(n.child("subquery").child("node"), sc.with); ok && len(columns) == 1 {
			return trait{declared: columns[0].declared, integer: columns[0].integer}
		}
	}
	return trait{}
}

func constantTrait(value node) trait {
	t := trait{notNull: !value.bool("is_null")}
	switch value.child("type").text("id") {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT":
		t.integer = t.notNull
	}
	return t
}

func castTrait(to string, try bool, from trait) trait {
	t := trait{notNull: from.notNull && !try}
	switch to {
	case "TIMESTAMP_NS", "TIMESTAMP":
		t.declared = timeType
	case "TINYINT":
		t.declared = arrow.PrimitiveTypes.Int8
	case "SMALLINT":
		t.declared = arrow.PrimitiveTypes.Int16
	case "INTEGER":
		t.declared = arrow.PrimitiveTypes.Int32
	case "BIGINT":
		t.declared = arrow.PrimitiveTypes.Int64
	}
	return t
}

func (sc *scope) caseTrait(n node) trait {
	var out trait
	first := true
	add := func(e node) {
		t := sc.expression(e)
		t.name = ""
		if e.text("class") == "CONSTANT" && e.child("value").bool("is_null") {
			out.notNull = false
			return
		}
		if first {
			out, first = t, false
			return
		}
		out = out.merge(t)
	}
	for _, check := range n.list("case_checks") {
		add(asNode(check).child("then_expr"))
	}
	add(n.child("else_expr"))
	out.notNull = false // cheap to say, rarely of use
	return out
}

func (sc *scope) functionTrait(n node) trait {
	name := n.text("function_name")
	var args []trait
	for _, c := range n.list("children") {
		args = append(args, sc.expression(asNode(c)))
	}
	switch {
	case name == "count_star":
		t := trait{declared: arrow.PrimitiveTypes.Int64, notNull: true}
		if n.text("class") == "FUNCTION" && n["filter"] == nil {
			t.name = "count(*)"
		}
		return t
	case name == "arrow_typeof" && len(args) == 1:
		if t := args[0].declared; t != nil && n.pos() >= 0 {
			sc.typeofs[n.pos()] = t
		} else if args[0].integer && n.pos() >= 0 {
			sc.typeofs[n.pos()] = arrow.PrimitiveTypes.Int64
		}
		return trait{}
	case name == "count":
		return trait{declared: arrow.PrimitiveTypes.Int64, notNull: true}
	case name == "expanded_center":
		return trait{declared: arrow.PrimitiveTypes.Float64, notNull: true}
	case name == "expanded_count":
		return trait{declared: arrow.PrimitiveTypes.Uint64, notNull: true}
	case name == "now":
		return trait{declared: timeType, notNull: true}
	case name == "sum" && len(args) == 1 && isUnsigned(args[0].declared):
		return trait{declared: arrow.PrimitiveTypes.Uint64}
	case functionResult[name] != nil:
		if (name == "date_part" || name == "datepart") && isEpoch(n) {
			return trait{}
		}
		return trait{declared: functionResult[name]}
	case (name == "min" || name == "max") && len(args) > 0 && args[0].declared != nil:
		return trait{declared: unpacked(args[0].declared), integer: args[0].integer}
	case passing[name] && len(args) > 0:
		return trait{declared: args[0].declared, integer: args[0].integer}
	case (name == "-" || name == "+") && len(args) == 2:
		switch left, right := isTime(args[0].declared), isTime(args[1].declared); {
		case left && right && name == "-":
			return trait{declared: durationType}
		case left || right:
			return trait{declared: timeType}
		}
	}
	if arithmetic[name] {
		return trait{integer: slices.ContainsFunc(args, func(t trait) bool { return t.integer })}
	}
	return trait{}
}

// isEpoch reports whether a date_part asks for seconds, which come with a fraction.
func isEpoch(n node) bool {
	children := n.list("children")
	return len(children) > 0 && asNode(children[0]).child("value").text("value") == "epoch"
}

func (sc *scope) operatorTrait(n node) trait {
	if n.text("type") != "OPERATOR_COALESCE" {
		return trait{}
	}
	var out trait
	notNull := false
	for i, c := range n.list("children") {
		t := sc.expression(asNode(c))
		notNull = notNull || t.notNull
		if i == 0 {
			out = t
		} else if t.declared == nil && out.declared != nil && isText(out.declared) {
			out = trait{declared: out.declared} // a text literal becomes what the column is
		} else {
			out = out.merge(t)
		}
	}
	out.name, out.notNull = "", notNull
	return out
}

func isTime(t arrow.DataType) bool {
	_, ok := t.(*arrow.TimestampType)
	return ok
}

func isText(t arrow.DataType) bool { return t.ID() == arrow.STRING || arrow.TypeEqual(t, dictText) }

func isUnsigned(t arrow.DataType) bool {
	return t != nil && (t.ID() == arrow.UINT8 || t.ID() == arrow.UINT16 || t.ID() == arrow.UINT32 || t.ID() == arrow.UINT64)
}
