package lake

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/internal/fault"
)

func newCache(t *testing.T, maxBytes int64) *cache {
	t.Helper()
	c, err := openCache(t.TempDir(), maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.close() })
	return c
}

// fill writes a file of ten bytes.
func fill(_ context.Context, path string) (int64, error) { return writeFile(path, make([]byte, 10)) }

func exists(f *localFile) bool {
	_, err := os.Stat(f.path)
	return err == nil
}

// TestCacheOpenTogether opens caches in one folder at the same time: none takes another's folder for abandoned.
func TestCacheOpenTogether(t *testing.T) {
	parent := t.TempDir()
	for range 20 {
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				c, err := openCache(parent, 1)
				if err != nil {
					t.Error(err)
					return
				}
				f, err := c.get(t.Context(), "x", fill)
				if err != nil {
					t.Error(err)
				} else {
					f.release()
				}
				if err := c.close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

func TestCacheSweeps(t *testing.T) {
	parent := t.TempDir()
	unlocked, dead := filepath.Join(parent, "node-1"), filepath.Join(parent, "node-2")
	if err := errors.Join(os.Mkdir(unlocked, 0o700), os.Mkdir(dead, 0o700), os.WriteFile(filepath.Join(dead, lockName), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	alive, err := openCache(parent, 1)
	if err != nil {
		t.Fatal(err)
	}
	other, err := openCache(parent, 1)
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{unlocked: false, dead: false, alive.dir: true, other.dir: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if err := errors.Join(alive.close(), other.close()); err != nil {
		t.Error(err)
	}
}

// TestCacheBound sees that files in use stay, with their names, and that the others make room.
func TestCacheBound(t *testing.T) {
	c := newCache(t, 25)
	made := map[string]int{}
	get := func(name string) *localFile {
		f, err := c.get(t.Context(), name, func(ctx context.Context, path string) (int64, error) {
			made[name]++
			return fill(ctx, path)
		})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	a, b, d := get("a"), get("b"), get("d")
	again := get("a")
	if again != a || !exists(a) || !exists(b) || !exists(d) {
		t.Error("a file in use is gone")
	}
	again.release()
	b.release() // over the bound
	if !exists(a) || exists(b) || !exists(d) || c.size != 20 {
		t.Errorf("after a release: %t %t %t, %d bytes; want the released one gone", exists(a), exists(b), exists(d), c.size)
	}
	a.release()
	d.release()
	get("b").release()
	if !exists(a) || exists(d) || c.size != 20 || c.used.Len() != len(c.named) {
		t.Errorf("a is there: %t, d: %t, %d bytes; want d gone, which was used less lately", exists(a), exists(d), c.size)
	}
	if made["a"] != 1 || made["b"] != 2 || made["d"] != 1 {
		t.Errorf("made %v", made)
	}
}

func TestCacheMakesOnce(t *testing.T) {
	c := newCache(t, 100)
	var made atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			f, err := c.get(t.Context(), "x", func(ctx context.Context, path string) (int64, error) {
				made.Add(1)
				return fill(ctx, path)
			})
			if err != nil {
				t.Error(err)
				return
			}
			if !exists(f) {
				t.Error("the file is gone")
			}
			f.release()
		})
	}
	wg.Wait()
	if made.Load() != 1 || c.used.Len() != 1 || c.named["x"].refs != 0 {
		t.Errorf("made %d times, %d files, %d readers", made.Load(), c.used.Len(), c.named["x"].refs)
	}
}

// TestCacheLeave sees that a file is made to its end while somebody waits for it, and not longer.
func TestCacheLeave(t *testing.T) {
	c := newCache(t, 100)
	started, finish, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	slow := func(ctx context.Context, path string) (int64, error) {
		close(started)
		select {
		case <-finish:
			return fill(ctx, path)
		case <-ctx.Done():
			ended <- ctx.Err()
			return 0, ctx.Err()
		}
	}
	first, leave := context.WithCancel(t.Context())
	second, leaveToo := context.WithCancel(t.Context())
	results := make(chan error, 2)
	go func() { _, err := c.get(first, "x", slow); results <- err }()
	<-started
	go func() { _, err := c.get(second, "x", slow); results <- err }()
	for waiting := 0; waiting < 2; time.Sleep(time.Millisecond) {
		c.mu.Lock()
		waiting = c.making["x"].waiting
		c.mu.Unlock()
	}
	leave()
	if err := <-results; !errors.Is(err, context.Canceled) {
		t.Errorf("the first got %v", err)
	}
	select {
	case err := <-ended:
		t.Fatalf("making ended while one still waits: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	leaveToo()
	if err := <-results; !errors.Is(err, context.Canceled) {
		t.Errorf("the second got %v", err)
	}
	<-ended
	f, err := c.get(t.Context(), "x", fill)
	if err != nil {
		t.Fatal(err)
	}
	f.release()
}

// TestCacheClose closes the cache while a file is being made.
func TestCacheClose(t *testing.T) {
	c := newCache(t, 100)
	started := make(chan struct{})
	result := make(chan error, 1)
	go func() {
		_, err := c.get(t.Context(), "x", func(ctx context.Context, path string) (int64, error) {
			close(started)
			<-ctx.Done()
			return fill(ctx, path)
		})
		result <- err
	}()
	<-started
	if err := c.close(); err != nil {
		t.Error(err)
	}
	<-result
	if _, err := c.get(t.Context(), "x", fill); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("get after close = %v", err)
	}
	if _, err := os.Stat(c.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder: %v", err)
	}
}
