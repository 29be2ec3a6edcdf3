package catalog_test

import (
	"testing"

	"github.com/micromegas-go/micromegas/catalog/catalogtest"
	"github.com/micromegas-go/micromegas/internal/pgtest"
)

func TestPostgres(t *testing.T) {
	server := pgtest.Start(t)
	catalogtest.Run(t, func(t *testing.T) catalogtest.Open { return opener(server.NewDatabase(t)) })
}
