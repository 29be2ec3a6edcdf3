package catalog_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/catalog/catalogtest"
)

func TestSQLite(t *testing.T) {
	catalogtest.Run(t, func(t *testing.T) catalogtest.Open {
		t.Helper()
		return opener(filepath.Join(t.TempDir(), "catalog.db"))
	})
}

// opener returns a function that opens the database at dsn and closes it when the test ends.
func opener(dsn string) catalogtest.Open {
	return func(t *testing.T, now func() time.Time) *catalog.DB {
		t.Helper()
		db, err := catalog.Open(t.Context(), catalog.Options{DSN: dsn, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
		return db
	}
}
