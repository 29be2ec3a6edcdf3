package perfetto

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// interner numbers values from 1.
type interner[K comparable] struct{ ids map[K]uint64 }

// id returns the number of k and whether it is new.
func (in *interner[K]) id(k K) (id uint64, fresh bool) {
	if id, ok := in.ids[k]; ok {
		return id, false
	}
	if in.ids == nil {
		in.ids = map[K]uint64{}
	}
	id = uint64(len(in.ids) + 1)
	in.ids[k] = id
	return id, true
}

// intern returns the number of a name, which is field of the interned data.
func (w *Writer) intern(field protowire.Number, in *interner[string], name string) uint64 {
	id, fresh := in.id(name)
	if fresh {
		var m []byte
		m = text(varint(m, 1, id), 2, name)
		w.interned = bytes(w.interned, field, m)
	}
	return id
}

func (w *Writer) internLocation(l location) uint64 {
	id, fresh := w.locations.id(l)
	if fresh {
		var m []byte
		m = text(varint(m, 1, id), 2, l.file)
		m = varint(text(m, 3, l.function), 4, uint64(l.line))
		w.interned = bytes(w.interned, 4, m)
	}
	return id
}

func varint(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func double(b []byte, field protowire.Number, v float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(b, field, protowire.Fixed64Type), math.Float64bits(v))
}

func bytes(b []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

func text(b []byte, field protowire.Number, v string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), v)
}
