package query

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// TypeText writes an Arrow type as existing clients know it: Utf8, Dictionary(Int32, Utf8), Timestamp(ns, "+00:00").
func TypeText(t arrow.DataType) string {
	switch t := t.(type) {
	case *arrow.DictionaryType:
		return fmt.Sprintf("Dictionary(%s, %s)", TypeText(t.IndexType), TypeText(t.ValueType))
	case *arrow.TimestampType:
		if t.TimeZone == "" {
			return fmt.Sprintf("Timestamp(%s)", t.Unit)
		}
		return fmt.Sprintf("Timestamp(%s, %q)", t.Unit, t.TimeZone)
	case *arrow.DurationType:
		return fmt.Sprintf("Duration(%s)", t.Unit)
	case *arrow.ListType:
		if name := t.ElemField().Name; name != "item" {
			return fmt.Sprintf("List(%s, field: '%s')", fieldText(t.ElemField()), name)
		}
		return fmt.Sprintf("List(%s)", fieldText(t.ElemField()))
	case *arrow.StructType:
		parts := make([]string, t.NumFields())
		for i, f := range t.Fields() {
			parts[i] = fmt.Sprintf("%q: %s", f.Name, fieldText(f))
		}
		return "Struct(" + strings.Join(parts, ", ") + ")"
	case *arrow.FixedSizeBinaryType:
		return fmt.Sprintf("FixedSizeBinary(%d)", t.ByteWidth)
	case *arrow.StringType:
		return "Utf8"
	case *arrow.BooleanType:
		return "Boolean"
	case *arrow.MonthDayNanoIntervalType:
		return "Interval(MonthDayNano)"
	}
	name := t.Name()
	for lower, upper := range map[string]string{"int": "Int", "uint": "UInt", "float": "Float", "date": "Date"} {
		if rest, ok := strings.CutPrefix(name, lower); ok && rest != "" && isDigit(rest[0]) {
			return upper + rest
		}
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

func fieldText(f arrow.Field) string {
	if f.Nullable {
		return TypeText(f.Type)
	}
	return "non-null " + TypeText(f.Type)
}
