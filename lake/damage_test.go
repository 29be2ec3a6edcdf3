package lake_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/micromegas-go/micromegas/bench/load"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/objstore"
	"github.com/micromegas-go/micromegas/objstore/s3"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// damaged is a lake in whose stores the test makes damage. Each block holds rowsEach log entries.
type damaged struct {
	rig
	source *load.Source
	blocks []telemetry.BlockID
	small  []telemetry.BlockID // with smallRows each
	folder string
	now    atomic.Int64
}

const (
	rowsEach  = 200 // too large to live in the catalog
	smallRows = 10
)

func openDamaged(t *testing.T, m lake.Maintenance, objects func(objstore.Bucket) objstore.Bucket) *damaged {
	t.Helper()
	d := &damaged{folder: t.TempDir()}
	d.now.Store(time.Now().UnixNano())
	clock := func() time.Time { return time.Unix(0, d.now.Load()) }
	d.rig = openClock(t, d.folder, m, clock)
	if objects != nil {
		l, err := lake.Open(t.Context(), lake.Options{
			Catalog: d.catalog, Objects: objects(d.objects), CacheDir: filepath.Join(d.folder, "cache"), Maintenance: m, Now: clock,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		d.Lake = l
	}
	d.source = newSource()
	if err := errors.Join(d.InsertProcess(t.Context(), d.source.Process), d.InsertStream(t.Context(), d.source.Stream)); err != nil {
		t.Fatal(err)
	}
	return d
}

func newSource() *load.Source { return load.NewSource(1, telemetry.TimeOf(time.Now())) }

func (d *damaged) send(t *testing.T, blocks int) {
	t.Helper()
	for range blocks {
		b, payload := d.source.Block(rowsEach)
		if err := d.Append(t.Context(), b, payload); err != nil {
			t.Fatal(err)
		}
		d.blocks = append(d.blocks, b.ID)
	}
}

func (d *damaged) settle(t *testing.T) {
	t.Helper()
	if err := d.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// location returns where the payload of a block lies.
func (d *damaged) location(t *testing.T, id telemetry.BlockID) catalog.Location {
	t.Helper()
	var found []catalog.BlockRecord
	err := d.catalog.Read(t.Context(), func(r *catalog.Reader) (err error) {
		found, err = r.Blocks(t.Context(), catalog.Filter{Block: id})
		return err
	})
	if err != nil || len(found) != 1 {
		t.Fatalf("%d blocks, %v", len(found), err)
	}
	return found[0].Location
}

func (d *damaged) partitions(t *testing.T) (list []catalog.Partition) {
	t.Helper()
	err := d.catalog.Read(t.Context(), func(r *catalog.Reader) (err error) {
		list, err = r.Partitions(t.Context(), catalog.LogEntries, catalog.Filter{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// overwrite changes a byte of an object in place.
func (d *damaged) overwrite(t *testing.T, key string, offset int64) {
	t.Helper()
	path, err := d.objects.Path(key)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	_, rerr := f.ReadAt(b[:], offset)
	b[0] ^= 0xff
	_, werr := f.WriteAt(b[:], offset)
	if err := errors.Join(rerr, werr, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// check reads the log entries: those of lost blocks are missing, all others are there once, and the query says how many
// blocks are missing.
func (d *damaged) check(t *testing.T, lost ...telemetry.BlockID) {
	t.Helper()
	if err := d.catalog.CheckCoverage(t.Context()); err != nil {
		t.Error(err)
	}
	s, err := d.Snapshot(t.Context(), []lake.Scan{{View: "log_entries"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.LeftOut != len(lost) {
		t.Errorf("%d blocks are said to be missing, want %d", s.LeftOut, len(lost))
	}
	got := map[string]int{}
	for _, path := range s.Tables[0].Files {
		for _, row := range readFile(t, path) {
			got[row["block_id"]]++
		}
	}
	want := map[string]int{}
	for _, id := range d.blocks {
		if !slices.Contains(lost, id) {
			want[id.String()] = rowsEach
		}
	}
	for _, id := range d.small {
		want[id.String()] = smallRows
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func (d *damaged) quarantined(t *testing.T) (ids []telemetry.BlockID) {
	t.Helper()
	err := d.catalog.Read(t.Context(), func(r *catalog.Reader) error {
		list, err := r.FailedPending(t.Context())
		for i := range list {
			if list[i].Quarantined {
				ids = append(ids, list[i].Block.ID)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// TestDamagedSegment damages payloads in each way that there is: exactly those blocks go into quarantine, after as many
// attempts as there should be, each after its pause; all others are materialised at once, and queries answer them throughout.
// When the bytes are there again the blocks can be put back.
func TestDamagedSegment(t *testing.T) {
	const flip, cut, remove = "flip", "cut", "remove"
	for _, how := range []string{flip, cut, remove} {
		t.Run(how, func(t *testing.T) {
			folderOf := func(d *damaged, l catalog.Location) string {
				path, err := d.objects.Path(l.Segment)
				if err != nil {
					t.Fatal(err)
				}
				return path
			}
			d := openDamaged(t, lake.Maintenance{QuarantineAfter: 3, RetryAfter: time.Minute}, nil)
			d.send(t, 4)
			bad := d.blocks[3]
			at := d.location(t, bad)
			path := folderOf(d, at)
			lost := []telemetry.BlockID{bad}
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			switch how {
			case flip:
				d.overwrite(t, at.Segment, at.Offset+at.Size/2)
			case cut:
				err = os.Truncate(path, at.Offset+at.Size-1)
			case remove: // all blocks lie in one segment
				err = os.Remove(path)
				lost = slices.Clone(d.blocks)
			}
			if err != nil {
				t.Fatal(err)
			}
			d.check(t, lost...)
			for attempt := 1; attempt <= 3; attempt++ {
				d.settle(t)
				d.settle(t) // in the pause, which is no attempt
				d.check(t, lost...)
				if n := len(d.quarantined(t)); (n > 0) != (attempt == 3) {
					t.Fatalf("after %d attempts %d blocks are in quarantine", attempt, n)
				}
				d.now.Add(int64(time.Minute << (attempt - 1)))
			}
			if got := d.quarantined(t); len(got) != len(lost) {
				t.Errorf("in quarantine are %v, want %v", got, lost)
			}
			b, payload := d.source.Block(rowsEach)
			err = d.Append(t.Context(), b, payload)
			if how == remove { // the segment was still growing
				if fault.KindOf(err) != fault.Unavailable {
					t.Errorf("Append to a segment that is gone = %v", err)
				}
				err = d.Append(t.Context(), b, payload)
			}
			if err != nil {
				t.Fatal(err)
			}
			d.blocks = append(d.blocks, b.ID)
			d.settle(t)
			d.check(t, lost...)
			if err := os.WriteFile(path, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			if n, err := d.catalog.RequeueQuarantined(t.Context(), catalog.LogEntries); int(n) != len(lost) || err != nil {
				t.Errorf("RequeueQuarantined = %d, %v", n, err)
			}
			d.check(t)
			d.settle(t)
			d.check(t)
		})
	}
}

// TestStoreDown has a store that does not answer: nothing goes into quarantine, queries say that it is out of reach, and
// afterwards everything is as it was.
func TestStoreDown(t *testing.T) {
	f := &flaky{}
	d := openDamaged(t, lake.Maintenance{QuarantineAfter: 1, RetryAfter: -1}, func(b objstore.Bucket) objstore.Bucket {
		f.Bucket = b
		return f
	})
	d.send(t, 8)
	f.fail.Store(true)
	for range 3 {
		if err := d.Settle(t.Context()); fault.KindOf(err) != fault.Unavailable {
			t.Fatalf("Settle = %v, want Unavailable", err)
		}
		if _, err := d.Snapshot(t.Context(), []lake.Scan{{View: "log_entries"}}); fault.KindOf(err) != fault.Unavailable {
			t.Fatalf("Snapshot = %v, want Unavailable", err)
		}
	}
	if got := d.quarantined(t); len(got) != 0 {
		t.Errorf("in quarantine are %v", got)
	}
	f.fail.Store(false)
	d.check(t)
	d.settle(t)
	d.check(t)
	if n := len(d.partitions(t)); n != 1 {
		t.Errorf("%d partitions", n)
	}
}

// unreadable is a bucket in which some ranges cannot be read.
type unreadable struct {
	objstore.Bucket
	at []catalog.Location
}

func (u *unreadable) GetRange(ctx context.Context, key string, offset, n int64) ([]byte, error) {
	for _, at := range u.at {
		if key == at.Segment && offset == at.Offset {
			return nil, errors.New("input/output error")
		}
	}
	return u.Bucket.GetRange(ctx, key, offset, n)
}

// TestBadSpot has one payload that the store fails to read for as long as the test lasts: all others are materialised.
func TestBadSpot(t *testing.T) {
	u := &unreadable{}
	d := openDamaged(t, lake.Maintenance{QuarantineAfter: 1, RetryAfter: -1}, func(b objstore.Bucket) objstore.Bucket {
		u.Bucket = b
		return u
	})
	d.send(t, 5)
	u.at = []catalog.Location{d.location(t, d.blocks[1])}
	for range 2 {
		if err := d.Settle(t.Context()); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("Settle = %v, want Unavailable", err)
		}
		if got := d.partitions(t); len(got) != 1 || got[0].Blocks != 4 {
			t.Fatalf("partitions are %+v", got)
		}
	}
	if got := d.quarantined(t); len(got) != 0 {
		t.Errorf("in quarantine are %v", got)
	}
	u.at = nil
	d.check(t)
	d.settle(t)
	d.check(t)
}

// TestManyBadSpots has more payloads at the head of the queue that the store fails to read than maintenance takes for a store
// that is out of reach, more than one claim holds: all others are materialised, those that arrive later too, and the
// unreadable ones once they can be read.
func TestManyBadSpots(t *testing.T) {
	for name, retry := range map[string]time.Duration{"without pauses": -1, "with pauses": time.Minute} {
		t.Run(name, func(t *testing.T) {
			u := &unreadable{}
			m := lake.Maintenance{QuarantineAfter: 1, RetryAfter: retry, PendingBytes: 1, MergeFiles: 1000} // claims of one block
			d := openDamaged(t, m, func(b objstore.Bucket) objstore.Bucket {
				u.Bucket = b
				return u
			})
			d.send(t, 20)
			for _, b := range d.blocks {
				u.at = append(u.at, d.location(t, b))
			}
			for readable := 3; readable <= 6; readable += 3 {
				d.send(t, 3)
				err := d.Settle(t.Context())
				if tried := readable == 3 || retry < 0; tried != (fault.KindOf(err) == fault.Unavailable) {
					t.Errorf("Settle = %v; unreadable blocks were tried: %v", err, tried)
				}
				if got := d.partitions(t); len(got) != readable {
					t.Fatalf("%d blocks are in partitions, want %d", len(got), readable)
				}
			}
			if got := d.quarantined(t); len(got) != 0 {
				t.Errorf("in quarantine are %v", got)
			}
			u.at = nil
			d.now.Add(int64(time.Hour))
			d.settle(t)
			if got := d.partitions(t); len(got) != 26 {
				t.Fatalf("%d blocks are in partitions, want all", len(got))
			}
			d.check(t)
		})
	}
}

// TestDamagedPartition damages the files of partitions in each way that there is, and has a query or a merge find it: the
// answer is complete all the same, the file is set aside and made anew, and no other is touched.
func TestDamagedPartition(t *testing.T) {
	damages := map[string]func(t *testing.T, d *damaged, p catalog.Partition, path string) error{
		"gone": func(_ *testing.T, _ *damaged, _ catalog.Partition, path string) error { return os.Remove(path) },
		"cut": func(_ *testing.T, _ *damaged, p catalog.Partition, path string) error {
			return os.Truncate(path, p.Size/2)
		},
		"empty": func(_ *testing.T, _ *damaged, _ catalog.Partition, path string) error { return os.Truncate(path, 0) },
		"zeros": func(_ *testing.T, _ *damaged, p catalog.Partition, path string) error {
			return os.WriteFile(path, make([]byte, p.Size), 0o600)
		},
		"a bit": func(t *testing.T, d *damaged, p catalog.Partition, _ string) error {
			t.Helper()
			d.overwrite(t, p.File, p.Size/3)
			return nil
		},
	}
	for name, damage := range damages {
		for _, finder := range []string{"query", "merge"} {
			t.Run(name+", found by a "+finder, func(t *testing.T) {
				d := openDamaged(t, lake.Maintenance{MergeFiles: 4, RetryAfter: -1}, nil)
				for range 3 {
					d.send(t, 2)
					d.settle(t)
				}
				before := d.partitions(t)
				if len(before) != 3 {
					t.Fatalf("%d partitions", len(before))
				}
				broken := before[1]
				path, err := d.objects.Path(broken.File)
				if err != nil {
					t.Fatal(err)
				}
				if err := damage(t, d, broken, path); err != nil {
					t.Fatal(err)
				}
				if finder == "query" && name != "a bit" { // which only who reads everything can see
					d.check(t)
					if after := d.partitions(t); len(after) != 2 || after[0].ID != before[0].ID || after[1].ID != before[2].ID {
						t.Errorf("partitions are %+v", after)
					}
				}
				for range 3 {
					d.send(t, 1)
					d.settle(t)
				}
				d.check(t)
				after := d.partitions(t)
				merged := func(p catalog.Partition) bool { return p.Level == 1 }
				dead := func(p catalog.Partition) bool { return p.ID == broken.ID }
				if !slices.ContainsFunc(after, merged) || slices.ContainsFunc(after, dead) {
					t.Errorf("partitions are %+v, want the level merged", after)
				}
				aside, err := d.catalog.SetAside(t.Context(), telemetry.TimeOf(time.Now().Add(time.Hour)), 0)
				if err != nil || len(aside) != 1 || aside[0].ID != broken.ID || aside[0].Broken == "" {
					t.Errorf("set aside are %+v, %v", aside, err)
				}
			})
		}
	}
}

// TestDamagedOnDemand loses the payload of one of two blocks of images: queries answer the other one, say so, and have both when
// it is there again.
func TestDamagedOnDemand(t *testing.T) {
	d := openDamaged(t, lake.Maintenance{}, nil)
	deps, objects := wire.ImageLayouts()
	s := telemetry.Stream{
		ID: telemetry.StreamID(uuid.New()), ProcessID: d.source.Process.ID, DependenciesMetadata: deps.Encode(),
		ObjectsMetadata: objects.Encode(), Tags: []string{telemetry.TagImage}, Format: telemetry.FormatNative,
	}
	if err := d.InsertStream(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	var bad telemetry.BlockID
	for i := range 2 {
		var b wire.ImageBuilder
		noise := make([]byte, 8<<10) // too large to live in the catalog
		_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(noise)
		b.Add(telemetry.Ticks(i), "image", "png", noise)
		payload, n := b.Finish()
		bad = telemetry.BlockID(uuid.New())
		err := d.Append(t.Context(), telemetry.Block{
			ID: bad, StreamID: s.ID, ProcessID: s.ProcessID, Objects: n, BeginTicks: telemetry.Ticks(i), EndTicks: telemetry.Ticks(i + 1),
		}, payload)
		if err != nil {
			t.Fatal(err)
		}
	}
	at := d.location(t, bad)
	check := func(rows, leftOut int) {
		t.Helper()
		snapshot, err := d.Snapshot(t.Context(), []lake.Scan{{View: "images", Instance: s.ProcessID.String()}})
		if err != nil {
			t.Fatal(err)
		}
		defer snapshot.Close()
		n := 0
		for _, path := range snapshot.Tables[0].Files {
			n += len(readFile(t, path))
		}
		if n != rows || snapshot.LeftOut != leftOut {
			t.Errorf("%d images, %d blocks left out; want %d, %d", n, snapshot.LeftOut, rows, leftOut)
		}
	}
	d.overwrite(t, at.Segment, at.Offset+at.Size/2)
	check(1, 1)
	check(1, 1)
	d.overwrite(t, at.Segment, at.Offset+at.Size/2)
	check(2, 0)
}

// TestDamagedTwice loses a partition and the payload of one of its blocks: that block alone goes into quarantine.
func TestDamagedTwice(t *testing.T) {
	d := openDamaged(t, lake.Maintenance{QuarantineAfter: 2, RetryAfter: -1}, nil)
	d.send(t, 3)
	d.settle(t)
	p := d.partitions(t)[0]
	at := d.location(t, d.blocks[1])
	path, err := d.objects.Path(p.File)
	if err != nil {
		t.Fatal(err)
	}
	d.overwrite(t, at.Segment, at.Offset+at.Size/2)
	d.check(t) // from the partition
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		d.check(t, d.blocks[1])
		d.settle(t)
	}
	d.check(t, d.blocks[1])
	if got := d.quarantined(t); !slices.Equal(got, d.blocks[1:2]) {
		t.Errorf("in quarantine are %v, want %v", got, d.blocks[1:2])
	}
}

// TestDamagedFetch has a service that sends damaged bytes once, then for good, and then none: what comes damaged is asked for
// again before the partition is set aside, and a service that is down does no harm.
func TestDamagedFetch(t *testing.T) {
	backend := s3mem.New()
	if err := backend.CreateBucket("lake"); err != nil {
		t.Fatal(err)
	}
	var damage, down atomic.Int64
	fake := gofakes3.New(backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case down.Load() > 0:
			w.WriteHeader(http.StatusInternalServerError)
		case r.Method == http.MethodGet && filepath.Ext(r.URL.Path) == ".parquet" && damage.Add(-1) >= 0:
			fake.ServeHTTP(&flipping{ResponseWriter: w}, r)
		default:
			fake.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	bucket, err := s3.New("lake", "", s3.Options{Endpoint: server.URL, AccessKey: "key", SecretKey: "secret", Retries: 1})
	if err != nil {
		t.Fatal(err)
	}
	var d *damaged
	reopen := func() { // which forgets what was fetched
		l, err := lake.Open(t.Context(), lake.Options{Catalog: d.catalog, Objects: bucket, CacheDir: filepath.Join(t.TempDir(), "cache")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		d.Lake = l
	}
	d = openDamaged(t, lake.Maintenance{}, func(objstore.Bucket) objstore.Bucket { return bucket })
	d.send(t, 3)
	d.settle(t)
	p := d.partitions(t)[0]

	damage.Store(1)
	reopen()
	d.check(t)
	if got := d.partitions(t); len(got) != 1 || got[0].ID != p.ID || damage.Load() >= 0 {
		t.Errorf("partitions are %+v, want the one that was read again", got)
	}
	down.Store(1)
	reopen()
	if _, err := d.Snapshot(t.Context(), []lake.Scan{{View: "log_entries"}}); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("Snapshot = %v, want Unavailable", err)
	}
	down.Store(0)
	damage.Store(2)
	reopen()
	d.check(t)
	if got := d.partitions(t); len(got) != 0 {
		t.Errorf("partitions are %+v, want none", got)
	}
	d.settle(t)
	d.check(t)
}

// flipping changes the first byte of an answer.
type flipping struct {
	http.ResponseWriter
	done bool
}

func (f *flipping) Write(b []byte) (int, error) {
	if !f.done && len(b) > 0 {
		f.done = true
		b = slices.Clone(b)
		b[0] ^= 0xff
	}
	return f.ResponseWriter.Write(b)
}
