package lake

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// cache is a folder of files that this process made and can make again. A file is removed when nobody reads it and
// either it has no name or the cache is over its bound, least lately used first.
//
// Each process has a folder of its own below the shared one, with a locked file in it: opening removes the folders whose
// owner is gone.
type cache struct {
	dir  string
	lock *os.File
	max  int64 // bytes
	next atomic.Int64
	work sync.WaitGroup // files that are being made

	closing chan struct{} // closed by close

	mu     sync.Mutex
	named  map[string]*localFile
	making map[string]*making
	used   *list.List // of *localFile with a name, most lately used first
	size   int64
	closed bool
}

// localFile is a file of the cache, or of a local object store. It stays readable until it is released.
type localFile struct {
	path  string
	size  int64
	about any // what its maker told; see made

	cache *cache // nil: not ours to remove
	own   bool   // counts as long as it is there, although it has no name
	refs  int    // guarded by cache.mu, as all below
	name  string
	elem  *list.Element // nil without a name
}

const lockName = "owner.lock"

func openCache(parent string, max int64) (*cache, error) {
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, fmt.Errorf("create the cache folder: %w", err)
	}
	// One process at a time, so that nobody takes a folder that is not locked yet for one without an owner.
	opening, err := os.Create(filepath.Join(parent, "opening.lock"))
	if err != nil {
		return nil, fmt.Errorf("lock the cache folder: %w", err)
	}
	defer opening.Close()
	if err := unix.Flock(int(opening.Fd()), unix.LOCK_EX); err != nil {
		return nil, fmt.Errorf("lock the cache folder: %w", err)
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
	return &cache{
		dir: dir, lock: lock, max: max, closing: make(chan struct{}),
		named: map[string]*localFile{}, making: map[string]*making{}, used: list.New(),
	}, nil
}

// sweepCache removes the folders of processes that ended without removing them. No other process may be in openCache.
func sweepCache(parent string) {
	dirs, err := filepath.Glob(filepath.Join(parent, "node-*"))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		lock, err := os.Open(filepath.Join(dir, lockName))
		if errors.Is(err, fs.ErrNotExist) { // the process died in between
			_ = os.RemoveAll(dir)
		}
		if err != nil {
			continue
		}
		if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = os.RemoveAll(dir)
		}
		_ = lock.Close()
	}
}

// close ends what is being made and removes the folder.
func (c *cache) close() error {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.closing)
	}
	for _, m := range c.making {
		m.cancel()
	}
	c.mu.Unlock()
	c.work.Wait()
	return errors.Join(os.RemoveAll(c.dir), c.lock.Close())
}

// beside runs f in a goroutine of its own, whose context ends when the cache is closed; that waits for it. It returns false
// when the cache is closed already.
func (c *cache) beside(f func(ctx context.Context)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.work.Go(func() {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		go func() {
			select {
			case <-c.closing:
				cancel()
			case <-ctx.Done():
			}
		}()
		f(ctx)
	})
	return true
}

// temp returns a fresh path.
func (c *cache) temp() string {
	return filepath.Join(c.dir, strconv.FormatInt(c.next.Add(1), 36)+".parquet")
}

// adopt takes a finished file into the cache, once held. Without a name it lives until it is released.
func (c *cache) adopt(path string, size int64) *localFile {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.size += size
	c.evictLocked()
	return &localFile{path: path, size: size, cache: c, own: true, refs: 1}
}

// making is a file that is being made.
type making struct {
	done    chan struct{} // closed at the end; then the next two are set
	file    *localFile    // held once for each who waits
	err     error
	waiting int // guarded by cache.mu, as below
	cancel  context.CancelFunc
}

// get returns the file called name, held; fill writes it at the path it is given when it is not there. Callers that need
// the same file at the same time wait for one of them to make it; the context of fill ends when all of them have left.
func (c *cache) get(ctx context.Context, name string, fill func(ctx context.Context, path string) (int64, error)) (*localFile, error) {
	return c.obtain(ctx, name, func(ctx context.Context, path string) (made, error) {
		size, err := fill(ctx, path)
		return made{size: size}, err
	})
}

// made is a file that has been made.
type made struct {
	size  int64
	about any // kept with the file
}

// obtain is get for files that something is known about.
func (c *cache) obtain(ctx context.Context, name string, fill func(ctx context.Context, path string) (made, error)) (*localFile, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, refusal("the server is shutting down", nil)
	}
	if f := c.named[name]; f != nil {
		f.refs++
		c.used.MoveToFront(f.elem)
		c.mu.Unlock()
		return f, nil
	}
	m := c.making[name]
	if m == nil {
		m = c.startLocked(ctx, name, fill)
	}
	m.waiting++
	c.mu.Unlock()

	select {
	case <-m.done:
		return m.file, m.err
	case <-ctx.Done():
	}
	c.mu.Lock()
	select {
	case <-m.done:
		c.mu.Unlock()
		if m.file != nil {
			m.file.release()
		}
		return nil, context.Cause(ctx)
	default:
	}
	defer c.mu.Unlock()
	if m.waiting--; m.waiting == 0 {
		m.cancel()
		delete(c.making, name) // who comes now does not want to wait for what was cancelled
	}
	return nil, context.Cause(ctx)
}

func (c *cache) startLocked(ctx context.Context, name string, fill func(ctx context.Context, path string) (made, error)) *making {
	m := &making{done: make(chan struct{})}
	ctx, m.cancel = context.WithCancel(context.WithoutCancel(ctx)) // the one who makes it may leave before those who wait
	c.making[name] = m
	c.work.Go(func() {
		defer m.cancel()
		path := c.temp()
		file, err := fill(ctx, path)
		c.mu.Lock()
		defer c.mu.Unlock()
		defer close(m.done)
		if c.making[name] != m { // nobody waits
			err = context.Canceled
		} else {
			delete(c.making, name)
		}
		if err != nil {
			_ = os.Remove(path)
			m.err = err
			return
		}
		m.file = &localFile{path: path, size: file.size, about: file.about, cache: c, name: name, refs: m.waiting}
		c.named[name] = m.file
		m.file.elem = c.used.PushFront(m.file)
		c.size += file.size
		c.evictLocked()
	})
	return m
}

// evictLocked removes files that nobody reads, least lately used first, until the cache is within its bound.
func (c *cache) evictLocked() {
	for e := c.used.Back(); e != nil && c.size > c.max; {
		f := e.Value.(*localFile)
		e = e.Prev()
		if f.refs == 0 {
			delete(c.named, f.name)
			c.used.Remove(f.elem)
			c.size -= f.size
			_ = os.Remove(f.path)
		}
	}
}

// forget makes a file unknown to those who come now; it is removed when nobody reads it any more.
func (c *cache) forget(f *localFile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.elem == nil || c.named[f.name] != f {
		return
	}
	delete(c.named, f.name)
	c.used.Remove(f.elem)
	c.size -= f.size
	f.elem = nil
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
	if f.elem != nil {
		f.cache.evictLocked()
	} else if f.refs == 0 {
		if f.own {
			f.cache.size -= f.size
		}
		_ = os.Remove(f.path)
	}
}
