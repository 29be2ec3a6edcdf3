// Command sdk measures what one event costs the program that records it, beside the bare clock and other libraries, in
// one run. It is a module of its own so that nobody who uses the SDK needs those libraries.
//
//	go -C bench/sdk run .
//
// Each row is measured in many short rounds, one after the other with the rows around it; shown is the median. Between
// rounds the recorder's buffers are emptied, outside of what is measured. At the end the SDK delivers 100,000 events a
// second to a server in another process, this program again, which takes what it gets.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/micromegas-go/micromegas/sdk"
	"github.com/micromegas-go/micromegas/sdk/sink"
	"github.com/micromegas-go/micromegas/telemetry"
)

var (
	samples = sdk.Int("samples", "count")
	span    = sdk.Span("span")
	message = sdk.NewMessage(sdk.LevelInfo, "hello world")
	props   = sdk.NewProps("colour", "red")
)

// null takes blocks and encodes them; what that costs is measured by cpu.
type null struct{}

func (null) Process([]byte)                    {}
func (null) Stream(telemetry.StreamID, []byte) {}
func (null) Flush(context.Context) error       { return nil }
func (null) Shutdown(context.Context) error    { return nil }
func (null) Block(b sink.Block)                { b.Release() }

const (
	rounds = 301
	events = 2000 // a round
)

type row struct {
	name   string
	edges  int // events that one call makes
	call   func()
	times  []float64 // ns an event
	allocs float64
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "server" {
		serve()
		return
	}
	r := recorder(sdk.ClockAuto)
	slow := recorder(sdk.ClockMonotonic)
	sdk.SetDefault(r)
	track, slowTrack := r.NewTrack("bench"), slow.NewTrack("bench")
	log := r.NewLogger()
	handler := slog.New(r.NewHandler())
	discard := slog.New(slog.NewJSONHandler(io.Discard, nil))
	zero := zerolog.New(io.Discard).With().Timestamp().Logger()
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(io.Discard), zap.InfoLevel)
	zapped := zap.New(core)
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(nothing{})).Tracer("bench")
	ctx := context.Background()
	start := time.Now()

	rows := []*row{
		{name: "clock: the counter", call: func() { stamp += counter() }},
		{name: "clock: monotonic (time.Since)", call: func() { stamp += uint64(time.Since(start)) }},
		{name: "clock: time.Now", call: func() { now = time.Now() }},
		{name: "track: metric", call: func() { track.Int(samples, 3) }},
		{name: "track: span edge", edges: 2, call: func() { track.Begin(span); track.End() }},
		{name: "implicit: metric", call: func() { samples.Record(3) }},
		{name: "implicit: metric with properties", call: func() { samples.With(props).Record(3) }},
		{name: "implicit: span edge", edges: 2, call: func() { sdk.Root(span).End() }},
		{name: "implicit: span edge, in a context", edges: 2, call: func() { _, s := sdk.StartSpan(ctx, span); s.End() }},
		{name: "log: constant message", call: func() { message.Log() }},
		{name: "log: text", call: func() { log.Info("hello world") }},
		{name: "log: text, 2 attributes", call: func() { log.Info("hello world", slog.Int("a", 1), slog.String("b", "c")) }},
		{name: "log: disabled", call: func() { log.Trace("hello world") }},
		{name: "log/slog: 2 attributes", call: func() { handler.LogAttrs(ctx, slog.LevelInfo, "hello world", slog.Int("a", 1), slog.String("b", "c")) }},
		{name: "monotonic clock, track: metric", call: func() { slowTrack.Int(samples, 3) }},
		{name: "monotonic clock, implicit: metric", call: func() { slow.Int(samples, 3) }},
		{name: "others: slog JSON to discard, 2 attributes", call: func() {
			discard.LogAttrs(ctx, slog.LevelInfo, "hello world", slog.Int("a", 1), slog.String("b", "c"))
		}},
		{name: "others: zerolog, text", call: func() { zero.Info().Msg("hello world") }},
		{name: "others: zerolog, 2 fields", call: func() { zero.Info().Int("a", 1).Str("b", "c").Msg("hello world") }},
		{name: "others: zap, text", call: func() { zapped.Info("hello world") }},
		{name: "others: zap, 2 fields", call: func() { zapped.Info("hello world", zap.Int("a", 1), zap.String("b", "c")) }},
		{name: "others: OTel span edge, no exporter", edges: 2, call: func() { _, s := tracer.Start(ctx, "span"); s.End() }},
	}
	for _, w := range rows {
		w.edges = max(w.edges, 1)
		w.measure(r, slow) // warms up
		w.times = nil
	}
	for range rounds {
		for _, w := range rows {
			w.measure(r, slow)
		}
	}
	bare, wall := rows[0].median(), rows[2].median()
	fmt.Printf("%s, %d processors, %s\n\n%-46s %10s %8s %10s %8s\n", runtime.Version(), runtime.NumCPU(), runtime.GOARCH,
		"one event", "ns", "× clock", "× Now", "allocs")
	for _, w := range rows {
		fmt.Printf("%-46s %10.1f %8.2f %10.2f %8.1f\n", w.name, w.median(), w.median()/bare, w.median()/wall, w.allocs)
	}
	fmt.Println()
	parallel(r)
	if l := r.Losses(); l != (sdk.Losses{}) {
		fmt.Println("lost:", l)
	}
	flush(r, slow)
	sdk.SetDefault(nil)
	cpu()
}

