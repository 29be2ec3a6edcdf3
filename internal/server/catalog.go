package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/lake"
)

// FlagDataDir is the flag of [OpenCatalog]'s data folder.
const FlagDataDir = flagDataDir

// OpenCatalog opens the catalog that servers with the same environment use, for commands that need nothing else. dataDir
// is the value of --data-dir, "" when it is not given. An embedded catalog that is not there is made with create, and an
// error without.
func OpenCatalog(ctx context.Context, dataDir string, create bool, getenv func(string) string) (*catalog.DB, error) {
	c, err := places(dataDir, getenv)
	if err != nil {
		return nil, err
	}
	if c.SQL.embedded() {
		if err := embedded(c, create); err != nil {
			return nil, err
		}
	}
	db, err := catalog.Open(ctx, catalog.Options{DSN: string(c.SQL), KeepSchema: c.KeepSchema})
	if err != nil {
		return nil, wrapCatalog(c, err)
	}
	return db, nil
}

// places reads where the stores are, and the few settings that commands share with servers.
func places(dataDir string, getenv func(string) string) (Config, error) {
	c := Config{DisableAuth: true} // its variables are not read
	var wanted settings
	for _, x := range settingsOf(Program{}, &c, getenv) {
		switch x.env {
		case EnvDataDir, EnvSQL, EnvObjects, EnvRetention, EnvMigrate:
			x.given, x.text = x.flag == flagDataDir && dataDir != "", dataDir
			wanted = append(wanted, x)
		}
	}
	return c, errors.Join(append(wanted.resolve(getenv), c.complete(getenv)...)...)
}

// Migrations returns the steps of the catalog's schema and applies, when apply is set, those that are missing. It is what
// servers do at their start unless [EnvMigrate] is manual.
func Migrations(ctx context.Context, dataDir string, apply bool, getenv func(string) string) ([]catalog.Migration, error) {
	c, err := places(dataDir, getenv)
	if err != nil {
		return nil, err
	}
	o := catalog.Options{DSN: string(c.SQL)}
	before, err := catalog.Migrations(ctx, o)
	if err != nil || !apply {
		return before, wrapCatalog(c, err)
	}
	if c.SQL.embedded() {
		if err := embedded(c, true); err != nil {
			return nil, err
		}
	}
	db, err := catalog.Open(ctx, o)
	if err != nil {
		return before, wrapCatalog(c, err)
	}
	return before, wrapCatalog(c, db.Close())
}

// Storage is the lake that servers with the same environment use, for commands.
type Storage struct {
	Lake      *lake.Lake
	Retention lake.Retention // as configured for the servers
	storage   *storage
}

// Close closes the lake and its stores.
func (s *Storage) Close() error { return s.storage.Close() }

// OpenStorage opens the lake. An embedded catalog that is not there is an error.
func OpenStorage(ctx context.Context, dataDir string, getenv func(string) string, log *slog.Logger) (*Storage, error) {
	c, err := places(dataDir, getenv)
	if err != nil {
		return nil, err
	}
	if c.SQL.embedded() {
		if err := embedded(c, false); err != nil {
			return nil, err
		}
	}
	s, err := openStorage(ctx, c, getenv, log)
	if err != nil {
		return nil, err
	}
	return &Storage{s.lake, c.Retention, s}, nil
}

// embedded sees that an SQLite catalog is there or may be made.
func embedded(c Config, create bool) error {
	_, err := os.Stat(string(c.SQL))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrNotExist) && !create:
		return fmt.Errorf("there is no catalog at %s; give the server's --%s, or its %s or %s", c.SQL, flagDataDir, EnvDataDir, EnvSQL)
	case errors.Is(err, os.ErrNotExist):
		return makeDataDir(c)
	}
	return fmt.Errorf("catalog: %w", err)
}
