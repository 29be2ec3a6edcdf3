package flightsql

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// everyType is a batch with every kind of column that tables of ours have.
func everyType(t *testing.T, mem memory.Allocator, rows int) arrow.RecordBatch {
	t.Helper()
	d := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "time", Type: utc},
		{Name: "ok", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		{Name: "text", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "blob", Type: arrow.BinaryTypes.LargeBinary},
		{Name: "name", Type: d},
		{Name: "tags", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true},
		{Name: "pair", Type: arrow.StructOf(arrow.Field{Name: "k", Type: arrow.BinaryTypes.Binary}, arrow.Field{Name: "v", Type: arrow.PrimitiveTypes.Float64})},
		{Name: "map", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64)},
		{Name: "id", Type: &arrow.FixedSizeBinaryType{ByteWidth: 16}},
		{Name: "two", Type: arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int16)},
		{Name: "null", Type: arrow.Null, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(mem, schema)
	defer b.Release()
	for i := range rows {
		text := strings.Repeat("t", i%97)
		b.Field(0).(*array.TimestampBuilder).Append(arrow.Timestamp(i))
		b.Field(1).(*array.BooleanBuilder).Append(i%2 == 0)
		if i%5 == 0 {
			b.Field(2).AppendNull()
		} else {
			b.Field(2).(*array.StringBuilder).Append(text)
		}
		b.Field(3).(*array.BinaryBuilder).Append([]byte(text))
		if err := b.Field(4).(*array.BinaryDictionaryBuilder).AppendString(fmt.Sprint(i % 7)); err != nil {
			t.Fatal(err)
		}
		tags := b.Field(5).(*array.ListBuilder)
		tags.Append(true)
		for range i % 3 {
			tags.ValueBuilder().(*array.StringBuilder).Append(text)
		}
		pair := b.Field(6).(*array.StructBuilder)
		pair.Append(true)
		pair.FieldBuilder(0).(*array.BinaryBuilder).Append([]byte(text))
		pair.FieldBuilder(1).(*array.Float64Builder).Append(float64(i))
		m := b.Field(7).(*array.MapBuilder)
		m.Append(true)
		m.KeyBuilder().(*array.StringBuilder).Append(text)
		m.ItemBuilder().(*array.Int64Builder).Append(int64(i))
		b.Field(8).(*array.FixedSizeBinaryBuilder).Append([]byte("0123456789abcdef"))
		two := b.Field(9).(*array.FixedSizeListBuilder)
		two.Append(true)
		two.ValueBuilder().(*array.Int16Builder).AppendValues([]int16{1, 2}, nil)
		b.Field(10).AppendNull()
	}
	return b.NewRecordBatch()
}

// sent is how many bytes a batch takes in a stream, dictionaries aside.
func sent(t *testing.T, b arrow.RecordBatch) int64 {
	t.Helper()
	p, err := ipc.GetRecordBatchPayload(b)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Release()
	var buf bytes.Buffer
	if err := p.SerializeBody(&buf); err != nil {
		t.Fatal(err)
	}
	return int64(buf.Len())
}

func TestCut(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	whole := everyType(t, mem, 5000)
	defer whole.Release()
	for name, b := range map[string]arrow.RecordBatch{"whole": whole, "slice": whole.NewSlice(1234, 4321)} {
		for _, limit := range []int64{100, 10_000, 100_000, 1 << 30} {
			t.Run(fmt.Sprint(name, limit), func(t *testing.T) {
				var at int64
				parts := 0
				for part := range cut(b, limit) {
					want := b.NewSlice(at, at+part.NumRows())
					if !array.RecordEqual(part, want) {
						t.Fatalf("rows from %d differ", at)
					}
					want.Release()
					at += part.NumRows()
					parts++
					// Padding of buffers to 64 bytes is not counted.
					if n := sent(t, part); part.NumRows() > 1 && n > limit+2048 {
						t.Errorf("%d rows take %d bytes", part.NumRows(), n)
					} else if limit > 5000 && at < b.NumRows() && n < limit*8/10 {
						t.Errorf("only %d bytes in a part", n)
					}
				}
				if at != b.NumRows() {
					t.Errorf("%d of %d rows", at, b.NumRows())
				}
				if limit == 1<<30 && parts != 1 {
					t.Errorf("%d parts without need", parts)
				}
			})
		}
		if name == "slice" {
			b.Release()
		}
	}
}

func TestCutOfNothing(t *testing.T) {
	b := texts()
	defer b.Release()
	for range cut(b, 1) {
		t.Error("a part without rows")
	}
}

func TestCutStops(t *testing.T) {
	b := texts("a", "b", "c")
	defer b.Release()
	n := 0
	for range cut(b, 1) {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d parts", n)
	}
}
