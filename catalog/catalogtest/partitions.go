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

func testCommitPartition(t *testing.T, open Open) {
	f := newFixture(t, open)
	a, b, c := newBlock(f.process.ID, f.stream.ID, 0), newBlock(f.process.ID, f.stream.ID, 1), newBlock(f.process.ID, f.stream.ID, 2)
	f.append(a, b)
	f.append(c)
	ann, bob := uuid.New(), uuid.New()
	f.claim(catalog.ClaimPending{Owner: ann, MaxBlocks: 2, Lease: time.Minute})

	p := newPartition(catalog.LogEntries)
	for name, blocks := range map[string][]telemetry.BlockID{
		"another's block":        {c.ID, a.ID},
		"an unknown block":       {a.ID, telemetry.BlockID(uuid.New())},
		"a block nobody claimed": {a.ID, b.ID, c.ID},
	} {
		if err := f.db.CommitPartition(t.Context(), ann, p, blocks); !errors.Is(err, catalog.ErrLostClaim) {
			t.Errorf("%s: CommitPartition = %v, want ErrLostClaim", name, err)
		}
	}
	if len(f.partitions(catalog.LogEntries, catalog.Filter{})) != 0 || len(f.pending(catalog.LogEntries, catalog.Filter{})) != 3 {
		t.Fatal("a commit that lost its claim changed something")
	}

	f.clock.advance(time.Hour) // nobody took over
	f.ok(f.db.CommitPartition(t.Context(), ann, p, []telemetry.BlockID{a.ID, b.ID, a.ID}))
	f.check()
	p.Blocks = 2
	if got := f.partitions(catalog.LogEntries, catalog.Filter{}); !reflect.DeepEqual(got, []catalog.Partition{p}) {
		t.Errorf("got  %+v\nwant %+v", got, p)
	}
	if got := pendingIDs(f.pending(catalog.LogEntries, catalog.Filter{})); !slices.Equal(got, []telemetry.BlockID{c.ID}) {
		t.Errorf("pending %v, want %v", got, c.ID)
	}

	f.claim(catalog.ClaimPending{Owner: ann, Lease: time.Minute})
	f.clock.advance(time.Minute)
	f.claim(catalog.ClaimPending{Owner: bob, Lease: time.Minute})
	q := newPartition(catalog.LogEntries)
	q.File, q.Size, q.Rows = "", 0, 0
	if err := f.db.CommitPartition(t.Context(), ann, q, []telemetry.BlockID{c.ID}); !errors.Is(err, catalog.ErrLostClaim) {
		t.Errorf("after a takeover: CommitPartition = %v, want ErrLostClaim", err)
	}
	f.ok(f.db.CommitPartition(t.Context(), bob, q, []telemetry.BlockID{c.ID}))
	f.check()
	if got := f.partitions(catalog.LogEntries, catalog.Filter{}); len(got) != 1 {
		t.Errorf("%d partitions with a file, want 1", len(got))
	}
	if got := f.pending(catalog.LogEntries, catalog.Filter{}); len(got) != 0 {
		t.Errorf("%d pending, want 0", len(got))
	}
}

// testCommitTwice repeats a commit, as after an error that leaves it open whether it happened.
func testCommitTwice(t *testing.T, open Open) {
	f := newFixture(t, open)
	a, b := newBlock(f.process.ID, f.stream.ID, 0), newBlock(f.process.ID, f.stream.ID, 1)
	f.append(a, b)
	owner := uuid.New()
	f.claim(catalog.ClaimPending{Owner: owner})
	p := newPartition(catalog.LogEntries)
	for range 2 {
		f.ok(f.db.CommitPartition(t.Context(), owner, p, []telemetry.BlockID{a.ID, b.ID}))
	}
	claimed, err := f.db.ClaimPartitions(t.Context(), catalog.ClaimPartitions{View: catalog.LogEntries, Owner: owner})
	f.ok(err)
	q := newPartition(catalog.LogEntries)
	for range 2 {
		f.ok(f.db.ReplacePartitions(t.Context(), owner, partitionIDs(claimed), q))
	}
	f.ok(f.db.CommitPartition(t.Context(), owner, p, []telemetry.BlockID{a.ID, b.ID})) // retired meanwhile
	if got := f.partitions(catalog.LogEntries, catalog.Filter{}); len(got) != 1 || got[0].ID != q.ID || got[0].Blocks != 2 {
		t.Errorf("got %+v, want only %s", got, q.ID)
	}
	f.check()
}

