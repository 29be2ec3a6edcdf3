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
	"os/signal"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/micromegas-go/micromegas/bench/load"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "visible:", err)
		os.Exit(1)
	}
}

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

	client, err := flightsql.NewClient(server.GRPC, nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer client.Close()
	source := load.NewSource(1, telemetry.TimeOf(time.Now()))
	if err := errors.Join(server.Post(ctx, "insert_process", wire.EncodeProcess(source.Process)),
		server.Post(ctx, "insert_stream", wire.EncodeStream(source.Stream))); err != nil {
		return err
	}
	var took []time.Duration
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
	slices.Sort(took)
	at := func(q float64) float64 { return took[int(q*float64(len(took)-1))].Seconds() * 1e3 }
	fmt.Printf("%d blocks of %d rows, each in the next query: p50 %.1f ms, p99 %.1f ms, max %.1f ms (promised: p99 below 100 ms)\n",
		*blocks, *rows, at(0.5), at(0.99), at(1))
	return nil
}

// count asks for the rows of a block.
func count(ctx context.Context, client *flightsql.Client, id telemetry.BlockID) (int64, error) {
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+load.Key)
	info, err := client.Execute(ctx, fmt.Sprintf("SELECT count(*) FROM log_entries WHERE block_id = '%s'", id))
	if err != nil {
		return 0, err
	}
	r, err := client.DoGet(ctx, info.Endpoint[0].Ticket)
	if err != nil {
		return 0, err
	}
	defer r.Release()
	return first(r)
}

func first(r *flight.Reader) (int64, error) {
	var n int64
	for r.Next() {
		if c, ok := r.RecordBatch().Column(0).(*array.Int64); ok && c.Len() > 0 {
			n = c.Value(0)
		}
	}
	return n, r.Err()
}
