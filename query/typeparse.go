package query

import (
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// castTo is how arrow_cast(x, 'Type') is written for the engine: begin x end.
type castTo struct {
	declared   arrow.DataType
	begin, end string
	truncate   bool // x loses its fraction first
}

// arrowNames are the Arrow types without parameters and the engine's names for them. Texts and bytes are of one kind here.
var arrowNames = map[string]struct {
	declared arrow.DataType
	engine   string
}{
	"Boolean": {arrow.FixedWidthTypes.Boolean, "BOOLEAN"},
	"Int8":    {arrow.PrimitiveTypes.Int8, "TINYINT"}, "Int16": {arrow.PrimitiveTypes.Int16, "SMALLINT"},
	"Int32": {arrow.PrimitiveTypes.Int32, "INTEGER"}, "Int64": {arrow.PrimitiveTypes.Int64, "BIGINT"},
	"UInt8": {arrow.PrimitiveTypes.Uint8, "UTINYINT"}, "UInt16": {arrow.PrimitiveTypes.Uint16, "USMALLINT"},
	"UInt32": {arrow.PrimitiveTypes.Uint32, "UINTEGER"}, "UInt64": {arrow.PrimitiveTypes.Uint64, "UBIGINT"},
	"Float16": {arrow.PrimitiveTypes.Float32, "FLOAT"}, "Float32": {arrow.PrimitiveTypes.Float32, "FLOAT"},
	"Float64": {arrow.PrimitiveTypes.Float64, "DOUBLE"},
	"Utf8":    {arrow.BinaryTypes.String, "VARCHAR"}, "LargeUtf8": {arrow.BinaryTypes.String, "VARCHAR"},
	"Utf8View": {arrow.BinaryTypes.String, "VARCHAR"},
	"Binary":   {arrow.BinaryTypes.Binary, "BLOB"}, "LargeBinary": {arrow.BinaryTypes.Binary, "BLOB"},
	"BinaryView": {arrow.BinaryTypes.Binary, "BLOB"},
	"Date32":     {arrow.FixedWidthTypes.Date32, "DATE"}, "Date64": {arrow.FixedWidthTypes.Date32, "DATE"},
	"Interval(MonthDayNano)": {arrow.FixedWidthTypes.MonthDayNanoInterval, "INTERVAL"},
}

// timeUnits are the units of times and durations by the names that they have in the text of a type, with the nanoseconds
// of each.
var timeUnits = map[string]int64{
	"Second": 1e9, "Millisecond": 1e6, "Microsecond": 1e3, "Nanosecond": 1, "s": 1e9, "ms": 1e6, "us": 1e3, "µs": 1e3, "ns": 1,
}

// parseType reads the text of an Arrow type. Times and durations are nanoseconds whatever their unit; the unit says what
// a number means that becomes one.
func parseType(text string) (castTo, bool) {
	text = strings.TrimSpace(text)
	kind, rest, nested := strings.Cut(text, "(")
	parameters := strings.Split(strings.TrimSuffix(rest, ")"), ",")
	for i := range parameters {
		parameters[i] = strings.TrimSpace(parameters[i])
	}
	switch {
	case nested && kind == "Dictionary" && len(parameters) > 1:
		_, value, _ := strings.Cut(strings.TrimSuffix(rest, ")"), ",")
		t, ok := parseType(value)
		if ok && (t.declared.ID() == arrow.STRING || t.declared.ID() == arrow.BINARY) {
			t.declared = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: t.declared}
		}
		return t, ok
	case nested && kind == "List":
		t, ok := arrowNames[strings.TrimSuffix(rest, ")")]
		if !ok {
			return castTo{}, false
		}
		return castTo{declared: arrow.ListOf(t.declared), begin: "CAST(", end: " AS " + t.engine + "[])"}, true
	case nested && kind == "Timestamp":
		unit, ok := timeUnits[parameters[0]]
		zone := strings.TrimSuffix(strings.TrimPrefix(parameters[len(parameters)-1], "Some("), ")")
		t := castTo{declared: plainTime, begin: "time_of(", end: ", " + strconv.FormatInt(unit, 10) + ")"}
		switch zone = strings.Trim(zone, `"`); {
		case len(parameters) == 1 || zone == "None" || zone == "":
		case zone == "+00:00" || zone == "UTC":
			t.declared = timeType
		default:
			return castTo{}, false
		}
		return t, ok
	case nested && kind == "Duration":
		unit, ok := timeUnits[parameters[0]]
		return castTo{declared: durationType, begin: "duration_of(", end: ", " + strconv.FormatInt(unit, 10) + ")"}, ok
	case nested && (kind == "Decimal128" || kind == "Decimal32" || kind == "Decimal64") && len(parameters) == 2:
		precision, err1 := strconv.ParseUint(parameters[0], 10, 6)
		scale, err2 := strconv.ParseUint(parameters[1], 10, 6)
		ok := err1 == nil && err2 == nil && precision >= 1 && precision <= 38 && scale <= precision
		return castTo{
			declared: &arrow.Decimal128Type{Precision: int32(precision), Scale: int32(scale)},
			begin:    "CAST(", end: " AS DECIMAL(" + parameters[0] + ", " + parameters[1] + "))",
		}, ok
	}
	t, ok := arrowNames[text]
	if !ok {
		return castTo{}, false
	}
	return castTo{
		declared: t.declared, begin: "CAST(", end: " AS " + t.engine + ")", truncate: arrow.IsInteger(t.declared.ID()),
	}, true
}
