package analytics

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/micromegas-go/micromegas/internal/server"
	"github.com/micromegas-go/micromegas/objstore/uri"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/static"
)

// openStatic reads the static tables; nil when none are configured.
func openStatic(ctx context.Context, b *server.Base, dir string, log *slog.Logger) (*static.Tables, error) {
	c := b.Config.Static
	if c.Folder == "" {
		return nil, nil
	}
	folder, err := uri.OpenFolder(ctx, c.Folder, b.Stores)
	if err != nil {
		return nil, fmt.Errorf("%s: the folder cannot be read: %w", server.EnvStatic, err)
	}
	tables, err := static.Open(ctx, folder, static.Options{
		Dir: filepath.Join(dir, "static"), MaxBytes: c.Bytes, Log: log,
		Taken: func(ctx context.Context, name string) (string, error) {
			return query.NameTaken(ctx, b.Lake, b.Catalog, name)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("%s: not every file can be a table:\n%w", server.EnvStatic, err)
	}
	return tables, nil
}
