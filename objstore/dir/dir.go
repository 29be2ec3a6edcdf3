// Package dir is an object store in a local directory: a blob is a file whose path is its key.
//
// # Writing
//
// A blob is written to a file without a name (Linux, O_TMPFILE) or with a name under .tmp/, synced, and then linked to
// its place. Linking fails if the place is taken, so nothing is overwritten and nobody sees a part. Syncing the folder
// makes the link durable. That is two syncs for each blob. A folder is synced into its parent once, when this process
// first writes into it, and remembered.
//
// Folders stay when their last blob is deleted: one that was removed and made again by others would no longer be known to be
// durable to those who remember it.
//
// Files under .tmp/ that a crash left behind are removed at Open when they are older than a day.
package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/micromegas-go/micromegas/objstore"
)

// Bucket is an open directory.
type Bucket struct {
	root    string // absolute
	folders folders
	named   atomic.Bool // files without a name have turned out to be impossible here
}

var _ objstore.Bucket = (*Bucket)(nil)

// Open opens the directory at path and creates it if need be.
func Open(path string) (*Bucket, error) {
	root, err := filepath.Abs(path)
	if err != nil || path == "" {
		return nil, fmt.Errorf("open object store: %q is not a directory", path)
	}
	b := &Bucket{root: root}
	if err := os.MkdirAll(b.tmp(), 0o750); err != nil {
		return nil, fmt.Errorf("open object store: %w", err)
	}
	if err := syncFolder(filepath.Dir(root)); err != nil {
		return nil, fmt.Errorf("open object store: %w", err)
	}
	return b, b.removeStale(time.Now().Add(-24 * time.Hour))
}

func (b *Bucket) tmp() string { return filepath.Join(b.root, ".tmp") }

// removeStale removes unfinished files that nobody has touched since before.
func (b *Bucket) removeStale(before time.Time) error {
	entries, err := os.ReadDir(b.tmp())
	if err != nil {
		return fmt.Errorf("open object store: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && info.ModTime().Before(before) {
			err = os.Remove(filepath.Join(b.tmp(), e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove an unfinished file: %w", err)
		}
	}
	return nil
}

// Path returns where the blob of a valid key lies, or would lie, so that it can be read in place. Nothing may write to
// it.
func (b *Bucket) Path(key string) (string, error) {
	if err := objstore.CheckKey(key); err != nil {
		return "", err
	}
	return filepath.Join(b.root, filepath.FromSlash(key)), nil
}

// Get implements objstore.Bucket.
func (b *Bucket) Get(_ context.Context, key string) ([]byte, error) {
	path, err := b.Path(key)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	return data, b.wrap("read", key, err)
}

// GetRange implements objstore.Bucket.
func (b *Bucket) GetRange(_ context.Context, key string, offset, n int64) ([]byte, error) {
	f, err := b.open(key)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, b.wrap("read", key, err)
	}
	if offset < 0 || n < 0 || offset > info.Size() || n > info.Size()-offset {
		return nil, fmt.Errorf("read object %s: %d bytes at %d of %d: %w", key, n, offset, info.Size(), objstore.ErrOutside)
	}
	data := make([]byte, n)
	if _, err := f.ReadAt(data, offset); err != nil && (n > 0 || !errors.Is(err, io.EOF)) {
		return nil, b.wrap("read", key, err)
	}
	return data, nil
}

// Reader implements objstore.Bucket.
func (b *Bucket) Reader(_ context.Context, key string) (io.ReadCloser, error) {
	f, err := b.open(key)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (b *Bucket) open(key string) (*os.File, error) {
	path, err := b.Path(key)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	return f, b.wrap("read", key, err)
}

// Stat implements objstore.Bucket.
func (b *Bucket) Stat(_ context.Context, key string) (objstore.Info, error) {
	path, err := b.Path(key)
	if err != nil {
		return objstore.Info{}, err
	}
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return objstore.Info{}, b.wrap("describe", key, err)
	}
	return objstore.Info{Key: key, Size: info.Size(), Modified: info.ModTime()}, nil
}

// Delete implements objstore.Bucket. It does not wait for the disk: what it removed may be there again after a crash.
func (b *Bucket) Delete(_ context.Context, key string) error {
	path, err := b.Path(key)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !missing(err) {
		return b.wrap("delete", key, err)
	}
	return nil
}

// Check implements objstore.Bucket.
func (b *Bucket) Check(ctx context.Context) error { return objstore.Probe(ctx, b) }

// wrap says what was done with which key, and turns a missing file into objstore.ErrNotFound, unless all are: a folder that
// is not mounted is out of reach, not empty.
func (b *Bucket) wrap(what, key string, err error) error {
	switch {
	case err == nil:
		return nil
	case missing(err):
		if _, err := os.Stat(b.tmp()); err != nil {
			return fmt.Errorf("%s object %s: the folder is no object store now: %w", what, key, noKey(err))
		}
		return fmt.Errorf("%s object %s: %w", what, key, objstore.ErrNotFound)
	default:
		return fmt.Errorf("%s object %s: %w", what, key, err)
	}
}
