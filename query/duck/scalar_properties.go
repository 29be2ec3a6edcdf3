package duck

import "github.com/micromegas-go/micromegas/internal/jsonb"

// typeProperties is the older shape of properties.
var typeProperties = listOf(structOf(sqlField{"key", typeText}, sqlField{"value", typeText}))

// propertyScalars are the functions on properties: JSONB objects, or lists of key and value.
func propertyScalars() []scalar {
	list, listKey := []sqlType{typeProperties}, []sqlType{typeProperties, typeText}
	return []scalar{
		{name: "property_get", args: docAndPath, result: typeText, run: perDocument(textSize, propertyGet)},
		{name: "property_get", args: listKey, result: typeText, run: perProperties(listPropertyGet)},
		{name: "properties_length", args: docOnly, result: typeInt32, run: perDocument(4, propertiesLength)},
		{name: "properties_length", args: list, result: typeInt32, run: perProperties(listPropertiesLength)},
		{name: "properties_to_jsonb", args: docOnly, result: typeBlob, run: perDocument(textSize, sameDocument)},
		{name: "properties_to_jsonb", args: list, result: typeBlob, run: perProperties(listToJSONB)},
		{name: "properties_to_dict", args: docOnly, result: typeProperties, run: perList(propertiesToList)},
		{name: "properties_to_dict", args: list, result: typeProperties, run: perProperties(sameProperties)},
		{name: "properties_to_array", args: docOnly, result: typeProperties, run: perList(propertiesToList)},
		{name: "properties_to_array", args: list, result: typeProperties, run: perProperties(sameProperties)},
	}
}

func propertyGet(out *output, i int, doc []byte, key string) {
	value, ok := jsonb.Get(doc, key)
	if !ok {
		out.setNull(i)
		return
	}
	asText(out, i, value, "")
}

func propertiesLength(out *output, i int, doc []byte, _ string) {
	keys, _ := jsonb.Keys(doc)
	out.setInt32(i, int32(len(keys)))
}

func sameDocument(out *output, i int, doc []byte, _ string) { out.setBytes(i, doc) }

// propertiesToList gives values that are not texts as JSON.
func propertiesToList(out *output, i int, doc []byte) error {
	entries, ok := jsonb.Entries(doc)
	if !ok {
		out.setNull(i)
		return nil
	}
	texts := make([][]byte, len(entries))
	for n, e := range entries {
		var err error
		if texts[n], err = jsonb.AppendText(nil, e.Value); err != nil {
			out.setNull(i)
			return nil //nolint:nilerr // a document with a defect is NULL, as everywhere
		}
	}
	return setEntries(out, i, len(entries), func(n int) (string, []byte) { return entries[n].Key, texts[n] })
}

// properties is a list of key and value.
type properties struct {
	keys, values  column
	first, length int
}

// each calls f for each key that is not NULL. A value that is NULL is empty.
func (p properties) each(f func(key, value []byte)) {
	for n := p.first; n < p.first+p.length; n++ {
		if p.keys.null(n) {
			continue
		}
		var value []byte
		if !p.values.null(n) {
			value = p.values.bytes(n)
		}
		f(p.keys.bytes(n), value)
	}
}

// perProperties makes a function of one that looks at a list of key and value.
func perProperties(f func(out *output, i int, p properties, key string) error) func([]column, *output, int) error {
	return func(in []column, out *output, rows int) error {
		entries := in[0].elements()
		p := properties{keys: entries.field(0), values: entries.field(1)}
		for i := range rows {
			if skipNull(in, out, i) {
				continue
			}
			key := ""
			if len(in) > 1 {
				key = string(in[1].bytes(i))
			}
			p.first, p.length = in[0].list(i)
			if err := f(out, i, p, key); err != nil {
				return err
			}
		}
		return nil
	}
}

// listPropertyGet finds the first property of exactly that key, else of one that differs in the case of ASCII letters only.
func listPropertyGet(out *output, i int, p properties, key string) error {
	var found []byte
	ok, exact := false, false
	p.each(func(k, v []byte) {
		if same := string(k) == key; same && !exact || !ok && jsonb.EqualFold(k, key) {
			found, ok, exact = v, true, same
		}
	})
	setBytesIf(out, i, found, ok)
	return nil
}

func listPropertiesLength(out *output, i int, p properties, _ string) error {
	out.setInt32(i, int32(p.length))
	return nil
}

func listToJSONB(out *output, i int, p properties, _ string) error {
	var keys, values []string
	p.each(func(k, v []byte) { keys, values = append(keys, string(k)), append(values, string(v)) })
	out.setBytes(i, jsonb.AppendProperties(nil, keys, values))
	return nil
}

func sameProperties(out *output, i int, p properties, _ string) error {
	var keys []string
	var values [][]byte
	p.each(func(k, v []byte) { keys, values = append(keys, string(k)), append(values, v) })
	return setEntries(out, i, len(keys), func(n int) (string, []byte) { return keys[n], values[n] })
}
