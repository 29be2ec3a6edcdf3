// Package otelbridge brings what a program records with the OpenTelemetry API into its own telemetry: spans, metrics and log
// records arrive as native events of the same process, over the same connection. Only programs that import this package
// compile OpenTelemetry.
//
//	b := otelbridge.New(otelbridge.Options{Recorder: recorder.Foreign()})
//	defer b.Shutdown(ctx)
//	otel.SetTracerProvider(trace.NewTracerProvider(trace.WithSpanProcessor(b.Spans())))
//	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(metric.NewPeriodicReader(b.Metrics()))))
//	global.SetLoggerProvider(log.NewLoggerProvider(log.WithProcessor(log.NewBatchProcessor(b.Logs()))))
//
// # Spans
//
// A span arrives when it ends, as an async span: its name, the scope's name as target, and the properties trace_id,
// span_id, parent_span_id, kind, status, status_description, links, and its attributes. The number of the native span is
// made from the span id: 62 of its 64 bits behind a marker, so that it meets no number that the SDK hands out. A parent in
// another process is named by parent_span_id alone; the span is a root here. Events of a span arrive as log entries with trace_id and span_id: "exception" as an error.
//
// Readers before 0.32 do not know ends of spans with properties and show such a span as open.
//
// # Metrics
//
// Sums of counters are what was added since the last collection, sums of up-down counters and gauges are the value;
// attributes are properties, the scope's name is the target. A histogram named n becomes n_count, n_sum, n_min, n_max, and
// n_bucket with the property le, the upper bound, for each bucket that something fell into since the last collection. A
// summary, which other libraries hand on, becomes n_count, n_sum, and n with the property quantile; what such libraries
// count from the start of the program stays so.
//
// # Logs
//
// A record arrives as a log entry with its body as text, attributes, trace_id and span_id as properties, and the scope's
// name as target. Severities 1 to 4 are trace, 5 to 8 debug, 9 to 12 info, 13 to 16 warn, 17 to 20 error, above fatal.
package otelbridge
