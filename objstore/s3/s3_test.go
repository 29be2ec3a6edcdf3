package s3_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/micromegas-go/micromegas/objstore"
	"github.com/micromegas-go/micromegas/objstore/objstoretest"
	"github.com/micromegas-go/micromegas/objstore/s3"
)

// newServer starts an S3 service in memory with a bucket named lake, behind wrap.
func newServer(t *testing.T, wrap func(http.Handler) http.Handler) s3.Options {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("lake"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(wrap(gofakes3.New(backend).Server()))
	t.Cleanup(server.Close)
	return s3.Options{Endpoint: server.URL, AccessKey: "key", SecretKey: "secret"}
}

func open(t *testing.T, prefix string, o s3.Options) *s3.Bucket {
	t.Helper()
	b, err := s3.New("lake", prefix, o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func asIs(h http.Handler) http.Handler { return h }

func TestS3(t *testing.T) {
	for _, prefix := range []string{"", "some/prefix"} {
		t.Run("prefix "+prefix, func(t *testing.T) {
			objstoretest.Run(t, func(t *testing.T) objstore.Bucket {
				t.Helper()
				return open(t, prefix, newServer(t, asIs))
			})
		})
	}
}

func TestPrefix(t *testing.T) {
	o := newServer(t, asIs)
	whole, part, other := open(t, "", o), open(t, "/part/", o), open(t, "par", o)
	if err := part.Put(t.Context(), "x", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if data, err := whole.Get(t.Context(), "part/x"); err != nil || string(data) != "1" {
		t.Errorf("Get of the whole = %q, %v", data, err)
	}
	for info, err := range other.List(t.Context(), "") {
		t.Errorf("another prefix lists %v, %v", info, err)
	}
}

// TestIgnoresCondition has a service that overwrites, as some do: Check must tell.
func TestIgnoresCondition(t *testing.T) {
	b := open(t, "", newServer(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("If-None-Match")
			h.ServeHTTP(w, r)
		})
	}))
	if err := b.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "If-None-Match") {
		t.Errorf("Check = %v, want an error that says what the service lacks", err)
	}
}

// TestLostAnswer lets the answer to the first upload get lost: the client's second upload finds its own blob.
func TestLostAnswer(t *testing.T) {
	var puts atomic.Int32
	b := open(t, "", newServer(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && puts.Add(1) == 1 {
				h.ServeHTTP(httptest.NewRecorder(), r)
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			h.ServeHTTP(w, r)
		})
	}))
	if err := b.Put(t.Context(), "x", []byte("data")); err != nil {
		t.Errorf("Put = %v", err)
	}
	if n := puts.Load(); n != 2 {
		t.Errorf("%d uploads, want 2", n)
	}
	if err := b.Put(t.Context(), "x", []byte("data")); !errors.Is(err, objstore.ErrExists) {
		t.Errorf("another Put = %v, want ErrExists", err)
	}
}

// TestConflict answers the first upload as AWS does when two are under way.
func TestConflict(t *testing.T) {
	var puts atomic.Int32
	b := open(t, "", newServer(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && puts.Add(1) == 1 {
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(http.StatusConflict)
				_, _ = io.WriteString(w, "<Error><Code>ConditionalRequestConflict</Code></Error>")
				return
			}
			h.ServeHTTP(w, r)
		})
	}))
	if err := b.Put(t.Context(), "x", []byte("data")); err != nil {
		t.Fatalf("Put = %v", err)
	}
	if data, err := b.Get(t.Context(), "x"); err != nil || string(data) != "data" {
		t.Errorf("Get = %q, %v", data, err)
	}
}

func TestNoBucket(t *testing.T) {
	b, err := s3.New("elsewhere", "", newServer(t, asIs))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Check(t.Context()); err == nil {
		t.Error("Check found a bucket that is not there")
	}
	if _, err := b.Get(t.Context(), "x"); err == nil || errors.Is(err, objstore.ErrNotFound) {
		t.Errorf("Get = %v, want an error that is not ErrNotFound", err)
	}
}

func TestNewErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		bucket, prefix string
		o              s3.Options
	}{
		"no bucket":            {"", "", s3.Options{}},
		"prefix":               {"lake", "a/../b", s3.Options{}},
		"endpoint, no scheme":  {"lake", "", s3.Options{Endpoint: "localhost:9000"}},
		"endpoint with a path": {"lake", "", s3.Options{Endpoint: "https://host/path"}},
		"endpoint with a user": {"lake", "", s3.Options{Endpoint: "https://id:hush@host"}},
		"key without secret":   {"lake", "", s3.Options{AccessKey: "id"}},
		"secret without key":   {"lake", "", s3.Options{SecretKey: "hush"}},
	} {
		if _, err := s3.New(tc.bucket, tc.prefix, tc.o); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOptions(t *testing.T) {
	env := map[string]string{
		"AWS_ENDPOINT_URL": "https://one", "AWS_ENDPOINT_URL_S3": "https://two", "AWS_DEFAULT_REGION": "eu-west-1",
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_SESSION_TOKEN": "psst",
	}
	o := s3.OptionsFrom(func(name string) string { return env[name] })
	if want := (s3.Options{
		Endpoint: "https://two", Region: "eu-west-1", AccessKey: "id", SecretKey: "hush", SessionToken: "psst",
	}); o != want {
		t.Error("the options are not those of the environment")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if text := fmt.Sprintf(verb, o); strings.Contains(text, "hush") || strings.Contains(text, "psst") ||
			strings.Contains(text, fmt.Sprintf("%x", "hush")) {
			t.Errorf("%s prints the secret: %s", verb, text)
		}
	}
}
