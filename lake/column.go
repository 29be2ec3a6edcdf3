package lake

import (
	"strings"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// A column collects the values of one column of a view, row by row, can be put into another order, and becomes an Arrow
// array. The kinds below are all that the views need.
type column interface {
	len() int
	bytes() int                                 // rough size in memory, for flushing in time
	permute(order []int32)                      // row i becomes the former row order[i]
	array() arrow.Array                         // the rows so far, sharing their memory: valid until the next change
	truncate(n int)                             // forget the rows from n on
	reset()                                     // forget the rows, keep the memory
	appendFrom(src arrow.Array, row, input int) // copy one row of an array of the same column, of the numbered input
}

// numbers is a column of fixed-size numbers; times are int64 nanoseconds.
type numbers[T int32 | uint32 | int64 | float64] struct {
	typ  arrow.DataType
	rows []T
	next []T // spare memory for permute
}

func (c *numbers[T]) add(v T)        { c.rows = append(c.rows, v) }
func (c *numbers[T]) len() int       { return len(c.rows) }
func (c *numbers[T]) bytes() int     { return len(c.rows) * int(unsafe.Sizeof(*new(T))) }
func (c *numbers[T]) truncate(n int) { c.rows = c.rows[:n] }
func (c *numbers[T]) reset()         { c.rows = c.rows[:0] }

func (c *numbers[T]) permute(order []int32) {
	c.next = append(c.next[:0], c.rows...)
	for i, from := range order {
		c.rows[i] = c.next[from]
	}
}

func (c *numbers[T]) array() arrow.Array {
	raw := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(c.rows))), c.bytes()) //nolint:gosec // a view of our own slice
	data := array.NewData(c.typ, len(c.rows), []*memory.Buffer{nil, memory.NewBufferBytes(raw)}, nil, 0, 0)
	defer data.Release()
	return array.MakeFromData(data)
}

func (c *numbers[T]) appendFrom(src arrow.Array, row, _ int) {
	data := src.Data()
	raw := data.Buffers()[1].Bytes()
	values := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(raw))), len(raw)/int(unsafe.Sizeof(*new(T)))) //nolint:gosec // Arrow keeps numbers aligned
	c.rows = append(c.rows, values[data.Offset()+row])
}

// flags is a column of booleans.
type flags struct {
	rows []bool
	next []bool // spare memory for permute
}

func (c *flags) add(v bool)     { c.rows = append(c.rows, v) }
func (c *flags) len() int       { return len(c.rows) }
func (c *flags) bytes() int     { return len(c.rows) }
func (c *flags) truncate(n int) { c.rows = c.rows[:n] }
func (c *flags) reset()         { c.rows = c.rows[:0] }

func (c *flags) permute(order []int32) {
	c.next = append(c.next[:0], c.rows...)
	for i, from := range order {
		c.rows[i] = c.next[from]
	}
}

func (c *flags) array() arrow.Array {
	data := array.NewData(typeBool, len(c.rows), []*memory.Buffer{nil, memory.NewBufferBytes(packed(c.rows))}, nil, 0, 0)
	defer data.Release()
	return array.MakeFromData(data)
}

func (c *flags) appendFrom(src arrow.Array, row, _ int) { c.add(src.(*array.Boolean).Value(row)) }

// packed returns one bit for each value, as Arrow has them.
func packed(values []bool) []byte {
	bits := make([]byte, (len(values)+7)/8)
	for i, v := range values {
		if v {
			bits[i/8] |= 1 << (i % 8)
		}
	}
	return bits
}

// text is a column of strings, or of bytes, that rarely repeat.
type text struct {
	typ     arrow.DataType // arrow.BinaryTypes.String or .Binary
	data    []byte
	offsets []int32 // len(rows)+1

	nextData    []byte // spare memory for permute
	nextOffsets []int32
}

func newText(typ arrow.DataType) *text { return &text{typ: typ, offsets: []int32{0}} }

func (c *text) add(s string) {
	c.data = append(c.data, s...)
	c.offsets = append(c.offsets, int32(len(c.data))) // far below 2 GiB: see blockText and rows.full
}

func (c *text) len() int       { return len(c.offsets) - 1 }
func (c *text) bytes() int     { return len(c.data) + 4*len(c.offsets) }
func (c *text) truncate(n int) { c.data, c.offsets = c.data[:c.offsets[n]], c.offsets[:n+1] }
func (c *text) reset()         { c.truncate(0) }

