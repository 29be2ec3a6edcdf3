package wire

import (
	"math"

	"github.com/micromegas-go/micromegas/telemetry"
)

// MetricDesc is what all samples of one metric share.
type MetricDesc struct {
	Name, Unit, Target, File string
	Line                     uint32
	LOD                      uint32 // level of detail: 1 low, 2 medium, 3 high
}

// MetricLayouts are the layouts of the streams whose blocks a [MetricBuilder] makes; their tag is
// [telemetry.TagMetrics].
func MetricLayouts() (dependencies, objects Layout) {
	sample := func(name, value string) Type {
		return Type{Name: name, Size: 32, Members: []Member{
			reference("desc", "MetricMetadata*", 0, 8), reference("properties", "PropertySet*", 8, 8),
			number("value", value, 16), number("time", "i64", 24),
		}}
	}
	dependencies = append(commonDependencies(), Type{Name: "MetricMetadataDependency", Size: 48, Members: []Member{
		number("id", "u64", 0), reference("name", textRef, 8, 8), reference("unit", textRef, 16, 8),
		reference("target", textRef, 24, 8), reference("file", textRef, 32, 8), number("line", "u32", 40), number("lod", "u32", 44),
	}})
	plain := func(name, value string) Type {
		return Type{Name: name, Size: 24, Members: []Member{
			reference("desc", "MetricMetadata*", 0, 8), number("value", value, 8), number("time", "i64", 16),
		}}
	}
	return dependencies, Layout{
		sample("TaggedIntegerMetricEvent", "u64"), sample("TaggedFloatMetricEvent", "f64"),
		plain("IntegerMetricEvent", "u64"), plain("FloatMetricEvent", "f64"),
	}
}

const (
	typeInteger = iota
	typeFloat
	typePlainInteger
	typePlainFloat // in the same order
)

// MetricBuilder makes blocks of metrics that every version of the readers understands. The zero value is ready.
type MetricBuilder struct {
	blockBuilder
	descs map[MetricDesc]uint64
}

// Integer appends a sample of an integer metric.
func (b *MetricBuilder) Integer(t telemetry.Ticks, d *MetricDesc, v uint64, p Properties) {
	b.add(typeInteger, t, d, v, p)
}

// Float appends a sample of a float metric.
func (b *MetricBuilder) Float(t telemetry.Ticks, d *MetricDesc, v float64, p Properties) {
	b.add(typeFloat, t, d, math.Float64bits(v), p)
}

func (b *MetricBuilder) add(typ byte, t telemetry.Ticks, d *MetricDesc, bits uint64, p Properties) {
	descID, setID := b.desc(d), b.set(p)
	b.objects = append(b.objects, typ)
	b.obj64(descID)
	b.obj64(setID)
	b.obj64(bits)
	b.objTicks(t)
	b.count++
}

func (b *MetricBuilder) desc(d *MetricDesc) uint64 {
	if id, ok := b.descs[*d]; ok {
		return id
	}
	if b.descs == nil {
		b.descs = map[MetricDesc]uint64{}
	}
	name, unit, target, file := b.text(d.Name), b.text(d.Unit), b.text(d.Target), b.text(d.File)
	id := b.metadata(typeMetadata)
	b.dep64(name)
	b.dep64(unit)
	b.dep64(target)
	b.dep64(file)
	b.dep32(d.Line)
	b.dep32(d.LOD)
	b.descs[*d] = id
	return id
}

// Finish returns the block's payload and number of events, and begins a new block.
func (b *MetricBuilder) Finish() (Payload, int32) {
	clear(b.descs)
	return b.finish()
}
