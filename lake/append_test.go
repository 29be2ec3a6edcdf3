package lake_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/bench/load"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/objstore"
	"github.com/micromegas-go/micromegas/objstore/dir"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// logBlock returns the captured process, stream and a log block of a set, the block with an id of its own.
func logBlock(t *testing.T, set string) (telemetry.Process, telemetry.Stream, func() (telemetry.Block, wire.Payload)) {
	t.Helper()
	streams := map[telemetry.StreamID]telemetry.Stream{}
	processes := map[telemetry.ProcessID]telemetry.Process{}
	var blocks [][]byte
	for _, q := range captured(t, set) {
		switch q.route {
		case "insert_process":
			p, err := wire.DecodeProcess(q.body)
			if err != nil {
				t.Fatal(err)
			}
			processes[p.ID] = p
		case "insert_stream":
			s, err := wire.DecodeStream(q.body)
			if err != nil {
				t.Fatal(err)
			}
			streams[s.ID] = s
		case "insert_block":
			blocks = append(blocks, q.body)
		}
	}
	for _, body := range blocks {
		b, p, err := wire.DecodeBlock(body)
		if err != nil {
			t.Fatal(err)
		}
		if s := streams[b.StreamID]; slices.Contains(s.Tags, telemetry.TagLog) {
			return processes[b.ProcessID], s, func() (telemetry.Block, wire.Payload) {
				b := b
				b.ID = telemetry.BlockID(uuid.New())
				return b, p
			}
		}
	}
	t.Fatal("no log block in " + set)
	panic("unreachable")
}

// flaky is a bucket that fails when it is told to.
type flaky struct {
	objstore.Bucket
	fail atomic.Bool
	gate chan struct{} // when set, Put waits for it
}

var errDisk = errors.New("no space left on device")

func (f *flaky) Put(ctx context.Context, key string, data []byte) error {
	if f.gate != nil {
		<-f.gate
	}
	if f.fail.Load() {
		return errDisk
	}
	return f.Bucket.Put(ctx, key, data)
}

