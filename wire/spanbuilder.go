package wire

import (
	"encoding/binary"

	"github.com/micromegas-go/micromegas/telemetry"
)

// SpanDesc is what all spans of one place in the program share.
type SpanDesc struct {
	Name, Target, ModulePath, File string
	Line                           uint32
	LOD                            uint32 // level of detail: 1 low, 2 medium, 3 high
}

// SpanLayouts are the layouts of the streams whose blocks a [SpanBuilder] makes; their tag is [telemetry.TagCPU].
func SpanLayouts() (dependencies, objects Layout) {
	dependencies = append(commonDependencies(), Type{Name: "SpanRecord", Size: 48, Members: []Member{
		number("id", "u64", 0), reference("name", textRef, 8, 8), reference("target", textRef, 16, 8),
		reference("module_path", textRef, 24, 8), reference("file", textRef, 32, 8), number("line", "u32", 40), number("lod", "u32", 44),
	}})
	thread := func(name string) Type {
		return Type{Name: name, Size: 16, Members: []Member{
			reference("thread_span_desc", "SpanMetadata*", 0, 8), number("time", "i64", 8),
		}}
	}
	async := func(name string) Type {
		return Type{Name: name, Size: 40, Members: []Member{
			reference("span_desc", "SpanMetadata*", 0, 8), number("span_id", "u64", 8), number("parent_span_id", "u64", 16),
			number("time", "i64", 24), number("depth", "u32", 32),
		}}
	}
	return dependencies, Layout{
		thread("BeginThreadSpanEvent"), thread("EndThreadSpanEvent"),
		async("BeginAsyncSpanEvent"), async("EndAsyncSpanEvent"),
		{Name: "TaggedEndThreadSpanEvent", Size: 24, Members: []Member{
			reference("thread_span_desc", "SpanMetadata*", 0, 8), reference("properties", "PropertySet*", 8, 8), number("time", "i64", 16),
		}},
		{Name: "TaggedEndAsyncSpanEvent", Size: 48, Members: []Member{
			reference("span_desc", "SpanMetadata*", 0, 8), reference("properties", "PropertySet*", 8, 8),
			number("span_id", "u64", 16), number("parent_span_id", "u64", 24), number("time", "i64", 32), number("depth", "u32", 40),
		}},
	}
}

const (
	typeBegin = iota
	typeEnd
	typeBeginAsync
	typeEndAsync
	typeTaggedEnd
	typeTaggedEndAsync
)

// SpanBuilder makes blocks of spans that every version of the readers understands. The zero value is ready.
type SpanBuilder struct {
	blockBuilder
	descs map[SpanDesc]uint64
}

// Begin appends the begin of a span of the stream's thread. Begins and ends of a stream nest like brackets.
func (b *SpanBuilder) Begin(t telemetry.Ticks, d *SpanDesc) { b.thread(typeBegin, t, d) }

// End appends the end of the innermost span of the stream's thread.
func (b *SpanBuilder) End(t telemetry.Ticks, d *SpanDesc) { b.thread(typeEnd, t, d) }

func (b *SpanBuilder) thread(typ byte, t telemetry.Ticks, d *SpanDesc) {
	id := b.desc(d)
	b.objects = append(b.objects, typ)
	b.obj64(id)
	b.objTicks(t)
	b.count++
}

// BeginAsync appends the begin of an async span. Ids count from 1 per process; parent 0 means none.
func (b *SpanBuilder) BeginAsync(t telemetry.Ticks, d *SpanDesc, id, parent uint64, depth uint32) {
	b.async(typeBeginAsync, t, d, id, parent, depth)
}

// EndAsync appends the end of an async span, with the same values as its begin. It may be in another stream.
func (b *SpanBuilder) EndAsync(t telemetry.Ticks, d *SpanDesc, id, parent uint64, depth uint32) {
	b.async(typeEndAsync, t, d, id, parent, depth)
}

func (b *SpanBuilder) async(typ byte, t telemetry.Ticks, d *SpanDesc, id, parent uint64, depth uint32) {
	descID := b.desc(d)
	b.objects = append(b.objects, typ)
	b.obj64(descID)
	b.obj64(id)
	b.obj64(parent)
	b.objTicks(t)
	b.objects = binary.LittleEndian.AppendUint32(b.objects, depth)
	b.objects = append(b.objects, 0, 0, 0, 0) // padding
	b.count++
}

func (b *SpanBuilder) desc(d *SpanDesc) uint64 {
	if id, ok := b.descs[*d]; ok {
		return id
	}
	if b.descs == nil {
		b.descs = map[SpanDesc]uint64{}
	}
	name, target, module, file := b.text(d.Name), b.text(d.Target), b.text(d.ModulePath), b.text(d.File)
	id := b.metadata(typeMetadata)
	b.dep64(name)
	b.dep64(target)
	b.dep64(module)
	b.dep64(file)
	b.dep32(d.Line)
	b.dep32(d.LOD)
	b.descs[*d] = id
	return id
}

// Finish returns the block's payload and number of events, and begins a new block.
func (b *SpanBuilder) Finish() (Payload, int32) {
	clear(b.descs)
	return b.finish()
}
