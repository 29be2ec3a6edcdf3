package wire

import (
	"encoding/binary"

	"github.com/micromegas-go/micromegas/telemetry"
)

// blockBuilder collects the two queues of a block. Ids of dependencies count from 1 in every block; each dependency is
// written once, before what refers to it.
type blockBuilder struct {
	dependencies []byte
	objects      []byte
	count        int32
	lastID       uint64

	texts map[string]uint64
	sets  map[string]uint64 // by the bytes of the property references
	buf   []byte
}

// The type indexes that the builders' dependency layouts begin with.
const (
	typeText = iota
	typeSet
	typeProperty
	typeMetadata
)

// Len is the number of events so far.
func (b *blockBuilder) Len() int { return int(b.count) }

// Size is the number of bytes so far, before compression.
func (b *blockBuilder) Size() int { return len(b.dependencies) + len(b.objects) }

// reset begins a new block in the same memory.
func (b *blockBuilder) reset() {
	clear(b.texts)
	clear(b.sets)
	b.dependencies, b.objects, b.count, b.lastID = b.dependencies[:0], b.objects[:0], 0, 0
}

// finish returns the block's payload and number of events.
func (b *blockBuilder) finish() (Payload, int32) {
	p := Payload{Dependencies: deflate(b.dependencies), Objects: deflate(b.objects)}
	n := b.count
	b.reset()
	return p, n
}

func (b *blockBuilder) newID() uint64 {
	b.lastID++
	return b.lastID
}

// text returns the id of a text.
func (b *blockBuilder) text(s string) uint64 {
	if id, ok := b.texts[s]; ok {
		return id
	}
	if b.texts == nil {
		b.texts = map[string]uint64{}
	}
	id := b.newID()
	b.texts[s] = id
	const head = 8 + 1 + 4 // id, codec, length
	b.dependencies = append(b.dependencies, typeText)
	b.dependencies = binary.LittleEndian.AppendUint32(b.dependencies, uint32(head+len(s)))
	b.dependencies = binary.LittleEndian.AppendUint64(b.dependencies, id)
	b.dependencies = appendString(b.dependencies, s)
	return id
}

// set returns the id of a property set. Sets with the same properties in the same order share one.
func (b *blockBuilder) set(p Properties) uint64 {
	b.buf = b.buf[:0]
	for i := range p {
		b.buf = appendReference(b.buf, b.text(p[i].Name))
		b.buf = appendReference(b.buf, b.text(p[i].Value))
	}
	if id, ok := b.sets[string(b.buf)]; ok {
		return id
	}
	if b.sets == nil {
		b.sets = map[string]uint64{}
	}
	id := b.newID()
	b.sets[string(b.buf)] = id
	const head = 8 + 4 // id, count
	b.dependencies = append(b.dependencies, typeSet)
	b.dependencies = binary.LittleEndian.AppendUint32(b.dependencies, uint32(head+len(b.buf)))
	b.dependencies = binary.LittleEndian.AppendUint64(b.dependencies, id)
	b.dependencies = binary.LittleEndian.AppendUint32(b.dependencies, uint32(len(p)))
	b.dependencies = append(b.dependencies, b.buf...)
	return id
}

// metadata begins a metadata record and returns its id; the caller appends the other members.
func (b *blockBuilder) metadata(typ byte) uint64 {
	id := b.newID()
	b.dependencies = append(b.dependencies, typ)
	b.dependencies = binary.LittleEndian.AppendUint64(b.dependencies, id)
	return id
}

// dep64 and dep32 append to the metadata record.
func (b *blockBuilder) dep64(v uint64) {
	b.dependencies = binary.LittleEndian.AppendUint64(b.dependencies, v)
}

func (b *blockBuilder) dep32(v uint32) {
	b.dependencies = binary.LittleEndian.AppendUint32(b.dependencies, v)
}

// obj64 appends to the event.
func (b *blockBuilder) obj64(v uint64) {
	b.objects = binary.LittleEndian.AppendUint64(b.objects, v)
}

func (b *blockBuilder) objTicks(t telemetry.Ticks) {
	b.obj64(uint64(t))
}

// appendString appends a string: codec, length, bytes.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, codecUTF8)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s)))
	return append(dst, s...)
}

// appendReference appends a reference to a text: id, and a length and codec that nobody reads.
func appendReference(dst []byte, id uint64) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, id)
	return append(dst, 0, 0, 0, 0, codecUTF8, 0, 0, 0)
}

// The building blocks of layouts.

func reference(name, typ string, offset, size uint32) Member {
	return Member{Name: name, TypeName: typ, Offset: offset, Size: size, IsReference: true}
}

func number(name, typ string, offset uint32) Member {
	return Member{Name: name, TypeName: typ, Offset: offset, Size: slotBytes[slotKinds[typ]]}
}

// textRef is the name of the type of references to texts.
const textRef = "StaticStringRef"

func textRefType() Type {
	return Type{Name: textRef, Size: 16, IsReference: true, Members: []Member{reference("id", "uint64", 0, 8)}}
}

// commonDependencies are the types at typeText, typeSet and typeProperty.
func commonDependencies() Layout {
	return Layout{
		{Name: "StaticStringDependency", Members: []Member{}},
		{Name: "PropertySetDependency", Members: []Member{}},
		{Name: "Property", Size: 32, Members: []Member{reference("name", textRef, 0, 16), reference("value", textRef, 16, 16)}},
	}
}
