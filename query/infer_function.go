package query

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
)

var (
	// functionResult are the types of functions whose engine's type is another.
	functionResult = map[string]arrow.DataType{
		"timestamp_of": plainTime, "to_timestamp_nanos": plainTime, "to_timestamp_micros": plainTime, "to_timestamp_millis": plainTime,
		"to_timestamp_seconds": plainTime, "from_unixtime": plainTime, "to_local_time": plainTime, "make_timestamp_ns": plainTime,
		"current_date": dateType, "to_date": dateType, "make_date": dateType, "today": dateType,
		"date_part": arrow.PrimitiveTypes.Int32, "datepart": arrow.PrimitiveTypes.Int32,
		"length": arrow.PrimitiveTypes.Int32, "char_length": arrow.PrimitiveTypes.Int32, "character_length": arrow.PrimitiveTypes.Int32,
		"strpos": arrow.PrimitiveTypes.Int32, "instr": arrow.PrimitiveTypes.Int32, "position": arrow.PrimitiveTypes.Int32,
		"octet_length": arrow.PrimitiveTypes.Int32, "bit_length": arrow.PrimitiveTypes.Int32, "ascii": arrow.PrimitiveTypes.Int32,
		"levenshtein": arrow.PrimitiveTypes.Int32, "find_in_set": arrow.PrimitiveTypes.Int32, "strlen": arrow.PrimitiveTypes.Int32,
		"array_length": arrow.PrimitiveTypes.Uint64, "array_position": arrow.PrimitiveTypes.Uint64, "cardinality": arrow.PrimitiveTypes.Uint64,
		"list_position": arrow.PrimitiveTypes.Uint64, "array_ndims": arrow.PrimitiveTypes.Uint64,
		"approx_count_distinct": arrow.PrimitiveTypes.Uint64, "regr_count": arrow.PrimitiveTypes.Uint64,
		"property_get": dictText, "jsonb_format_json": dictText, "jsonb_as_string": dictText,
		"jsonb_parse": dictBinary, "jsonb_get": dictBinary, "jsonb_path_query": dictBinary, "jsonb_path_query_first": dictBinary,
		"properties_to_jsonb": dictBinary,
		"properties_to_dict":  &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: propertyList},
		"properties_to_array": propertyList,
		"jsonb_entries":       arrow.ListOf(arrow.StructOf(notNullField("key", arrow.BinaryTypes.String), arrow.Field{Name: "value", Type: arrow.BinaryTypes.Binary, Nullable: true})),
		"make_histogram":      histogramType, "sum_histograms": histogramType, "empty_histogram": histogramType,
		"duration_of":     durationType,
		"expanded_center": arrow.PrimitiveTypes.Float64, "expanded_count": arrow.PrimitiveTypes.Uint64,
	}
	// sourceResult are the types of functions that the engine has under another name.
	sourceResult = map[string]arrow.DataType{
		"cardinality":     arrow.PrimitiveTypes.Uint64,
		"array_positions": arrow.ListOf(arrow.PrimitiveTypes.Uint64),
	}
	// ranks number the rows of a window.
	ranks = map[string]arrow.DataType{
		"row_number": arrow.PrimitiveTypes.Uint64, "rank": arrow.PrimitiveTypes.Uint64, "dense_rank": arrow.PrimitiveTypes.Uint64,
		"rank_dense": arrow.PrimitiveTypes.Uint64, "ntile": arrow.PrimitiveTypes.Uint64, "percent_rank": nil, "cume_dist": nil,
	}
	// passing functions answer with a value of their first argument.
	passing = setOf("first", "last", "any_value", "arbitrary", "min", "max", "lag", "lead", "first_value", "last_value",
		"nth_value", "nullif", "trunc", "median", "quantile_cont", "sum", "avg")
	// arithmetic keeps the width of integers.
	arithmetic = setOf("+", "-", "*", "/", "%", "abs", "greatest", "least", "sum", "round", "nvl2", "bit_and", "bit_or", "bit_xor",
		"&", "|", "<<", ">>")
	// strict functions are null only when an argument is.
	strict = setOf("+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", "||", "~~", "!~~", "~~*", "!~~*", "like_escape",
		"not_like_escape", "ilike_escape", "not_ilike_escape", "regexp_full_match", "strpos", "instr", "position", "date_part",
		"datepart", "date_trunc", "datetrunc", "trunc", "round", "isnan")
	// binning functions answer with a time of the kind that they get.
	binning = map[string]int{"date_bin": 1, "date_bin_nanos": 1, "date_trunc": 1, "datetrunc": 1, "time_bucket": 1}
)

