package lake

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/objstore/dir"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// logLake is a lake in a folder of the test, with one process that has one stream of log entries.
type logLake struct {
	*Lake
	folder string
	files  *dir.Bucket // where its objects lie
	stream telemetry.Stream
	sent   int
}

// openLogs opens a lake. Of o, Catalog and CacheDir are made; so is Objects, unless it is hooked: then only its inside is.
func openLogs(t *testing.T, o Options) *logLake {
	t.Helper()
	u := &logLake{folder: t.TempDir()}
	var err error
	if o.Catalog, err = catalog.Open(t.Context(), catalog.Options{DSN: filepath.Join(u.folder, "catalog.db"), Now: o.Now}); err != nil {
		t.Fatal(err)
	}
	if u.files, err = dir.Open(filepath.Join(u.folder, "objects")); err != nil {
		t.Fatal(err)
	}
	if h, ok := o.Objects.(*hooked); ok {
		h.Bucket = u.files
	} else {
		o.Objects = u.files
	}
	o.CacheDir = filepath.Join(u.folder, "cache")
	if u.Lake, err = Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(u.Close(), o.Catalog.Close()); err != nil {
			t.Error(err)
		}
	})
	deps, layouts := wire.LogLayouts()
	p := telemetry.Process{ID: telemetry.ProcessID(uuid.New()), TSCFrequency: 1e9}
	u.stream = telemetry.Stream{
		ID: telemetry.StreamID(uuid.New()), ProcessID: p.ID, DependenciesMetadata: deps.Encode(),
		ObjectsMetadata: layouts.Encode(), Tags: []string{telemetry.TagLog}, Format: telemetry.FormatNative,
	}
	if err := errors.Join(u.InsertProcess(t.Context(), p), u.InsertStream(t.Context(), u.stream)); err != nil {
		t.Fatal(err)
	}
	return u
}

// send appends a block of log entries.
func (u *logLake) send(t *testing.T, rows int) {
	t.Helper()
	var b wire.LogBuilder
	for range rows {
		u.sent++
		b.Add(telemetry.Ticks(u.sent), wire.LevelInfo, "target", fmt.Sprintf("message %03d", u.sent), nil)
	}
	payload, n := b.Finish()
	u.sendPayload(t, u.stream.ProcessID, payload, n)
}

func (u *logLake) sendPayload(t *testing.T, process telemetry.ProcessID, payload wire.Payload, objects int32) {
	t.Helper()
	block := telemetry.Block{
		ID: telemetry.BlockID(uuid.New()), StreamID: u.stream.ID, ProcessID: process, Objects: objects, EndTicks: 1,
	}
	if err := u.Append(t.Context(), block, payload); err != nil {
		t.Fatal(err)
	}
}
