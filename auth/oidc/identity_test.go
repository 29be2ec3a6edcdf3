package oidc

import (
	"bytes"
	"log/slog"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
)

// TestB14Groups reads groups leniently: what is no group is none, and never refuses the token.
func TestB14Groups(t *testing.T) {
	type claims = authtest.Claims
	roles := map[string]any{"roles": []any{"dev", "ops"}}
	for name, tc := range map[string]struct {
		claims claims
		path   string
		want   []string
	}{
		"B14 none":                           {},
		"B14 array":                          {claims: claims{"groups": []any{"a", "b"}}, want: []string{"a", "b"}},
		"B14 string":                         {claims: claims{"groups": "a"}, want: []string{"a"}},
		"B14 empty string":                   {claims: claims{"groups": ""}},
		"B14 a comma is part of a name":      {claims: claims{"groups": "a,b"}, want: []string{"a,b"}},
		"B14 other types in the array":       {claims: claims{"groups": []any{1, nil, "a", []any{"b"}}}, want: []string{"a"}},
		"B14 number":                         {claims: claims{"groups": 7}},
		"B14 object":                         {claims: claims{"groups": map[string]any{"a": true}}},
		"B18 another claim":                  {claims: claims{"groups": "no", "roles": "yes"}, path: "roles", want: []string{"yes"}},
		"B18 dotted path":                    {claims: claims{"realm_access": roles}, path: "realm_access.roles", want: []string{"dev", "ops"}},
		"B18 JSON pointer":                   {claims: claims{"realm_access": roles}, path: "/realm_access/roles", want: []string{"dev", "ops"}},
		"B18 JSON pointer, escaped":          {claims: claims{"a/b~c": []any{"x"}}, path: "/a~1b~0c", want: []string{"x"}},
		"B18 JSON pointer, into an array":    {claims: claims{"a": []any{map[string]any{"b": "x"}}}, path: "/a/0/b", want: []string{"x"}},
		"B18 JSON pointer, beyond an array":  {claims: claims{"a": []any{"x"}}, path: "/a/1"},
		"B18 a name with dots and slashes":   {claims: claims{"https://example.com/groups": []any{"x"}}, path: "https://example.com/groups", want: []string{"x"}},
		"B18 the whole name before the path": {claims: claims{"a.b": "whole", "a": map[string]any{"b": "path"}}, path: "a.b", want: []string{"whole"}},
		"B18 path through a string":          {claims: claims{"a": "x"}, path: "a.b"},
		"B18 path that leads nowhere":        {claims: claims{"a": map[string]any{}}, path: "a.b.c"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *auth.OIDC) { c.Issuers[0].GroupsClaim = tc.path })
			if got := w.mustAccept(t, w.sign(t, tc.claims)).Groups; !reflect.DeepEqual(got, tc.want) {
				t.Errorf("groups %q, want %q", got, tc.want)
			}
		})
	}
}

// TestB14GroupsUnknown accepts tokens that say there was no room for the groups, and says so in the log once a minute.
func TestB14GroupsUnknown(t *testing.T) {
	for name, tc := range map[string]struct {
		claims authtest.Claims
		warns  bool
	}{
		"B14 _claim_names":             {authtest.Claims{"_claim_names": map[string]any{"groups": "src1"}}, true},
		"B14 hasgroups":                {authtest.Claims{"hasgroups": true}, true},
		"B14 hasgroups as a string":    {authtest.Claims{"hasgroups": "true"}, true},
		"B14 hasgroups false":          {authtest.Claims{"hasgroups": false}, false},
		"B14 _claim_names of another":  {authtest.Claims{"_claim_names": map[string]any{"x": "src1"}}, false},
		"B14 _claim_names is a number": {authtest.Claims{"_claim_names": 1}, false},
		"B14 groups all the same":      {authtest.Claims{"hasgroups": true, "groups": "a"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			var out bytes.Buffer
			p := New(w.cfg, Options{Now: w.clock.Now, Log: slog.New(slog.NewTextHandler(&out, nil))})
			defer func() { _ = p.Close() }()
			for n := range 3 {
				claims := authtest.Claims{"jti": n}
				maps.Copy(claims, tc.claims)
				if _, err := p.Authenticate(t.Context(), w.sign(t, claims)); err != nil {
					t.Fatal(err)
				}
			}
			want := 0
			if tc.warns {
				want = 1
			}
			if n := strings.Count(out.String(), "groups unknown"); n != want {
				t.Errorf("%d warnings, want %d: %s", n, want, out.String())
			}
		})
	}
}

