package jsonb

import (
	"math"
	"unicode/utf8"
)

// Get returns the member of an object as a document of its own: the one with exactly that key, else the first whose
// key differs in the case of ASCII letters only. It reports false when doc has no such member or is not an object.
// The result may alias doc.
func Get(doc []byte, key string) ([]byte, bool) {
	c, ok, err := open(doc)
	if err != nil || !ok || !c.object {
		return nil, false
	}
	var found []byte
	exact := false
	err = c.each(func(k []byte, entry uint32, value []byte) bool {
		if string(k) == key {
			found, exact = document(entry, value), true
		} else if found == nil && EqualFold(k, key) {
			found = document(entry, value)
		}
		return !exact
	})
	return found, err == nil && found != nil
}

// EqualFold compares without regard to the case of ASCII letters.
func EqualFold(a []byte, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i, c := range a {
		if lower(c) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// String returns the text of a string document.
func String(doc []byte) (string, bool) {
	entry, value, err := scalar(doc)
	if err != nil || entry&kindMask != kindString || !utf8.Valid(value) {
		return "", false
	}
	return string(value), true
}

// Float64 returns the value of a number document.
func Float64(doc []byte) (float64, bool) {
	switch n := scalarNumber(doc).(type) {
	case uint64:
		return float64(n), true
	case int64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

// Int64 returns the value of a number document that is an integer, or a float without a fraction, in the range of the
// type.
func Int64(doc []byte) (int64, bool) {
	switch n := scalarNumber(doc).(type) {
	case uint64:
		if n <= math.MaxInt64 {
			return int64(n), true
		}
	case int64:
		return n, true
	case float64:
		if n == math.Trunc(n) && n >= -1<<63 && n < 1<<63 {
			return int64(n), true
		}
	}
	return 0, false
}

// scalarNumber returns a number as [number] does, or nil for any other document.
func scalarNumber(doc []byte) any {
	entry, value, err := scalar(doc)
	if err != nil || entry&kindMask != kindNumber {
		return nil
	}
	n, err := number(value)
	if err != nil {
		return nil
	}
	return n
}

// Bool returns the value of a true or false document.
func Bool(doc []byte) (value, ok bool) {
	entry, _, err := scalar(doc)
	if err != nil {
		return false, false
	}
	k := entry & kindMask
	return k == kindTrue, k == kindTrue || k == kindFalse
}

// ArrayLen returns the number of elements of an array document.
func ArrayLen(doc []byte) (int, bool) {
	c, ok, err := open(doc)
	if err != nil || !ok || c.object {
		return 0, false
	}
	return c.n, true
}

// Keys returns the keys of an object document, in order.
func Keys(doc []byte) ([]string, bool) {
	c, ok, err := open(doc)
	if err != nil || !ok || !c.object {
		return nil, false
	}
	keys := make([]string, 0, c.n)
	err = c.each(func(key []byte, _ uint32, _ []byte) bool {
		keys = append(keys, string(key))
		return true
	})
	return keys, err == nil
}

// Entry is a member of an object; Value is a document of its own.
type Entry struct {
	Key   string
	Value []byte
}

// Entries returns the members of an object document in order. The values may alias doc.
func Entries(doc []byte) ([]Entry, bool) {
	c, ok, err := open(doc)
	if err != nil || !ok || !c.object {
		return nil, false
	}
	entries := make([]Entry, 0, c.n)
	err = c.each(func(key []byte, entry uint32, value []byte) bool {
		entries = append(entries, Entry{string(key), document(entry, value)})
		return true
	})
	return entries, err == nil
}

// Elements returns the elements of an array document, each as a document of its own. They may alias doc.
func Elements(doc []byte) ([][]byte, bool) {
	c, ok, err := open(doc)
	if err != nil || !ok || c.object {
		return nil, false
	}
	elements := make([][]byte, 0, c.n)
	err = c.each(func(_ []byte, entry uint32, value []byte) bool {
		elements = append(elements, document(entry, value))
		return true
	})
	return elements, err == nil
}

// AppendText appends the text of a string document as it is, and any other document as JSON.
func AppendText(dst, doc []byte) ([]byte, error) {
	if entry, value, err := scalar(doc); err == nil && entry&kindMask == kindString {
		if !utf8.Valid(value) {
			return dst, errUTF8
		}
		return append(dst, value...), nil
	}
	return AppendJSON(dst, doc)
}
