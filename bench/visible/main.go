// Command visible measures how long it takes from the 200 of an insert_block request to the answer of a query that has its
// rows, while other blocks keep arriving. The first query must have them, or the measurement fails.
//
//	make build && go run ./bench/visible
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/micromegas-go/micromegas/bench/load"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

func main() { load.Main("visible", run) }

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("visible", flag.ContinueOnError)
	binary := flags.String("server", "bin/micromegas", "the server to measure")
	blocks := flags.Int("blocks", 500, "how often")
	rows := flags.Int("rows", 1000, "log entries of a block")
	if err := flags.Parse(args); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "bench-visible-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	server, err := load.Start(ctx, folder, *binary, true)
	if err != nil {
		return err
	}
	defer func() { _ = server.Stop() }()

	client, err := server.Dial()
	if err != nil {
		return err
	}
	defer client.Close()
	source := load.NewSource(1, telemetry.TimeOf(time.Now()))
	if err := errors.Join(server.Post(ctx, "insert_process", wire.EncodeProcess(source.Process)),
		server.Post(ctx, "insert_stream", wire.EncodeStream(source.Stream))); err != nil {
		return err
	}
	var took load.Times
	for range *blocks {
		b, payload := source.Block(*rows)
		if err := server.Post(ctx, "insert_block", wire.EncodeBlock(b, payload)); err != nil {
			return err
		}
		began := time.Now()
		n, err := count(ctx, client, b.ID)
		if err != nil {
			return err
		}
		if n != int64(*rows) {
			return fmt.Errorf("the next query has %d rows of block %s, want %d", n, b.ID, *rows)
		}
		took = append(took, time.Since(began))
	}
	fmt.Printf("%d blocks of %d rows, each in the next query: p50 %.1f ms, p99 %.1f ms, max %.1f ms (promised: p99 below 100 ms)\n",
		*blocks, *rows, took.Milliseconds(0.5), took.Milliseconds(0.99), took.Milliseconds(1))
	return nil
}

// count asks for the rows of a block.
func count(ctx context.Context, client *load.Client, id telemetry.BlockID) (n int64, err error) {
	err = client.Ask(ctx, load.Key, fmt.Sprintf("SELECT count(*) FROM log_entries WHERE block_id = '%s'", id), func(b arrow.RecordBatch) {
		if c, ok := b.Column(0).(*array.Int64); ok && c.Len() > 0 {
			n = c.Value(0)
		}
	})
	return n, err
}
