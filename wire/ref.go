package wire

import (
	"encoding/binary"
	"math"

	"github.com/micromegas-go/micromegas/telemetry"
)

// Ref is the id of a text, a property set or a metadata record in the block that a builder is making. It ends with
// Finish. Who adds many events of few kinds looks each text up once and then adds by Ref.
type Ref uint64

// NoProperties stands for the absence of a property set.
const NoProperties Ref = 0

// Text returns the Ref of a text.
func (b *blockBuilder) Text(s string) Ref { return Ref(b.text(s)) }

// Set returns the Ref of a property set; sets with the same properties in the same order share one. For an empty set it
// is [NoProperties].
func (b *blockBuilder) Set(p Properties) Ref {
	if len(p) == 0 {
		return NoProperties
	}
	return Ref(b.set(p))
}

// Desc returns the Ref of a metric's metadata.
func (b *MetricBuilder) Desc(d *MetricDesc) Ref { return Ref(b.desc(d)) }

// IntegerRef appends a sample of an integer metric. Without properties it takes 25 bytes, with them 33.
func (b *MetricBuilder) IntegerRef(t telemetry.Ticks, desc Ref, v uint64, properties Ref) {
	b.addRef(typeInteger, t, desc, v, properties)
}

// FloatRef appends a sample of a float metric.
func (b *MetricBuilder) FloatRef(t telemetry.Ticks, desc Ref, v float64, properties Ref) {
	b.addRef(typeFloat, t, desc, math.Float64bits(v), properties)
}

func (b *MetricBuilder) addRef(typ byte, t telemetry.Ticks, desc Ref, bits uint64, properties Ref) {
	b.count++
	if properties == NoProperties {
		o := append(b.objects, typ+typePlainInteger-typeInteger)
		o = binary.LittleEndian.AppendUint64(o, uint64(desc))
		o = binary.LittleEndian.AppendUint64(o, bits)
		b.objects = binary.LittleEndian.AppendUint64(o, uint64(t))
		return
	}
	o := append(b.objects, typ)
	o = binary.LittleEndian.AppendUint64(o, uint64(desc))
	o = binary.LittleEndian.AppendUint64(o, uint64(properties))
	o = binary.LittleEndian.AppendUint64(o, bits)
	b.objects = binary.LittleEndian.AppendUint64(o, uint64(t))
}

// Desc returns the Ref of a span's metadata.
func (b *SpanBuilder) Desc(d *SpanDesc) Ref { return Ref(b.desc(d)) }

// BeginRef appends the begin of a span of the stream's thread.
func (b *SpanBuilder) BeginRef(t telemetry.Ticks, desc Ref) {
	b.threadRef(typeBegin, t, desc, NoProperties)
}

// EndRef appends the end of the innermost span of the stream's thread. Readers older than 0.32 don't know ends with
// properties and pass over them, which leaves the span open there.
func (b *SpanBuilder) EndRef(t telemetry.Ticks, desc, properties Ref) {
	if properties != NoProperties {
		b.threadRef(typeTaggedEnd, t, desc, properties)
		return
	}
	b.threadRef(typeEnd, t, desc, NoProperties)
}

func (b *SpanBuilder) threadRef(typ byte, t telemetry.Ticks, desc, properties Ref) {
	o := append(b.objects, typ)
	o = binary.LittleEndian.AppendUint64(o, uint64(desc))
	if properties != NoProperties {
		o = binary.LittleEndian.AppendUint64(o, uint64(properties))
	}
	b.objects = binary.LittleEndian.AppendUint64(o, uint64(t))
	b.count++
}

// BeginAsyncRef appends the begin of an async span, see [SpanBuilder.BeginAsync].
func (b *SpanBuilder) BeginAsyncRef(t telemetry.Ticks, desc Ref, id, parent uint64, depth uint32) {
	b.asyncRef(typeBeginAsync, t, desc, NoProperties, id, parent, depth)
}

// EndAsyncRef appends the end of an async span, see [SpanBuilder.EndAsync] and [SpanBuilder.EndRef].
func (b *SpanBuilder) EndAsyncRef(t telemetry.Ticks, desc, properties Ref, id, parent uint64, depth uint32) {
	if properties != NoProperties {
		b.asyncRef(typeTaggedEndAsync, t, desc, properties, id, parent, depth)
		return
	}
	b.asyncRef(typeEndAsync, t, desc, NoProperties, id, parent, depth)
}

func (b *SpanBuilder) asyncRef(typ byte, t telemetry.Ticks, desc, properties Ref, id, parent uint64, depth uint32) {
	o := append(b.objects, typ)
	o = binary.LittleEndian.AppendUint64(o, uint64(desc))
	if properties != NoProperties {
		o = binary.LittleEndian.AppendUint64(o, uint64(properties))
	}
	o = binary.LittleEndian.AppendUint64(o, id)
	o = binary.LittleEndian.AppendUint64(o, parent)
	o = binary.LittleEndian.AppendUint64(o, uint64(t))
	b.objects = binary.LittleEndian.AppendUint64(o, uint64(depth)) // and padding
	b.count++
}

// AddRef appends an entry, see [LogBuilder.Add].
func (b *LogBuilder) AddRef(t telemetry.Ticks, level int32, target Ref, msg string, properties Ref) {
	if properties == NoProperties {
		properties = Ref(b.set(nil)) // the only form that every reader knows has a set
	}
	b.add(t, level, uint64(target), msg, uint64(properties))
}
