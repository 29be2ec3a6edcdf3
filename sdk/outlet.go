package sdk

import (
	"github.com/micromegas-go/micromegas/sdk/sink"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// outlet gathers the events of one stream until they make a block. Stamps are already ticks in it. It belongs to the
// flusher.
type outlet struct {
	stream     telemetry.StreamID
	kind       sink.Kind
	properties map[string]string
	announced  bool

	words    []uint64
	events   int
	first    int64 // the smallest tick in words
	last     int64 // the largest
	sorted   bool  // ticks don't go down
	opened   int64 // when the block began: when the one before ended
	offset   int64 // events of earlier blocks
	lastTick int64
}

func (r *Recorder) newOutlet(k sink.Kind, properties map[string]string) *outlet {
	return &outlet{stream: telemetry.StreamID(newID()), kind: k, properties: properties, opened: r.clock.now(), sorted: true}
}

// put appends one event, with ticks in the place of its stamp.
func (r *Recorder) put(o *outlet, w []uint64, ticks int64) {
	if len(o.words)+len(w) > r.block && o.events > 0 {
		r.close(o, o.last)
	}
	if o.words == nil {
		o.words = r.buffer()
	}
	if o.events == 0 {
		o.first, o.last = ticks, ticks
	} else if ticks < o.lastTick {
		o.sorted = false
		o.first = min(o.first, ticks)
	} else {
		o.last = max(o.last, ticks)
	}
	o.lastTick = ticks
	at := len(o.words) + 1
	o.words = append(o.words, w...)
	o.words[at] = uint64(ticks)
	o.events++
	r.held += len(w)
}

// buffer returns an empty buffer for a block.
func (r *Recorder) buffer() []uint64 {
	select {
	case b := <-r.spare:
		return b[:0]
	default:
		return make([]uint64, 0, tinyChunk) // most blocks of tracks are small, and there may be many
	}
}

// close hands what o gathered to the sink as a block that ends at a tick.
func (r *Recorder) close(o *outlet, end int64) {
	if o.events == 0 {
		return
	}
	if !o.announced {
		o.announced = true
		r.sink.Stream(o.stream, wire.EncodeStream(r.streamOf(o)))
	}
	end = max(end, o.last)
	begin := min(o.opened, o.first)
	b := &block{
		telemetry: telemetry.Block{
			ID: telemetry.BlockID(newID()), StreamID: o.stream, ProcessID: r.process.ID,
			BeginTime: r.clock.time(begin), EndTime: r.clock.time(end),
			BeginTicks: telemetry.Ticks(begin), EndTicks: telemetry.Ticks(end),
			Objects: int32(o.events), ObjectOffset: o.offset,
		},
		kind: o.kind, words: o.words, sorted: o.sorted,
	}
	r.held -= len(o.words)
	o.offset += int64(o.events)
	o.words, o.events, o.opened, o.sorted = nil, 0, end, true
	r.sink.Block(sink.Block{
		ID: b.telemetry.ID, Stream: b.telemetry.StreamID, Kind: b.kind, Events: int(b.telemetry.Objects), Size: len(b.words) * 8,
		Encode:  b.encode,
		Release: func() { r.reuse(b.words) },
	})
}

// reuse takes back the buffer of a block that is encoded.
func (r *Recorder) reuse(words []uint64) {
	if cap(words) < chunkWords {
		return
	}
	select {
	case r.spare <- words:
	default:
	}
}

func (r *Recorder) streamOf(o *outlet) telemetry.Stream {
	s := telemetry.Stream{ID: o.stream, ProcessID: r.process.ID, Properties: o.properties, Format: telemetry.FormatNative}
	var dependencies, objects wire.Layout
	switch o.kind {
	case sink.Logs:
		s.Tags = []string{telemetry.TagLog}
		dependencies, objects = wire.LogLayouts()
	case sink.Metrics:
		s.Tags = []string{telemetry.TagMetrics}
		dependencies, objects = wire.MetricLayouts()
	default:
		s.Tags = []string{telemetry.TagCPU}
		dependencies, objects = wire.SpanLayouts()
	}
	s.DependenciesMetadata, s.ObjectsMetadata = dependencies.Encode(), objects.Encode()
	return s
}
