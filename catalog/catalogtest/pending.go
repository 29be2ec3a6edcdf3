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

func testPending(t *testing.T, open Open) {
	f := newFixture(t, open)
	a, b, c := newBlock(f.process.ID, f.stream.ID, 0), newBlock(f.process.ID, f.stream.ID, 100), newBlock(f.process.ID, f.stream.ID, 300)
	b.Location = catalog.Location{Inline: []byte("tiny")}
	f.append(a)
	f.append(b)
	f.append(c)
	list := f.pending(catalog.LogEntries, catalog.Filter{})
	if len(list) != 3 {
		t.Fatalf("%d pending, want 3", len(list))
	}
	if list[0].Stream != list[2].Stream || list[0].Process != list[2].Process {
		t.Error("blocks of one stream do not share its record")
	}
	want := catalog.PendingBlock{
		View: catalog.LogEntries, Block: b,
		Stream: &catalog.StreamRecord{Stream: f.stream, LastUpdate: at(301), Blocks: 3},
		Process: &catalog.ProcessRecord{
			Process: f.process, LastUpdate: at(301), LastBlockEndTicks: 3010, LastBlockEndTime: at(301), Blocks: 3,
		},
	}
	if !reflect.DeepEqual(list[1], want) {
		t.Errorf("got  %+v\nwant %+v", list[1], want)
	}
	for name, tc := range map[string]struct {
		filter catalog.Filter
		want   []catalog.BlockRecord
	}{
		"widened to the end":   {catalog.Filter{Range: span(161, 161)}, []catalog.BlockRecord{b}},
		"widened to the begin": {catalog.Filter{Range: span(40, 40)}, []catalog.BlockRecord{a, b}},
		"outside":              {catalog.Filter{Range: span(162, 239)}, nil},
		"process":              {catalog.Filter{Process: f.process.ID, Limit: 2}, []catalog.BlockRecord{a, b}},
		"other process":        {catalog.Filter{Process: telemetry.ProcessID(uuid.New())}, nil},
		"block":                {catalog.Filter{Block: c.ID, Stream: f.stream.ID, Tag: "log"}, []catalog.BlockRecord{c}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := pendingIDs(f.pending(catalog.LogEntries, tc.filter)); !slices.Equal(got, blockIDs(tc.want)) {
				t.Errorf("got %v, want %v", got, blockIDs(tc.want))
			}
		})
	}
	smallest, largest := telemetry.Time(-1<<63), telemetry.Time(1<<63-1)
	if got := f.pending(catalog.LogEntries, catalog.Filter{Range: telemetry.Range{Begin: &smallest, End: &largest}}); len(got) != 3 {
		t.Errorf("the largest range: %d pending, want 3", len(got))
	}
	if got := f.pending(catalog.Measures, catalog.Filter{}); len(got) != 0 {
		t.Errorf("another view: %d pending, want 0", len(got))
	}
}

func testClaimPending(t *testing.T, open Open) {
	f := newFixture(t, open)
	var blocks []catalog.BlockRecord
	for i := range 6 {
		blocks = append(blocks, newBlock(f.process.ID, f.stream.ID, i))
		f.append(blocks[i])
	}
	ann, bob := uuid.New(), uuid.New()
	first := f.claim(catalog.ClaimPending{Owner: ann, MaxBlocks: 2, Lease: time.Minute})
	if !slices.Equal(pendingIDs(first), blockIDs(blocks[:2])) {
		t.Fatalf("MaxBlocks 2: claimed %v", pendingIDs(first))
	}
	if first[0].Stream == nil || first[0].Stream != first[1].Stream || first[0].Process == nil {
		t.Error("claimed blocks have no stream and process")
	}
	second := f.claim(catalog.ClaimPending{Owner: bob, MaxBytes: 150, Lease: time.Hour})
	if !slices.Equal(pendingIDs(second), blockIDs(blocks[2:4])) {
		t.Fatalf("MaxBytes 150: claimed %v, want the two whose sum passes it", pendingIDs(second))
	}
	if rest := f.claim(catalog.ClaimPending{Owner: ann, Lease: time.Hour}); !slices.Equal(pendingIDs(rest), blockIDs(blocks[4:])) {
		t.Fatalf("the rest: claimed %v", pendingIDs(rest))
	}
	if none := f.claim(catalog.ClaimPending{Owner: bob}); none != nil {
		t.Fatalf("claimed %v from others whose leases run", pendingIDs(none))
	}
	if n := len(f.pending(catalog.LogEntries, catalog.Filter{})); n != 6 {
		t.Errorf("%d pending, want 6: a claim hides nothing from readers", n)
	}

	f.clock.advance(time.Minute)
	if taken := f.claim(catalog.ClaimPending{Owner: bob}); !slices.Equal(pendingIDs(taken), blockIDs(blocks[:2])) {
		t.Fatalf("after the lease: claimed %v", pendingIDs(taken))
	}
	f.ok(f.db.ReleasePending(t.Context(), ann, catalog.LogEntries, blockIDs(blocks[:5]))) // only the fifth is ann's
	if got := f.claim(catalog.ClaimPending{Owner: ann}); !slices.Equal(pendingIDs(got), blockIDs(blocks[4:5])) {
		t.Fatalf("after the release: claimed %v", pendingIDs(got))
	}
}

