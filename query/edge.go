package query

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// edge turns the engine's batches into what clients expect; see docs on the types of answers in doc.go.
type edge struct {
	schema *arrow.Schema
	keep   bool // every column has the engine's type already
}

// newEdge finds name, type and nullability of every column.
func newEdge(engine *arrow.Schema, traits []trait, dictionaries bool) *edge {
	if len(traits) != engine.NumFields() {
		traits = make([]trait, engine.NumFields())
	}
	e := &edge{keep: true}
	fields := make([]arrow.Field, engine.NumFields())
	for i, f := range engine.Fields() {
		t := traits[i]
		to := clientType(f.Type)
		switch {
		case t.declared != nil && convertible(f.Type, t.declared):
			to = t.declared
			if !dictionaries {
				to = unpacked(to)
			}
		case t.integer && isNarrowInteger(f.Type):
			to = arrow.PrimitiveTypes.Int64
		}
		name := f.Name
		if t.name != "" {
			name = t.name
		} else if name == "count_star()" {
			name = "count(*)"
		}
		fields[i] = arrow.Field{Name: name, Type: to, Nullable: !t.notNull}
		e.keep = e.keep && arrow.TypeEqual(f.Type, to)
	}
	e.schema = arrow.NewSchema(fields, nil)
	return e
}

// convert returns the batch for clients. Buffers are shared where the values stay as they are.
func (e *edge) convert(batch arrow.RecordBatch) (arrow.RecordBatch, error) {
	columns := make([]arrow.Array, batch.NumCols())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, c := range batch.Columns() {
		var err error
		if columns[i], err = convert(c, e.schema.Field(i).Type); err != nil {
			return nil, fmt.Errorf("column %s: %w", e.schema.Field(i).Name, err)
		}
	}
	return array.NewRecordBatch(e.schema, columns, batch.NumRows()), nil
}

// clientType is the type that clients see of an engine's type when nothing else is known.
func clientType(t arrow.DataType) arrow.DataType {
	switch t := t.(type) {
	case *arrow.TimestampType:
		return timeType
	case arrow.DecimalType:
		if t.GetScale() == 0 && t.GetPrecision() == 38 {
			return arrow.PrimitiveTypes.Int64 // HUGEINT, the engine's sum of integers
		}
	case *arrow.Time64Type:
		return arrow.FixedWidthTypes.Time64ns
	case *arrow.DictionaryType:
		return clientType(t.ValueType)
	case *arrow.NullType:
		return arrow.BinaryTypes.String
	case *arrow.LargeStringType, *arrow.StringViewType:
		return arrow.BinaryTypes.String
	case *arrow.LargeBinaryType, *arrow.BinaryViewType:
		return arrow.BinaryTypes.Binary
	case *arrow.MapType: // before ListType, which it resembles
		return arrow.MapOf(clientType(t.KeyType()), clientType(t.ItemType()))
	case *arrow.ListType:
		return arrow.ListOfField(arrow.Field{Name: "item", Type: clientType(t.Elem()), Nullable: true})
	case *arrow.FixedSizeListType:
		return arrow.FixedSizeListOfField(t.Len(), arrow.Field{Name: "item", Type: clientType(t.Elem()), Nullable: true})
	case *arrow.StructType:
		fields := make([]arrow.Field, t.NumFields())
		for i, f := range t.Fields() {
			fields[i] = arrow.Field{Name: f.Name, Type: clientType(f.Type), Nullable: true}
		}
		return arrow.StructOf(fields...)
	}
	return t
}

// unpacked is t without dictionaries, also inside lists and structs.
func unpacked(t arrow.DataType) arrow.DataType {
	switch t := t.(type) {
	case *arrow.DictionaryType:
		return unpacked(t.ValueType)
	case *arrow.ListType:
		f := t.ElemField()
		f.Type = unpacked(f.Type)
		return arrow.ListOfField(f)
	case *arrow.StructType:
		fields := make([]arrow.Field, t.NumFields())
		for i, f := range t.Fields() {
			f.Type = unpacked(f.Type)
			fields[i] = f
		}
		return arrow.StructOf(fields...)
	}
	return t
}

func isNarrowInteger(t arrow.DataType) bool {
	return t.ID() == arrow.INT8 || t.ID() == arrow.INT16 || t.ID() == arrow.INT32
}

// convertible reports whether convert can make to of an engine's type.
func convertible(from, to arrow.DataType) bool {
	if d, ok := to.(*arrow.DictionaryType); ok {
		v := d.ValueType.ID()
		return convertible(from, d.ValueType) && (v == arrow.STRING || v == arrow.BINARY || v == arrow.LIST)
	}
	if arrow.TypeEqual(from, to) {
		return true
	}
	switch to := to.(type) {
	case *arrow.NullType:
		return true // of what is NULL in every row
	case *arrow.Date32Type:
		return from.ID() == arrow.TIMESTAMP
	case *arrow.TimestampType:
		return from.ID() == arrow.TIMESTAMP && to.Unit == arrow.Nanosecond
	case *arrow.DurationType:
		return from.ID() == arrow.INT64 || from.ID() == arrow.FLOAT64 || from.ID() == arrow.DECIMAL128
	case *arrow.FixedSizeBinaryType:
		return from.ID() == arrow.BINARY
	case *arrow.ListType:
		l, ok := from.(*arrow.ListType)
		return ok && convertible(l.Elem(), to.Elem())
	case *arrow.StructType:
		s, ok := from.(*arrow.StructType)
		if !ok || s.NumFields() != to.NumFields() {
			return false
		}
		for i := range to.NumFields() {
			if !convertible(s.Field(i).Type, to.Field(i).Type) {
				return false
			}
		}
		return true
	}
	switch to.ID() {
	case arrow.INT32, arrow.INT64, arrow.UINT64:
		return arrow.IsInteger(from.ID()) || from.ID() == arrow.DECIMAL128
	case arrow.FLOAT64:
		return from.ID() == arrow.DECIMAL128
	}
	return false
}
