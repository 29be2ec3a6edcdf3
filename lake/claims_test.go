package lake

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/objstore"
	"github.com/micromegas-go/micromegas/telemetry"
)

// hooked is a bucket that calls before each PutFile.
type hooked struct {
	objstore.Bucket
	before func()
}

func (h *hooked) PutFile(ctx context.Context, key, path string) error {
	if h.before != nil && companionKey(key) != key { // once for each partition
		h.before()
	}
	return h.Bucket.PutFile(ctx, key, path)
}

// TestLostClaim takes one of the claimed blocks, and then one of the claimed partitions, away while the file is written:
// the file is thrown away, and the others can be claimed at once.
func TestLostClaim(t *testing.T) {
	bucket := &hooked{}
	l := openLogs(t, Options{Objects: bucket, Maintenance: Maintenance{MergeFiles: 3}})
	db, objects := l.catalog, l.files
	files := func() (n int) {
		for _, err := range objects.List(t.Context(), viewPrefix) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	other, third := uuid.New(), uuid.New()

	for range 3 {
		l.send(t, 1)
	}
	claim := catalog.ClaimPending{View: catalog.LogEntries, MaxBlocks: 1, Owner: other}
	bucket.before = func() {
		pending, err := db.ClaimPending(t.Context(), claim)
		if err != nil || len(pending) != 0 {
			t.Fatalf("claimed %d of the claimed blocks, %v", len(pending), err)
		}
		err = db.Read(t.Context(), func(r *catalog.Reader) (err error) {
			pending, err = r.Pending(t.Context(), catalog.LogEntries, catalog.Filter{})
			return err
		})
		if err == nil {
			err = db.ReleasePending(t.Context(), l.owner, catalog.LogEntries, []telemetry.BlockID{pending[1].Block.ID})
		}
		if err == nil {
			pending, err = db.ClaimPending(t.Context(), claim)
		}
		if err != nil || len(pending) != 1 {
			t.Fatalf("took %d blocks over, %v", len(pending), err)
		}
	}
	if _, err := l.materialise(t.Context(), catalog.LogEntries); err != nil {
		t.Fatal(err)
	}
	if n := files(); n != 0 {
		t.Errorf("%d files", n)
	}
	free, err := db.ClaimPending(t.Context(), catalog.ClaimPending{View: catalog.LogEntries, Owner: third})
	if err != nil || len(free) != 2 {
		t.Errorf("%d blocks can be claimed, want 2; %v", len(free), err)
	}

	bucket.before = nil
	for range 3 {
		l.send(t, 1)
		if _, err := l.materialise(t.Context(), catalog.LogEntries); err != nil {
			t.Fatal(err)
		}
	}
	claimFiles := catalog.ClaimPartitions{View: catalog.LogEntries, MinFiles: 1, MaxFiles: 1, Owner: other}
	bucket.before = func() {
		var live []catalog.Partition
		err := db.Read(t.Context(), func(r *catalog.Reader) (err error) {
			live, err = r.Partitions(t.Context(), catalog.LogEntries, catalog.Filter{})
			return err
		})
		if err == nil {
			err = db.ReleasePartitions(t.Context(), l.owner, []catalog.PartitionID{live[1].ID})
		}
		if err == nil {
			live, err = db.ClaimPartitions(t.Context(), claimFiles)
		}
		if err != nil || len(live) != 1 {
			t.Fatalf("took %d partitions over, %v", len(live), err)
		}
	}
	if _, err := l.merge(t.Context(), catalog.LogEntries, 0); err != nil {
		t.Fatal(err)
	}
	if n := files(); n != 6 { // each with its counts
		t.Errorf("%d files, want 6", n)
	}
	claimFiles.MaxFiles, claimFiles.Owner = 10, third
	if live, err := db.ClaimPartitions(t.Context(), claimFiles); err != nil || len(live) != 2 {
		t.Errorf("%d partitions can be claimed, want 2; %v", len(live), err)
	}
	if err := db.CheckCoverage(t.Context()); err != nil {
		t.Error(err)
	}
}
