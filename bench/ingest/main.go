// Command ingest measures how fast the ingestion server takes native blocks, as a ratio to appending the same bytes to a
// file with one fsync per flush, and how much memory the server needs meanwhile.
//
//	make build && go run ./bench/ingest
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // to count what was written

	"github.com/micromegas-go/micromegas/bench/load"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

func main() { load.Main("ingest", run) }

type options struct {
	server  string
	senders int
	block   int
	rounds  int
	round   time.Duration
	args    []string
}

func run(ctx context.Context, args []string) error {
	var o options
	flags := flag.NewFlagSet("ingest", flag.ContinueOnError)
	flags.StringVar(&o.server, "server", "bin/telemetry-ingestion-srv", "the server to measure; arguments after -- go to it")
	flags.IntVar(&o.senders, "senders", 8, "connections that each have one request under way")
	flags.IntVar(&o.block, "block", 64<<10, "bytes of payload of a block")
	flags.IntVar(&o.rounds, "rounds", 5, "how often both are measured, in turn")
	flags.DurationVar(&o.round, "round", 12*time.Second, "time of sending in a round")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o.args = flags.Args()
	folder, err := os.MkdirTemp("", "bench-ingest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	return o.measure(ctx, folder)
}

func (o options) measure(ctx context.Context, folder string) error {
	server, err := load.Start(ctx, folder, o.server, false, o.args...)
	if err != nil {
		return err
	}
	defer func() { _ = server.Stop() }()
	source := load.NewSource(1, telemetry.TimeOf(time.Now()))
	if err := errors.Join(server.Post(ctx, "insert_process", wire.EncodeProcess(source.Process)),
		server.Post(ctx, "insert_stream", wire.EncodeStream(source.Stream))); err != nil {
		return err
	}
	blocks := o.blocks(source)
	size := len(wire.EncodeBlock(blocks[0].block, blocks[0].payload))
	fmt.Printf("%d senders, %d bytes a request, %s %s\n", o.senders, size, o.server, strings.Join(o.args, " "))

	var one, two []float64
	for round := range o.rounds {
		before, err := written(ctx, folder)
		if err != nil {
			return err
		}
		sent, took, err := o.send(ctx, server, blocks)
		if err != nil {
			return err
		}
		after, err := written(ctx, folder)
		if err != nil {
			return err
		}
		total := sent * int64(size)
		flush := int(total / max(1, after.groups-before.groups))
		once, err := appendFiles(folder, total, flush, 1)
		if err != nil {
			return err
		}
		twice, err := appendFiles(folder, total, flush, 2)
		if err != nil {
			return err
		}
		one, two = append(one, once.Seconds()/took.Seconds()), append(two, twice.Seconds()/took.Seconds())
		fmt.Printf("round %d: server %.0f MB/s (%.0f blocks/s, %d kB a flush), file %.0f MB/s, with two syncs %.0f MB/s\n", round+1,
			float64(total)/1e6/took.Seconds(), float64(sent)/took.Seconds(), flush/1000,
			float64(total)/1e6/once.Seconds(), float64(total)/1e6/twice.Seconds())
	}
	slices.Sort(one)
	slices.Sort(two)
	peak, err := server.PeakMemory()
	if err != nil {
		return err
	}
	fmt.Printf("ratio server/file with one sync a flush: median %.2f, %.2f to %.2f (promised: at least 0.5)\n",
		one[len(one)/2], one[0], one[len(one)-1])
	fmt.Printf("ratio server/file with as many syncs as the server, two: median %.2f, %.2f to %.2f (promised: at least 0.5)\n",
		two[len(two)/2], two[0], two[len(two)-1])
	fmt.Printf("peak memory of the server %d MiB (promised: below 300)\n", peak>>20)
	return nil
}

type block struct {
	block   telemetry.Block
	payload wire.Payload
}

// blocks makes different blocks of the wanted size; each is sent often, under a new id each time.
func (o options) blocks(source *load.Source) []block {
	_, p := source.Block(1000)
	entries := 1000 * o.block / (len(p.Objects) + len(p.Dependencies))
	blocks := make([]block, 64)
	for i := range blocks {
		blocks[i].block, blocks[i].payload = source.Block(entries)
	}
	return blocks
}

// send keeps all senders busy for a round.
func (o options) send(ctx context.Context, server *load.Server, blocks []block) (sent int64, took time.Duration, err error) {
	began := time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var count atomic.Int64
	var wg sync.WaitGroup
	for n := range o.senders {
		wg.Go(func() {
			for i := n; time.Since(began) < o.round && ctx.Err() == nil; i++ {
				b := blocks[i%len(blocks)]
				b.block.ID = telemetry.BlockID(uuid.New())
				if err := server.Post(ctx, "insert_block", wire.EncodeBlock(b.block, b.payload)); err != nil {
					cancel(err)
					return
				}
				count.Add(1)
			}
		})
	}
	wg.Wait()
	return count.Load(), time.Since(began), context.Cause(ctx)
}

// appendFiles writes total bytes to a new file in pieces of flush bytes, each synced. With two syncs, a record of each
// piece goes to a second file, as a database writes it: 12 pages.
func appendFiles(folder string, total int64, flush, syncs int) (time.Duration, error) {
	var files []*os.File
	pieces := [][]byte{make([]byte, flush), make([]byte, 12<<12)}[:syncs]
	for i, piece := range pieces {
		for j := range piece {
			piece[j] = byte(j * 7)
		}
		f, err := os.Create(filepath.Join(folder, fmt.Sprintf("baseline-%d", i)))
		if err != nil {
			return 0, err
		}
		defer os.Remove(f.Name())
		defer f.Close()
		files = append(files, f)
	}
	began := time.Now()
	for ; total > 0; total -= int64(flush) {
		for i, f := range files {
			if _, err := f.Write(pieces[i]); err != nil {
				return 0, err
			}
			if err := f.Sync(); err != nil {
				return 0, err
			}
		}
	}
	return time.Since(began), nil
}

type stored struct{ groups, blocks int64 }

// written counts the groups in which the server has written blocks: those of a group have the same insert time.
func written(ctx context.Context, folder string) (s stored, err error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "lake", "catalog.db")+"?mode=ro")
	if err != nil {
		return s, err
	}
	defer db.Close()
	err = db.QueryRowContext(ctx, "SELECT COUNT(DISTINCT insert_time), COUNT(*) FROM blocks").Scan(&s.groups, &s.blocks)
	return s, err
}
