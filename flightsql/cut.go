package flightsql

import (
	"iter"
	"sort"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// maxBatch is the size over which a record batch is cut by rows. gRPC clients refuse messages over 4 MiB unless told
// otherwise, and existing servers cut at 2 MiB.
const maxBatch = 2 << 20

// cut yields batch in parts of at most limit bytes, in order and without copying; a row that is larger by itself makes a
// part of its own. A part is valid until the next is taken. Dictionaries are not counted: cutting by rows does not make
// them smaller.
func cut(batch arrow.RecordBatch, limit int64) iter.Seq[arrow.RecordBatch] {
	return func(yield func(arrow.RecordBatch) bool) {
		rows := batch.NumRows()
		if rows > 0 && size(batch, 0, rows) <= limit {
			yield(batch)
			return
		}
		for from := int64(0); from < rows; {
			// The first count of rows that is too much; sizes grow with the count.
			n := int64(sort.Search(int(rows-from), func(i int) bool { return size(batch, from, int64(i)+1) > limit }))
			n = max(n, 1)
			part := batch.NewSlice(from, from+n)
			more := yield(part)
			part.Release()
			if !more {
				return
			}
			from += n
		}
	}
}

// size is about how many bytes n rows of batch take in a message, beginning at row from.
func size(batch arrow.RecordBatch, from, n int64) int64 {
	var sum int64
	for _, c := range batch.Columns() {
		sum += bytesOf(c, from, n)
	}
	return sum
}

// bytesOf is about how many bytes n values of a take, beginning at value from of it.
func bytesOf(a arrow.Array, from, n int64) int64 {
	if n <= 0 {
		return 0
	}
	var sum int64
	if a.NullN() > 0 {
		sum = (n + 7) / 8
	}
	switch a := a.(type) {
	case *array.Null:
		return 0
	case *array.Boolean:
		return sum + (n+7)/8
	case *array.String, *array.Binary:
		return sum + 4*(n+1) + textBytes(a.(array.BinaryLike), from, n)
	case *array.LargeString, *array.LargeBinary:
		return sum + 8*(n+1) + textBytes(a.(array.BinaryLike), from, n)
	case *array.Dictionary:
		return sum + n*int64(a.DataType().(*arrow.DictionaryType).IndexType.(arrow.FixedWidthDataType).Bytes())
	case *array.Struct:
		for i := range a.NumField() {
			sum += bytesOf(a.Field(i), from, n)
		}
		return sum
	case *array.FixedSizeList:
		return sum + listBytes(a, from, n)
	case *array.List, *array.Map:
		return sum + 4*(n+1) + listBytes(a.(array.ListLike), from, n)
	case *array.LargeList:
		return sum + 8*(n+1) + listBytes(a, from, n)
	}
	if t, ok := a.DataType().(arrow.FixedWidthDataType); ok {
		return sum + n*int64((t.BitWidth()+7)/8)
	}
	// Views and unions, which no table of ours has: their share of the whole.
	return sum + int64(a.Data().SizeInBytes())*n/int64(max(a.Len(), 1))
}

// textBytes is how many bytes the n values from value from have.
func textBytes(a array.BinaryLike, from, n int64) int64 {
	last := int(from + n - 1)
	return a.ValueOffset64(last) + int64(a.ValueLen(last)) - a.ValueOffset64(int(from))
}

// listBytes is about how many bytes the elements of n lists take, beginning at list from.
func listBytes(a array.ListLike, from, n int64) int64 {
	first, _ := a.ValueOffsets(int(from))
	_, last := a.ValueOffsets(int(from + n - 1))
	return bytesOf(a.ListValues(), first, last-first)
}
