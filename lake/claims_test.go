package lake

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/objstore"
	"github.com/micromegas-go/micromegas/objstore/dir"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
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
	folder := t.TempDir()
	db, err := catalog.Open(t.Context(), catalog.Options{DSN: filepath.Join(folder, "catalog.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	objects, err := dir.Open(filepath.Join(folder, "objects"))
	if err != nil {
		t.Fatal(err)
	}
	bucket := &hooked{Bucket: objects}
	l, err := Open(t.Context(), Options{
		Catalog: db, Objects: bucket, CacheDir: filepath.Join(folder, "cache"), Maintenance: Maintenance{MergeFiles: 3},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	deps, layouts := wire.LogLayouts()
	p := telemetry.Process{ID: telemetry.ProcessID(uuid.New()), TSCFrequency: 1e9}
	s := telemetry.Stream{
		ID: telemetry.StreamID(uuid.New()), ProcessID: p.ID, DependenciesMetadata: deps.Encode(),
		ObjectsMetadata: layouts.Encode(), Tags: []string{telemetry.TagLog}, Format: telemetry.FormatNative,
	}
	if err := errors.Join(l.InsertProcess(t.Context(), p), l.InsertStream(t.Context(), s)); err != nil {
		t.Fatal(err)
	}
	appendBlock := func() {
		t.Helper()
		var b wire.LogBuilder
		b.Add(1, wire.LevelInfo, "target", "message", nil)
		payload, n := b.Finish()
		err := l.Append(t.Context(), telemetry.Block{
			ID: telemetry.BlockID(uuid.New()), StreamID: s.ID, ProcessID: p.ID, Objects: n, EndTicks: 1,
		}, payload)
		if err != nil {
			t.Fatal(err)
		}
	}
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
		appendBlock()
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
		appendBlock()
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
