package authhttp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authenv"
	"github.com/micromegas-go/micromegas/auth/authhttp"
	"github.com/micromegas-go/micromegas/auth/authtest"
	"github.com/micromegas-go/micromegas/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "0123456789abcdef0123456789abcdef"

// door is a server behind the middleware, and what its handler saw.
type door struct {
	*httptest.Server
	issuer *authtest.Issuer
	log    bytes.Buffer
	calls  int
	seen   http.Header
	id     *auth.Identity
}

func newDoor(t *testing.T, disabled bool) *door {
	t.Helper()
	d := &door{issuer: authtest.New(t)}
	log := slog.New(slog.NewTextHandler(&d.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	chain, err := authenv.Open(t.Context(), func(name string) string {
		switch name {
		case auth.EnvAPIKeys:
			if disabled {
				return "{malformed" // A4: not read
			}
			return fmt.Sprintf(`[{"name": "svc", "key": %q}]`, key)
		case auth.EnvOIDCConfig:
			return d.issuer.Config()
		}
		return ""
	}, authenv.Options{Disabled: disabled, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = chain.Close() })
	d.Server = httptest.NewServer(authhttp.Middleware(chain, log)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.calls++
		d.seen = r.Header.Clone()
		d.id, _ = auth.From(r.Context())
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
	})))
	t.Cleanup(d.Close)
	return d
}

// post sends a request with headers, name and value in turn.
func (d *door) post(t *testing.T, body io.Reader, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL+"/ingestion/insert_block", body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

func TestRefused(t *testing.T) {
	d := newDoor(t, false)
	const plain, invalid = `Bearer realm="micromegas"`, `Bearer realm="micromegas", error="invalid_token"`
	expired := d.issuer.Sign(t, authtest.Claims{"exp": 1})
	for name, tc := range map[string]struct {
		headers   []string
		challenge string
	}{
		"A74 no header":          {nil, plain},
		"A74 another scheme":     {[]string{"Authorization", "Basic dTpw"}, plain},
		"A74 empty token":        {[]string{"Authorization", "Bearer "}, plain}, // the blank is trimmed on the way
		"A73 unknown key":        {[]string{"Authorization", "Bearer " + key[:31] + "x"}, invalid},
		"A73 two headers":        {[]string{"Authorization", "Bearer " + key, "Authorization", "Bearer " + key}, invalid},
		"A75 expired":            {[]string{"Authorization", "Bearer " + expired}, invalid},
		"A75 other audience":     {[]string{"Authorization", "Bearer " + d.issuer.Sign(t, authtest.Claims{"aud": "x"})}, invalid},
		"A75 issuer unknown":     {[]string{"Authorization", "Bearer " + d.issuer.Sign(t, authtest.Claims{"iss": "https://x"})}, invalid},
		"A75 signature":          {[]string{"Authorization", "Bearer " + d.issuer.Sign(t, nil) + "AAAA"}, invalid},
		"A29 query parameter":    {[]string{"X-Nothing", "x"}, plain},
		"A29 cookie":             {[]string{"Cookie", "id_token=" + key}, plain},
		"A29 proxy's header":     {[]string{"Proxy-Authorization", "Bearer " + key}, plain},
		"A70 forged identity":    {[]string{"X-Auth-Subject", "root", "X-Auth-Is-Admin", "true"}, plain},
		"A26 key without scheme": {[]string{"Authorization", key}, plain},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := d.post(t, strings.NewReader("x"), tc.headers...)
			if resp.StatusCode != http.StatusUnauthorized || body != "Invalid token\n" {
				t.Errorf("%d %q", resp.StatusCode, body)
			}
			got := resp.Header.Values("WWW-Authenticate")
			if name == "A74 empty token" && got[0] == invalid {
				return // either is right: the empty token is malformed
			}
			if len(got) != 1 || got[0] != tc.challenge {
				t.Errorf("WWW-Authenticate %q, want %q", got, tc.challenge)
			}
		})
	}
	if d.calls != 0 { // A76
		t.Errorf("the handler ran %d times", d.calls)
	}
	if !strings.Contains(d.log.String(), "token has expired") || strings.Contains(d.log.String(), expired) || strings.Contains(d.log.String(), key) {
		t.Errorf("log: %s", d.log.String()) // A84, A78
	}
}

