package otelbridge_test

import (
	"context"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/micromegas-go/micromegas/sdk"
	"github.com/micromegas-go/micromegas/sdk/otelbridge"
	"github.com/micromegas-go/micromegas/sdk/sdktest"
)

// A span whose end was said to be before its beginning must not spoil the block that it is in.
func TestSpanThatEndsBeforeItBegins(t *testing.T) {
	sink := sdktest.NewSink()
	r, err := sdk.New(sdk.Options{Sink: sink})
	if err != nil {
		t.Fatal(err)
	}
	b := otelbridge.New(otelbridge.Options{Recorder: r.Foreign(), FlushPeriod: time.Hour})
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(b.Spans()))
	tracer := tracers.Tracer("shop")
	now := time.Now()
	for _, took := range []time.Duration{-time.Hour, time.Millisecond} {
		_, span := tracer.Start(t.Context(), "span", trace.WithTimestamp(now))
		span.End(trace.WithTimestamp(now.Add(took)))
	}
	ctx := context.Background()
	if err := b.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := r.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if n := len(sink.Events()); n != 4 {
		t.Errorf("%d events", n)
	}
}
