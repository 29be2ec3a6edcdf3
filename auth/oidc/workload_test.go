package oidc

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
)

// keySetOf returns a JSON Web Key Set.
func keySetOf(t *testing.T, keys ...*authtest.Key) string {
	t.Helper()
	var list []any
	for _, k := range keys {
		list = append(list, k.JWK())
	}
	data, err := json.Marshal(map[string]any{"keys": list})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestB30KeysFile is a cluster that has no discovery for us: its keys are in a file, which others renew.
func TestB30KeysFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.json")
	issuer := authtest.New(t)
	issuer.Clock = authtest.NewClock(t0)
	write(t, path, keySetOf(t, issuer.Key()))
	w := newWorldFor(t, issuer, fmt.Sprintf(`{"issuers": [{"issuer": %q, "audience": %q, "jwks_file": %q}], "token_cache_ttl_secs": 0}`, issuer.URL(), issuer.Audience, path))
	old := w.sign(t, nil)
	w.mustAccept(t, old)

	// A new key works at once: the file is looked at again for a kid it did not have.
	w.clock.Advance(2 * time.Second)
	k := issuer.Rotate("RS256")
	swap(t, path, keySetOf(t, k))
	w.mustAccept(t, w.sign(t, nil))
	// The old one ends after 10 s at the latest.
	w.clock.Advance(fileLife)
	w.mustRefuse(t, old, ErrUnknownKey)
	// A broken file changes nothing, and shows.
	swap(t, path, "{")
	w.clock.Advance(fileLife)
	w.mustAccept(t, w.sign(t, authtest.Claims{"jti": "broken file"}))
	if len(w.Degraded()) != 1 {
		t.Errorf("degraded %q", w.Degraded())
	}
	if w.requests() != 0 {
		t.Error("the issuer was asked although its keys are in a file")
	}
}

// swap replaces a file as others do: by renaming.
func swap(t *testing.T, path, text string) {
	t.Helper()
	write(t, path+".new", text)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// TestB30BearerTokenFile is a cluster that shows its keys only to its own; the token is renewed by others.
func TestB30BearerTokenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write(t, path, "first\n")
	issuer := authtest.New(t)
	issuer.Clock = authtest.NewClock(t0)
	issuer.Behave(authtest.Behaviour{RequireBearer: "first"})
	w := newWorldFor(t, issuer, fmt.Sprintf(`{"issuers": [{"issuer": %q, "audience": %q, "bearer_token_file": %q}], "token_cache_ttl_secs": 0}`, issuer.URL(), issuer.Audience, path))
	w.mustAccept(t, w.sign(t, nil))
	issuer.Behave(authtest.Behaviour{RequireBearer: "second"})
	swap(t, path, "second")
	w.clock.Advance(2 * time.Hour)
	k := issuer.Rotate("ES256")
	w.mustAccept(t, w.sign(t, nil, authtest.With(k)))
}

// TestB30BearerTokenStaysWithTheIssuer: an address that only a document names never sees the token.
func TestB30BearerTokenStaysWithTheIssuer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write(t, path, "secret")
	issuer := authtest.New(t)
	issuer.Clock = authtest.NewClock(t0)
	keys := keySetOf(t, issuer.Key())
	var seen []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
		_, _ = w.Write([]byte(keys))
	}))
	defer elsewhere.Close()
	issuer.Behave(authtest.Behaviour{KeysURL: elsewhere.URL + "/keys"})
	config := `{"issuers": [{"issuer": %q, "audience": %q, "bearer_token_file": %q%s}]}`
	w := newWorldFor(t, issuer, fmt.Sprintf(config, issuer.URL(), issuer.Audience, path, ""))
	w.mustAccept(t, w.sign(t, nil))
	named := newWorldFor(t, issuer, fmt.Sprintf(config, issuer.URL(), issuer.Audience, path, fmt.Sprintf(`, "jwks_uri": %q`, elsewhere.URL+"/keys")))
	named.mustAccept(t, w.sign(t, nil))
	if len(seen) != 2 || seen[0] != "" || seen[1] != "Bearer secret" {
		t.Errorf("the other address saw %q", seen)
	}
}

// TestB30CAFile trusts an issuer with a certificate of its own.
func TestB30CAFile(t *testing.T) {
	keys := authtest.New(t)
	keys.Clock = authtest.NewClock(t0)
	set := keySetOf(t, keys.Key())
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(set)) }))
	server.Config.ErrorLog = nil
	server.StartTLS()
	defer server.Close()
	path := filepath.Join(t.TempDir(), "ca.pem")
	write(t, path, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	config := `{"issuers": [{"issuer": %q, "audience": %q, "jwks_uri": %q%s}]}`
	token := auth.Secret(keys.Sign(t, authtest.Claims{"iss": server.URL}))
	with := newWorldFor(t, keys, fmt.Sprintf(config, server.URL, keys.Audience, server.URL+"/keys", fmt.Sprintf(`, "ca_file": %q`, path)))
	with.mustAccept(t, token)
	without := newWorldFor(t, keys, fmt.Sprintf(config, server.URL, keys.Audience, server.URL+"/keys", ""))
	without.mustBeUnavailable(t, token)
}
