package wire

import (
	"encoding/binary"

	"github.com/micromegas-go/micromegas/telemetry"
)

// LogLayouts are the layouts of the streams whose blocks a [LogBuilder] makes; their tag is [telemetry.TagLog].
func LogLayouts() (dependencies, objects Layout) {
	return commonDependencies(), Layout{
		{Name: "TaggedLogInteropEvent", Members: []Member{}},
		textRefType(),
	}
}

// LogBuilder makes blocks of log entries that every version of the readers understands. The zero value is ready.
type LogBuilder struct {
	blockBuilder
}

// Add appends an entry. Texts and sets that occur again are written once per block, except messages.
func (b *LogBuilder) Add(t telemetry.Ticks, level int32, target, msg string, p Properties) {
	b.add(t, level, b.text(target), msg, b.set(p))
}

func (b *LogBuilder) add(t telemetry.Ticks, level int32, target uint64, msg string, set uint64) {
	const head = 8 + 1 + 16 + 8 + 1 + 4 // time, level, target, set, codec, length
	b.objects = append(b.objects, 0)
	b.objects = binary.LittleEndian.AppendUint32(b.objects, uint32(head+len(msg)))
	b.objTicks(t)
	b.objects = append(b.objects, byte(level))
	b.objects = appendReference(b.objects, target)
	b.obj64(set)
	b.objects = appendString(b.objects, msg)
	b.count++
}

// Finish returns the block's payload and number of events, and begins a new block.
func (b *LogBuilder) Finish() (Payload, int32) { return b.finish() }