func testCommitChecks(t *testing.T, open Open) {
	f := newFixture(t, open)
	a := newBlock(f.process.ID, f.stream.ID, 0)
	f.append(a)
	owner := uuid.New()
	f.claim(catalog.ClaimPending{Owner: owner})
	for name, change := range map[string]func(*catalog.Partition){
		"no id":             func(p *catalog.Partition) { p.ID = uuid.Nil },
		"no view":           func(p *catalog.Partition) { p.View = catalog.Unresolved },
		"rows without file": func(p *catalog.Partition) { p.File = "" },
	} {
		p := newPartition(catalog.LogEntries)
		change(&p)
		if err := f.db.CommitPartition(t.Context(), owner, p, []telemetry.BlockID{a.ID}); err == nil {
			t.Errorf("%s: committed", name)
		}
	}
	if err := f.db.CommitPartition(t.Context(), owner, newPartition(catalog.LogEntries), nil); err == nil {
		t.Error("no blocks: committed")
	}
	if err := f.db.ReplacePartitions(t.Context(), owner, nil, newPartition(catalog.LogEntries)); err == nil {
		t.Error("no partitions: replaced")
	}
}

func testPartitions(t *testing.T, open Open) {
	f := newFixture(t, open)
	other := newProcess()
	otherStream := newStream(other.ID, telemetry.TagLog, telemetry.TagMetrics)
	f.insert(other)
	f.insert(otherStream)
	a, b := newBlock(f.process.ID, f.stream.ID, 0), newBlock(other.ID, otherStream.ID, 100)
	f.append(a)
	p := f.commit(catalog.LogEntries)
	f.append(b)
	q := f.commit(catalog.LogEntries)
	m := f.commit(catalog.Measures)
	for name, tc := range map[string]struct {
		view   catalog.View
		filter catalog.Filter
		want   []catalog.Partition
	}{
		"all":              {catalog.LogEntries, catalog.Filter{}, []catalog.Partition{p, q}},
		"another view":     {catalog.Measures, catalog.Filter{}, []catalog.Partition{m}},
		"limit":            {catalog.LogEntries, catalog.Filter{Limit: 1}, []catalog.Partition{p}},
		"process":          {catalog.LogEntries, catalog.Filter{Process: other.ID}, []catalog.Partition{q}},
		"stream":           {catalog.LogEntries, catalog.Filter{Stream: f.stream.ID}, []catalog.Partition{p}},
		"block":            {catalog.LogEntries, catalog.Filter{Block: b.ID}, []catalog.Partition{q}},
		"touching the end": {catalog.LogEntries, catalog.Filter{Range: span(1, 99)}, []catalog.Partition{p}},
		"between":          {catalog.LogEntries, catalog.Filter{Range: span(2, 99)}, nil},
		"range, process":   {catalog.LogEntries, catalog.Filter{Range: span(0, 100), Process: f.process.ID}, []catalog.Partition{p}},
		"not in this view": {catalog.Measures, catalog.Filter{Process: f.process.ID}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := f.partitions(tc.view, tc.filter); !slices.Equal(got, tc.want) {
				t.Errorf("got  %+v\nwant %+v", got, tc.want)
			}
		})
	}
}

func testClaimPartitions(t *testing.T, open Open) {
	f := newFixture(t, open)
	var all []catalog.Partition
	for i := range 5 {
		f.append(newBlock(f.process.ID, f.stream.ID, i))
		all = append(all, f.commit(catalog.LogEntries))
	}
	ann, bob := uuid.New(), uuid.New()
	claim := func(c catalog.ClaimPartitions) []catalog.PartitionID {
		t.Helper()
		c.View = catalog.LogEntries
		list, err := f.db.ClaimPartitions(t.Context(), c)
		f.ok(err)
		return partitionIDs(list)
	}
	if got := claim(catalog.ClaimPartitions{Owner: ann, MinFiles: 6}); got != nil {
		t.Fatalf("fewer than MinFiles: claimed %v", got)
	}
	if got := claim(catalog.ClaimPartitions{Owner: ann, Level: 1}); got != nil {
		t.Fatalf("another level: claimed %v", got)
	}
	if got := claim(catalog.ClaimPartitions{Owner: ann, MinFiles: 6, MaxBytes: 1500}); !slices.Equal(got, partitionIDs(all[:2])) {
		t.Fatalf("the sum passes MaxBytes: claimed %v", got)
	}
	if got := claim(catalog.ClaimPartitions{Owner: bob, MinFiles: 2, MaxFiles: 2, Lease: time.Hour}); !slices.Equal(got, partitionIDs(all[2:4])) {
		t.Fatalf("the next two: claimed %v", got)
	}
	f.ok(f.db.ReleasePartitions(t.Context(), ann, partitionIDs(all))) // only the first two are ann's
	if got := claim(catalog.ClaimPartitions{Owner: bob, MaxFiles: 1}); !slices.Equal(got, partitionIDs(all[:1])) {
		t.Fatalf("after the release: claimed %v", got)
	}
	f.clock.advance(time.Minute)
	want := append(partitionIDs(all[:2]), all[4].ID)
	if got := claim(catalog.ClaimPartitions{Owner: ann}); !slices.Equal(got, want) {
		t.Fatalf("after the lease: claimed %v, want %v", got, want)
	}
	if n := len(f.partitions(catalog.LogEntries, catalog.Filter{})); n != 5 {
		t.Errorf("%d partitions, want 5: a claim hides nothing from readers", n)
	}
}

