package flightsql

import (
	"encoding/binary"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// verifyHeader looks at the flatbuffer in front of a batch (Message.fbs and Schema.fbs of the Arrow format) before the
// library reads it: the library makes room for as many fields as a vector claims to have, and follows fields into their
// children without end. The process would not survive either, and a few bytes of a caller would do. What this lets pass
// may still be wrong, but then the library says so.
func verifyHeader(header []byte) error {
	v := verifier{b: header, fields: maxFields}
	root, ok := v.offset(0)
	if !ok || !v.message(root) {
		return errBatch
	}
	return nil
}

const (
	// maxFields and maxDepth bound the fields of a schema, nested ones included: the largest table of ours has 30.
	maxFields = 4096
	maxDepth  = 32
)

var errBatch = fault.New(fault.Invalid, "a message is not an Arrow schema or batch, or one that is too complicated")

// The kinds of messages, and what is special about types.
const (
	headerSchema     = 1
	headerDictionary = 2
	headerBatch      = 3
	typeUnion        = 14
)

type verifier struct {
	b      []byte
	fields int // that may still come
}

// offset follows the relative offset at pos.
func (v *verifier) offset(pos int) (int, bool) {
	if pos < 0 || pos+4 > len(v.b) {
		return 0, false
	}
	to := pos + int(binary.LittleEndian.Uint32(v.b[pos:]))
	return to, to+4 <= len(v.b)
}

// field returns where field n of the table at pos lies; 0 when it is absent.
func (v *verifier) field(table, n int) (int, bool) {
	if table < 0 || table+4 > len(v.b) {
		return 0, false
	}
	vtable := table - int(int32(binary.LittleEndian.Uint32(v.b[table:])))
	if vtable < 0 || vtable+4 > len(v.b) {
		return 0, false
	}
	size := int(binary.LittleEndian.Uint16(v.b[vtable:]))
	if vtable+size > len(v.b) {
		return 0, false
	}
	at := 4 + 2*n
	if at+2 > size {
		return 0, true
	}
	o := int(binary.LittleEndian.Uint16(v.b[vtable+at:]))
	if o == 0 {
		return 0, true
	}
	return table + o, table+o < len(v.b)
}

// child returns the table in field n; 0 when it is absent.
func (v *verifier) child(table, n int) (int, bool) {
	pos, ok := v.field(table, n)
	if !ok || pos == 0 {
		return 0, ok
	}
	return v.offset(pos)
}

// vector returns the elements of the vector in field n, each of so many bytes, all of which are there.
func (v *verifier) vector(table, n, size int) (begin, count int, ok bool) {
	pos, ok := v.child(table, n)
	if !ok || pos == 0 {
		return 0, 0, ok
	}
	count = int(binary.LittleEndian.Uint32(v.b[pos:]))
	return pos + 4, count, count <= (len(v.b)-pos-4)/size
}

func (v *verifier) message(table int) bool {
	if _, _, ok := v.vector(table, 4, 4); !ok { // custom_metadata
		return false
	}
	kind, ok := v.field(table, 1)
	if !ok || kind == 0 {
		return false
	}
	header, ok := v.child(table, 2)
	if !ok || header == 0 {
		return false
	}
	switch v.b[kind] {
	case headerSchema:
		_, _, ok1 := v.vector(header, 2, 4) // custom_metadata
		_, _, ok2 := v.vector(header, 3, 8) // features
		return ok1 && ok2 && v.children(header, 1, maxDepth)
	case headerDictionary:
		data, ok := v.child(header, 1)
		return ok && data != 0 && v.batch(data)
	case headerBatch:
		return v.batch(header)
	}
	return false
}

// children verifies the fields in field n of the table.
func (v *verifier) children(table, n, depth int) bool {
	begin, count, ok := v.vector(table, n, 4)
	v.fields -= count
	if !ok || v.fields < 0 || depth == 0 {
		return false
	}
	for i := range count {
		f, ok := v.offset(begin + 4*i)
		if !ok {
			return false
		}
		if _, _, ok := v.vector(f, 6, 4); !ok { // custom_metadata
			return false
		}
		kind, ok := v.field(f, 2)
		if !ok {
			return false
		}
		if kind != 0 && v.b[kind] == typeUnion {
			union, ok := v.child(f, 3)
			if !ok {
				return false
			}
			if _, _, ok := v.vector(union, 1, 4); union != 0 && !ok { // typeIds
				return false
			}
		}
		if !v.children(f, 5, depth-1) {
			return false
		}
	}
	return true
}

func (v *verifier) batch(table int) bool {
	_, _, ok1 := v.vector(table, 1, 16) // nodes
	_, _, ok2 := v.vector(table, 2, 16) // buffers
	_, _, ok3 := v.vector(table, 4, 8)  // variadicBufferCounts
	return ok1 && ok2 && ok3
}
