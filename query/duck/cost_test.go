package duck_test

import (
	"testing"

	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
)

func TestCost(t *testing.T) {
	// Each thread needs its share of the memory to sort at all: with as many as a machine may have there would be too little.
	s := newService(t, newLake(t), duck.Options{MemoryLimit: 256 << 20, Threads: 2}, query.Options{})
	cost := func(sql string) query.Cost {
		t.Helper()
		res, err := s.Execute(t.Context(), query.Request{SQL: sql})
		if err != nil {
			t.Fatal(err)
		}
		for res.Next() {
			continue
		}
		if err := res.Err(); err != nil {
			t.Fatal(err)
		}
		costed, ok := res.(query.Costed)
		if !ok {
			t.Fatal("the result does not know its cost")
		}
		read := costed.Cost()
		res.Release()
		if kept := costed.Cost(); kept != read {
			t.Errorf("cost after Release %+v, before %+v", kept, read)
		}
		return read
	}
	if c := cost("SELECT count(*), max(msg) FROM log_entries"); c.Files == 0 || c.FileBytes == 0 || c.RowsScanned == 0 || c.PeakMemory == 0 || c.SpilledBytes != 0 {
		t.Errorf("an aggregate over a file: %+v", c)
	}
	// 64 MiB of memory a query do not hold it.
	if c := cost("SELECT repeat('x', 100) || CAST(range AS VARCHAR) AS pad FROM range(1500000) ORDER BY hash(range)"); c.SpilledBytes == 0 || c.PeakMemory == 0 {
		t.Errorf("a sort that spills: %+v", c)
	}
	if c := cost("SELECT 1"); c.Files != 0 || c.FileBytes != 0 {
		t.Errorf("no table: %+v", c)
	}
}
