package jsonb

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

var (
	errUTF8   = errors.New("jsonb: a string is not valid UTF-8")
	errScalar = errors.New("jsonb: a scalar document inside a container")
)

// AppendJSON appends doc as compact JSON text with sorted keys. Floats keep a point or an exponent, so that they are
// read back as floats. NaN and the infinities, which JSON lacks, become null.
func AppendJSON(dst, doc []byte) ([]byte, error) { return appendDocument(dst, doc, 0) }

func appendDocument(dst, doc []byte, depth int) ([]byte, error) {
	if depth > maxDepth {
		return dst, errDepth
	}
	c, ok, err := open(doc)
	if err != nil {
		return dst, err
	}
	if !ok {
		entry, value, err := scalar(doc)
		if err != nil {
			return dst, err
		}
		return appendJSONValue(dst, entry, value, depth)
	}
	brackets := "[]"
	if c.object {
		brackets = "{}"
	}
	dst = append(dst, brackets[0])
	first := true
	var inner error
	err = c.each(func(key []byte, entry uint32, value []byte) bool {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		if c.object {
			if dst, inner = appendQuoted(dst, key); inner != nil {
				return false
			}
			dst = append(dst, ':')
		}
		dst, inner = appendJSONValue(dst, entry, value, depth)
		return inner == nil
	})
	if err == nil {
		err = inner
	}
	return append(dst, brackets[1]), err
}

func appendJSONValue(dst []byte, entry uint32, value []byte, depth int) ([]byte, error) {
	switch entry & kindMask {
	case kindNull:
		return append(dst, "null"...), nil
	case kindFalse:
		return append(dst, "false"...), nil
	case kindTrue:
		return append(dst, "true"...), nil
	case kindString:
		return appendQuoted(dst, value)
	case kindNumber:
		n, err := number(value)
		if err != nil {
			return dst, err
		}
		return appendJSONFloat(dst, n), nil
	case kindContainer:
		if len(value) >= 4 && word(value, 0)&headMask == headScalar {
			return dst, errScalar
		}
		return appendDocument(dst, value, depth+1)
	}
	return dst, fmt.Errorf("jsonb: unknown kind of value %#x", entry>>28)
}

func appendJSONFloat(dst []byte, n any) []byte {
	switch n := n.(type) {
	case uint64:
		return strconv.AppendUint(dst, n, 10)
	case int64:
		return strconv.AppendInt(dst, n, 10)
	case float64:
		if math.IsNaN(n) || math.IsInf(n, 0) {
			return append(dst, "null"...)
		}
		// The limits are those of ECMAScript, as in encoding/json.
		if a := math.Abs(n); a != 0 && (a < 1e-6 || a >= 1e21) {
			return strconv.AppendFloat(dst, n, 'e', -1, 64)
		}
		if n == math.Trunc(n) {
			return strconv.AppendFloat(dst, n, 'f', 1, 64)
		}
		return strconv.AppendFloat(dst, n, 'f', -1, 64)
	}
	return dst
}

// appendQuoted appends s as a JSON string. Only what RFC 8259 section 7 demands is escaped.
func appendQuoted(dst, s []byte) ([]byte, error) {
	if !utf8.Valid(s) {
		return dst, errUTF8
	}
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\b':
			dst = append(dst, '\\', 'b')
		case c == '\f':
			dst = append(dst, '\\', 'f')
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"'), nil
}
