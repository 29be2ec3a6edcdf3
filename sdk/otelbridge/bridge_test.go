package otelbridge_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/micromegas-go/micromegas/sdk"
	"github.com/micromegas-go/micromegas/sdk/otelbridge"
	"github.com/micromegas-go/micromegas/sdk/sink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newRecorder is a process that delivers to url.
func newRecorder(t *testing.T, url string) *sdk.Recorder {
	t.Helper()
	r, err := sdk.Open(sdk.Config{NoSystemMetrics: true, NoConsole: true, NoInheritance: true, Getenv: func(name string) string {
		if name == sink.EnvURL {
			return url
		}
		return ""
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := r.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return r
}

// Everything that the OpenTelemetry API records can be queried.
func TestArrives(t *testing.T) {
	lake := startLakehouse(t)
	r := newRecorder(t, lake.url)
	b := otelbridge.New(otelbridge.Options{Recorder: r.Foreign(), FlushPeriod: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	tracers := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(b.Spans()))
	tracer := tracers.Tracer("shop")
	remote := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, Remote: true, TraceFlags: trace.FlagsSampled})
	before := time.Now()
	outer, request := tracer.Start(trace.ContextWithSpanContext(ctx, remote), "request", trace.WithSpanKind(trace.SpanKindServer))
	_, query := tracer.Start(outer, "query", trace.WithAttributes(attribute.String("db", "orders\x00"), attribute.Int("rows", 7)))
	query.RecordError(errors.New("deadlock"))
	query.SetStatus(codes.Error, "gave up")
	query.End()
	request.End()
	after := time.Now()

	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(b.Metrics(), sdkmetric.WithInterval(time.Hour))),
		sdkmetric.WithView(sdkmetric.NewView(sdkmetric.Instrument{Name: "powers"}, sdkmetric.Stream{
			Aggregation: sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 4, MaxScale: 0},
		})))
	meter := meters.Meter("shop")
	orders, err1 := meter.Int64Counter("orders", metric.WithUnit("1"))
	balance, err2 := meter.Float64UpDownCounter("balance", metric.WithUnit("EUR"))
	negative, err3 := meter.Int64Gauge("negative")
	latency, err4 := meter.Float64Histogram("latency", metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(0.1, 1))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	orders.Add(ctx, 3, metric.WithAttributes(attribute.String("shop", "north")))
	balance.Add(ctx, 2.5)
	negative.Record(ctx, -4)
	for _, v := range []float64{0.05, 0.07, 5} {
		latency.Record(ctx, v)
	}
	powers, err := meter.Float64Histogram("powers")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []float64{3, -3, 0, 3.5} {
		powers.Record(ctx, v)
	}
	if err := meters.ForceFlush(ctx); err != nil {
		t.Fatal(err)
	}
	orders.Add(ctx, 4, metric.WithAttributes(attribute.String("shop", "north"))) // what was added since

	loggers := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewSimpleProcessor(b.Logs())))
	var record log.Record
	record.SetBody(attribute.StringValue("sold out"))
	record.SetSeverity(log.SeverityWarn)
	record.SetTimestamp(time.Now())
	record.AddAttributes(attribute.String("item", "lamp"))
	loggers.Logger("shop").Emit(outer, record)

	if err := errors.Join(tracers.Shutdown(ctx), meters.Shutdown(ctx), loggers.Shutdown(ctx), b.Shutdown(ctx)); err != nil {
		t.Fatal(err)
	}

	view := func(name string) string { return fmt.Sprintf("view_instance('%s', '%s')", name, r.ProcessID()) }
	got := lake.query(t, "select name, target, event_type, depth, parent_span_id = 0 from "+view("async_events")+" order by name, event_type")
	want := []string{"query|shop|begin|1|false", "query|shop|end|1|false", "request|shop|begin|0|true", "request|shop|end|0|true"}
	if !slices.Equal(got, want) {
		t.Errorf("spans: %q", got)
	}
	got = lake.query(t, fmt.Sprintf("select count(*) from %s where time < '%s' or time > '%s'", view("async_events"),
		before.UTC().Format(time.RFC3339Nano), after.UTC().Format(time.RFC3339Nano)))
	if !slices.Equal(got, []string{"0"}) {
		t.Errorf("%v events are not between %v and %v", got, before, after)
	}
	got = lake.query(t, "select c.name, p.name from "+view("async_events")+" c join "+view("async_events")+
		" p on c.parent_span_id = p.span_id where c.event_type = 'begin' and p.event_type = 'begin'")
	if !slices.Equal(got, []string{"query|request"}) {
		t.Errorf("parents: %q", got)
	}

	got = lake.query(t, "select property_get(properties, 'db'), property_get(properties, 'rows'), property_get(properties, 'status'), property_get(properties, 'trace_id') from "+
		view("async_events")+" where name = 'query' and event_type = 'end'")
	if !slices.Equal(got, []string{"orders|7|Error|" + query.SpanContext().TraceID().String()}) {
		t.Errorf("properties: %q", got)
	}

	got = lake.query(t, "select name, unit, target, value, property_get(properties, 'shop'), property_get(properties, 'le') from measures where process_id = '"+
		r.ProcessID().String()+"' order by name, time, 6")
	var short []string
	for _, row := range got {
		short = append(short, strings.ReplaceAll(row, "(null)", ""))
	}
	want = []string{
		"balance|EUR|shop|2.5||", "balance|EUR|shop|2.5||",
		"latency_bucket|count|shop|1||+Inf", "latency_bucket|count|shop|2||0.1",
		"latency_count|count|shop|3||", "latency_max|s|shop|5||", "latency_min|s|shop|0.05||", "latency_sum|s|shop|5.12||",
		"negative||shop|-4||", "negative||shop|-4||", "orders|1|shop|3|north|", "orders|1|shop|4|north|",
		"powers_bucket|count|shop|1||-2", "powers_bucket|count|shop|1||0", "powers_bucket|count|shop|2||4",
		"powers_count|count|shop|4||", "powers_max||shop|3.5||", "powers_min||shop|-3||", "powers_sum||shop|3.5||",
	}
	short = slices.DeleteFunc(short, func(row string) bool { return strings.Contains(row, "|shop|0||") }) // nothing new at the end
	if !slices.Equal(short, want) {
		t.Errorf("metrics:\n%s", strings.Join(short, "\n"))
	}

	got = lake.query(t, "select level, target, msg, property_get(properties, 'item'), property_get(properties, 'trace_id') from log_entries where process_id = '"+
		r.ProcessID().String()+"' order by time")
	id := request.SpanContext().TraceID().String()
	for i := range got {
		got[i] = strings.ReplaceAll(got[i], "(null)", "")
	}
	if want := []string{"2|shop|exception: deadlock||" + id, "3|shop|sold out|lamp|" + id}; !slices.Equal(got, want) {
		t.Errorf("logs: %q", got)
	}
}
