package lake

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// testBlock makes a block of n events, of a process that starts at tick 1000.
func testBlock(offset int64, begin, end telemetry.Ticks, n int32) *catalog.PendingBlock {
	p := &catalog.ProcessRecord{Process: telemetry.Process{TSCFrequency: 1e9, StartTicks: 1000}}
	return &catalog.PendingBlock{
		Block: catalog.BlockRecord{Block: telemetry.Block{
			ID: telemetry.BlockID(uuid.New()), BeginTicks: begin, EndTicks: end, Objects: n, ObjectOffset: offset,
		}},
		Stream:  &catalog.StreamRecord{},
		Process: p,
	}
}

func testSource(t *testing.T, b *catalog.PendingBlock, layouts func() (wire.Layout, wire.Layout), p wire.Payload) *source {
	t.Helper()
	deps, objects := layouts()
	d, err := wire.NewDecoder(deps, objects, wire.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return &source{PendingBlock: b, decoder: d, payload: p}
}

// testSpan is an expected span.
type testSpan struct {
	id, parent, depth int64
	begin, end        telemetry.Ticks
	name              string
}

// spanStream makes blocks of nested spans, and the spans that whoever reads all of them must find.
func spanStream(t *testing.T, r *rand.Rand) (blocks []*source, want []testSpan) {
	t.Helper()
	descs := make([]wire.SpanDesc, 5)
	for i := range descs {
		descs[i].Name = fmt.Sprint("span ", i)
	}
	type open struct {
		span testSpan
		desc *wire.SpanDesc
	}
	var stack []open
	var b wire.SpanBuilder
	event, offset, blockBegin := int64(0), int64(0), telemetry.Ticks(0)
	now := telemetry.Ticks(0)
	flush := func() {
		p, n := b.Finish()
		blocks = append(blocks, testSource(t, testBlock(offset, blockBegin, now, n), wire.SpanLayouts, p))
		offset, blockBegin = event, now
	}
	for range 20 + r.IntN(200) {
		now += telemetry.Ticks(r.IntN(3))
		if len(stack) > 0 && r.IntN(2) == 0 {
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			b.End(1000+now, top.desc)
			top.span.end = now
			want = append(want, top.span)
		} else {
			d := &descs[r.IntN(len(descs))]
			s := testSpan{id: event, parent: rootID, depth: int64(len(stack) + 1), begin: now, name: d.Name}
			if len(stack) > 0 {
				s.parent = stack[len(stack)-1].span.id
			}
			stack = append(stack, open{s, d})
			b.Begin(1000+now, d)
		}
		event++
		if r.IntN(10) == 0 {
			flush()
		}
	}
	flush()
	for _, o := range stack {
		o.span.end = now
		want = append(want, o.span)
	}
	return blocks, append(want, testSpan{id: rootID, parent: rootParent, end: now, begin: 0})
}

// threadSpansOf makes spans of chunks that end behind the given blocks.
func threadSpansOf(t *testing.T, blocks []*source, cuts func(i int) bool) (spans []testSpan) {
	t.Helper()
	var runs [][]threadRun
	var chunks []*threadRows
	serial := int64(0)
	var m *threadRows
	for i, b := range blocks {
		if m == nil {
			serial++
			m = newThreadRows(serial << 32)
		}
		if err := m.add(b); err != nil {
			t.Fatal(err)
		}
		if i == len(blocks)-1 || cuts(i) {
			m.finish()
			runs, chunks, m = append(runs, m.done), append(chunks, m), nil
		}
	}
	made := stitch("", runs)
	links := map[int64]segmentLink{}
	for i := range made.links.len() {
		at := func(c int) int64 { return made.links.cols[c].(*numbers[int64]).rows[i] }
		links[at(0)] = segmentLink{at(0), at(1), at(2)}
	}
	for _, c := range append(chunks, made.rows) {
		for i := range c.len() {
			link, ok := links[c.segment.rows[i]]
			if !ok {
				t.Fatalf("segment %d is unknown", c.segment.rows[i])
			}
			s := testSpan{
				id: c.id.rows[i], parent: c.parent.rows[i], depth: c.depth.rows[i] + link.depth,
				begin: telemetry.Ticks(c.begin.rows[i]), end: telemetry.Ticks(c.end.rows[i]), name: c.name.value(c.name.rows[i]),
			}
			if s.parent == ofSegment {
				s.parent = link.parent
			}
			spans = append(spans, s)
		}
	}
	return spans
}

func sorted(spans []testSpan) []testSpan {
	slices.SortFunc(spans, func(a, b testSpan) int { return int(a.id - b.id) })
	return spans
}

// TestThreadChunks: wherever chunks end, the spans are those that were recorded; and when the first blocks are missing,
// those that one chunk makes of the others.
func TestThreadChunks(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7))
		blocks, want := spanStream(t, r)
		cuts := func(int) bool { return r.IntN(3) == 0 }
		if got := sorted(threadSpansOf(t, blocks, cuts)); !slices.Equal(got, sorted(want)) {
			t.Fatalf("seed %d:\n got %v\nwant %v", seed, got, want)
		}
		rest := blocks[r.IntN(len(blocks)):]
		never := func(int) bool { return false }
		if got, want := sorted(threadSpansOf(t, rest, cuts)), sorted(threadSpansOf(t, rest, never)); !slices.Equal(got, want) {
			t.Fatalf("seed %d, without the first blocks:\n got %v\nwant %v", seed, got, want)
		}
	}
}

