package query

import (
	"fmt"
	"math"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// convert returns a with another type. The caller releases the answer.
func convert(a arrow.Array, to arrow.DataType) (arrow.Array, error) {
	if arrow.TypeEqual(a.DataType(), to) {
		a.Retain()
		return a, nil
	}
	if d, ok := to.(*arrow.DictionaryType); ok {
		return encodeDictionary(a, d)
	}
	if to.ID() == arrow.NULL {
		return array.NewNull(a.Len()), nil
	}
	switch from := a.(type) {
	case *array.Dictionary:
		return unpackDictionary(from, to)
	case *array.Timestamp:
		if to.ID() == arrow.DATE32 {
			return convertDate(from), nil
		}
		return convertTimestamp(from, to)
	case *array.Time64:
		return convertClock(from, to), nil
	case *array.Float64:
		if to.ID() == arrow.DURATION {
			return roundDuration(from, to)
		}
	case *array.Decimal128:
		if to.ID() == arrow.DURATION {
			whole, err := convertDecimal(from, arrow.PrimitiveTypes.Int64)
			if err != nil {
				return nil, err
			}
			defer whole.Release()
			return relabel(whole, to), nil
		}
		return convertDecimal(from, to)
	case *array.Int64:
		if to.ID() == arrow.DURATION {
			return relabel(a, to), nil
		}
	case *array.Binary:
		if f, ok := to.(*arrow.FixedSizeBinaryType); ok {
			return fixBinary(from, f)
		}
	case *array.Null:
		return array.MakeArrayOfNull(memory.DefaultAllocator, to, a.Len()), nil
	}
	switch to.ID() {
	case arrow.LIST, arrow.FIXED_SIZE_LIST, arrow.MAP, arrow.STRUCT:
		return convertNested(a, to)
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.UINT64:
		return convertInteger(a, to)
	}
	return nil, fmt.Errorf("the engine's %s cannot become %s", a.DataType(), to)
}

// relabel gives the same buffers another type.
func relabel(a arrow.Array, to arrow.DataType) arrow.Array {
	d := a.Data()
	data := array.NewData(to, d.Len(), d.Buffers(), d.Children(), d.NullN(), d.Offset())
	defer data.Release()
	return array.MakeFromData(data)
}

// withValues makes an array with a's NULLs.
func withValues(a arrow.Array, to arrow.DataType, values []byte) arrow.Array {
	builder := memory.NewBufferBytes(values)
	var validity *memory.Buffer
	offset := 0
	if a.NullN() > 0 {
		bits := make([]byte, (a.Len()+7)/8)
		for i := range a.Len() {
			if a.IsValid(i) {
				bits[i/8] |= 1 << (i % 8)
			}
		}
		validity = memory.NewBufferBytes(bits)
	}
	data := array.NewData(to, a.Len(), []*memory.Buffer{validity, builder}, nil, a.NullN(), offset)
	defer data.Release()
	return array.MakeFromData(data)
}

func convertTimestamp(a *array.Timestamp, to arrow.DataType) (arrow.Array, error) {
	target, ok := to.(*arrow.TimestampType)
	if !ok {
		return nil, fmt.Errorf("the engine's %s cannot become %s", a.DataType(), to)
	}
	unit := a.DataType().(*arrow.TimestampType).Unit
	if unit == target.Unit {
		return relabel(a, to), nil
	}
	factor := int64(unit.Multiplier()) / int64(target.Unit.Multiplier())
	if factor < 1 {
		return nil, fmt.Errorf("the engine's %s cannot become %s", a.DataType(), to)
	}
	values := make([]arrow.Timestamp, a.Len())
	for i, v := range a.TimestampValues() {
		if a.IsNull(i) {
			continue
		}
		if int64(v) > math.MaxInt64/factor || int64(v) < math.MinInt64/factor {
			return nil, fault.New(fault.Invalid, "a time lies outside of the years 1677 to 2262, which nanoseconds can express")
		}
		values[i] = v * arrow.Timestamp(factor)
	}
	return withValues(a, to, arrow.TimestampTraits.CastToBytes(values)), nil
}

// convertDate makes days of the engine's times: its date plus an interval is a time.
func convertDate(a *array.Timestamp) arrow.Array {
	day := arrow.Timestamp(24 * time.Hour / a.DataType().(*arrow.TimestampType).Unit.Multiplier())
	values := make([]arrow.Date32, a.Len())
	for i, v := range a.TimestampValues() {
		if a.IsValid(i) {
			values[i] = arrow.Date32((v - (v%day+day)%day) / day)
		}
	}
	return withValues(a, arrow.FixedWidthTypes.Date32, arrow.Date32Traits.CastToBytes(values))
}

// convertClock makes nanoseconds of a time of day in microseconds.
func convertClock(a *array.Time64, to arrow.DataType) arrow.Array {
	values := make([]arrow.Time64, a.Len())
	for i := range values {
		if a.IsValid(i) {
			values[i] = a.Value(i) * 1000
		}
	}
	return withValues(a, to, arrow.Time64Traits.CastToBytes(values))
}

// roundDuration makes a duration of a number of nanoseconds with a fraction, such as an average.
func roundDuration(a *array.Float64, to arrow.DataType) (arrow.Array, error) {
	values := make([]arrow.Duration, a.Len())
	for i := range values {
		if a.IsNull(i) {
			continue
		}
		if v := a.Value(i); math.IsNaN(v) || math.Abs(v) >= math.MaxInt64 {
			return nil, fault.New(fault.Invalid, "a duration is longer than 292 years")
		}
		values[i] = arrow.Duration(a.Value(i))
	}
	return withValues(a, to, arrow.DurationTraits.CastToBytes(values)), nil
}

func convertDecimal(a *array.Decimal128, to arrow.DataType) (arrow.Array, error) {
	scale := a.DataType().(*arrow.Decimal128Type).Scale
	switch to.ID() {
	case arrow.FLOAT64:
		values := make([]float64, a.Len())
		for i := range values {
			if a.IsValid(i) {
				values[i] = a.Value(i).ToFloat64(scale)
			}
		}
		return withValues(a, to, arrow.Float64Traits.CastToBytes(values)), nil
	case arrow.INT64:
		values := make([]int64, a.Len())
		for i := range values {
			if a.IsNull(i) {
				continue
			}
			v := a.Value(i)
			if low := int64(v.LowBits()); v.HighBits() == low>>63 {
				values[i] = low
				continue
			}
			return nil, outOfRange(v.BigInt().String(), "Int64")
		}
		return withValues(a, to, arrow.Int64Traits.CastToBytes(values)), nil
	case arrow.UINT64:
		values := make([]uint64, a.Len())
		for i := range values {
			if a.IsNull(i) {
				continue
			}
			v := a.Value(i)
			if v.HighBits() != 0 {
				return nil, outOfRange(v.BigInt().String(), "UInt64")
			}
			values[i] = v.LowBits()
		}
		return withValues(a, to, arrow.Uint64Traits.CastToBytes(values)), nil
	}
	return nil, fmt.Errorf("the engine's %s cannot become %s", a.DataType(), to)
}

func outOfRange(value, kind string) error {
	return fault.New(fault.Invalid, fmt.Sprintf("the number %s does not fit into %s", value, kind))
}

func fixBinary(a *array.Binary, to *arrow.FixedSizeBinaryType) (arrow.Array, error) {
	values := make([]byte, a.Len()*to.ByteWidth)
	for i := range a.Len() {
		if a.IsNull(i) {
			continue
		}
		if len(a.Value(i)) != to.ByteWidth {
			return nil, fmt.Errorf("%d bytes cannot become %s", len(a.Value(i)), to)
		}
		copy(values[i*to.ByteWidth:], a.Value(i))
	}
	return withValues(a, to, values), nil
}

// convertNested converts the children and keeps offsets and NULLs.
func convertNested(a arrow.Array, to arrow.DataType) (arrow.Array, error) {
	d := a.Data()
	types := childTypes(to)
	if len(types) != len(d.Children()) {
		return nil, fmt.Errorf("the engine's %s cannot become %s", a.DataType(), to)
	}
	children := make([]arrow.ArrayData, len(types))
	for i, c := range d.Children() {
		child := array.MakeFromData(c)
		converted, err := convert(child, types[i])
		child.Release()
		if err != nil {
			return nil, err
		}
		defer converted.Release()
		children[i] = converted.Data()
	}
	data := array.NewData(to, d.Len(), d.Buffers(), children, d.NullN(), d.Offset())
	defer data.Release()
	return array.MakeFromData(data), nil
}

func childTypes(t arrow.DataType) []arrow.DataType {
	switch t := t.(type) {
	case *arrow.MapType:
		return []arrow.DataType{t.Elem()}
	case *arrow.ListType:
		return []arrow.DataType{t.Elem()}
	case *arrow.FixedSizeListType:
		return []arrow.DataType{t.Elem()}
	case *arrow.StructType:
		out := make([]arrow.DataType, t.NumFields())
		for i, f := range t.Fields() {
			out[i] = f.Type
		}
		return out
	}
	return nil
}

func convertInteger(a arrow.Array, to arrow.DataType) (arrow.Array, error) {
	get, err := integers(a)
	if err != nil {
		return nil, err
	}
	b := array.NewBuilder(memory.DefaultAllocator, to)
	defer b.Release()
	b.Reserve(a.Len())
	for i := range a.Len() {
		if a.IsNull(i) {
			b.AppendNull()
			continue
		}
		v := get(i)
		switch b := b.(type) {
		case *array.Int64Builder:
			b.Append(v)
			continue
		case *array.Int32Builder:
			if v == int64(int32(v)) {
				b.Append(int32(v))
				continue
			}
		case *array.Int16Builder:
			if v == int64(int16(v)) {
				b.Append(int16(v))
				continue
			}
		case *array.Int8Builder:
			if v == int64(int8(v)) {
				b.Append(int8(v))
				continue
			}
		case *array.Uint64Builder:
			if v >= 0 {
				b.Append(uint64(v))
				continue
			}
		}
		return nil, outOfRange(fmt.Sprint(v), TypeText(to))
	}
	return b.NewArray(), nil
}

// integers returns how to read a as 64 bits.
func integers(a arrow.Array) (func(int) int64, error) {
	switch a := a.(type) {
	case *array.Int8:
		return func(i int) int64 { return int64(a.Value(i)) }, nil
	case *array.Int16:
		return func(i int) int64 { return int64(a.Value(i)) }, nil
	case *array.Int32:
		return func(i int) int64 { return int64(a.Value(i)) }, nil
	case *array.Int64:
		return a.Value, nil
	case *array.Uint8:
		return func(i int) int64 { return int64(a.Value(i)) }, nil
	case *array.Uint16:
		return func(i int) int64 { return int64(a.Value(i)) }, nil
	case *array.Uint32:
		return func(i int) int64 { return int64(a.Value(i)) }, nil
	}
	return nil, fmt.Errorf("%s is not an integer of up to 64 bits", a.DataType())
}
