package lake

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/singleflight"
	"golang.org/x/sys/unix"
)

// cache is a folder of files that this process made and can make again. A file is removed when nobody reads it and
// either it is forgotten or the cache is over its bound, least lately used first.
//
// Each process has a folder of its own below the shared one, with a locked file in it: opening removes the folders whose
// owner is gone.
type cache struct {
	dir  string
	lock *os.File
	max  int64 // bytes
	next atomic.Int64
	once singleflight.Group

	mu    sync.Mutex
	named map[string]*localFile
	used  *list.List // of *localFile with a name, most lately used first
	size  int64
}

// localFile is a file of the cache, or of a local object store. It stays readable until it is released.
type localFile struct {
	path string
	size int64

	cache *cache // nil: not ours to remove
	refs  int    // guarded by cache.mu, as all below
	name  string
	elem  *list.Element // nil when forgotten
}

const lockName = "owner.lock"

func openCache(parent string, max int64) (*cache, error) {
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, fmt.Errorf("create the cache folder: %w", err)
	}
	sweepCache(parent)
	dir, err := os.MkdirTemp(parent, "node-")
	if err != nil {
		return nil, fmt.Errorf("create the cache folder: %w", err)
	}
	lock, err := os.Create(filepath.Join(dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("lock the cache folder: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("lock the cache folder %s: %w", dir, err)
	}
	return &cache{dir: dir, lock: lock, max: max, named: map[string]*localFile{}, used: list.New()}, nil
}

// sweepCache removes the folders of processes that ended without removing them.
func sweepCache(parent string) {
	dirs, err := filepath.Glob(filepath.Join(parent, "node-*"))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		lock, err := os.Open(filepath.Join(dir, lockName))
		if err != nil {
			continue // being created right now, or by a process that died in between: a few bytes
		}
		if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = os.RemoveAll(dir)
		}
		_ = lock.Close()
	}
}

func (c *cache) close() error {
	return errors.Join(os.RemoveAll(c.dir), c.lock.Close())
}

// temp returns a fresh path.
func (c *cache) temp() string {
	return filepath.Join(c.dir, strconv.FormatInt(c.next.Add(1), 36)+".parquet")
}

// adopt takes a finished file into the cache, once held. Without a name it lives until it is released.
func (c *cache) adopt(path string, size int64) *localFile {
	return &localFile{path: path, size: size, cache: c, refs: 1}
}

// get returns the file called name, held; make writes it at the path it is given when it is not there. Callers that need
// the same file at the same time wait for one of them to make it.
func (c *cache) get(ctx context.Context, name string, make func(ctx context.Context, path string) (int64, error)) (*localFile, error) {
	for {
		if f := c.hold(name); f != nil {
			return f, nil
		}
		result := c.once.DoChan(name, func() (any, error) {
			// The one who makes the file may leave before those who wait for it.
			return nil, c.make(context.WithoutCancel(ctx), name, make)
		})
		select {
		case r := <-result:
			if r.Err != nil {
				return nil, r.Err
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (c *cache) make(ctx context.Context, name string, make func(ctx context.Context, path string) (int64, error)) error {
	path := c.temp()
	size, err := make(ctx, path)
	if err != nil {
		_ = os.Remove(path)
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f := &localFile{path: path, size: size, cache: c, name: name}
	c.named[name] = f
	f.elem = c.used.PushFront(f)
	c.size += size
	for e := c.used.Back(); e != nil && c.size > c.max; {
		old := e.Value.(*localFile)
		e = e.Prev()
		if old != f {
			c.forgetLocked(old)
		}
	}
	return nil
}

func (c *cache) hold(name string) *localFile {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.named[name]
	if f != nil {
		f.refs++
		c.used.MoveToFront(f.elem)
	}
	return f
}

func (c *cache) forgetLocked(f *localFile) {
	delete(c.named, f.name)
	c.used.Remove(f.elem)
	f.elem = nil
	c.size -= f.size
	if f.refs == 0 {
		_ = os.Remove(f.path)
	}
}

// hold keeps f for one more reader.
func (f *localFile) hold() {
	if f.cache == nil {
		return
	}
	f.cache.mu.Lock()
	f.refs++
	f.cache.mu.Unlock()
}

// release lets go of f.
func (f *localFile) release() {
	if f.cache == nil {
		return
	}
	f.cache.mu.Lock()
	defer f.cache.mu.Unlock()
	f.refs--
	if f.refs == 0 && f.elem == nil {
		_ = os.Remove(f.path)
	}
}
