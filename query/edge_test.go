package query

import (
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func decimals(precision, scale int32, values ...decimal128.Num) arrow.Array {
	b := array.NewDecimal128Builder(memory.DefaultAllocator, &arrow.Decimal128Type{Precision: precision, Scale: scale})
	defer b.Release()
	b.AppendNull()
	b.AppendValues(values, nil)
	return b.NewArray()
}

func TestConvert(t *testing.T) {
	micros := array.NewTimestampBuilder(memory.DefaultAllocator, &arrow.TimestampType{Unit: arrow.Microsecond})
	micros.AppendValues([]arrow.Timestamp{1, -1}, nil)
	late := array.NewTimestampBuilder(memory.DefaultAllocator, &arrow.TimestampType{Unit: arrow.Microsecond})
	late.Append(math.MaxInt64 / 100)
	texts := array.NewStringBuilder(memory.DefaultAllocator)
	texts.AppendValues([]string{"a", "b", "a", ""}, []bool{true, true, true, false})
	for name, tc := range map[string]struct {
		from arrow.Array
		to   arrow.DataType
		want string // or the error
	}{
		"hugeint":           {decimals(38, 0, decimal128.FromI64(math.MinInt64), decimal128.FromI64(math.MaxInt64)), arrow.PrimitiveTypes.Int64, "[(null) -9223372036854775808 9223372036854775807]"},
		"hugeint too large": {decimals(38, 0, decimal128.FromU64(math.MaxInt64+1)), arrow.PrimitiveTypes.Int64, "9223372036854775808 does not fit into Int64"},
		"hugeint too small": {decimals(38, 0, decimal128.New(-2, 0)), arrow.PrimitiveTypes.Int64, "does not fit into Int64"},
		"unsigned":          {decimals(38, 0, decimal128.FromU64(math.MaxUint64)), arrow.PrimitiveTypes.Uint64, "[(null) 18446744073709551615]"},
		"unsigned negative": {decimals(38, 0, decimal128.FromI64(-1)), arrow.PrimitiveTypes.Uint64, "does not fit into UInt64"},
		"decimal":           {decimals(4, 1, decimal128.FromI64(25)), arrow.PrimitiveTypes.Float64, "[(null) 2.5]"},
		"micros":            {micros.NewArray(), timeType, "[1000 -1000]"},
		"micros too late":   {late.NewArray(), timeType, "outside of the years"},
		"dictionary": {texts.NewArray(), dictText, `{ dictionary: ["a" "b"]
  indices: [0 1 0 (null)] }`},
	} {
		t.Run(name, func(t *testing.T) {
			if !convertible(tc.from.DataType(), tc.to) {
				t.Error("not convertible")
			}
			got, err := convert(tc.from, tc.to)
			if err != nil {
				if !strings.Contains(err.Error(), tc.want) {
					t.Errorf("error %v, want %s", err, tc.want)
				}
				return
			}
			if got.String() != tc.want || !arrow.TypeEqual(got.DataType(), tc.to) {
				t.Errorf("got %s %s, want %s", got.DataType(), got, tc.want)
			}
		})
	}
}
