package wire

import (
	"errors"
	"fmt"
)

// depOp says how records of a dependency type are read.
type depOp uint8

const (
	depSkip         depOp = iota // a dynamic type that we do not know
	depStaticString              // u64 id, text to the end
	depString                    // u64 id, string
	depPropertySet               // u64 id, u32 count, properties
	depRecord                    // a static type with an id
)

// depProgram is a compiled dependency type.
type depProgram struct {
	op   depOp
	size uint32 // 0 = dynamic
	err  error  // no record of this type can be read

	// of depRecord
	id   slot
	desc descSlots
	typ  int

	// of depPropertySet
	stride, name, value uint32
}

// descSlots are where the members of a metadata record lie; slotNone where the record has no such member.
type descSlots struct {
	name, unit, target, file, modulePath, fmtStr slot
	line, level                                  slot
}

func compileDependencies(s *schema) []depProgram {
	programs := make([]depProgram, len(s.types))
	for i := range s.types {
		t := &s.types[i]
		p := &programs[i]
		p.size, p.typ = t.size, i
		switch {
		case t.size > 0:
			p.compileRecord(t)
		case t.name == "StaticString":
			p.op = depStaticString
		case t.name == "StaticStringDependency":
			p.op = depString
		case t.name == "PropertySetDependency":
			p.op = depPropertySet
			p.compileProperty(s)
		}
	}
	return programs
}

func (p *depProgram) compileRecord(t *compiledType) {
	p.op = depRecord
	if p.id, p.err = t.slot("id"); p.err != nil {
		return
	}
	if !p.id.wide() {
		p.err = errors.New("member id is not a number of 64 bits")
		return
	}
	ref := func(name string) slot {
		if s := t.find(name); s.kind == slotRef {
			return s
		}
		return slot{}
	}
	num := func(name string) slot {
		if s := t.find(name); s.narrow() {
			return s
		}
		return slot{}
	}
	p.desc = descSlots{
		name: ref("name"), unit: ref("unit"), target: ref("target"), file: ref("file"),
		modulePath: ref("module_path"), fmtStr: ref("fmt_str"),
		line: num("line"), level: num("level"),
	}
}

func (p *depProgram) compileProperty(s *schema) {
	i, ok := s.byName["Property"]
	if !ok {
		p.err = errors.New("the layout lacks type Property")
		return
	}
	t := &s.types[i]
	name, err1 := t.slot("name")
	value, err2 := t.slot("value")
	if err := errors.Join(err1, err2); err != nil {
		p.err = fmt.Errorf("type Property: %w", err)
		return
	}
	if name.kind != slotRef || value.kind != slotRef {
		p.err = errors.New("type Property: name and value are not references")
		return
	}
	p.stride, p.name, p.value = t.size, name.off, value.off
}

// dependency is a record that events refer to. Exactly one of set and desc is not nil unless it is a text.
type dependency struct {
	id   uint64
	err  error // the record was there, but cannot be used
	text string
	set  *propertySet
	desc *descriptor
}

// propertySet is a property set and what it overrides.
type propertySet struct {
	list  Properties
	bytes int64   // length of all texts
	tree  *Object // in generic decoding

	level                       int32 // 0: none
	target, name, unit          string
	hasTarget, hasName, hasUnit bool
}

// descriptor is a metadata record: what all events of one place in the program share.
type descriptor struct {
	name, unit, target, file, modulePath, fmtStr string
	line                                         uint32
	level                                        int32

	hash    uint32 // SpanHash, once hasHash
	hasHash bool

	tree   *Object // in generic decoding
	weight int     // values in tree, the trees it refers to included
}

func (d *descriptor) scopeHash() uint32 {
	if !d.hasHash {
		d.hash, d.hasHash = SpanHash(d.name, d.file, d.target, d.line), true
	}
	return d.hash
}

// propertiesPerDependency times the limit on dependencies is the limit on properties of all sets of a block.
const propertiesPerDependency = 4

// levelNames are the texts that a property "level" must have to count.
var levelNames = map[string]int32{
	"fatal": LevelFatal, "error": LevelError, "warning": LevelWarn,
	"info": LevelInfo, "debug": LevelDebug, "trace": LevelTrace,
}

// override notes what the set replaces in events that it is attached to. The first property of a name counts.
func (s *propertySet) override() {
	for i := range s.list {
		p := &s.list[i]
		s.bytes += int64(len(p.Name) + len(p.Value))
		switch {
		case p.Name == "level" && s.level == 0:
			s.level = levelNames[p.Value] // 0 for any other text: the event's own level stays
		case p.Name == "target" && !s.hasTarget:
			s.target, s.hasTarget = p.Value, true
		case p.Name == "name" && !s.hasName:
			s.name, s.hasName = p.Value, true
		case p.Name == "unit" && !s.hasUnit:
			s.unit, s.hasUnit = p.Value, true
		}
	}
}

