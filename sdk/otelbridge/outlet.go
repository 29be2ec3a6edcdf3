package otelbridge

import (
	"sync"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/sdk/sink"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// outlet gathers the events of one stream until they make a block. B is its builder.
type outlet[B any] struct {
	opts    Options
	kind    sink.Kind
	tag     string
	layouts func() (dependencies, objects wire.Layout)
	finish  func(*B) (wire.Payload, int32)
	size    func(*B) int

	mu          sync.Mutex
	id          telemetry.StreamID
	announced   bool
	builder     *B
	events      int
	offset      int64
	first, last telemetry.Ticks
}

func newOutlet[B any](o Options, k sink.Kind, tag string, layouts func() (wire.Layout, wire.Layout), finish func(*B) (wire.Payload, int32), size func(*B) int) *outlet[B] {
	return &outlet[B]{opts: o, kind: k, tag: tag, layouts: layouts, finish: finish, size: size, id: telemetry.StreamID(uuid.New())}
}

// add appends n events between two ticks.
func (o *outlet[B]) add(n int, from, to telemetry.Ticks, appendTo func(*B)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.builder == nil {
		o.builder, o.first, o.last = new(B), from, to
	}
	o.first, o.last = min(o.first, from, to), max(o.last, from, to) // a program may say that a span ended before it began
	o.events += n
	appendTo(o.builder)
	if o.size(o.builder) >= o.opts.BlockBytes {
		o.closeLocked()
	}
}

// close hands over what is there.
func (o *outlet[B]) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closeLocked()
}

func (o *outlet[B]) closeLocked() {
	if o.builder == nil {
		return
	}
	r := o.opts.Recorder
	p := r.Process()
	if !o.announced {
		o.announced = true
		dependencies, objects := o.layouts()
		r.Stream(o.id, wire.EncodeStream(telemetry.Stream{
			ID: o.id, ProcessID: p.ID, DependenciesMetadata: dependencies.Encode(), ObjectsMetadata: objects.Encode(),
			Tags: []string{o.tag}, Properties: map[string]string{"thread-name": "opentelemetry"}, Format: telemetry.FormatNative,
		}))
	}
	clock := telemetry.NewClock(p.StartTime, p.StartTicks, p.TSCFrequency)
	block := telemetry.Block{
		ID: telemetry.BlockID(uuid.New()), StreamID: o.id, ProcessID: p.ID, ObjectOffset: o.offset,
		BeginTime: clock.Time(o.first), EndTime: clock.Time(o.last), BeginTicks: o.first - p.StartTicks, EndTicks: o.last - p.StartTicks,
	}
	builder, finish := o.builder, o.finish
	encode := sync.OnceValue(func() []byte {
		payload, n := finish(builder)
		block.Objects = n
		return wire.EncodeBlock(block, payload)
	})
	r.Block(sink.Block{
		ID: block.ID, Stream: o.id, Kind: o.kind, Events: o.events, Size: o.size(builder),
		Encode: func() ([]byte, error) { return encode(), nil },
	})
	o.offset += int64(o.events)
	o.builder, o.events = nil, 0
}
