package lake

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/jsonb"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

func text1(s string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
}

func attribute(key string, v *commonpb.AnyValue) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: v}
}

// otlpSource is a block with m.
func otlpSource(tb testing.TB, format string, m proto.Message) *source {
	tb.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return rawSource(format, b)
}

func rawSource(format string, b []byte) *source {
	block := &catalog.PendingBlock{
		Block:   catalog.BlockRecord{Block: telemetry.Block{BeginTime: 77}},
		Stream:  &catalog.StreamRecord{Stream: telemetry.Stream{Format: format}},
		Process: &catalog.ProcessRecord{},
	}
	return &source{PendingBlock: block, payload: wire.Payload{Objects: b}}
}

// lines returns the named columns of the rows.
func lines(tb testing.TB, r *rows, names ...string) (all []string) {
	tb.Helper()
	b := r.batch(r.view.fileSchema())
	defer b.Release()
	for i := range r.len() {
		var parts []string
		for _, name := range names {
			c := b.Column(r.index(name))
			switch {
			case c.IsNull(i):
				parts = append(parts, "null")
			case name == "properties" || name == "events" || name == "links":
				doc := ""
				if coded, ok := r.cols[r.index(name)].(*coded); ok {
					doc = coded.value(coded.rows[i])
				} else {
					raw := r.cols[r.index(name)].(*text)
					doc = string(raw.data[raw.offsets[i]:raw.offsets[i+1]])
				}
				json, err := jsonb.AppendJSON(nil, []byte(doc))
				if err != nil {
					tb.Fatal(err)
				}
				parts = append(parts, string(json))
			default:
				parts = append(parts, c.ValueStr(i))
			}
		}
		all = append(all, strings.Join(parts, " "))
	}
	return all
}

func equal(t *testing.T, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			return
		}
	}
}

var scope = &commonpb.InstrumentationScope{
	Name: "lib", Version: "1.2", Attributes: []*commonpb.KeyValue{attribute("team", text1("core"))},
}

const scopeJSON = `"otel.scope.attr.team":"core","otel.scope.name":"lib","otel.scope.schema_url":"url","otel.scope.version":"1.2"`

func TestOTLPLogs(t *testing.T) {
	structured := &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: []*commonpb.KeyValue{
		attribute("n", &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: -5}}),
		attribute("list", &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: []*commonpb.AnyValue{
			{Value: &commonpb.AnyValue_BoolValue{BoolValue: true}}, {Value: &commonpb.AnyValue_DoubleValue{DoubleValue: 2.5}}, nil,
		}}}}),
		attribute("b", &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: []byte{1, 2}}}),
	}}}}
	m := &logspb.ResourceLogs{ScopeLogs: []*logspb.ScopeLogs{{
		Scope: scope, SchemaUrl: "url",
		LogRecords: []*logspb.LogRecord{
			{
				TimeUnixNano: 5, ObservedTimeUnixNano: 6, SeverityNumber: 17, SeverityText: "ERR", Body: text1("hello"),
				TraceId: []byte("0123456789abcdef"), SpanId: []byte("short"), EventName: "event",
				Attributes: []*commonpb.KeyValue{attribute("k", text1("v")), attribute("k", text1("second"))},
			},
			{ObservedTimeUnixNano: 6, SeverityNumber: 1, Body: structured},
			{SeverityNumber: 99},
		},
	}, {}}}
	r := newLogRows()
	s := otlpSource(t, telemetry.FormatOTLPLogs, m)
	if err := r.add(s); err != nil || s.stats.Decoded != 3 {
		t.Fatal(err, s.stats)
	}
	equal(t, lines(t, r.rows, "time", "target", "level", "msg", "properties"), []string{
		`1970-01-01T00:00:00.000000005 lib 2 hello {"k":"v","otel.event_name":"event",` + scopeJSON +
			`,"otel.severity_text":"ERR","otel.trace_id":"30313233343536373839616263646566"}`,
		`1970-01-01T00:00:00.000000006 lib 6 {"b":"AQI=","list":[true,2.5,null],"n":-5} {` + scopeJSON + `}`,
		`1970-01-01T00:00:00.000000077 lib 4  {` + scopeJSON + `}`,
	})
	for number, level := range map[logspb.SeverityNumber]int32{0: 4, 1: 6, 4: 6, 5: 5, 8: 5, 9: 4, 12: 4, 13: 3, 16: 3, 17: 2, 20: 2, 21: 1, 24: 1, 25: 4} {
		if got := logLevel(number); got != level {
			t.Errorf("severity %d is level %d, want %d", number, got, level)
		}
	}
}