// TestB18Mapping reads subject and name from where the configuration says.
func TestB18Mapping(t *testing.T) {
	w := newWorld(t, func(c *auth.OIDC) {
		c.Issuers[0].SubjectClaim, c.Issuers[0].NameClaim = "oid", "profile.display"
		c.Issuers[0].EmailClaims = []string{"contact.mail"}
		c.Issuers[0].RequiredClaims = map[string][]string{"ctx.env": {"prod"}}
	})
	good := authtest.Claims{
		"sub": "pairwise", "oid": "0001", "profile": map[string]any{"display": "Zoë"},
		"contact": map[string]any{"mail": "z@example.com"}, "ctx": map[string]any{"env": "prod"},
	}
	id := w.mustAccept(t, w.sign(t, good))
	if id.Subject != "0001" || id.Name != "Zoë" || id.Email != "z@example.com" {
		t.Errorf("identity %+v", id)
	}
	good["oid"] = authtest.Omit
	w.mustRefuse(t, w.sign(t, good), ErrSubject) // A51: there is no falling back to sub
	good["oid"] = 7
	w.mustRefuse(t, w.sign(t, good), ErrSubject)
	good["oid"], good["ctx"] = "0001", map[string]any{"env": "dev"}
	w.mustRefuse(t, w.sign(t, good), ErrRequiredClaim)
}

// TestProviders is what tokens of the well-known providers look like, and whom they identify (A142).
func TestProviders(t *testing.T) {
	type claims = authtest.Claims
	tenant := "72f988bf-86f1-41af-91ab-2d7cd011db47"
	for name, tc := range map[string]struct {
		claims   claims
		options  []authtest.SignOption
		change   func(*auth.Issuer)
		subject  string
		email    string
		verified bool
	}{
		"A142 A143 Google ID token": {
			claims:  claims{"azp": authtest.DefaultAudience, "sub": "1101", "hd": "example.com", "email": "a@example.com", "email_verified": true, "at_hash": "x", "name": "A"},
			subject: "1101", email: "a@example.com", verified: true,
		},
		"A142 A149 Azure v2.0 ID token, preferred_username": {
			claims: claims{"ver": "2.0", "tid": tenant, "oid": "o", "sub": "AAA", "preferred_username": "a@example.com", "nonce": "n"},
			change: func(is *auth.Issuer) { is.TrustEmail = true }, subject: "AAA", email: "a@example.com", verified: true,
		},
		"A149 Azure v1.0 access token, upn": {
			claims: claims{"ver": "1.0", "tid": tenant, "sub": "AAA", "upn": "a@example.com", "unique_name": "b@example.com", "scp": "user_impersonation", "appid": "x"},
			change: func(is *auth.Issuer) { is.TrustEmail = true }, subject: "AAA", email: "a@example.com", verified: true,
		},
		"A149 Azure, email before preferred_username": {
			claims: claims{"email": "m@example.com", "preferred_username": "a@example.com"},
			change: func(is *auth.Issuer) { is.TrustEmail = true }, subject: "alice", email: "m@example.com", verified: true,
		},
		"A142 A152 Okta access token": {
			claims:  claims{"ver": 1, "jti": "AT.x", "cid": "0oa", "uid": "00u", "scp": []string{"openid"}, "sub": "a@example.com"},
			options: []authtest.SignOption{authtest.Header("typ", authtest.Omit)}, subject: "a@example.com",
		},
		"A142 A151 Auth0 access token, namespaced email": {
			claims:  claims{"aud": []string{authtest.DefaultAudience, "https://t.auth0.com/userinfo"}, "azp": "cid", "scope": "openid", "sub": "auth0|1", "https://micromegas.io/email": "a@example.com"},
			subject: "auth0|1", email: "a@example.com",
		},
		"A142 Keycloak access token": {
			claims:  claims{"typ": "Bearer", "azp": "cli", "aud": []string{authtest.DefaultAudience, "account"}, "preferred_username": "a", "scope": "openid", "email": "a@example.com", "email_verified": true, "realm_access": map[string]any{"roles": []string{"dev"}}},
			subject: "alice", email: "a@example.com", verified: true,
		},
		"A142 Dex ID token": {
			claims:  claims{"at_hash": "x", "email": "a@example.com", "email_verified": true, "groups": []string{"a"}, "federated_claims": map[string]any{"connector_id": "ldap"}},
			subject: "alice", email: "a@example.com", verified: true,
		},
		"A142 client credentials, RFC 9068": {
			claims:  claims{"sub": "svc", "client_id": "svc", "jti": "1", "scope": "write"},
			options: []authtest.SignOption{authtest.Header("typ", "at+jwt")}, subject: "svc",
		},
		"B30 Kubernetes service account": {
			claims:  claims{"aud": []string{authtest.DefaultAudience}, "sub": "system:serviceaccount:obs:agent", "nbf": t0.Unix(), "kubernetes.io": map[string]any{"namespace": "obs", "serviceaccount": map[string]any{"name": "agent"}}},
			options: []authtest.SignOption{authtest.Header("typ", authtest.Omit)},
			change: func(is *auth.Issuer) {
				is.RequiredClaims = map[string][]string{"/kubernetes.io/namespace": {"obs"}}
			}, subject: "system:serviceaccount:obs:agent",
		},
		"B30 GitHub Actions": {
			claims: claims{"sub": "repo:acme/app:ref:refs/heads/main", "repository": "acme/app", "ref": "refs/heads/main", "repository_owner": "acme", "jti": "x"},
			change: func(is *auth.Issuer) { is.RequiredClaims = map[string][]string{"repository_owner": {"acme"}} }, subject: "repo:acme/app:ref:refs/heads/main",
		},
		"B30 GitLab CI": {
			claims: claims{"sub": "project_path:acme/app:ref_type:branch:ref:main", "namespace_path": "acme", "ref_protected": "true"},
			change: func(is *auth.Issuer) { is.RequiredClaims = map[string][]string{"ref_protected": {"true"}} }, subject: "project_path:acme/app:ref_type:branch:ref:main",
		},
		"B30 SPIFFE JWT-SVID": {claims: claims{"sub": "spiffe://example.org/agent"}, subject: "spiffe://example.org/agent"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *auth.OIDC) {
				if tc.change != nil {
					tc.change(&c.Issuers[0])
				}
			})
			id := w.mustAccept(t, w.sign(t, tc.claims, tc.options...))
			if id.Subject != tc.subject || id.Email != tc.email || id.EmailVerified != tc.verified {
				t.Errorf("identity %+v", id)
			}
		})
	}
}

