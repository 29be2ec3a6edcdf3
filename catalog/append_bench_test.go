package catalog_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// BenchmarkAppend commits groups of blocks of 100 processes with two streams each, on top of 20000 blocks. The floor is
// a file that grows by 64 KiB and a sync.
func BenchmarkAppend(b *testing.B) {
	b.Run("floor", benchmarkSync)
	for _, group := range []int{1, 8, 64} {
		b.Run("blocks="+strconv.Itoa(group), func(b *testing.B) {
			benchmarkAppend(b, filepath.Join(b.TempDir(), "catalog.db"), group)
		})
	}
}

func benchmarkSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "file"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	data := make([]byte, 64<<10)
	for b.Loop() {
		if _, err := f.Write(data); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkAppend(b *testing.B, dsn string, group int) {
	b.Helper()
	db, err := catalog.Open(b.Context(), catalog.Options{DSN: dsn})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	random := rand.New(rand.NewPCG(1, 2))
	var streams []telemetry.Stream
	for range 100 {
		p := telemetry.Process{ID: telemetry.ProcessID(uuid.New())}
		if _, err := db.InsertProcess(b.Context(), p); err != nil {
			b.Fatal(err)
		}
		for _, tag := range []string{telemetry.TagLog, telemetry.TagMetrics} {
			s := telemetry.Stream{
				ID: telemetry.StreamID(uuid.New()), ProcessID: p.ID, Tags: []string{tag}, Format: telemetry.FormatNative,
			}
			if _, err := db.InsertStream(b.Context(), s); err != nil {
				b.Fatal(err)
			}
			streams = append(streams, s)
		}
	}
	blocks := func(n int) []catalog.BlockRecord {
		segment := "segments/2026/11/24/" + uuid.NewString()
		list := make([]catalog.BlockRecord, n)
		for i := range list {
			s := streams[random.IntN(len(streams))]
			now := telemetry.TimeOf(time.Now())
			list[i] = catalog.BlockRecord{
				Block: telemetry.Block{
					ID: telemetry.BlockID(uuid.New()), StreamID: s.ID, ProcessID: s.ProcessID, BeginTime: now, EndTime: now,
					PayloadSize: 8000,
				},
				Location: catalog.Location{Segment: segment, Offset: int64(i) * 8000, Size: 8000},
			}
		}
		return list
	}
	for range 20 {
		if _, err := db.Append(b.Context(), blocks(1000)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, err := db.Append(b.Context(), blocks(group)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(group), "µs/block")
}
