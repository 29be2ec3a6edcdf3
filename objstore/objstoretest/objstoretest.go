// Package objstoretest is the contract of objstore.Bucket as tests, which run on each implementation.
package objstoretest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/micromegas-go/micromegas/objstore"
)

// Run runs the suite; open returns an empty bucket that ends with the test.
func Run(t *testing.T, open func(t *testing.T) objstore.Bucket) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, objstore.Bucket){
		"put and get":   testPutGet,
		"put file":      testPutFile,
		"create only":   testCreateOnly,
		"race to put":   testRace,
		"ranges":        testRanges,
		"missing":       testMissing,
		"list":          testList,
		"delete":        testDelete,
		"keys":          testKeys,
		"check":         testCheck,
		"folder or key": testNested,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// random returns n bytes that depend on n only.
func random(n int) []byte {
	data := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = r.Read(data) // never fails
	return data
}

func testPutGet(t *testing.T, b objstore.Bucket) {
	for key, data := range map[string][]byte{
		"a":                       []byte("one"),
		"segments/2026/11/24/x-1": random(3 << 20),
		"empty":                   {},
		"with space/é/+%41&=;@":   []byte("strange key"),
	} {
		t.Run(key, func(t *testing.T) {
			before := time.Now()
			ok(t, b.Put(t.Context(), key, data))
			check(t, b, key, data)
			info, err := b.Stat(t.Context(), key)
			ok(t, err)
			if age := info.Modified.Sub(before); age < -time.Minute || age > time.Minute {
				t.Errorf("modified at %v, want about %v", info.Modified, before)
			}
		})
	}
}

// check sees that the blob is there, by all ways of reading it.
func check(t *testing.T, b objstore.Bucket, key string, want []byte) {
	t.Helper()
	got, err := b.Get(t.Context(), key)
	ok(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("Get %s: %d bytes that differ from the %d that were put", key, len(got), len(want))
	}
	r, err := b.Reader(t.Context(), key)
	ok(t, err)
	got, err = io.ReadAll(r)
	ok(t, errors.Join(err, r.Close()))
	if !bytes.Equal(got, want) {
		t.Errorf("Reader %s: %d bytes that differ from the %d that were put", key, len(got), len(want))
	}
	info, err := b.Stat(t.Context(), key)
	ok(t, err)
	if info.Size != int64(len(want)) || info.Key != key {
		t.Errorf("Stat = %+v, want %s, %d bytes", info, key, len(want))
	}
}

func testPutFile(t *testing.T, b objstore.Bucket) {
	for _, n := range []int{0, 100, 6 << 20} {
		data := random(n)
		path := filepath.Join(t.TempDir(), "file")
		ok(t, os.WriteFile(path, data, 0o600))
		key := "files/" + filepath.Base(filepath.Dir(path))
		ok(t, b.PutFile(t.Context(), key, path))
		if err := b.PutFile(t.Context(), key, path); !errors.Is(err, objstore.ErrExists) {
			t.Errorf("second PutFile = %v, want ErrExists", err)
		}
		ok(t, os.Remove(path)) // it is the caller's
		check(t, b, key, data)
	}
	err := b.PutFile(t.Context(), "files/missing", filepath.Join(t.TempDir(), "missing"))
	if err == nil || errors.Is(err, objstore.ErrNotFound) || errors.Is(err, objstore.ErrExists) {
		t.Errorf("PutFile of a missing file = %v, want another error", err)
	}
	if err := b.PutFile(t.Context(), "files/folder", t.TempDir()); err == nil {
		t.Error("PutFile took a folder")
	}
	if got := keys(t, b, "files/"); len(got) != 3 {
		t.Errorf("got %v, want three files", got)
	}
}

func testCreateOnly(t *testing.T, b objstore.Bucket) {
	ok(t, b.Put(t.Context(), "x/1", []byte("first")))
	if err := b.Put(t.Context(), "x/1", []byte("second")); !errors.Is(err, objstore.ErrExists) {
		t.Errorf("second Put = %v, want ErrExists", err)
	}
	check(t, b, "x/1", []byte("first"))
	ok(t, b.Delete(t.Context(), "x/1"))
	ok(t, b.Put(t.Context(), "x/1", []byte("third")))
	check(t, b, "x/1", []byte("third"))
}

// testRace lets many put the same key: one succeeds and its data is there.
func testRace(t *testing.T, b objstore.Bucket) {
	var winner atomic.Int32
	g, ctx := errgroup.WithContext(t.Context())
	for i := range int32(8) {
		g.Go(func() error {
			err := b.Put(ctx, "race/x", bytes.Repeat([]byte{byte(i)}, 1000))
			if errors.Is(err, objstore.ErrExists) {
				return nil
			}
			if err == nil && winner.Swap(i+1) != 0 {
				t.Error("two puts succeeded")
			}
			return err
		})
	}
	ok(t, g.Wait())
	check(t, b, "race/x", bytes.Repeat([]byte{byte(winner.Load() - 1)}, 1000))
}

func testRanges(t *testing.T, b objstore.Bucket) {
	data := []byte("0123456789")
	ok(t, b.Put(t.Context(), "r", data))
	ok(t, b.Put(t.Context(), "empty", nil))
	for name, tc := range map[string]struct {
		key       string
		offset, n int64
		want      string // "" with n > 0: ErrOutside
	}{
		"all":                {"r", 0, 10, "0123456789"},
		"inside":             {"r", 3, 4, "3456"},
		"the last":           {"r", 9, 1, "9"},
		"nothing":            {"r", 5, 0, ""},
		"nothing at the end": {"r", 10, 0, ""},
		"nothing of nothing": {"empty", 0, 0, ""},
		"too long":           {"r", 5, 6, ""},
		"behind the end":     {"r", 10, 1, ""},
		"overflow":           {"r", 1, 1<<63 - 1, ""},
		"before the start":   {"r", -1, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := b.GetRange(t.Context(), tc.key, tc.offset, tc.n)
			wantError := tc.want == "" && tc.n > 0
			if errors.Is(err, objstore.ErrOutside) != wantError || err != nil && !wantError || string(got) != tc.want {
				t.Errorf("got %q, %v; want %q, an error: %v", got, err, tc.want, wantError)
			}
		})
	}
	if _, err := b.GetRange(t.Context(), "r", 0, -1); err == nil {
		t.Error("a negative length is no error")
	}
}

