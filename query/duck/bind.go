package duck

import (
	"context"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
)

// wanted returns the parameters of the statement in the order in which they are bound.
func (p *prepared) wanted() ([]query.Parameter, error) {
	n := bindings.NParams(p.stmt)
	parameters := make([]query.Parameter, 0, n)
	for i := bindings.IdxT(1); i <= n; i++ {
		w := query.Parameter{Name: bindings.ParameterName(p.stmt, i)}
		if known(bindings.ParamType(p.stmt, i)) {
			t, err := p.parameterType(i)
			if err != nil {
				return nil, err
			}
			w.Type = t
		}
		parameters = append(parameters, w)
	}
	return parameters, nil
}

// known reports whether a parameter's type says something. A statement that leaves one of them open has no plan.
func known(t bindings.Type) bool {
	switch t {
	case bindings.TypeInvalid, bindings.TypeSQLNull, bindings.TypeAny, bindings.TypeStringLiteral, bindings.TypeIntegerLiteral:
		return false
	}
	return true
}

func (p *prepared) parameterType(i bindings.IdxT) (arrow.DataType, error) {
	var options bindings.ArrowOptions
	bindings.ConnectionGetArrowOptions(p.instance.conn, &options)
	defer bindings.DestroyArrowOptions(&options)
	schema, err := arrowSchema(options, []string{"parameter"}, []bindings.LogicalType{bindings.ParamLogicalType(p.stmt, i)})
	if err != nil {
		return nil, err
	}
	return schema.Field(0).Type, nil
}

// unresolved reports whether the answer's columns depend on the type of a parameter: then DuckDB has a single column of
// no type.
func (p *prepared) unresolved() bool {
	if len(p.parameters) == 0 {
		return false
	}
	n := bindings.PreparedStatementColumnCount(p.stmt)
	for c := range n {
		if bindings.PreparedStatementColumnType(p.stmt, c) == bindings.TypeInvalid {
			return true
		}
	}
	return false
}

// bind gives the parameters the values in a row. DuckDB plans with them, so that conditions on them prune files.
func (p *prepared) bind(_ context.Context, values []arrow.Array, row int) error {
	bindings.ClearBindings(p.stmt)
	for i, a := range values {
		v, err := value(a, row)
		if err != nil {
			return fault.New(fault.Invalid, fmt.Sprintf("parameter $%s: %s", p.parameters[i].Name, err))
		}
		state := bindings.BindValue(p.stmt, bindings.IdxT(i+1), v)
		bindings.DestroyValue(&v)
		if state == bindings.StateError {
			return fault.New(fault.Invalid, fmt.Sprintf("parameter $%s cannot be bound", p.parameters[i].Name))
		}
	}
	return nil
}

// value returns the i-th value of a for DuckDB; the caller destroys it. Times of any unit become nanoseconds, durations
// intervals.
func value(a arrow.Array, i int) (bindings.Value, error) {
	if a.IsNull(i) {
		return bindings.CreateNullValue(), nil
	}
	switch a := a.(type) {
	case *array.Null:
		return bindings.CreateNullValue(), nil
	case *array.Dictionary:
		return value(a.Dictionary(), a.GetValueIndex(i))
	case *array.Boolean:
		return bindings.CreateBool(a.Value(i)), nil
	case *array.Int8:
		return bindings.CreateInt8(a.Value(i)), nil
	case *array.Int16:
		return bindings.CreateInt16(a.Value(i)), nil
	case *array.Int32:
		return bindings.CreateInt32(a.Value(i)), nil
	case *array.Int64:
		return bindings.CreateInt64(a.Value(i)), nil
	case *array.Uint8:
		return bindings.CreateUInt8(a.Value(i)), nil
	case *array.Uint16:
		return bindings.CreateUInt16(a.Value(i)), nil
	case *array.Uint32:
		return bindings.CreateUInt32(a.Value(i)), nil
	case *array.Uint64:
		return bindings.CreateUInt64(a.Value(i)), nil
	case *array.Float16:
		return bindings.CreateFloat(a.Value(i).Float32()), nil
	case *array.Float32:
		return bindings.CreateFloat(a.Value(i)), nil
	case *array.Float64:
		return bindings.CreateDouble(a.Value(i)), nil
	case array.StringLike:
		text := a.Value(i)
		return bindings.CreateVarcharLength(text, bindings.IdxT(len(text))), nil
	case *array.Binary:
		return bindings.CreateBlob(a.Value(i)), nil
	case *array.LargeBinary:
		return bindings.CreateBlob(a.Value(i)), nil
	case *array.BinaryView:
		return bindings.CreateBlob(a.Value(i)), nil
	case *array.FixedSizeBinary:
		return bindings.CreateBlob(a.Value(i)), nil
	case *array.Decimal32:
		return decimalValue(a.DataType(), decimal128.FromI64(int64(a.Value(i)))), nil
	case *array.Decimal64:
		return decimalValue(a.DataType(), decimal128.FromI64(int64(a.Value(i)))), nil
	case *array.Decimal128:
		return decimalValue(a.DataType(), a.Value(i)), nil
	case array.ListLike:
		return listValue(a, i)
	}
	return timeValue(a, i)
}

