package wire

import (
	"encoding/binary"

	"github.com/micromegas-go/micromegas/telemetry"
)

// NetLayouts are the layouts of the streams whose blocks a [NetBuilder] makes; their tag is [telemetry.TagNet].
func NetLayouts() (dependencies, objects Layout) {
	begin := func(name, label string, more ...Member) Type {
		return Type{
			Name: name, Size: uint32(24 + 8*len(more)), // the members after the name are padded to 8 bytes each
			Members: append([]Member{number("time", "uint64", 0), reference(label, textRef, 8, 16)}, more...),
		}
	}
	end := func(name string) Type {
		return Type{Name: name, Size: 16, Members: []Member{number("time", "uint64", 0), number("bit_size", "uint32", 8)}}
	}
	return commonDependencies(), Layout{
		begin("NetConnectionBeginEvent", "connection_name", number("is_outgoing", "uint8", 24)),
		end("NetConnectionEndEvent"),
		begin("NetObjectBeginEvent", "object_name"),
		end("NetObjectEndEvent"),
		begin("NetPropertyEvent", "property_name", number("bit_size", "uint32", 24)),
		begin("NetRPCBeginEvent", "function_name"),
		end("NetRPCEndEvent"),
	}
}

const (
	typeBeginConnection = iota
	typeEndConnection
	typeBeginNetObject
	typeEndNetObject
	typeNetProperty
	typeBeginRPC
	typeEndRPC
)

// NetBuilder makes blocks of network events that every version of the readers understands. The zero value is ready.
type NetBuilder struct {
	blockBuilder
}

// BeginConnection appends the begin of a connection. Begins and ends of a stream nest like brackets.
func (b *NetBuilder) BeginConnection(t telemetry.Ticks, name string, outgoing bool) {
	b.begin(typeBeginConnection, t, name)
	if outgoing {
		b.obj64(1)
	} else {
		b.obj64(0)
	}
}

// EndConnection appends the end of a connection, in which bits were sent.
func (b *NetBuilder) EndConnection(t telemetry.Ticks, bits uint32) { b.end(typeEndConnection, t, bits) }

// BeginObject appends the begin of an object's replication.
func (b *NetBuilder) BeginObject(t telemetry.Ticks, name string) {
	b.begin(typeBeginNetObject, t, name)
}

// EndObject appends the end of an object's replication, which took bits.
func (b *NetBuilder) EndObject(t telemetry.Ticks, bits uint32) { b.end(typeEndNetObject, t, bits) }

// BeginRPC appends the begin of a remote call.
func (b *NetBuilder) BeginRPC(t telemetry.Ticks, function string) { b.begin(typeBeginRPC, t, function) }

// EndRPC appends the end of a remote call, which took bits.
func (b *NetBuilder) EndRPC(t telemetry.Ticks, bits uint32) { b.end(typeEndRPC, t, bits) }

// Property appends a property of an object or an argument of a call, which took bits.
func (b *NetBuilder) Property(t telemetry.Ticks, name string, bits uint32) {
	b.begin(typeNetProperty, t, name)
	b.obj64(uint64(bits))
}

func (b *NetBuilder) begin(typ byte, t telemetry.Ticks, name string) {
	id := b.text(name)
	b.objects = append(b.objects, typ)
	b.objTicks(t)
	b.objects = appendReference(b.objects, id)
	b.count++
}

func (b *NetBuilder) end(typ byte, t telemetry.Ticks, bits uint32) {
	b.objects = append(b.objects, typ)
	b.objTicks(t)
	b.objects = binary.LittleEndian.AppendUint32(b.objects, bits)
	b.objects = append(b.objects, 0, 0, 0, 0) // padding
	b.count++
}

// Finish returns the block's payload and number of events, and begins a new block.
func (b *NetBuilder) Finish() (Payload, int32) { return b.finish() }
