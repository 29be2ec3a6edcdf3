package lake

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/objstore/dir"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// TestDue has old blocks that cannot be materialised: the new ones still wait for their age.
func TestDue(t *testing.T) {
	folder := t.TempDir()
	now := time.Unix(1_767_225_600, 0)
	clock := func() time.Time { return now }
	db, err := catalog.Open(t.Context(), catalog.Options{DSN: filepath.Join(folder, "catalog.db"), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	objects, err := dir.Open(filepath.Join(folder, "objects"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := Open(t.Context(), Options{
		Catalog: db, Objects: objects, CacheDir: filepath.Join(folder, "cache"), Now: clock,
		Maintenance: Maintenance{PendingAge: time.Hour, QuarantineAfter: 1},
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
	var b wire.LogBuilder
	good, _ := b.Finish()
	send := func(process telemetry.ProcessID, payload wire.Payload) {
		t.Helper()
		block := telemetry.Block{ID: telemetry.BlockID(uuid.New()), StreamID: s.ID, ProcessID: process, EndTicks: 1}
		if err := l.Append(t.Context(), block, payload); err != nil {
			t.Fatal(err)
		}
	}
	check := func(pending, quarantined, free int64) {
		t.Helper()
		if err := l.materialiseDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := db.Read(t.Context(), func(r *catalog.Reader) error {
			counts, err := r.PendingCounts(t.Context())
			c := counts[catalog.LogEntries]
			if c.Pending != pending || c.Quarantined != quarantined || c.Free != free {
				t.Errorf("pending %d, quarantined %d, free %d; want %d, %d, %d", c.Pending, c.Quarantined, c.Free, pending, quarantined, free)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}

	send(p.ID, wire.Payload{Objects: []byte("no frame")})
	send(telemetry.ProcessID(uuid.New()), good) // its process is unknown
	now = now.Add(2 * time.Hour)
	check(2, 1, 0)
	send(p.ID, good)
	check(3, 1, 1)
	now = now.Add(2 * time.Hour)
	check(2, 1, 0)
}
