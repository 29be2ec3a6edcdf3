package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"testing"
)

// reencoder writes the queues of a block from the generic form of its events, for any layout.
type reencoder struct {
	t          *testing.T
	deps, objs *schema
	programs   []program
	dq, oq     queue
	texts      map[string]uint64
	others     map[*Object]uint64
	next       uint64
}

func newReencoder(t *testing.T, deps, objs Layout) *reencoder {
	t.Helper()
	ds, err1 := newSchema(deps)
	os, err2 := newSchema(objs)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return &reencoder{
		t: t, deps: ds, objs: os, programs: compileEvents(os), texts: map[string]uint64{}, others: map[*Object]uint64{},
		next: 1 << 62, // out of the way of the ids of metadata records, which stay as they are
	}
}

func (r *reencoder) event(o *Object) {
	i, ok := r.objs.byName[o.Type]
	if !ok {
		r.t.Fatalf("no type %s", o.Type)
	}
	if r.objs.types[i].size > 0 {
		r.oq = append(append(r.oq, byte(i)), r.static(r.objs, i, o)...)
		return
	}
	r.oq.dynamic(byte(i), r.dynamic(&r.programs[i], o))
}

func field(o *Object, name string) any {
	for _, f := range o.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return nil
}

// static writes an object with garbage between its members.
func (r *reencoder) static(s *schema, typ int, o *Object) []byte {
	t := &s.types[typ]
	b := make([]byte, t.size)
	for i := range b {
		b[i] = 0xcd
	}
	for _, m := range t.members {
		at := b[m.slot.off:]
		switch v := field(o, m.name).(type) {
		case uint8:
			at[0] = v
		case uint32:
			binary.LittleEndian.PutUint32(at, v)
		case uint64:
			binary.LittleEndian.PutUint64(at, v)
		case int64:
			binary.LittleEndian.PutUint64(at, uint64(v))
		case float64:
			binary.LittleEndian.PutUint64(at, math.Float64bits(v))
		case string:
			binary.LittleEndian.PutUint64(at, r.id(v))
		case *Object:
			if m.slot.kind == slotRef {
				binary.LittleEndian.PutUint64(at, r.id(v))
			} else {
				copy(at, r.static(s, m.slot.typ, v))
			}
		default:
			r.t.Fatalf("%s.%s is a %T", o.Type, m.name, v)
		}
	}
	return b
}

// id writes a dependency, unless it is there, and returns its id.
func (r *reencoder) id(v any) uint64 {
	switch v := v.(type) {
	case string:
		id, ok := r.texts[v]
		if !ok {
			r.next++
			id = r.next
			r.texts[v] = id
			if i, ok := r.deps.byName["StaticString"]; ok {
				r.dq.dynamic(byte(i), append(words(id), v...))
			} else {
				r.dq.dynamic(byte(r.deps.byName["StaticStringDependency"]), textRecord(id, v))
			}
		}
		return id
	case *Object:
		if id, ok := r.others[v]; ok {
			return id
		}
		if v.Type != propertySetType {
			i := r.deps.byName[v.Type]
			record := r.static(r.deps, i, v)
			id := field(v, "id").(uint64)
			r.others[v] = id
			r.dq = append(append(r.dq, byte(i)), record...)
			return id
		}
		property := r.deps.types[r.deps.byName["Property"]]
		var list []byte
		for _, f := range v.Fields {
			entry := make([]byte, property.size)
			binary.LittleEndian.PutUint64(entry[property.find("name").off:], r.id(f.Name))
			binary.LittleEndian.PutUint64(entry[property.find("value").off:], r.id(f.Value))
			list = append(list, entry...)
		}
		r.next++
		id := r.next
		r.others[v] = id
		record := binary.LittleEndian.AppendUint32(words(id), uint32(len(v.Fields)))
		r.dq.dynamic(byte(r.deps.byName["PropertySetDependency"]), append(record, list...))
		return id
	}
	r.t.Fatalf("%T cannot be referred to", v)
	return 0
}