func testMissing(t *testing.T, b objstore.Bucket) {
	ok(t, b.Put(t.Context(), "there/x", nil))
	for _, key := range []string{"missing", "there/missing", "missing/missing"} {
		for name, get := range map[string]func(context.Context) error{
			"Get":      func(ctx context.Context) error { _, err := b.Get(ctx, key); return err },
			"GetRange": func(ctx context.Context) error { _, err := b.GetRange(ctx, key, 0, 1); return err },
			"Stat":     func(ctx context.Context) error { _, err := b.Stat(ctx, key); return err },
			"Reader": func(ctx context.Context) error {
				r, err := b.Reader(ctx, key)
				if err != nil {
					return err
				}
				_, err = io.ReadAll(r)
				return errors.Join(err, r.Close())
			},
		} {
			if err := get(t.Context()); !errors.Is(err, objstore.ErrNotFound) || !strings.Contains(err.Error(), key) {
				t.Errorf("%s %s = %v, want ErrNotFound that names the key", name, key, err)
			}
		}
	}
}

func keys(t *testing.T, b objstore.Bucket, prefix string) []string {
	t.Helper()
	var list []string
	for info, err := range b.List(t.Context(), prefix) {
		ok(t, err)
		list = append(list, info.Key)
	}
	slices.Sort(list)
	return list
}

