package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/micromegas-go/micromegas/objstore"
)

// Put implements objstore.Bucket.
func (b *Bucket) Put(_ context.Context, key string, data []byte) error {
	return b.put(key, func(path string) error {
		return b.create(path, func(f *os.File) error {
			_, err := f.Write(data)
			return err
		})
	})
}

// PutFile implements objstore.Bucket. A file on the same file system is linked, any other copied.
func (b *Bucket) PutFile(_ context.Context, key, path string) error {
	return b.put(key, func(to string) error {
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("open the file: %w", noKey(err))
		}
		defer f.Close()
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
			return errors.Join(fmt.Errorf("%s is not a regular file", path), err)
		}
		if err := f.Sync(); err != nil {
			return err
		}
		err = os.Link(path, to)
		if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return b.create(to, func(t *os.File) error { // another file system, or one without links
			_, err := io.Copy(t, f)
			return err
		})
	})
}

// put prepares the key's folder, calls link to make the blob appear at its path, and syncs the folder. A folder that
// was removed after it was prepared is prepared once more.
func (b *Bucket) put(key string, link func(path string) error) error {
	path, err := b.Path(key)
	if err != nil {
		return err
	}
	folder := filepath.Dir(path)
	if err := b.folders.prepare(b.root, folder); err != nil {
		return fmt.Errorf("write object %s: %w", key, err)
	}
	if _, err := os.Lstat(path); err == nil { // spares writing it; link decides
		return b.exists(key, path)
	}
	err = link(path)
	if errors.Is(err, fs.ErrNotExist) {
		b.folders.forget()
		if err := b.folders.prepare(b.root, folder); err != nil {
			return fmt.Errorf("write object %s: %w", key, err)
		}
		err = link(path)
	}
	if errors.Is(err, fs.ErrExist) {
		return b.exists(key, path)
	}
	if err != nil {
		return fmt.Errorf("write object %s: %w", key, err)
	}
	if err := syncFolder(folder); err != nil {
		return fmt.Errorf("write object %s: %w", key, err)
	}
	return nil
}

// exists returns ErrExists for the blob at path. Its writer may not have synced the folder yet, or may have died before.
func (b *Bucket) exists(key, path string) error {
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write object %s: %w", key, err)
	}
	return fmt.Errorf("write object %s: %w", key, objstore.ErrExists)
}

// createNamed writes a file under .tmp/, syncs it and links it to path, which must not exist.
func (b *Bucket) createNamed(path string, write func(*os.File) error) (err error) {
	f, err := os.CreateTemp(b.tmp(), "put-*")
	if err != nil {
		return fmt.Errorf("create an unfinished file: %w", noKey(err))
	}
	defer func() {
		_ = f.Close() // after an error; else it was synced
		if rerr := os.Remove(f.Name()); err == nil {
			err = rerr
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}

// noKey hides the class of err, so that a missing file elsewhere is not taken for the key's missing folder.
func noKey(err error) error { return errors.New(err.Error()) }

// missing reports whether err says that a path does not exist, or that one of its folders is a file.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
