package dir

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// create writes a file without a name, syncs it and links it to path, which must not exist. The file vanishes by itself
// if anything goes wrong. See open(2), O_TMPFILE; file systems without it, or without /proc, get a named file.
func (b *Bucket) create(path string, write func(*os.File) error) error {
	if b.named.Load() {
		return b.createNamed(path, write)
	}
	fd, err := unix.Open(filepath.Dir(path), unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o640)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EINVAL) {
		b.named.Store(true)
		return b.createNamed(path, write)
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: filepath.Dir(path), Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	err = unix.Linkat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(fd), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	if errors.Is(err, unix.ENOENT) {
		if _, perr := os.Stat("/proc/self/fd"); perr != nil {
			b.named.Store(true)
			return b.createNamed(path, write)
		}
	}
	if err != nil {
		return &os.LinkError{Op: "link", Old: "unfinished file", New: path, Err: err}
	}
	return nil
}