func (sc *scope) functionTrait(n node) trait {
	name := n.text("function_name")
	args := sc.expressions(n.list("children"))
	for _, key := range []string{"filter", "offset_expr", "default_expr"} {
		sc.expression(n.child(key))
	}
	t := sc.functionType(n, name, args)
	switch _, rank := ranks[name]; {
	case rank, name == "count", name == "expanded_center", name == "expanded_count", name == "count_star", name == "now", name == "current_date":
		t.notNull = true
	case strict[name]:
		t.notNull = len(args) > 0 && allNotNull(args)
	}
	return t
}

// functionType returns what is known about the type of a function.
func (sc *scope) functionType(n node, name string, args []trait) trait {
	first := trait{}
	if len(args) > 0 {
		first = args[0]
	}
	if declared := sc.typed[sc.text.original(max(n.pos(), 0))]; declared != nil && (name == "time_of" || name == "duration_of") {
		return trait{declared: declared, notNull: first.notNull}
	}
	switch {
	case name == "count_star", name == "count":
		return trait{declared: arrow.PrimitiveTypes.Int64}
	case name == "arrow_typeof" && len(args) == 1:
		sc.noteType(n, first)
		return trait{declared: arrow.BinaryTypes.String}
	case name == "now":
		return trait{declared: plainTime}
	case name == "sum" && isUnsigned(first.declared):
		return trait{declared: arrow.PrimitiveTypes.Uint64}
	case (name == "sum" || name == "avg" || name == "median" || name == "quantile_cont") && !isDuration(first.declared):
		return trait{integer: name == "sum" && first.integer}
	case name == "trunc" && isTime(first.declared):
		return trait{declared: arrow.PrimitiveTypes.Int64}
	case (name == "upper" || name == "lower") && first.declared != nil && arrow.TypeEqual(first.declared, dictText):
		return trait{declared: dictText}
	case (name == "date_part" || name == "datepart") && isEpoch(n):
		return trait{}
	case ranks[name] != nil:
		return trait{declared: ranks[name]}
	case functionResult[name] != nil:
		return trait{declared: functionResult[name]}
	case sourceResult[sc.source(n.pos())] != nil:
		return trait{declared: sourceResult[sc.source(n.pos())]}
	case binning[name] > 0 && len(args) > binning[name]:
		if declared := args[binning[name]].declared; isTime(declared) {
			return trait{declared: declared}
		}
		return trait{declared: plainTime}
	case (name == "min" || name == "max") && first.declared != nil:
		return trait{declared: unpacked(first.declared), integer: first.integer}
	case passing[name]:
		return trait{declared: first.declared, integer: first.integer}
	case (name == "-" || name == "+") && len(args) == 2:
		if t, ok := timeArithmetic(name, first.declared, args[1].declared); ok {
			return trait{declared: t}
		}
	}
	if arithmetic[name] {
		return trait{integer: slices.ContainsFunc(args, func(t trait) bool { return t.integer })}
	}
	return trait{}
}

// noteType remembers what an arrow_typeof is of.
func (sc *scope) noteType(n node, of trait) {
	switch {
	case n.pos() < 0:
	case of.declared != nil:
		sc.hints.typeofs[sc.text.original(n.pos())] = TypeText(of.declared)
	case of.integer:
		sc.hints.typeofs[sc.text.original(n.pos())] = TypeText(arrow.PrimitiveTypes.Int64)
	}
}

// timeArithmetic returns the type of a sum or difference with times, dates and durations.
func timeArithmetic(op string, left, right arrow.DataType) (arrow.DataType, bool) {
	switch {
	case isTime(left) && isTime(right) && op == "-", isDuration(left) && isDuration(right):
		return durationType, true
	case isTime(left):
		return left, true
	case isTime(right):
		return right, true
	case isDate(left) && !isDate(right) && right == nil:
		return dateType, true
	case isDate(right) && left == nil && op == "+":
		return dateType, true
	}
	return nil, false
}

func isDate(t arrow.DataType) bool { return t != nil && t.ID() == arrow.DATE32 }

// isEpoch reports whether a date_part asks for seconds, which come with a fraction.
func isEpoch(n node) bool {
	children := n.list("children")
	return len(children) > 0 && lower(asNode(children[0]).child("value").text("value")) == "epoch"
}
