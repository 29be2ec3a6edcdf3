// Command fill writes log entries into a data directory and puts them into merged partitions, for benchmarks of queries.
//
//	go run ./bench/fill -rows 10000000 -dir /tmp/lake
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/micromegas-go/micromegas/bench/load"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/objstore/dir"
	"github.com/micromegas-go/micromegas/telemetry"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "fill:", err)
		os.Exit(1)
	}
}

const perBlock = 10_000

func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("fill", flag.ContinueOnError)
	rows := flags.Int("rows", 10_000_000, "log entries in all")
	processes := flags.Int("processes", 20, "processes that send them")
	folder := flags.String("dir", "", "data directory, as MICROMEGAS_DATA_DIR names it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *folder == "" {
		return fmt.Errorf("-dir is missing: the data directory to fill")
	}
	if err := os.MkdirAll(*folder, 0o700); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	db, err := catalog.Open(ctx, catalog.Options{DSN: filepath.Join(*folder, "catalog.db"), Log: log})
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, db.Close()) }()
	objects, err := dir.Open(filepath.Join(*folder, "objects"))
	if err != nil {
		return err
	}
	l, err := lake.Open(ctx, lake.Options{Catalog: db, Objects: objects, CacheDir: filepath.Join(*folder, "cache"), Log: log})
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, l.Close()) }()

	began := time.Now()
	start := telemetry.TimeOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	sources := make([]*load.Source, *processes)
	for i := range sources {
		sources[i] = load.NewSource(uint64(i), start)
		if err := l.InsertProcess(ctx, sources[i].Process); err != nil {
			return err
		}
		if err := l.InsertStream(ctx, sources[i].Stream); err != nil {
			return err
		}
	}
	var raw int64
	for done := 0; done < *rows; done += perBlock {
		b, payload := sources[done/perBlock%len(sources)].Block(min(perBlock, *rows-done))
		raw += int64(len(payload.Objects) + len(payload.Dependencies))
		if err := l.Append(ctx, b, payload); err != nil {
			return err
		}
	}
	appended := time.Since(began)
	if err := l.Settle(ctx); err != nil {
		return err
	}
	settled := time.Since(began) - appended

	var counts catalog.Counts
	err = db.Read(ctx, func(r *catalog.Reader) (err error) {
		counts, err = r.Counts(ctx)
		return err
	})
	if err != nil {
		return err
	}
	v := counts.Views[catalog.LogEntries]
	fmt.Printf("%d rows: %.1f bytes a row in blocks, %.1f in %d Parquet files; made and appended in %.1f s, partitions in %.1f s (%.0f rows/s)\n",
		v.Rows, float64(raw)/float64(v.Rows), float64(v.Bytes)/float64(v.Rows), v.Partitions,
		appended.Seconds(), settled.Seconds(), float64(v.Rows)/settled.Seconds())
	return nil
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
