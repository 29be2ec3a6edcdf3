package wire

import (
	"errors"
	"fmt"
)

// A layout is compiled once per stream: every member becomes a slot, which says what lies at which offset of the
// object, through any nesting. Decoding an event then reads slots without looking at names or checking bounds again.

// slotKind says what a slot holds.
type slotKind uint8

const (
	slotNone slotKind = iota
	slotU8
	slotU32
	slotU64
	slotI64
	slotF64
	slotRef    // the id of a dependency
	slotObject // an object of another type
)

// slotBytes is the size of a slot of each kind but slotObject.
var slotBytes = [...]uint32{slotU8: 1, slotU32: 4, slotU64: 8, slotI64: 8, slotF64: 8, slotRef: 8}

var slotKinds = map[string]slotKind{
	"u8": slotU8, "uint8": slotU8,
	"u32": slotU32, "uint32": slotU32,
	"u64": slotU64, "uint64": slotU64,
	"i64": slotI64, "int64": slotI64,
	"f64": slotF64,
}

// slot is a compiled member.
type slot struct {
	kind slotKind
	off  uint32
	typ  int // of slotObject: index of the type
}

// wide reports whether the slot holds an integer of 64 bits.
func (s slot) wide() bool { return s.kind == slotU64 || s.kind == slotI64 }

// narrow reports whether the slot holds an integer that converts to unsigned 32 bits.
func (s slot) narrow() bool { return s.kind == slotU32 || s.kind == slotU8 }

// schema is a compiled layout.
type schema struct {
	types  []compiledType
	byName map[string]int // the first type of a name counts
}

type compiledType struct {
	name        string
	size        uint32
	isReference bool
	members     []compiledMember
	// weight is the number of values in an object of this type, nested ones included.
	weight int
	err    error // the first member that cannot be decoded
	state  compileState
}

type compiledMember struct {
	name string
	slot slot // slotNone when err is set
	err  error
}

type compileState uint8

const (
	uncompiled compileState = iota
	compiling
	compiled
)

// maxWeight bounds the values of one object. The largest known type has seven.
const maxWeight = 4096

var errNoSuchMember = errors.New("no such member")

// newSchema compiles l. Types that cannot be decoded carry their error; only a layout that is too long fails.
func newSchema(l Layout) (*schema, error) {
	if len(l) > maxTypes {
		return nil, fmt.Errorf("layout has %d types, at most %d can be indexed", len(l), maxTypes)
	}
	s := &schema{types: make([]compiledType, len(l)), byName: make(map[string]int, len(l))}
	for i, t := range l {
		s.types[i] = compiledType{name: t.Name, size: t.Size, isReference: t.IsReference, weight: 1}
		if _, dup := s.byName[t.Name]; !dup {
			s.byName[t.Name] = i
		}
	}
	for i := range l {
		s.compile(l, i)
	}
	return s, nil
}

// compile resolves the members of type i after those of the types it contains.
func (s *schema) compile(l Layout, i int) {
	t := &s.types[i]
	if t.state != uncompiled {
		return
	}
	t.state = compiling
	defer func() { t.state = compiled }()
	if t.size == 0 {
		return // members of a dynamic type describe memory of the client, not the wire
	}
	t.members = make([]compiledMember, len(l[i].Members))
	for k, m := range l[i].Members {
		c := &t.members[k]
		c.name = m.Name
		c.slot, c.err = s.member(l, t.size, m)
		if c.err == nil {
			if c.slot.kind == slotObject {
				t.weight += s.types[c.slot.typ].weight
			} else {
				t.weight++
			}
		}
		if c.err == nil && t.weight > maxWeight {
			c.err = fmt.Errorf("the type has more than %d values", maxWeight)
		}
		if c.err != nil {
			c.slot = slot{}
			c.err = fmt.Errorf("member %q: %w", m.Name, c.err)
			if t.err == nil {
				t.err = c.err
			}
		}
	}
	t.weight = min(t.weight, maxWeight+1)
}

