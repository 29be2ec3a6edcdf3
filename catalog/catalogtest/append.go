package catalogtest

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

func (f *fixture) blocks(filter catalog.Filter) []catalog.BlockRecord {
	f.Helper()
	return read(f, func(r *catalog.Reader) ([]catalog.BlockRecord, error) { return r.Blocks(f.Context(), filter) })
}

func testAppend(t *testing.T, open Open) {
	f := newFixture(t, open)
	a, b, c := newBlock(f.process.ID, f.stream.ID, 0), newBlock(f.process.ID, f.stream.ID, 1), newBlock(f.process.ID, f.stream.ID, 2)
	b.Location = catalog.Location{Inline: []byte("tiny")}
	f.append(a)
	changed := a
	changed.Objects = 99
	inserted, err := f.db.Append(t.Context(), []catalog.BlockRecord{changed, b, c, b})
	if err != nil || !slices.Equal(inserted, []bool{false, true, true, false}) {
		t.Fatalf("Append = %v, %v; want false for the known block and the one that is twice in the group", inserted, err)
	}
	if got, want := f.blocks(catalog.Filter{}), []catalog.BlockRecord{a, b, c}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if inserted, err := f.db.Append(t.Context(), []catalog.BlockRecord{a, b}); err != nil || slices.Contains(inserted, true) {
		t.Errorf("Append of known blocks = %v, %v", inserted, err)
	}
	if inserted, err := f.db.Append(t.Context(), nil); err != nil || len(inserted) != 0 {
		t.Errorf("Append of nothing = %v, %v", inserted, err)
	}
	d := newBlock(f.process.ID, f.stream.ID, 3)
	d.InsertTime = 0
	f.append(d)
	if got := f.blocks(catalog.Filter{Block: d.ID}); len(got) != 1 || got[0].InsertTime != t0 {
		t.Errorf("a block without an insert time: got %+v, want it inserted at %v", got, t0)
	}
	if n := len(f.pending(catalog.LogEntries, catalog.Filter{})); n != 4 {
		t.Errorf("%d pending, want 4", n)
	}
}

// testAppendWhen: what is recorded before its payload is durable cannot be seen, and is gone if the payload is lost.
func testAppendWhen(t *testing.T, open Open) {
	f := newFixture(t, open)
	a, b := newBlock(f.process.ID, f.stream.ID, 0), newBlock(f.process.ID, f.stream.ID, 1)
	disk := errors.New("the disk is full")
	inserted, err := f.db.AppendWhen(t.Context(), []catalog.BlockRecord{a}, func() error { return disk })
	if !errors.Is(err, disk) || inserted != nil {
		t.Fatalf("AppendWhen of a payload that is lost = %v, %v", inserted, err)
	}
	if got := f.blocks(catalog.Filter{}); len(got) != 0 {
		t.Errorf("%d blocks recorded whose payload is lost", len(got))
	}
	if got := f.pending(catalog.LogEntries, catalog.Filter{}); len(got) != 0 {
		t.Errorf("%d pending whose payload is lost", len(got))
	}
	calls := 0
	inserted, err = f.db.AppendWhen(t.Context(), []catalog.BlockRecord{a, b}, func() error {
		calls++
		if got := f.blocks(catalog.Filter{}); len(got) != 0 {
			t.Errorf("%d blocks seen before their payloads are durable", len(got))
		}
		return nil
	})
	if err != nil || calls == 0 || !slices.Equal(inserted, []bool{true, true}) {
		t.Fatalf("AppendWhen = %v, %v, asked %d times", inserted, err, calls)
	}
	if _, err := f.db.AppendWhen(t.Context(), []catalog.BlockRecord{a}, func() error { return disk }); !errors.Is(err, disk) {
		t.Errorf("AppendWhen of a known block with a lost payload = %v", err)
	}
	if got := f.blocks(catalog.Filter{}); len(got) != 2 {
		t.Errorf("%d blocks, want 2", len(got))
	}
}

