package duck

import (
	"github.com/micromegas-go/micromegas/internal/jsonb"
)

// jsonbScalars are the functions on JSONB whose answer is one value. Dictionaries do not exist inside of the engine; the
// edge makes them again.
func jsonbScalars() []scalar {
	return []scalar{
		{name: "jsonb_parse", args: []sqlType{typeText}, result: typeBlob, run: perDocument(textSize, parseJSON)},
		{name: "jsonb_format_json", args: []sqlType{typeBlob}, result: typeText, run: perDocument(textSize, formatJSON)},
		{name: "jsonb_get", args: docAndPath, result: typeBlob, run: perDocument(textSize, jsonbGet)},
		{name: "jsonb_as_string", args: []sqlType{typeBlob}, result: typeText, run: perDocument(textSize, asString)},
		{name: "jsonb_as_f64", args: []sqlType{typeBlob}, result: typeFloat64, run: perDocument(8, asFloat64)},
		{name: "jsonb_as_i64", args: []sqlType{typeBlob}, result: typeInt64, run: perDocument(8, asInt64)},
		{name: "jsonb_array_length", args: []sqlType{typeBlob}, result: typeInt64, run: perDocument(8, arrayLength)},
		{name: "jsonb_path_query", args: docAndPath, result: typeBlob, run: perPath("jsonb_path_query", textSize, pathQuery)},
		{name: "jsonb_path_query_first", args: docAndPath, result: typeBlob, run: perPath("jsonb_path_query_first", textSize, pathFirst)},
		{name: "jsonb_as_text", args: []sqlType{typeBlob}, result: typeText, run: perDocument(textSize, asText)},
	}
}

// documentFunc writes row i of a function of a document and perhaps a key, the second argument.
type documentFunc func(out *output, i int, doc []byte, key string)

// perDocument makes a function of one that looks at a single document and cannot fail.
func perDocument(width uintptr, f documentFunc) func([]column, *output, int) error {
	return perChunk(width, func() func(*output, int, []byte, string) error {
		return func(out *output, i int, doc []byte, key string) error {
			f(out, i, doc, key)
			return nil
		}
	})
}

// perChunk makes a function of one that looks at a single document; start is called for each chunk of rows.
// Rows that share a document by address, as those of one dictionary entry do, share the result of width bytes.
func perChunk(width uintptr, start func() func(out *output, i int, doc []byte, key string) error) func([]column, *output, int) error {
	return func(in []column, out *output, rows int) error {
		f := start()
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
			if err := f(out, i, doc, key); err != nil {
				return err
			}
		}
		return nil
	}
}

// parseJSON gives NULL for what is not JSON.
func parseJSON(out *output, i int, text []byte, _ string) {
	doc, err := jsonb.Parse(text)
	setBytesIf(out, i, doc, err == nil)
}

// formatJSON gives NULL for what is not JSONB.
func formatJSON(out *output, i int, doc []byte, _ string) {
	text, err := jsonb.AppendJSON(nil, doc)
	setBytesIf(out, i, text, err == nil)
}

// asText is asString for strings; of other documents it gives the JSON text, so that nothing is lost.
func asText(out *output, i int, doc []byte, _ string) {
	text, err := jsonb.AppendText(nil, doc)
	setBytesIf(out, i, text, err == nil)
}

// setBytesIf writes b, or NULL if not ok.
func setBytesIf(out *output, i int, b []byte, ok bool) {
	if !ok {
		out.setNull(i)
		return
	}
	out.setBytes(i, b)
}

func jsonbGet(out *output, i int, doc []byte, key string) {
	value, ok := jsonb.Get(doc, key)
	setBytesIf(out, i, value, ok)
}

func asString(out *output, i int, doc []byte, _ string) {
	text, ok := jsonb.String(doc)
	setBytesIf(out, i, []byte(text), ok)
}

func asFloat64(out *output, i int, doc []byte, _ string) {
	if v, ok := jsonb.Float64(doc); ok {
		out.setFloat64(i, v)
	} else {
		out.setNull(i)
	}
}

func asInt64(out *output, i int, doc []byte, _ string) {
	if v, ok := jsonb.Int64(doc); ok {
		out.setInt64(i, v)
	} else {
		out.setNull(i)
	}
}

func arrayLength(out *output, i int, doc []byte, _ string) {
	if n, ok := jsonb.ArrayLen(doc); ok {
		out.setInt64(i, int64(n))
	} else {
		out.setNull(i)
	}
}
