package catalog_test

import (
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// BenchmarkRead reads 100000 blocks of one stream, none of them materialised.
func BenchmarkRead(b *testing.B) {
	db, err := catalog.Open(b.Context(), catalog.Options{DSN: filepath.Join(b.TempDir(), "catalog.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	p := telemetry.Process{ID: telemetry.ProcessID(uuid.New())}
	s := telemetry.Stream{
		ID: telemetry.StreamID(uuid.New()), ProcessID: p.ID, Tags: []string{telemetry.TagLog}, Format: telemetry.FormatNative,
	}
	if _, err := db.InsertProcess(b.Context(), p); err != nil {
		b.Fatal(err)
	}
	if _, err := db.InsertStream(b.Context(), s); err != nil {
		b.Fatal(err)
	}
	for range 20 {
		blocks := make([]catalog.BlockRecord, 5000)
		for i := range blocks {
			blocks[i].Block = telemetry.Block{ID: telemetry.BlockID(uuid.New()), StreamID: s.ID, ProcessID: p.ID, PayloadSize: 8000}
			blocks[i].Location = catalog.Location{Segment: "segments/2026/11/24/0123456789abcdef", Size: 8000}
		}
		if _, err := db.Append(b.Context(), blocks); err != nil {
			b.Fatal(err)
		}
	}
	bench := func(name string, get func(*catalog.Reader) (int, error)) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				err := db.Read(b.Context(), func(r *catalog.Reader) error { _, err := get(r); return err })
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	bench("blocks", func(r *catalog.Reader) (int, error) {
		list, err := r.Blocks(b.Context(), catalog.Filter{})
		return len(list), err
	})
	bench("pending", func(r *catalog.Reader) (int, error) {
		list, err := r.Pending(b.Context(), catalog.LogEntries, catalog.Filter{})
		return len(list), err
	})
	bench("ten pending", func(r *catalog.Reader) (int, error) {
		list, err := r.Pending(b.Context(), catalog.LogEntries, catalog.Filter{Limit: 10})
		return len(list), err
	})
	bench("one process", func(r *catalog.Reader) (int, error) {
		list, err := r.Processes(b.Context(), catalog.Filter{Process: p.ID})
		return len(list), err
	})
}
