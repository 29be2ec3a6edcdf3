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

func (f *fixture) processes(filter catalog.Filter) []catalog.ProcessRecord {
	f.Helper()
	return read(f, func(r *catalog.Reader) ([]catalog.ProcessRecord, error) { return r.Processes(f.Context(), filter) })
}

func (f *fixture) streams(filter catalog.Filter) []catalog.StreamRecord {
	f.Helper()
	return read(f, func(r *catalog.Reader) ([]catalog.StreamRecord, error) { return r.Streams(f.Context(), filter) })
}

func testProcesses(t *testing.T, open Open) {
	f := newFixture(t, open)
	other := newProcess()
	other.Exe = "second registration"
	other.ID = f.process.ID
	if inserted, err := f.db.InsertProcess(t.Context(), other); inserted || err != nil {
		t.Fatalf("second InsertProcess = %v, %v; want false", inserted, err)
	}
	child := newProcess()
	child.Parent, child.Properties, child.InsertTime = f.process.ID, nil, at(100)
	f.insert(child)

	list := f.processes(catalog.Filter{})
	if len(list) != 2 {
		t.Fatalf("%d processes, want 2", len(list))
	}
	if want := (catalog.ProcessRecord{Process: f.process, LastUpdate: t0}); !reflect.DeepEqual(list[0], want) {
		t.Errorf("got  %+v\nwant %+v", list[0], want)
	}
	if want := (catalog.ProcessRecord{Process: child, LastUpdate: at(100)}); !reflect.DeepEqual(list[1], want) {
		t.Errorf("got  %+v\nwant %+v", list[1], want)
	}
	for name, tc := range map[string]struct {
		filter catalog.Filter
		want   []telemetry.ProcessID
	}{
		"by id":            {catalog.Filter{Process: child.ID}, []telemetry.ProcessID{child.ID}},
		"by stream":        {catalog.Filter{Stream: f.stream.ID}, []telemetry.ProcessID{f.process.ID}},
		"by tag":           {catalog.Filter{Tag: "log"}, []telemetry.ProcessID{f.process.ID}},
		"limit":            {catalog.Filter{Limit: 1}, []telemetry.ProcessID{f.process.ID}},
		"before the child": {catalog.Filter{Range: span(0, 99)}, []telemetry.ProcessID{f.process.ID}},
		"after the parent": {catalog.Filter{Range: span(1, 100)}, []telemetry.ProcessID{child.ID}},
		"both ends count":  {catalog.Filter{Range: span(0, 100)}, []telemetry.ProcessID{f.process.ID, child.ID}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []telemetry.ProcessID
			for _, p := range f.processes(tc.filter) {
				got = append(got, p.ID)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func testStreams(t *testing.T, open Open) {
	f := newFixture(t, open)
	again := newStream(f.process.ID, telemetry.TagMetrics)
	again.ID = f.stream.ID
	if inserted, err := f.db.InsertStream(t.Context(), again); inserted || err != nil {
		t.Fatalf("second InsertStream = %v, %v; want false", inserted, err)
	}
	bare := telemetry.Stream{ID: telemetry.StreamID(uuid.New()), ProcessID: telemetry.ProcessID(uuid.New()), InsertTime: at(5)}
	f.insert(bare)
	list := f.streams(catalog.Filter{})
	if len(list) != 2 {
		t.Fatalf("%d streams, want 2", len(list))
	}
	if want := (catalog.StreamRecord{Stream: f.stream, LastUpdate: t0}); !reflect.DeepEqual(list[0], want) {
		t.Errorf("got  %+v\nwant %+v", list[0], want)
	}
	if got := list[1]; got.ID != bare.ID || len(got.DependenciesMetadata)+len(got.Tags)+len(got.Properties) != 0 {
		t.Errorf("got %+v, want a stream without anything", got)
	}
	if got := f.streams(catalog.Filter{Process: f.process.ID, Tag: "log"}); len(got) != 1 || got[0].ID != f.stream.ID {
		t.Errorf("by process and tag: got %v", got)
	}
	if got := f.streams(catalog.Filter{Tag: "metrics"}); len(got) != 0 {
		t.Errorf("by another tag: got %v", got)
	}
	if got := f.streams(catalog.Filter{Range: span(1, 4)}); len(got) != 0 {
		t.Errorf("by a range without streams: got %v", got)
	}
	if got := f.streams(catalog.Filter{Stream: bare.ID}); len(got) != 1 || got[0].ID != bare.ID {
		t.Errorf("by id: got %v", got)
	}
}

// testStrangeText stores what clients have no right to send and send all the same.
func testStrangeText(t *testing.T, open Open) {
	f := newFixture(t, open)
	p := newProcess()
	p.Exe, p.Username = "a\x00b", "\xff\xfe"
	p.Properties = map[string]string{"quote\"": "<é>\x00", "": "' OR 1=1 --", "\\u0000": "{}"}
	f.insert(p)
	got := f.processes(catalog.Filter{Process: p.ID})[0]
	if got.Exe != "a\uFFFDb" || got.Username != "\uFFFD" {
		t.Errorf("got exe %q, user name %q; want U+FFFD for what is not text", got.Exe, got.Username)
	}
	if !reflect.DeepEqual(got.Properties, p.Properties) {
		t.Errorf("got properties %q, want %q", got.Properties, p.Properties)
	}
	s := newStream(p.ID, "a,b", "log", "log", "\x00")
	f.insert(s)
	if got := f.streams(catalog.Filter{Tag: "a,b"}); len(got) != 1 || !slices.Equal(got[0].Tags, s.Tags) {
		t.Errorf("by tag a,b: got %v, want the tags %q", got, s.Tags)
	}
}

// testEachBlock reads blocks in parts: the list is that of Blocks, with its streams and processes, whichever filter makes it, and
// an error of who reads ends it.
func testEachBlock(t *testing.T, open Open) {
	f := newFixture(t, open)
	other := newStream(f.process.ID, telemetry.TagMetrics)
	f.insert(other)
	var list []catalog.BlockRecord
	for i := range 2100 {
		st := f.stream
		if i%2 == 0 {
			st = other
		}
		list = append(list, newBlock(f.process.ID, st.ID, i))
	}
	f.append(list...)
	f.append(newBlock(f.process.ID, telemetry.StreamID(uuid.New()), 5000))
	for _, filter := range []catalog.Filter{
		{}, {Stream: other.ID}, {Process: f.process.ID, Range: span(10, 1500)}, {Limit: 1024}, {Block: list[7].ID}, {Process: telemetry.ProcessID(uuid.New())},
	} {
		want := f.blocks(filter)
		var got []catalog.BlockRecord
		err := f.db.Read(t.Context(), func(r *catalog.Reader) error {
			for range 2 { // in one transaction
				got = nil
				err := r.EachBlock(t.Context(), filter, func(b *catalog.PendingBlock) error {
					if b.Stream == nil || b.Stream.ID != b.Block.StreamID || b.Process == nil || b.Process.ID != f.process.ID {
						t.Fatalf("block %v has the stream %+v and the process %+v", b.Block.ID, b.Stream, b.Process)
					}
					got = append(got, b.Block)
					return nil
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		f.ok(err)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v: %d blocks, want %d", filter, len(got), len(want))
		}
	}
	enough := errors.New("enough")
	err := f.db.Read(t.Context(), func(r *catalog.Reader) error {
		return r.EachBlock(t.Context(), catalog.Filter{}, func(*catalog.PendingBlock) error { return enough })
	})
	if !errors.Is(err, enough) {
		t.Errorf("EachBlock = %v", err)
	}
}
