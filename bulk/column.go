package bulk

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/internal/jsonb"
	"github.com/micromegas-go/micromegas/telemetry"
)

// at returns the plain array behind a, without dictionaries and extensions, and the place of value i in it; ok is false
// for NULL.
func at(a arrow.Array, i int) (arrow.Array, int, bool) {
	for {
		if a.IsNull(i) || a.DataType().ID() == arrow.NULL {
			return a, i, false
		}
		switch t := a.(type) {
		case *array.Dictionary:
			a, i = t.Dictionary(), t.GetValueIndex(i)
		case array.ExtensionArray:
			a = t.Storage()
		default:
			return a, i, true
		}
	}
}

func wrong(a arrow.Array, want string) error {
	return fmt.Errorf("has the type %s, not %s", a.DataType(), want)
}

func text(a arrow.Array, i int) (string, error) {
	a, i, ok := at(a, i)
	if !ok {
		return "", nil
	}
	if t, ok := a.(array.StringLike); ok {
		return t.Value(i), nil
	}
	return "", wrong(a, "text")
}

func bytesAt(a arrow.Array, i int) ([]byte, error) {
	a, i, ok := at(a, i)
	if !ok {
		return nil, nil
	}
	if b, ok := binaryAt(a, i); ok {
		return b, nil
	}
	return nil, wrong(a, "bytes")
}

func binaryAt(a arrow.Array, i int) ([]byte, bool) {
	switch a := a.(type) {
	case *array.Binary:
		return a.Value(i), true
	case *array.LargeBinary:
		return a.Value(i), true
	case *array.BinaryView:
		return a.Value(i), true
	case *array.FixedSizeBinary:
		return a.Value(i), true
	}
	return nil, false
}

func id(a arrow.Array, i int) (uuid.UUID, error) {
	none, err := absent(a, i)
	if err == nil && none {
		err = fmt.Errorf("is NULL")
	}
	if err != nil {
		return uuid.Nil, err
	}
	return optionalID(a, i)
}

// optionalID is the nil UUID for NULL and for the empty text.
func optionalID(a arrow.Array, i int) (uuid.UUID, error) {
	none, err := absent(a, i)
	if err != nil || none {
		return uuid.Nil, err
	}
	a, i, _ = at(a, i)
	if b, ok := binaryAt(a, i); ok {
		return uuid.FromBytes(b)
	}
	s, err := text(a, i)
	if err != nil || s == "" {
		return uuid.Nil, err
	}
	p, err := telemetry.ParseProcessID(s) // all ids have the same forms
	return uuid.UUID(p), err
}

func absent(a arrow.Array, i int) (bool, error) {
	a, i, ok := at(a, i)
	if !ok {
		return true, nil
	}
	if b, ok := binaryAt(a, i); ok && len(b) != 16 {
		return false, fmt.Errorf("has %d bytes, not the 16 of a UUID", len(b))
	}
	return false, nil
}

func integer(a arrow.Array, i int) (int64, error) {
	a, i, ok := at(a, i)
	if !ok {
		return 0, fmt.Errorf("is NULL")
	}
	switch a := a.(type) {
	case *array.Int8:
		return int64(a.Value(i)), nil
	case *array.Int16:
		return int64(a.Value(i)), nil
	case *array.Int32:
		return int64(a.Value(i)), nil
	case *array.Int64:
		return a.Value(i), nil
	case *array.Uint8:
		return int64(a.Value(i)), nil
	case *array.Uint16:
		return int64(a.Value(i)), nil
	case *array.Uint32:
		return int64(a.Value(i)), nil
	case *array.Uint64:
		if v := a.Value(i); v <= math.MaxInt64 {
			return int64(v), nil
		}
		return 0, fmt.Errorf("%d is too large", a.Value(i))
	}
	return 0, wrong(a, "an integer")
}