func (f *flaky) GetRange(ctx context.Context, key string, offset, n int64) ([]byte, error) {
	if f.fail.Load() {
		return nil, errDisk
	}
	if f.gate != nil {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return f.Bucket.GetRange(ctx, key, offset, n)
}

func openFlaky(t *testing.T) (rig, *flaky) {
	t.Helper()
	r := open(t)
	f := &flaky{Bucket: r.objects}
	l, err := lake.Open(t.Context(), lake.Options{Catalog: r.catalog, Objects: f, CacheDir: filepath.Join(t.TempDir(), "cache")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	r.Lake = l
	return r, f
}

func TestAppendRefusedWhenTheStoreFails(t *testing.T) {
	r, f := openFlaky(t)
	p, s, next := logBlock(t, ".")
	if err := errors.Join(r.InsertProcess(t.Context(), p), r.InsertStream(t.Context(), s)); err != nil {
		t.Fatal(err)
	}
	b, payload := next()
	payload.Objects = slices.Concat(payload.Objects, make([]byte, 8<<10)) // too large to live in the catalog
	f.fail.Store(true)
	err := r.Append(t.Context(), b, payload)
	if e := fault.Of(err); e == nil || e.Kind != fault.Unavailable || e.RetryAfter <= 0 || !errors.Is(err, errDisk) {
		t.Fatalf("Append = %v, want Unavailable with a time to retry", err)
	}
	f.fail.Store(false)
	if err := r.Append(t.Context(), b, payload); err != nil {
		t.Fatal(err)
	}
	if n := len(r.scan(t, "blocks", "")); n != 1 {
		t.Fatalf("%d blocks, want 1", n)
	}
}

// torn is a bucket whose growing objects fail when they are told to.
type torn struct {
	*dir.Bucket
	fail atomic.Bool
}

func (b *torn) Grow(ctx context.Context, key string) (objstore.Growing, error) {
	g, err := b.Bucket.Grow(ctx, key)
	return &tornGrowing{Growing: g, fail: &b.fail}, err
}

type tornGrowing struct {
	objstore.Growing
	fail *atomic.Bool
}

func (g *tornGrowing) Append(parts ...[]byte) (int64, error) {
	if g.fail.Load() {
		return 0, errDisk
	}
	return g.Growing.Append(parts...)
}

// TestAppendRefusedWhenASegmentFails: the transaction is filled while the payload is written, and must not outlive it.
func TestAppendRefusedWhenASegmentFails(t *testing.T) {
	r := open(t)
	b := &torn{Bucket: r.objects}
	l, err := lake.Open(t.Context(), lake.Options{Catalog: r.catalog, Objects: b, CacheDir: filepath.Join(t.TempDir(), "cache")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	r.Lake = l
	source := load.NewSource(1, telemetry.TimeOf(time.Now()))
	if err := errors.Join(r.InsertProcess(t.Context(), source.Process), r.InsertStream(t.Context(), source.Stream)); err != nil {
		t.Fatal(err)
	}
	want := 0
	for i := range 6 {
		block, payload := source.Block(1000) // too large to live in the catalog
		b.fail.Store(i%2 == 1)
		err := r.Append(t.Context(), block, payload)
		if i%2 == 0 {
			want++
			if err != nil {
				t.Fatal(err)
			}
		} else if fault.KindOf(err) != fault.Unavailable || !errors.Is(err, errDisk) {
			t.Fatalf("Append = %v, want Unavailable", err)
		}
		if n := len(r.scan(t, "blocks", "")); n != want {
			t.Fatalf("%d blocks, want %d", n, want)
		}
	}
	if n := len(r.scan(t, "log_entries", "")); n != want*1000 {
		t.Errorf("%d log entries, want %d", n, want*1000)
	}
}

func TestAppendRefusedWhenTheQueueIsFull(t *testing.T) {
	r, f := openFlaky(t)
	f.gate = make(chan struct{})
	_, _, next := logBlock(t, ".")
	big := wire.Payload{Dependencies: make([]byte, 1), Objects: make([]byte, 20<<20)}
	var wg sync.WaitGroup
	var refused atomic.Int64
	for range 6 {
		b, _ := next()
		wg.Go(func() {
			err := r.Append(t.Context(), b, big)
			if e := fault.Of(err); e != nil && e.Kind == fault.Unavailable && e.RetryAfter > 0 {
				if refused.Add(1) == 3 {
					close(f.gate) // three fit into 64 MiB; let them through when the others are refused
				}
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := refused.Load(); n != 3 {
		t.Fatalf("%d refused, want 3", n)
	}
}

// TestAppendEndsWithItsRequest has more blocks waiting than the queue has places for, while the store hangs.
func TestAppendEndsWithItsRequest(t *testing.T) {
	r, f := openFlaky(t)
	f.gate = make(chan struct{})
	_, _, next := logBlock(t, ".")
	var wg sync.WaitGroup
	for i := range 2000 {
		b, payload := next()
		payload.Objects = payload.Objects[:8]
		if i == 0 {
			payload.Objects = make([]byte, 8<<10) // too large to live in the catalog
		}
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := r.Append(ctx, b, payload); err != nil && fault.KindOf(err) != fault.Canceled {
				t.Error(err)
			}
		})
	}
	wg.Wait() // although the store still hangs
	close(f.gate)
	b, _ := next()
	all := wire.Payload{Dependencies: make([]byte, 1), Objects: make([]byte, 64<<20)} // takes all the room there is
	err := r.Append(t.Context(), b, all)
	for ; fault.KindOf(err) == fault.Unavailable; err = r.Append(t.Context(), b, all) { // until those before it are through
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestCloseWaitsForAppends(t *testing.T) {
	r, f := openFlaky(t)
	f.gate = make(chan struct{})
	p, s, next := logBlock(t, ".")
	if err := errors.Join(r.InsertProcess(t.Context(), p), r.InsertStream(t.Context(), s)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	started := make(chan struct{}, 4)
	for range 4 {
		b, payload := next()
		payload.Objects = slices.Concat(payload.Objects, make([]byte, 8<<10))
		wg.Go(func() {
			started <- struct{}{}
			if err := r.Append(t.Context(), b, payload); err != nil && fault.KindOf(err) != fault.Unavailable {
				t.Error(err)
			}
		})
	}
	for range 4 {
		<-started
	}
	closed := make(chan error, 1)
	go func() { closed <- r.Close() }()
	close(f.gate)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	b, payload := next()
	if err := r.Append(t.Context(), b, payload); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("Append after Close = %v, want Unavailable", err)
	}
}

func TestBrokenBlockGoesIntoQuarantine(t *testing.T) {
	r := openAt(t, t.TempDir(), lake.Maintenance{QuarantineAfter: 2, RetryAfter: -1})
	p, s, next := logBlock(t, ".")
	if err := errors.Join(r.InsertProcess(t.Context(), p), r.InsertStream(t.Context(), s)); err != nil {
		t.Fatal(err)
	}
	good, payload := next()
	if err := r.Append(t.Context(), good, payload); err != nil {
		t.Fatal(err)
	}
	bad, _ := next()
	if err := r.Append(t.Context(), bad, wire.Payload{Dependencies: payload.Dependencies, Objects: []byte("no frame")}); err != nil {
		t.Fatal(err)
	}
	want := len(r.scan(t, "log_entries", ""))
	for range 3 {
		if err := r.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := r.catalog.CheckCoverage(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(r.scan(t, "log_entries", "")); got != want || got == 0 {
			t.Fatalf("%d rows, want %d", got, want)
		}
	}
	err := r.catalog.Read(t.Context(), func(rd *catalog.Reader) error {
		pending, err := rd.Pending(t.Context(), catalog.LogEntries, catalog.Filter{})
		if len(pending) != 1 || !pending[0].Quarantined || pending[0].Block.ID != bad.ID || pending[0].LastError == "" {
			t.Errorf("pending = %+v, want the bad block in quarantine with its error", pending)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestMerge makes many partitions and merges them: every row stays, once, and the file is sorted.
func TestMerge(t *testing.T) {
	r := openAt(t, t.TempDir(), lake.Maintenance{MergeFiles: 4})
	p, s, next := logBlock(t, ".")
	if err := r.InsertProcess(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if err := r.InsertStream(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	const n = 17
	for range n {
		b, payload := next()
		if err := r.Append(t.Context(), b, payload); err != nil {
			t.Fatal(err)
		}
		if err := r.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.catalog.CheckCoverage(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows := r.scan(t, "log_entries", "")
	perBlock := map[string]int{}
	for _, row := range rows {
		perBlock[row["block_id"]]++
	}
	if len(perBlock) != n {
		t.Fatalf("rows of %d blocks, want %d", len(perBlock), n)
	}
	for id, k := range perBlock {
		if k*n != len(rows) {
			t.Errorf("block %s has %d of %d rows", id, k, len(rows))
		}
	}
	snapshot, err := r.Snapshot(t.Context(), []lake.Scan{{View: "log_entries"}})
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	if f := len(snapshot.Tables[0].Files); f >= 6 {
		t.Errorf("%d files after merging, want fewer than 6", f)
	}
	for _, path := range snapshot.Tables[0].Files {
		if !slices.IsSortedFunc(readFile(t, path), func(a, b row) int {
			ka, kb := a["process_id"]+fmt.Sprintf("%20s", a["time"]), b["process_id"]+fmt.Sprintf("%20s", b["time"])
			switch {
			case ka < kb:
				return -1
			case ka > kb:
				return 1
			default:
				return 0
			}
		}) {
			t.Errorf("%s is not sorted", path)
		}
	}
}

// TestConcurrent appends, materialises with two lakes on one catalog, and reads all the while: each acknowledged block is
// in the next answer exactly once.
func TestConcurrent(t *testing.T) {
	folder := t.TempDir()
	m := lake.Maintenance{MergeFiles: 3}
	r, other := openAt(t, folder, m), openAt(t, folder, m)
	p, s, next := logBlock(t, ".")
	if err := errors.Join(r.InsertProcess(t.Context(), p), r.InsertStream(t.Context(), s)); err != nil {
		t.Fatal(err)
	}
	b, payload := next()
	if err := r.Append(t.Context(), b, payload); err != nil {
		t.Fatal(err)
	}
	perBlock := len(r.scan(t, "log_entries", ""))

	var mu sync.Mutex
	acknowledged := map[string]bool{b.ID.String(): true}
	stop := make(chan struct{})
	var writers, maintainers sync.WaitGroup
	for range 3 {
		writers.Go(func() {
			for range 30 {
				b, payload := next()
				if err := r.Append(t.Context(), b, payload); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acknowledged[b.ID.String()] = true
				mu.Unlock()
			}
		})
	}
	for _, l := range []rig{r, other} {
		maintainers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if err := l.Settle(t.Context()); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	check := func(l rig) {
		mu.Lock()
		want := make([]string, 0, len(acknowledged))
		for id := range acknowledged {
			want = append(want, id)
		}
		mu.Unlock()
		got := map[string]int{}
		for _, row := range l.scan(t, "log_entries", "") {
			got[row["block_id"]]++
		}
		for _, id := range want {
			if got[id] != perBlock {
				t.Errorf("block %s: %d rows, want %d", id, got[id], perBlock)
			}
		}
	}
	for range 12 {
		check(r)
		check(other)
	}
	writers.Wait()
	check(r)
	close(stop)
	maintainers.Wait()
	if err := r.catalog.CheckCoverage(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(other)
}

// TestRunStops sees that maintenance ends with its context, and does its work while it runs.
func TestRunStops(t *testing.T) {
	r := openAt(t, t.TempDir(), lake.Maintenance{Every: time.Millisecond, PendingAge: time.Nanosecond})
	p, s, next := logBlock(t, ".")
	if err := errors.Join(r.InsertProcess(t.Context(), p), r.InsertStream(t.Context(), s)); err != nil {
		t.Fatal(err)
	}
	b, payload := next()
	if err := r.Append(t.Context(), b, payload); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	for {
		var counts map[catalog.View]catalog.ViewCounts
		err := r.catalog.Read(t.Context(), func(rd *catalog.Reader) (err error) {
			counts, err = rd.PendingCounts(t.Context())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if counts[catalog.LogEntries].Pending == 0 {
			break
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestManyPending asks after each of many small blocks, with no maintenance: every row is there once, and the files stay few.
func TestManyPending(t *testing.T) {
	r := open(t)
	source := load.NewSource(1, telemetry.TimeOf(time.Now()))
	if err := errors.Join(r.InsertProcess(t.Context(), source.Process), r.InsertStream(t.Context(), source.Stream)); err != nil {
		t.Fatal(err)
	}
	const rows = 10
	for i := range 150 {
		b, payload := source.Block(rows)
		if err := r.Append(t.Context(), b, payload); err != nil {
			t.Fatal(err)
		}
		s, err := r.Snapshot(t.Context(), []lake.Scan{{View: "log_entries"}})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(s.Tables[0].Files); n > 40 {
			t.Fatalf("%d files for %d blocks", n, i+1)
		}
		s.Close()
	}
	if n := len(r.scan(t, "log_entries", "")); n != 150*rows {
		t.Errorf("%d rows, want %d", n, 150*rows)
	}
}