// testAppendMany crosses the bounds of one statement.
func testAppendMany(t *testing.T, open Open) {
	f := newFixture(t, open)
	var blocks []catalog.BlockRecord
	for i := range 2500 {
		blocks = append(blocks, newBlock(f.process.ID, f.stream.ID, i))
	}
	f.append(blocks...)
	if got := f.pending(catalog.LogEntries, catalog.Filter{}); len(got) != 2500 {
		t.Fatalf("%d pending, want 2500", len(got))
	}
	owner := uuid.New()
	claimed := f.claim(catalog.ClaimPending{Owner: owner, MaxBlocks: 2100})
	if len(claimed) != 2100 {
		t.Fatalf("%d claimed, want 2100", len(claimed))
	}
	f.ok(f.db.CommitPartition(t.Context(), owner, newPartition(catalog.LogEntries), pendingIDs(claimed)))
	if got := f.partitions(catalog.LogEntries, catalog.Filter{}); len(got) != 1 || got[0].Blocks != 2100 {
		t.Errorf("got %+v, want one partition of 2100 blocks", got)
	}
	if n := len(f.pending(catalog.LogEntries, catalog.Filter{})); n != 400 {
		t.Errorf("%d pending, want 400", n)
	}
}

// testActivity also lets blocks come before their process.
func testActivity(t *testing.T, open Open) {
	f := newFixture(t, open)
	late := newProcess()
	lateStream := newStream(late.ID, telemetry.TagLog)
	older, newer := newBlock(late.ID, lateStream.ID, 10), newBlock(late.ID, lateStream.ID, 20)
	newer.EndTicks = 5 // the largest values may come from different blocks
	f.append(newer, newBlock(f.process.ID, f.stream.ID, 3))
	f.append(older)
	f.insert(late)
	f.insert(lateStream)
	if n := len(f.processes(catalog.Filter{})); n != 2 {
		t.Fatalf("%d processes, want 2", n)
	}
	want := catalog.ProcessRecord{Process: late, LastUpdate: at(21), LastBlockEndTicks: 110, LastBlockEndTime: at(21), Blocks: 2}
	if got := f.processes(catalog.Filter{Process: late.ID}); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	wantStream := catalog.StreamRecord{Stream: lateStream, LastUpdate: at(21), Blocks: 2}
	if got := f.streams(catalog.Filter{Stream: lateStream.ID}); len(got) != 1 || !reflect.DeepEqual(got[0], wantStream) {
		t.Errorf("got  %+v\nwant %+v", got, wantStream)
	}
	if got := f.processes(catalog.Filter{Range: span(5, 30)}); len(got) != 1 || got[0].ID != late.ID {
		t.Errorf("processes updated after 5s: got %v", got)
	}
	if _, err := f.db.Append(t.Context(), []catalog.BlockRecord{newer}); err != nil { // a duplicate is no activity
		t.Fatal(err)
	}
	if got := f.processes(catalog.Filter{Process: late.ID})[0]; got.Blocks != 2 {
		t.Errorf("%d blocks after a duplicate, want 2", got.Blocks)
	}
}

// testFeeds has a row for each kind of stream.
func testFeeds(t *testing.T, open Open) {
	for name, tc := range map[string]struct {
		tags   []string
		format string
		want   []catalog.View
	}{
		"log":              {[]string{"log"}, telemetry.FormatNative, []catalog.View{catalog.LogEntries}},
		"metrics":          {[]string{"x", "metrics"}, telemetry.FormatNative, []catalog.View{catalog.Measures}},
		"both":             {[]string{"metrics", "log"}, telemetry.FormatNative, catalog.Views()},
		"neither":          {[]string{"cpu"}, telemetry.FormatNative, nil},
		"no tag":           {nil, telemetry.FormatNative, nil},
		"OTLP logs":        {[]string{"log"}, telemetry.FormatOTLPLogs, []catalog.View{catalog.LogEntries}},
		"OTLP metrics":     {[]string{"metrics"}, telemetry.FormatOTLPMetrics, []catalog.View{catalog.Measures}},
		"OTLP spans":       {[]string{"trace"}, telemetry.FormatOTLPTraces, nil},
		"the wrong tag":    {[]string{"log"}, telemetry.FormatOTLPMetrics, nil},
		"another format":   {[]string{"log", "metrics"}, "another/v1", nil},
		"the case matters": {[]string{"Log"}, telemetry.FormatNative, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, open)
			s := newStream(f.process.ID, tc.tags...)
			s.Format = tc.format
			before := newBlock(f.process.ID, s.ID, 0)
			f.append(before)
			f.insert(s)
			f.check()
			after := newBlock(f.process.ID, s.ID, 1)
			f.append(after)
			for _, v := range catalog.Views() {
				got := pendingIDs(f.pending(v, catalog.Filter{Stream: s.ID}))
				want := []telemetry.BlockID{before.ID, after.ID}
				if !slices.Contains(tc.want, v) {
					want = nil
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s has pending %v, want %v", v, got, want)
				}
			}
			if !slices.Equal(catalog.Feeds(s), tc.want) {
				t.Errorf("Feeds = %v, want %v", catalog.Feeds(s), tc.want)
			}
			counts := read(f, func(r *catalog.Reader) (catalog.Counts, error) { return r.Counts(t.Context()) })
			if counts.Orphans != 0 {
				t.Errorf("%d orphans, want 0", counts.Orphans)
			}
		})
	}
}

