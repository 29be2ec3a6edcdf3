package duck

import (
	"bytes"
	"encoding/json"

	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/micromegas-go/micromegas/internal/jsonb"
)

// jsonbScalars are the functions on JSONB and on properties, which are JSONB objects. Dictionaries do not exist inside of
// the engine; the edge makes them again.
func jsonbScalars() []scalar {
	return []scalar{
		{name: "property_get", args: []bindings.Type{typeBlob, typeText}, result: typeText, run: perDocument(textSize, propertyGet)},
		{name: "properties_length", args: []bindings.Type{typeBlob}, result: typeInt32, run: perDocument(4, propertiesLength)},
		{name: "properties_to_jsonb", args: []bindings.Type{typeBlob}, result: typeBlob, run: perDocument(textSize, sameDocument)},
		{name: "jsonb_parse", args: []bindings.Type{typeText}, result: typeBlob, run: perDocument(textSize, parseJSON)},
		{name: "jsonb_format_json", args: []bindings.Type{typeBlob}, result: typeText, run: perDocument(textSize, formatJSON)},
		{name: "jsonb_get", args: []bindings.Type{typeBlob, typeText}, result: typeBlob, run: perDocument(textSize, jsonbGet)},
		{name: "jsonb_as_string", args: []bindings.Type{typeBlob}, result: typeText, run: perDocument(textSize, asString)},
		{name: "jsonb_as_f64", args: []bindings.Type{typeBlob}, result: typeFloat64, run: perDocument(8, asFloat64)},
		{name: "jsonb_as_i64", args: []bindings.Type{typeBlob}, result: typeInt64, run: perDocument(8, asInt64)},
		{name: "jsonb_array_length", args: []bindings.Type{typeBlob}, result: typeInt64, run: perDocument(8, arrayLength)},
		{name: "jsonb_object_keys", args: []bindings.Type{typeBlob}, result: typeText, list: true, run: objectKeys},
	}
}

// perDocument makes a function of one that looks at a single document; key is the second argument, if there is one.
// Rows that share a document by address, as those of one dictionary entry do, share the result of width bytes.
func perDocument(width uintptr, f func(out *output, i int, doc []byte, key string)) func([]column, *output, int) error {
	return func(in []column, out *output, rows int) error {
		var seen [64]struct {
			address uintptr
			length  int
			row     int
		}
		key, keyRow := "", -1
		for i := range rows {
			if skipNull(in, out, i) {
				continue
			}
			doc := in[0].bytes(i)
			if len(in) > 1 {
				if k := in[1].bytes(i); keyRow < 0 || string(k) != key {
					key, keyRow = string(k), i
					clear(seen[:])
				}
			}
			slot := &seen[in[0].address(i)>>4%uintptr(len(seen))]
			if a := in[0].address(i); a != 0 {
				if slot.address == a && slot.length == len(doc) {
					out.repeat(i, slot.row, width)
					continue
				}
				slot.address, slot.length, slot.row = a, len(doc), i
			}
			f(out, i, doc, key)
		}
		return nil
	}
}

func propertyGet(out *output, i int, doc []byte, key string) {
	value, ok := jsonb.Get(doc, key)
	if !ok {
		out.setNull(i)
		return
	}
	if text, ok := jsonb.String(value); ok {
		out.setBytes(i, []byte(text))
		return
	}
	formatJSON(out, i, value, "")
}

func propertiesLength(out *output, i int, doc []byte, _ string) {
	keys, _ := jsonb.Keys(doc)
	out.setInt32(i, int32(len(keys)))
}

func sameDocument(out *output, i int, doc []byte, _ string) { out.setBytes(i, doc) }

// parseJSON gives NULL for what is not JSON; no text at all is a JSON null.
func parseJSON(out *output, i int, text []byte, _ string) {
	if len(bytes.TrimSpace(text)) == 0 {
		text = []byte("null")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		out.setNull(i)
		return
	}
	doc, err := jsonb.Append(nil, v)
	if err != nil {
		out.setNull(i)
		return
	}
	out.setBytes(i, doc)
}

// formatJSON gives NULL for what is not JSONB.
func formatJSON(out *output, i int, doc []byte, _ string) {
	text, err := jsonb.AppendJSON(nil, doc)
	if err != nil {
		out.setNull(i)
		return
	}
	out.setBytes(i, text)
}

func jsonbGet(out *output, i int, doc []byte, key string) {
	value, ok := jsonb.Get(doc, key)
	if !ok {
		out.setNull(i)
		return
	}
	out.setBytes(i, value)
}

func asString(out *output, i int, doc []byte, _ string) {
	text, ok := jsonb.String(doc)
	if !ok {
		out.setNull(i)
		return
	}
	out.setBytes(i, []byte(text))
}

func asFloat64(out *output, i int, doc []byte, _ string) {
	v, ok := jsonb.Float64(doc)
	if !ok {
		out.setNull(i)
		return
	}
	out.setFloat64(i, v)
}

func asInt64(out *output, i int, doc []byte, _ string) {
	v, ok := jsonb.Int64(doc)
	if !ok {
		out.setNull(i)
		return
	}
	out.setInt64(i, v)
}

func arrayLength(out *output, i int, doc []byte, _ string) {
	n, ok := jsonb.ArrayLen(doc)
	if !ok {
		out.setNull(i)
		return
	}
	out.setInt64(i, int64(n))
}

// objectKeys writes lists: an entry of offset and length a row, and the keys in the child vector.
func objectKeys(in []column, out *output, rows int) error {
	child := bindings.ListVectorGetChild(out.vector)
	total := 0
	for i := range rows {
		if skipNull(in, out, i) {
			continue
		}
		keys, ok := jsonb.Keys(in[0].bytes(i))
		if !ok {
			out.setNull(i)
			continue
		}
		if bindings.ListVectorReserve(out.vector, bindings.IdxT(total+len(keys))) == bindings.StateError {
			return engineError("a list could not grow")
		}
		out.setList(i, total, len(keys))
		for _, k := range keys {
			bindings.VectorAssignStringElement(child, bindings.IdxT(total), k)
			total++
		}
		if bindings.ListVectorSetSize(out.vector, bindings.IdxT(total)) == bindings.StateError {
			return engineError("a list could not grow")
		}
	}
	return nil
}
