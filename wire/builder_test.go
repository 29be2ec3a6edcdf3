package wire

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/micromegas-go/micromegas/telemetry"
)

// decodeAll decodes a block of builders, which must be free of errors.
func decodeAll(t *testing.T, layouts func() (Layout, Layout), p Payload, n int32) []Event {
	t.Helper()
	deps, objs := layouts()
	// The way of a real stream: through its encoded form.
	deps2, err1 := DecodeLayout(deps.Encode())
	objs2, err2 := DecodeLayout(objs.Encode())
	if err1 != nil || err2 != nil || !reflect.DeepEqual(deps, deps2) || !reflect.DeepEqual(objs, objs2) {
		t.Fatalf("layouts do not survive: %v %v\n%+v\n%+v", err1, err2, deps2, objs2)
	}
	for _, l := range []Layout{deps, objs} {
		if err := l.Validate(); err != nil {
			t.Fatal(err)
		}
	}
	d, err := NewDecoder(deps2, objs2, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var events []Event
	stats, err := d.Events(p, func(e *Event) error {
		events = append(events, *e)
		return nil
	})
	if err != nil || stats.Bad+stats.Skipped+stats.BadDependencies != 0 || stats.Decoded != int64(n) {
		t.Fatalf("%+v, %v; want %d events", stats, err, n)
	}
	return events
}

func TestLogBuilder(t *testing.T) {
	var b LogBuilder
	set := Properties{{"user", "alice"}, {"level", "fatal"}}
	for round := range 2 { // the second block must not remember the first
		var want []Event
		add := func(e Event) {
			e.Kind, e.Type, e.Index = KindLog, "TaggedLogInteropEvent", int64(len(want))
			b.Add(e.Ticks, e.Level, e.Target, e.Msg, e.Properties)
			if e.Properties == nil {
				e.Properties = Properties{}
			}
			want = append(want, e)
		}
		add(Event{Ticks: -5, Level: LevelInfo, Target: "main", Msg: "héllo ✓"})
		add(Event{Ticks: 7, Level: LevelFatal, Target: "", Msg: "", Properties: set})
		add(Event{Ticks: math.MaxInt64, Level: 0, Target: "main", Msg: "x", Properties: Properties{{"user", "alice"}, {"level", "fatal"}}})
		if b.Len() != 3 || b.Size() == 0 {
			t.Errorf("Len %d, Size %d", b.Len(), b.Size())
		}
		p, n := b.Finish()
		got := decodeAll(t, LogLayouts, p, n)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("round %d:\n got %+v\nwant %+v", round, got, want)
		}
		if got[1].Properties.Identity() != got[2].Properties.Identity() {
			t.Error("equal sets were written twice")
		}
	}
	if p, n := b.Finish(); n != 0 || p.Validate() != nil {
		t.Errorf("an empty block has %d events: %v", n, p.Validate())
	}
}

func TestMetricBuilder(t *testing.T) {
	var b MetricBuilder
	fps := &MetricDesc{Name: "fps", Unit: "hz", Target: "perf", File: "a.go", Line: 3, LOD: 2}
	mem := &MetricDesc{Name: "mem", Unit: "bytes", Target: "perf", File: "a.go", Line: 4, LOD: 1}
	b.Float(1, fps, 59.94, nil)
	b.Integer(2, mem, math.MaxUint64, Properties{{"unit", "pages"}, {"name", "memory"}, {"target", "os"}})
	copied := *fps
	b.Float(3, &copied, math.Inf(-1), Properties{})
	size := b.Size()
	b.Float(4, fps, -0.5, nil)
	if grown := b.Size() - size; grown != 33 {
		t.Errorf("a known metric takes %d bytes, want 33", grown)
	}
	p, n := b.Finish()
	got := decodeAll(t, MetricLayouts, p, n)
	ev := Event{Kind: KindMetric, Type: "TaggedFloatMetricEvent", Name: "fps", Unit: "hz", Target: "perf", File: "a.go", Line: 3, Properties: Properties{}}
	want := []Event{ev, {
		Kind: KindMetric, Type: "TaggedIntegerMetricEvent", Index: 1, Ticks: 2, Name: "memory", Unit: "pages", Target: "os", File: "a.go", Line: 4,
		Value: math.MaxUint64, Int: math.MaxUint64, IsInt: true,
		Properties: Properties{{"unit", "pages"}, {"name", "memory"}, {"target", "os"}},
	}, ev, ev}
	for i, v := range map[int]float64{0: 59.94, 2: math.Inf(-1), 3: -0.5} {
		want[i].Index, want[i].Ticks, want[i].Value = int64(i), telemetry.Ticks(i+1), v
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

func TestSpanBuilder(t *testing.T) {
	var b SpanBuilder
	outer := &SpanDesc{Name: "outer", Target: "t", ModulePath: "m", File: "f.go", Line: 9, LOD: 3}
	inner := &SpanDesc{Name: "inner", Target: "t", ModulePath: "m", File: "f.go", Line: 10, LOD: 3}
	b.Begin(1, outer)
	b.Begin(2, inner)
	b.End(3, inner)
	b.BeginAsync(4, inner, 1, 0, 0)
	b.End(5, outer)
	b.EndAsync(6, inner, 1<<63, 5, 7)
	p, n := b.Finish()
	got := decodeAll(t, SpanLayouts, p, n)
	span := func(i int, k Kind, typ string, d *SpanDesc, id, parent uint64, depth uint32) Event {
		return Event{
			Kind: k, Type: typ, Index: int64(i), Ticks: telemetry.Ticks(i + 1), Name: d.Name, Target: d.Target, ModulePath: d.ModulePath,
			File: d.File, Line: d.Line, ScopeHash: SpanHash(d.Name, d.File, d.Target, d.Line), SpanID: id, ParentSpanID: parent, Depth: depth,
		}
	}
	want := []Event{
		span(0, KindBeginThreadSpan, "BeginThreadSpanEvent", outer, 0, 0, 0),
		span(1, KindBeginThreadSpan, "BeginThreadSpanEvent", inner, 0, 0, 0),
		span(2, KindEndThreadSpan, "EndThreadSpanEvent", inner, 0, 0, 0),
		span(3, KindBeginAsyncSpan, "BeginAsyncSpanEvent", inner, 1, 0, 0),
		span(4, KindEndThreadSpan, "EndThreadSpanEvent", outer, 0, 0, 0),
		span(5, KindEndAsyncSpan, "EndAsyncSpanEvent", inner, 1<<63, 5, 7),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

// TestBlockOfManyFrameBlocks has queues of several LZ4 blocks of 64 KiB.
func TestBlockOfManyFrameBlocks(t *testing.T) {
	var b LogBuilder
	for i := range 20_000 {
		b.Add(telemetry.Ticks(i), LevelInfo, fmt.Sprint("target", i%300), fmt.Sprint("message ", i), Properties{{"i", fmt.Sprint(i % 1000)}})
	}
	p, n := b.Finish()
	for i, e := range decodeAll(t, LogLayouts, p, n) {
		if e.Ticks != telemetry.Ticks(i) || e.Msg != fmt.Sprint("message ", i) || e.Target != fmt.Sprint("target", i%300) ||
			e.Properties[0].Value != fmt.Sprint(i%1000) {
			t.Fatalf("event %d: %+v", i, e)
		}
	}
}
