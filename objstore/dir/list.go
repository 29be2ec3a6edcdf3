package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"path/filepath"
	"strings"

	"github.com/micromegas-go/micromegas/objstore"
)

// errStop ends a walk that its reader has left.
var errStop = errors.New("stop")

// List implements objstore.Bucket. It walks the folder that the prefix names, and those below it.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[objstore.Info, error] {
	return func(yield func(objstore.Info, error) bool) {
		folder := path.Dir(prefix + "x")
		if !fs.ValidPath(folder) {
			yield(objstore.Info{}, fmt.Errorf("list objects: %.64q is not the beginning of a key", prefix))
			return
		}
		err := filepath.WalkDir(filepath.Join(b.root, filepath.FromSlash(folder)), func(p string, d fs.DirEntry, err error) error {
			if err == nil {
				err = ctx.Err()
			}
			if missing(err) {
				return nil
			}
			if err != nil {
				return err
			}
			return b.visit(p, d, prefix, yield)
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(objstore.Info{}, fmt.Errorf("list objects %s: %w", prefix, err))
		}
	}
}

func (b *Bucket) visit(p string, d fs.DirEntry, prefix string, yield func(objstore.Info, error) bool) error {
	if d.IsDir() {
		if p == b.tmp() {
			return filepath.SkipDir
		}
		return nil
	}
	rel, err := filepath.Rel(b.root, p)
	if err != nil {
		return err
	}
	key := filepath.ToSlash(rel)
	if !strings.HasPrefix(key, prefix) || !d.Type().IsRegular() || objstore.CheckKey(key) != nil {
		return nil //nolint:nilerr // what is no key is no blob
	}
	info, err := d.Info()
	switch {
	case missing(err): // deleted meanwhile
		return nil
	case err != nil:
		return err
	}
	if !yield(objstore.Info{Key: key, Size: info.Size(), Modified: info.ModTime()}, nil) {
		return errStop
	}
	return nil
}
