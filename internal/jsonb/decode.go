package jsonb

import (
	"fmt"
	"unicode/utf8"
)

// Decode returns doc as nil, bool, string, int64 (negative integers), uint64, float64, []any or map[string]any.
func Decode(doc []byte) (any, error) { return decodeDocument(doc, 0) }

func decodeDocument(doc []byte, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	c, ok, err := open(doc)
	if err != nil {
		return nil, err
	}
	if !ok {
		entry, value, err := scalar(doc)
		if err != nil {
			return nil, err
		}
		return decodeValue(entry, value, depth)
	}
	var list []any
	var object map[string]any
	if c.object {
		object = make(map[string]any, c.n)
	} else {
		list = make([]any, 0, c.n)
	}
	var inner error
	err = c.each(func(key []byte, entry uint32, value []byte) bool {
		v, err := decodeValue(entry, value, depth)
		if err == nil && !utf8.Valid(key) {
			err = errUTF8
		}
		if err != nil {
			inner = err
			return false
		}
		if c.object {
			object[string(key)] = v
		} else {
			list = append(list, v)
		}
		return true
	})
	if err == nil {
		err = inner
	}
	if err != nil {
		return nil, err
	}
	if c.object {
		return object, nil
	}
	return list, nil
}

func decodeValue(entry uint32, value []byte, depth int) (any, error) {
	switch entry & kindMask {
	case kindNull:
		return nil, nil //nolint:nilnil // the JSON value null
	case kindFalse:
		return false, nil
	case kindTrue:
		return true, nil
	case kindString:
		if !utf8.Valid(value) {
			return nil, errUTF8
		}
		return string(value), nil
	case kindNumber:
		return number(value)
	case kindContainer:
		if len(value) >= 4 && word(value, 0)&headMask == headScalar {
			return nil, errScalar
		}
		return decodeDocument(value, depth+1)
	}
	return nil, fmt.Errorf("jsonb: unknown kind of value %#x", entry>>28)
}
