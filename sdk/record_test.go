package sdk_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/micromegas-go/micromegas/sdk"
	"github.com/micromegas-go/micromegas/sdk/sdktest"
	"github.com/micromegas-go/micromegas/wire"
)

var (
	frames  = sdk.Int("frames", "count")
	load    = sdk.Float("load", "percent", sdk.InTarget("machine"))
	outer   = sdk.Span("outer")
	inner   = sdk.Span("inner")
	started = sdk.NewMessage(sdk.LevelInfo, "started")
)

const here = "github.com/micromegas-go/micromegas/sdk_test"

// newRecorder returns a recorder with a sink that decodes; the test fails when a server would refuse something.
func newRecorder(t testing.TB, o sdk.Options) (*sdk.Recorder, *sdktest.Sink) {
	t.Helper()
	s := sdktest.NewSink()
	o.Sink = s
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	r, err := sdk.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r, s
}

func flush(t testing.TB, r *sdk.Recorder) {
	t.Helper()
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// show is an event without its time.
func show(e sdktest.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", strings.TrimSuffix(e.Type, "Event"))
	if e.Kind == wire.KindLog {
		fmt.Fprintf(&b, " %d", e.Level)
	}
	fmt.Fprintf(&b, " %s", strings.TrimPrefix(e.Target, here))
	switch e.Kind {
	case wire.KindLog:
		fmt.Fprintf(&b, " %q", e.Msg)
	case wire.KindMetric:
		fmt.Fprintf(&b, " %s %s", e.Name, e.Unit)
		if e.IsInt {
			fmt.Fprintf(&b, " %d", e.Int)
		} else {
			fmt.Fprintf(&b, " %v", e.Value)
		}
	default:
		fmt.Fprintf(&b, " %s", e.Name)
	}
	for _, p := range e.Properties {
		fmt.Fprintf(&b, " %s=%q", p.Name, p.Value)
	}
	return b.String()
}

func wantEvents(t *testing.T, got []sdktest.Event, want ...string) {
	t.Helper()
	got = slices.Clone(got)
	// Where shards are locked, consecutive events of a goroutine land in different ones.
	slices.SortStableFunc(got, func(a, b sdktest.Event) int { return cmp.Compare(a.Ticks, b.Ticks) })
	var lines []string
	for _, e := range got {
		lines = append(lines, show(e))
	}
	if g, w := strings.Join(lines, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("events\n%s\nwant\n%s", g, w)
	}
}

func clocks() map[string]sdk.Clock {
	return map[string]sdk.Clock{"auto": sdk.ClockAuto, "monotonic": sdk.ClockMonotonic}
}

func TestMetrics(t *testing.T) {
	for name, clock := range clocks() {
		t.Run(name, func(t *testing.T) {
			r, s := newRecorder(t, sdk.Options{Clock: clock})
			red := sdk.NewProps("colour", "red", "n", 3)
			r.Int(frames, 7)
			r.Int(frames, -7)
			r.Float(load, 0.5)
			r.Float(load, math.Inf(-1))
			r.IntWith(frames, red, 8)
			r.IntWith(frames, red, -8)
			r.FloatWith(load, red, 0.25)
			r.FloatWith(load, sdk.Props{}, 0.75)
			flush(t, r)
			wantEvents(t, s.Events(),
				`IntegerMetric  frames count 7`,
				`FloatMetric  frames count -7`,
				`FloatMetric machine load percent 0.5`,
				`FloatMetric machine load percent -Inf`,
				`TaggedIntegerMetric  frames count 8 colour="red" n="3"`,
				`TaggedFloatMetric  frames count -8 colour="red" n="3"`,
				`TaggedFloatMetric machine load percent 0.25 colour="red" n="3"`,
				`FloatMetric machine load percent 0.75`,
			)
		})
	}
}

func TestTrack(t *testing.T) {
	for name, clock := range clocks() {
		t.Run(name, func(t *testing.T) {
			r, s := newRecorder(t, sdk.Options{Clock: clock})
			track := r.NewTrack("painter\x00")
			defer track.Close()
			scope := track.Begin(outer)
			track.Begin(inner)
			track.Int(frames, 1)
			track.End()
			track.Begin(inner)
			track.EndWith(sdk.NewProps("drawn", 12))
			flush(t, r)
			scope.End()
			track.End() // one too many
			flush(t, r)
			got := s.Events(wire.KindBeginThreadSpan, wire.KindEndThreadSpan)
			wantEvents(t, got,
				`BeginThreadSpan  outer`, `BeginThreadSpan  inner`, `EndThreadSpan  inner`,
				`BeginThreadSpan  inner`, `TaggedEndThreadSpan  inner drawn="12"`, `EndThreadSpan  outer`)
			for i := range got[1:] {
				if got[i+1].Ticks < got[i].Ticks {
					t.Errorf("event %d at %d comes after %d", i+1, got[i+1].Ticks, got[i].Ticks)
				}
			}
			st := got[0].Stream
			if st.ThreadName() != "painter-1" || st.Tags[0] != "cpu" {
				t.Errorf("stream %q with tags %v", st.ThreadName(), st.Tags)
			}
			if b := got[5].Block; b.ObjectOffset != 5 || b.BeginTicks != got[0].Block.EndTicks {
				t.Errorf("second block %+v does not follow %+v", b, got[0].Block)
			}
			wantEvents(t, s.Events(wire.KindMetric), `IntegerMetric  frames count 1`)
		})
	}
}

func TestAsyncSpans(t *testing.T) {
	r, s := newRecorder(t, sdk.Options{})
	ctx, parent := r.StartSpan(t.Context(), outer)
	var wg sync.WaitGroup
	wg.Go(func() {
		// Two layers of other contexts in between change nothing.
		ctx, cancel := context.WithCancel(context.WithValue(ctx, "k", "v")) //nolint:staticcheck // any key
		defer cancel()
		ctx, child := r.StartSpan(ctx, inner)
		r.Leaf(ctx, inner).End()
		child.EndWith(sdk.NewProps("status", 200))
	})
	wg.Wait()
	parent.End()
	r.Root(inner).End()
	flush(t, r)

	type edge struct {
		parent uint64
		depth  uint32
		name   string
	}
	begun, ended := map[uint64]edge{}, map[uint64]edge{}
	for _, e := range s.Events() {
		to := begun
		if e.Kind == wire.KindEndAsyncSpan {
			to = ended
		}
		if _, twice := to[e.SpanID]; twice || e.SpanID == 0 {
			t.Errorf("span %d twice", e.SpanID)
		}
		to[e.SpanID] = edge{e.ParentSpanID, e.Depth, e.Name}
	}
	if len(begun) != 4 {
		t.Fatalf("%d spans begun, want 4", len(begun))
	}
	if b := begun[parent.ID()]; b != (edge{0, 0, "outer"}) {
		t.Errorf("parent is %+v", b)
	}
	depths := map[uint32]int{}
	for id, b := range begun {
		if ended[id] != b {
			t.Errorf("span %d begins as %+v and ends as %+v", id, b, ended[id])
		}
		depths[b.depth]++
		if b.depth == 1 && b.parent != parent.ID() {
			t.Errorf("child of %d, want %d", b.parent, parent.ID())
		}
		if b.depth == 2 && begun[b.parent].depth != 1 {
			t.Errorf("grandchild's parent is %+v", begun[b.parent])
		}
	}
	if depths[0] != 2 || depths[1] != 1 || depths[2] != 1 {
		t.Errorf("depths %v", depths)
	}
}

func TestLogs(t *testing.T) {
	r, s := newRecorder(t, sdk.Options{})
	log := r.NewLogger()
	other := r.NewLogger("shop/cart")
	r.Message(started, sdk.Props{})
	r.Message(started, sdk.NewProps("port", 80))
	log.Info("plain")
	log.Warn("with", slog.Int("n", 1), slog.Group("g", slog.String("s", "x y"), slog.Bool("b", true)), slog.Attr{})
	other.Error("")
	other.Log(sdk.LevelFatal, strings.Repeat("long ", 40_000))
	log.Debug("seen")
	log.Trace("not seen")
	flush(t, r)
	wantEvents(t, s.Events(),
		`TaggedLogInterop 4  "started"`,
		`TaggedLogInterop 4  "started" port="80"`,
		`TaggedLogInterop 4  "plain"`,
		`TaggedLogInterop 3  "with" n="1" g.s="x y" g.b="true"`,
		`TaggedLogInterop 2 shop/cart ""`,
		`TaggedLogInterop 1 shop/cart `+fmt.Sprintf("%q", strings.Repeat("long ", 40_000)),
		`TaggedLogInterop 5  "seen"`,
	)
}
