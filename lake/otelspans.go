package lake

import (
	"fmt"
	"strings"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// otelRows makes chunks of OpenTelemetry spans from blocks.
type otelRows struct {
	*rows
	process, stream, block, processProperties *coded
	insertTime, begin, end, duration          *numbers[int64]
	exe, username, computer                   *text
	message                                   *optionalText
	traceID, spanID, parentID                 *fixed
	name, kind, status, properties            *coded
	events, links                             *text
}

func newOtelRows() *otelRows {
	r := newRows(otelSpans)
	col := func(name string) *coded { return r.cols[r.index(name)].(*coded) }
	i64 := func(name string) *numbers[int64] { return r.cols[r.index(name)].(*numbers[int64]) }
	txt := func(name string) *text { return r.cols[r.index(name)].(*text) }
	id := func(name string) *fixed { return r.cols[r.index(name)].(*fixed) }
	return &otelRows{
		rows: r, process: col("process_id"), stream: col("stream_id"), block: col("block_id"),
		processProperties: col("process_properties"), insertTime: i64("insert_time"), begin: i64("start_time"), end: i64("end_time"),
		duration: i64("duration"), exe: txt("exe"), username: txt("username"), computer: txt("computer"), message: r.cols[r.index("status_message")].(*optionalText),
		traceID: id("trace_id"), spanID: id("span_id"), parentID: id("parent_span_id"), name: col("name"), kind: col("kind"),
		status: col("status"), properties: col("properties"), events: txt("events"), links: txt("links"),
	}
}

func (r *otelRows) collected() *rows { return r.rows }
func (r *otelRows) finish()          {}
func (r *otelRows) summary() any     { return nil }

func (r *otelRows) add(s *source) error {
	var spans tracepb.ResourceSpans
	if err := s.message(&spans); err != nil {
		return err
	}
	docs := documents{room: blockText}
	for _, scope := range spans.GetScopeSpans() {
		docs.enter(scope.GetScope(), scope.GetSchemaUrl())
		for _, span := range scope.GetSpans() {
			if err := r.span(s, &docs, span); err != nil {
				return err
			}
		}
	}
	return nil
}

// span adds a row, unless the span lacks a time, or has ids of the wrong length.
func (r *otelRows) span(s *source, docs *documents, span *tracepb.Span) error {
	begin, ok1 := otlpTime(span.GetStartTimeUnixNano())
	end, ok2 := otlpTime(span.GetEndTimeUnixNano())
	if !ok1 || !ok2 || len(span.GetTraceId()) != traceIDBytes || len(span.GetSpanId()) != spanIDBytes {
		s.stats.Skipped++
		return nil
	}
	properties, err1 := docs.properties(span.GetAttributes(), nil)
	events, err2 := docs.document(spanEvents(span))
	links, err3 := docs.document(spanLinks(span))
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return fmt.Errorf("block %s: %w", s.Block.ID, err)
		}
	}
	r.process.add(s.Process.ID.String())
	r.stream.add(s.Block.StreamID.String())
	r.block.add(s.Block.ID.String())
	r.insertTime.add(int64(s.Block.InsertTime))
	r.exe.add(s.Process.Exe)
	r.username.add(s.Process.Username)
	r.computer.add(s.Process.Computer)
	r.processProperties.add(string(encodeProperties(s.Process.Properties)))
	r.traceID.add(span.GetTraceId())
	r.spanID.add(span.GetSpanId())
	if parent := span.GetParentSpanId(); len(parent) == spanIDBytes {
		r.parentID.add(parent)
	} else {
		r.parentID.addNull()
	}
	r.begin.add(int64(begin))
	r.end.add(int64(end))
	r.duration.add(int64(end - begin))
	r.name.add(span.GetName())
	r.kind.add(enumText(span.GetKind().String(), "SPAN_KIND_"))
	r.status.add(enumText(span.GetStatus().GetCode().String(), "STATUS_CODE_"))
	if message := span.GetStatus().GetMessage(); message != "" {
		r.message.add(message)
	} else {
		r.message.addNull()
	}
	r.properties.add(properties)
	r.events.add(events)
	r.links.add(links)
	s.stats.Decoded++
	return nil
}

// enumText returns the name of a value without its prefix; UNSPECIFIED for one that is not known.
func enumText(name, prefix string) string {
	if text, ok := strings.CutPrefix(name, prefix); ok {
		return text
	}
	if prefix == "STATUS_CODE_" {
		return "UNSET"
	}
	return "UNSPECIFIED"
}

func spanEvents(span *tracepb.Span) []any {
	list := make([]any, 0, len(span.GetEvents()))
	for _, e := range span.GetEvents() {
		list = append(list, map[string]any{
			"time": e.GetTimeUnixNano(), "name": e.GetName(), "attributes": attributes(e.GetAttributes()),
		})
	}
	return list
}

func spanLinks(span *tracepb.Span) []any {
	list := make([]any, 0, len(span.GetLinks()))
	for _, l := range span.GetLinks() {
		list = append(list, map[string]any{
			"trace_id": fmt.Sprintf("%x", l.GetTraceId()), "span_id": fmt.Sprintf("%x", l.GetSpanId()),
			"attributes": attributes(l.GetAttributes()),
		})
	}
	return list
}
