package catalogtest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

func (f *fixture) records(filter catalog.PartitionFilter) []catalog.PartitionRecord {
	f.Helper()
	return read(f, func(r *catalog.Reader) ([]catalog.PartitionRecord, error) {
		return r.PartitionRecords(f.Context(), filter)
	})
}

func (f *fixture) members(p catalog.PartitionID) []telemetry.BlockID {
	f.Helper()
	return blockIDs(read(f, func(r *catalog.Reader) ([]catalog.BlockRecord, error) { return r.Members(f.Context(), p) }))
}

// testRetirePartitions gives blocks of partitions back, also under a merge that has claimed them.
func testRetirePartitions(t *testing.T, open Open) {
	f := newFixture(t, open)
	a, b, c := newBlock(f.process.ID, f.stream.ID, 0), newBlock(f.process.ID, f.stream.ID, 1), newBlock(f.process.ID, f.stream.ID, 5)
	f.append(a, b)
	first := f.commit(catalog.LogEntries)
	f.append(c)
	second := f.commit(catalog.LogEntries)

	got := f.records(catalog.PartitionFilter{View: catalog.LogEntries})
	if len(got) != 2 || got[0].ID != first.ID || got[0].MinInsert != at(1) || got[0].MaxInsert != at(2) || got[0].Objects != 14 ||
		got[1].MinInsert != at(6) || got[1].MaxInsert != at(6) || got[1].Objects != 7 {
		t.Errorf("records %+v", got)
	}
	for name, filter := range map[string]catalog.PartitionFilter{
		"id":     {ID: first.ID},
		"file":   {File: first.File},
		"before": {Before: at(6)},
	} {
		if got := f.records(filter); len(got) != 1 || got[0].ID != first.ID {
			t.Errorf("by %s: %+v", name, got)
		}
	}
	if got := f.records(catalog.PartitionFilter{Process: f.process.ID}); len(got) != 2 {
		t.Errorf("%d partitions of the process, want 2", len(got))
	}

	ann := uuid.New()
	claimed, err := f.db.ClaimPartitions(t.Context(), catalog.ClaimPartitions{View: catalog.LogEntries, Owner: ann})
	f.ok(err)
	if err := f.db.RetirePartitions(t.Context(), []catalog.PartitionID{first.ID, uuid.New()}); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("with an unknown one: RetirePartitions = %v, want ErrNotFound", err)
	}
	f.ok(f.db.RetirePartitions(t.Context(), []catalog.PartitionID{first.ID}))
	f.check()
	if err := f.db.RetirePartitions(t.Context(), []catalog.PartitionID{first.ID}); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("again: RetirePartitions = %v, want ErrNotFound", err)
	}
	if err := f.db.ReplacePartitions(t.Context(), ann, partitionIDs(claimed), newPartition(catalog.LogEntries)); !errors.Is(err, catalog.ErrLostClaim) {
		t.Errorf("the merge of a retired one: %v, want ErrLostClaim", err)
	}
	if got := f.partitions(catalog.LogEntries, catalog.Filter{}); len(got) != 1 || got[0].ID != second.ID {
		t.Errorf("live %+v", got)
	}
	if got := pendingIDs(f.pending(catalog.LogEntries, catalog.Filter{})); len(got) != 2 || !slices.Contains(got, a.ID) || !slices.Contains(got, b.ID) {
		t.Errorf("pending %v", got)
	}
	retired, err := f.db.Retired(t.Context(), telemetry.TimeOf(f.clock.now())+1, 0)
	f.ok(err)
	if len(retired) != 1 || retired[0].ID != first.ID {
		t.Errorf("retired %+v", retired)
	}

	// Merging adds up what is recorded.
	f.commit(catalog.LogEntries)
	f.clock.advance(time.Hour)
	claimed, err = f.db.ClaimPartitions(t.Context(), catalog.ClaimPartitions{View: catalog.LogEntries, Owner: ann})
	f.ok(err)
	merged := newPartition(catalog.LogEntries)
	f.ok(f.db.ReplacePartitions(t.Context(), ann, partitionIDs(claimed), merged))
	f.check()
	if got := f.records(catalog.PartitionFilter{}); len(got) != 1 || got[0].MinInsert != at(1) || got[0].MaxInsert != at(6) ||
		got[0].Objects != 21 || got[0].Blocks != 3 {
		t.Errorf("merged %+v", got)
	}
	if got := f.members(merged.ID); len(got) != 3 {
		t.Errorf("members %v", got)
	}
	var whole []catalog.PendingBlock
	for after := int64(0); ; {
		f.ok(f.db.Read(t.Context(), func(r *catalog.Reader) error {
			list, next, err := r.MemberBlocks(t.Context(), merged, after, 2)
			whole, after = append(whole, list...), next
			return err
		}))
		if after == 0 {
			break
		}
	}
	if len(whole) != 3 || whole[0].Stream.ID != f.stream.ID || whole[0].Process.Exe != f.process.Exe {
		t.Errorf("member blocks %+v", whole)
	}
}