func TestOTLPMetrics(t *testing.T) {
	float := func(v float64) *float64 { return &v }
	integer := &metricspb.NumberDataPoint{TimeUnixNano: 1, Value: &metricspb.NumberDataPoint_AsInt{AsInt: 7}}
	m := &metricspb.ResourceMetrics{ScopeMetrics: []*metricspb.ScopeMetrics{{
		Scope: &commonpb.InstrumentationScope{Name: "lib"},
		Metrics: []*metricspb.Metric{
			{Name: "g", Unit: "By", Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: []*metricspb.NumberDataPoint{
				integer, {Value: integer.Value}, {TimeUnixNano: 1}, {TimeUnixNano: 1, Flags: 1, Value: integer.Value},
			}}}},
			{Name: "s", Unit: "1", Data: &metricspb.Metric_Sum{Sum: &metricspb.Sum{
				AggregationTemporality: 2, IsMonotonic: true, DataPoints: []*metricspb.NumberDataPoint{{
					TimeUnixNano: 2, Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: 0.5}, Attributes: []*commonpb.KeyValue{attribute("k", text1("v"))},
				}},
			}}},
			{Name: "q", Unit: "s", Data: &metricspb.Metric_Summary{Summary: &metricspb.Summary{DataPoints: []*metricspb.SummaryDataPoint{{
				TimeUnixNano: 3, Count: 4, Sum: 10, QuantileValues: []*metricspb.SummaryDataPoint_ValueAtQuantile{
					{Quantile: 0, Value: 1}, {Quantile: 0.5, Value: 2}, {Quantile: 1, Value: 6},
				},
			}}}}},
			{Name: "h", Unit: "s", Data: &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{
				AggregationTemporality: 1, DataPoints: []*metricspb.HistogramDataPoint{{TimeUnixNano: 4, Count: 2, Sum: float(3), Max: float(2)}, {}},
			}}},
			{Name: "e", Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{
				DataPoints: []*metricspb.ExponentialHistogramDataPoint{{TimeUnixNano: 5, Count: 1, Min: float(8)}},
			}}},
		},
	}}}
	r := newMeasureRows()
	s := otlpSource(t, telemetry.FormatOTLPMetrics, m)
	if err := r.add(s); err != nil || s.stats.Decoded != 5 || s.stats.Skipped != 4 {
		t.Fatal(err, s.stats)
	}
	const name = `"otel.scope.name":"lib"}`
	histogram := `{"otel.metric.aggregation_temporality":1,"otel.metric.kind":"histogram",` + name
	exponential := `{"otel.metric.aggregation_temporality":0,"otel.metric.kind":"exponential_histogram",` + name
	summary := `{"otel.metric.kind":"summary",` + name
	at := func(n int) string { return fmt.Sprintf("1970-01-01T00:00:00.00000000%d", n) }
	equal(t, lines(t, r.rows, "time", "target", "name", "unit", "value", "properties"), []string{
		at(1) + ` lib g By 7 {"otel.metric.kind":"gauge",` + name,
		at(2) + ` lib s 1 0.5 {"k":"v","otel.metric.aggregation_temporality":2,"otel.metric.is_monotonic":true,"otel.metric.kind":"sum",` + name,
		at(3) + ` lib q_count  4 ` + summary, at(3) + ` lib q_sum s 10 ` + summary,
		at(3) + ` lib q_min s 1 ` + summary, at(3) + ` lib q_max s 6 ` + summary,
		at(4) + ` lib h_count  2 ` + histogram, at(4) + ` lib h_sum s 3 ` + histogram, at(4) + ` lib h_max s 2 ` + histogram,
		at(5) + ` lib e_count  1 ` + exponential, at(5) + ` lib e_min  8 ` + exponential,
	})
}

