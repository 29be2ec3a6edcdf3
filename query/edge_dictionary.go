package query

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// encodeDictionary gives a batch's column a dictionary of its own.
func encodeDictionary(a arrow.Array, to *arrow.DictionaryType) (arrow.Array, error) {
	plain, err := convert(a, to.ValueType)
	if err != nil {
		return nil, err
	}
	defer plain.Release()
	if list, ok := plain.(*array.List); ok {
		return encodeListDictionary(list, to)
	}
	value, values, err := dictionaryValues(plain)
	if err != nil {
		return nil, err
	}
	defer values.release()
	indices := array.NewInt32Builder(memory.DefaultAllocator)
	defer indices.Release()
	indices.Reserve(plain.Len())
	seen := make(map[string]int32)
	last, lastIndex := "", int32(-1) // neighbours are often equal
	for i := range plain.Len() {
		if plain.IsNull(i) {
			indices.AppendNull()
			continue
		}
		v := value(i)
		if lastIndex < 0 || v != last {
			index, ok := seen[v]
			if !ok {
				index = int32(len(seen))
				seen[v] = index
				values.add(v)
			}
			last, lastIndex = v, index
		}
		indices.Append(lastIndex)
	}
	index := indices.NewArray()
	defer index.Release()
	dictionary := values.array()
	defer dictionary.Release()
	return array.NewDictionaryArray(to, index, dictionary), nil
}

// encodeListDictionary tells lists apart by their JSON text.
func encodeListDictionary(a *array.List, to *arrow.DictionaryType) (arrow.Array, error) {
	indices := array.NewInt32Builder(memory.DefaultAllocator)
	defer indices.Release()
	seen := make(map[string]int32)
	values := []arrow.Array{array.NewSlice(a, 0, 0)}
	defer func() {
		for _, v := range values {
			v.Release()
		}
	}()
	for i := range a.Len() {
		if a.IsNull(i) {
			indices.AppendNull()
			continue
		}
		key := a.ValueStr(i)
		index, ok := seen[key]
		if !ok {
			index = int32(len(seen))
			seen[key] = index
			values = append(values, array.NewSlice(a, int64(i), int64(i+1)))
		}
		indices.Append(index)
	}
	dictionary, err := array.Concatenate(values, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	defer dictionary.Release()
	index := indices.NewArray()
	defer index.Release()
	return array.NewDictionaryArray(to, index, dictionary), nil
}

// dictionary collects the distinct values of a column.
type dictionary struct {
	add     func(string)
	array   func() arrow.Array
	release func()
}

func dictionaryValues(a arrow.Array) (value func(int) string, d dictionary, err error) {
	switch a := a.(type) {
	case *array.String:
		b := array.NewStringBuilder(memory.DefaultAllocator)
		return a.Value, dictionary{b.Append, b.NewArray, b.Release}, nil
	case *array.Binary:
		b := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
		return a.ValueString, dictionary{b.AppendString, b.NewArray, b.Release}, nil
	}
	return nil, dictionary{}, fmt.Errorf("%s has no dictionary", a.DataType())
}

// unpackDictionary is for the engine's enumerations.
func unpackDictionary(a *array.Dictionary, to arrow.DataType) (arrow.Array, error) {
	values, err := convert(a.Dictionary(), to)
	if err != nil {
		return nil, err
	}
	defer values.Release()
	texts, ok := values.(*array.String)
	if !ok {
		return nil, fmt.Errorf("a dictionary of %s is not known", values.DataType())
	}
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	for i := range a.Len() {
		if a.IsNull(i) {
			b.AppendNull()
			continue
		}
		b.Append(texts.Value(a.GetValueIndex(i)))
	}
	return b.NewArray(), nil
}
