package otelbridge_test

import (
	"context"
	"math"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/micromegas-go/micromegas/sdk"
	"github.com/micromegas-go/micromegas/sdk/otelbridge"
	"github.com/micromegas-go/micromegas/sdk/sdktest"
)

// newBridge is a bridge to a sink that decodes.
func newBridge(t *testing.T) (b *otelbridge.Bridge, arrived func() []sdktest.Event) {
	t.Helper()
	sink := sdktest.NewSink()
	r, err := sdk.New(sdk.Options{Sink: sink})
	if err != nil {
		t.Fatal(err)
	}
	b = otelbridge.New(otelbridge.Options{Recorder: r.Foreign(), FlushPeriod: time.Hour})
	t.Cleanup(func() {
		if err := b.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := r.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b, func() []sdktest.Event {
		if err := b.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		return sink.Events()
	}
}

// Moments that no server can store, as clocks that were never set give, spoil no block.
func TestTimesFarAway(t *testing.T) {
	b, arrived := newBridge(t)
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(b.Spans())).Tracer("shop")
	moments := []time.Time{time.Now(), time.Unix(0, 0), time.Date(1, 2, 3, 4, 5, 6, 7, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	for _, begin := range moments {
		for _, end := range moments {
			_, span := tracer.Start(t.Context(), "span", trace.WithTimestamp(begin))
			span.AddEvent("event", trace.WithTimestamp(end))
			span.End(trace.WithTimestamp(end))
			if len(arrived()) == 0 {
				t.Fatal("nothing arrived")
			}
		}
	}
	all := arrived()
	if want := 3 * len(moments) * len(moments); len(all) != want {
		t.Errorf("%d events arrived, want %d", len(all), want)
	}
	for _, e := range all {
		if e.Block.EndTime < e.Block.BeginTime {
			t.Errorf("a block from %v to %v", e.Block.BeginTime, e.Block.EndTime)
		}
	}
}

// What a producer hands on: points without a time, numbers that are none, and summaries.
func TestProducers(t *testing.T) {
	b, arrived := newBridge(t)
	producer := produced{metricdata.ScopeMetrics{Metrics: []metricdata.Metrics{
		{Name: "odd", Data: metricdata.Gauge[float64]{DataPoints: []metricdata.DataPoint[float64]{
			{Value: math.NaN()}, {Value: math.Inf(1)}, {Value: math.Inf(-1)},
		}}},
		{Name: "wait", Unit: "s", Data: metricdata.Summary{DataPoints: []metricdata.SummaryDataPoint{{
			Attributes: attribute.NewSet(attribute.String("shop", "north")), Count: 3, Sum: 4.5,
			QuantileValues: []metricdata.QuantileValue{{Quantile: 0.5, Value: 1}, {Quantile: 0.99, Value: 2.5}},
		}}}},
	}}}
	reader := sdkmetric.NewPeriodicReader(b.Metrics(), sdkmetric.WithInterval(time.Hour), sdkmetric.WithProducer(producer))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	before := time.Now()
	if err := meters.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := map[string]sdktest.Event{}
	for _, e := range arrived() {
		quantile, _ := e.Properties.Value("quantile")
		got[e.Name+quantile] = e
		if e.Block.BeginTime.Std().Before(before.Add(-time.Second)) {
			t.Errorf("%s is at %v", e.Name, e.Block.BeginTime)
		}
	}
	if len(got) != 5 || got["wait_count"].Int != 3 || got["wait_sum"].Value != 4.5 || got["wait0.5"].Value != 1 || got["wait0.99"].Value != 2.5 || got["wait0.99"].Unit != "s" {
		t.Errorf("%+v", got)
	}
	if shop, _ := got["wait0.99"].Properties.Value("shop"); shop != "north" {
		t.Errorf("shop is %q", shop)
	}
	if err := meters.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

type produced []metricdata.ScopeMetrics

func (p produced) Produce(context.Context) ([]metricdata.ScopeMetrics, error) { return p, nil }
