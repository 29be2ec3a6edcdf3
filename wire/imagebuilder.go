package wire

import (
	"encoding/binary"

	"github.com/micromegas-go/micromegas/telemetry"
)

// ImageLayouts are the layouts of the streams whose blocks an [ImageBuilder] makes; their tag is [telemetry.TagImage].
func ImageLayouts() (dependencies, objects Layout) {
	return Layout{}, Layout{{Name: "ImageEvent", Members: []Member{}}}
}

// ImageBuilder makes blocks of pictures. The zero value is ready.
type ImageBuilder struct {
	blockBuilder
}

// Add appends a picture. The format names how its data are encoded, such as "png".
func (b *ImageBuilder) Add(t telemetry.Ticks, name, format string, data []byte) {
	const head = 8 + 2*(1+4) + 4 // time, two times codec and length, length
	b.objects = append(b.objects, 0)
	b.objects = binary.LittleEndian.AppendUint32(b.objects, uint32(head+len(name)+len(format)+len(data)))
	b.objTicks(t)
	b.objects = appendString(appendString(b.objects, name), format)
	b.objects = binary.LittleEndian.AppendUint32(b.objects, uint32(len(data)))
	b.objects = append(b.objects, data...)
	b.count++
}

// Finish returns the block's payload and number of events, and begins a new block.
func (b *ImageBuilder) Finish() (Payload, int32) { return b.finish() }
