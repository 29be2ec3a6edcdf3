package lake_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/objstore/dir"
	"github.com/micromegas-go/micromegas/telemetry"
)

// Maintenance deletes what its catalog does not mention, so a place must not be given to two.
func TestOwn(t *testing.T) {
	open := func(path string) *catalog.DB {
		t.Helper()
		db, err := catalog.Open(t.Context(), catalog.Options{DSN: path})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	p := newPlant(t, lake.Maintenance{})
	p.log(p.program(telemetry.TagLog), 5000, false)
	p.settle()
	second := open(filepath.Join(t.TempDir(), "catalog.db"))
	defer func() {
		if err := second.Close(); err != nil {
			t.Error(err)
		}
	}()

	// There are objects and no note: an earlier release wrote them, or another program. An empty catalog does not own them.
	if err := lake.Own(t.Context(), second, p.objects); !errors.Is(err, lake.ErrForeign) {
		t.Errorf("an empty catalog beside somebody's objects: %v", err)
	}
	for range 2 {
		if err := lake.Own(t.Context(), p.catalog, p.objects); err != nil {
			t.Errorf("its own catalog: %v", err)
		}
	}
	if err := lake.Own(t.Context(), second, p.objects); !errors.Is(err, lake.ErrForeign) {
		t.Errorf("a store that another catalog owns: %v", err)
	}

	// An empty place is taken by the first, for good.
	empty, err := dir.Open(t.TempDir())
	p.ok(err)
	p.ok(lake.Own(t.Context(), second, empty))
	if err := lake.Own(t.Context(), p.catalog, empty); !errors.Is(err, lake.ErrForeign) {
		t.Errorf("an empty store that another catalog owns: %v", err)
	}
}
