package sdk_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/micromegas-go/micromegas/sdk"
	"github.com/micromegas-go/micromegas/sdk/sdktest"
	"github.com/micromegas-go/micromegas/wire"
)

func ExampleStart() {
	defer sdk.Start(sdk.Config{})()
	// the program
}

var (
	exampleOrders = sdk.Int("orders", "count", sdk.InTarget("shop"))
	exampleFrame  = sdk.Span("frame", sdk.InTarget("game"))
	examplePaint  = sdk.Span("paint", sdk.InTarget("game"))
)

func ExampleInt() {
	sink := sdktest.NewSink()
	r, err := sdk.New(sdk.Options{Sink: sink})
	if err != nil {
		panic(err)
	}
	r.Int(exampleOrders, 1)
	r.IntWith(exampleOrders, sdk.NewProps("region", "eu"), 2)
	if err := r.Shutdown(context.Background()); err != nil {
		panic(err)
	}
	total := uint64(0)
	for _, e := range sink.Events(wire.KindMetric) {
		total += e.Int
	}
	fmt.Println(total)
	// Output: 3
}

func ExampleTrack() {
	sink := sdktest.NewSink()
	r, err := sdk.New(sdk.Options{Sink: sink})
	if err != nil {
		panic(err)
	}
	track := r.NewTrack("renderer")
	scope := track.Begin(exampleFrame)
	track.Begin(examplePaint)
	track.End()
	scope.EndWith(sdk.NewProps("frame", 1))
	track.Close()
	if err := r.Shutdown(context.Background()); err != nil {
		panic(err)
	}
	for _, e := range sink.Events() {
		fmt.Println(e.Stream.ThreadName(), e.Type, e.Name, e.Properties)
	}
	// Output:
	// renderer-1 BeginThreadSpanEvent frame []
	// renderer-1 BeginThreadSpanEvent paint []
	// renderer-1 EndThreadSpanEvent paint []
	// renderer-1 TaggedEndThreadSpanEvent frame [{frame 1}]
}

func ExampleRecorder_StartSpan() {
	r := sdk.Default() // nil where nothing was started
	if r == nil {
		return
	}
	ctx, span := r.StartSpan(context.Background(), exampleFrame)
	defer span.End()
	r.Leaf(ctx, examplePaint).End()
}

func ExampleNewHandler() {
	slog.SetDefault(slog.New(sdk.NewHandler()))
	slog.Info("listening", "port", 8080)
}

func ExampleLevels_Set() {
	r, err := sdk.New(sdk.Options{Console: os.Stdout})
	if err != nil {
		panic(err)
	}
	if err := r.ConsoleLevels().Set("warn,shop=debug"); err != nil {
		panic(err)
	}
	fmt.Println(r.ConsoleLevels().Max("shop/cart"), r.ConsoleLevels().Max("bank"))
	// Output: debug warn
}