func testFailPending(t *testing.T, open Open) {
	f := newFixture(t, open)
	a, b := newBlock(f.process.ID, f.stream.ID, 0), newBlock(f.process.ID, f.stream.ID, 1)
	f.append(a)
	owner := uuid.New()
	for attempt := 1; attempt <= 3; attempt++ {
		if n := len(f.claim(catalog.ClaimPending{Owner: owner, MaxBlocks: 1})); n != 1 {
			t.Fatalf("claimed %d blocks, want 1", n)
		}
		f.ok(f.db.FailPending(t.Context(), owner, catalog.LogEntries, a.ID, "bad\x00 magic", 3, 0))
		got := f.pending(catalog.LogEntries, catalog.Filter{Block: a.ID})
		if len(got) != 1 || got[0].Attempts != attempt || got[0].LastError != "bad\uFFFD magic" || got[0].Quarantined != (attempt == 3) {
			t.Fatalf("after attempt %d: got %+v", attempt, got)
		}
	}
	if err := f.db.FailPending(t.Context(), owner, catalog.LogEntries, a.ID, "again", 3, 0); !errors.Is(err, catalog.ErrLostClaim) {
		t.Errorf("FailPending without a claim = %v, want ErrLostClaim", err)
	}
	f.append(b)
	if got := f.claim(catalog.ClaimPending{Owner: owner}); !slices.Equal(pendingIDs(got), []telemetry.BlockID{b.ID}) {
		t.Errorf("claimed %v, want only the block that is not in quarantine", pendingIDs(got))
	}
	f.check()
	f.ok(f.db.FailPending(t.Context(), owner, catalog.LogEntries, b.ID, "never quarantined", 0, 0))
	if n, err := f.db.RequeueQuarantined(t.Context(), catalog.LogEntries); n != 1 || err != nil {
		t.Errorf("RequeueQuarantined = %d, %v; want 1", n, err)
	}
	if n := len(f.claim(catalog.ClaimPending{Owner: owner})); n != 2 {
		t.Errorf("claimed %d, want 2", n)
	}
}

// testClaimOrder has blocks that fail, or cannot be tried, at the head of the queue: they come after those that never failed,
// those that have waited longest first.
func testClaimOrder(t *testing.T, open Open) {
	f := newFixture(t, open)
	var list []catalog.BlockRecord
	for i := range 5 {
		list = append(list, newBlock(f.process.ID, f.stream.ID, i))
		f.append(list[i])
	}
	owner := uuid.New()
	claim := func(most int, want ...int) {
		t.Helper()
		var ids []telemetry.BlockID
		for _, i := range want {
			ids = append(ids, list[i].ID)
		}
		got := f.claim(catalog.ClaimPending{Owner: owner, MaxBlocks: most, Lease: time.Second})
		if !slices.Equal(pendingIDs(got), ids) {
			t.Fatalf("claimed %v, want %v", pendingIDs(got), ids)
		}
		for _, b := range got {
			if again := b.Block.ID == list[0].ID || b.Block.ID == list[1].ID; again != (b.NotBefore > 0) {
				t.Fatalf("block %v is not before %d", b.Block.ID, b.NotBefore)
			}
		}
	}
	claimed := f.claim(catalog.ClaimPending{Owner: owner, MaxBlocks: 2})
	f.ok(f.db.PausePending(t.Context(), owner, catalog.LogEntries, pendingIDs(claimed)[:1], "input/output error", 2*time.Minute))
	f.ok(f.db.FailPending(t.Context(), owner, catalog.LogEntries, list[1].ID, "no frame", 3, time.Minute))
	f.ok(f.db.PausePending(t.Context(), uuid.New(), catalog.LogEntries, blockIDs(list), "not claimed", time.Hour))
	claim(0, 2, 3, 4)
	f.clock.advance(time.Minute)
	claim(2, 2, 3)
	claim(0, 4, 1)
	f.clock.advance(time.Minute)
	claim(0, 2, 3, 4, 1, 0)
	failed := read(f, func(r *catalog.Reader) ([]catalog.PendingBlock, error) { return r.FailedPending(t.Context()) })
	if len(failed) != 2 || failed[0].Attempts != 0 || failed[0].LastError != "input/output error" || failed[1].Attempts != 1 {
		t.Errorf("failed: %+v", failed)
	}
	f.check()
}
