package lake_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/telemetry"
)

// TestOnlyLeavesOutFiles asks for the rows of one process, stream or block: partitions without them are not opened.
func TestOnlyLeavesOutFiles(t *testing.T) {
	r := openAt(t, t.TempDir(), lake.Maintenance{MergeFiles: 1000})
	var only []lake.Only
	for range 3 {
		p, s, next := logBlock(t, ".")
		b, payload := next()
		p.ID, s.ID = telemetry.ProcessID(uuid.New()), telemetry.StreamID(uuid.New())
		s.ProcessID, b.ProcessID, b.StreamID = p.ID, p.ID, s.ID
		err := errors.Join(r.InsertProcess(t.Context(), p), r.InsertStream(t.Context(), s), r.Append(t.Context(), b, payload))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		only = append(only, lake.Only{Process: p.ID.String()}, lake.Only{Stream: s.ID.String()}, lake.Only{Block: b.ID.String()})
	}
	files := func(o lake.Only) int {
		snapshot, err := r.Snapshot(t.Context(), []lake.Scan{{View: "log_entries", Only: o}})
		if err != nil {
			t.Fatal(err)
		}
		defer snapshot.Close()
		return len(snapshot.Tables[0].Files)
	}
	if n := files(lake.Only{}); n != 3 {
		t.Fatalf("%d files in all, want 3", n)
	}
	for _, o := range only {
		if n := files(o); n != 1 {
			t.Errorf("%+v opens %d files, want 1", o, n)
		}
	}
	if n := files(lake.Only{Process: "not an id"}); n != 3 {
		t.Errorf("an id that is none opens %d files, want 3", n)
	}
	if n := files(lake.Only{Process: only[0].Process, Stream: only[4].Stream}); n != 0 {
		t.Errorf("a process without the stream opens %d files, want 0", n)
	}
}

// TestOnlyLeavesOutRecords asks the views of the catalog for one process, stream or block: others are not read.
func TestOnlyLeavesOutRecords(t *testing.T) {
	p := newPlant(t, lake.Maintenance{})
	var programs []program
	var blocks []telemetry.BlockID
	for range 3 {
		g := p.program(telemetry.TagLog)
		programs = append(programs, g)
		blocks = append(blocks, p.log(g, 1, false), p.log(g, 1, false))
	}
	one := programs[1]
	for _, tc := range []struct {
		view string
		only lake.Only
		want int64
	}{
		{"blocks", lake.Only{}, 6},
		{"blocks", lake.Only{Process: one.process.ID.String()}, 2},
		{"blocks", lake.Only{Stream: one.stream.ID.String()}, 2},
		{"blocks", lake.Only{Block: blocks[0].String()}, 1},
		{"blocks", lake.Only{Block: "not an id"}, 6},
		{"processes", lake.Only{}, 3},
		{"processes", lake.Only{Process: one.process.ID.String()}, 1},
		{"streams", lake.Only{Process: one.process.ID.String()}, 1},
		{"streams", lake.Only{Stream: one.stream.ID.String()}, 1},
	} {
		snapshot, err := p.Snapshot(t.Context(), []lake.Scan{{View: tc.view, Only: tc.only}})
		p.ok(err)
		var rows int64
		for _, b := range snapshot.Tables[0].Batches {
			rows += b.NumRows()
		}
		snapshot.Close()
		if rows != tc.want {
			t.Errorf("%s of %+v: %d rows, want %d", tc.view, tc.only, rows, tc.want)
		}
	}
}
