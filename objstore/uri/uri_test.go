package uri_test

import (
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/micromegas-go/micromegas/objstore/dir"
	"github.com/micromegas-go/micromegas/objstore/s3"
	"github.com/micromegas-go/micromegas/objstore/uri"
)

func TestOpen(t *testing.T) {
	backend := s3mem.New()
	if err := backend.CreateBucket("lake"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	defer server.Close()
	o := uri.Options{S3: s3.Options{Endpoint: server.URL, AccessKey: "key", SecretKey: "secret", Retries: 1}}
	folder := filepath.Join(t.TempDir(), "lake")

	for _, text := range []string{folder, "file://" + folder, "file://localhost" + folder, "s3://lake", "s3://lake/a/b/"} {
		b, err := uri.Open(t.Context(), text, o)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if _, local := b.(*dir.Bucket); local == strings.HasPrefix(text, "s3:") {
			t.Errorf("%s: a %T", text, b)
		}
	}
	for _, text := range []string{
		"", "s3://", "s3://missing", "gs://lake", "file://host/x", "file://", "s3://key:secret@lake/", "s3://lake?x=y", "http://[",
	} {
		if b, err := uri.Open(t.Context(), text, o); err == nil {
			t.Errorf("%s: opened a %T", text, b)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows the secret: %v", text, err)
		}
	}
}