func moment(a arrow.Array, i int) (telemetry.Time, error) {
	a, i, ok := at(a, i)
	if !ok {
		return 0, fmt.Errorf("is NULL")
	}
	t, isTime := a.(*array.Timestamp)
	if !isTime {
		return 0, wrong(a, "a timestamp")
	}
	unit := int64(t.DataType().(*arrow.TimestampType).Unit.Multiplier())
	v := int64(t.Value(i))
	if v > math.MaxInt64/unit || v < math.MinInt64/unit {
		return 0, fmt.Errorf("is outside of the years 1677 to 2262")
	}
	return telemetry.Time(v * unit), nil
}

func texts(a arrow.Array, i int) ([]string, error) {
	a, i, ok := at(a, i)
	if !ok {
		return nil, nil
	}
	list, isList := a.(array.ListLike)
	if !isList {
		return nil, wrong(a, "a list of texts")
	}
	var out []string
	begin, end := list.ValueOffsets(i)
	for e := begin; e < end; e++ {
		s, err := text(list.ListValues(), int(e))
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// properties reads any shape in which properties come.
func properties(a arrow.Array, i int) (map[string]string, error) {
	a, i, ok := at(a, i)
	if !ok {
		return nil, nil
	}
	if b, ok := binaryAt(a, i); ok {
		if len(b) == 0 {
			return nil, nil
		}
		v, err := jsonb.Decode(b)
		if err != nil {
			return nil, fmt.Errorf("is not JSONB: %w", err)
		}
		return flat(v)
	}
	switch a := a.(type) {
	case array.StringLike:
		var v any
		if a.Value(i) == "" {
			return nil, nil
		}
		if err := json.Unmarshal([]byte(a.Value(i)), &v); err != nil {
			return nil, fmt.Errorf("is not JSON: %w", err)
		}
		return flat(v)
	case *array.Map:
		begin, end := a.ValueOffsets(i)
		return pairs(a.Keys(), a.Items(), int(begin), int(end))
	case array.ListLike:
		begin, end := a.ValueOffsets(i)
		if begin == end {
			return nil, nil
		}
		return listed(a.ListValues(), int(begin), int(end))
	case *array.Struct:
		return fields(a, i)
	}
	return nil, wrong(a, "properties")
}

// listed reads a list of structs with key and value.
func listed(elements arrow.Array, begin, end int) (map[string]string, error) {
	if d, ok := elements.(*array.Dictionary); ok {
		all := map[string]string{}
		for e := begin; e < end; e++ {
			one, err := listed(d.Dictionary(), d.GetValueIndex(e), d.GetValueIndex(e)+1)
			if err != nil {
				return nil, err
			}
			maps.Copy(all, one)
		}
		return all, nil
	}
	s, ok := elements.(*array.Struct)
	if !ok {
		return nil, fmt.Errorf("has lists of %s, not of key and value", elements.DataType())
	}
	t := s.DataType().(*arrow.StructType)
	key, ok1 := t.FieldIdx("key")
	value, ok2 := t.FieldIdx("value")
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("has lists of %s, not of key and value", t)
	}
	return pairs(s.Field(key), s.Field(value), begin, end)
}

func pairs(keys, values arrow.Array, begin, end int) (map[string]string, error) {
	out := make(map[string]string, min(max(end-begin, 0), maxGrow)) // nobody has seen yet that the elements are there
	for e := begin; e < end; e++ {
		k, err := text(keys, e)
		if err != nil {
			return nil, err
		}
		v, err := text(values, e)
		if err != nil {
			return nil, err
		}
		out[k] = v
	}
	return out, nil
}

// fields reads the fields of a struct that are not NULL.
func fields(a *array.Struct, i int) (map[string]string, error) {
	out := map[string]string{}
	for c, f := range a.DataType().(*arrow.StructType).Fields() {
		if _, _, ok := at(a.Field(c), i); !ok {
			continue
		}
		v, err := text(a.Field(c), i)
		if err != nil {
			return nil, err
		}
		out[f.Name] = v
	}
	return out, nil
}

// flat makes texts of the values of an object.
func flat(v any) (map[string]string, error) {
	if v == nil {
		return nil, nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("is not an object")
	}
	out := make(map[string]string, len(object))
	for k, v := range object {
		if s, ok := v.(string); ok {
			out[k] = s
			continue
		}
		b, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		out[k] = string(b)
	}
	return out, nil
}
