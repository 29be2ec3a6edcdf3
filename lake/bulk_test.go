package lake_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/micromegas-go/micromegas/bulk"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/telemetry"
)

// table returns what SELECT * answers of a table that is kept in the catalog.
func (r rig) table(t *testing.T, name string) array.RecordReader {
	t.Helper()
	s, err := r.Snapshot(t.Context(), []lake.Scan{{View: name}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	batches := s.Tables[0].Batches
	defer func() {
		for _, b := range batches {
			b.Release()
		}
	}()
	return reader(t, batches...)
}

func reader(t *testing.T, batches ...arrow.RecordBatch) array.RecordReader {
	t.Helper()
	in, err := array.NewRecordReader(batches[0].Schema(), batches)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(in.Release)
	return in
}

func (r rig) records(t *testing.T) []catalog.BlockRecord {
	t.Helper()
	var records []catalog.BlockRecord
	if err := r.catalog.Read(t.Context(), func(c *catalog.Reader) (err error) {
		records, err = c.Blocks(t.Context(), catalog.Filter{})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return records
}

func (r rig) stored(t *testing.T, l catalog.Location) []byte {
	t.Helper()
	if l.Segment == "" {
		return l.Inline
	}
	b, err := r.objects.GetRange(t.Context(), l.Segment, l.Offset, l.Size)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// payloads is a table of the stored payloads.
func (r rig) payloads(t *testing.T) array.RecordReader {
	t.Helper()
	fields := make([]arrow.Field, 4)
	for i, name := range []string{"process_id", "stream_id", "block_id", "payload"} {
		fields[i] = arrow.Field{Name: name, Type: arrow.BinaryTypes.String}
	}
	fields[3].Type = arrow.BinaryTypes.Binary
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for _, rec := range r.records(t) {
		for i, id := range []string{rec.ProcessID.String(), rec.StreamID.String(), rec.ID.String()} {
			b.Field(i).(*array.StringBuilder).Append(id)
		}
		b.Field(3).(*array.BinaryBuilder).Append(r.stored(t, rec.Location))
	}
	batch := b.NewRecordBatch()
	defer batch.Release()
	return reader(t, batch)
}

// everything are the rows of all views, sorted.
func (r rig) everything(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	add := func(view, instance string) {
		var rows []string
		for _, row := range r.scan(t, view, instance) {
			rows = append(rows, fmt.Sprint(row)) // maps print in the order of their keys
		}
		slices.Sort(rows)
		all[view+" "+instance] = rows
	}
	for _, view := range []string{"processes", "streams", "blocks", "log_entries", "measures"} {
		add(view, "")
	}
	for _, row := range r.scan(t, "streams", "") {
		if row["tags"] == `["cpu"]` {
			add("thread_spans", row["stream_id"])
		}
	}
	for _, row := range r.scan(t, "processes", "") {
		add("async_events", row["process_id"])
	}
	return all
}

// TestCopyOfALake copies a lake by its four tables into others, in every order, twice, and with maintenance in between.
func TestCopyOfALake(t *testing.T) {
	from := open(t)
	for _, q := range captured(t, "v030") {
		from.send(t, q)
	}
	want := from.everything(t)
	for view, rows := range want {
		if len(rows) == 0 && view != "async_events " {
			t.Logf("%s is empty", view)
		}
	}
	for name, order := range map[string][]string{
		"blocks before payloads": {"processes", "streams", "blocks", "payloads"},
		"payloads before blocks": {"payloads", "blocks", "streams", "processes"},
		"streams last":           {"processes", "blocks", "payloads", "streams"},
		"processes last":         {"blocks", "streams", "payloads", "processes"},
		"twice":                  {"blocks", "blocks", "payloads", "payloads", "streams", "streams", "processes", "processes", "blocks", "payloads"},
	} {
		t.Run(name, func(t *testing.T) {
			to := open(t)
			for _, table := range order {
				in := from.payloads(t)
				if table != "payloads" {
					in = from.table(t, table)
				}
				rows, err := bulk.Load(t.Context(), to.Lake, table, in)
				if err != nil || rows == 0 {
					t.Fatalf("%s: %d rows, %v", table, rows, err)
				}
				if err := to.catalog.CheckCoverage(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := to.everything(t); len(got["blocks "]) > 0 && table != "payloads" && table != "blocks" && len(got["blocks "]) != len(want["blocks "]) {
					t.Errorf("after %s: %d blocks", table, len(got["blocks "]))
				}
			}
			if got := to.everything(t); !reflect.DeepEqual(got, want) {
				for view := range want {
					if !reflect.DeepEqual(got[view], want[view]) {
						t.Errorf("%s: %d rows, want %d\n%.600v\n%.600v", view, len(got[view]), len(want[view]), got[view], want[view])
					}
				}
			}
			if err := to.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := to.everything(t); !reflect.DeepEqual(got["log_entries "], want["log_entries "]) {
				t.Error("log entries differ after maintenance")
			}
			var waiting [2]int64
			if err := to.catalog.Read(t.Context(), func(c *catalog.Reader) (err error) {
				waiting[0], waiting[1], err = c.Staged(t.Context())
				return err
			}); err != nil || waiting != [2]int64{} {
				t.Errorf("halves remain: %v, %v", waiting, err)
			}
		})
	}
}

// TestPayloadsFillSegments: payloads that are many become large segments, written as they come; what is known is not
// written again.
func TestPayloadsFillSegments(t *testing.T) {
	r := open(t)
	p, s, next := logBlock(t, "v030")
	if err := errors.Join(r.InsertProcess(t.Context(), p), r.InsertStream(t.Context(), s)); err != nil {
		t.Fatal(err)
	}
	var blocks []telemetry.Block
	large := make([]byte, 9<<20)
	for range 8 {
		b, _ := next()
		blocks = append(blocks, b)
	}
	send := func() error {
		i := 0
		return r.InsertPayloads(t.Context(), func() (*lake.BulkPayload, error) {
			if i == len(blocks) {
				return nil, nil
			}
			b := blocks[i]
			i++
			return &lake.BulkPayload{Block: b.ID, Stream: b.StreamID, Process: b.ProcessID, Stored: large}, nil
		})
	}
	for range 2 {
		if err := send(); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.InsertBlocks(t.Context(), blocks); err != nil {
		t.Fatal(err)
	}
	if err := send(); err != nil {
		t.Fatal(err)
	}
	objects := 0
	for info, err := range r.objects.List(t.Context(), "segments/") {
		if err != nil {
			t.Fatal(err)
		}
		objects++
		if info.Size < 30<<20 {
			t.Errorf("%s has %d bytes", info.Key, info.Size)
		}
	}
	if records := r.records(t); objects != 2 || len(records) != 8 || len(r.stored(t, records[7].Location)) != len(large) {
		t.Errorf("%d objects, %d blocks", objects, len(records))
	}
}

// TestPayloadsOfACallThatFails: nothing of it is recorded.
func TestPayloadsOfACallThatFails(t *testing.T) {
	now := time.Now()
	r := openClock(t, t.TempDir(), lake.Maintenance{}, func() time.Time { return now })
	f := &flaky{Bucket: r.objects}
	l, err := lake.Open(t.Context(), lake.Options{Catalog: r.catalog, Objects: f, CacheDir: filepath.Join(t.TempDir(), "cache")})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, _, next := logBlock(t, "v030")
	b, _ := next()
	sent := 0
	payload := func() (*lake.BulkPayload, error) {
		if sent++; sent > 1 {
			return nil, nil
		}
		return &lake.BulkPayload{Block: b.ID, Stored: make([]byte, 1<<20)}, nil
	}
	f.fail.Store(true)
	if err := l.InsertPayloads(t.Context(), payload); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a failing store: %v", err)
	}
	f.fail.Store(false)
	sent = 0
	stop := errors.New("stop")
	err = l.InsertPayloads(t.Context(), func() (*lake.BulkPayload, error) {
		if sent++; sent > 5 {
			return nil, stop
		}
		other, _ := next()
		return &lake.BulkPayload{Block: other.ID, Stored: make([]byte, 20<<20)}, nil
	})
	if !errors.Is(err, stop) {
		t.Error(err)
	}
	if err := r.catalog.Read(t.Context(), func(c *catalog.Reader) error {
		blocks, payloads, err := c.Staged(t.Context())
		if blocks+payloads != 0 {
			t.Errorf("%d blocks and %d payloads are staged", blocks, payloads)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

// TestPayloadsOfAnEndlessCall: a call that takes so long that its first segment is about to be taken for an orphan is refused,
// instead of recording payloads that are going to be deleted.
func TestPayloadsOfAnEndlessCall(t *testing.T) {
	now := time.Now()
	r := openClock(t, t.TempDir(), lake.Maintenance{KeepOrphans: time.Hour}, func() time.Time { return now })
	_, _, next := logBlock(t, "v030")
	send := func(pause time.Duration) error {
		sent := 0
		return r.InsertPayloads(t.Context(), func() (*lake.BulkPayload, error) {
			if sent++; sent > 3 {
				return nil, nil
			}
			now = now.Add(pause)
			b, _ := next()
			return &lake.BulkPayload{Block: b.ID, Stored: make([]byte, 20<<20)}, nil
		})
	}
	if err := send(time.Minute); err != nil {
		t.Error(err)
	}
	if err := send(time.Hour); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("a call of three hours: %v, want TooLarge", err)
	}
}

// TestRetentionWhileCopying copies a lake whose blocks are older than the rules of the one they come to, and applies the rules
// after every step: nothing goes until it is too old since it came.
func TestRetentionWhileCopying(t *testing.T) {
	rules, err := lake.ParseRetention("*=30d")
	if err != nil {
		t.Fatal(err)
	}
	from := open(t)
	for _, q := range captured(t, "v030") {
		from.send(t, q)
	}
	want := from.everything(t)
	for _, order := range [][]string{{"processes", "streams", "blocks", "payloads"}, {"payloads", "blocks", "streams", "processes"}} {
		now := time.Now().Add(400 * 24 * time.Hour)
		to := openClock(t, t.TempDir(), lake.Maintenance{}, func() time.Time { return now })
		apply := func() {
			t.Helper()
			if _, err := to.ApplyRetention(t.Context(), rules); err != nil {
				t.Fatal(err)
			}
		}
		for _, table := range order {
			in := from.payloads(t)
			if table != "payloads" {
				in = from.table(t, table)
			}
			if _, err := bulk.Load(t.Context(), to.Lake, table, in); err != nil {
				t.Fatal(err)
			}
			apply()
			now = now.Add(24 * time.Hour)
		}
		apply()
		if err := to.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		apply()
		now = now.Add(24 * 24 * time.Hour)
		apply()
		if got := to.everything(t); !reflect.DeepEqual(got, want) {
			for view := range want {
				if !reflect.DeepEqual(got[view], want[view]) {
					t.Errorf("%s: %d rows, want %d", view, len(got[view]), len(want[view]))
				}
			}
		}
		now = now.Add(30 * 24 * time.Hour)
		apply()
		for view, rows := range to.everything(t) {
			if len(rows) > 0 {
				t.Errorf("%d rows of %s are left", len(rows), view)
			}
		}
	}
}
