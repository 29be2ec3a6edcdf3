package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/objstore/s3"
	"github.com/micromegas-go/micromegas/objstore/uri"
)

// storage is the lake with what it stands on.
type storage struct {
	catalog *catalog.DB
	lake    *lake.Lake
}

// openStorage opens the catalog, the object store and the lake, and creates what is missing of embedded ones.
func openStorage(ctx context.Context, c Config, getenv func(string) string, log *slog.Logger) (_ *storage, err error) {
	// 0700: telemetry is nobody's business but its owner's.
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("create the data folder; choose another with --%s: %w", flagDataDir, err)
	}
	db, err := catalog.Open(ctx, catalog.Options{DSN: string(c.SQL), KeepSchema: c.KeepSchema, Log: log.With("component", "catalog")})
	if err != nil {
		return nil, fmt.Errorf("open the catalog %s: %w", c.SQL, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	objects, err := uri.Open(ctx, c.Objects, uri.Options{S3: s3.OptionsFrom(getenv)})
	if err != nil {
		return nil, fmt.Errorf("object store: %w", err)
	}
	l, err := lake.Open(ctx, lake.Options{
		Catalog: db, Objects: objects, CacheDir: filepath.Join(c.DataDir, "cache"), Log: log,
		Maintenance: lake.Maintenance{KeepRetired: keepRetired(c), Retention: c.Retention},
	})
	if err != nil {
		return nil, fmt.Errorf("open the lake: %w", err)
	}
	return &storage{db, l}, nil
}

// keepRetired is how long files stay that compaction replaced: queries that began before may still read them.
func keepRetired(c Config) time.Duration {
	const least, margin = 30 * time.Minute, 5 * time.Minute
	return max(least, c.Query.Timeout+margin)
}

// Close flushes the lake, then closes what it stands on.
func (s *storage) Close() error { return errors.Join(s.lake.Close(), s.catalog.Close()) }
