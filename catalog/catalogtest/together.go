package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// testSnapshot writes while a reader reads: all that it returns belongs to the moment of its first read.
func testSnapshot(t *testing.T, open Open) {
	f := newFixture(t, open)
	f.append(newBlock(f.process.ID, f.stream.ID, 0))
	f.ok(f.db.Read(t.Context(), func(r *catalog.Reader) error {
		before, err := r.Pending(t.Context(), catalog.LogEntries, catalog.Filter{})
		if err != nil {
			return err
		}
		f.append(newBlock(f.process.ID, f.stream.ID, 1))
		f.commit(catalog.LogEntries)
		after, err := r.Pending(t.Context(), catalog.LogEntries, catalog.Filter{})
		if err != nil {
			return err
		}
		partitions, err := r.Partitions(t.Context(), catalog.LogEntries, catalog.Filter{})
		if len(before) != 1 || len(after) != 1 || len(partitions) != 0 {
			return fmt.Errorf("%d pending, then %d and %d partitions; want 1, 1, 0", len(before), len(after), len(partitions))
		}
		return err
	}))
	if n := len(f.partitions(catalog.LogEntries, catalog.Filter{})); n != 1 {
		t.Errorf("the next snapshot has %d partitions, want 1", n)
	}
	mine := errors.New("mine")
	if err := f.db.Read(t.Context(), func(*catalog.Reader) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("Read = %v, want the function's error", err)
	}
}

// testCanceled ends the caller's context: the error says so, and does not blame the database.
func testCanceled(t *testing.T, open Open) {
	f := newFixture(t, open)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.db.Append(ctx, []catalog.BlockRecord{newBlock(f.process.ID, f.stream.ID, 0)})
	if !errors.Is(err, context.Canceled) || errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("Append = %v, want only context.Canceled", err)
	}
	if n := len(f.blocks(catalog.Filter{})); n != 0 {
		t.Errorf("%d blocks, want 0", n)
	}
	f.ok(f.db.Ping(t.Context()))
}

// testConcurrency lets writers and maintainers with two handles work on one database, streams coming before, with and
// after their blocks. At the end each block is in one partition, once.
func testConcurrency(t *testing.T, open Open) {
	f := newFixture(t, open)
	dbs := []*catalog.DB{f.db, open(t, f.clock.now)}
	const writers, groups = 4, 10
	g, ctx := errgroup.WithContext(t.Context())
	for w := range writers {
		g.Go(func() error { return ingest(ctx, dbs[w%2], f.process.ID, groups) })
	}
	done := make(chan struct{})
	maintainers, mctx := errgroup.WithContext(t.Context())
	for m := range 4 {
		maintainers.Go(func() error { return maintain(mctx, dbs[m%2], catalog.Views()[m/2], done) })
	}
	maintainers.Go(func() error { return check(mctx, dbs[1], done) })
	err := g.Wait()
	close(done)
	if err := errors.Join(err, maintainers.Wait()); err != nil {
		t.Fatal(err)
	}
	for _, v := range catalog.Views() { // a claim passes over rows that another transaction is about to resolve
		f.ok(maintain(t.Context(), f.db, v, done))
	}
	f.check()
	counts := read(f, func(r *catalog.Reader) (catalog.Counts, error) { return r.Counts(t.Context()) })
	blocks := int64(writers * groups * 3)
	if counts.Blocks != blocks || counts.Orphans != 0 {
		t.Errorf("%d blocks, %d orphans; want %d, 0", counts.Blocks, counts.Orphans, blocks)
	}
	for v, c := range counts.Views {
		if c.Pending != 0 || c.Blocks != blocks {
			t.Errorf("%s has %d blocks pending and %d in partitions, want 0 and %d", v, c.Pending, c.Blocks, blocks)
		}
	}
	if p := f.processes(catalog.Filter{Process: f.process.ID})[0]; p.Blocks != blocks {
		t.Errorf("the process counts %d blocks, want %d", p.Blocks, blocks)
	}
}

// ingest appends groups of blocks of three streams; the second is inserted meanwhile, the third afterwards. Every group
// is sent twice at the same time.
func ingest(ctx context.Context, db *catalog.DB, process telemetry.ProcessID, groups int) error {
	for i := range groups {
		var streams [3]telemetry.Stream
		var blocks []catalog.BlockRecord
		for j := range streams {
			streams[j] = newStream(process, telemetry.TagLog, telemetry.TagMetrics)
			blocks = append(blocks, newBlock(process, streams[j].ID, i))
		}
		if _, err := db.InsertStream(ctx, streams[0]); err != nil {
			return err
		}
		g, gctx := errgroup.WithContext(ctx)
		for range 2 {
			g.Go(func() error { _, err := db.Append(gctx, blocks); return err })
		}
		g.Go(func() error { _, err := db.InsertStream(gctx, streams[1]); return err })
		if err := g.Wait(); err != nil {
			return err
		}
		if _, err := db.InsertStream(ctx, streams[2]); err != nil {
			return err
		}
	}
	return nil
}

// maintain materialises and compacts until writers are done and nothing is left.
func maintain(ctx context.Context, db *catalog.DB, v catalog.View, done <-chan struct{}) error {
	owner := uuid.New()
	for {
		last := false
		select {
		case <-done:
			last = true
		default:
		}
		claimed, err := db.ClaimPending(ctx, catalog.ClaimPending{View: v, MaxBlocks: 7, Owner: owner, Lease: time.Hour})
		if err != nil {
			return err
		}
		if len(claimed) > 0 {
			if err := db.CommitPartition(ctx, owner, newPartition(v), pendingIDs(claimed)); err != nil {
				return err
			}
		}
		old, err := db.ClaimPartitions(ctx, catalog.ClaimPartitions{View: v, MinFiles: 3, MaxFiles: 5, Owner: owner, Lease: time.Hour})
		if err != nil {
			return err
		}
		if len(old) > 0 {
			p := newPartition(v)
			p.Level = 1
			if err := db.ReplacePartitions(ctx, owner, partitionIDs(old), p); err != nil {
				return err
			}
		}
		if last && len(claimed) == 0 {
			return nil
		}
	}
}

// check verifies the invariant in snapshots of the work.
func check(ctx context.Context, db *catalog.DB, done <-chan struct{}) error {
	for {
		select {
		case <-done:
			return nil
		default:
			if err := db.CheckCoverage(ctx); err != nil {
				return err
			}
		}
	}
}
