package analytics

import (
	"os"
	"path/filepath"
	"testing"
)

// A folder stays as long as its owner is there, and is removed by the next start after it has gone without a word.
func TestSpill(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "spill")
	exists := func(s *spill) bool { _, err := os.Stat(s.dir); return err == nil }
	open := func() *spill {
		t.Helper()
		s, err := openSpill(parent)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	living, killed := open(), open()
	if err := os.WriteFile(filepath.Join(killed.dir, "huge"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := killed.lock.Close(); err != nil { // as the end of a process does
		t.Fatal(err)
	}
	next := open()
	if !exists(living) || exists(killed) || !exists(next) {
		t.Errorf("living %v, killed %v, next %v", exists(living), exists(killed), exists(next))
	}
	for range 2 {
		if err := living.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	if exists(living) {
		t.Error("closed and still there")
	}
}
