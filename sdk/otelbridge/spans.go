package otelbridge

import (
	"context"
	"encoding/binary"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/micromegas-go/micromegas/wire"
)

// Spans is a span processor that hands every sampled span over. It batches by itself.
func (b *Bridge) Spans() sdktrace.SpanProcessor { return (*spanProcessor)(b) }

type spanProcessor Bridge

// OnStart notes how deep the span is.
func (p *spanProcessor) OnStart(_ context.Context, s sdktrace.ReadWriteSpan) {
	var depth uint32
	if parent := s.Parent(); parent.SpanID().IsValid() && !parent.IsRemote() {
		depth = 1 // at least; its parent may have ended
		if d, ok := p.depths.Load(parent.SpanID()); ok {
			depth = d.(uint32) + 1
		}
	}
	p.depths.Store(s.SpanContext().SpanID(), depth)
}

// OnEnd hands the span over.
func (p *spanProcessor) OnEnd(s sdktrace.ReadOnlySpan) {
	var depth uint32
	if d, ok := p.depths.LoadAndDelete(s.SpanContext().SpanID()); ok {
		depth = d.(uint32)
	}
	if !s.SpanContext().IsSampled() {
		return
	}
	var parent uint64
	if c := s.Parent(); c.SpanID().IsValid() && !c.IsRemote() {
		parent = nativeID(c.SpanID())
	}
	id := nativeID(s.SpanContext().SpanID())
	scope := text(s.InstrumentationScope().Name)
	desc := wire.SpanDesc{Name: text(s.Name()), Target: scope, ModulePath: scope, LOD: lod}
	properties := spanProperties(s)
	b := (*Bridge)(p)
	from, to := b.ticks(s.StartTime()), b.ticks(s.EndTime())
	p.spans.add(2, from, to, func(w *wire.SpanBuilder) {
		ref := w.Desc(&desc)
		w.BeginAsyncRef(from, ref, id, parent, depth)
		w.EndAsyncRef(to, ref, w.Set(properties), id, parent, depth)
	})
	for _, e := range s.Events() {
		p.event(s, scope, e)
	}
}

// event hands an event of a span over as a log entry.
func (p *spanProcessor) event(s sdktrace.ReadOnlySpan, scope string, e sdktrace.Event) {
	level, msg := wire.LevelInfo, text(e.Name)
	properties := wire.Properties{
		{Name: "trace_id", Value: s.SpanContext().TraceID().String()}, {Name: "span_id", Value: s.SpanContext().SpanID().String()},
	}
	properties = appendAttributes(properties, e.Attributes)
	if e.Name == "exception" { // semantic conventions for exceptions
		level = wire.LevelError
		for _, a := range e.Attributes {
			if a.Key == "exception.message" {
				msg += ": " + text(a.Value.String())
			}
		}
	}
	t := (*Bridge)(p).ticks(e.Time)
	p.logs.add(1, t, t, func(w *wire.LogBuilder) { w.Add(t, level, scope, msg, properties) })
}

// Shutdown implements [sdktrace.SpanProcessor]; the bridge goes on.
func (p *spanProcessor) Shutdown(ctx context.Context) error { return p.ForceFlush(ctx) }

// ForceFlush implements [sdktrace.SpanProcessor].
func (p *spanProcessor) ForceFlush(ctx context.Context) error { return (*Bridge)(p).Flush(ctx) }

// lod is the level of detail of everything; servers do not use it.
const lod = 2

// marker is set in numbers made from span ids. The SDK counts its own from 1, and bit 63 is taken by other clients.
const marker = 1 << 62

func nativeID(id trace.SpanID) uint64 { return binary.BigEndian.Uint64(id[:])&(marker-1) | marker }

func spanProperties(s sdktrace.ReadOnlySpan) wire.Properties {
	c := s.SpanContext()
	p := wire.Properties{{Name: "trace_id", Value: c.TraceID().String()}, {Name: "span_id", Value: c.SpanID().String()}}
	set := func(name, value string) { p = append(p, wire.Property{Name: name, Value: text(value)}) }
	if parent := s.Parent(); parent.SpanID().IsValid() {
		set("parent_span_id", parent.SpanID().String())
	}
	if k := s.SpanKind(); k != trace.SpanKindInternal && k != trace.SpanKindUnspecified {
		set("kind", k.String())
	}
	if st := s.Status(); st.Code != codes.Unset {
		set("status", st.Code.String())
		if st.Description != "" {
			set("status_description", st.Description)
		}
	}
	if links := s.Links(); len(links) > 0 {
		var all []string
		for _, l := range links {
			all = append(all, l.SpanContext.TraceID().String()+"-"+l.SpanContext.SpanID().String())
		}
		set("links", strings.Join(all, " "))
	}
	return appendAttributes(p, s.Attributes())
}

func appendAttributes(p wire.Properties, list []attribute.KeyValue) wire.Properties {
	for _, a := range list {
		p = append(p, wire.Property{Name: text(string(a.Key)), Value: text(a.Value.String())})
	}
	return p
}

// text makes a text that every server takes.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}
