package catalogtest

import (
	"reflect"
	"slices"
	"sync"
	"testing"

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
	if used, err := f.db.SegmentsInUse(t.Context(), []string{"segments/2"}); err != nil || len(used) != 0 {
		t.Errorf("in use %v, %v", used, err)
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