// member resolves one member of a type of window bytes.
func (s *schema) member(l Layout, window uint32, m Member) (slot, error) {
	if uint64(m.Offset)+uint64(m.Size) > uint64(window) {
		return slot{}, fmt.Errorf("offset %d and size %d lie outside of the %d bytes of the type", m.Offset, m.Size, window)
	}
	if m.IsReference {
		if m.Size < slotBytes[slotRef] {
			return slot{}, fmt.Errorf("a reference of %d bytes, want at least %d", m.Size, slotBytes[slotRef])
		}
		return slot{kind: slotRef, off: m.Offset}, nil
	}
	if k, ok := slotKinds[m.TypeName]; ok {
		if m.Size < slotBytes[k] {
			return slot{}, fmt.Errorf("%d bytes are too few for type %s", m.Size, m.TypeName)
		}
		return slot{kind: k, off: m.Offset}, nil
	}
	i, ok := s.byName[m.TypeName]
	if !ok {
		return slot{}, fmt.Errorf("unknown type %.64q", m.TypeName)
	}
	return s.nested(l, window, m, i)
}

// nested resolves a member whose type is type i of the same layout.
func (s *schema) nested(l Layout, window uint32, m Member, i int) (slot, error) {
	t := &s.types[i]
	if t.state == compiling {
		return slot{}, fmt.Errorf("type %.64q contains itself", m.TypeName)
	}
	s.compile(l, i)
	switch {
	case t.size == 0:
		return slot{}, fmt.Errorf("type %.64q has no fixed size", m.TypeName)
	case uint64(m.Offset)+uint64(t.size) > uint64(window):
		return slot{}, fmt.Errorf("type %.64q of %d bytes does not fit at offset %d of %d", m.TypeName, t.size, m.Offset, window)
	case !t.isReference && t.err != nil:
		return slot{}, fmt.Errorf("type %.64q: %w", m.TypeName, t.err)
	case !t.isReference:
		return slot{kind: slotObject, off: m.Offset, typ: i}, nil
	}
	id, err := t.slot("id")
	if err != nil {
		return slot{}, fmt.Errorf("type %.64q: %w", m.TypeName, err)
	}
	id.off += m.Offset
	return id, nil
}

// slot returns the slot of the named member.
func (t *compiledType) slot(name string) (slot, error) {
	for i := range t.members {
		if t.members[i].name == name {
			return t.members[i].slot, t.members[i].err
		}
	}
	return slot{}, fmt.Errorf("member %q: %w", name, errNoSuchMember)
}

// find is slot for a member that may be missing; it returns slotNone then, or when the member cannot be decoded.
func (t *compiledType) find(name string) slot {
	s, err := t.slot(name)
	if err != nil {
		return slot{}
	}
	return s
}

// reference returns where the id of a string reference lies, and the bytes that the reference takes, for the named
// type. Dynamic events embed such references.
func (s *schema) reference(name string) (off, size uint32, err error) {
	i, ok := s.byName[name]
	if !ok {
		return 0, 0, fmt.Errorf("the layout lacks type %s", name)
	}
	t := &s.types[i]
	id, err := t.slot("id")
	if err != nil {
		return 0, 0, fmt.Errorf("type %s: %w", name, err)
	}
	if id.kind != slotRef && !id.wide() {
		return 0, 0, fmt.Errorf("type %s: member id is not 64 bits wide", name)
	}
	return id.off, t.size, nil
}

// The le functions read little-endian integers.

func le32(s string, off uint32) uint32 {
	s = s[off : off+4]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func le64(s string, off uint32) uint64 {
	s = s[off : off+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// u32 reads a narrow slot.
func (s slot) u32(w string) uint32 {
	if s.kind == slotU8 {
		return uint32(w[s.off])
	}
	return le32(w, s.off)
}