// testRewritePartition takes blocks out of a partition, then all of it.
func testRewritePartition(t *testing.T, open Open) {
	f := newFixture(t, open)
	a, b, c := newBlock(f.process.ID, f.stream.ID, 0), newBlock(f.process.ID, f.stream.ID, 1), newBlock(f.process.ID, f.stream.ID, 2)
	f.append(a, b, c)
	p := f.commit(catalog.LogEntries)
	ann, bob := uuid.New(), uuid.New()

	if err := f.db.TakePartition(t.Context(), ann, uuid.New(), 0, true); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("an unknown one: TakePartition = %v, want ErrNotFound", err)
	}
	f.ok(f.db.TakePartition(t.Context(), ann, p.ID, time.Minute, false))
	if err := f.db.TakePartition(t.Context(), bob, p.ID, time.Minute, false); !errors.Is(err, catalog.ErrLostClaim) {
		t.Errorf("another's: TakePartition = %v, want ErrLostClaim", err)
	}
	f.ok(f.db.TakePartition(t.Context(), bob, p.ID, time.Minute, true))

	q := newPartition(catalog.LogEntries)
	if err := f.db.RewritePartition(t.Context(), ann, p.ID, q, []telemetry.BlockID{a.ID}); !errors.Is(err, catalog.ErrLostClaim) {
		t.Errorf("without the claim: RewritePartition = %v, want ErrLostClaim", err)
	}
	if err := f.db.RewritePartition(t.Context(), bob, p.ID, q, []telemetry.BlockID{telemetry.BlockID(uuid.New())}); !errors.Is(err, catalog.ErrLostClaim) {
		t.Errorf("without a member: RewritePartition = %v, want ErrLostClaim", err)
	}
	if err := f.db.RewritePartition(t.Context(), bob, p.ID, q, []telemetry.BlockID{a.ID, b.ID, c.ID}); err == nil {
		t.Error("without any block left, but with a file: no error")
	}
	f.check()
	for range 2 { // the second time as after a lost answer
		f.ok(f.db.RewritePartition(t.Context(), bob, p.ID, q, []telemetry.BlockID{b.ID}))
		f.check()
	}
	if got := f.records(catalog.PartitionFilter{}); len(got) != 1 || got[0].ID != q.ID || got[0].Blocks != 2 || got[0].Objects != 14 ||
		got[0].MinInsert != at(1) || got[0].MaxInsert != at(3) {
		t.Errorf("records %+v", got)
	}
	if got := f.pending(catalog.LogEntries, catalog.Filter{}); len(got) != 0 {
		t.Errorf("%d pending", len(got))
	}

	f.ok(f.db.TakePartition(t.Context(), ann, q.ID, time.Minute, false))
	none := catalog.Partition{ID: uuid.New(), View: catalog.LogEntries}
	f.ok(f.db.RewritePartition(t.Context(), ann, q.ID, none, []telemetry.BlockID{a.ID, c.ID}))
	f.check()
	if got := f.records(catalog.PartitionFilter{}); len(got) != 0 {
		t.Errorf("records %+v, want none", got)
	}

	n, err := f.db.DeleteBlocks(t.Context(), catalog.Doomed{Tag: telemetry.TagLog, Before: at(3)})
	f.ok(err)
	if n.Blocks != 2 || n.Bytes != 200 {
		t.Errorf("DeleteBlocks = %+v, want two of 100 bytes", n)
	}
	f.check()
	if got := blockIDs(f.blocks(catalog.Filter{})); !slices.Equal(got, []telemetry.BlockID{c.ID}) {
		t.Errorf("blocks %v, want %v", got, c.ID)
	}
}

