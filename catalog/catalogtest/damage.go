package catalogtest

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// testReopenPartitions takes partitions back: their blocks are pending again, and a broken file is set aside.
func testReopenPartitions(t *testing.T, open Open) {
	f := newFixture(t, open)
	blocks := make([]catalog.BlockRecord, 5)
	for i := range blocks {
		blocks[i] = newBlock(f.process.ID, f.stream.ID, i)
	}
	f.append(blocks[:2]...)
	old := f.commit(catalog.LogEntries)
	f.append(blocks[2:4]...)
	broken := f.commit(catalog.LogEntries)
	f.append(blocks[4])
	kept := f.commit(catalog.LogEntries)

	merger := uuid.New()
	claimed, err := f.db.ClaimPartitions(t.Context(), catalog.ClaimPartitions{View: catalog.LogEntries, Owner: merger})
	f.ok(err)
	if len(claimed) != 3 {
		t.Fatalf("claimed %d", len(claimed))
	}
	f.ok(f.db.RetirePartitions(t.Context(), []catalog.PartitionID{old.ID}))
	if n, err := f.db.ReopenPartitions(t.Context(), []catalog.PartitionID{broken.ID, old.ID, broken.ID, uuid.New()}, "no footer"); n != 1 || err != nil {
		t.Fatalf("ReopenPartitions = %d, %v; want 1", n, err)
	}
	f.check()
	if n, err := f.db.ReopenPartitions(t.Context(), []catalog.PartitionID{old.ID, broken.ID}, "again"); n != 0 || err != nil {
		t.Errorf("a second time = %d, %v; want 0", n, err)
	}
	got := make(map[telemetry.BlockID]bool)
	for _, b := range f.pending(catalog.LogEntries, catalog.Filter{}) {
		got[b.Block.ID] = true
	}
	if want := map[telemetry.BlockID]bool{blocks[0].ID: true, blocks[1].ID: true, blocks[2].ID: true, blocks[3].ID: true}; !reflect.DeepEqual(got, want) {
		t.Errorf("pending %v, want %v", got, want)
	}
	if got := f.partitions(catalog.LogEntries, catalog.Filter{}); !slices.Equal(partitionIDs(got), []catalog.PartitionID{kept.ID}) {
		t.Errorf("live %v", partitionIDs(got))
	}
	p := newPartition(catalog.LogEntries)
	if err := f.db.ReplacePartitions(t.Context(), merger, partitionIDs(claimed), p); !errors.Is(err, catalog.ErrLostClaim) {
		t.Errorf("the merge of a partition that was taken back = %v, want ErrLostClaim", err)
	}
	f.check()
	f.clock.advance(time.Hour)
	now := telemetry.TimeOf(f.clock.now())
	retired, err := f.db.Retired(t.Context(), now, 0)
	f.ok(err)
	aside, err := f.db.SetAside(t.Context(), now, 0)
	f.ok(err)
	if !slices.Equal(partitionIDs(retired), []catalog.PartitionID{old.ID}) ||
		!slices.Equal(partitionIDs(aside), []catalog.PartitionID{broken.ID}) || aside[0].Broken != "no footer" {
		t.Errorf("retired %+v, set aside %+v", retired, aside)
	}
	counts := read(f, func(r *catalog.Reader) (catalog.Counts, error) { return r.Counts(t.Context()) })
	if counts.Retired != 2 || counts.SetAside != 1 {
		t.Errorf("counts %+v", counts)
	}
	f.commit(catalog.LogEntries)
	if n := len(f.pending(catalog.LogEntries, catalog.Filter{})); n != 0 {
		t.Errorf("%d pending after materialising again", n)
	}
}

// testRenew has work that takes longer than its lease.
func testRenew(t *testing.T, open Open) {
	f := newFixture(t, open)
	f.append(newBlock(f.process.ID, f.stream.ID, 0), newBlock(f.process.ID, f.stream.ID, 1))
	ann, bob := uuid.New(), uuid.New()
	got := f.claim(catalog.ClaimPending{Owner: ann, Lease: time.Minute})
	list := pendingIDs(got)
	for range 3 {
		f.clock.advance(50 * time.Second)
		f.ok(f.db.RenewPending(t.Context(), ann, catalog.LogEntries, append(list, list[0]), time.Minute))
		if n := len(f.claim(catalog.ClaimPending{Owner: bob})); n != 0 {
			t.Fatalf("%d blocks claimed by another", n)
		}
	}
	f.clock.advance(2 * time.Minute)
	if n := len(f.claim(catalog.ClaimPending{Owner: bob, MaxBlocks: 1})); n != 1 {
		t.Fatalf("%d blocks claimed after the lease", n)
	}
	if err := f.db.RenewPending(t.Context(), ann, catalog.LogEntries, list, time.Minute); !errors.Is(err, catalog.ErrLostClaim) {
		t.Errorf("RenewPending = %v, want ErrLostClaim", err)
	}
	// Those that are still the owner's are renewed all the same: who commits part by part goes on with the others.
	if n := len(f.claim(catalog.ClaimPending{Owner: bob})); n != 0 {
		t.Errorf("%d blocks claimed that were renewed beside a lost one", n)
	}
	f.clock.advance(time.Hour)
	f.commit(catalog.LogEntries)
	claim := catalog.ClaimPartitions{View: catalog.LogEntries, Owner: ann, Lease: time.Minute}
	live, err := f.db.ClaimPartitions(t.Context(), claim)
	f.ok(err)
	f.clock.advance(50 * time.Second)
	f.ok(f.db.RenewPartitions(t.Context(), ann, partitionIDs(live), time.Minute))
	f.clock.advance(50 * time.Second)
	claim.Owner = bob
	if got, err := f.db.ClaimPartitions(t.Context(), claim); len(got) != 0 || err != nil {
		t.Errorf("claimed %d by another, %v", len(got), err)
	}
	if err := f.db.RenewPartitions(t.Context(), bob, partitionIDs(live), time.Minute); !errors.Is(err, catalog.ErrLostClaim) {
		t.Errorf("RenewPartitions = %v, want ErrLostClaim", err)
	}
}

