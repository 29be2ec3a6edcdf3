package uri_test

import (
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/micromegas-go/micromegas/objstore/s3"
	"github.com/micromegas-go/micromegas/objstore/uri"
)

// names opens the folder and returns its files as "name size content".
func names(t *testing.T, folder string, o uri.Options) []string {
	t.Helper()
	f, err := uri.OpenFolder(t.Context(), folder, o)
	if err != nil {
		t.Fatal(err)
	}
	files, err := f.Files(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, info := range files {
		r, err := f.Open(t.Context(), info.Key)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil || int64(len(data)) != info.Size || info.Modified.IsZero() {
			t.Errorf("%s: %d bytes of %d, %v, changed %s", info.Key, len(data), info.Size, err, info.Modified)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		got = append(got, info.Key+" "+string(data))
	}
	slices.Sort(got)
	return got
}

// A folder that nobody may write to, as Kubernetes mounts a ConfigMap: links to files in a hidden folder.
func TestLocalFolder(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"..v1/hosts.csv": "a", "..v1/it's 1.json": "{}", "below/x.csv": "x", ".hidden.csv": "h"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"..data": "..v1", "hosts.csv": "..data/hosts.csv", "it's 1.json": "..data/it's 1.json", "nowhere.csv": "..data/gone"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	for _, text := range []string{dir, "file://" + dir} {
		if got, want := names(t, text, uri.Options{}), []string{"hosts.csv a", "it's 1.json {}"}; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	f, err := uri.OpenFolder(t.Context(), dir, uri.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Open(t.Context(), "../x"); err == nil {
		t.Error("a file outside of the folder was opened")
	}
	for _, text := range []string{"", filepath.Join(dir, "missing"), filepath.Join(dir, "hosts.csv"), "gs://x", "s3://key:secret@lake"} {
		if _, err := uri.OpenFolder(t.Context(), text, uri.Options{}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 7 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
}

func TestS3Folder(t *testing.T) {
	backend := s3mem.New()
	if err := backend.CreateBucket("lake"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	defer server.Close()
	o := uri.Options{S3: s3.Options{Endpoint: server.URL, AccessKey: "key", SecretKey: "secret", Retries: 1}}
	lake, err := s3.New("lake", "", o.S3)
	if err != nil {
		t.Fatal(err)
	}
	for key, text := range map[string]string{"tables/hosts.csv": "a", "tables/below/x.csv": "x", "tables/.hidden.csv": "h", "tables2/x.csv": "x", "y.csv": "y"} {
		if err := lake.Put(t.Context(), key, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for folder, want := range map[string][]string{"s3://lake/tables": {"hosts.csv a"}, "s3://lake/tables/": {"hosts.csv a"}, "s3://lake": {"y.csv y"}, "s3://lake/none": nil} {
		if got := names(t, folder, o); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", folder, got, want)
		}
	}
	if _, err := uri.OpenFolder(t.Context(), "s3://missing/tables", o); err == nil {
		t.Error("a folder of a bucket that is not there was opened")
	}
}
