//go:build linux

package lake_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/internal/disktest"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/lake"
)

// TestDiskFull fills the disks of a lake, one after the other: file systems of eight megabytes each, which a child process of
// this test mounts where nobody else sees them.
func TestDiskFull(t *testing.T) { disktest.Run(t, testDiskFull) }

func testDiskFull(t *testing.T, folder string) {
	t.Helper()
	disktest.Mount(t, folder, "8m") // for the catalog
	disktest.Mount(t, filepath.Join(folder, "objects"), "8m")
	disktest.Mount(t, filepath.Join(folder, "cache"), "8m")
	d := &damaged{folder: folder}
	d.now.Store(time.Now().UnixNano())
	d.rig = openClock(t, folder, lake.Maintenance{QuarantineAfter: 1, RetryAfter: -1, MergeFiles: 2}, time.Now)
	d.source = newSource()
	if err := errors.Join(d.InsertProcess(t.Context(), d.source.Process), d.InsertStream(t.Context(), d.source.Stream)); err != nil {
		t.Fatal(err)
	}
	d.send(t, 3)
	d.settle(t)
	d.send(t, 3)
	d.check(t)

	refused := func(rows int) {
		t.Helper()
		b, payload := d.source.Block(rows)
		err := d.Append(t.Context(), b, payload)
		if e := fault.Of(err); e == nil || e.Kind != fault.Unavailable || e.RetryAfter <= 0 {
			t.Errorf("Append = %v, want Unavailable with a time to retry", err)
		}
	}
	unsettled := func() {
		t.Helper()
		if err := d.Settle(t.Context()); err == nil {
			t.Error("maintenance succeeded")
		}
	}
	for name, tc := range map[string]struct {
		folder string
		full   func()
	}{
		"objects": {"objects", func() {
			refused(20_000) // more than a page that is left
			d.check(t)
			unsettled()
			d.check(t)
		}},
		"catalog": {"", func() {
			for range 20 { // the log of the database may have room for some
				b, payload := d.source.Block(smallRows)
				if err := d.Append(t.Context(), b, payload); err != nil {
					break
				}
				d.small = append(d.small, b.ID)
			}
			refused(smallRows)
			unsettled()
		}},
		"cache": {"cache", func() {
			d.send(t, 3)
			unsettled()
			_, err := d.Snapshot(t.Context(), []lake.Scan{{View: "log_entries"}})
			if fault.KindOf(err) != fault.Unavailable {
				t.Errorf("Snapshot = %v, want Unavailable", err)
			}
			if err := d.Ready(t.Context()); err != nil {
				t.Errorf("Ready = %v: blocks can be taken", err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d.send(t, 2)
			empty := disktest.Fill(t, filepath.Join(folder, tc.folder))
			tc.full()
			empty()
			d.check(t)
			d.send(t, 1)
			d.settle(t)
			d.check(t)
			if got := d.quarantined(t); len(got) != 0 {
				t.Errorf("in quarantine are %v", got)
			}
			left, err := filepath.Glob(filepath.Join(folder, "cache", "node-*", "*.parquet"))
			if err != nil || len(left) > 1 {
				t.Errorf("the cache holds %v, %v", left, err)
			}
		})
	}
}
