package lake_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/bench/load"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// BenchmarkSettle puts log entries into partitions and merges those, and reports rows per second.
func BenchmarkSettle(b *testing.B) {
	r := openAt(b, b.TempDir(), lake.Maintenance{})
	source := load.NewSource(1, telemetry.Time(1_767_225_600e9))
	if err := r.InsertProcess(b.Context(), source.Process); err != nil {
		b.Fatal(err)
	}
	if err := r.InsertStream(b.Context(), source.Stream); err != nil {
		b.Fatal(err)
	}
	const blocks, perBlock = 40, 10_000
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for range blocks {
			block, payload := source.Block(perBlock)
			if err := r.Append(b.Context(), block, payload); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		if err := r.Settle(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*blocks*perBlock/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkMerge merges partitions of one process whose rows alternate, as those of many threads do, and whose
// properties are many.
func BenchmarkMerge(b *testing.B) {
	folder := b.TempDir()
	r, merger := openAt(b, folder, lake.Maintenance{MergeFiles: 1 << 20}), openAt(b, folder, lake.Maintenance{MergeFiles: 8})
	source := load.NewSource(1, telemetry.Time(1_767_225_600e9))
	if err := r.InsertProcess(b.Context(), source.Process); err != nil {
		b.Fatal(err)
	}
	if err := r.InsertStream(b.Context(), source.Stream); err != nil {
		b.Fatal(err)
	}
	const files, perFile = 8, 20_000
	for b.Loop() {
		b.StopTimer()
		for f := range files {
			var builder wire.LogBuilder
			for i := range perFile {
				builder.Add(telemetry.Ticks(i*files+f)+source.Process.StartTicks, wire.LevelInfo, "game::match", "a player joined",
					wire.Properties{{Name: "player", Value: fmt.Sprint(i / 2)}})
			}
			payload, n := builder.Finish()
			block := telemetry.Block{
				ID: telemetry.BlockID(uuid.New()), StreamID: source.Stream.ID, ProcessID: source.Process.ID, Objects: n,
				EndTicks: files * perFile,
			}
			if err := r.Append(b.Context(), block, payload); err != nil {
				b.Fatal(err)
			}
			if err := r.Settle(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		if err := merger.Settle(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*files*perFile/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkAppend stores blocks of 64 KiB from eight callers at once.
func BenchmarkAppend(b *testing.B) {
	r := openAt(b, b.TempDir(), lake.Maintenance{})
	source := load.NewSource(1, telemetry.Time(1_767_225_600e9))
	if err := r.InsertProcess(b.Context(), source.Process); err != nil {
		b.Fatal(err)
	}
	if err := r.InsertStream(b.Context(), source.Stream); err != nil {
		b.Fatal(err)
	}
	block, payload := source.Block(2370)
	b.SetBytes(int64(len(payload.Objects)))
	b.SetParallelism(4) // times two cores
	b.RunParallel(func(pb *testing.PB) {
		block := block
		for pb.Next() {
			block.ID = telemetry.BlockID(uuid.New())
			if err := r.Append(b.Context(), block, payload); err != nil {
				b.Error(err)
			}
		}
	})
}
