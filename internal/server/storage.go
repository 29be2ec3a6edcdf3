package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
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
	if err := makeDataDir(c); err != nil {
		return nil, err
	}
	// Both are tried, so that whoever mends one hears of the other too.
	db, err := catalog.Open(ctx, catalog.Options{DSN: string(c.SQL), KeepSchema: c.KeepSchema, Log: log.With("component", "catalog")})
	if err != nil {
		err = wrapCatalog(c, err)
	} else {
		defer func() {
			if err != nil {
				err = errors.Join(err, db.Close())
			}
		}()
	}
	objects, objectsErr := uri.Open(ctx, c.Objects, uri.Options{S3: s3.OptionsFrom(getenv)})
	if objectsErr != nil {
		objectsErr = fmt.Errorf("the object store %s: %w; %s", c.Objects, objectsErr, mendObjects(c, getenv))
	}
	if err = errors.Join(err, objectsErr); err != nil {
		return nil, err
	}
	if err := lake.Own(ctx, db, objects); err != nil {
		if errors.Is(err, lake.ErrForeign) {
			return nil, fmt.Errorf("the object store %s: %w; give each lake a place of its own with %s, or this one its catalog with %s",
				c.Objects, err, EnvObjects, EnvSQL)
		}
		return nil, fmt.Errorf("the object store %s: %w", c.Objects, err)
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

// makeDataDir creates the data folder. 0700: telemetry is nobody's business but its owner's.
func makeDataDir(c Config) error {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return fmt.Errorf("the data folder %s: %w; choose another with --%s or %s", c.DataDir, err, flagDataDir, EnvDataDir)
	}
	return nil
}

// wrapCatalog says which catalog err, which may be nil, is about, and for one that is out of reach what to look at.
func wrapCatalog(c Config, err error) error {
	switch {
	case err == nil:
		return nil
	case c.SQL.embedded() || !errors.Is(err, catalog.ErrUnavailable):
		return fmt.Errorf("the catalog %s: %w", c.SQL, err)
	default:
		return fmt.Errorf("the catalog %s: %w; see that the database is up and %s right", c.SQL, err, EnvSQL)
	}
}

// mendObjects says what to look at when the object store cannot be opened.
func mendObjects(c Config, getenv func(string) string) string {
	switch {
	case !strings.HasPrefix(c.Objects, "s3://"):
		return "choose another folder with " + EnvObjects
	case s3.OptionsFrom(getenv).AccessKey == "":
		return "AWS_ACCESS_KEY_ID is not set, so the credentials of this machine's role were asked for; see that " + EnvObjects +
			", AWS_ENDPOINT_URL and AWS_REGION are right"
	default:
		return "see that " + EnvObjects + ", AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are right"
	}
}

// keepRetired is how long files stay that compaction replaced: queries that began before may still read them.
func keepRetired(c Config) time.Duration {
	const least, margin = 30 * time.Minute, 5 * time.Minute
	return max(least, c.Query.Timeout+margin)
}

// Close flushes the lake, then closes what it stands on.
func (s *storage) Close() error { return errors.Join(s.lake.Close(), s.catalog.Close()) }
