package lake_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// thread is a stream of spans whose ticks are nanoseconds, so that times are start plus ticks.
type thread struct {
	process telemetry.Process
	stream  telemetry.Stream
	offset  int64
	bytes   int64 // of payload
}

const threadStart = telemetry.Time(1_767_225_600e9)

func newThread(t *testing.T, r rig) *thread {
	t.Helper()
	deps, objects := wire.SpanLayouts()
	s := &thread{process: telemetry.Process{
		ID: telemetry.ProcessID(uuid.New()), TSCFrequency: 1e9, StartTime: threadStart,
	}}
	s.stream = telemetry.Stream{
		ID: telemetry.StreamID(uuid.New()), ProcessID: s.process.ID, DependenciesMetadata: deps.Encode(),
		ObjectsMetadata: objects.Encode(), Tags: []string{telemetry.TagCPU}, Format: telemetry.FormatNative,
		Properties: map[string]string{"thread-name": "main", "thread-id": "7"},
	}
	if err := errors.Join(r.InsertProcess(t.Context(), s.process), r.InsertStream(t.Context(), s.stream)); err != nil {
		t.Fatal(err)
	}
	return s
}

// send appends a block that lasts from begin to end, with the events that fill adds.
func (s *thread) send(t *testing.T, r rig, begin, end telemetry.Ticks, fill func(*wire.SpanBuilder)) {
	t.Helper()
	var b wire.SpanBuilder
	fill(&b)
	s.sendPayload(t, r, begin, end, &b)
}

// sendPayload appends a block of the builder's events.
func (s *thread) sendPayload(t *testing.T, r rig, begin, end telemetry.Ticks, b interface{ Finish() (wire.Payload, int32) }) {
	t.Helper()
	payload, n := b.Finish()
	s.bytes += int64(len(payload.Encode()))
	block := telemetry.Block{
		ID: telemetry.BlockID(uuid.New()), StreamID: s.stream.ID, ProcessID: s.process.ID, BeginTicks: begin, EndTicks: end,
		BeginTime: threadStart + telemetry.Time(begin), EndTime: threadStart + telemetry.Time(end),
		Objects: n, ObjectOffset: s.offset,
	}
	s.offset += int64(n)
	if err := r.Append(t.Context(), block, payload); err != nil {
		t.Error(err)
	}
}

// TestThreadSpansLong has more spans than a row group, and a chain that is open while they are written.
func TestThreadSpansLong(t *testing.T) {
	r := open(t)
	s := newThread(t, r)
	const many = 256<<10 + 1
	first, after := wire.SpanDesc{Name: "first"}, wire.SpanDesc{Name: "after", Target: "engine", File: "loop.cc"}
	s.send(t, r, 0, 2*many, func(b *wire.SpanBuilder) {
		for i := range telemetry.Ticks(many) {
			b.Begin(2*i, &first)
			b.End(2*i+1, &first)
		}
	})
	s.send(t, r, 3*many, 4*many, func(b *wire.SpanBuilder) { b.Begin(3*many, &after) })
	s.send(t, r, 4*many, 5*many, func(b *wire.SpanBuilder) { b.End(5*many, &after) })
	snapshot, err := r.Snapshot(t.Context(), []lake.Scan{{View: "thread_spans", Instance: s.stream.ID.String()}})
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	count := map[string]int{}
	for b, err := range snapshot.Tables[0].Read(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		names, targets, files := b.Column(7), b.Column(8), b.Column(9)
		for i := range int(b.NumRows()) {
			count[names.ValueStr(i)+" "+targets.ValueStr(i)+" "+files.ValueStr(i)]++
		}
	}
	want := map[string]int{"main-7  ": 2, "first  ": many, "after engine loop.cc": 1}
	for k, n := range want {
		if count[k] != n {
			t.Errorf("%d rows of %q, want %d", count[k], k, n)
		}
	}
	if len(count) != len(want) {
		t.Errorf("%d kinds of rows, want %d", len(count), len(want))
	}
}

// TestThreadSpansUnmatched ends spans that began before the first block: each takes what is there as its children.
func TestThreadSpansUnmatched(t *testing.T) {
	r := open(t)
	s := newThread(t, r)
	inner, outer, outermost, next := wire.SpanDesc{Name: "inner"}, wire.SpanDesc{Name: "outer"}, wire.SpanDesc{Name: "outermost"},
		wire.SpanDesc{Name: "next"}
	s.send(t, r, 0, 100, func(b *wire.SpanBuilder) {
		b.Begin(10, &inner)
		b.End(20, &inner)
		b.End(30, &outer)
		b.Begin(40, &next)
		b.End(50, &next)
		b.End(60, &outermost)
		b.Begin(70, &next)
	})
	var got []string
	for _, row := range r.scan(t, "thread_spans", s.stream.ID.String()) {
		got = append(got, fmt.Sprintf("%s id %s parent %s depth %s lasts %s", row["name"], row["id"], row["parent"], row["depth"], row["duration"]))
	}
	want := []string{
		"main-7 id -1 parent 0 depth 0 lasts 100",
		"outermost id 5 parent -1 depth 1 lasts 60",
		"outer id 2 parent 5 depth 2 lasts 30",
		"inner id 0 parent 2 depth 3 lasts 10",
		"next id 3 parent 5 depth 2 lasts 10",
		"next id 6 parent -1 depth 1 lasts 30",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// TestThreadSpansManyUnmatched ends many spans that began before the first block, the last of which lies outside all others.
func TestThreadSpansManyUnmatched(t *testing.T) {
	r := open(t)
	s := newThread(t, r)
	const many = 50_000
	d := wire.SpanDesc{Name: "x"}
	s.send(t, r, 0, many, func(b *wire.SpanBuilder) {
		for i := range telemetry.Ticks(many) {
			b.End(i, &d)
		}
	})
	deepest := 0
	for _, row := range r.scan(t, "thread_spans", s.stream.ID.String()) {
		var depth int
		if _, err := fmt.Sscan(row["depth"], &depth); err != nil {
			t.Fatal(err)
		}
		deepest = max(deepest, depth)
	}
	if deepest != many {
		t.Errorf("deepest span is at %d, want %d", deepest, many)
	}
}