// readDependencies reads the queue of dependencies front to back. A record that cannot be used makes the events that
// refer to it bad; only a queue whose records cannot be told apart is an error.
func (b *blockReader) readDependencies(queue string) error {
	q := queueReader{rest: queue}
	for n := 0; len(q.rest) > 0; n++ {
		if n == b.d.limits.Dependencies {
			return fmt.Errorf("more than %d records", n)
		}
		typ, record, err := q.next(b.d.deps.types)
		if err != nil {
			return fmt.Errorf("record %d: %w", n, err)
		}
		p := &b.d.depPrograms[typ]
		if p.op == depSkip {
			continue
		}
		dep, known, err := b.readDependency(p, record)
		if err != nil {
			dep.err = fmt.Errorf("dependency %d %s: %w", n, b.d.deps.types[typ].name, err)
			b.stats.badDependency(dep.err)
		}
		if !known {
			continue
		}
		if _, dup := b.index[dep.id]; dup {
			b.stats.badDependency(fmt.Errorf("dependency %d %s: id %#x occurs twice", n, b.d.deps.types[typ].name, dep.id))
			continue
		}
		b.index[dep.id] = int32(len(b.all))
		b.all = append(b.all, dep)
	}
	return nil
}

// readDependency reads one record. Known says that its id could be read.
func (b *blockReader) readDependency(p *depProgram, record string) (dep dependency, known bool, err error) {
	if p.err != nil {
		return dep, false, p.err
	}
	if p.op == depRecord {
		dep.id = le64(record, p.id.off)
		dep.desc, err = b.descriptor(p, record)
		return dep, true, err
	}
	c := cursor{s: record}
	dep.id = c.u64()
	if c.short {
		return dep, false, errShort
	}
	switch p.op {
	case depStaticString:
		dep.text = lossyUTF8(c.s)
	case depString:
		dep.text, err = c.text()
	case depPropertySet:
		dep.set, err = b.propertySet(p, &c)
	default:
	}
	return dep, true, err
}

func (b *blockReader) descriptor(p *depProgram, record string) (*descriptor, error) {
	d := &descriptor{}
	s := &p.desc
	for _, m := range [...]struct {
		slot slot
		dst  *string
	}{
		{s.name, &d.name},
		{s.unit, &d.unit},
		{s.target, &d.target},
		{s.file, &d.file},
		{s.modulePath, &d.modulePath},
		{s.fmtStr, &d.fmtStr},
	} {
		if m.slot.kind == slotNone {
			continue
		}
		var err error
		if *m.dst, err = b.text(le64(record, m.slot.off)); err != nil {
			return d, err
		}
	}
	if s.line.kind != slotNone {
		d.line = s.line.u32(record)
	}
	if s.level.kind != slotNone {
		d.level = int32(s.level.u32(record))
	}
	if b.generic {
		tree, weight, err := b.tree(&b.d.deps.types[p.typ], b.d.deps, record)
		if err != nil {
			return d, err
		}
		d.tree, d.weight = tree, weight
	}
	return d, nil
}

func (b *blockReader) propertySet(p *depProgram, c *cursor) (*propertySet, error) {
	n := c.u32()
	if uint64(n)*uint64(p.stride) > uint64(len(c.s)) {
		return nil, fmt.Errorf("%d properties in %d bytes: %w", n, len(c.s), errShort)
	}
	if b.properties += int64(n); b.properties > propertiesPerDependency*int64(b.d.limits.Dependencies) {
		return nil, errors.New("the block has too many properties")
	}
	s := &propertySet{list: make(Properties, n)}
	for i := range s.list {
		w := c.take(p.stride)
		name, err := b.text(le64(w, p.name))
		if err != nil {
			return nil, fmt.Errorf("name of property %d: %w", i, err)
		}
		value, err := b.text(le64(w, p.value))
		if err != nil {
			return nil, fmt.Errorf("value of property %d: %w", i, err)
		}
		s.list[i] = Property{Name: name, Value: value}
	}
	s.override()
	if b.generic {
		s.tree = &Object{Type: propertySetType, Fields: make([]Field, n)}
		for i, p := range s.list {
			s.tree.Fields[i] = Field{Name: p.Name, Value: p.Value}
		}
	}
	return s, nil
}

// find returns the dependency with the given id.
func (b *blockReader) find(id uint64) (*dependency, error) {
	if c := &b.cache[id>>3%uint64(len(b.cache))]; c.dep != nil && c.id == id {
		return c.dep, c.dep.err
	}
	i, ok := b.index[id]
	if !ok {
		return nil, fmt.Errorf("no dependency has the id %#x", id)
	}
	dep := &b.all[i]
	b.cache[id>>3%uint64(len(b.cache))] = cached{id, dep}
	return dep, dep.err
}

// text returns the text with the given id.
func (b *blockReader) text(id uint64) (string, error) {
	dep, err := b.find(id)
	if err != nil {
		return "", err
	}
	if dep.set != nil || dep.desc != nil {
		return "", fmt.Errorf("dependency %#x is not a text", id)
	}
	return dep.text, nil
}

func (b *blockReader) set(id uint64) (*propertySet, error) {
	dep, err := b.find(id)
	if err != nil {
		return nil, err
	}
	if dep.set == nil {
		return nil, fmt.Errorf("dependency %#x is not a property set", id)
	}
	return dep.set, nil
}

func (b *blockReader) desc(id uint64) (*descriptor, error) {
	dep, err := b.find(id)
	if err != nil {
		return nil, err
	}
	if dep.desc == nil {
		return nil, fmt.Errorf("dependency %#x is not a metadata record", id)
	}
	return dep.desc, nil
}
