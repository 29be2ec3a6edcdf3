package objstore_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/objstore"
)

// FuzzCheckKey sees that a key that is accepted stays inside the folder that it is joined to, in one spelling.
func FuzzCheckKey(f *testing.F) {
	for _, key := range []string{"a/b", "../a", "a/../../b", "a//b", ".tmp/x", "é", "a\\b", "C:x", "a\x00", "...", "a/.../b"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if objstore.CheckKey(key) != nil {
			return
		}
		path := filepath.Join("/root", filepath.FromSlash(key))
		if !strings.HasPrefix(path, "/root/") || path != "/root/"+key || strings.HasPrefix(path, "/root/.tmp") && key[:4] == ".tmp" &&
			(len(key) == 4 || key[4] == '/') {
			t.Errorf("%q is accepted and leads to %s", key, path)
		}
	})
}
