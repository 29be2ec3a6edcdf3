package lake

import (
	"crypto/sha256"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestIdle runs all maintenance again and again, for a month by its clock, on a lake to which nothing arrives: no byte of its
// catalog and no object changes, and no transaction that writes begins.
func TestIdle(t *testing.T) {
	u := openLogs(t, Options{})
	now := time.Now()
	u.now = func() time.Time { return now }
	for range 3 {
		u.send(t, 50)
		if err := u.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	u.catalog.Interrupt(func(committed bool) error {
		t.Errorf("a transaction writes (committed: %v)", committed)
		return nil
	})
	defer u.catalog.Interrupt(nil)
	before := contents(t, u.folder)
	for range 30 {
		for _, c := range u.chores() {
			if err := c.work(t.Context()); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		now = now.Add(24 * time.Hour)
	}
	if after := contents(t, u.folder); !maps.Equal(before, after) {
		t.Errorf("the files are %v, were %v", after, before)
	}
}

// contents returns a checksum of each file below a folder, but for those that processes share their state in.
func contents(t *testing.T, folder string) map[string][32]byte {
	t.Helper()
	found := map[string][32]byte{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Base(path) == "catalog.db-shm" {
			return err
		}
		b, err := os.ReadFile(path)
		found[path] = sha256.Sum256(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
