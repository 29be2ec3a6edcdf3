//go:build linux

package duck_test

import (
	"testing"

	"github.com/micromegas-go/micromegas/internal/disktest"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
)

// TestSpillFull runs a query that spills more than the disk has room for: a file system of four megabytes, which a child process
// of this test mounts where nobody else sees it. The next query is none the worse.
func TestSpillFull(t *testing.T) { disktest.Run(t, testSpillFull) }

func testSpillFull(t *testing.T, folder string) {
	t.Helper()
	disktest.Mount(t, folder, "4m")
	engine, err := duck.Open(duck.Options{TempDir: folder, MemoryLimit: 64 << 20, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	service := query.New(&fakeLake{}, engine, query.Options{})
	ask := func(sql string) (rows int64, err error) {
		r, err := service.Execute(t.Context(), query.Request{SQL: sql})
		if err != nil {
			return 0, err
		}
		defer r.Release()
		for r.Next() {
			rows += r.RecordBatch().NumRows()
		}
		return rows, r.Err()
	}
	const big = "SELECT i, md5(CAST(i AS VARCHAR)) AS m FROM generate_series(1, 4000000) t(i) ORDER BY m"
	if _, err := ask(big); fault.KindOf(err) != fault.Exhausted {
		t.Errorf("a query without room to spill = %v, want Exhausted", err)
	} else {
		t.Log(err)
	}
	if n, err := ask("SELECT 1"); n != 1 || err != nil {
		t.Errorf("the next query has %d rows, %v", n, err)
	}
}
