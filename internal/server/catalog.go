package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/micromegas-go/micromegas/catalog"
)

// FlagDataDir is the flag of [OpenCatalog]'s data folder.
const FlagDataDir = flagDataDir

// OpenCatalog opens the catalog that servers with the same environment use, for commands that need nothing else. dataDir
// is the value of --data-dir, "" when it is not given. An embedded catalog that is not there is made with create, and an
// error without.
func OpenCatalog(ctx context.Context, dataDir string, create bool, getenv func(string) string) (*catalog.DB, error) {
	c := Config{DisableAuth: true} // its variables are not read
	var places settings
	for _, x := range settingsOf(Program{}, &c, getenv) {
		if x.env == EnvDataDir || x.env == EnvSQL {
			x.given, x.text = x.flag == flagDataDir && dataDir != "", dataDir
			places = append(places, x)
		}
	}
	if err := errors.Join(append(places.resolve(getenv), c.complete(getenv)...)...); err != nil {
		return nil, err
	}
	if !strings.Contains(string(c.SQL), "://") {
		if err := embedded(c, create); err != nil {
			return nil, err
		}
	}
	db, err := catalog.Open(ctx, catalog.Options{DSN: string(c.SQL)})
	if err != nil {
		return nil, fmt.Errorf("open the catalog %s: %w", c.SQL, err)
	}
	return db, nil
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
		// 0700: telemetry is nobody's business but its owner's.
		if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
			return fmt.Errorf("create the data folder; choose another with --%s: %w", flagDataDir, err)
		}
		return nil
	}
	return fmt.Errorf("catalog: %w", err)
}
