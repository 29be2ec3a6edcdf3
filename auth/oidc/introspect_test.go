package oidc

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// newAskingWorld returns a provider whose issuer is asked about tokens; members are added to introspection.
func newAskingWorld(t testing.TB, members string) *world {
	t.Helper()
	issuer := authtest.New(t)
	issuer.Clock = authtest.NewClock(t0)
	return newWorldFor(t, issuer, issuer.IntrospectionConfig(members))
}

// newWorldFor returns a provider of a configuration.
func newWorldFor(t testing.TB, issuer *authtest.Issuer, config string) *world {
	t.Helper()
	cfg, _, err := auth.LoadConfig(func(name string) string {
		if name == auth.EnvOIDCConfig {
			return config
		}
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	p := New(cfg.OIDC, Options{Now: issuer.Clock.Now, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	t.Cleanup(func() { _ = p.Close() })
	return &world{Provider: p, issuer: issuer, clock: issuer.Clock}
}

func TestB17OpaqueToken(t *testing.T) {
	w := newAskingWorld(t, "")
	token := auth.Secret(w.issuer.Opaque(authtest.Claims{"email": "a@example.com", "email_verified": true, "groups": []string{"ops"}}))
	id := w.mustAccept(t, token)
	if id.Subject != "alice" || id.Issuer != w.issuer.URL() || id.Audience != authtest.DefaultAudience || !id.EmailVerified ||
		len(id.Groups) != 1 || !id.Expiry.Equal(t0.Add(time.Hour)) || id.Method != auth.MethodOIDC {
		t.Errorf("identity %+v", id)
	}
	w.mustAccept(t, token)
	if n := w.issuer.Introspections(); n != 1 {
		t.Errorf("%d questions about a token that is remembered", n)
	}
	// Revoked: good for what is left of the 30 s, then not.
	w.issuer.Revoke(string(token))
	w.clock.Advance(30*time.Second - 1)
	w.mustAccept(t, token)
	w.clock.Advance(1)
	w.mustRefuse(t, token, ErrInactive)
	w.mustRefuse(t, token, ErrInactive)
	if n := w.issuer.Introspections(); n != 2 {
		t.Errorf("%d questions: an inactive token is remembered for 10 s", n)
	}
	w.clock.Advance(10 * time.Second)
	w.mustRefuse(t, token, ErrInactive)
	if n := w.issuer.Introspections(); n != 3 {
		t.Errorf("%d questions after 10 s", n)
	}
}

// TestB17Answers breaks, in each row, one rule of what an issuer says about an opaque token.
func TestB17Answers(t *testing.T) {
	type claims = authtest.Claims
	for name, tc := range map[string]struct {
		claims claims
		want   error // nil accepts
	}{
		"B17 whole":                               {claims{}, nil},
		"B17 active is a string":                  {claims{"active": "true"}, ErrInactive},
		"B17 active is a number":                  {claims{"active": 1}, ErrInactive},
		"B17 active is missing":                   {claims{"active": authtest.Omit}, ErrInactive},
		"B17 not active":                          {claims{"active": false}, ErrInactive},
		"B17 another issuer":                      {claims{"iss": "https://other.example.com"}, ErrIssuer},
		"B17 no issuer":                           {claims{"iss": authtest.Omit}, nil},
		"A49 another audience":                    {claims{"aud": "elsewhere"}, ErrAudience},
		"A49 audience among several":              {claims{"aud": []string{"x", authtest.DefaultAudience}}, nil},
		"A49 audience is empty":                   {claims{"aud": []string{}}, ErrAudience},
		"A49 no audience, another client":         {claims{"aud": authtest.Omit, "client_id": "else"}, ErrAudience},
		"A49 no audience, no client":              {claims{"aud": authtest.Omit, "client_id": authtest.Omit}, ErrAudience},
		"B17 no audience, the client is ours":     {claims{"aud": authtest.Omit, "client_id": authtest.DefaultAudience}, nil},
		"A51 no subject":                          {claims{"sub": authtest.Omit}, ErrSubject},
		"A51 subject is empty":                    {claims{"sub": ""}, ErrSubject},
		"A50 expired":                             {claims{"exp": t0.Unix()}, ErrExpired},
		"A50 exp is a string":                     {claims{"exp": "soon"}, ErrExpiry},
		"A50 no exp":                              {claims{"exp": authtest.Omit}, nil},
		"B5 not yet":                              {claims{"nbf": t0.Add(2 * time.Minute).Unix()}, ErrNotYetValid},
		"B5 issued later":                         {claims{"iat": t0.Add(2 * time.Minute).Unix()}, ErrIssuedLater},
		"B4 refresh token":                        {claims{"token_type": "refresh_token"}, ErrType},
		"B4 Keycloak's refresh token":             {claims{"typ": "Refresh"}, ErrType},
		"B17 wrong types of what nobody looks at": {claims{"username": 7, "scope": []any{}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newAskingWorld(t, "")
			token := auth.Secret(w.issuer.Opaque(tc.claims))
			if tc.want == nil {
				w.mustAccept(t, token)
			} else {
				w.mustRefuse(t, token, tc.want)
			}
		})
	}
}

// TestB17NoLongerThanExp bounds what is remembered by the token's own end.
func TestB17NoLongerThanExp(t *testing.T) {
	w := newAskingWorld(t, `, "cache_ttl_secs": 600`)
	token := auth.Secret(w.issuer.Opaque(authtest.Claims{"exp": t0.Add(5 * time.Second).Unix()}))
	w.mustAccept(t, token)
	w.clock.Advance(5 * time.Second)
	w.mustRefuse(t, token, ErrExpired)
}

// TestB17TokenCacheTTL: an answer is remembered for the smaller of both times.
func TestB17TokenCacheTTL(t *testing.T) {
	w := newAskingWorld(t, `, "cache_ttl_secs": 600`)
	token := auth.Secret(w.issuer.Opaque(nil))
	w.mustAccept(t, token)
	w.clock.Advance(300 * time.Second)
	w.issuer.Revoke(string(token))
	w.mustRefuse(t, token, ErrInactive)
}

func TestB17ShowingTheSecret(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret, authtest.ClientSecret+"\n")
	for name, tc := range map[string]struct {
		announced, members string
		ok                 bool
	}{
		"B17 nothing announced":   {"", "", true},
		"B17 basic":               {"client_secret_basic", "", true},
		"B17 post":                {"client_secret_post", "", true},
		"B17 post, configured":    {"", `, "auth_method": "client_secret_post"`, true},
		"B17 configuration wins":  {"client_secret_post", `, "auth_method": "client_secret_basic"`, false},
		"B17 endpoint configured": {"client_secret_basic", `, "endpoint": "ENDPOINT"`, true},
		"B17 endpoint elsewhere":  {"", `, "endpoint": "ENDPOINT/nowhere"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := authtest.New(t)
			issuer.Clock = authtest.NewClock(t0)
			issuer.Behave(authtest.Behaviour{IntrospectionAuth: tc.announced})
			w := newWorldFor(t, issuer, issuer.IntrospectionConfig(strings.ReplaceAll(tc.members, "ENDPOINT", issuer.IntrospectionEndpoint())))
			token := auth.Secret(issuer.Opaque(nil))
			if tc.ok {
				w.mustAccept(t, token)
			} else {
				w.mustBeUnavailable(t, token)
			}
		})
	}
	t.Run("B17 secret in a file, read each time", func(t *testing.T) {
		issuer := authtest.New(t)
		issuer.Clock = authtest.NewClock(t0)
		w := newWorldFor(t, issuer, strings.Replace(issuer.IntrospectionConfig(""), fmt.Sprintf(`"client_secret": %q`, authtest.ClientSecret),
			fmt.Sprintf(`"client_secret_file": %q`, secret), 1))
		w.mustAccept(t, auth.Secret(issuer.Opaque(nil)))
		write(t, secret, "another")
		w.mustBeUnavailable(t, auth.Secret(issuer.Opaque(nil)))
		write(t, secret, authtest.ClientSecret)
		w.clock.Advance(2 * time.Second)
		w.mustAccept(t, auth.Secret(issuer.Opaque(nil)))
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestB17Outage: no answer is "try again", never "invalid", and costs a handful of questions (A57, B10).
func TestB17Outage(t *testing.T) {
	for name, b := range map[string]authtest.Behaviour{
		"A57 status 500":        {IntrospectionStatus: 500},
		"A57 not JSON":          {IntrospectionBody: "<html>"},
		"A57 an array":          {IntrospectionBody: "[]"},
		"B6 two answers":        {IntrospectionBody: `{"active": false, "active": true}`},
		"A57 discovery 500":     {Status: 500},
		"B11 redirected":        {Redirect: "http://127.0.0.1:1/"},
		"B11 an endless answer": {IntrospectionBody: `{"active": true, "x": "` + strings.Repeat("x", 2<<20) + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newAskingWorld(t, "")
			w.issuer.Behave(b)
			token := auth.Secret(w.issuer.Opaque(nil))
			for range 100 {
				w.mustBeUnavailable(t, token)
			}
			if n := w.issuer.Introspections(); n > 1 {
				t.Errorf("%d questions during an outage", n)
			}
			w.issuer.Behave(authtest.Behaviour{})
			w.clock.Advance(2 * time.Second)
			w.mustAccept(t, token)
		})
	}
}

// TestB17Always asks about JWTs too: a revoked one ends at once.
func TestB17Always(t *testing.T) {
	w := newAskingWorld(t, `, "mode": "always"`)
	token := w.sign(t, nil)
	w.mustRefuse(t, token, ErrInactive) // the issuer does not know it
	w.clock.Advance(11 * time.Second)
	w.issuer.Know(string(token), authtest.Claims{"active": true})
	w.mustAccept(t, token)
	w.mustAccept(t, token)
	if n := w.issuer.Introspections(); n != 2 {
		t.Errorf("%d questions", n)
	}
	w.clock.Advance(30 * time.Second) // and not the 300 s of a token that is not asked about
	w.issuer.Revoke(string(token))
	w.mustRefuse(t, token, ErrInactive)

	for name, answer := range map[string]authtest.Claims{
		"B17 another subject": {"active": true, "sub": "bob"},
		"B17 another issuer":  {"active": true, "iss": "https://other.example.com"},
	} {
		token := w.sign(t, authtest.Claims{"jti": name})
		w.issuer.Know(string(token), answer)
		if _, err := w.Authenticate(t.Context(), token); !errors.Is(err, ErrMismatch) && !errors.Is(err, ErrIssuer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What is wrong in itself is not asked about.
	before := w.issuer.Introspections()
	w.mustRefuse(t, w.sign(t, authtest.Claims{"aud": "elsewhere"}), ErrAudience)
	w.issuer.Behave(authtest.Behaviour{IntrospectionStatus: 500})
	w.mustBeUnavailable(t, w.sign(t, authtest.Claims{"jti": "outage"}))
	if n := w.issuer.Introspections() - before; n != 1 {
		t.Errorf("%d questions", n)
	}
}

// TestB17NotAskedAbout lists what is no business of the issuer's.
func TestB17NotAskedAbout(t *testing.T) {
	w := newAskingWorld(t, "")
	for name, tc := range map[string]struct {
		token auth.Secret
		want  error
	}{
		"A145 Google access token": {"ya29.a0AfH6SMBx", ErrGoogleAccess},
		"B29 a key that we minted": {"mmk_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG", ErrNotJWT},
		"A41 a JWT of another":     {w.sign(t, authtest.Claims{"iss": "https://x"}), ErrIssuer},
		"A41 a broken JWT":         {"a.b.c", ErrEncoding},
		"B12 longer than 16 KiB":   {auth.Secret(strings.Repeat("x", 16<<10+1)), ErrTooLong},
	} {
		w.mustRefuse(t, tc.token, tc.want)
		if n := w.issuer.Introspections(); n != 0 {
			t.Errorf("%s: %d questions", name, n)
		}
	}
	// Without introspection an opaque token causes no traffic at all (A41).
	plain := newWorld(t, nil)
	plain.mustRefuse(t, auth.Secret(plain.issuer.Opaque(nil)), ErrNotJWT)
	if plain.requests()+plain.issuer.Introspections() != 0 {
		t.Error("the issuer was asked")
	}
}

// TestB17FloodOfOpaqueTokens: however many callers guess, the issuer sees a bounded number of questions.
func TestB17FloodOfOpaqueTokens(t *testing.T) {
	w := newAskingWorld(t, "")
	var wg sync.WaitGroup
	for g := range 50 {
		wg.Go(func() {
			for n := range 100 {
				_, err := w.Authenticate(t.Context(), auth.Secret(fmt.Sprintf("guess-%d-%d", g, n)))
				if !errors.Is(err, ErrInactive) && fault.KindOf(err) != fault.Unavailable {
					t.Errorf("Authenticate = %v", err)
				}
			}
		})
	}
	wg.Wait()
	if n := w.issuer.Introspections(); n > inactiveBurst+mostQuestions {
		t.Errorf("%d questions", n)
	}
	w.clock.Advance(10 * time.Second)
	w.mustAccept(t, auth.Secret(w.issuer.Opaque(nil)))
}

// TestB13OneQuestionForMany coalesces questions as it does validations.
func TestB13OneQuestionForMany(t *testing.T) {
	w := newAskingWorld(t, "")
	token := auth.Secret(w.issuer.Opaque(nil))
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if _, err := w.Authenticate(t.Context(), token); err != nil {
				t.Errorf("Authenticate: %v", err)
			}
		})
	}
	wg.Wait()
	if n := w.issuer.Introspections(); n != 1 {
		t.Errorf("%d questions", n)
	}
}
