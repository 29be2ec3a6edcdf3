// Package uri opens the object store that a URI names.
package uri

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/micromegas-go/micromegas/objstore"
	"github.com/micromegas-go/micromegas/objstore/dir"
	"github.com/micromegas-go/micromegas/objstore/s3"
)

// Options is what the URI does not say.
type Options struct {
	S3 s3.Options // see s3.OptionsFrom
}

// Open opens file:///path, a path, or s3://bucket/prefix, and checks that it can be written and does not overwrite.
func Open(ctx context.Context, uri string, o Options) (objstore.Bucket, error) {
	b, err := open(uri, o)
	if err != nil {
		return nil, err
	}
	if err := b.Check(ctx); err != nil {
		return nil, fmt.Errorf("open %s: %w", uri, err)
	}
	return b, nil
}

func open(uri string, o Options) (objstore.Bucket, error) {
	at, err := parse(uri)
	switch {
	case err != nil:
		return nil, err
	case at.bucket != "":
		return at.s3(o)
	}
	return dir.Open(at.dir)
}

// place is what a URI names: a folder of this machine, or what has a prefix in a bucket.
type place struct{ dir, bucket, prefix string }

func parse(uri string) (place, error) {
	if !strings.Contains(uri, "://") {
		return place{dir: uri}, nil
	}
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return place{}, errors.New("the object store's URI is malformed; it must be file:///path or s3://bucket/prefix")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return place{}, errors.New("the object store's URI must have neither user, query nor fragment; credentials are set apart")
	case u.Scheme == "file" && (u.Host == "" || u.Host == "localhost") && u.Path != "":
		return place{dir: filepath.FromSlash(u.Path)}, nil
	case u.Scheme == "s3" && u.Host != "":
		return place{bucket: u.Host, prefix: u.Path}, nil
	default:
		return place{}, fmt.Errorf("the object store's URI %q is neither file:///path nor s3://bucket/prefix", uri)
	}
}

func (p place) s3(o Options) (objstore.Bucket, error) { return s3.New(p.bucket, p.prefix, o.S3) }
