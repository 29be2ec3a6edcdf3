// Command fill writes log entries and measures into a data directory and puts them into merged partitions, for benchmarks
// of queries.
//
//	go run ./bench/fill -rows 10000000 -measures 10000000 -dir /tmp/lake
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/micromegas-go/micromegas/bench/load"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/objstore/dir"
	"github.com/micromegas-go/micromegas/telemetry"
)

func main() { load.Main("fill", run) }

const perBlock = 10_000

func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("fill", flag.ContinueOnError)
	rows := flags.Int("rows", 10_000_000, "log entries in all")
	measures := flags.Int("measures", 0, "measures in all")
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

	start := telemetry.TimeOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	for _, kind := range []struct {
		view   catalog.View
		rows   int
		source func(uint64, telemetry.Time) *load.Source
	}{{catalog.LogEntries, *rows, load.NewSource}, {catalog.Measures, *measures, load.NewMetricSource}} {
		if kind.rows == 0 {
			continue
		}
		sources := make([]*load.Source, *processes)
		for i := range sources {
			sources[i] = kind.source(uint64(i), start)
			if err := errors.Join(l.InsertProcess(ctx, sources[i].Process), l.InsertStream(ctx, sources[i].Stream)); err != nil {
				return err
			}
		}
		if err := fill(ctx, l, db, kind.view, kind.rows, sources); err != nil {
			return err
		}
	}
	return nil
}

// atOnce is how many blocks are appended before they are put into partitions: what waits is decoded from one segment.
const atOnce = 1000

// fill appends blocks of the sources in turn until there are so many rows, and says what that took.
func fill(ctx context.Context, l *lake.Lake, db *catalog.DB, view catalog.View, rows int, sources []*load.Source) error {
	var raw int64
	var appended, settled time.Duration
	began := time.Now()
	for done := 0; done < rows; {
		for range atOnce {
			if done >= rows {
				break
			}
			b, payload := sources[done/perBlock%len(sources)].Block(min(perBlock, rows-done))
			raw += int64(len(payload.Encode()))
			if err := l.Append(ctx, b, payload); err != nil {
				return err
			}
			done += perBlock
		}
		appended += time.Since(began)
		began = time.Now()
		if err := l.Settle(ctx); err != nil {
			return err
		}
		settled += time.Since(began)
		began = time.Now()
	}
	var counts catalog.Counts
	err := db.Read(ctx, func(r *catalog.Reader) (err error) {
		counts, err = r.Counts(ctx)
		return err
	})
	if err != nil {
		return err
	}
	v := counts.Views[view]
	fmt.Printf("%s: %d rows, %.1f bytes a row in blocks, %.1f in %d Parquet files; made and appended in %.1f s (%.0f rows/s), "+
		"partitions in %.1f s (%.0f rows/s)\n", view, v.Rows, float64(raw)/float64(v.Rows), float64(v.Bytes)/float64(v.Rows), v.Partitions,
		appended.Seconds(), float64(v.Rows)/appended.Seconds(), settled.Seconds(), float64(v.Rows)/settled.Seconds())
	return nil
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
