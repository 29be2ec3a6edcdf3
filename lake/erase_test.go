package lake

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/micromegas-go/micromegas/catalog"
)

// TestEraseUnreadable deletes one of two blocks of a partition whose rows cannot be rewritten although its file is what was
// recorded: it is made anew from the blocks that are left.
func TestEraseUnreadable(t *testing.T) {
	u := openLogs(t, Options{})
	u.send(t, 2)
	var first []catalog.BlockRecord
	err := u.catalog.Read(t.Context(), func(r *catalog.Reader) (err error) {
		first, err = r.Blocks(t.Context(), catalog.Filter{})
		return err
	})
	if err != nil || len(first) != 1 {
		t.Fatal(err)
	}
	cut := first[0].InsertTime + 1
	u.send(t, 3)
	if err := u.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", filepath.Join(u.folder, "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.ExecContext(t.Context(), "UPDATE partitions SET row_count = row_count + 1"); err != nil {
		t.Fatal(err)
	}
	done, err := u.Erase(t.Context(), Erasure{Before: cut}, func(string) {})
	if err != nil || done.Blocks != 1 {
		t.Errorf("Erase = %+v, %v; want one block", done, err)
	}
	if err := u.Settle(t.Context()); err != nil {
		t.Error(err)
	}
	if rows := u.read(t); len(rows) != 3 {
		t.Errorf("%d rows, want 3", len(rows))
	}
	if err := u.catalog.CheckCoverage(t.Context()); err != nil {
		t.Error(err)
	}
	for _, p := range u.live(t) {
		if p.View == catalog.LogEntries && p.Rows != 3 {
			t.Errorf("partition of %d rows, want 3", p.Rows)
		}
	}
}
