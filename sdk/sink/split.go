package sink

import (
	"errors"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// half is one of the two blocks that a block becomes which is too large for the server.
type half struct {
	block telemetry.Block
	body  []byte
}

// errWhole: a block that cannot be split, or would not become smaller.
var errWhole = errors.New("the block can't be made smaller")

// split makes two blocks of one that the server finds too large: the first half of its events and the second. Each holds
// what its own events refer to. Whoever splits a block gets the same two, bytes and ids: a half that is sent again, by
// this run or by another one that found the block in a spool, is stored once.
//
// It can be done with events that builders of package wire have written.
func split(process, stream, body []byte) (halves [2]half, err error) {
	p, err := wire.DecodeProcess(process)
	if err != nil {
		return halves, err
	}
	st, err := wire.DecodeStream(stream)
	if err != nil {
		return halves, err
	}
	b, payload, err := wire.DecodeBlock(body)
	if err != nil {
		return halves, err
	}
	dependencies, err1 := wire.DecodeLayout(st.DependenciesMetadata)
	objects, err2 := wire.DecodeLayout(st.ObjectsMetadata)
	if err := errors.Join(err1, err2); err != nil {
		return halves, err
	}
	decoder, err := wire.NewDecoder(dependencies, objects, wire.Limits{})
	if err != nil {
		return halves, err
	}
	const least = 2 // events
	if b.Objects < least || p.TSCFrequency <= 0 {
		return halves, errWhole
	}
	first := int64(b.Objects) / least
	var parts [len(halves)]part
	stats, err := decoder.Events(payload, func(e *wire.Event) error {
		if e.Index < first {
			return parts[0].add(e)
		}
		return parts[1].add(e)
	})
	if err != nil {
		return halves, err
	}
	if stats.Decoded != int64(b.Objects) || stats.Bad+stats.Skipped+stats.BadDependencies > 0 {
		return halves, errWhole // there is more in it than can be written again
	}
	clock := telemetry.NewClock(p.StartTime, p.StartTicks, p.TSCFrequency)
	size, written := 0, int32(0)
	for i := range halves {
		h := b
		var payload wire.Payload
		payload, h.Objects = parts[i].finish()
		h.ID = telemetry.BlockID(uuid.NewSHA1(uuid.UUID(b.ID), []byte{byte(i)}))
		if i == 0 {
			h.EndTicks, h.EndTime = parts[i].last-p.StartTicks, clock.Time(parts[i].last)
		} else {
			h.ObjectOffset += first
			h.BeginTicks, h.BeginTime = parts[i].first-p.StartTicks, clock.Time(parts[i].first)
		}
		halves[i] = half{h, wire.EncodeBlock(h, payload)}
		size += len(halves[i].body)
		written += h.Objects
	}
	if written != b.Objects {
		return halves, errWhole // events of several kinds
	}
	// What all events share is in both. Where that is nearly everything, halves of halves would take ever more memory.
	if size > len(body)+len(body)/2 {
		return halves, errWhole
	}
	return halves, nil
}

// halve splits the block of it, which is at work, into what takes its place in the queue. What was in a file is in files
// again, if the disk takes them.
func (s *Sink) halve(it *item, body []byte) ([]*item, error) {
	var process []byte
	s.mu.Lock()
	if it.stream.process != nil {
		process = it.stream.process.body
	}
	stream := it.stream.body
	s.mu.Unlock()
	halves, err := split(process, stream, body)
	if err != nil {
		return nil, err
	}
	var items []*item
	for _, h := range halves {
		half := &item{
			kind: it.kind, events: int(h.block.Objects), bytes: int64(len(h.body)), since: it.since, seq: it.seq, earlier: it.earlier,
			id: h.block.ID, stream: it.stream, body: h.body,
		}
		if it.file != "" {
			e := entry{
				kind: it.kind, events: half.events, created: it.since.UnixNano(), block: half.id, stream: it.stream.stream,
				processBody: process, streamBody: stream, blockBody: h.body,
			}
			if path, n, err := s.spool.write(&e); err == nil {
				half.file, half.bytes, half.body = path, n, nil
			}
		}
		items = append(items, half)
	}
	return items, nil
}

// replace puts halves in the place of it. Who waits for it waits for them.
func (s *Sink) replace(it *item, halves []*item) []*item {
	after := it
	for _, h := range halves {
		s.queues[it.kind].insert(after, h)
		after = h
		if h.file != "" {
			s.spooled.add(h.events, h.bytes)
		} else {
			s.queued.add(h.events, h.bytes)
		}
		for _, w := range s.waiters {
			if !h.earlier && h.seq <= w.seq {
				w.remaining.add(h.events, h.bytes)
			}
		}
	}
	s.take(it, nil)
	return s.shed([]*item{it})
}

// part is a half that is being written.
type part struct {
	logs        wire.LogBuilder
	metrics     wire.MetricBuilder
	spans       wire.SpanBuilder
	first, last telemetry.Ticks // of its events
	any         bool
}

// lod is the level of detail that is written; servers do not use it.
const lod = 2

func (p *part) add(e *wire.Event) error {
	if !p.any {
		p.any, p.first, p.last = true, e.Ticks, e.Ticks
	}
	p.first, p.last = min(p.first, e.Ticks), max(p.last, e.Ticks)
	span := wire.SpanDesc{Name: e.Name, Target: e.Target, ModulePath: e.ModulePath, File: e.File, Line: e.Line, LOD: lod}
	switch e.Type {
	case "TaggedLogInteropEvent":
		p.logs.Add(e.Ticks, e.Level, e.Target, e.Msg, e.Properties)
	case "IntegerMetricEvent", "TaggedIntegerMetricEvent", "FloatMetricEvent", "TaggedFloatMetricEvent":
		desc := p.metrics.Desc(&wire.MetricDesc{Name: e.Name, Unit: e.Unit, Target: e.Target, File: e.File, Line: e.Line, LOD: lod})
		if e.IsInt {
			p.metrics.IntegerRef(e.Ticks, desc, e.Int, p.metrics.Set(e.Properties))
		} else {
			p.metrics.FloatRef(e.Ticks, desc, e.Value, p.metrics.Set(e.Properties))
		}
	case "BeginThreadSpanEvent":
		p.spans.BeginRef(e.Ticks, p.spans.Desc(&span))
	case "EndThreadSpanEvent", "TaggedEndThreadSpanEvent":
		p.spans.EndRef(e.Ticks, p.spans.Desc(&span), p.spans.Set(e.Properties))
	case "BeginAsyncSpanEvent":
		p.spans.BeginAsyncRef(e.Ticks, p.spans.Desc(&span), e.SpanID, e.ParentSpanID, e.Depth)
	case "EndAsyncSpanEvent", "TaggedEndAsyncSpanEvent":
		p.spans.EndAsyncRef(e.Ticks, p.spans.Desc(&span), p.spans.Set(e.Properties), e.SpanID, e.ParentSpanID, e.Depth)
	default:
		return errWhole
	}
	return nil
}

// finish returns what was written. A stream holds events of one kind.
func (p *part) finish() (wire.Payload, int32) {
	switch {
	case p.logs.Len() > 0:
		return p.logs.Finish()
	case p.metrics.Len() > 0:
		return p.metrics.Finish()
	default:
		return p.spans.Finish()
	}
}
