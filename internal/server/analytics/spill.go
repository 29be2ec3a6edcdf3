package analytics

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// spill is the folder for what queries can't hold in memory, and for the Parquet files of static tables. Each process has one of its own below the shared one, with
// a locked file in it: opening removes the folders whose owner is gone, for instance killed for lack of memory in the
// middle of spilling gigabytes. A lock of the shared folder is held meanwhile, so that nobody takes a folder that is
// just being made for an abandoned one.
type spill struct {
	dir  string
	lock *os.File
}

const lockName = "owner.lock"

func openSpill(parent string) (_ *spill, err error) {
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, fmt.Errorf("create the folder for spilling: %w", err)
	}
	all, err := lockFile(filepath.Join(parent, "all.lock"), unix.LOCK_EX)
	if err != nil {
		return nil, fmt.Errorf("lock the folder for spilling: %w", err)
	}
	defer func() { err = errors.Join(err, all.Close()) }()
	removeAbandoned(parent)

	dir, err := os.MkdirTemp(parent, "node-")
	if err != nil {
		return nil, fmt.Errorf("create a folder for spilling: %w", err)
	}
	lock, err := lockFile(filepath.Join(dir, lockName), unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		return nil, fmt.Errorf("lock a folder for spilling: %w", err)
	}
	return &spill{dir, lock}, nil
}

// removeAbandoned removes what nobody has locked. What can't be removed now will be at another start.
func removeAbandoned(parent string) {
	dirs, err := filepath.Glob(filepath.Join(parent, "node-*"))
	if err != nil {
		return // only for a malformed pattern
	}
	for _, dir := range dirs {
		lock, err := lockFile(filepath.Join(dir, lockName), unix.LOCK_EX|unix.LOCK_NB)
		if err != nil {
			continue // in use
		}
		_ = os.RemoveAll(dir)
		_ = lock.Close()
	}
}

func lockFile(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Close removes the folder. It may be called twice.
func (s *spill) Close() error {
	if s.lock == nil {
		return nil
	}
	err := errors.Join(os.RemoveAll(s.dir), s.lock.Close())
	s.lock = nil
	return err
}
