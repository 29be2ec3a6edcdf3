package jsonb

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The kinds of documents, in the top three bits of a header.
const (
	headArray  = 0x80000000
	headObject = 0x40000000
	headScalar = 0x20000000
	headMask   = 0xe0000000
	countMask  = 0x1fffffff
)

// The kinds of values, in the top four bits of an entry word.
const (
	kindNull      = 0x00000000
	kindString    = 0x10000000
	kindNumber    = 0x20000000
	kindFalse     = 0x30000000
	kindTrue      = 0x40000000
	kindContainer = 0x50000000
	kindMask      = 0xf0000000
	lengthMask    = 0x0fffffff
)

// The tags of numbers.
const (
	tagZero     = 0x00
	tagNaN      = 0x10
	tagInf      = 0x20
	tagNegInf   = 0x30
	tagSigned   = 0x40
	tagUnsigned = 0x50
	tagFloat    = 0x60
)

// maxDepth is how deep containers may nest.
const maxDepth = 512

var (
	errTruncated = errors.New("jsonb: the document is truncated")
	errDepth     = fmt.Errorf("jsonb: nests deeper than %d levels", maxDepth)
)

// container is an array or object document taken apart.
type container struct {
	object  bool
	n       int
	entries []byte // n words, or 2n of an object
	data    []byte
}

func word(b []byte, i int) uint32 { return binary.BigEndian.Uint32(b[4*i:]) }

// open takes an array or object apart. The second result is false for a scalar.
func open(doc []byte) (container, bool, error) {
	if len(doc) < 4 {
		return container{}, false, errTruncated
	}
	h := word(doc, 0)
	c := container{n: int(h & countMask)}
	words := c.n
	switch h & headMask {
	case headArray:
	case headObject:
		c.object = true
		words = 2 * c.n
	case headScalar:
		return container{}, false, nil
	default:
		return container{}, false, fmt.Errorf("jsonb: unknown header %#08x", h)
	}
	if words > (len(doc)-4)/4 {
		return container{}, false, errTruncated
	}
	c.entries, c.data = doc[4:4+4*words], doc[4+4*words:]
	return c, true, nil
}

// scalar returns the one value of a scalar document.
func scalar(doc []byte) (entry uint32, value []byte, err error) {
	if len(doc) < 8 || word(doc, 0)&headMask != headScalar {
		return 0, nil, errTruncated
	}
	entry = word(doc, 1)
	if int(entry&lengthMask) > len(doc)-8 {
		return 0, nil, errTruncated
	}
	return entry, doc[8 : 8+entry&lengthMask], nil
}

// each calls f for every element, with the key of an object's member. It stops when f returns false.
func (c container) each(f func(key []byte, entry uint32, value []byte) bool) error {
	keys, values, first := []byte(nil), c.data, 0
	if c.object {
		total := 0
		for i := range c.n {
			e := word(c.entries, i)
			if e&kindMask != kindString {
				return errors.New("jsonb: a key is not a string")
			}
			total += int(e & lengthMask)
		}
		if total > len(c.data) {
			return errTruncated
		}
		keys, values, first = c.data[:total], c.data[total:], c.n
	}
	for i := range c.n {
		var key []byte
		if c.object {
			n := word(c.entries, i) & lengthMask
			key, keys = keys[:n], keys[n:]
		}
		e := word(c.entries, first+i)
		n := int(e & lengthMask)
		if n > len(values) {
			return errTruncated
		}
		if !f(key, e, values[:n]) {
			return nil
		}
		values = values[n:]
	}
	return nil
}

// document returns a value of a container as a document of its own.
func document(entry uint32, value []byte) []byte {
	if entry&kindMask == kindContainer {
		return value
	}
	doc := make([]byte, 0, 8+len(value))
	doc = binary.BigEndian.AppendUint32(doc, headScalar)
	doc = binary.BigEndian.AppendUint32(doc, entry)
	return append(doc, value...)
}
