package sdk_test

import (
	"context"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/sdk"
	"github.com/micromegas-go/micromegas/sdk/sink"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// TestManyGoroutines records everything from everywhere while others flush, and finds each event once.
func TestManyGoroutines(t *testing.T) {
	r, s := newRecorder(t, sdk.Options{FlushPeriod: time.Millisecond, BlockBytes: 32 << 10})
	const goroutines, each = 8, 3000
	log := r.NewLogger()
	rare := sdk.PropsOnce("seldom", "yes")
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			track := r.NewTrack("worker")
			defer track.Close()
			for i := range each {
				n := int64(g*each + i)
				track.Begin(outer)
				r.Int(frames, n)
				r.FloatWith(load, rare, float64(n))
				span := r.Root(inner)
				log.Info("hello", slog.Int64("n", n))
				span.EndWith(rare)
				if i%100 == 0 {
					track.EndWith(rare)
					runtime.Gosched()
					continue
				}
				track.End()
			}
		})
	}
	for range 20 {
		flush(t, r)
	}
	wg.Wait()
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l := r.Losses(); l != (sdk.Losses{}) {
		t.Fatalf("lost %+v", l)
	}
	seen := map[string]map[string]int{}
	count := func(kind, key string) {
		if seen[kind] == nil {
			seen[kind] = map[string]int{}
		}
		seen[kind][key]++
	}
	depth := map[telemetry.StreamID]int{}
	last := map[telemetry.StreamID]telemetry.Ticks{}
	offset := map[telemetry.StreamID]int64{}
	for _, b := range s.Blocks() {
		if b.ObjectOffset != offset[b.StreamID] {
			t.Errorf("block of stream %s at %d, want %d", b.StreamID, b.ObjectOffset, offset[b.StreamID])
		}
		offset[b.StreamID] += int64(b.Objects)
	}
	for _, e := range s.Events() {
		switch e.Kind {
		case wire.KindLog:
			count("log", e.Properties[0].Value)
		case wire.KindMetric:
			if e.IsInt {
				count("int", string(rune(e.Int)))
			} else {
				count("float", string(rune(int(e.Value))))
			}
		case wire.KindBeginThreadSpan, wire.KindEndThreadSpan:
			if e.Kind == wire.KindBeginThreadSpan {
				depth[e.Stream.ID]++
			} else {
				depth[e.Stream.ID]--
			}
			if depth[e.Stream.ID] < 0 || depth[e.Stream.ID] > 1 || e.Ticks < last[e.Stream.ID] {
				t.Fatalf("spans of %s are out of order", e.Stream.ThreadName())
			}
			last[e.Stream.ID] = e.Ticks
			count("thread", e.Stream.ID.String())
		case wire.KindBeginAsyncSpan:
			count("begin", string(rune(e.SpanID)))
		case wire.KindEndAsyncSpan:
			count("end", string(rune(e.SpanID)))
		default:
			t.Errorf("event %+v", e)
		}
	}
	for kind, want := range map[string]int{"log": 1, "int": 1, "float": 1, "thread": 2 * each} {
		n := goroutines * each
		if kind == "thread" {
			n = goroutines
		}
		if len(seen[kind]) != n {
			t.Errorf("%d different of kind %s, want %d", len(seen[kind]), kind, n)
		}
		for key, times := range seen[kind] {
			if times != want {
				t.Fatalf("%s %q %d times, want %d", kind, key, times, want)
			}
		}
	}
}

// stuck is a sink that takes blocks only when it is let.
type stuck struct {
	sdk.Sink
	let chan struct{}
}

func (s stuck) Block(b sink.Block) { <-s.let; s.Sink.Block(b) }