// testDeleteBlocks deletes by rule: a block goes when all views have dropped it, its streams' tags decide which rule.
func testDeleteBlocks(t *testing.T, open Open) {
	f := newFixture(t, open)
	both := newStream(f.process.ID, telemetry.TagLog, telemetry.TagMetrics)
	cpu := newStream(f.process.ID, telemetry.TagCPU)
	f.insert(both)
	f.insert(cpu)
	a, b, c := newBlock(f.process.ID, f.stream.ID, 0), newBlock(f.process.ID, both.ID, 1), newBlock(f.process.ID, cpu.ID, 2)
	lost := newBlock(telemetry.ProcessID(uuid.New()), telemetry.StreamID(uuid.New()), 3)
	c.Location.Segment = "segments/2"
	f.append(a, b, c, lost)

	drop := func(v catalog.View, d catalog.Doomed, want int64) {
		t.Helper()
		n, err := f.db.DropPending(t.Context(), v, d)
		f.ok(err)
		f.check()
		if n != want {
			t.Errorf("dropped %d of %s, want %d", n, v, want)
		}
	}
	remove := func(d catalog.Doomed, want int64) {
		t.Helper()
		n, err := f.db.DeleteBlocks(t.Context(), d)
		f.ok(err)
		f.check()
		if n.Blocks != want {
			t.Errorf("deleted %d for %+v, want %d", n.Blocks, d, want)
		}
	}
	all := at(100)
	remove(catalog.Doomed{Tag: telemetry.TagLog, Before: all}, 0) // nothing has been dropped
	drop(catalog.LogEntries, catalog.Doomed{Before: at(1)}, 0)
	drop(catalog.LogEntries, catalog.Doomed{Before: all}, 2)
	remove(catalog.Doomed{Tag: telemetry.TagLog, Before: at(1)}, 0)
	remove(catalog.Doomed{Tag: telemetry.TagLog, Without: []string{telemetry.TagMetrics}, Before: all}, 1)
	if n := read(f, func(r *catalog.Reader) (catalog.BlockCounts, error) {
		return r.DoomedBlocks(t.Context(), catalog.Doomed{Tag: telemetry.TagMetrics, Before: all})
	}); n.Blocks != 1 || n.Bytes != 100 || n.Oldest != at(2) || n.Newest != at(2) {
		t.Errorf("doomed %+v", n)
	}
	drop(catalog.Measures, catalog.Doomed{Before: all}, 1)
	remove(catalog.Doomed{Tag: telemetry.TagMetrics, Before: all}, 1)
	remove(catalog.Doomed{Known: true, Without: []string{telemetry.TagCPU, "a", "b"}, Before: all}, 0)
	remove(catalog.Doomed{Orphans: true, Before: all}, 1)

	waste := read(f, func(r *catalog.Reader) ([]catalog.SegmentWaste, error) { return r.WastedSegments(t.Context(), all, 10) })
	if len(waste) != 1 || waste[0] != (catalog.SegmentWaste{Segment: "segments/1", Freed: 300}) {
		t.Errorf("waste %+v", waste)
	}
	used, err := f.db.SegmentsInUse(t.Context(), []string{"segments/1", "segments/2", "segments/3"})
	f.ok(err)
	if !used["segments/1"] || !used["segments/2"] || used["segments/3"] {
		t.Errorf("in use %v: a query may still read the first", used)
	}
	f.ok(f.db.ForgetWaste(t.Context(), "segments/1"))
	if used, err = f.db.SegmentsInUse(t.Context(), []string{"segments/1"}); err != nil || len(used) != 0 {
		t.Errorf("in use %v, %v", used, err)
	}

	remove(catalog.Doomed{Process: f.process.ID, Erase: true}, 1)
	waste = read(f, func(r *catalog.Reader) ([]catalog.SegmentWaste, error) { return r.WastedSegments(t.Context(), all, 10) })
	if len(waste) != 1 || !waste[0].Erase || waste[0].Segment != "segments/2" {
		t.Errorf("waste %+v", waste)
	}

	// A block that is sent again after its deletion is a new one.
	f.append(a)

	// Halves of blocks go too, and keep their segment while they are there.
	half := catalog.PayloadRecord{Block: telemetry.BlockID(uuid.New()), Stream: cpu.ID, Process: f.process.ID, Location: catalog.Location{Segment: "segments/2", Size: 5}}
	f.ok(f.db.StagePayloads(t.Context(), []catalog.PayloadRecord{half}))
	waste = read(f, func(r *catalog.Reader) ([]catalog.SegmentWaste, error) { return r.WastedSegments(t.Context(), all, 10) })
	if len(waste) != 0 {
		t.Errorf("waste %+v: a half block lies there", waste)
	}
	for process, want := range map[telemetry.ProcessID]int64{telemetry.ProcessID(uuid.New()): 0, f.process.ID: 1} {
		if process == f.process.ID {
			f.clock.advance(time.Second)
		}
		if n, err := f.db.DeleteStaged(t.Context(), catalog.Doomed{Process: process}); err != nil || n != want {
			t.Errorf("DeleteStaged = %d, %v, want %d", n, err, want)
		}
	}
	waste = read(f, func(r *catalog.Reader) ([]catalog.SegmentWaste, error) { return r.WastedSegments(t.Context(), all, 10) })
	if len(waste) != 1 || waste[0].Segment != "segments/2" || waste[0].Freed != 105 {
		t.Errorf("waste %+v", waste)
	}

	// By age a half goes when it has waited for long, however old its block is: it may have come a moment ago from another lake.
	old := newBlock(f.process.ID, cpu.ID, 0)
	old.InsertTime = t0 - 1000*second
	f.ok(f.db.StageBlocks(t.Context(), []telemetry.Block{old.Block}))
	age := catalog.Doomed{Orphans: true, Older: telemetry.TimeOf(f.clock.now())}
	for _, want := range []int64{0, 1} {
		if n, err := f.db.DeleteStaged(t.Context(), age); err != nil || n != want {
			t.Errorf("DeleteStaged = %d, %v, want %d", n, err, want)
		}
		age.Older += second
	}
}

