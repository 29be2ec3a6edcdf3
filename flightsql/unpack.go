package flightsql

import "github.com/apache/arrow-go/v18/arrow"

// unpacked returns schema as it is sent to a caller that did not ask for dictionaries: their value types instead, at
// any depth. Names, nullability and metadata stay.
func unpacked(schema *arrow.Schema) *arrow.Schema {
	fields := make([]arrow.Field, schema.NumFields())
	for i, f := range schema.Fields() {
		fields[i] = unpackedField(f)
	}
	meta := schema.Metadata()
	return arrow.NewSchemaWithEndian(fields, &meta, schema.Endianness())
}

func unpackedField(f arrow.Field) arrow.Field {
	f.Type = unpackedType(f.Type)
	return f
}

func unpackedType(t arrow.DataType) arrow.DataType {
	switch t := t.(type) {
	case *arrow.DictionaryType:
		return unpackedType(t.ValueType)
	case *arrow.StructType:
		fields := make([]arrow.Field, t.NumFields())
		for i, f := range t.Fields() {
			fields[i] = unpackedField(f)
		}
		return arrow.StructOf(fields...)
	case *arrow.ListType:
		return arrow.ListOfField(unpackedField(t.ElemField()))
	case *arrow.LargeListType:
		return arrow.LargeListOfField(unpackedField(t.ElemField()))
	case *arrow.FixedSizeListType:
		return arrow.FixedSizeListOfField(t.Len(), unpackedField(t.ElemField()))
	case *arrow.MapType:
		m := arrow.MapOfFields(unpackedField(t.KeyField()), unpackedField(t.ItemField()))
		m.KeysSorted = t.KeysSorted
		return m
	}
	return t
}
