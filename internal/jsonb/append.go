package jsonb

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// maxLength is the longest value that an entry word can describe, in bytes.
const maxLength = lengthMask

// AppendProperties appends the object that maps each of names to the text at the same place in values. Of equal names
// the first counts. A name or value of 256 MiB or more is cut, as the format cannot hold it.
func AppendProperties(dst []byte, names, values []string) []byte {
	var few [32]int
	order := few[:0]
	for i := range names {
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(names[a], names[b]) })
	order = slices.CompactFunc(order, func(a, b int) bool { return names[a] == names[b] })
	dst = binary.BigEndian.AppendUint32(dst, headObject|uint32(len(order)))
	for _, i := range order {
		dst = binary.BigEndian.AppendUint32(dst, kindString|uint32(len(cut(names[i]))))
	}
	for _, i := range order {
		dst = binary.BigEndian.AppendUint32(dst, kindString|uint32(len(cut(values[i]))))
	}
	for _, i := range order {
		dst = append(dst, cut(names[i])...)
	}
	for _, i := range order {
		dst = append(dst, cut(values[i])...)
	}
	return dst
}

func cut(s string) string {
	if len(s) > maxLength {
		return strings.ToValidUTF8(s[:maxLength], "")
	}
	return s
}

// Append appends v as a document. It takes nil, bool, string, every integer type, float64, float32, json.Number, []any,
// map[string]any and map[string]string, also nested.
func Append(dst []byte, v any) ([]byte, error) {
	switch v.(type) {
	case []any, map[string]any, map[string]string:
		dst, _, err := appendValue(dst, v, 0)
		return dst, err
	}
	dst = binary.BigEndian.AppendUint32(dst, headScalar)
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst, kind, err := appendValue(dst, v, 0)
	if err != nil {
		return dst, err
	}
	return dst, putEntry(dst, at, kind, at+4)
}

// putEntry writes the entry word at position at, for the value from begin to the end of dst.
func putEntry(dst []byte, at int, kind uint32, begin int) error {
	n := len(dst) - begin
	if n > maxLength {
		return fmt.Errorf("jsonb: a value of %d bytes, at most %d can be held", n, maxLength)
	}
	binary.BigEndian.PutUint32(dst[at:], kind|uint32(n))
	return nil
}

// appendValue appends the bytes of v without an entry word, and returns the kind for that word.
func appendValue(dst []byte, v any, depth int) ([]byte, uint32, error) {
	if depth > maxDepth {
		return dst, 0, errDepth
	}
	switch v := v.(type) {
	case nil:
		return dst, kindNull, nil
	case bool:
		if v {
			return dst, kindTrue, nil
		}
		return dst, kindFalse, nil
	case string:
		return append(dst, v...), kindString, nil
	case []any:
		dst, err := appendArray(dst, v, depth)
		return dst, kindContainer, err
	case map[string]any:
		dst, err := appendObject(dst, v, depth)
		return dst, kindContainer, err
	case map[string]string:
		dst, err := appendObject(dst, v, depth)
		return dst, kindContainer, err
	}
	dst, err := appendNumber(dst, v)
	return dst, kindNumber, err
}

func appendArray(dst []byte, v []any, depth int) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, headArray|uint32(len(v)))
	at := len(dst)
	dst = append(dst, make([]byte, 4*len(v))...)
	for i, e := range v {
		begin := len(dst)
		var (
			kind uint32
			err  error
		)
		if dst, kind, err = appendValue(dst, e, depth+1); err != nil {
			return dst, err
		}
		if err := putEntry(dst, at+4*i, kind, begin); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func appendObject[V any](dst []byte, v map[string]V, depth int) ([]byte, error) {
	type member struct {
		key   string
		value V
	}
	members := make([]member, 0, len(v))
	for k, e := range v {
		members = append(members, member{k, e})
	}
	slices.SortFunc(members, func(a, b member) int { return cmp.Compare(a.key, b.key) })
	dst = binary.BigEndian.AppendUint32(dst, headObject|uint32(len(members)))
	at := len(dst)
	dst = append(dst, make([]byte, 8*len(members))...)
	for i, m := range members {
		begin := len(dst)
		dst = append(dst, m.key...)
		if err := putEntry(dst, at+4*i, kindString, begin); err != nil {
			return dst, err
		}
	}
	at += 4 * len(members)
	for i, m := range members {
		begin := len(dst)
		var (
			kind uint32
			err  error
		)
		if dst, kind, err = appendValue(dst, m.value, depth+1); err != nil {
			return dst, err
		}
		if err := putEntry(dst, at+4*i, kind, begin); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func appendNumber(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case int:
		return appendInt(dst, int64(v)), nil
	case int8:
		return appendInt(dst, int64(v)), nil
	case int16:
		return appendInt(dst, int64(v)), nil
	case int32:
		return appendInt(dst, int64(v)), nil
	case int64:
		return appendInt(dst, v), nil
	case uint:
		return appendUint(dst, uint64(v)), nil
	case uint8:
		return appendUint(dst, uint64(v)), nil
	case uint16:
		return appendUint(dst, uint64(v)), nil
	case uint32:
		return appendUint(dst, uint64(v)), nil
	case uint64:
		return appendUint(dst, v), nil
	case float32:
		return appendFloat(dst, float64(v)), nil
	case float64:
		return appendFloat(dst, v), nil
	case json.Number:
		return appendJSONNumber(dst, v)
	}
	return dst, fmt.Errorf("jsonb: cannot hold a %T", v)
}

// appendJSONNumber keeps integers that fit 64 bits as integers.
func appendJSONNumber(dst []byte, n json.Number) ([]byte, error) {
	var u uint64
	if _, err := fmt.Sscan(n.String(), &u); err == nil && !strings.ContainsAny(n.String(), ".eE") {
		return appendUint(dst, u), nil
	}
	if i, err := n.Int64(); err == nil {
		return appendInt(dst, i), nil
	}
	f, err := n.Float64()
	if err != nil {
		return dst, fmt.Errorf("jsonb: %w", err)
	}
	return appendFloat(dst, f), nil
}

// appendInt appends an integer; those that are not negative are held as unsigned.
func appendInt(dst []byte, v int64) []byte {
	switch {
	case v >= 0:
		return appendUint(dst, uint64(v))
	case v >= math.MinInt8:
		return append(dst, tagSigned, byte(v))
	case v >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, tagSigned), uint16(v))
	case v >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, tagSigned), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, tagSigned), uint64(v))
}

func appendUint(dst []byte, v uint64) []byte {
	switch {
	case v == 0:
		return append(dst, tagZero)
	case v <= math.MaxUint8:
		return append(dst, tagUnsigned, byte(v))
	case v <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, tagUnsigned), uint16(v))
	case v <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, tagUnsigned), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, tagUnsigned), v)
}

func appendFloat(dst []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, tagNaN)
	case math.IsInf(v, 1):
		return append(dst, tagInf)
	case math.IsInf(v, -1):
		return append(dst, tagNegInf)
	}
	return binary.BigEndian.AppendUint64(append(dst, tagFloat), math.Float64bits(v))
}