// testDeleteIdle deletes processes and streams when no block of them is left.
func testDeleteIdle(t *testing.T, open Open) {
	f := newFixture(t, open)
	other := newProcess()
	f.insert(other)
	foreign := newStream(telemetry.ProcessID(uuid.New()), telemetry.TagLog)
	f.insert(foreign)
	a := newBlock(f.process.ID, f.stream.ID, 10)
	f.append(a)
	idle := func(d catalog.Doomed, processes, streams int64) {
		t.Helper()
		p, s, err := f.db.DeleteIdle(t.Context(), d)
		f.ok(err)
		f.check()
		if p != processes || s != streams {
			t.Errorf("deleted %d processes and %d streams for %+v, want %d and %d", p, s, d, processes, streams)
		}
	}
	idle(catalog.Doomed{Before: t0}, 0, 0)
	idle(catalog.Doomed{Before: at(1)}, 1, 1) // other and foreign
	_, err := f.db.DropPending(t.Context(), catalog.LogEntries, catalog.Doomed{Process: f.process.ID})
	f.ok(err)
	idle(catalog.Doomed{Process: f.process.ID}, 0, 0)
	_, err = f.db.DeleteBlocks(t.Context(), catalog.Doomed{Process: f.process.ID})
	f.ok(err)
	idle(catalog.Doomed{Before: at(11)}, 0, 0) // it was active then
	idle(catalog.Doomed{Process: f.process.ID}, 1, 1)

	// A process of which halves of blocks wait is being copied from another lake: it stays, and so does a stream.
	copied := newProcess()
	f.insert(copied)
	ghost := newStream(telemetry.ProcessID(uuid.New()), telemetry.TagLog)
	f.insert(ghost)
	halves := []telemetry.Block{newBlock(copied.ID, telemetry.StreamID(uuid.New()), 1).Block, newBlock(ghost.ProcessID, ghost.ID, 1).Block}
	f.ok(f.db.StageBlocks(t.Context(), halves))
	idle(catalog.Doomed{Before: at(100)}, 0, 0)
	// One is of the process, the other of one of its streams alone.
	strange := newBlock(telemetry.ProcessID(uuid.New()), ghost.ID, 2).Block
	f.ok(f.db.StageBlocks(t.Context(), []telemetry.Block{strange}))
	if n, err := f.db.DeleteStaged(t.Context(), catalog.Doomed{Process: ghost.ProcessID}); err != nil || n != 2 {
		t.Errorf("DeleteStaged = %d, %v, want 2", n, err)
	}
	idle(catalog.Doomed{Before: at(100)}, 0, 1)

	// Everything can come again.
	f.insert(f.process)
	f.insert(f.stream)
	f.append(a)
	if got := f.pending(catalog.LogEntries, catalog.Filter{}); len(got) != 1 {
		t.Errorf("%d pending, want 1", len(got))
	}
}