// TestThreadChunksBounded nests more deeply, and leaves more open, than a chunk keeps.
func TestThreadChunksBounded(t *testing.T) {
	var b wire.SpanBuilder
	d := wire.SpanDesc{Name: "x"}
	const many = maxNesting + 1000
	for i := range telemetry.Ticks(many) {
		b.Begin(i, &d)
	}
	for i := range telemetry.Ticks(many) {
		b.End(many+i, &d)
	}
	for i := range telemetry.Ticks(maxEdges + 1000) {
		b.End(2*many+i, &d)
	}
	p, n := b.Finish()
	m := newThreadRows(1)
	if err := m.add(testSource(t, testBlock(0, 0, 10*many, n), wire.SpanLayouts, p)); err != nil {
		t.Fatal(err)
	}
	m.finish()
	if m.len() != maxNesting || len(m.done[0].ends) != maxEdges {
		t.Errorf("%d rows and %d edges, want %d and %d", m.len(), len(m.done[0].ends), maxNesting, maxEdges)
	}
}

// netStream makes blocks of network events, and the rows that they must become.
func netStream(t *testing.T, r *rand.Rand) (blocks []*source, want []string) {
	t.Helper()
	var b wire.NetBuilder
	event, offset, now, blockBegin := int64(0), int64(0), telemetry.Ticks(0), telemetry.Ticks(0)
	connection, outgoing := "", false
	step := func() telemetry.Ticks {
		if r.IntN(6) == 0 {
			p, n := b.Finish()
			blocks = append(blocks, testSource(t, testBlock(offset, blockBegin, now, n), wire.NetLayouts, p))
			offset, blockBegin = event, now
		}
		now += telemetry.Ticks(r.IntN(3))
		event++
		return 1000 + now
	}
	row := func(id, parent int64, depth int, kind, name string, begin, size int64, from, to telemetry.Ticks) {
		want = append(want, fmt.Sprint(id, parent, depth, kind, name, connection, outgoing, begin, begin+size, size, from, to))
	}
	// inside makes what a scope holds and returns its bits.
	var inside func(parent int64, depth int) int64
	inside = func(parent int64, depth int) (used int64) {
		for range r.IntN(4) {
			name := fmt.Sprint("n", r.IntN(3))
			switch kind := r.IntN(3); {
			case kind == 0 || depth > 4:
				bits := int64(r.IntN(100))
				b.Property(step(), name, uint32(bits))
				row(event-1, parent, depth, "property", name, used, bits, now, now)
				used += bits
			default:
				id, begin, text := event, telemetry.Ticks(0), "object"
				if kind == 1 {
					b.BeginObject(step(), name)
				} else {
					text = "rpc"
					b.BeginRPC(step(), name)
				}
				begin = now
				bits := inside(id, depth+1) + int64(r.IntN(10))
				if kind == 1 {
					b.EndObject(step(), uint32(bits))
				} else {
					b.EndRPC(step(), uint32(bits))
				}
				row(id, parent, depth, text, name, used, bits, begin, now)
				used += bits
			}
		}
		return used
	}
	for i := range 8 {
		connection, outgoing = fmt.Sprint("c", i), r.IntN(2) == 0
		id := event
		b.BeginConnection(step(), connection, outgoing)
		begin := now
		bits := inside(id, 1) + 1
		if r.IntN(4) == 0 {
			b.BeginObject(step(), "never ends") // nothing that begins here is closed, the connection included
			continue
		}
		b.EndObject(step(), 5) // of nothing
		b.EndConnection(step(), uint32(bits))
		row(id, -1, 0, "connection", connection, 0, bits, begin, now)
	}
	p, n := b.Finish()
	return append(blocks, testSource(t, testBlock(offset, blockBegin, now, n), wire.NetLayouts, p)), want
}

