package lake_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/bench/load"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/telemetry"
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
