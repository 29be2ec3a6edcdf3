package flightsql

import (
	"github.com/apache/arrow-go/v18/arrow/array"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
)

// xdbcType describes a type that columns have, in the words of ODBC's SQLGetTypeInfo.
type xdbcType struct {
	name   string
	id     pb.XdbcDataType
	size   int32 // digits, or bytes of the largest value
	prefix string
	text   bool // letter case counts
	number bool
	radix  int32
}

func xdbcTypes() []xdbcType {
	return []xdbcType{
		{name: "boolean", id: pb.XdbcDataType_XDBC_BIT, size: 1},
		{name: "bigint", id: pb.XdbcDataType_XDBC_BIGINT, size: 19, number: true, radix: 10},
		{name: "varbinary", id: pb.XdbcDataType_XDBC_VARBINARY, size: 1<<31 - 1, prefix: "x'"},
		{name: "integer", id: pb.XdbcDataType_XDBC_INTEGER, size: 10, number: true, radix: 10},
		{name: "double", id: pb.XdbcDataType_XDBC_DOUBLE, size: 53, number: true, radix: 2},
		{name: "varchar", id: pb.XdbcDataType_XDBC_VARCHAR, size: 1<<31 - 1, prefix: "'", text: true},
		{name: "timestamp", id: pb.XdbcDataType_XDBC_TIMESTAMP, size: 35, prefix: "timestamp '"},
	}
}

// fillTypes writes the types, or the one that cmd asks for.
func fillTypes(b *array.RecordBuilder, cmd *pb.CommandGetXdbcTypeInfo) {
	text := func(column int, s string) {
		if s == "" {
			b.Field(column).AppendNull()
			return
		}
		b.Field(column).(*array.StringBuilder).Append(s)
	}
	number := func(column int, n int32) { b.Field(column).(*array.Int32Builder).Append(n) }
	truth := func(column int, v bool) { b.Field(column).(*array.BooleanBuilder).Append(v) }
	for _, t := range xdbcTypes() {
		if cmd.DataType != nil && cmd.GetDataType() != int32(t.id) {
			continue
		}
		text(0, t.name)
		number(1, int32(t.id))
		number(2, t.size)
		text(3, t.prefix)
		if t.prefix == "" {
			text(4, "")
		} else {
			text(4, "'")
		}
		b.Field(5).AppendNull()
		number(6, int32(pb.Nullable_NULLABILITY_NULLABLE))
		truth(7, t.text)
		number(8, int32(pb.Searchable_SEARCHABLE_FULL))
		if t.number {
			truth(9, false)
		} else {
			b.Field(9).AppendNull()
		}
		truth(10, false)
		b.Field(11).AppendNull()
		text(12, t.name)
		b.Field(13).AppendNull()
		b.Field(14).AppendNull()
		number(15, int32(t.id))
		b.Field(16).AppendNull()
		if t.radix > 0 {
			number(17, t.radix)
		} else {
			b.Field(17).AppendNull()
		}
		b.Field(18).AppendNull()
	}
}
