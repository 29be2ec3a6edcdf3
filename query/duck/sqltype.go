package duck

import bindings "github.com/duckdb/duckdb-go-bindings"

// sqlType is a type of DuckDB's, of an argument or a result of a function of ours.
type sqlType struct {
	id      bindings.Type
	element *sqlType   // of a list
	fields  []sqlField // of a struct
}

type sqlField struct {
	name string
	sqlType
}

var (
	typeText     = sqlType{id: bindings.TypeVarchar}
	typeBlob     = sqlType{id: bindings.TypeBlob}
	typeTime     = sqlType{id: bindings.TypeTimestampNS}
	typeInt64    = sqlType{id: bindings.TypeBigInt}
	typeUint64   = sqlType{id: bindings.TypeUBigInt}
	typeInt32    = sqlType{id: bindings.TypeInteger}
	typeUint32   = sqlType{id: bindings.TypeUInteger}
	typeFloat64  = sqlType{id: bindings.TypeDouble}
	typeInterval = sqlType{id: bindings.TypeInterval}
)

func listOf(element sqlType) sqlType { return sqlType{id: bindings.TypeList, element: &element} }

func structOf(fields ...sqlField) sqlType { return sqlType{id: bindings.TypeStruct, fields: fields} }

// logical makes the type for DuckDB; it must be destroyed.
func (t sqlType) logical() bindings.LogicalType {
	switch {
	case t.element != nil:
		element := t.element.logical()
		defer bindings.DestroyLogicalType(&element)
		return bindings.CreateListType(element)
	case t.fields != nil:
		types, names := make([]bindings.LogicalType, len(t.fields)), make([]string, len(t.fields))
		for i, f := range t.fields {
			types[i], names[i] = f.logical(), f.name
		}
		defer func() {
			for i := range types {
				bindings.DestroyLogicalType(&types[i])
			}
		}()
		return bindings.CreateStructType(types, names)
	}
	return bindings.CreateLogicalType(t.id)
}
