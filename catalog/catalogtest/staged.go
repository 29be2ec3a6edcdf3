package catalogtest

import (
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

func payloadOf(b catalog.BlockRecord) catalog.PayloadRecord {
	return catalog.PayloadRecord{Block: b.ID, Stream: b.StreamID, Process: b.ProcessID, Location: b.Location}
}

func (f *fixture) stage(blocks []telemetry.Block, payloads []catalog.PayloadRecord) {
	f.Helper()
	if err := f.db.StageBlocks(f.Context(), blocks); err != nil {
		f.Fatal(err)
	}
	if err := f.db.StagePayloads(f.Context(), payloads); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) staged() [2]int64 {
	f.Helper()
	return read(f, func(r *catalog.Reader) ([2]int64, error) {
		b, p, err := r.Staged(f.Context())
		return [2]int64{b, p}, err
	})
}

// testStaged: a block and its payload come apart, in either order, and appear when both are there, like any other block.
func testStaged(t *testing.T, open Open) {
	f := newFixture(t, open)
	first, second := newBlock(f.process.ID, f.stream.ID, 0), newBlock(f.process.ID, f.stream.ID, 1)
	second.Location = catalog.Location{Inline: []byte("tiny"), Size: 4, Checksum: 7}

	f.stage([]telemetry.Block{first.Block}, []catalog.PayloadRecord{payloadOf(second)})
	if got := f.blocks(catalog.Filter{}); len(got) != 0 {
		t.Errorf("halves are shown: %+v", got)
	}
	if got := f.staged(); got != [2]int64{1, 1} {
		t.Errorf("staged %v", got)
	}
	if used, err := f.db.SegmentsInUse(t.Context(), []string{"segments/1"}); err != nil || used["segments/1"] {
		t.Errorf("in use %v, %v", used, err)
	}
	known, err := f.db.PayloadsKnown(t.Context(), []telemetry.BlockID{first.ID, second.ID})
	if err != nil || !reflect.DeepEqual(known, map[telemetry.BlockID]bool{second.ID: true}) {
		t.Errorf("known %v, %v", known, err)
	}

	f.stage([]telemetry.Block{second.Block}, []catalog.PayloadRecord{payloadOf(first)})
	if got, want := f.blocks(catalog.Filter{}), []catalog.BlockRecord{first, second}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := f.staged(); got != [2]int64{} {
		t.Errorf("staged %v after both came", got)
	}
	if n := len(f.pending(catalog.LogEntries, catalog.Filter{})); n != 2 {
		t.Errorf("%d pending, want 2", n)
	}
}

// testStagedTwice: what is known stays, whether it is staged or recorded, and leaves no halves behind.
func testStagedTwice(t *testing.T, open Open) {
	f := newFixture(t, open)
	b := newBlock(f.process.ID, f.stream.ID, 0)
	other := b
	other.Objects, other.Location = 99, catalog.Location{Segment: "segments/2", Size: 5}

	f.stage([]telemetry.Block{b.Block, other.Block, b.Block}, nil)
	f.stage([]telemetry.Block{other.Block}, []catalog.PayloadRecord{payloadOf(b), payloadOf(other)})
	f.stage([]telemetry.Block{other.Block}, []catalog.PayloadRecord{payloadOf(other)})
	if got, want := f.blocks(catalog.Filter{}), []catalog.BlockRecord{b}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}

	c, d := newBlock(f.process.ID, f.stream.ID, 1), newBlock(f.process.ID, f.stream.ID, 2)
	f.stage(nil, []catalog.PayloadRecord{payloadOf(c), {Block: d.ID, Location: other.Location}})
	f.append(d) // comes whole after all
	if used, err := f.db.SegmentsInUse(t.Context(), []string{"segments/1", "segments/2", "segments/3"}); err != nil || len(used) != 2 {
		t.Errorf("in use %v, %v", used, err)
	}
	if err := f.db.ForgetStaged(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.staged(); got != [2]int64{0, 1} {
		t.Errorf("staged %v", got)
	}
	waste := read(f, func(r *catalog.Reader) ([]catalog.SegmentWaste, error) {
		return r.WastedSegments(t.Context(), 1<<62, 10)
	})
	if !slices.ContainsFunc(waste, func(w catalog.SegmentWaste) bool { return w.Segment == "segments/2" && w.Blocks == 0 }) {
		t.Errorf("wasted %+v, want the superseded payload among them", waste)
	}
}

// testStagedTogether: of two transactions that stage the halves at the same time, one sees both.
func testStagedTogether(t *testing.T, open Open) {
	f := newFixture(t, open)
	const n = 100
	var blocks []telemetry.Block
	var payloads []catalog.PayloadRecord
	for i := range n {
		b := newBlock(f.process.ID, f.stream.ID, i)
		blocks, payloads = append(blocks, b.Block), append(payloads, payloadOf(b))
	}
	var work sync.WaitGroup
	for from := 0; from < n; from += 10 {
		for range 2 { // each half twice
			work.Go(func() {
				if err := f.db.StageBlocks(t.Context(), slices.Clone(blocks[from:from+10])); err != nil {
					t.Error(err)
				}
			})
			work.Go(func() {
				if err := f.db.StagePayloads(t.Context(), slices.Clone(payloads[from:from+10])); err != nil {
					t.Error(err)
				}
			})
		}
	}
	work.Wait()
	if got := f.blocks(catalog.Filter{}); len(got) != n {
		t.Errorf("%d blocks, want %d", len(got), n)
	}
	if got := f.staged(); got != [2]int64{} {
		t.Errorf("staged %v", got)
	}
	if got := len(f.pending(catalog.LogEntries, catalog.Filter{})); got != n {
		t.Errorf("%d pending, want %d", got, n)
	}
}

func testInsertMany(t *testing.T, open Open) {
	f := newFixture(t, open)
	p := newProcess()
	p.InsertTime = at(-1000)
	changed := f.process
	changed.Exe = "changed"
	s := newStream(p.ID, telemetry.TagMetrics)
	s.Format = "otlp/v1/metrics"
	before := newBlock(p.ID, s.ID, 0)
	f.append(before)
	for range 2 {
		if err := f.db.InsertProcesses(t.Context(), []telemetry.Process{p, changed, p}); err != nil {
			t.Fatal(err)
		}
		if err := f.db.InsertStreams(t.Context(), []telemetry.Stream{s, f.stream}); err != nil {
			t.Fatal(err)
		}
	}
	got := read(f, func(r *catalog.Reader) ([]catalog.ProcessRecord, error) {
		return r.Processes(t.Context(), catalog.Filter{})
	})
	if len(got) != 2 || !slices.ContainsFunc(got, func(r catalog.ProcessRecord) bool { return reflect.DeepEqual(r.Process, p) }) ||
		slices.ContainsFunc(got, func(r catalog.ProcessRecord) bool { return r.Exe == "changed" }) {
		t.Errorf("processes %+v", got)
	}
	if err := f.db.InsertProcesses(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// testKnownPayloads: payloads of what is known are noted, however they come; and a segment that is left alone comes again when
// more of it is deleted.
func testKnownPayloads(t *testing.T, open Open) {
	f := newFixture(t, open)
	in := func(b catalog.BlockRecord, segment string) catalog.BlockRecord {
		b.Location = catalog.Location{Segment: segment, Size: 5, Checksum: 1}
		return b
	}
	list := func() map[string]int64 {
		f.clock.advance(time.Second)
		now := telemetry.TimeOf(f.clock.now())
		found := read(f, func(r *catalog.Reader) ([]catalog.SegmentWaste, error) { return r.WastedSegments(t.Context(), now, 10) })
		freed := map[string]int64{}
		for _, w := range found {
			freed[w.Segment] = w.Freed
		}
		return freed
	}
	want := func(freed map[string]int64) {
		t.Helper()
		if got := list(); !reflect.DeepEqual(got, freed) {
			t.Errorf("wasted %v, want %v", got, freed)
		}
	}
	var blocks []catalog.BlockRecord
	for i := range 4 {
		blocks = append(blocks, newBlock(f.process.ID, f.stream.ID, i))
	}
	a, b, c, d := blocks[0], blocks[1], blocks[2], blocks[3]
	again := func(list ...catalog.BlockRecord) {
		t.Helper()
		_, err := f.db.Append(t.Context(), list)
		f.ok(err)
	}
	again(in(a, "segments/native"), in(a, "segments/same call"))
	want(map[string]int64{"segments/same call": 5})
	again(in(a, "segments/again"))
	f.stage(nil, []catalog.PayloadRecord{payloadOf(in(a, "segments/known")), payloadOf(in(b, "segments/b")), payloadOf(in(c, "segments/c"))})
	f.stage(nil, []catalog.PayloadRecord{payloadOf(in(b, "segments/b again"))})
	want(map[string]int64{"segments/same call": 5, "segments/again": 5, "segments/known": 5, "segments/b again": 5})
	f.append(in(b, "segments/native b"), in(c, "segments/native c"))
	f.stage([]telemetry.Block{b.Block}, nil)
	f.ok(f.db.ForgetStaged(t.Context()))
	f.stage([]telemetry.Block{d.Block}, []catalog.PayloadRecord{payloadOf(in(d, "segments/d"))})
	all := map[string]int64{
		"segments/same call": 5, "segments/again": 5, "segments/known": 5, "segments/b again": 5, "segments/b": 5, "segments/c": 5,
	}
	want(all)
	if n := len(f.blocks(catalog.Filter{})); n != 4 {
		t.Errorf("%d blocks, want 4", n)
	}

	f.ok(f.db.LeaveWaste(t.Context(), catalog.SegmentWaste{Segment: "segments/b", Freed: 4})) // more was deleted meanwhile
	want(all)
	f.ok(f.db.LeaveWaste(t.Context(), catalog.SegmentWaste{Segment: "segments/b", Freed: 5}))
	delete(all, "segments/b")
	want(all)
	again(in(a, "segments/b"))
	all["segments/b"] = 10
	want(all)
}