// TestA150TrailingSlash: the issuer ends with a slash, its metadata is one slash further on, and iss has the slash too.
func TestA150TrailingSlash(t *testing.T) {
	issuer := authtest.New(t)
	issuer.Clock = authtest.NewClock(t0)
	name := issuer.URL() + "/"
	issuer.Behave(authtest.Behaviour{Issuer: name})
	w := newWorldFor(t, issuer, `{"issuers": [{"issuer": "`+name+`", "audience": "`+authtest.DefaultAudience+`"}]}`)
	w.mustAccept(t, w.sign(t, authtest.Claims{"iss": name}))
	w.mustRefuse(t, w.sign(t, nil), ErrIssuer)
}

// TestA61AdminIsNotCached is A61 made stronger by B21: claims are cached, rights are not.
func TestA61AdminIsNotCached(t *testing.T) {
	w := newWorld(t, nil)
	chain := auth.NewChain(auth.NewPolicy([]string{"alice"}), w.Provider)
	header := []string{"Bearer " + string(w.sign(t, nil))}
	for _, want := range []bool{true, true, false, false, true} {
		if !want {
			chain.SetPolicy(auth.NewPolicy([]string{"bob"}))
		} else {
			chain.SetPolicy(auth.NewPolicy([]string{"alice"}))
		}
		id, err := chain.Authenticate(t.Context(), header)
		if err != nil || id.Admin != want {
			t.Errorf("admin %v, want %v (%v)", id.Admin, want, err)
		}
	}
	if n := w.verifications.Load(); n != 1 {
		t.Errorf("%d verifications: the token itself stays cached", n)
	}
}

// TestA35Shortcut refuses an opaque bearer without any of the work that a JWT needs, and so does not change the outcome.
func TestA35Shortcut(t *testing.T) {
	w := newWorld(t, nil)
	w.mustRefuse(t, "not-a-jwt", ErrNotJWT)
	if w.validated.Load() != 0 || w.refused.len() != 0 || w.requests() != 0 {
		t.Error("work for a token that cannot be a JWT")
	}
}

// TestA60FullCacheEvicts: refusals are not among the successes, and a full cache accepts.
func TestA60FullCacheEvicts(t *testing.T) {
	w := newWorld(t, func(c *auth.OIDC) { c.TokenCacheSize = 2 })
	for n := range 10 {
		w.mustAccept(t, w.sign(t, authtest.Claims{"jti": n}))
		w.mustRefuse(t, w.sign(t, authtest.Claims{"jti": n, "aud": "x"}), ErrAudience)
	}
	if n := w.accepted.len(); n != 2 {
		t.Errorf("%d successes remembered", n)
	}
}