func testReplacePartitions(t *testing.T, open Open) {
	f := newFixture(t, open)
	for i := range 3 {
		f.append(newBlock(f.process.ID, f.stream.ID, 2*i), newBlock(f.process.ID, f.stream.ID, 2*i+1))
		f.commit(catalog.LogEntries)
	}
	all := f.partitions(catalog.LogEntries, catalog.Filter{})
	ann, bob := uuid.New(), uuid.New()
	claim := catalog.ClaimPartitions{View: catalog.LogEntries, MaxFiles: 2, Owner: ann}
	claimed, err := f.db.ClaimPartitions(t.Context(), claim)
	f.ok(err)

	merged := newPartition(catalog.LogEntries)
	merged.Level = 1
	other := newPartition(catalog.Measures)
	for name, err := range map[string]error{
		"not the owner":         f.db.ReplacePartitions(t.Context(), bob, partitionIDs(claimed), merged),
		"one is not claimed":    f.db.ReplacePartitions(t.Context(), ann, partitionIDs(all), merged),
		"one is unknown":        f.db.ReplacePartitions(t.Context(), ann, []catalog.PartitionID{claimed[0].ID, uuid.New()}, merged),
		"they are another view": f.db.ReplacePartitions(t.Context(), ann, partitionIDs(claimed), other),
	} {
		if !errors.Is(err, catalog.ErrLostClaim) {
			t.Errorf("%s: ReplacePartitions = %v, want ErrLostClaim", name, err)
		}
	}
	if got := f.partitions(catalog.LogEntries, catalog.Filter{}); !slices.Equal(got, all) {
		t.Fatal("a replacement that lost its claim changed something")
	}

	f.ok(f.db.ReplacePartitions(t.Context(), ann, partitionIDs(claimed), merged))
	f.check()
	merged.Blocks = 4
	if got, want := f.partitions(catalog.LogEntries, catalog.Filter{}), []catalog.Partition{all[2], merged}; !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	again := newPartition(catalog.LogEntries)
	if err := f.db.ReplacePartitions(t.Context(), ann, partitionIDs(claimed), again); !errors.Is(err, catalog.ErrLostClaim) {
		t.Errorf("replacing retired partitions = %v, want ErrLostClaim", err)
	}
	claim.MaxFiles = 0
	if got, err := f.db.ClaimPartitions(t.Context(), claim); err != nil || len(got) != 1 || got[0].ID != all[2].ID {
		t.Errorf("claimed %v, %v; want only the one of level 0 that is live", got, err)
	}
}

