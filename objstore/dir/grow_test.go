package dir_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/micromegas-go/micromegas/objstore"
	"github.com/micromegas-go/micromegas/objstore/dir"
)

func TestGrow(t *testing.T) {
	root := t.TempDir()
	b, err := dir.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	g, err := b.Grow(t.Context(), "segments/a/1")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		parts  []string
		offset int64
	}{{[]string{"one"}, 0}, {[]string{"two", "", "three"}, 3}, {nil, 11}, {[]string{"four"}, 11}} {
		var parts [][]byte
		for _, p := range want.parts {
			parts = append(parts, []byte(p))
		}
		offset, err := g.Append(parts...)
		if err != nil || offset != want.offset {
			t.Fatalf("Append %d = %d, %v, want %d", i, offset, err, want.offset)
		}
		// Readable at once, while it grows.
		got, err := b.GetRange(t.Context(), "segments/a/1", offset, int64(len(bytes.Join(parts, nil))))
		if err != nil || !bytes.Equal(got, bytes.Join(parts, nil)) {
			t.Fatalf("GetRange %d = %q, %v", i, got, err)
		}
	}
	if _, err := b.Grow(t.Context(), "segments/a/1"); !errors.Is(err, objstore.ErrExists) {
		t.Errorf("Grow of a taken key = %v", err)
	}
	if _, err := b.Grow(t.Context(), "../x"); err == nil {
		t.Error("Grow outside of the root succeeded")
	}
	for range 2 {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := g.Append([]byte("x")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Append after Close = %v", err)
	}
	if err := os.RemoveAll(filepath.Join(root, "segments")); err != nil {
		t.Fatal(err)
	}
	g, err = b.Grow(t.Context(), "segments/a/2") // the folder is made anew
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
}