func (c *text) permute(order []int32) {
	c.nextData, c.nextOffsets = c.nextData[:0], append(c.nextOffsets[:0], 0)
	for _, from := range order {
		c.nextData = append(c.nextData, c.data[c.offsets[from]:c.offsets[from+1]]...)
		c.nextOffsets = append(c.nextOffsets, int32(len(c.nextData)))
	}
	c.data, c.nextData = c.nextData, c.data
	c.offsets, c.nextOffsets = c.nextOffsets, c.offsets
}

func (c *text) array() arrow.Array {
	offsets := arrow.Int32Traits.CastToBytes(c.offsets)
	data := array.NewData(c.typ, c.len(), []*memory.Buffer{
		nil, memory.NewBufferBytes(offsets), memory.NewBufferBytes(c.data),
	}, nil, 0, 0)
	defer data.Release()
	return array.MakeFromData(data)
}

func (c *text) appendFrom(src arrow.Array, row, _ int) { c.add(valueString(src, row)) }

// coded is a column of strings, or of bytes, that repeat: an index into the distinct values.
type coded struct {
	typ    *arrow.DictionaryType
	memo   map[string]int32
	values *text
	rows   []int32
	next   []int32

	inputs []translation // by the number of the input; see appendFrom
}

// translation is what the indexes into a dictionary are here.
type translation struct {
	dictionary arrow.Array
	codes      []int32 // -1: not seen yet
}

func newCoded(typ *arrow.DictionaryType) *coded {
	return &coded{typ: typ, memo: map[string]int32{}, values: newText(typ.ValueType)}
}

// code returns the index of s, which addCode takes: for values that are known to be the same for many rows.
func (c *coded) code(s string) int32 {
	if i, ok := c.memo[s]; ok {
		return i
	}
	i := int32(len(c.memo))
	c.values.add(s)
	c.memo[strings.Clone(s)] = i // s may point into a block's memory
	return i
}

// value returns what a code stands for; valid until reset.
func (c *coded) value(code int32) string {
	return string(c.values.data[c.values.offsets[code]:c.values.offsets[code+1]])
}

func (c *coded) add(s string)       { c.rows = append(c.rows, c.code(s)) }
func (c *coded) addCode(code int32) { c.rows = append(c.rows, code) }
func (c *coded) truncate(n int)     { c.rows = c.rows[:n] }
func (c *coded) len() int           { return len(c.rows) }
func (c *coded) bytes() int         { return 4*len(c.rows) + c.values.bytes() }

func (c *coded) reset() {
	c.rows = c.rows[:0]
	clear(c.memo)
	c.values.reset()
	clear(c.inputs)
}

func (c *coded) permute(order []int32) {
	c.next = append(c.next[:0], c.rows...)
	for i, from := range order {
		c.rows[i] = c.next[from]
	}
}

func (c *coded) array() arrow.Array {
	index := numbers[int32]{typ: arrow.PrimitiveTypes.Int32, rows: c.rows}
	indices, values := index.array(), c.values.array()
	defer indices.Release()
	defer values.Release()
	return array.NewDictionaryArray(c.typ, indices, values)
}

// appendFrom looks each value of a dictionary up once. An input's dictionary may change from batch to batch.
func (c *coded) appendFrom(src arrow.Array, row, input int) {
	switch a := src.(type) {
	case *array.Dictionary:
		for input >= len(c.inputs) {
			c.inputs = append(c.inputs, translation{})
		}
		t, dict := &c.inputs[input], a.Dictionary()
		if t.dictionary != dict {
			t.dictionary, t.codes = dict, t.codes[:0]
			for range dict.Len() {
				t.codes = append(t.codes, -1)
			}
		}
		i := a.GetValueIndex(row)
		if t.codes[i] < 0 {
			t.codes[i] = c.code(valueString(dict, i))
		}
		c.addCode(t.codes[i])
	default:
		c.add(valueString(src, row))
	}
}

func valueString(a arrow.Array, row int) string {
	switch a := a.(type) {
	case *array.String:
		return a.Value(row)
	case *array.Binary:
		return a.ValueString(row)
	default:
		panic("lake: no text in " + a.DataType().String())
	}
}
