package dir_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/objstore"
	"github.com/micromegas-go/micromegas/objstore/dir"
	"github.com/micromegas-go/micromegas/objstore/objstoretest"
)

func open(t testing.TB) *dir.Bucket {
	t.Helper()
	b, err := dir.Open(filepath.Join(t.TempDir(), "a", "bucket"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDir(t *testing.T) {
	objstoretest.Run(t, func(t *testing.T) objstore.Bucket {
		t.Helper()
		return open(t)
	})
}

func TestDirNamed(t *testing.T) {
	objstoretest.Run(t, func(t *testing.T) objstore.Bucket {
		t.Helper()
		b := open(t)
		b.UseNamedFiles()
		return b
	})
}

func TestPath(t *testing.T) {
	b := open(t)
	if err := b.Put(t.Context(), "views/x.parquet", []byte("rows")); err != nil {
		t.Fatal(err)
	}
	path, err := b.Path("views/x.parquet")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "rows" || !filepath.IsAbs(path) {
		t.Errorf("%s has %q, %v", path, data, err)
	}
	if path, err := b.Path("../x"); err == nil {
		t.Errorf("Path of a key outside is %s", path)
	}
}

// TestNotMounted takes the whole folder away, and puts an empty one in its place: that is an outage, not missing blobs.
func TestNotMounted(t *testing.T) {
	b := open(t)
	if err := b.Put(t.Context(), "x/y", []byte("1")); err != nil {
		t.Fatal(err)
	}
	path, err := b.Path("x")
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Dir(path)
	if err := errors.Join(os.Rename(root, root+".away"), os.Mkdir(root, 0o700)); err != nil {
		t.Fatal(err)
	}
	_, got := b.Get(t.Context(), "x/y")
	_, ranged := b.GetRange(t.Context(), "x/y", 0, 1)
	_, stat := b.Stat(t.Context(), "x/y")
	for _, err := range []error{got, ranged, stat} {
		if err == nil || errors.Is(err, objstore.ErrNotFound) || errors.Is(err, objstore.ErrOutside) {
			t.Errorf("got %v, want an error of the store", err)
		}
	}
	if err := errors.Join(os.Remove(root), os.Rename(root+".away", root)); err != nil {
		t.Fatal(err)
	}
	if data, err := b.Get(t.Context(), "x/y"); err != nil || string(data) != "1" {
		t.Errorf("afterwards Get = %q, %v", data, err)
	}
}

// TestFolderRemoved removes a folder that the bucket remembers.
func TestFolderRemoved(t *testing.T) {
	b := open(t)
	path, err := b.Path("f/g")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"f/g/1", "f/g/2"} {
		if err := b.Put(t.Context(), key, nil); err != nil {
			t.Fatalf("Put %s: %v", key, err)
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.PutFile(t.Context(), "f/g/3", file); err != nil {
		t.Fatalf("PutFile: %v", err)
	}
}

// TestUnfinished leaves files as a crash does: nobody sees them, and Open removes the old ones.
func TestUnfinished(t *testing.T) {
	root := t.TempDir()
	b, err := dir.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	old, young := filepath.Join(root, ".tmp", "put-1"), filepath.Join(root, ".tmp", "put-2")
	for _, path := range []string{old, young} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	for info, err := range b.List(t.Context(), "") {
		t.Errorf("listed %v, %v", info, err)
	}
	if _, err := dir.Open(root); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old file: %v", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("the young file: %v", err)
	}
}

// TestNoTrace sees that writing leaves nothing unfinished.
func TestNoTrace(t *testing.T) {
	b := open(t)
	_ = b.Put(t.Context(), "x", nil)
	b.UseNamedFiles()
	for _, key := range []string{"x", "y", "y"} {
		_ = b.Put(t.Context(), key, nil)
	}
	path, err := b.Path("x")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(filepath.Dir(path), ".tmp"))
	if err != nil || len(entries) != 0 {
		t.Errorf(".tmp has %v, %v", entries, err)
	}
}

func TestOpenErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", file, filepath.Join(file, "x")} {
		if _, err := dir.Open(path); err == nil {
			t.Errorf("opened %q", path)
		}
	}
}

// broken is a bucket that overwrites, which Check must notice.
type broken struct{ objstore.Bucket }

func (b broken) Put(ctx context.Context, key string, data []byte) error {
	return errors.Join(b.Delete(ctx, key), b.Bucket.Put(ctx, key, data))
}

func TestProbe(t *testing.T) {
	err := objstore.Probe(t.Context(), broken{open(t)})
	if err == nil || !strings.Contains(err.Error(), "overwrites") {
		t.Errorf("Probe of a bucket that overwrites = %v", err)
	}
}

func BenchmarkPut(b *testing.B) {
	bucket := open(b)
	data := make([]byte, 64<<10)
	b.SetBytes(int64(len(data)))
	n := 0
	for b.Loop() {
		n++
		if err := bucket.Put(b.Context(), "segments/2026/11/24/"+time.Unix(0, int64(n)).Format("150405.000000000"), data); err != nil {
			b.Fatal(err)
		}
	}
}
