package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// spool is a folder of blocks that could not be sent. A file appears in it whole or not at all, and is removed when the
// server has acknowledged its block. Programs may share the folder: whoever finds a file sends it, and when two do, the
// server stores the block once.
type spool struct {
	dir     string
	retryAt time.Time // after a failure; guarded by the sink's mutex
}

const (
	spoolSuffix = ".mmspool"
	// tempAge is after which a temporary file is certainly left over.
	tempAge = time.Hour
	// spoolPause is how long writing rests after a failure, such as a full disk.
	spoolPause = time.Minute
)

func newSpool(dir string) *spool { return &spool{dir: dir} }

// name is a file's name: it sorts by age and tells what a loss would count.
func (e *entry) name() string {
	return fmt.Sprintf("%020d-%s-%d-%s%s", max(e.created, 0), e.kind, e.events, uuid.UUID(e.block), spoolSuffix)
}

// parseName reads what name wrote.
func parseName(name string) (e entry, ok bool) {
	stem, ok := strings.CutSuffix(name, spoolSuffix)
	if !ok {
		return entry{}, false
	}
	const parts = 4
	fields := strings.SplitN(stem, "-", parts)
	if len(fields) != parts {
		return entry{}, false
	}
	var err1, err2, err3 error
	var id uuid.UUID
	e.created, err1 = strconv.ParseInt(fields[0], 10, 64)
	e.events, err2 = strconv.Atoi(fields[2])
	id, err3 = uuid.Parse(fields[3])
	copy(e.block[:], id[:])
	e.kind = kinds
	for k := range Kind(kinds) {
		if k.String() == fields[1] {
			e.kind = k
		}
	}
	if errors.Join(err1, err2, err3) != nil || e.kind == kinds || e.events < 0 || e.created < 0 {
		return entry{}, false
	}
	return e, true
}

// write makes a file, durably, and returns its path and length.
func (s *spool) write(e *entry) (path string, n int64, err error) {
	data := e.encode()
	if len(data) > maxSpoolFile {
		return "", 0, fmt.Errorf("a block of %d bytes is too large for a file", len(data))
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return "", 0, err
	}
	path = filepath.Join(s.dir, e.name())
	f, err := os.CreateTemp(s.dir, e.name()+".*.tmp")
	if err != nil {
		return "", 0, err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return "", 0, errors.Join(err, os.Remove(f.Name()))
	}
	syncDir(s.dir)
	return path, int64(len(data)), nil
}

// syncDir makes a rename durable where a folder can be synced; Windows cannot, and a lost file is no worse there than
// the crash that loses it.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

// unreadableError says that a file cannot be read for now: what is in it may be whole.
type unreadableError struct{ err error }

func (e *unreadableError) Error() string { return "spool: " + e.err.Error() }
func (e *unreadableError) Unwrap() error { return e.err }

// read returns what a file holds; [errElsewhere] when it is gone, an [unreadableError] when it is out of reach, a
// [spoolError] when it is damaged.
func (s *spool) read(path string) (entry, error) {
	info, err := os.Stat(path)
	if err == nil && info.Mode().IsRegular() && info.Size() > maxSpoolFile {
		return entry{}, &spoolError{fmt.Errorf("%s: the file is too large", filepath.Base(path))}
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return entry{}, errElsewhere
	}
	if err != nil {
		return entry{}, &unreadableError{err}
	}
	e, err := decodeEntry(data)
	if err != nil {
		return entry{}, &spoolError{fmt.Errorf("%s: %w", filepath.Base(path), err)}
	}
	return e, nil
}

func (s *spool) remove(path string) { _ = os.Remove(path) } // another program may have been faster

// found is a file that an earlier run, or another program, left.
type found struct {
	entry
	path string
	size int64
}

// list returns the files, oldest first, and removes temporary ones that nobody will finish.
func (s *spool) list(now time.Time) ([]found, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []found
	for _, d := range entries {
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		path := filepath.Join(s.dir, d.Name())
		if strings.HasSuffix(d.Name(), ".tmp") && strings.Contains(d.Name(), spoolSuffix) {
			if now.Sub(info.ModTime()) > tempAge {
				s.remove(path)
			}
			continue
		}
		if e, ok := parseName(d.Name()); ok {
			all = append(all, found{entry: e, path: path, size: info.Size()})
		}
	}
	slices.SortFunc(all, func(a, b found) int { return strings.Compare(a.path, b.path) })
	return all, nil
}
