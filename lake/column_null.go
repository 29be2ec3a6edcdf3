package lake

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// validity says which rows of a column are not null.
type validity []bool

func (v validity) buffer() *memory.Buffer { return memory.NewBufferBytes(packed(v)) }

func (v validity) nulls() (n int) {
	for _, valid := range v {
		if !valid {
			n++
		}
	}
	return n
}

func (v validity) permute(order []int32) {
	old := slices.Clone(v)
	for i, from := range order {
		v[i] = old[from]
	}
}

// optionalText is a column of strings, some of which are null.
type optionalText struct {
	text
	valid validity
}

func (c *optionalText) add(s string) {
	c.text.add(s)
	c.valid = append(c.valid, true)
}

func (c *optionalText) addNull() {
	c.text.add("")
	c.valid = append(c.valid, false)
}

func (c *optionalText) truncate(n int)        { c.text.truncate(n); c.valid = c.valid[:n] }
func (c *optionalText) reset()                { c.truncate(0) }
func (c *optionalText) permute(order []int32) { c.text.permute(order); c.valid.permute(order) }

func (c *optionalText) array() arrow.Array {
	plain := c.text.array()
	defer plain.Release()
	buffers := slices.Clone(plain.Data().Buffers())
	buffers[0] = c.valid.buffer()
	data := array.NewData(c.typ, c.len(), buffers, nil, c.valid.nulls(), 0)
	defer data.Release()
	return array.MakeFromData(data)
}

func (c *optionalText) appendFrom(src arrow.Array, row, _ int) {
	if src.IsNull(row) {
		c.addNull()
	} else {
		c.add(valueString(src, row))
	}
}

// fixed is a column of bytes of one length, some of which may be null.
type fixed struct {
	typ   *arrow.FixedSizeBinaryType
	data  []byte
	valid validity
}

// add appends b, which has the column's length.
func (c *fixed) add(b []byte) {
	c.data = append(c.data, b[:c.typ.ByteWidth]...)
	c.valid = append(c.valid, true)
}

func (c *fixed) addNull() {
	c.data = append(c.data, make([]byte, c.typ.ByteWidth)...)
	c.valid = append(c.valid, false)
}

func (c *fixed) len() int       { return len(c.valid) }
func (c *fixed) bytes() int     { return len(c.data) + len(c.valid) }
func (c *fixed) truncate(n int) { c.data, c.valid = c.data[:n*c.typ.ByteWidth], c.valid[:n] }
func (c *fixed) reset()         { c.truncate(0) }

func (c *fixed) permute(order []int32) {
	old, n := slices.Clone(c.data), c.typ.ByteWidth
	for i, from := range order {
		copy(c.data[i*n:(i+1)*n], old[int(from)*n:])
	}
	c.valid.permute(order)
}

func (c *fixed) array() arrow.Array {
	data := array.NewData(c.typ, c.len(), []*memory.Buffer{c.valid.buffer(), memory.NewBufferBytes(c.data)}, nil, c.valid.nulls(), 0)
	defer data.Release()
	return array.MakeFromData(data)
}

func (c *fixed) appendFrom(src arrow.Array, row, _ int) {
	if src.IsNull(row) {
		c.addNull()
	} else {
		c.add(src.(*array.FixedSizeBinary).Value(row))
	}
}
