package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// eventsOf decodes a block of the stream that deps and objects describe.
func eventsOf(t *testing.T, dependencies, objects wire.Layout, body []byte) (telemetry.Block, []wire.Event) {
	t.Helper()
	b, p, err := wire.DecodeBlock(body)
	if err != nil {
		t.Fatal(err)
	}
	d, err := wire.NewDecoder(dependencies, objects, wire.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var all []wire.Event
	stats, err := d.Events(p, func(e *wire.Event) error { all = append(all, *e); return nil })
	if err != nil || stats.Decoded != int64(b.Objects) || stats.Bad+stats.Skipped > 0 {
		t.Fatalf("%+v, %v", stats, err)
	}
	return b, all
}

// Two halves hold the events of the whole, each once, in order, and everything about them.
func TestSplit(t *testing.T) {
	const n = 101
	few := wire.Properties{{Name: "host", Value: "a"}, {Name: "name", Value: "other"}, {Name: "target", Value: "x"}, {Name: "level", Value: "fatal"}}
	for name, c := range map[string]struct {
		layouts func() (wire.Layout, wire.Layout)
		fill    func() (wire.Payload, int32)
	}{
		"logs": {wire.LogLayouts, func() (wire.Payload, int32) {
			var b wire.LogBuilder
			for i := range n {
				var p wire.Properties
				if i%3 == 0 {
					p = append(wire.Properties{{Name: "n", Value: fmt.Sprint(i)}}, few...)
				}
				b.Add(telemetry.Ticks(1000+i), int32(1+i%6), fmt.Sprint("target", i%2), fmt.Sprint("message \xff", i), p)
			}
			return b.Finish()
		}},
		"metrics": {wire.MetricLayouts, func() (wire.Payload, int32) {
			var b wire.MetricBuilder
			desc := wire.MetricDesc{Name: "m", Unit: "u", Target: "t", File: "f.go", Line: 7, LOD: lod}
			for i := range n {
				set := wire.NoProperties
				if i%3 == 0 {
					set = b.Set(few)
				}
				if i%2 == 0 {
					b.IntegerRef(telemetry.Ticks(2000-i), b.Desc(&desc), 1<<63+uint64(i), set)
				} else {
					b.FloatRef(telemetry.Ticks(2000-i), b.Desc(&desc), -0.5*float64(i), set)
				}
			}
			return b.Finish()
		}},
		"spans": {wire.SpanLayouts, func() (wire.Payload, int32) {
			var b wire.SpanBuilder
			desc := wire.SpanDesc{Name: "s", Target: "t", ModulePath: "m", File: "f.go", Line: 7, LOD: lod}
			for i := range n {
				set := wire.NoProperties
				if i%3 == 0 {
					set = b.Set(few)
				}
				at := telemetry.Ticks(1000 + i)
				switch i % 4 {
				case 0:
					b.BeginRef(at, b.Desc(&desc))
				case 1:
					b.EndRef(at, b.Desc(&desc), set)
				case 2:
					b.BeginAsyncRef(at, b.Desc(&desc), uint64(i), 1<<62, 3)
				default:
					b.EndAsyncRef(at, b.Desc(&desc), set, uint64(i), 1<<62, 3)
				}
			}
			return b.Finish()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dependencies, objects := c.layouts()
			src := newSource()
			src.process.StartTicks = 500
			src.stream.DependenciesMetadata, src.stream.ObjectsMetadata = dependencies.Encode(), objects.Encode()
			payload, count := c.fill()
			body := wire.EncodeBlock(telemetry.Block{
				ID: telemetry.BlockID(uuid.New()), StreamID: src.stream.ID, ProcessID: src.process.ID, Objects: count, ObjectOffset: 40,
				BeginTime: src.process.StartTime, EndTime: src.process.StartTime + 3000, BeginTicks: 0, EndTicks: 3000,
			}, payload)
			process, stream := wire.EncodeProcess(src.process), wire.EncodeStream(src.stream)
			halves, err := split(process, stream, body)
			if err != nil {
				t.Fatal(err)
			}
			again, err := split(process, stream, body)
			if err != nil || !reflect.DeepEqual(again, halves) {
				t.Errorf("split again: other halves, %v", err)
			}
			whole, want := eventsOf(t, dependencies, objects, body)
			first, got := eventsOf(t, dependencies, objects, halves[0].body)
			second, rest := eventsOf(t, dependencies, objects, halves[1].body)
			if len(got) != n/2 || first.ObjectOffset != 40 || second.ObjectOffset != 40+n/2 || first.ID == second.ID || first.ID == whole.ID || first.StreamID != whole.StreamID {
				t.Errorf("halves %+v, %+v", first, second)
			}
			if first.BeginTicks != 0 || second.EndTicks != 3000 || first.BeginTime != whole.BeginTime || second.EndTime != whole.EndTime {
				t.Errorf("halves %+v, %+v", first, second)
			}
			for i, h := range []telemetry.Block{first, second} {
				for _, e := range [][]wire.Event{got, rest}[i] {
					if at := e.Ticks - 500; at < h.BeginTicks || at > h.EndTicks {
						t.Errorf("an event at %d, in [%d, %d]", at, h.BeginTicks, h.EndTicks)
					}
				}
			}
			got = append(got, rest...)
			for i := range got {
				got[i].Index = int64(i)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("events are\n%+v, want\n%+v", got, want)
			}
		})
	}
}

// What cannot be split, or is no smaller afterwards, stays whole.
func TestSplitNot(t *testing.T) {
	src := newSource()
	process, stream := wire.EncodeProcess(src.process), wire.EncodeStream(src.stream)
	encode := func(b Block) []byte {
		body, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	common := src.block(Logs, 2)
	common.Encode = func() ([]byte, error) {
		var b wire.LogBuilder
		for i := range 2 {
			b.Add(telemetry.Ticks(i), wire.LevelInfo, incompressible(100_000, 1), "short", nil)
		}
		payload, n := b.Finish()
		return wire.EncodeBlock(telemetry.Block{ID: common.ID, StreamID: src.stream.ID, ProcessID: src.process.ID, Objects: n}, payload), nil
	}
	src.process.TSCFrequency = 0
	for name, c := range map[string][3][]byte{
		"one event":       {process, stream, encode(src.block(Logs, 1))},
		"all in common":   {process, stream, encode(common)},
		"no clock":        {wire.EncodeProcess(src.process), stream, encode(src.block(Logs, 2))},
		"no process":      {nil, stream, encode(src.block(Logs, 2))},
		"no stream":       {process, nil, encode(src.block(Logs, 2))},
		"nonsense":        {process, stream, []byte("nonsense")},
		"broken payload":  {process, stream, bytes.Replace(encode(src.block(Logs, 2)), []byte{0x04, 0x22, 0x4d, 0x18}, []byte("----"), 2)},
		"another's block": {process, otherStream(), encode(src.block(Logs, 2))},
	} {
		if _, err := split(c[0], c[1], c[2]); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func otherStream() []byte {
	s := newSource().stream
	dependencies, objects := wire.SpanLayouts()
	s.DependenciesMetadata, s.ObjectsMetadata = dependencies.Encode(), objects.Encode()
	return wire.EncodeStream(s)
}

// incompressible is a text of n bytes without repetitions, the same for the same seed.
func incompressible(n int, seed uint64) string {
	var b strings.Builder
	for x := seed; b.Len() < n; x = x*6364136223846793005 + 1442695040888963407 {
		fmt.Fprintf(&b, "%x", x)
	}
	return b.String()[:n]
}

// limited is a server, or a proxy before it, that takes no body above limit.
func limited(limit int64) func(w http.ResponseWriter, r *http.Request, _ int) bool {
	return func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if r.URL.Path == routeBlock && r.ContentLength > limit {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return true
		}
		return false
	}
}

// large is a block of n entries of about 1,000 bytes each, the last one of size bytes.
func large(src *source, n, size int) Block {
	b := src.block(Logs, n)
	block := telemetry.Block{ID: b.ID, StreamID: b.Stream, ProcessID: src.process.ID, ObjectOffset: src.offset - int64(n), BeginTime: src.process.StartTime, EndTime: src.process.StartTime}
	b.Encode = func() ([]byte, error) {
		var builder wire.LogBuilder
		for i := range n {
			length := 1000
			if i == n-1 {
				length = size
			}
			builder.Add(0, wire.LevelInfo, "large", fmt.Sprint(i, " ", incompressible(length, uint64(i))), nil)
		}
		payload, count := builder.Finish()
		block.Objects = count
		return wire.EncodeBlock(block, payload), nil
	}
	return b
}

// A block that is too large for the server arrives in parts, and who waits for it waits for all of them. An event that
// is too large by itself is lost, and counted.
func TestTooLarge(t *testing.T) {
	d := newDoor(t)
	d.behave(limited(5000))
	s, j := open(t, Options{URL: d.srv.URL, InFlight: 1})
	src := newSource()
	src.register(s)
	s.Block(large(src, 40, 9000))
	after := src.block(Logs, 3)
	s.Block(after)
	err := s.Flush(within(t, long))
	if err == nil || !strings.Contains(err.Error(), "1 events in 1 blocks were lost") {
		t.Errorf("Flush = %v", err)
	}
	st := s.Stats()
	if st.Sent.Events != 42 || st.Lost[Logs][CauseRejected].Events != 1 || st.Queued != (Count{}) {
		t.Errorf("Stats = %+v", st)
	}
	dependencies, objects := wire.LogLayouts()
	offset := int64(0)
	for _, id := range d.order {
		b, events := eventsOf(t, dependencies, objects, d.blocks[id])
		if b.ObjectOffset != offset && b.ID != after.ID {
			t.Errorf("a block begins with event %d, want %d", b.ObjectOffset, offset)
		}
		offset += int64(len(events))
	}
	if j.count("is sent in parts") != 1 || j.count("413") == 0 {
		t.Errorf("the log is %s", j.all())
	}
	if err := s.Shutdown(within(t, long)); err != nil {
		t.Error(err)
	}
}

// A block of an earlier run is split as well, into files: what was safe before is safe then.
func TestTooLargeInSpool(t *testing.T) {
	dir := t.TempDir()
	d := newDoor(t)
	d.behave(status(503))
	o := Options{URL: d.srv.URL, Spool: dir, InFlight: 1}
	first, _ := open(t, o)
	src := newSource()
	src.register(first)
	first.Block(large(src, 16, 1000))
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := first.Shutdown(over); err != nil {
		t.Fatal(err)
	}
	// The server takes some parts, and is gone.
	d.behave(func(w http.ResponseWriter, r *http.Request, n int) bool {
		if _, got := d.seen(); got >= 2 {
			w.WriteHeader(503)
			return true
		}
		return limited(5000)(w, r, n)
	})
	second, _ := open(t, o)
	await(t, func() bool { return second.Stats().Sent.Blocks == 2 })
	if st := second.Stats(); st.Queued != (Count{}) {
		t.Errorf("in memory: %+v", st.Queued)
	}
	if err := second.Shutdown(over); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	left, err := newSpool(dir).list(time.Now())
	events := second.Stats().Sent.Events
	for _, f := range left {
		events += int64(f.events)
	}
	if err != nil || len(left) == 0 || events != 16 {
		t.Errorf("left %v, %v; %d events", left, err, events)
	}
	d.behave(limited(5000))
	third, _ := open(t, o)
	await(t, func() bool { _, got := d.seen(); return third.Stats().Spooled.Blocks == 0 && got > 2 })
	if err := third.Shutdown(within(t, long)); err != nil {
		t.Error(err)
	}
	if n := second.Stats().Sent.Events + third.Stats().Sent.Events; n != 16 {
		t.Errorf("%d events arrived, want 16", n)
	}
}