var (
	stamp uint64
	now   time.Time
)

func recorder(c sdk.Clock) *sdk.Recorder {
	r, err := sdk.New(sdk.Options{Sink: null{}, Clock: c, FlushPeriod: time.Hour, BlockBytes: 64 << 20, BufferBytes: 1 << 30})
	if err != nil {
		panic(err)
	}
	return r
}

func flush(all ...*sdk.Recorder) {
	for _, r := range all {
		if err := r.Flush(context.Background()); err != nil {
			panic(err)
		}
	}
}

func (w *row) measure(all ...*sdk.Recorder) {
	for range 100 {
		w.call()
	}
	var before, after runtime.MemStats
	counted := len(w.times) == 0
	if counted {
		runtime.ReadMemStats(&before)
	}
	calls := events / w.edges
	begin := time.Now()
	for range calls {
		w.call()
	}
	took := time.Since(begin)
	if counted {
		runtime.ReadMemStats(&after)
		w.allocs = float64(int(float64(after.Mallocs-before.Mallocs)/float64(calls)*10)) / 10
	}
	w.times = append(w.times, float64(took)/float64(calls*w.edges))
	flush(all...)
}

func (w *row) median() float64 {
	slices.Sort(w.times)
	return w.times[len(w.times)/2]
}

// parallel compares eight goroutines with one in processor time: other programs may be running.
func parallel(r *sdk.Recorder) {
	one := func(n int) float64 {
		var times []float64
		for range rounds {
			var wg sync.WaitGroup
			begin := used()
			for range n {
				wg.Go(func() {
					for range 20 * events {
						samples.Record(1)
					}
				})
			}
			wg.Wait()
			times = append(times, float64(used()-begin)/float64(n*20*events))
			flush(r)
		}
		slices.Sort(times)
		return times[len(times)/2]
	}
	a, b := one(1), one(8)
	fmt.Printf("implicit metric on 8 goroutines: %.1f ns of processor time, on one %.1f: %.2f×\n", b, a, b/a)
}

// nothing is a span processor without an exporter.
type nothing struct{}

func (nothing) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (nothing) OnEnd(sdktrace.ReadOnlySpan)                     {}
func (nothing) Shutdown(context.Context) error                  { return nil }
func (nothing) ForceFlush(context.Context) error                { return nil }