// timeValue is value for what has to do with time.
func timeValue(a arrow.Array, i int) (bindings.Value, error) {
	switch a := a.(type) {
	case *array.Date32:
		return bindings.CreateDate(bindings.NewDate(int32(a.Value(i)))), nil
	case *array.Date64:
		const day = 24 * 60 * 60 * 1000
		return bindings.CreateDate(bindings.NewDate(int32(floorDiv(int64(a.Value(i)), day)))), nil
	case *array.Time32:
		unit := int64(a.DataType().(*arrow.Time32Type).Unit.Multiplier()) / 1000
		return bindings.CreateTime(bindings.NewTime(int64(a.Value(i)) * unit)), nil
	case *array.Time64:
		micros := int64(a.Value(i))
		if a.DataType().(*arrow.Time64Type).Unit == arrow.Nanosecond {
			micros /= 1000
		}
		return bindings.CreateTime(bindings.NewTime(micros)), nil
	case *array.Timestamp:
		unit := int64(a.DataType().(*arrow.TimestampType).Unit.Multiplier())
		t := int64(a.Value(i))
		if t > math.MaxInt64/unit || t < math.MinInt64/unit {
			return bindings.Value{}, fmt.Errorf("the time is outside of the years 1677 to 2262")
		}
		return bindings.CreateTimestampNS(bindings.NewTimestampNS(t * unit)), nil
	case *array.Duration:
		unit := int64(a.DataType().(*arrow.DurationType).Unit.Multiplier())
		d := int64(a.Value(i))
		if unit >= 1000 && (d > math.MaxInt64/(unit/1000) || d < math.MinInt64/(unit/1000)) {
			return bindings.Value{}, fmt.Errorf("the duration is too long")
		}
		return bindings.CreateInterval(bindings.NewInterval(0, 0, scaled(d, unit))), nil
	case *array.MonthInterval:
		return bindings.CreateInterval(bindings.NewInterval(int32(a.Value(i)), 0, 0)), nil
	case *array.DayTimeInterval:
		v := a.Value(i)
		return bindings.CreateInterval(bindings.NewInterval(0, v.Days, int64(v.Milliseconds)*1000)), nil
	case *array.MonthDayNanoInterval:
		v := a.Value(i)
		return bindings.CreateInterval(bindings.NewInterval(v.Months, v.Days, v.Nanoseconds/1000)), nil
	}
	return bindings.Value{}, fmt.Errorf("values of type %s cannot be bound", a.DataType())
}

// scaled is d units, of so many nanoseconds, in microseconds.
func scaled(d, unit int64) int64 {
	if unit < 1000 {
		return d * unit / 1000
	}
	return d * (unit / 1000)
}