// testMoveBlocks moves what is left of a segment.
func testMoveBlocks(t *testing.T, open Open) {
	f := newFixture(t, open)
	a, b := newBlock(f.process.ID, f.stream.ID, 0), newBlock(f.process.ID, f.stream.ID, 1)
	f.append(a, b)
	inSegment := func(key string) []catalog.BlockRecord {
		return read(f, func(r *catalog.Reader) ([]catalog.BlockRecord, error) { return r.SegmentBlocks(t.Context(), key) })
	}
	list := inSegment("segments/1")
	if !slices.Equal(blockIDs(list), []telemetry.BlockID{a.ID, b.ID}) { // by their offsets
		t.Fatalf("segment %v", blockIDs(list))
	}
	for i := range list {
		list[i].Location.Segment, list[i].Location.Offset = "segments/new", int64(i)
	}
	stray := newBlock(f.process.ID, f.stream.ID, 2)
	if err := f.db.MoveBlocks(t.Context(), "segments/1", append(slices.Clip(list), stray)); !errors.Is(err, catalog.ErrLostClaim) {
		t.Errorf("with an unknown block: MoveBlocks = %v, want ErrLostClaim", err)
	}
	f.ok(f.db.MoveBlocks(t.Context(), "segments/1", list))
	f.ok(f.db.MoveBlocks(t.Context(), "segments/1", list)) // again: an answer may have been lost
	f.check()
	if got := inSegment("segments/new"); len(got) != 2 || got[1].Location.Offset != 1 || got[1].Location.Size != 100 {
		t.Errorf("moved %+v", got)
	}
	if got := inSegment("segments/1"); len(got) != 0 {
		t.Errorf("%d are left", len(got))
	}
}

