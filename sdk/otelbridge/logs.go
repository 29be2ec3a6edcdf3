package otelbridge

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/micromegas-go/micromegas/wire"
)

// Logs is an exporter for a batch processor, or a simple one.
func (b *Bridge) Logs() sdklog.Exporter { return (*logExporter)(b) }

type logExporter Bridge

// Export implements [sdklog.Exporter].
func (e *logExporter) Export(_ context.Context, records []sdklog.Record) error {
	for i := range records {
		e.export(&records[i])
	}
	return nil
}

func (e *logExporter) export(r *sdklog.Record) {
	at := r.Timestamp()
	if at.IsZero() {
		at = r.ObservedTimestamp()
	}
	var p wire.Properties
	set := func(name, value string) { p = append(p, wire.Property{Name: text(name), Value: text(value)}) }
	if r.TraceID().IsValid() {
		set("trace_id", r.TraceID().String())
	}
	if r.SpanID().IsValid() {
		set("span_id", r.SpanID().String())
	}
	if name := r.EventName(); name != "" {
		set("event_name", name)
	}
	r.WalkAttributes(func(a attribute.KeyValue) bool {
		set(string(a.Key), a.Value.String())
		return true
	})
	level, target, msg := levelOf(r.Severity()), text(r.InstrumentationScope().Name), text(r.Body().String())
	t := (*Bridge)(e).ticks(at)
	e.logs.add(1, t, t, func(w *wire.LogBuilder) { w.Add(t, level, target, msg, p) })
}

// ForceFlush implements [sdklog.Exporter].
func (e *logExporter) ForceFlush(ctx context.Context) error { return (*Bridge)(e).Flush(ctx) }

// Shutdown implements [sdklog.Exporter]; the bridge goes on.
func (e *logExporter) Shutdown(ctx context.Context) error { return e.ForceFlush(ctx) }

func levelOf(s log.Severity) int32 {
	switch {
	case s == log.SeverityUndefined:
		return wire.LevelInfo
	case s < log.SeverityDebug1:
		return wire.LevelTrace
	case s < log.SeverityInfo1:
		return wire.LevelDebug
	case s < log.SeverityWarn1:
		return wire.LevelInfo
	case s < log.SeverityError1:
		return wire.LevelWarn
	case s < log.SeverityFatal1:
		return wire.LevelError
	default:
		return wire.LevelFatal
	}
}