// TestA6RestartForgets: a new process knows nothing of what the old one accepted.
func TestA6RestartForgets(t *testing.T) {
	w := newWorld(t, nil)
	token := w.sign(t, nil)
	w.mustAccept(t, token)
	again := newWorldOf(t, w.issuer, nil)
	if n := again.verified(func() { again.mustAccept(t, token) }); n != 1 {
		t.Errorf("%d signatures checked after a restart", n)
	}
	w.issuer.Rotate("RS256")
	third := newWorldOf(t, w.issuer, nil)
	third.mustRefuse(t, token, ErrUnknownKey) // A64: a restart clears the cache at once
}

// TestA45RS256 and its like have rows of their own in TestB1Algorithms; this is the one that nobody may lose.
func TestA45RS256(t *testing.T) {
	w := newWorld(t, nil)
	w.issuer.Behave(authtest.Behaviour{Algorithms: []string{"RS256"}})
	w.mustAccept(t, w.sign(t, nil))
}

// TestB9Degraded says which issuer does not work, and no cause.
func TestB9Degraded(t *testing.T) {
	w := newWorld(t, func(c *auth.OIDC) { c.TokenCacheTTL = 0 })
	if d := w.Degraded(); len(d) != 0 {
		t.Errorf("degraded before anything was asked: %q", d)
	}
	token := w.sign(t, authtest.Claims{"exp": t0.Add(100 * time.Hour).Unix()})
	w.issuer.Behave(authtest.Behaviour{Status: 500})
	w.mustBeUnavailable(t, token)
	must := func(part string) {
		t.Helper()
		d := w.Degraded()
		if len(d) != 1 || !strings.Contains(d[0], w.issuer.URL()) || !strings.Contains(d[0], part) || strings.Contains(d[0], "500") {
			t.Errorf("degraded %q, want %q", d, part)
		}
	}
	must("not accepted")
	w.issuer.Behave(authtest.Behaviour{})
	w.clock.Advance(2 * time.Second)
	w.mustAccept(t, token)
	if d := w.Degraded(); len(d) != 0 {
		t.Errorf("degraded after a success: %q", d)
	}
	w.issuer.Behave(authtest.Behaviour{KeysStatus: 500})
	w.clock.Advance(2 * time.Hour)
	w.mustAccept(t, token)
	must("2h0m0s old")
	w.clock.Advance(48 * time.Hour)
	w.mustBeUnavailable(t, token)
	must("not accepted")
}

// TestB37Stats counts what the provider did.
func TestB37Stats(t *testing.T) {
	w := newWorld(t, nil)
	chain := auth.NewChain(nil, w.Provider)
	token := "Bearer " + string(w.sign(t, nil))
	for range 5 {
		if _, err := chain.Authenticate(t.Context(), []string{token}); err != nil {
			t.Fatal(err)
		}
	}
	expired := "Bearer " + string(w.sign(t, authtest.Claims{"exp": t0.Unix()}))
	for range 3 {
		_, _ = chain.Authenticate(t.Context(), []string{expired})
	}
	_, _ = chain.Authenticate(t.Context(), []string{"Bearer " + string(w.sign(t, authtest.Claims{"iss": "https://nobody"}))})
	w.clock.Advance(time.Minute)
	s := chain.Stats()
	want := []auth.Decision{
		{Method: auth.MethodOIDC, Reason: ErrIssuer.Error(), Count: 1},
		{Method: auth.MethodOIDC, Issuer: w.issuer.URL(), Count: 5},
		{Method: auth.MethodOIDC, Issuer: w.issuer.URL(), Reason: ErrExpired.Error(), Count: 3},
	}
	if !reflect.DeepEqual(s.Decisions, want) {
		t.Errorf("decisions %+v\nwant %+v", s.Decisions, want)
	}
	if s.TokensValidated != 3 || s.TokensCached != 2 || s.TokenEntries != 1 || s.RefusalEntries != 2 {
		t.Errorf("tokens %+v", s)
	}
	if len(s.Issuers) != 1 || s.Issuers[0].Keys != 1 || s.Issuers[0].KeyAge != time.Minute || s.Issuers[0].Fetches != 1 || s.Issuers[0].FetchErrors != 0 {
		t.Errorf("issuers %+v", s.Issuers)
	}
}