// testPause fails a block and a partition: nobody gets them before their time, and a partition that fails too often never.
func testPause(t *testing.T, open Open) {
	f := newFixture(t, open)
	f.append(newBlock(f.process.ID, f.stream.ID, 0))
	owner := uuid.New()
	b := f.claim(catalog.ClaimPending{Owner: owner})[0].Block.ID
	f.ok(f.db.FailPending(t.Context(), owner, catalog.LogEntries, b, "gone", 2, time.Minute))
	free := func() int64 {
		return read(f, func(r *catalog.Reader) (map[catalog.View]catalog.ViewCounts, error) {
			return r.PendingCounts(t.Context())
		})[catalog.LogEntries].Free
	}
	if n := len(f.claim(catalog.ClaimPending{Owner: owner})); n != 0 || free() != 0 {
		t.Errorf("%d blocks claimed in the pause, %d free", n, free())
	}
	f.clock.advance(time.Minute)
	if free() != 1 {
		t.Errorf("%d free after the pause", free())
	}
	if n := len(f.claim(catalog.ClaimPending{Owner: owner})); n != 1 {
		t.Fatalf("%d blocks claimed after the pause", n)
	}
	f.ok(f.db.FailPending(t.Context(), owner, catalog.LogEntries, b, "gone", 2, time.Minute))
	quarantined := read(f, func(r *catalog.Reader) ([]catalog.PendingBlock, error) { return r.FailedPending(t.Context()) })
	if len(quarantined) != 1 || quarantined[0].Block.ID != b || quarantined[0].View != catalog.LogEntries || !quarantined[0].Quarantined ||
		quarantined[0].LastError != "gone" {
		t.Errorf("quarantined %+v", quarantined)
	}
	if n, err := f.db.RequeueQuarantined(t.Context(), catalog.LogEntries); n != 1 || err != nil || free() != 1 {
		t.Errorf("RequeueQuarantined = %d, %v; %d free", n, err, free())
	}
	f.commit(catalog.LogEntries)

	claim := catalog.ClaimPartitions{View: catalog.LogEntries, Owner: owner, MaxAttempts: 2}
	for attempt := range 3 {
		got, err := f.db.ClaimPartitions(t.Context(), claim)
		f.ok(err)
		if want := attempt < 2; (len(got) == 1) != want {
			t.Fatalf("attempt %d: claimed %d", attempt, len(got))
		}
		if len(got) == 0 {
			break
		}
		f.ok(f.db.FailPartition(t.Context(), owner, got[0].ID, time.Minute))
		if err := f.db.FailPartition(t.Context(), owner, got[0].ID, time.Minute); !errors.Is(err, catalog.ErrLostClaim) {
			t.Errorf("FailPartition without a claim = %v", err)
		}
		if got, err := f.db.ClaimPartitions(t.Context(), claim); len(got) != 0 || err != nil {
			t.Errorf("claimed %d in the pause, %v", len(got), err)
		}
		f.clock.advance(time.Minute)
	}
}

func testLevels(t *testing.T, open Open) {
	f := newFixture(t, open)
	for i := range 3 {
		f.append(newBlock(f.process.ID, f.stream.ID, i))
		f.commit(catalog.LogEntries)
	}
	claim := catalog.ClaimPartitions{View: catalog.LogEntries, Level: 2, MaxFileBytes: 1001}
	levels := func() []catalog.Level {
		return read(f, func(r *catalog.Reader) ([]catalog.Level, error) { return r.Levels(t.Context(), claim) })
	}
	if got, want := levels(), []catalog.Level{{Level: 0, Files: 3, Bytes: 3000}}; !reflect.DeepEqual(got, want) {
		t.Errorf("Levels = %v, want %v", got, want)
	}
	claim.MaxFileBytes = 1000 // which the partitions have
	if got := levels(); len(got) != 0 {
		t.Errorf("Levels of larger partitions = %v", got)
	}
	claim.Level, claim.Owner = 0, uuid.New()
	if got, err := f.db.ClaimPartitions(t.Context(), claim); len(got) != 0 || err != nil {
		t.Errorf("claimed %d larger partitions, %v", len(got), err)
	}
}