func testRetired(t *testing.T, open Open) {
	f := newFixture(t, open)
	var merged []catalog.Partition
	for i := range 2 {
		f.append(newBlock(f.process.ID, f.stream.ID, i))
		old := f.commit(catalog.LogEntries)
		owner := uuid.New()
		_, err := f.db.ClaimPartitions(t.Context(), catalog.ClaimPartitions{View: catalog.LogEntries, Owner: owner})
		f.ok(err)
		p := newPartition(catalog.LogEntries)
		p.Level = 1
		f.ok(f.db.ReplacePartitions(t.Context(), owner, []catalog.PartitionID{old.ID}, p))
		old.Retired = telemetry.TimeOf(f.clock.now())
		merged = append(merged, old)
		f.clock.advance(time.Second)
	}
	retired := func(before telemetry.Time, limit int) []catalog.Partition {
		t.Helper()
		list, err := f.db.Retired(t.Context(), before, limit)
		f.ok(err)
		return list
	}
	if got := retired(t0, 10); len(got) != 0 {
		t.Errorf("before the first: got %v", got)
	}
	if got := retired(at(1), 10); !slices.Equal(got, merged[:1]) {
		t.Errorf("before the second: got %v, want %v", got, merged[:1])
	}
	if got := retired(at(10), 1); !slices.Equal(got, merged[:1]) {
		t.Errorf("limit 1: got %v, want %v", got, merged[:1])
	}
	live := f.partitions(catalog.LogEntries, catalog.Filter{})
	if err := f.db.Forget(t.Context(), []catalog.PartitionID{merged[0].ID, live[0].ID}); err == nil {
		t.Error("forgot a live partition")
	}
	if got := retired(at(10), 0); !slices.Equal(got, merged) {
		t.Errorf("after a refused Forget: got %v, want %v", got, merged)
	}
	for range 2 {
		f.ok(f.db.Forget(t.Context(), []catalog.PartitionID{merged[0].ID, uuid.New()}))
	}
	if got := retired(at(10), 0); !slices.Equal(got, merged[1:]) {
		t.Errorf("after Forget: got %v, want %v", got, merged[1:])
	}
	f.ok(f.db.Forget(t.Context(), nil))
}

func testInUse(t *testing.T, open Open) {
	f := newFixture(t, open)
	b := newBlock(f.process.ID, f.stream.ID, 0)
	b.Location.Segment = "segments/a"
	tiny := newBlock(f.process.ID, f.stream.ID, 1)
	tiny.Location = catalog.Location{Inline: []byte("x")}
	f.append(b, tiny)
	p := f.commit(catalog.LogEntries)
	used, err := f.db.SegmentsInUse(t.Context(), []string{"segments/a", "segments/b", ""})
	if want := map[string]bool{"segments/a": true}; err != nil || !reflect.DeepEqual(used, want) {
		t.Errorf("SegmentsInUse = %v, %v; want %v", used, err, want)
	}
	used, err = f.db.FilesInUse(t.Context(), []string{p.File, "other", ""})
	if want := map[string]bool{p.File: true}; err != nil || !reflect.DeepEqual(used, want) {
		t.Errorf("FilesInUse = %v, %v; want %v", used, err, want)
	}
	if used, err := f.db.SegmentsInUse(t.Context(), nil); err != nil || len(used) != 0 {
		t.Errorf("SegmentsInUse of nothing = %v, %v", used, err)
	}
}

func testCounts(t *testing.T, open Open) {
	f := newFixture(t, open)
	f.append(newBlock(f.process.ID, f.stream.ID, 0))
	f.commit(catalog.LogEntries)
	a, b := newBlock(f.process.ID, f.stream.ID, 1), newBlock(f.process.ID, f.stream.ID, 2)
	f.append(a)
	f.append(b)
	f.append(newBlock(f.process.ID, telemetry.StreamID(uuid.New()), 3))
	owner := uuid.New()
	f.claim(catalog.ClaimPending{Owner: owner, Lease: time.Minute})
	f.ok(f.db.FailPending(t.Context(), owner, catalog.LogEntries, a.ID, "bad", 1, 0))
	got := read(f, func(r *catalog.Reader) (catalog.Counts, error) { return r.Counts(t.Context()) })
	want := catalog.Counts{
		Processes: 1, Streams: 1, Blocks: 4, Orphans: 1,
		Views: map[catalog.View]catalog.ViewCounts{
			catalog.LogEntries: {
				Pending: 2, Quarantined: 1, Claimed: 1, PendingBytes: 200, OldestPending: at(2), Partitions: 1, Rows: 70,
				Bytes: 1000, Blocks: 1,
			},
			catalog.Measures: {},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}

	f.ok(f.db.ReleasePending(t.Context(), owner, catalog.LogEntries, []telemetry.BlockID{b.ID}))
	f.append(newBlock(telemetry.ProcessID(uuid.New()), f.stream.ID, 4)) // waits for its process
	counts := read(f, func(r *catalog.Reader) (map[catalog.View]catalog.ViewCounts, error) {
		return r.PendingCounts(t.Context())
	})
	logs := counts[catalog.LogEntries]
	if logs.Pending != 3 || logs.Claimed != 0 || logs.Free != 1 || logs.FreeBytes != 100 || logs.OldestFree != at(3) {
		t.Errorf("got %+v, want one free block", logs)
	}
}