func (r *reencoder) dynamic(p *program, o *Object) []byte {
	time := uint64(field(o, "time").(int64))
	text := func(name string) string { return field(o, name).(string) }
	ref := func() []byte {
		b := make([]byte, p.referenceBytes)
		binary.LittleEndian.PutUint64(b[p.referenceOff:], r.id(field(o, "target")))
		return b
	}
	switch p.op {
	case opLogString:
		return appendString(words(r.id(field(o, "desc")), time), text("msg"))
	case opLogTaggedString:
		return appendString(words(r.id(field(o, "desc")), r.id(field(o, "properties")), time), text("msg"))
	case opLogInterop:
		return appendString(append(append(words(time), field(o, "level").(uint8)), ref()...), text("msg"))
	case opLogTaggedInterop:
		b := append(append(words(time), field(o, "level").(uint8)), ref()...)
		return appendString(append(b, words(r.id(field(o, "properties")))...), text("msg"))
	}
	if p.op != opImage {
		r.t.Fatalf("no writer for %s", o.Type)
	}
	data := field(o, "data").([]byte)
	b := appendString(appendString(words(time), text("name")), text("format"))
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(data))), data...)
}

// TestReencodeVectors writes every captured block anew and reads it back: both forms of every event stay the same.
func TestReencodeVectors(t *testing.T) {
	for _, set := range vectorSets {
		c := loadCapture(t, set)
		for _, b := range c.blocks {
			s := c.streams[b.StreamID]
			deps, err1 := DecodeLayout(s.DependenciesMetadata)
			objs, err2 := DecodeLayout(s.ObjectsMetadata)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			d := mustDecoder(t, deps, objs, Limits{})
			trees, events := bothForms(t, d, b.payload)
			r := newReencoder(t, deps, objs)
			for i := range trees {
				r.event(&trees[i])
			}
			trees2, events2 := bothForms(t, d, payloadOf(r.dq, r.oq))
			if a, b2 := fmt.Sprintf("%+v", texts(trees)), fmt.Sprintf("%+v", texts(trees2)); a != b2 {
				t.Errorf("%s/%s:\n got %.2000s\nwant %.2000s", set, b.file, b2, a)
			}
			// Of floats, NaN included, the text is compared.
			if a, b2 := fmt.Sprintf("%+v", events), fmt.Sprintf("%+v", events2); a != b2 || len(events) != len(events2) {
				t.Errorf("%s/%s:\n got %.2000s\nwant %.2000s", set, b.file, b2, a)
			}
		}
	}
}

// texts is the notation of decoded.json for all trees.
func texts(trees []Object) []any {
	var all []any
	for i := range trees {
		all = append(all, treeJSON(&trees[i]))
	}
	return all
}

func bothForms(t *testing.T, d *Decoder, p Payload) (trees []Object, events []Event) {
	t.Helper()
	if err := d.Objects(p, func(o Object) error { trees = append(trees, o); return nil }); err != nil {
		t.Fatal(err)
	}
	stats, err := d.Events(p, func(e *Event) error { events = append(events, *e); return nil })
	if err != nil || stats.Bad+stats.BadDependencies > 0 {
		t.Fatalf("%+v %v", stats, err)
	}
	return trees, events
}

// TestObjectsOfBuilders checks the generic form of the builders' blocks, types included.
func TestObjectsOfBuilders(t *testing.T) {
	var b MetricBuilder
	b.Integer(7, &MetricDesc{Name: "n", Unit: "u", Target: "t", File: "f", Line: 3, LOD: 2}, 9, Properties{{"k", "v"}})
	p, _ := b.Finish()
	deps, objs := MetricLayouts()
	trees, _ := bothForms(t, mustDecoder(t, deps, objs, Limits{}), p)
	// The ids are those of the set, its two texts, and the four texts of the record.
	want := []Object{{Type: "TaggedIntegerMetricEvent", Fields: []Field{
		{"desc", &Object{Type: "MetricMetadataDependency", Fields: []Field{
			{"id", uint64(5)}, {"name", "n"}, {"unit", "u"}, {"target", "t"}, {"file", "f"}, {"line", uint32(3)}, {"lod", uint32(2)},
		}}},
		{"properties", &Object{Type: "property_set", Fields: []Field{{"k", "v"}}}},
		{"value", uint64(9)},
		{"time", int64(7)},
	}}}
	if !reflect.DeepEqual(trees, want) {
		t.Errorf("%v\nwant %v", texts(trees), texts(want))
	}
}
