package catalog_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// crashDSN is the environment variable that makes TestCrashChild write to a catalog until it is killed.
const crashDSN = "CATALOG_TEST_CRASH_DSN"

// TestCrash kills processes that append to and maintain one catalog, at random moments. What they acknowledged is there.
func TestCrash(t *testing.T) {
	dsn := filepath.Join(t.TempDir(), "catalog.db")
	random := rand.New(rand.NewPCG(1, 1))
	var acknowledged []telemetry.BlockID
	for range 4 {
		lines := [2]int{1 + random.IntN(30), 1 + random.IntN(30)}
		var got [2][]telemetry.BlockID
		var g errgroup.Group
		for i := range lines { // the first time, both create the file
			g.Go(func() (err error) {
				got[i], err = runAndKill(t.Context(), dsn, lines[i])
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		acknowledged = append(append(acknowledged, got[0]...), got[1]...)
		checkAcknowledged(t, dsn, acknowledged)
	}
}

// runAndKill starts a child, kills it after so many acknowledgements, and returns all of them.
func runAndKill(ctx context.Context, dsn string, lines int) ([]telemetry.BlockID, error) {
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestCrashChild$")
	child.Env = append(os.Environ(), crashDSN+"="+dsn)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, err
	}
	var list []telemetry.BlockID
	s := bufio.NewScanner(out)
	for s.Scan() {
		id, err := telemetry.ParseBlockID(s.Text())
		if err != nil {
			rest, _ := io.ReadAll(out)
			return nil, fmt.Errorf("the child says %s\n%s", s.Text(), rest)
		}
		list = append(list, id)
		if len(list) == lines {
			if err := child.Process.Kill(); err != nil {
				return nil, err
			}
		}
	}
	_ = child.Wait() // it was killed
	return list, s.Err()
}

func checkAcknowledged(t *testing.T, dsn string, acknowledged []telemetry.BlockID) {
	t.Helper()
	db := opener(dsn)(t, time.Now)
	if err := db.CheckCoverage(t.Context()); err != nil {
		t.Fatal(err)
	}
	there := make(map[telemetry.BlockID]bool)
	err := db.Read(t.Context(), func(r *catalog.Reader) error {
		blocks, err := r.Blocks(t.Context(), catalog.Filter{})
		for i := range blocks {
			there[blocks[i].ID] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range acknowledged {
		if !there[b] {
			t.Errorf("block %s was acknowledged and is lost", b)
		}
	}
}

// TestCrashChild is not a test: it appends and maintains until it is killed, and prints each block that is recorded.
func TestCrashChild(t *testing.T) {
	dsn := os.Getenv(crashDSN)
	if dsn == "" {
		t.Skip("only for TestCrash")
	}
	db, err := catalog.Open(t.Context(), catalog.Options{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	p := telemetry.Process{ID: telemetry.ProcessID(uuid.New())}
	s := telemetry.Stream{
		ID: telemetry.StreamID(uuid.New()), ProcessID: p.ID, Tags: []string{telemetry.TagLog}, Format: telemetry.FormatNative,
	}
	if _, err := db.InsertProcess(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if _, err := db.InsertStream(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	g, ctx := errgroup.WithContext(t.Context())
	g.Go(func() error { return appendForever(ctx, db, s) })
	g.Go(func() error { return materialiseForever(ctx, db) })
	t.Fatal(g.Wait())
}

func appendForever(ctx context.Context, db *catalog.DB, s telemetry.Stream) error {
	for {
		block := telemetry.Block{ID: telemetry.BlockID(uuid.New()), StreamID: s.ID, ProcessID: s.ProcessID}
		if _, err := db.Append(ctx, []catalog.BlockRecord{{Block: block}}); err != nil {
			return err
		}
		fmt.Println(block.ID)
	}
}

func materialiseForever(ctx context.Context, db *catalog.DB) error {
	owner := uuid.New()
	for {
		claimed, err := db.ClaimPending(ctx, catalog.ClaimPending{View: catalog.LogEntries, Owner: owner, Lease: time.Hour})
		if err != nil {
			return err
		}
		var blocks []telemetry.BlockID
		for i := range claimed {
			blocks = append(blocks, claimed[i].Block.ID)
		}
		if len(blocks) == 0 {
			continue
		}
		p := catalog.Partition{ID: uuid.New(), View: catalog.LogEntries, File: uuid.NewString()}
		if err := db.CommitPartition(ctx, owner, p, blocks); err != nil {
			return err
		}
	}
}
