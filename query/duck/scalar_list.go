package duck

import (
	"errors"
	"strconv"

	"github.com/micromegas-go/micromegas/internal/jsonb"
)

// listSize is the size of DuckDB's list_entry_t: offset and length.
const listSize = 16

var (
	typeEntry     = structOf(sqlField{"key", typeText}, sqlField{"value", typeBlob})
	docOnly       = []sqlType{typeBlob}
	docAndPath    = []sqlType{typeBlob, typeText}
	errNoMembers  = errors.New("jsonb_each: the value is neither an object nor an array")
	errNoElements = errors.New("jsonb_array_elements: the value is not an array")
)

// jsonbListScalars are the functions on JSONB whose answer is a list. The last two are what the table functions
// jsonb_each and jsonb_array_elements are made of.
func jsonbListScalars() []scalar {
	return []scalar{
		{name: "jsonb_object_keys", args: docOnly, result: listOf(typeText), run: perList(objectKeys)},
		{name: "jsonb_entries", args: docOnly, result: listOf(typeEntry), run: perList(objectEntries)},
		{name: "jsonb_elements", args: docOnly, result: listOf(typeBlob), run: perList(arrayElements)},
		{name: "jsonb_path_elements", args: docAndPath, result: listOf(typeBlob), run: perPath("jsonb_path_elements", listSize, pathElements)},
		{name: "jsonb_each_rows", args: docOnly, result: listOf(typeEntry), run: perList(eachRows)},
		{name: "jsonb_array_elements_rows", args: docOnly, result: listOf(typeBlob), run: perList(elementRows)},
	}
}

// perList makes a function of one that writes a list for a document.
func perList(f func(out *output, i int, doc []byte) error) func([]column, *output, int) error {
	return perChunk(listSize, func() func(*output, int, []byte, string) error {
		return func(out *output, i int, doc []byte, _ string) error { return f(out, i, doc) }
	})
}

// setList gives row i a list of n elements, which write writes from first on.
func setList(out *output, i, n int, write func(elements *output, first int)) error {
	first, err := out.list(i, n)
	if err != nil {
		return err
	}
	write(out.elements(), first)
	return nil
}

func objectKeys(out *output, i int, doc []byte) error {
	keys, ok := jsonb.Keys(doc)
	if !ok {
		out.setNull(i)
		return nil
	}
	return setList(out, i, len(keys), func(elements *output, first int) {
		for n, k := range keys {
			elements.setBytes(first+n, []byte(k))
		}
	})
}

func objectEntries(out *output, i int, doc []byte) error {
	entries, ok := jsonb.Entries(doc)
	if !ok {
		out.setNull(i)
		return nil
	}
	return setEntries(out, i, len(entries), func(n int) (string, []byte) { return entries[n].Key, entries[n].Value })
}

// setEntries writes a list of structs of a key and a value.
func setEntries(out *output, i, n int, entry func(n int) (key string, value []byte)) error {
	return setList(out, i, n, func(elements *output, first int) {
		keys, values := elements.field(0), elements.field(1)
		for n := range n {
			k, v := entry(n)
			keys.setBytes(first+n, []byte(k))
			values.setBytes(first+n, v)
		}
	})
}

func arrayElements(out *output, i int, doc []byte) error {
	elements, ok := jsonb.Elements(doc)
	if !ok {
		out.setNull(i)
		return nil
	}
	return setBlobs(out, i, elements)
}

func setBlobs(out *output, i int, blobs [][]byte) error {
	return setList(out, i, len(blobs), func(elements *output, first int) {
		for n, b := range blobs {
			elements.setBytes(first+n, b)
		}
	})
}

// eachRows are the members of an object, or the elements of an array under their indexes.
func eachRows(out *output, i int, doc []byte) error {
	if _, ok := jsonb.Entries(doc); ok {
		return objectEntries(out, i, doc)
	}
	elements, ok := jsonb.Elements(doc)
	if !ok {
		return errNoMembers
	}
	return setEntries(out, i, len(elements), func(n int) (string, []byte) { return strconv.Itoa(n), elements[n] })
}

func elementRows(out *output, i int, doc []byte) error {
	elements, ok := jsonb.Elements(doc)
	if !ok {
		return errNoElements
	}
	return setBlobs(out, i, elements)
}