// testFailedPending lists what could not be decoded, and takes it out of quarantine one by one.
func testFailedPending(t *testing.T, open Open) {
	f := newFixture(t, open)
	a, b := newBlock(f.process.ID, f.stream.ID, 0), newBlock(f.process.ID, f.stream.ID, 1)
	f.append(a, b)
	ann := uuid.New()
	f.claim(catalog.ClaimPending{Owner: ann})
	f.ok(f.db.FailPending(t.Context(), ann, catalog.LogEntries, a.ID, "no CBOR", 1, 0))
	f.ok(f.db.ReleasePending(t.Context(), ann, catalog.LogEntries, []telemetry.BlockID{b.ID}))
	failed := func() []catalog.PendingBlock {
		return read(f, func(r *catalog.Reader) ([]catalog.PendingBlock, error) { return r.FailedPending(t.Context()) })
	}
	got := failed()
	if len(got) != 1 || got[0].Block.ID != a.ID || got[0].View != catalog.LogEntries || got[0].LastError != "no CBOR" ||
		!got[0].Quarantined || got[0].Attempts != 1 {
		t.Errorf("failed %+v", got)
	}
	if ok, err := f.db.RequeueBlock(t.Context(), catalog.LogEntries, b.ID); ok || err != nil {
		t.Errorf("RequeueBlock of one that is not in quarantine = %v, %v", ok, err)
	}
	if ok, err := f.db.RequeueBlock(t.Context(), catalog.LogEntries, a.ID); !ok || err != nil {
		t.Errorf("RequeueBlock = %v, %v", ok, err)
	}
	if got := failed(); len(got) != 0 {
		t.Errorf("failed %+v", got)
	}
}

func testDenials(t *testing.T, open Open) {
	f := newFixture(t, open)
	var made []catalog.Denial
	for _, reason := range []string{"first", "second"} {
		f.clock.advance(time.Second)
		d, err := f.db.CreateDenial(t.Context(), catalog.Denial{CreatedBy: "ada", Reason: reason, Match: "email = 'x'"}, 2)
		f.ok(err)
		made = append(made, d)
	}
	if _, err := f.db.CreateDenial(t.Context(), catalog.Denial{}, 2); !errors.Is(err, catalog.ErrTooMany) {
		t.Errorf("a third: %v, want ErrTooMany", err)
	}
	got, err := f.db.Denials(t.Context())
	f.ok(err)
	if !slices.Equal(got, made) {
		t.Errorf("got  %+v\nwant %+v", got, made)
	}
	f.ok(f.db.TouchDenials(t.Context(), map[catalog.DenialID]telemetry.Time{made[0].ID: at(9), uuid.New(): at(9)}))
	f.ok(f.db.TouchDenials(t.Context(), map[catalog.DenialID]telemetry.Time{made[0].ID: at(8)}))
	if got, err = f.db.Denials(t.Context()); err != nil || got[0].LastHit != at(9) || got[1].LastHit != 0 {
		t.Errorf("hits %+v, %v", got, err)
	}
	unknown := uuid.New()
	if missing, err := f.db.DeleteDenials(t.Context(), []catalog.DenialID{made[0].ID, unknown}); err != nil || !slices.Equal(missing, []catalog.DenialID{unknown}) {
		t.Errorf("DeleteDenials = %v, %v", missing, err)
	}
	if got, err = f.db.Denials(t.Context()); err != nil || len(got) != 2 {
		t.Errorf("%d are left, %v; want both", len(got), err)
	}
	if missing, err := f.db.DeleteDenials(t.Context(), []catalog.DenialID{made[0].ID}); err != nil || missing != nil {
		t.Errorf("DeleteDenials = %v, %v", missing, err)
	}
	if got, err = f.db.Denials(t.Context()); err != nil || len(got) != 1 || got[0].ID != made[1].ID {
		t.Errorf("%+v are left, %v", got, err)
	}
}

