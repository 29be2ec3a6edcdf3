package catalog_test

import (
	"errors"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/catalog/catalogtest"
	"github.com/micromegas-go/micromegas/internal/pgtest"
)

func TestPostgres(t *testing.T) {
	server := pgtest.Start(t)
	t.Run("open", func(t *testing.T) { testOpen(t, "pgx", server.NewDatabase(t)) })
	catalogtest.Run(t, func(t *testing.T) catalogtest.Open { return opener(server.NewDatabase(t)) })

	t.Run("out of reach", func(t *testing.T) {
		options := catalog.Options{DSN: server.NewDatabase(t), BusyTimeout: time.Millisecond}
		db, err := catalog.Open(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		server.Stop()
		checkUnavailable(t, db)
		if err := db.Read(t.Context(), func(*catalog.Reader) error { return nil }); !errors.Is(err, catalog.ErrUnavailable) {
			t.Errorf("Read = %v, want ErrUnavailable", err)
		}
		if db, err := catalog.Open(t.Context(), options); !errors.Is(err, catalog.ErrUnavailable) {
			t.Errorf("Open = %v, %v; want ErrUnavailable", db, err)
		}
	})
}