func TestOTLPSpans(t *testing.T) {
	trace, id, parent := []byte("0123456789abcdef"), []byte("01234567"), []byte("abcdefgh")
	m := &tracepb.ResourceSpans{ScopeSpans: []*tracepb.ScopeSpans{{
		Scope: scope, SchemaUrl: "url",
		Spans: []*tracepb.Span{
			{
				TraceId: trace, SpanId: id, ParentSpanId: parent, Name: "get", Kind: tracepb.Span_SPAN_KIND_SERVER, StartTimeUnixNano: 5,
				EndTimeUnixNano: 12, Status: &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: "bad"},
				Events: []*tracepb.Span_Event{{TimeUnixNano: 7, Name: "e", Attributes: []*commonpb.KeyValue{attribute("k", text1("v"))}}},
				Links:  []*tracepb.Span_Link{{TraceId: trace, SpanId: parent}},
			},
			{TraceId: trace, SpanId: parent, Name: "root", StartTimeUnixNano: 1, EndTimeUnixNano: 20, Kind: 99, Status: &tracepb.Status{Code: 99}},
			{TraceId: trace, SpanId: trace, Name: "wrong id", StartTimeUnixNano: 1, EndTimeUnixNano: 20},
			{TraceId: trace, SpanId: id, Name: "never ended", StartTimeUnixNano: 1},
		},
	}}}
	r := newOtelRows()
	s := otlpSource(t, telemetry.FormatOTLPTraces, m)
	if err := r.add(s); err != nil || s.stats.Decoded != 2 || s.stats.Skipped != 2 {
		t.Fatal(err, s.stats)
	}
	hex := func(b []byte) string { return fmt.Sprintf("%x", b) }
	equal(t, lines(t, r.rows, "name", "kind", "status", "status_message", "duration", "properties", "events", "links"), []string{
		`get SERVER ERROR bad 7 {` + scopeJSON + `} [{"attributes":{"k":"v"},"name":"e","time":7}] [{"attributes":{},"span_id":"` +
			hex(parent) + `","trace_id":"` + hex(trace) + `"}]`,
		`root UNSPECIFIED UNSET null 19 {` + scopeJSON + `} [] []`,
	})
	if r.parentID.valid[1] || !r.parentID.valid[0] || string(r.parentID.data[:8]) != string(parent) {
		t.Errorf("parents %q %v", r.parentID.data, r.parentID.valid)
	}
}

// TestOTLPBounded repeats a large scope in many small records.
func TestOTLPBounded(t *testing.T) {
	large := attribute("large", text1(strings.Repeat("x", 4<<20)))
	m := &logspb.ResourceLogs{ScopeLogs: []*logspb.ScopeLogs{{
		Scope: &commonpb.InstrumentationScope{Attributes: []*commonpb.KeyValue{large}}, LogRecords: make([]*logspb.LogRecord, 300),
	}}}
	for i := range m.ScopeLogs[0].LogRecords {
		m.ScopeLogs[0].LogRecords[i] = &logspb.LogRecord{TimeUnixNano: 1}
	}
	err := newLogRows().add(otlpSource(t, telemetry.FormatOTLPLogs, m))
	if _, bad := errors.AsType[*decodeError](err); !bad || !errors.Is(err, errTooMuchText) {
		t.Errorf("%v, want that it is too much", err)
	}
}

// FuzzOTLP: whatever the bytes, there are rows with texts that can be read, or a decodeError.
func FuzzOTLP(f *testing.F) {
	for _, m := range []proto.Message{
		&logspb.ResourceLogs{ScopeLogs: []*logspb.ScopeLogs{{Scope: scope, LogRecords: []*logspb.LogRecord{{TimeUnixNano: 1, Body: text1("x")}}}}},
		&metricspb.ResourceMetrics{ScopeMetrics: []*metricspb.ScopeMetrics{{Scope: scope, Metrics: []*metricspb.Metric{{Name: "m"}}}}},
		&tracepb.ResourceSpans{ScopeSpans: []*tracepb.ScopeSpans{{Scope: scope, Spans: []*tracepb.Span{{Name: "s"}}}}},
	} {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for format, m := range map[string]maker{
			telemetry.FormatOTLPLogs: newLogRows(), telemetry.FormatOTLPMetrics: newMeasureRows(), telemetry.FormatOTLPTraces: newOtelRows(),
		} {
			err := m.add(rawSource(format, b))
			if _, bad := errors.AsType[*decodeError](err); err != nil && !bad {
				t.Fatal(err)
			}
			lines(t, m.collected(), "properties")
		}
	})
}
