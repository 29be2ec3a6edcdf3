package duck_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/bench/load"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/objstore/dir"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
	"github.com/micromegas-go/micromegas/telemetry"
)

// TestDamagedFile changes single bytes in the middle of a partition's file, which nobody sees but who reads them: either the
// answer is right, or the query says that a file was damaged, and the next one is right.
func TestDamagedFile(t *testing.T) {
	folder := t.TempDir()
	db, err := catalog.Open(t.Context(), catalog.Options{DSN: filepath.Join(folder, "catalog.db")})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := dir.Open(filepath.Join(folder, "objects"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := lake.Open(t.Context(), lake.Options{Catalog: db, Objects: objects, CacheDir: filepath.Join(folder, "cache")})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := duck.Open(duck.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(engine.Close(), l.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	service := query.New(l, engine, query.Options{})
	source := load.NewSource(1, telemetry.TimeOf(time.Now()))
	if err := errors.Join(l.InsertProcess(t.Context(), source.Process), l.InsertStream(t.Context(), source.Stream)); err != nil {
		t.Fatal(err)
	}
	block, payload := source.Block(5000)
	if err := l.Append(t.Context(), block, payload); err != nil {
		t.Fatal(err)
	}
	ask := func() (rows int64, err error) {
		r, err := service.Execute(t.Context(), query.Request{SQL: "SELECT time, target, level, msg, properties, exe FROM log_entries"})
		if err != nil {
			return 0, err
		}
		defer r.Release()
		for r.Next() {
			rows += r.RecordBatch().NumRows()
		}
		return rows, r.Err()
	}
	noticed := 0
	for _, at := range []float64{0.05, 0.2, 0.4, 0.6, 0.8, 0.97} {
		if err := l.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		file := theOnly(t, filepath.Join(folder, "objects", "views"))
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 16 {
			data[int(at*float64(len(data)))+i] ^= 0x5a
		}
		if err := errors.Join(os.Remove(file), os.WriteFile(file, data, 0o600)); err != nil {
			t.Fatal(err)
		}
		rows, err := ask()
		if err == nil {
			if rows != 5000 {
				t.Errorf("at %v: %d rows", at, rows)
			}
			continue
		}
		noticed++
		if fault.KindOf(err) != fault.Unavailable {
			t.Errorf("at %v: %v, want Unavailable", at, err)
		}
		if rows, err := ask(); rows != 5000 || err != nil {
			t.Errorf("at %v, the next time: %d rows, %v", at, rows, err)
		}
		if err := os.Remove(file); err != nil { // which maintenance keeps for a week
			t.Fatal(err)
		}
	}
	if noticed == 0 {
		t.Error("nothing of it was noticed")
	}
}

// theOnly returns the newest file below a folder.
func theOnly(t *testing.T, folder string) (newest string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(path, "log_entries") {
			newest = max(newest, path) // names ascend with time
		}
		return err
	})
	if err != nil || newest == "" {
		t.Fatalf("no file below %s, %v", folder, err)
	}
	return newest
}
