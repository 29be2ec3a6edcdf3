package lake_test

import (
	"errors"
	"os"
	"testing"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/lake"
)

// TestMergeLosesNothing merges a partition whose file has fewer rows than were recorded: it is made anew from its blocks, and
// the other one stays as it is.
func TestMergeLosesNothing(t *testing.T) {
	folder := t.TempDir()
	r, merger := openAt(t, folder, lake.Maintenance{MergeFiles: 1000}), openAt(t, folder, lake.Maintenance{MergeFiles: 2})
	p, s, next := logBlock(t, ".")
	if err := errors.Join(r.InsertProcess(t.Context(), p), r.InsertStream(t.Context(), s)); err != nil {
		t.Fatal(err)
	}
	for _, blocks := range []int{1, 2} {
		for range blocks {
			b, payload := next()
			if err := r.Append(t.Context(), b, payload); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	partitions := func() (list []catalog.Partition) {
		err := r.catalog.Read(t.Context(), func(rd *catalog.Reader) (err error) {
			list, err = rd.Partitions(t.Context(), catalog.LogEntries, catalog.Filter{})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	before := partitions()
	if len(before) != 2 || before[0].Rows >= before[1].Rows {
		t.Fatalf("partitions are %+v", before)
	}
	small, err := r.objects.Get(t.Context(), before[0].File)
	if err != nil {
		t.Fatal(err)
	}
	path, err := r.objects.Path(before[1].File)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(path), os.WriteFile(path, small, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := merger.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := partitions(); len(after) != 1 || after[0].ID != before[0].ID {
		t.Errorf("partitions are %+v, want the first of those before", after)
	}
	check := func() {
		t.Helper()
		if err := r.catalog.CheckCoverage(t.Context()); err != nil {
			t.Error(err)
		}
		if n := int64(len(r.scan(t, "log_entries", ""))); n != before[0].Rows+before[1].Rows {
			t.Errorf("%d rows, want %d", n, before[0].Rows+before[1].Rows)
		}
	}
	check()
	if err := merger.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := partitions(); len(after) != 1 || after[0].Rows != before[0].Rows+before[1].Rows || after[0].Blocks != 3 {
		t.Errorf("partitions are %+v, want one with all rows", after)
	}
	check()
}
