package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/micromegas-go/micromegas/objstore"
)

var _ objstore.Grower = (*Bucket)(nil)

// Grow implements objstore.Grower: one sync for each Append, where Put needs one for the file and one for its folder.
func (b *Bucket) Grow(_ context.Context, key string) (objstore.Growing, error) {
	path, err := b.Path(key)
	if err != nil {
		return nil, err
	}
	folder := filepath.Dir(path)
	if err := b.folders.prepare(b.root, folder); err != nil {
		return nil, fmt.Errorf("create object %s: %w", key, err)
	}
	f, err := createNew(path)
	if errors.Is(err, fs.ErrNotExist) { // the folder was removed after it was prepared
		b.folders.forget()
		if err := b.folders.prepare(b.root, folder); err != nil {
			return nil, fmt.Errorf("create object %s: %w", key, err)
		}
		f, err = createNew(path)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("create object %s: %w", key, objstore.ErrExists)
	}
	if err != nil {
		return nil, fmt.Errorf("create object %s: %w", key, err)
	}
	if err := syncFolder(folder); err != nil {
		return nil, errors.Join(fmt.Errorf("create object %s: %w", key, err), f.Close())
	}
	return &growing{key: key, file: f}, nil
}

func createNew(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// growing is a file that is written at its end.
type growing struct {
	key  string
	file *os.File
	size int64
	err  error // of the Append after which there is no other
}

func (g *growing) Append(parts ...[]byte) (int64, error) {
	if g.err != nil {
		return 0, g.err
	}
	offset := g.size
	for _, p := range parts {
		n, err := g.file.Write(p)
		g.size += int64(n)
		if err != nil {
			return 0, g.fail(err)
		}
	}
	if err := g.file.Sync(); err != nil {
		return 0, g.fail(err) // the kernel may have dropped what it could not write: never trust this file again
	}
	if removed(g.file) { // by whoever cleans up where they should not: what is added would be gone with the last reader
		return 0, g.fail(fs.ErrNotExist)
	}
	return offset, nil
}

func (g *growing) fail(err error) error {
	g.err = fmt.Errorf("add to object %s: %w", g.key, err)
	return g.err
}

func (g *growing) Close() error {
	if errors.Is(g.err, fs.ErrClosed) {
		return nil
	}
	g.err = fmt.Errorf("add to object %s: %w", g.key, fs.ErrClosed)
	return g.file.Close()
}
