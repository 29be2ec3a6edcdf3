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
