package server

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"

	"github.com/micromegas-go/micromegas/objstore"
	"github.com/micromegas-go/micromegas/objstore/dir"
)

func openObjects(_ context.Context, c Config, _ func(string) string) (objstore.Bucket, error) {
	u, err := url.Parse(c.Objects)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "file" {
		return nil, errors.New("not yet")
	}
	return dir.Open(filepath.FromSlash(u.Path))
}