// TestNetChunks: wherever chunks end, the rows are those of the scopes that were recorded.
func TestNetChunks(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 8))
		blocks, want := netStream(t, r)
		var got []string
		m := newNetRows(netState{})
		for i, b := range blocks {
			if err := m.add(b); err != nil {
				t.Fatal(err)
			}
			if i < len(blocks)-1 && r.IntN(3) > 0 {
				continue
			}
			for i := range m.len() {
				text := func(c *coded) string { return c.value(c.rows[i]) }
				got = append(got, fmt.Sprint(m.id.rows[i], m.parent.rows[i], int(m.depth.rows[i]), text(m.kind), text(m.name), text(m.connection),
					m.outgoing.rows[i], m.beginBits.rows[i], m.endBits.rows[i], m.size.rows[i],
					telemetry.Ticks(m.begin.rows[i]), telemetry.Ticks(m.end.rows[i])))
			}
			m = newNetRows(m.summary().(netState))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d:\n got %q\nwant %q", seed, got, want)
		}
	}
}

// TestDivide: chunks hold all blocks in their order, and are the same when more blocks follow, or the first are left out,
// but for those at the ends.
func TestDivide(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	blocks := make([]*catalog.PendingBlock, 20_000)
	for i := range blocks {
		blocks[i] = testBlock(int64(i), 0, 0, 1)
		for b := range blocks[i].Block.ID {
			blocks[i].Block.ID[b] = byte(r.Uint32())
		}
		blocks[i].Block.PayloadSize = int64(r.IntN(20_000))
	}
	divided := func(of []*catalog.PendingBlock) map[string]int {
		chunks := map[string]int{}
		next := 0
		for _, c := range divide(of) {
			for _, b := range c {
				if b != of[next] {
					t.Fatal("blocks are out of order")
				}
				next++
			}
			chunks[fmt.Sprintf("%s %d", c[0].Block.ID, len(c))]++
		}
		if next != len(of) {
			t.Fatalf("%d of %d blocks are in chunks", next, len(of))
		}
		return chunks
	}
	all := divided(blocks)
	if len(all) < 20 || len(all) > 200 {
		t.Errorf("%d chunks of 200 MB", len(all))
	}
	for range 20 {
		from := r.IntN(len(blocks) - 1)
		to := from + 1 + r.IntN(len(blocks)-from)
		other := 0
		for c := range divided(blocks[from:to]) {
			if all[c] == 0 {
				other++
			}
		}
		if other > 90 { // two ends of up to some coarse chunks in fine ones
			t.Errorf("blocks %d to %d: %d chunks that only they have", from, to, other)
		}
	}
}
