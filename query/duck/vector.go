package duck

import (
	"unsafe"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// column reads a vector of DuckDB's. The memory is DuckDB's and valid during one call.
type column struct {
	data     unsafe.Pointer
	validity unsafe.Pointer // nil: no NULLs
	vector   bindings.Vector
}

func newColumn(v bindings.Vector) column {
	return column{bindings.VectorGetData(v), bindings.VectorGetValidity(v), v}
}

// null reports whether row i is NULL. The mask has a bit a row in words of 64.
func (c column) null(i int) bool {
	if c.validity == nil {
		return false
	}
	word := *(*uint64)(unsafe.Add(c.validity, i/64*8))
	return word&(1<<(i%64)) == 0
}

// values is the memory of a vector of fixed width.
func values[T any](data unsafe.Pointer, rows int) []T { return unsafe.Slice((*T)(data), rows) }

func (c column) int64(i int) int64 { return *(*int64)(unsafe.Add(c.data, i*8)) }

func (c column) uint64(i int) uint64 { return *(*uint64)(unsafe.Add(c.data, i*8)) }

func (c column) float64(i int) float64 { return *(*float64)(unsafe.Add(c.data, i*8)) }

// uint64s returns n rows from first on in place.
func (c column) uint64s(first, n int) []uint64 {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*uint64)(unsafe.Add(c.data, first*8)), n)
}

// field returns a field of structs.
func (c column) field(n int) column {
	return newColumn(bindings.StructVectorGetChild(c.vector, bindings.IdxT(n)))
}

// elements returns what all lists of the column hold; list says which rows of it belong to row i.
func (c column) elements() column { return newColumn(bindings.ListVectorGetChild(c.vector)) }

func (c column) list(i int) (offset, length int) {
	entry := (*[2]uint64)(unsafe.Add(c.data, i*16))
	return int(entry[0]), int(entry[1])
}

// interval is DuckDB's INTERVAL.
type interval struct {
	months, days int32
	micros       int64
}

func (c column) interval(i int) interval { return *(*interval)(unsafe.Add(c.data, i*16)) }

// textSize is the size of DuckDB's string_t, of VARCHAR and BLOB alike: 4 bytes of length, then up to 12 bytes of text, or
// 4 bytes of its beginning and a pointer.
const (
	textSize   = 16
	textInline = 12
)

// bytes returns the text or blob of row i in place.
func (c column) bytes(i int) []byte {
	p := unsafe.Add(c.data, i*textSize)
	n := *(*uint32)(p)
	if n <= textInline {
		return unsafe.Slice((*byte)(unsafe.Add(p, 4)), n)
	}
	return unsafe.Slice(*(**byte)(unsafe.Add(p, 8)), n)
}

// address tells long texts apart without reading them: rows that come from one dictionary entry of a file share it. It
// is 0 for short texts.
func (c column) address(i int) uintptr {
	p := unsafe.Add(c.data, i*textSize)
	if *(*uint32)(p) <= textInline {
		return 0
	}
	return *(*uintptr)(unsafe.Add(p, 8))
}

// output writes a vector of results.
type output struct {
	vector   bindings.Vector
	data     unsafe.Pointer
	validity unsafe.Pointer // nil until there is a NULL
}

func newOutput(v bindings.Vector, _ int) *output {
	return &output{vector: v, data: bindings.VectorGetData(v)}
}

func (o *output) setNull(i int) {
	if o.validity == nil {
		bindings.VectorEnsureValidityWritable(o.vector)
		o.validity = bindings.VectorGetValidity(o.vector)
	}
	*(*uint64)(unsafe.Add(o.validity, i/64*8)) &^= 1 << (i % 64)
}

// isNull reports whether setNull was called for row i.
func (o *output) isNull(i int) bool { return column{data: o.data, validity: o.validity}.null(i) }

func (o *output) setInt64(i int, v int64) { *(*int64)(unsafe.Add(o.data, i*8)) = v }

func (o *output) setUint64(i int, v uint64) { *(*uint64)(unsafe.Add(o.data, i*8)) = v }

func (o *output) setUint32(i int, v uint32) { *(*uint32)(unsafe.Add(o.data, i*4)) = v }

func (o *output) setInt32(i int, v int32) { *(*int32)(unsafe.Add(o.data, i*4)) = v }

func (o *output) setFloat64(i int, v float64) { *(*float64)(unsafe.Add(o.data, i*8)) = v }

// setBytes copies a text or a blob; a text must be UTF-8.
func (o *output) setBytes(i int, b []byte) {
	bindings.VectorAssignStringElementLen(o.vector, bindings.IdxT(i), b)
}

// repeat gives row i the result of row of, whatever the type of width bytes. Texts share their memory.
func (o *output) repeat(i, of int, width uintptr) {
	if o.isNull(of) {
		o.setNull(i)
		return
	}
	copy(unsafe.Slice((*byte)(unsafe.Add(o.data, uintptr(i)*width)), width),
		unsafe.Slice((*byte)(unsafe.Add(o.data, uintptr(of)*width)), width))
}

// field returns a field of structs to write.
func (o *output) field(n int) *output {
	return newOutput(bindings.StructVectorGetChild(o.vector, bindings.IdxT(n)), 0)
}

// list gives row i a list of n elements behind those of earlier rows, and returns where to write them. Outputs of the
// elements must be asked for after it: it may move them.
func (o *output) list(i, n int) (first int, err error) {
	first = int(bindings.ListVectorGetSize(o.vector))
	if bindings.ListVectorReserve(o.vector, bindings.IdxT(first+n)) == bindings.StateError ||
		bindings.ListVectorSetSize(o.vector, bindings.IdxT(first+n)) == bindings.StateError {
		return 0, engineError("a list could not grow")
	}
	entry := (*[2]uint64)(unsafe.Add(o.data, i*16))
	entry[0], entry[1] = uint64(first), uint64(n)
	return first, nil
}

// elements returns what all lists of the output hold.
func (o *output) elements() *output { return newOutput(bindings.ListVectorGetChild(o.vector), 0) }
