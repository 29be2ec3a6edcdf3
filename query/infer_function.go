package query

import (
	"maps"
	"slices"
	"strings"

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
		"datepart", "nanosecond", "date_trunc", "datetrunc", "trunc", "round", "isnan", "time_text")
	// folded functions are null only when an argument is, too. Where their arguments are literals existing servers know the answer
	// while they plan, and so that it is not null; of a column they do not say it.
	folded = setOf("upper", "lower", "initcap", "reverse", "length", "char_length", "character_length", "octet_length", "bit_length",
		"trim", "ltrim", "rtrim", "left", "right", "substr", "substring", "bounded_lpad", "bounded_rpad", "bounded_repeat", "replace",
		"translate", "split_part", "starts_with", "ends_with", "contains", "ascii", "chr", "to_hex", "md5", "encode", "decode",
		"sha256_bytes", "sha224", "sha384", "sha512", "digest", "regexp_matches", "regexp_replace", "regexp_count", "regexp_instr",
		"levenshtein", "string_to_array", "array_to_string", "find_in_set", "substr_index", "overlay", "date_bin", "date_bin_nanos",
		"timestamp_of", "to_unixtime", "to_date", "make_date", "to_char", "interval_nanos", "to_timestamp_seconds",
		"to_timestamp_millis", "to_timestamp_micros", "to_timestamp_nanos", "from_unixtime", "to_local_time", "timezone", "time_of",
		"duration_of", "to_years", "to_months", "to_weeks", "to_days", "to_hours", "to_minutes", "to_seconds", "to_milliseconds",
		"to_microseconds", "to_quarters",
		"abs", "floor", "ceil", "sqrt", "cbrt", "power", "pow", "exp", "ln", "log10", "log2", "log", "signum", "sign", "pi", "degrees",
		"radians", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "cot",
		"gcd", "lcm", "factorial", "greatest", "least", "nvl2", "nanvl", "iszero",
		"list_value", "struct_pack", "map", "map_keys", "map_values", "map_extract", "array_append", "array_prepend", "array_concat",
		"array_cat", "list_concat", "array_slice", "list_slice", "array_sort", "list_sort", "array_reverse", "list_reverse",
		"array_distinct", "list_distinct", "array_length", "len", "list_empty", "array_positions", "array_has",
		"array_has_any", "array_has_all", "list_contains", "array_contains", "list_has_any", "list_has_all", "array_remove",
		"array_remove_n", "array_remove_all", "array_replace", "array_replace_all", "array_pop_back", "array_pop_front",
		"array_repeat", "bounded_resize", "list_union", "array_intersect", "list_intersect", "list_except", "flatten", "range",
		"generate_series")
	// always are never null, whatever their arguments.
	always = setOf("count", "count_star", "expanded_center", "expanded_count", "now", "current_date", "regr_count")
	// binning functions answer with a time of the kind that they get.
	binning = map[string]int{"date_bin": 1, "date_bin_nanos": 1, "date_trunc": 1, "datetrunc": 1, "time_bucket": 1}
)

// StrictFunctions returns the names of the engine's functions that are taken to be null only when an argument is.
func StrictFunctions() []string {
	return slices.Sorted(maps.Keys(union(strict, folded)))
}

func union(a, b map[string]bool) map[string]bool {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

func (sc *scope) functionTrait(n node) trait {
	name := n.text("function_name")
	args := sc.expressions(n.list("children"))
	for _, key := range []string{"filter", "offset_expr", "default_expr"} {
		sc.expression(n.child(key))
	}
	t := sc.functionType(n, name, args)
	t.inexact = isDecimal(t.declared) || strings.HasPrefix(name, "to_") || slices.ContainsFunc(args, func(t trait) bool { return t.inexact || isDecimal(t.declared) })
	constant := allConstant(args)
	switch _, rank := ranks[name]; {
	case rank, always[name]:
		t.notNull = true
	case (name == "/" || name == "%") && t.inexact:
	case strict[name]:
		t.notNull = len(args) > 0 && allNotNull(args)
		t.constant = constant
	case (name == "date_bin" || name == "date_bin_nanos") && slices.ContainsFunc(n.list("children"), mayBeInfinite):
	case folded[name] && constant:
		t.notNull = allNotNull(args)
		t.constant = true
	case constant && (name == "concat" || name == "arrow_typeof"): // which know no null
		t.notNull, t.constant = true, true
	case constant && name == "concat_ws":
		t.notNull, t.constant = len(args) > 0 && args[0].notNull, true
	}
	if name == "now" || name == "current_date" {
		t.constant = true // while a statement runs
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
	case name == "nullif" && len(args) == 2 && args[1].integer:
		return trait{integer: true}
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

func isDecimal(t arrow.DataType) bool {
	_, ok := t.(arrow.DecimalType)
	return ok
}

// mayBeInfinite reports whether a literal says that a time is infinite: it is in no bin.
func mayBeInfinite(e any) bool {
	n := asNode(e)
	for n.text("class") == "CAST" {
		n = n.child("child")
	}
	text, _ := constantText(n)
	return strings.Contains(lower(text), "inf")
}

// noteType remembers what an arrow_typeof is of.
func (sc *scope) noteType(n node, of trait) {
	switch {
	case n.pos() < 0:
	case of.declared != nil:
		sc.hints.typeofs[sc.text.original(n.pos())] = typeName{TypeText(of.declared), of.constant}
	case of.integer:
		sc.hints.typeofs[sc.text.original(n.pos())] = typeName{TypeText(arrow.PrimitiveTypes.Int64), of.constant}
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