func floorDiv(a, b int64) int64 {
	if q := a / b; a%b >= 0 {
		return q
	} else { //nolint:revive // the other case of the same quotient
		return q - 1
	}
}

func decimalValue(t arrow.DataType, v decimal128.Num) bindings.Value {
	d := t.(arrow.DecimalType)
	return bindings.CreateDecimal(bindings.NewDecimal(uint8(d.GetPrecision()), uint8(d.GetScale()),
		bindings.NewHugeInt(v.LowBits(), v.HighBits())))
}

// listValue makes a list of the elements of list i.
func listValue(a array.ListLike, i int) (bindings.Value, error) {
	begin, end := a.ValueOffsets(i)
	elements := a.ListValues()
	inner, err := elementType(elements.DataType())
	if err != nil {
		return bindings.Value{}, err
	}
	defer bindings.DestroyLogicalType(&inner)
	var values []bindings.Value
	defer func() {
		for i := range values {
			bindings.DestroyValue(&values[i])
		}
	}()
	for e := begin; e < end; e++ {
		v, err := value(elements, int(e))
		if err != nil {
			return bindings.Value{}, err
		}
		values = append(values, v)
	}
	return bindings.CreateListValue(inner, values), nil
}

// elementType is DuckDB's type of the values that value makes of t. The caller destroys it.
func elementType(t arrow.DataType) (bindings.LogicalType, error) {
	switch t := t.(type) {
	case *arrow.DictionaryType:
		return elementType(t.ValueType)
	case *arrow.MapType:
	case arrow.ListLikeType:
		inner, err := elementType(t.Elem())
		if err != nil {
			return inner, err
		}
		defer bindings.DestroyLogicalType(&inner)
		return bindings.CreateListType(inner), nil
	case *arrow.Decimal32Type, *arrow.Decimal64Type, *arrow.Decimal128Type:
		d := t.(arrow.DecimalType)
		return bindings.CreateDecimalType(uint8(d.GetPrecision()), uint8(d.GetScale())), nil
	case *arrow.TimestampType:
		return bindings.CreateLogicalType(bindings.TypeTimestampNS), nil
	case *arrow.DurationType, *arrow.MonthIntervalType, *arrow.DayTimeIntervalType, *arrow.MonthDayNanoIntervalType:
		return bindings.CreateLogicalType(bindings.TypeInterval), nil
	}
	if plain, ok := elementTypes[t.ID()]; ok {
		return bindings.CreateLogicalType(plain), nil
	}
	return bindings.LogicalType{}, fmt.Errorf("lists of %s cannot be bound", t)
}

var elementTypes = map[arrow.Type]bindings.Type{
	arrow.NULL: bindings.TypeSQLNull, arrow.BOOL: bindings.TypeBoolean, arrow.INT8: bindings.TypeTinyInt, arrow.INT16: bindings.TypeSmallInt,
	arrow.INT32: bindings.TypeInteger, arrow.INT64: bindings.TypeBigInt, arrow.UINT8: bindings.TypeUTinyInt,
	arrow.UINT16: bindings.TypeUSmallInt, arrow.UINT32: bindings.TypeUInteger, arrow.UINT64: bindings.TypeUBigInt,
	arrow.FLOAT16: bindings.TypeFloat, arrow.FLOAT32: bindings.TypeFloat, arrow.FLOAT64: bindings.TypeDouble,
	arrow.STRING: bindings.TypeVarchar, arrow.LARGE_STRING: bindings.TypeVarchar, arrow.STRING_VIEW: bindings.TypeVarchar,
	arrow.BINARY: bindings.TypeBlob, arrow.LARGE_BINARY: bindings.TypeBlob, arrow.BINARY_VIEW: bindings.TypeBlob,
	arrow.FIXED_SIZE_BINARY: bindings.TypeBlob, arrow.DATE32: bindings.TypeDate, arrow.DATE64: bindings.TypeDate,
	arrow.TIME32: bindings.TypeTime, arrow.TIME64: bindings.TypeTime,
}