// testArrivalOrder inserts a process, a stream and a block in every order: at the end the block is pending.
func testArrivalOrder(t *testing.T, open Open) {
	for _, order := range []string{"psb", "pbs", "spb", "sbp", "bps", "bsp"} {
		t.Run(order, func(t *testing.T) {
			f := newFixture(t, open)
			p := newProcess()
			s := newStream(p.ID, telemetry.TagLog)
			b := newBlock(p.ID, s.ID, 0)
			for i, what := range order {
				f.step(what, p, s, b)
				f.check()
				visible, waiting := 0, int64(0)
				if i == len(order)-1 {
					visible = 1
				} else if what == 'b' || i > 0 && order[0] == 'b' {
					waiting = 1
				}
				f.expect(b.ID, visible, waiting)
			}
			claimed := f.claim(catalog.ClaimPending{Owner: uuid.New()})
			if len(claimed) != 1 || claimed[0].Stream.ID != s.ID || claimed[0].Process.ID != p.ID {
				t.Errorf("claimed %+v", claimed)
			}
		})
	}
}

func (f *fixture) step(what rune, p telemetry.Process, s telemetry.Stream, b catalog.BlockRecord) {
	f.Helper()
	switch what {
	case 'p':
		f.insert(p)
	case 's':
		f.insert(s)
	case 'b':
		f.append(b)
	}
}

// expect checks that so many rows show the block, and that so many orphans are counted.
func (f *fixture) expect(b telemetry.BlockID, visible int, orphans int64) {
	f.Helper()
	filter := catalog.Filter{Block: b}
	if got := f.pending(catalog.LogEntries, filter); len(got) != visible {
		f.Errorf("%d pending, want %d", len(got), visible)
	}
	if got := f.blocks(filter); len(got) != visible {
		f.Errorf("%d blocks, want %d", len(got), visible)
	}
	if visible == 0 {
		if got := f.claim(catalog.ClaimPending{Owner: uuid.New()}); len(got) != 0 {
			f.Errorf("claimed %d, want none", len(got))
		}
	}
	if got := read(f, func(r *catalog.Reader) (catalog.Counts, error) { return r.Counts(f.Context()) }); got.Orphans != orphans {
		f.Errorf("%d orphans, want %d", got.Orphans, orphans)
	}
}

