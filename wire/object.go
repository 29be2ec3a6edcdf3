package wire

import (
	"errors"
	"fmt"
	"math"
)

// Object is an event, or a dependency that an event refers to, as its layout describes it.
type Object struct {
	Index  int64  // of an event: position in the block
	Type   string // name of the type; "property_set" for property sets
	Fields []Field
}

// Field is one named value of an [Object].
type Field struct {
	Name string
	// Value is a uint8, uint32, uint64, int64, float64, string, []byte or *Object.
	Value any
}

const propertySetType = "property_set"

// maxTree bounds the values of one tree, with everything that is referred to counted at each place.
const maxTree = 1 << 16

// Objects calls yield for every event of p in generic form, in the order in which they were recorded. A dynamic event
// of an unknown type has no fields. Parts of the trees are shared between events; texts are as in [Event].
//
// The error is the one that yield returned, or says why the block ends early, or what was wrong with the first event
// that had to be left out; everything else was yielded.
func (d *Decoder) Objects(p Payload, yield func(Object) error) error {
	b := d.acquire()
	defer d.release(b)
	err := b.load(p, true)
	if b.objects != "" {
		if e := b.walk(yield); e != nil {
			err = errors.Join(err, e)
		}
	}
	return err
}

func (b *blockReader) walk(yield func(Object) error) error {
	q := queueReader{rest: b.objects}
	var bad int
	var first error
	for n := 0; len(q.rest) > 0; n++ {
		if n == b.d.limits.Events {
			return fmt.Errorf("objects: more than %d events", n)
		}
		typ, record, err := q.next(b.d.objects.types)
		if err != nil {
			return fmt.Errorf("objects: event %d: %w", n, err)
		}
		o, err := b.object(typ, record)
		if err != nil {
			if bad++; bad == 1 {
				first = fmt.Errorf("event %d %s: %w", n, b.d.objects.types[typ].name, err)
			}
			continue
		}
		o.Index = int64(n)
		if err := yield(*o); err != nil {
			return err
		}
	}
	if bad > 0 {
		return fmt.Errorf("objects: %d events cannot be read, the first: %w", bad, first)
	}
	return nil
}

func (b *blockReader) object(typ int, record string) (*Object, error) {
	t := &b.d.objects.types[typ]
	if t.size == 0 {
		return b.dynamic(&b.d.programs[typ], t.name, record)
	}
	if t.isReference {
		return nil, errors.New("a reference is not an event")
	}
	o, weight, err := b.tree(t, b.d.objects, record)
	if err == nil && weight > maxTree {
		err = fmt.Errorf("refers to more than %d values", maxTree)
	}
	return o, err
}

// tree makes an object of a static type. The weight is the number of its values.
func (b *blockReader) tree(t *compiledType, s *schema, record string) (o *Object, weight int, err error) {
	if t.err != nil {
		return nil, 0, t.err
	}
	o = &Object{Type: t.name, Fields: make([]Field, len(t.members))}
	weight = 1
	for i := range t.members {
		m := &t.members[i]
		v, w, err := b.value(m.slot, s, record)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", m.name, err)
		}
		if weight += w; weight > maxTree {
			return nil, 0, fmt.Errorf("refers to more than %d values", maxTree)
		}
		o.Fields[i] = Field{Name: m.name, Value: v}
	}
	return o, weight, nil
}

func (b *blockReader) value(s slot, in *schema, record string) (v any, weight int, err error) {
	switch s.kind {
	case slotU8:
		return record[s.off], 1, nil
	case slotU32:
		return le32(record, s.off), 1, nil
	case slotU64:
		return le64(record, s.off), 1, nil
	case slotI64:
		return int64(le64(record, s.off)), 1, nil
	case slotF64:
		return math.Float64frombits(le64(record, s.off)), 1, nil
	case slotRef:
		return b.referred(le64(record, s.off))
	case slotObject:
		t := &in.types[s.typ]
		return b.subtree(t, in, record[s.off:s.off+t.size])
	default:
	}
	return nil, 0, errNoSuchMember
}

func (b *blockReader) subtree(t *compiledType, in *schema, record string) (any, int, error) {
	o, weight, err := b.tree(t, in, record)
	return o, weight, err
}

// referred returns the dependency with the given id in generic form.
func (b *blockReader) referred(id uint64) (v any, weight int, err error) {
	dep, err := b.find(id)
	switch {
	case err != nil:
		return nil, 0, err
	case dep.desc != nil:
		return dep.desc.tree, dep.desc.weight, nil
	case dep.set != nil:
		return dep.set.tree, 1 + len(dep.set.list), nil
	}
	return dep.text, 1, nil
}