func testList(t *testing.T, b objstore.Bucket) {
	if got := keys(t, b, ""); len(got) != 0 {
		t.Fatalf("the empty bucket has %v", got)
	}
	all := []string{"a.b/x", "a/b/c", "a/b/d", "a/bc", "ab", "b"}
	for i, key := range all {
		ok(t, b.Put(t.Context(), key, random(i)))
	}
	for prefix, want := range map[string][]string{
		"":       all,
		"a":      all[:5],
		"a/":     all[1:4],
		"a/b":    all[1:4],
		"a/b/":   all[1:3],
		"a/b/c":  all[1:2],
		"a/b/c/": nil,
		"c":      nil,
		"c/d/":   nil,
		".":      nil,
		".t":     nil,
	} {
		if got := keys(t, b, prefix); !slices.Equal(got, want) {
			t.Errorf("List %q = %v, want %v", prefix, got, want)
		}
	}
	for info, err := range b.List(t.Context(), "a/bc") {
		ok(t, err)
		if info.Size != 3 || time.Since(info.Modified).Abs() > time.Minute {
			t.Errorf("got %+v, want 3 bytes, modified now", info)
		}
	}
	n := 0
	for range b.List(t.Context(), "") { // a reader may leave
		if n++; n == 2 {
			break
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	var last error
	for _, err := range b.List(canceled, "") {
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("List with an ended context ends with %v", last)
	}
}

func testDelete(t *testing.T, b objstore.Bucket) {
	ok(t, b.Put(t.Context(), "d/x", nil))
	ok(t, b.Put(t.Context(), "d/y", nil))
	for range 2 {
		ok(t, b.Delete(t.Context(), "d/x"))
	}
	ok(t, b.Delete(t.Context(), "never/was"))
	if got := keys(t, b, ""); !slices.Equal(got, []string{"d/y"}) {
		t.Errorf("got %v, want d/y", got)
	}
}

func testKeys(t *testing.T, b objstore.Bucket) {
	for _, key := range []string{
		"", ".", "..", "/", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", `a\b`, "a\x00b", "a\nb", "\xff", ".tmp", ".tmp/x", "c:/x",
		strings.Repeat("x", 256), strings.Repeat("xx/", 400) + "x",
	} {
		_, getErr := b.Get(t.Context(), key)
		_, rangeErr := b.GetRange(t.Context(), key, 0, 0)
		_, readErr := b.Reader(t.Context(), key)
		_, statErr := b.Stat(t.Context(), key)
		for name, err := range map[string]error{
			"Put": b.Put(t.Context(), key, nil), "PutFile": b.PutFile(t.Context(), key, os.Args[0]), "Get": getErr,
			"GetRange": rangeErr, "Reader": readErr, "Stat": statErr, "Delete": b.Delete(t.Context(), key),
		} {
			if err == nil || errors.Is(err, objstore.ErrNotFound) {
				t.Errorf("%s %.20q = %v, want an error about the key", name, key, err)
			}
		}
	}
	if got := keys(t, b, ""); len(got) != 0 {
		t.Errorf("got %v, want nothing", got)
	}
}

func testCheck(t *testing.T, b objstore.Bucket) {
	for range 2 {
		ok(t, b.Check(t.Context()))
	}
	if got := keys(t, b, ""); len(got) != 0 {
		t.Errorf("Check left %v", got)
	}
}

// testNested uses a key as a folder. A directory store cannot have both, S3 can; neither may do harm.
func testNested(t *testing.T, b objstore.Bucket) {
	ok(t, b.Put(t.Context(), "n/x", []byte("blob")))
	_ = b.Put(t.Context(), "n/x/y", nil)
	_ = b.Put(t.Context(), "n", nil)
	check(t, b, "n/x", []byte("blob"))
	if _, err := b.Get(t.Context(), "n/x/z"); !errors.Is(err, objstore.ErrNotFound) {
		t.Errorf("Get below a blob = %v, want ErrNotFound", err)
	}
	ok(t, b.Delete(t.Context(), "n/x/z"))
}