func testBlocks(t *testing.T, open Open) {
	f := newFixture(t, open)
	cpu := newStream(f.process.ID, telemetry.TagCPU)
	other := newProcess()
	otherStream := newStream(other.ID, telemetry.TagLog)
	f.insert(cpu)
	f.insert(other)
	f.insert(otherStream)
	a, b, c := newBlock(f.process.ID, f.stream.ID, 0), newBlock(f.process.ID, cpu.ID, 10), newBlock(other.ID, otherStream.ID, 20)
	a.InsertTime, b.InsertTime, c.InsertTime = at(100), at(101), at(102)
	c.Location = catalog.Location{Inline: []byte("tiny")}
	f.append(c, b, a)
	for name, tc := range map[string]struct {
		filter catalog.Filter
		want   []catalog.BlockRecord
	}{
		"all, as inserted": {catalog.Filter{}, []catalog.BlockRecord{a, b, c}},
		"begun by":         {catalog.Filter{Range: span(0, 10)}, []catalog.BlockRecord{a, b}},
		"inserted since":   {catalog.Filter{Range: span(101, 200)}, []catalog.BlockRecord{b, c}},
		"process":          {catalog.Filter{Process: other.ID}, []catalog.BlockRecord{c}},
		"stream":           {catalog.Filter{Stream: cpu.ID}, []catalog.BlockRecord{b}},
		"block":            {catalog.Filter{Block: b.ID}, []catalog.BlockRecord{b}},
		"tag":              {catalog.Filter{Tag: "log"}, []catalog.BlockRecord{a, c}},
		"all at once": {
			catalog.Filter{Range: span(100, 200), Process: f.process.ID, Stream: cpu.ID, Block: b.ID, Tag: "cpu", Limit: 3},
			[]catalog.BlockRecord{b},
		},
		"nothing": {catalog.Filter{Process: other.ID, Stream: cpu.ID}, nil},
		"limit":   {catalog.Filter{Limit: 2}, []catalog.BlockRecord{a, b}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := f.blocks(tc.filter); !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got  %+v\nwant %+v", got, tc.want)
			}
		})
	}
	if got := f.blocks(catalog.Filter{Block: c.ID, WithoutPayload: true}); len(got) != 1 || got[0].Location.Inline != nil {
		t.Errorf("without payload: got %+v", got)
	}
}

// testWithOwners: of blocks with a few streams only these are read, each once.
func testWithOwners(t *testing.T, open Open) {
	f := newFixture(t, open)
	other := newProcess()
	f.insert(other)
	second := newStream(other.ID, telemetry.TagLog)
	f.insert(second)
	a, b, c := newBlock(f.process.ID, f.stream.ID, 0), newBlock(f.process.ID, f.stream.ID, 1), newBlock(other.ID, second.ID, 2)
	stray := newBlock(other.ID, telemetry.StreamID(uuid.New()), 3)
	f.append(a, b, c, stray)
	list := read(f, func(r *catalog.Reader) ([]catalog.PendingBlock, error) {
		return r.WithOwners(t.Context(), []catalog.BlockRecord{a, b, c, stray})
	})
	if len(list) != 4 || list[0].Block.ID != a.ID || list[0].Stream.ID != f.stream.ID || list[0].Process.ID != f.process.ID ||
		list[1].Stream != list[0].Stream || list[1].Process != list[0].Process || list[2].Stream.ID != second.ID ||
		list[2].Process.ID != other.ID || list[3].Stream != nil || list[3].Process != list[2].Process {
		t.Errorf("got %+v", list)
	}
}

func testBlocksDuring(t *testing.T, open Open) {
	f := newFixture(t, open)
	a, b, c := newBlock(f.process.ID, f.stream.ID, 0), newBlock(f.process.ID, f.stream.ID, 10), newBlock(f.process.ID, f.stream.ID, 20)
	f.append(c, a, b)
	for name, tc := range map[string]struct {
		filter catalog.Filter
		want   []catalog.BlockRecord
	}{
		"all, by begin":  {catalog.Filter{}, []catalog.BlockRecord{a, b, c}},
		"overlapping":    {catalog.Filter{Range: span(1, 10), Stream: f.stream.ID}, []catalog.BlockRecord{a, b}},
		"between blocks": {catalog.Filter{Range: span(2, 9)}, nil},
		"process, tag":   {catalog.Filter{Process: f.process.ID, Tag: "log", Range: span(12, 30)}, []catalog.BlockRecord{c}},
		"another tag":    {catalog.Filter{Process: f.process.ID, Tag: "cpu"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := read(f, func(r *catalog.Reader) ([]catalog.BlockRecord, error) { return r.BlocksDuring(t.Context(), tc.filter) })
			if !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got  %+v\nwant %+v", got, tc.want)
			}
		})
	}
}
