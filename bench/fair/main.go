// Command fair measures what one caller's runaway query does to another caller's queries.
//
//	make build && go run ./bench/fair
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/micromegas-go/micromegas/bench/load"
)

func main() { load.Main("fair", run) }

// runaway keeps all threads of a query busy for longer than the measurement takes.
const runaway = "SELECT count(*) FROM log_entries AS a, log_entries AS b WHERE a.msg < b.msg"

// usual is what a dashboard asks.
const usual = `SELECT date_bin('1 minute', time) AS t, level, count(*) FROM log_entries GROUP BY t, level ORDER BY t`

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("fair", flag.ContinueOnError)
	binary := flags.String("server", "bin/micromegas", "the server to measure")
	rows := flags.Int("rows", 1_000_000, "log entries in the lake")
	calls := flags.Int("calls", 300, "queries of the caller that is measured, with and without the other")
	if err := flags.Parse(args); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "bench-fair-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	fill := exec.CommandContext(ctx, "go", "run", "./bench/fill", "-dir", filepath.Join(folder, "lake"), "-rows", fmt.Sprint(*rows))
	fill.Stdout, fill.Stderr = os.Stderr, os.Stderr
	if err := fill.Run(); err != nil {
		return err
	}
	server, err := load.Start(ctx, folder, *binary, true, "--log-level", "error")
	if err != nil {
		return err
	}
	defer func() { _ = server.Stop() }()
	client, err := server.Dial()
	if err != nil {
		return err
	}
	defer client.Close()

	if _, err := measure(ctx, client, *calls/10); err != nil { // warm up
		return err
	}
	calm, err := measure(ctx, client, *calls)
	if err != nil {
		return err
	}
	away, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- client.Ask(away, load.Key, runaway, nil) }()
	for range 10 { // until it is under way
		if _, err := measure(ctx, client, 1); err != nil {
			stop()
			return errors.Join(err, <-ended)
		}
	}
	beside, err := measure(ctx, client, *calls)
	select {
	case runawayErr := <-ended:
		err = errors.Join(err, fmt.Errorf("the runaway query ended too early: %w", runawayErr))
	default:
	}
	stop()
	if err != nil {
		return err
	}
	fmt.Printf("%d queries alone: p50 %.1f ms, p99 %.1f ms; beside a runaway query: p50 %.1f ms, p99 %.1f ms; ratios %.2f and %.2f (promised: p99 within 2)\n",
		*calls, calm.Milliseconds(0.5), calm.Milliseconds(0.99), beside.Milliseconds(0.5), beside.Milliseconds(0.99),
		beside.Milliseconds(0.5)/calm.Milliseconds(0.5), beside.Milliseconds(0.99)/calm.Milliseconds(0.99))
	return nil
}

// measure asks n times, one after the other.
func measure(ctx context.Context, client *load.Client, n int) (load.Times, error) {
	took := make(load.Times, max(n, 1))
	for i := range took {
		began := time.Now()
		if err := client.Ask(ctx, load.OtherKey, usual, nil); err != nil {
			return nil, err
		}
		took[i] = time.Since(began)
	}
	return took, nil
}