// TestLosses records more than the buffers hold while the flusher cannot go on. What is there afterwards is whole: spans
// begin and end, and everything else was counted.
func TestLosses(t *testing.T) {
	inner, s := newRecorder(t, sdk.Options{})
	_ = inner
	to := stuck{s, make(chan struct{})}
	var said strings.Builder
	r, err := sdk.New(sdk.Options{
		Sink: to, BufferBytes: 256 << 10, BlockBytes: 64 << 10, FlushPeriod: time.Hour,
		Log: slog.New(slog.NewTextHandler(&said, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	spans := 25_000 * max(2, uint64(runtime.NumCPU())) // each processor has memory of its own
	track := r.NewTrack("busy")
	for range spans {
		track.Begin(outer)
		track.Int(frames, 1)
		r.Int(frames, 1)
		track.End()
	}
	close(to.let)
	flush(t, r)
	track.Begin(outer)
	track.End()
	track.Close()
	if err := r.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	l := r.Losses()
	if l.Metrics == 0 || l.Spans == 0 || l.Logs != 0 {
		t.Errorf("losses %+v", l)
	}
	depth, begun, samples, told := 0, 0, 0, uint64(0)
	for _, e := range s.Events() {
		switch {
		case e.Kind == wire.KindBeginThreadSpan:
			depth++
			begun++
		case e.Kind == wire.KindEndThreadSpan:
			depth--
		case e.Name == "frames":
			samples++
		default:
			told += e.Int
		}
		if depth < 0 || depth > 1 {
			t.Fatal("spans don't nest")
		}
	}
	if depth != 0 || uint64(begun)+l.Spans != spans+1 || uint64(samples)+l.Metrics != 2*spans || told != l.Metrics+l.Spans {
		t.Errorf("%d spans (%d open) and %d samples arrived, %+v lost, %d told of", begun, depth, samples, l, told)
	}
	if !strings.Contains(said.String(), "events lost") {
		t.Errorf("the operator's log says %q", said.String())
	}
}

// TestRecordingAllocatesNothing holds the promise of doc.go.
func TestRecordingAllocatesNothing(t *testing.T) {
	r, err := sdk.New(sdk.Options{Sink: discard{}, FlushPeriod: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Shutdown(context.Background())
	track := r.NewTrack("t")
	defer track.Close()
	log := r.NewLogger("x")
	handler := slog.New(r.NewHandler())
	red := sdk.NewProps("colour", "red")
	ctx := t.Context()
	for name, f := range map[string]func(){
		"track":  func() { track.Begin(outer).EndWith(red); track.Int(frames, 1) },
		"metric": func() { r.Int(frames, 1); r.FloatWith(load, red, 1) },
		"span":   func() { r.Leaf(ctx, inner).EndWith(red) },
		"log":    func() { r.Message(started, red); log.Info("text", slog.Int("n", 1), slog.String("s", "x")) },
		"slog":   func() { handler.LogAttrs(ctx, slog.LevelInfo, "text", slog.Int("n", 1)) },
	} {
		f()
		if n := testing.AllocsPerRun(500, f); n > 0 { // the average, cut: chunks are not counted
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

type discard struct{}

func (discard) Process([]byte)                    {}
func (discard) Stream(telemetry.StreamID, []byte) {}
func (discard) Block(b sink.Block)                { b.Release() }
func (discard) Flush(context.Context) error       { return nil }
func (discard) Shutdown(context.Context) error    { return nil }

func TestPanics(t *testing.T) {
	r, s := newRecorder(t, sdk.Options{Console: io.Discard})
	func() {
		defer func() {
			if v := recover(); v != "ouch" {
				t.Errorf("the panic goes on as %v", v)
			}
		}()
		track := r.NewTrack("t")
		defer track.Close()
		defer track.Recover()
		panic("ouch")
	}()
	got := s.Events(wire.KindLog) // sent without a flush of ours
	if len(got) != 1 || got[0].Level != wire.LevelFatal || !strings.HasPrefix(got[0].Msg, "panic: ouch\n\ngoroutine ") ||
		!strings.Contains(got[0].Msg, "TestPanics") {
		t.Errorf("%+v", got)
	}
}
