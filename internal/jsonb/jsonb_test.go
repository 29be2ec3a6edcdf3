package jsonb

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"testing"
)

// vector is the published example: {"name": "value"}.
const vector = "400000011000000410000005" + "6e616d65" + "76616c7565"

func mustAppend(t *testing.T, v any) []byte {
	t.Helper()
	b, err := Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVector(t *testing.T) {
	for name, got := range map[string][]byte{
		"properties":  AppendProperties(nil, []string{"name"}, []string{"value"}),
		"any":         mustAppend(t, map[string]any{"name": "value"}),
		"map of text": mustAppend(t, map[string]string{"name": "value"}),
	} {
		if hex.EncodeToString(got) != vector {
			t.Errorf("%s: %x, want %s", name, got, vector)
		}
	}
}

func TestProperties(t *testing.T) {
	got := AppendProperties([]byte("x"), []string{"b", "a", "b", ""}, []string{"1", "2", "3", "4"})
	want := append([]byte("x"), mustAppend(t, map[string]any{"": "4", "a": "2", "b": "1"})...)
	if !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
	if got := AppendProperties(nil, nil, nil); hex.EncodeToString(got) != "40000000" {
		t.Errorf("empty set is %x", got)
	}
}

// TestBytes pins the form of every kind of value.
func TestBytes(t *testing.T) {
	for _, tc := range []struct {
		v    any
		want string
	}{
		{nil, "20000000" + "00000000"},
		{true, "20000000" + "40000000"},
		{false, "20000000" + "30000000"},
		{"é", "20000000" + "10000002" + "c3a9"},
		{0, "20000000" + "20000001" + "00"},
		{1, "20000000" + "20000002" + "5001"},
		{256, "20000000" + "20000003" + "500100"},
		{65536, "20000000" + "20000005" + "5000010000"},
		{uint64(math.MaxUint64), "20000000" + "20000009" + "50ffffffffffffffff"},
		{-1, "20000000" + "20000002" + "40ff"},
		{-129, "20000000" + "20000003" + "40ff7f"},
		{-40000, "20000000" + "20000005" + "40ffff63c0"},
		{int64(math.MinInt64), "20000000" + "20000009" + "408000000000000000"},
		{2.5, "20000000" + "20000009" + "604004000000000000"},
		{math.NaN(), "20000000" + "20000001" + "10"},
		{math.Inf(1), "20000000" + "20000001" + "20"},
		{math.Inf(-1), "20000000" + "20000001" + "30"},
		{json.Number("18446744073709551615"), "20000000" + "20000009" + "50ffffffffffffffff"},
		{json.Number("-2"), "20000000" + "20000002" + "40fe"},
		{json.Number("1e2"), "20000000" + "20000009" + "604059000000000000"},
		{[]any{}, "80000000"},
		{[]any{nil, []any{true}}, "80000002" + "00000000" + "50000008" + "80000001" + "40000000"},
		{map[string]any{"b": []any{}, "a": 1}, "40000002" + "10000001" + "10000001" + "20000002" + "50000004" + "6162" + "5001" + "80000000"},
	} {
		if got := hex.EncodeToString(mustAppend(t, tc.v)); got != tc.want {
			t.Errorf("%v: %s, want %s", tc.v, got, tc.want)
		}
	}
	if _, err := Append(nil, struct{}{}); err == nil {
		t.Error("a struct was taken")
	}
}

func TestJSON(t *testing.T) {
	v := map[string]any{
		"b": uint64(1), "a": []any{uint64(1), 2.5, nil}, "c": "\"\\\n\t\x01é✓", "d": int64(-7), "e": 2.0, "f": 1e300, "g": math.NaN(),
		"h": map[string]any{}, "i": true, "j": false, "k": 1e-7, "l": 0.0,
	}
	const want = `{"a":[1,2.5,null],"b":1,"c":"\"\\\n\t\u0001é✓","d":-7,"e":2.0,"f":1e+300,"g":null,"h":{},"i":true,"j":false,"k":1e-07,"l":0.0}`
	got, err := AppendJSON(nil, mustAppend(t, v))
	if err != nil || string(got) != want {
		t.Errorf("%s (%v)\nwant %s", got, err, want)
	}
	delete(v, "g") // NaN is not equal to itself
	back, err := Decode(mustAppend(t, v))
	if err != nil || !reflect.DeepEqual(back, any(v)) {
		t.Errorf("%v (%v), want %v", back, err, v)
	}
}

func TestAccess(t *testing.T) {
	doc := mustAppend(t, map[string]any{
		"Name": "upper", "name": "lower", "NUM": 321321321321, "f": 2.3, "whole": 4.0, "neg": -5, "big": uint64(math.MaxUint64),
		"list": []any{1, 2}, "yes": true, "null": nil,
	})
	get := func(key string) []byte {
		v, _ := Get(doc, key)
		return v
	}
	if s, ok := String(get("name")); !ok || s != "lower" {
		t.Errorf("name = %q %v", s, ok)
	}
	if s, ok := String(get("NAME")); !ok || s != "upper" {
		t.Errorf("NAME = %q %v, want the first in order", s, ok)
	}
	if i, ok := Int64(get("num")); !ok || i != 321321321321 {
		t.Errorf("num = %d %v", i, ok)
	}
	if f, ok := Float64(get("F")); !ok || f != 2.3 {
		t.Errorf("F = %v %v", f, ok)
	}
	if i, ok := Int64(get("whole")); !ok || i != 4 {
		t.Errorf("whole = %d %v", i, ok)
	}
	if i, ok := Int64(get("neg")); !ok || i != -5 {
		t.Errorf("neg = %d %v", i, ok)
	}
	if n, ok := ArrayLen(get("list")); !ok || n != 2 {
		t.Errorf("list has %d %v", n, ok)
	}
	if v, ok := Bool(get("yes")); !ok || !v {
		t.Errorf("yes = %v %v", v, ok)
	}
	if keys, ok := Keys(doc); !ok || !slices.Equal(keys, []string{"NUM", "Name", "big", "f", "list", "name", "neg", "null", "whole", "yes"}) {
		t.Errorf("keys = %v %v", keys, ok)
	}
	for name, bad := range map[string]bool{
		"absent":             second(Get(doc, "absent")),
		"member of an array": second(Get(get("list"), "x")),
		"text of a number":   second(String(get("num"))),
		"int of 2.3":         second(Int64(get("f"))),
		"int of 2^64-1":      second(Int64(get("big"))),
		"float of a text":    second(Float64(get("name"))),
		"length of object":   second(ArrayLen(doc)),
		"keys of a list":     second(Keys(get("list"))),
		"bool of null":       second(Bool(get("null"))),
	} {
		if bad {
			t.Errorf("%s: found", name)
		}
	}
}

func second[T any](_ T, ok bool) bool { return ok }

func TestMalformed(t *testing.T) {
	for name, doc := range map[string]string{
		"empty":                 "",
		"short header":          "4000",
		"unknown header":        "00000000",
		"count beyond the end":  "9fffffff",
		"object beyond the end": "5fffffff00000000",
		"key is a number":       "40000001" + "20000001" + "00000000" + "00",
		"key beyond the end":    "40000001" + "10000004" + "00000000" + "61",
		"value beyond the end":  "80000001" + "10000004" + "61",
		"scalar without entry":  "20000000",
		"scalar beyond the end": "20000000" + "10000002" + "61",
		"extension":             "20000000" + "60000001" + "00",
		"number without tag":    "20000000" + "20000000",
		"number of three bytes": "20000000" + "20000004" + "50010203",
		"unknown number":        "20000000" + "20000001" + "70",
		"zero with digits":      "20000000" + "20000002" + "0000",
		"text is not UTF-8":     "20000000" + "10000001" + "ff",
		"scalar in container":   "80000001" + "50000008" + "20000000" + "00000000",
		"container is empty":    "80000001" + "50000000",
		"nested too deep":       nested(maxDepth + 2),
	} {
		b, err := hex.DecodeString(doc)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := Decode(b); err == nil {
			t.Errorf("%s: Decode gives %v", name, v)
		}
		if v, err := AppendJSON(nil, b); err == nil {
			t.Errorf("%s: AppendJSON gives %s", name, v)
		}
	}
	b, err := hex.DecodeString(nested(maxDepth))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(b); err != nil {
		t.Errorf("nested to the limit: %v", err)
	}
}

// nested is an array in an array, depth times.
func nested(depth int) string {
	b := []byte{0x80, 0, 0, 0}
	for range depth {
		n := len(b)
		b = append([]byte{0x80, 0, 0, 1, 0x50, byte(n >> 16), byte(n >> 8), byte(n)}, b...)
	}
	return hex.EncodeToString(b)
}

func FuzzDecode(f *testing.F) {
	for _, v := range []any{nil, 1, -300, 2.5, "x", []any{1, nil, "a"}, map[string]any{"a": map[string]any{"b": []any{true}}}} {
		b, err := Append(nil, v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		v, err := Decode(doc)
		text, jsonErr := AppendJSON(nil, doc)
		_, _ = Get(doc, "a")
		_, _ = Keys(doc)
		_, _ = String(doc)
		_, _ = Float64(doc)
		if err != nil {
			return
		}
		if jsonErr == nil && !json.Valid(text) {
			t.Fatalf("not JSON: %s", text)
		}
		// What was read can be written and read again.
		again, err := Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(again)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := AppendJSON(nil, again); err != nil || !json.Valid(text) {
			t.Fatalf("%s: %v", text, err)
		}
		if third, err := Append(nil, back); err != nil || !bytes.Equal(third, again) {
			t.Fatalf("%x, then %x (%v)", again, third, err)
		}
	})
}