func TestAccepted(t *testing.T) {
	d := newDoor(t, false)
	token := d.issuer.Sign(t, authtest.Claims{"sub": "alice"})
	for name, tc := range map[string]struct{ credential, subject string }{
		"A1 key":         {key, "svc"},
		"A1 token":       {token, "alice"},
		"A154 key again": {key, "svc"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := d.post(t, strings.NewReader("x"), "Authorization", "bearer  "+tc.credential,
				"X-Auth-Subject", "root", "x-auth-email", "root@x", "X-AUTH-ISSUER", "x", "X-Auth-Is-Admin", "true", "X-Allow-Delegation", "true")
			if resp.StatusCode != http.StatusNoContent {
				t.Fatalf("%d %q", resp.StatusCode, body)
			}
			if d.id == nil || d.id.Subject != tc.subject || d.id.Admin {
				t.Errorf("identity %+v", d.id)
			}
			for _, h := range append(auth.IdentityHeaders(), "authorization") { // A70
				if v := d.seen.Get(h); v != "" {
					t.Errorf("the handler saw %s: %q", h, v)
				}
			}
		})
	}
	if !strings.Contains(d.log.String(), "authenticated") || strings.Contains(d.log.String(), key) || strings.Contains(d.log.String(), token) {
		t.Errorf("log: %s", d.log.String()) // A83
	}
}

func TestA4Disabled(t *testing.T) {
	d := newDoor(t, true)
	for _, header := range []string{"", "Bearer nonsense", "Basic x"} {
		var headers []string
		if header != "" {
			headers = []string{"Authorization", header}
		}
		resp, _ := d.post(t, nil, append(headers, "X-Auth-Subject", "root")...)
		if resp.StatusCode != http.StatusNoContent || !d.id.Admin || d.id.Method != auth.MethodNone {
			t.Errorf("%q: %d, %+v", header, resp.StatusCode, d.id)
		}
		if d.seen.Get("X-Auth-Subject") != "" { // A70
			t.Error("the handler saw a forged identity")
		}
	}
}

func TestA57Unavailable(t *testing.T) {
	d := newDoor(t, false)
	d.issuer.Behave(authtest.Behaviour{Status: 500})
	resp, body := d.post(t, nil, "Authorization", "Bearer "+d.issuer.Sign(t, nil))
	if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "temporarily unavailable") || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%d %q, Retry-After %q", resp.StatusCode, body, resp.Header.Get("Retry-After"))
	}
	if strings.Contains(body, "127.0.0.1") {
		t.Errorf("the caller learns an address: %q", body)
	}
	if resp, _ := d.post(t, nil, "Authorization", "Bearer "+key); resp.StatusCode != http.StatusNoContent {
		t.Errorf("a key needs no issuer: %d", resp.StatusCode)
	}
}

// endless is a body that says how much of it was read.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}
func (e *endless) Close() error { return nil }

func TestA30RefusedBeforeTheBody(t *testing.T) {
	chain := auth.NewChain(nil)
	body := &endless{}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/x", body)
	r.Header.Set("Authorization", "Bearer wrong")
	w := httptest.NewRecorder()
	authhttp.Middleware(chain, nil)(http.NotFoundHandler()).ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized || body.read != 0 {
		t.Errorf("%d after %d bytes of the body", w.Code, body.read)
	}
}

func TestRefuse(t *testing.T) {
	for name, tc := range map[string]struct {
		err    error
		status int
		body   string
	}{
		"A67 not an administrator": {auth.RequireAdmin(context.Background(), "retire_partitions"), 403, "retire_partitions needs an administrator"},
		"B25 too many":             {fault.New(fault.Exhausted, "too many failures"), 429, "too many failures"},
		"A78 an unclassified one":  {errors.New("needle"), 500, "internal error"},
		"A78 an internal one":      {fault.New(fault.Internal, "needle"), 500, "internal error"},
	} {
		w := httptest.NewRecorder()
		authhttp.Refuse(w, tc.err)
		if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.body) || strings.Contains(w.Body.String(), "needle") {
			t.Errorf("%s: %d %q", name, w.Code, w.Body.String())
		}
	}
}
