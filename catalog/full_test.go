package catalog

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
)

// TestFull fills the database: nothing of the group is kept, and it works again when there is room.
func TestFull(t *testing.T) {
	db, err := Open(t.Context(), Options{DSN: filepath.Join(t.TempDir(), "catalog.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var blocks []BlockRecord
	for range 100 {
		b := BlockRecord{Block: telemetry.Block{ID: telemetry.BlockID(uuid.New())}}
		b.Location.Inline = make([]byte, 4000)
		blocks = append(blocks, b)
	}
	if _, err := db.writer.ExecContext(t.Context(), "PRAGMA max_page_count = 60"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Append(t.Context(), blocks); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("Append = %v, want ErrUnavailable", err)
	}
	if err := db.CheckCoverage(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := db.writer.ExecContext(t.Context(), "PRAGMA max_page_count = 6000"); err != nil {
		t.Fatal(err)
	}
	inserted, err := db.Append(t.Context(), blocks)
	if err != nil || !inserted[0] {
		t.Fatalf("Append with room = %v, %v", inserted, err)
	}
}
