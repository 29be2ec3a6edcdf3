package lake_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// TestLargeMessages reads and merges messages of a megabyte: only so many of them are in memory at a time.
func TestLargeMessages(t *testing.T) {
	r := openAt(t, t.TempDir(), lake.Maintenance{MergeFiles: 2})
	deps, objects := wire.LogLayouts()
	p := telemetry.Process{ID: telemetry.ProcessID(uuid.New()), TSCFrequency: 1e9, StartTime: threadStart}
	s := telemetry.Stream{
		ID: telemetry.StreamID(uuid.New()), ProcessID: p.ID, DependenciesMetadata: deps.Encode(),
		ObjectsMetadata: objects.Encode(), Tags: []string{telemetry.TagLog}, Format: telemetry.FormatNative,
	}
	if err := errors.Join(r.InsertProcess(t.Context(), p), r.InsertStream(t.Context(), s)); err != nil {
		t.Fatal(err)
	}
	const blocks, perBlock = 4, 10
	want := map[string]int{}
	send := func(n int) {
		var b wire.LogBuilder
		for i := range perBlock {
			target := fmt.Sprintf("target %d", (n*perBlock+i)%7)
			msg := strings.Repeat(string(rune('a'+n)), 1<<20)
			want[target+" "+msg[:1]]++
			b.Add(telemetry.Ticks(i*blocks+n), wire.LevelInfo, target, msg, nil)
		}
		payload, count := b.Finish()
		block := telemetry.Block{
			ID: telemetry.BlockID(uuid.New()), StreamID: s.ID, ProcessID: p.ID, BeginTime: threadStart, EndTime: threadStart,
			EndTicks: blocks * perBlock, Objects: count,
		}
		if err := r.Append(t.Context(), block, payload); err != nil {
			t.Fatal(err)
		}
	}
	check := func() (files int) {
		t.Helper()
		snapshot, err := r.Snapshot(t.Context(), []lake.Scan{{View: "log_entries"}})
		if err != nil {
			t.Fatal(err)
		}
		defer snapshot.Close()
		for _, path := range snapshot.Tables[0].Files {
			in, err := file.OpenParquetFile(path, false)
			if err != nil {
				t.Fatal(err)
			}
			for i := range in.NumRowGroups() {
				if g := in.MetaData().RowGroup(i); g.TotalByteSize() > 36<<20 {
					t.Errorf("row group %d of %s has %d bytes", i, path, g.TotalByteSize())
				}
			}
			if err := in.Close(); err != nil {
				t.Fatal(err)
			}
		}
		got := map[string]int{}
		for _, row := range r.scan(t, "log_entries", "") {
			got[row["target"]+" "+row["msg"][:1]]++
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", got, want)
		}
		return len(snapshot.Tables[0].Files)
	}
	for n := range blocks {
		send(n)
	}
	check()
	if err := r.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	check()
	for n := range 2 { // which merges the file of several row groups once more
		send(n)
		if err := r.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := check(); n > 1 {
		t.Errorf("%d files after merging", n)
	}
}