// testOlder has a block, its process and its stream from another lake, inserted there long ago: their age counts from when they
// came, wherever the block is.
func testOlder(t *testing.T, open Open) {
	f := newFixture(t, open)
	ctx := t.Context()
	long := t0 - 1_000_000*second
	p := newProcess()
	p.InsertTime = long
	f.insert(p)
	s := newStream(p.ID, telemetry.TagLog)
	s.InsertTime = long
	foreign := newStream(telemetry.ProcessID(uuid.New()), telemetry.TagLog)
	foreign.InsertTime = long
	f.insert(s)
	f.insert(foreign)
	b := newBlock(p.ID, s.ID, 0)
	b.InsertTime = long
	came := telemetry.TimeOf(f.clock.now())
	f.append(b)
	for _, d := range []catalog.Doomed{{Older: came}, {Older: came + 1}} {
		counts := read(f, func(r *catalog.Reader) (catalog.BlockCounts, error) { return r.DoomedBlocks(ctx, d) })
		if want := int64(d.Older - came); counts.Blocks != want {
			t.Errorf("older than %d: %d blocks, want %d", d.Older-came, counts.Blocks, want)
		}
	}
	if n, err := f.db.DropPending(ctx, catalog.LogEntries, catalog.Doomed{Older: came}); n != 0 || err != nil {
		t.Errorf("DropPending = %d, %v; want 0", n, err)
	}
	first := f.commit(catalog.LogEntries)
	record := func(older telemetry.Time) []catalog.PartitionRecord {
		return read(f, func(r *catalog.Reader) ([]catalog.PartitionRecord, error) {
			return r.PartitionRecords(ctx, catalog.PartitionFilter{Older: older})
		})
	}
	if got := record(came); len(got) != 0 {
		t.Errorf("partitions %+v", got)
	}
	if got := record(came + 1); len(got) != 1 || got[0].MinInsert != long || got[0].MinRecorded != came || got[0].MaxRecorded != came {
		t.Errorf("partitions %+v", got)
	}
	f.clock.advance(time.Second)
	young := newBlock(p.ID, s.ID, 10) // inserted after it came: clocks differ
	f.append(young)
	f.commit(catalog.LogEntries)
	owner := uuid.New()
	claimed, err := f.db.ClaimPartitions(ctx, catalog.ClaimPartitions{View: catalog.LogEntries, Owner: owner})
	f.ok(err)
	merged := newPartition(catalog.LogEntries)
	f.ok(f.db.ReplacePartitions(ctx, owner, partitionIDs(claimed), merged))
	if got := record(came + 1); len(got) != 1 || got[0].ID == first.ID || got[0].MinRecorded != came || got[0].MaxRecorded != young.InsertTime {
		t.Errorf("partitions %+v", got)
	}
	for _, d := range []telemetry.Time{0, 1} {
		old := read(f, func(r *catalog.Reader) ([]telemetry.BlockID, error) { return r.OldMembers(ctx, merged.ID, came+d) })
		if want := blockIDs([]catalog.BlockRecord{b}[:d]); !slices.Equal(old, want) {
			t.Errorf("old members %v, want %v", old, want)
		}
	}
	if n, err := f.db.MeasurePartitions(ctx, 10); n != 0 || err != nil {
		t.Errorf("MeasurePartitions = %d, %v; want 0", n, err)
	}
	deleted, err := f.db.DeleteBlocks(ctx, catalog.Doomed{Known: true, Older: came})
	if err != nil || deleted.Blocks != 0 {
		t.Errorf("DeleteBlocks = %+v, %v", deleted, err)
	}
	empty := newProcess()
	empty.InsertTime = long
	f.insert(empty)
	now := telemetry.TimeOf(f.clock.now())
	for _, step := range []struct {
		older   telemetry.Time
		streams int64
		want    int64
	}{
		{came, 0, 0},
		{came + 1, 2, 1}, // the fixture's process with its stream, and the foreign one
		{now + 1, 0, 1},
	} {
		processes, streams, err := f.db.DeleteIdle(ctx, catalog.Doomed{Older: step.older})
		if err != nil || processes != step.want || streams != step.streams {
			t.Errorf("DeleteIdle = %d, %d, %v; want %+v", processes, streams, err, step)
		}
	}
	f.check()
}
