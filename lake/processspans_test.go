package lake_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// second adds another thread to the process of s.
func (s *thread) second(t *testing.T, r rig, name, id string) *thread {
	t.Helper()
	other := *s
	other.offset = 0
	other.stream.ID = telemetry.StreamID(uuid.New())
	other.stream.Properties = map[string]string{"thread-name": name, "thread-id": id}
	if err := r.InsertStream(t.Context(), other.stream); err != nil {
		t.Fatal(err)
	}
	return &other
}

func spanTexts(t *testing.T, s *lake.Snapshot) []string {
	t.Helper()
	var rows []string
	for _, path := range s.Tables[0].Files {
		for _, r := range readFile(t, path) {
			rows = append(rows, fmt.Sprintf("%s|%s|%s|%s|%s|%s|%s", r["thread_name"], r["name"], r["id"], r["parent"], r["depth"], r["duration"], r["target"]))
		}
	}
	slices.Sort(rows) // the engine orders them; see Table.OrderBy
	return rows
}

func TestProcessSpans(t *testing.T) {
	r := open(t)
	one := newThread(t, r)
	two := one.second(t, r, "worker", "8")
	outer, inner := wire.SpanDesc{Name: "outer", Target: "game"}, wire.SpanDesc{Name: "inner", Target: "game", File: "a.go", Line: 7}
	task := wire.SpanDesc{Name: "task", Target: "io"}
	one.send(t, r, 0, 1000, func(b *wire.SpanBuilder) {
		b.Begin(100, &outer)
		b.Begin(200, &inner)
		b.BeginAsync(250, &task, 1, 0, 0)
		b.End(300, &inner)
		b.End(400, &outer)
		b.BeginAsync(500, &task, 2, 0, 0) // never ends
		b.BeginAsync(600, &task, 3, 1, 1)
		b.EndAsync(600, &task, 3, 1, 1) // lasts no time
	})
	two.send(t, r, 0, 1000, func(b *wire.SpanBuilder) {
		b.EndAsync(700, &task, 1, 0, 0)
		b.BeginAsync(800, &task, 1, 0, 0) // the id once more
		b.EndAsync(900, &task, 1, 0, 0)
		b.EndAsync(950, &task, 9, 0, 0) // never began
	})
	threads := []string{
		"main-7|inner|1|0|2|100|game", "main-7|main-7|-1|0|0|1000|", "main-7|outer|0|-1|1|300|game", "worker-8|worker-8|-1|0|0|1000|",
	}
	async := []string{"async|task|1|0|0|100|io", "async|task|1|0|0|450|io"}
	for types, want := range map[lake.SpanTypes][]string{
		lake.ThreadSpans: threads, lake.AsyncSpans: async, lake.AllSpans: slices.Concat(async, threads),
	} {
		for range 2 { // made, then found
			s, err := r.ProcessSpans(t.Context(), one.process.ID, types, telemetry.Range{})
			if err != nil {
				t.Fatal(err)
			}
			if got := spanTexts(t, s); strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("%d: got\n%s\nwant\n%s", types, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			s.Close()
		}
	}
	begin, end := threadStart+350, threadStart+450
	s, err := r.ProcessSpans(t.Context(), one.process.ID, lake.AllSpans, telemetry.Range{Begin: &begin, End: &end})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := strings.Join(spanTexts(t, s), "\n"); strings.Contains(got, "inner") || !strings.Contains(got, "outer") ||
		!strings.Contains(got, "450") || strings.Contains(got, "|100|io") {
		t.Errorf("in a range:\n%s", got)
	}
	if _, err := r.ProcessSpans(t.Context(), telemetry.ProcessID(uuid.New()), lake.AllSpans, telemetry.Range{}); !errors.Is(err, lake.ErrNoProcess) {
		t.Errorf("an unknown process: %v", err)
	}
}

// TestTraceChunks puts a trace together and follows its slices: on each track they begin and end like brackets.
func TestTraceChunks(t *testing.T) {
	r := open(t)
	s := newThread(t, r)
	const many = 2000
	outer, inner, task := wire.SpanDesc{Name: "outer", Target: "game"}, wire.SpanDesc{Name: "inner"}, wire.SpanDesc{Name: "task", Target: "io"}
	s.send(t, r, 0, 1000*many, func(b *wire.SpanBuilder) {
		for i := range telemetry.Ticks(many) {
			at := 1000 * i
			b.Begin(at, &outer)
			b.Begin(at, &inner)
			b.BeginAsync(at, &task, uint64(i), 0, 0)
			b.End(at+10, &inner)
			b.End(at+10, &outer)
			if i >= 3 { // four at a time overlap
				b.EndAsync(at+20, &task, uint64(i-3), 0, 0)
			}
		}
	})
	snapshot, err := r.TraceChunks(t.Context(), s.process.ID, lake.AllSpans, telemetry.Range{})
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	var trace bytes.Buffer
	next := int32(0)
	eachBatch(t, snapshot.Tables[0].Files[0], func(b arrow.RecordBatch) {
		for i := range int(b.NumRows()) {
			if id := b.Column(0).(*array.Int32).Value(i); id != next {
				t.Fatalf("chunk %d, want %d", id, next)
			}
			next++
			chunk := b.Column(1).(*array.Binary).Value(i)
			if len(chunk) == 0 || len(chunk) > 10<<10 {
				t.Fatalf("a chunk of %d bytes", len(chunk))
			}
			trace.Write(chunk)
		}
	})
	if next < 10 {
		t.Errorf("%d chunks", next)
	}
	begins, tracks := followTrace(t, trace.Bytes())
	if begins != 1+2*many+many-3 {
		t.Errorf("%d slices", begins)
	}
	if tracks != 1+1+1+4 { // process, thread, async and its lanes
		t.Errorf("%d tracks", tracks)
	}
	if _, err := r.TraceChunks(t.Context(), telemetry.ProcessID(uuid.New()), lake.AllSpans, telemetry.Range{}); !errors.Is(err, lake.ErrNoProcess) {
		t.Errorf("an unknown process: %v", err)
	}
}

// followTrace returns how many slices and tracks a trace has.
func followTrace(t *testing.T, trace []byte) (begins, tracks int) {
	t.Helper()
	known := map[uint64]bool{}
	open := map[uint64]int{}
	last := map[uint64]uint64{}
	for len(trace) > 0 {
		number, kind, n := protowire.ConsumeTag(trace)
		packet, m := protowire.ConsumeBytes(trace[max(n, 0):])
		if number != 1 || kind != protowire.BytesType || n < 0 || m < 0 {
			t.Fatal("not a packet")
		}
		trace = trace[n+m:]
		p := fields(t, packet)
		if d, ok := p[60]; ok {
			known[fields(t, d.([]byte))[1].(uint64)] = true
			tracks++
		}
		e, ok := p[11].([]byte)
		if !ok {
			continue
		}
		event := fields(t, e)
		track, at := event[11].(uint64), p[8].(uint64)
		if !known[track] || at < last[track] {
			t.Fatalf("track %d at %d, after %d", track, at, last[track])
		}
		last[track] = at
		if event[9].(uint64) == 1 {
			begins++
			open[track]++
		} else if open[track]--; open[track] < 0 {
			t.Fatalf("track %d: an end without a begin", track)
		}
	}
	for track, n := range open {
		if n != 0 {
			t.Errorf("track %d: %d slices stay open", track, n)
		}
	}
	return begins, tracks
}

// fields returns the last value of each field.
func fields(t *testing.T, m []byte) map[protowire.Number]any {
	t.Helper()
	out := map[protowire.Number]any{}
	for len(m) > 0 {
		number, kind, n := protowire.ConsumeTag(m)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		m = m[n:]
		switch kind {
		case protowire.VarintType:
			out[number], n = protowire.ConsumeVarint(m)
		case protowire.BytesType:
			out[number], n = protowire.ConsumeBytes(m)
		default:
			out[number], n = protowire.ConsumeFixed64(m)
		}
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		m = m[n:]
	}
	return out
}

func TestBlockObjects(t *testing.T) {
	r := open(t)
	s := newThread(t, r)
	d := wire.SpanDesc{Name: "work", Target: "game", File: "a.go", Line: 7}
	s.offset = 5
	s.send(t, r, 0, 100, func(b *wire.SpanBuilder) {
		b.Begin(10, &d)
		b.End(20, &d)
	})
	blocks := r.scan(t, "blocks", "")
	id, err := telemetry.ParseBlockID(blocks[0]["block_id"])
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := r.BlockObjects(t.Context(), id, telemetry.Range{})
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	rows := readFile(t, snapshot.Tables[0].Files[0])
	if len(rows) != 2 || rows[0]["object_index"] != "5" || rows[1]["object_index"] != "6" || rows[1]["type_name"] != "EndThreadSpanEvent" {
		t.Errorf("%v", rows)
	}
	late := threadStart + 1e18
	if _, err := r.BlockObjects(t.Context(), id, telemetry.Range{Begin: &late}); !errors.Is(err, lake.ErrNoBlock) {
		t.Errorf("outside of the range: %v", err)
	}
	if _, err := r.BlockObjects(t.Context(), telemetry.BlockID(uuid.New()), telemetry.Range{}); !errors.Is(err, lake.ErrNoBlock) {
		t.Errorf("an unknown block: %v", err)
	}

	key := lake.BlockKey{Process: s.process.ID, Stream: s.stream.ID, Block: id}
	payloads, err := r.Payloads(t.Context(), []lake.BlockKey{key, key}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := wire.DecodePayload(payloads[1]); err != nil || len(p.Objects) == 0 {
		t.Errorf("%v %v", p, err)
	}
	if _, err := r.Payloads(t.Context(), []lake.BlockKey{key, key}, int64(len(payloads[0]))); fault.KindOf(err) != fault.Exhausted {
		t.Errorf("more than the limit: %v", err)
	}
	for name, k := range map[string]lake.BlockKey{
		"process": {Process: telemetry.ProcessID(uuid.New()), Stream: key.Stream, Block: key.Block},
		"stream":  {Process: key.Process, Stream: telemetry.StreamID(uuid.New()), Block: key.Block},
		"block":   {Process: key.Process, Stream: key.Stream, Block: telemetry.BlockID(uuid.New())},
	} {
		_, err := r.Payloads(t.Context(), []lake.BlockKey{key, k}, 1<<20)
		if missing, ok := errors.AsType[*lake.MissingError](err); !ok || missing.Process != (name == "process") {
			t.Errorf("another %s: %v", name, err)
		}
	}
}
