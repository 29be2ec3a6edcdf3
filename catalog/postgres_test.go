package catalog_test

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/catalog/catalogtest"
	"github.com/micromegas-go/micromegas/internal/pgtest"
	"github.com/micromegas-go/micromegas/telemetry"
)

func TestPostgres(t *testing.T) {
	server := pgtest.Start(t)
	t.Run("open", func(t *testing.T) { testOpen(t, "pgx", server.NewDatabase(t)) })
	testMigrate(t, "postgres", "pgx", func(t *testing.T) string {
		t.Helper()
		return server.NewDatabase(t)
	})
	catalogtest.Run(t, func(t *testing.T) catalogtest.Open {
		t.Helper()
		return opener(server.NewDatabase(t))
	})

	t.Run("unresolved", func(t *testing.T) { testUnresolved(t, server.NewDatabase(t)) })

	t.Run("block beside its stream", func(t *testing.T) { testBesideStream(t, server.NewDatabase(t)) })

	t.Run("deleted while moved", func(t *testing.T) { testDeletedWhileMoved(t, server.NewDatabase(t)) })

	t.Run("out of reach", func(t *testing.T) {
		options := catalog.Options{DSN: server.NewDatabase(t), BusyTimeout: time.Millisecond}
		db, err := catalog.Open(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		server.Stop()
		checkUnavailable(t, db)
		if err := db.Read(t.Context(), func(*catalog.Reader) error { return nil }); !errors.Is(err, catalog.ErrUnavailable) {
			t.Errorf("Read = %v, want ErrUnavailable", err)
		}
		if db, err := catalog.Open(t.Context(), options); !errors.Is(err, catalog.ErrUnavailable) {
			t.Errorf("Open = %v, %v; want ErrUnavailable", db, err)
		}
	})
}

// testUnresolved has a block of a known stream that no writer resolved, as a process leaves it that dies when two transactions
// have missed each other: Resolve, and a claim, make it pending for both views.
func testUnresolved(t *testing.T, dsn string) {
	t.Helper()
	db := opener(dsn)(t, time.Now)
	p := telemetry.Process{ID: telemetry.ProcessID(uuid.New())}
	s := telemetry.Stream{
		ID: telemetry.StreamID(uuid.New()), ProcessID: p.ID, Tags: []string{"log", "metrics"}, Format: telemetry.FormatNative,
	}
	b := catalog.BlockRecord{Block: telemetry.Block{ID: telemetry.BlockID(uuid.New()), StreamID: s.ID, ProcessID: p.ID}}
	if _, err := db.Append(t.Context(), []catalog.BlockRecord{b}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.InsertProcess(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if _, err := db.InsertStream(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	miss := func() {
		t.Helper()
		for _, statement := range []string{
			"DELETE FROM pending WHERE view_name = 'measures'",
			"UPDATE pending SET view_name = '', owner = NULL, expires = NULL WHERE view_name = 'log_entries'",
		} {
			if r, err := raw.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			} else if n, _ := r.RowsAffected(); n != 1 {
				t.Fatalf("%s changed %d rows", statement, n)
			}
		}
	}
	check := func() {
		t.Helper()
		if err := db.CheckCoverage(t.Context()); err != nil {
			t.Error(err)
		}
		for _, v := range catalog.Views() {
			err := db.Read(t.Context(), func(r *catalog.Reader) error {
				list, err := r.Pending(t.Context(), v, catalog.Filter{})
				if len(list) != 1 || list[0].Block.ID != b.ID {
					t.Errorf("%s has %d pending, want the block", v, len(list))
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
	check()
	miss()
	if err := db.Resolve(t.Context()); err != nil {
		t.Fatal(err)
	}
	check()
	miss()
	for _, v := range catalog.Views() {
		claimed, err := db.ClaimPending(t.Context(), catalog.ClaimPending{View: v, Owner: uuid.New()})
		if err != nil || len(claimed) != 1 {
			t.Errorf("claimed %d of %s, %v; want the block", len(claimed), v, err)
		}
		check()
	}
}

// testBesideStream records blocks and their stream at the same time, the blocks in either way: when all have returned, readers see
// the blocks, without any claim.
func testBesideStream(t *testing.T, dsn string) {
	t.Helper()
	db := opener(dsn)(t, time.Now)
	p := telemetry.Process{ID: telemetry.ProcessID(uuid.New())}
	if _, err := db.InsertProcess(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	want := 0
	for range 60 {
		s := telemetry.Stream{ID: telemetry.StreamID(uuid.New()), ProcessID: p.ID, Tags: []string{"log"}, Format: telemetry.FormatNative}
		block := func() catalog.BlockRecord {
			return catalog.BlockRecord{Block: telemetry.Block{ID: telemetry.BlockID(uuid.New()), StreamID: s.ID, ProcessID: p.ID}}
		}
		staged := block()
		var work errgroup.Group
		work.Go(func() error { _, err := db.InsertStream(t.Context(), s); return err })
		work.Go(func() error { _, err := db.Append(t.Context(), []catalog.BlockRecord{block(), block()}); return err })
		work.Go(func() error {
			return errors.Join(
				db.StageBlocks(t.Context(), []telemetry.Block{staged.Block}),
				db.StagePayloads(t.Context(), []catalog.PayloadRecord{{Block: staged.ID, Stream: s.ID, Process: p.ID}}))
		})
		if err := work.Wait(); err != nil {
			t.Fatal(err)
		}
		want += 3
		err := db.Read(t.Context(), func(r *catalog.Reader) error {
			list, err := r.Pending(t.Context(), catalog.LogEntries, catalog.Filter{})
			if len(list) != want {
				t.Fatalf("%d pending, want %d", len(list), want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.CheckCoverage(t.Context()); err != nil {
		t.Error(err)
	}
}

// BenchmarkAppendPostgres commits groups of eight blocks; the server does not sync.
func BenchmarkAppendPostgres(b *testing.B) { benchmarkAppend(b, pgtest.Start(b).NewDatabase(b), 8) }

// testDeletedWhileMoved deletes a block while another transaction moves it into a new segment: it is the new one that has to
// be written anew, or the block's bytes would stay there.
func testDeletedWhileMoved(t *testing.T, dsn string) {
	t.Helper()
	mover, deleter := opener(dsn)(t, time.Now), opener(dsn)(t, time.Now)
	raw, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	p := telemetry.Process{ID: telemetry.ProcessID(uuid.New())}
	s := telemetry.Stream{ID: telemetry.StreamID(uuid.New()), ProcessID: p.ID, Tags: []string{"cpu"}, Format: telemetry.FormatNative}
	b := catalog.BlockRecord{
		Block:    telemetry.Block{ID: telemetry.BlockID(uuid.New()), StreamID: s.ID, ProcessID: p.ID, PayloadSize: 10},
		Location: catalog.Location{Segment: "segments/old", Size: 10},
	}
	if err := errors.Join(mover.InsertProcesses(t.Context(), []telemetry.Process{p}), mover.InsertStreams(t.Context(), []telemetry.Stream{s})); err != nil {
		t.Fatal(err)
	}
	if _, err := mover.Append(t.Context(), []catalog.BlockRecord{b}); err != nil {
		t.Fatal(err)
	}
	deleted := make(chan error, 1)
	var counts catalog.BlockCounts
	mover.Interrupt(func(committed bool) error {
		if committed {
			return nil
		}
		go func() {
			var err error
			counts, err = deleter.DeleteBlocks(t.Context(), catalog.Doomed{Process: p.ID, Erase: true})
			deleted <- err
		}()
		for waits := 0; waits == 0 && t.Context().Err() == nil; { // until it waits for the row
			if err := raw.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM pg_locks WHERE NOT granted").Scan(&waits); err != nil {
				return err
			}
		}
		return nil
	})
	moved := b
	moved.Location.Segment = "segments/new"
	err = mover.MoveBlocks(t.Context(), "segments/old", []catalog.BlockRecord{moved})
	mover.Interrupt(nil)
	if err := errors.Join(err, <-deleted); err != nil {
		t.Fatal(err)
	}
	var waste []catalog.SegmentWaste
	err = mover.Read(t.Context(), func(r *catalog.Reader) (err error) {
		waste, err = r.WastedSegments(t.Context(), telemetry.TimeOf(time.Now().Add(time.Hour)), 10)
		return err
	})
	if err != nil || counts.Blocks != 1 || counts.Bytes != 10 {
		t.Errorf("deleted %+v, %v", counts, err)
	}
	freed := map[string]int64{}
	for _, w := range waste {
		freed[w.Segment] = w.Freed
	}
	if freed["segments/new"] != 10 || freed["segments/old"] != 0 || len(freed) != 2 {
		t.Errorf("freed %v", freed)
	}
}
