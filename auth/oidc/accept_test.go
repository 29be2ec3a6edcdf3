package oidc

import (
	"reflect"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
)

// TestB1Algorithms accepts a token of each algorithm we promise (A45, B1).
func TestB1Algorithms(t *testing.T) {
	for _, alg := range auth.Algorithms() {
		t.Run(alg, func(t *testing.T) {
			w := newWorld(t, nil)
			w.issuer.Rotate(alg)
			w.mustAccept(t, w.sign(t, nil))
		})
	}
}

// TestB1AlgorithmsConfigured lets the configuration, not the metadata, decide.
func TestB1AlgorithmsConfigured(t *testing.T) {
	w := newWorld(t, func(c *auth.OIDC) { c.Issuers[0].Algorithms = []string{"PS256"} })
	k := w.issuer.Key()
	k.Members = map[string]any{"alg": authtest.Omit}
	w.mustRefuse(t, w.sign(t, nil), ErrAlgorithm)
	if w.requests() != 0 {
		t.Error("the configuration decides: no need to ask the issuer")
	}
	w.mustAccept(t, w.sign(t, nil, authtest.Algorithm("PS256")))
}

func TestB1NothingUsableAnnounced(t *testing.T) {
	w := newWorld(t, nil)
	w.issuer.Behave(authtest.Behaviour{Algorithms: []string{"HS256", "none"}})
	w.mustAccept(t, w.sign(t, nil)) // RS256
}

// TestAccepted holds what is unusual and yet right.
func TestAccepted(t *testing.T) {
	type claims = authtest.Claims
	at := func(d time.Duration) int64 { return t0.Add(d).Unix() }
	for name, tc := range map[string]struct {
		claims  claims
		change  func(*auth.Issuer)
		options []authtest.SignOption
	}{
		"A49 audience among several":     {claims: claims{"aud": []string{"x", authtest.DefaultAudience}}},
		"A50 a second left":              {claims: claims{"exp": at(time.Second)}},
		"A55 unknown claims and fields":  {claims: claims{"x": []any{1, nil, map[string]any{}}}, options: []authtest.SignOption{authtest.Header("zip", 1)}},
		"A56 access token":               {claims: claims{"scope": "a b", "client_id": "c"}},
		"B14 wrong types of unused ones": {claims: claims{"groups": 7, "name": []any{}, "email": 7, "azp": 3}},
		"B5 fractions":                   {claims: claims{"exp": float64(at(0)) + 0.5, "iat": float64(at(0)) - 0.5, "nbf": float64(at(0)) - 0.25}},
		"B5 nbf within the skew":         {claims: claims{"nbf": at(time.Minute)}},
		"B5 iat within the skew":         {claims: claims{"iat": at(time.Minute)}},
		"B5 iat missing":                 {claims: claims{"iat": authtest.Omit}},
		"B5 as old as allowed": {
			claims: claims{"iat": at(-time.Hour)},
			change: func(is *auth.Issuer) { is.MaxTokenAge = time.Hour },
		},
		"B4 typ missing":  {options: []authtest.SignOption{authtest.Header("typ", authtest.Omit)}},
		"B4 typ jwt":      {options: []authtest.SignOption{authtest.Header("typ", "jwt")}},
		"B4 at+jwt":       {claims: claims{"client_id": "c", "jti": "1"}, options: []authtest.SignOption{authtest.Header("typ", "at+jwt")}},
		"B4 AT+JWT, long": {claims: claims{"client_id": "c", "jti": "1"}, options: []authtest.SignOption{authtest.Header("typ", "application/AT+JWT")}},
		"B4 id where only id": {
			claims: claims{"nonce": "n"},
			change: func(is *auth.Issuer) { is.TokenTypes = []string{"id"} },
		},
		"B4 access where only access": {
			claims: claims{"scp": "api"},
			change: func(is *auth.Issuer) { is.TokenTypes = []string{"access"} },
		},
		"B7 authorized party": {
			claims: claims{"aud": []string{authtest.DefaultAudience, "b"}, "azp": "cli"},
			change: func(is *auth.Issuer) { is.AuthorizedParties = []string{"cli"} },
		},
		"B7 one audience": {
			claims: claims{"azp": "other"},
			change: func(is *auth.Issuer) { is.AuthorizedParties = []string{"cli"} },
		},
		"B18 required claims": {
			claims: claims{"org": "acme", "roles": []string{"x", "dev"}, "mfa": true},
			change: func(is *auth.Issuer) {
				is.RequiredClaims = map[string][]string{"org": {"acme"}, "roles": {"dev", "ops"}, "mfa": {"true"}}
			},
		},
		"A44 no kid": {options: []authtest.SignOption{authtest.Header("kid", authtest.Omit)}},
		"B3 embedded jwk is ignored": {options: []authtest.SignOption{
			authtest.Header("jwk", authtest.NewKey("RS256", "evil", 99).JWK()), authtest.Header("jku", "http://127.0.0.1:1/"),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *auth.OIDC) {
				if tc.change != nil {
					tc.change(&c.Issuers[0])
				}
			})
			w.mustAccept(t, w.sign(t, tc.claims, tc.options...))
		})
	}
}

func TestA54Identity(t *testing.T) {
	w := newWorld(t, func(c *auth.OIDC) { c.Issuers[0].Audiences = []string{"first", authtest.DefaultAudience} })
	got := *w.mustAccept(t, w.sign(t, authtest.Claims{"sub": "s", "email": "a@example.com", "email_verified": true}))
	want := auth.Identity{
		Subject: "s", Email: "a@example.com", EmailVerified: true, Issuer: w.issuer.URL(),
		Audience: authtest.DefaultAudience, Expiry: t0.Add(time.Hour).Local(), Method: auth.MethodOIDC,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestEmail says which address an identity gets (A52, A53), and whether it may decide anything (B15).
func TestEmail(t *testing.T) {
	type claims = authtest.Claims
	trust := func(is *auth.Issuer) { is.TrustEmail = true }
	domains := func(is *auth.Issuer) { is.EmailDomains = []string{"Example.com"} }
	for name, tc := range map[string]struct {
		claims   claims
		change   func(*auth.Issuer)
		email    string
		verified bool
	}{
		"A52 none":                               {},
		"A52 verified_primary_email first":       {claims: claims{"verified_primary_email": "v@x.y", "email": "e@x.y"}, email: "v@x.y", verified: true},
		"A52 email before the namespaced":        {claims: claims{"email": "e@x.y", "https://micromegas.io/email": "n@x.y"}, email: "e@x.y"},
		"A52 namespaced before preferred":        {claims: claims{"https://micromegas.io/email": "n@x.y", "preferred_username": "p@x.y"}, email: "n@x.y"},
		"A52 preferred_username before upn":      {claims: claims{"preferred_username": "p@x.y", "upn": "u@x.y"}, email: "p@x.y"},
		"A52 upn before unique_name":             {claims: claims{"upn": "u@x.y", "unique_name": "q@x.y"}, email: "u@x.y"},
		"A52 unique_name":                        {claims: claims{"unique_name": "q@x.y"}, email: "q@x.y"},
		"A53 array of one":                       {claims: claims{"verified_primary_email": []string{"v@x.y"}}, email: "v@x.y", verified: true},
		"A53 array of two is absent":             {claims: claims{"verified_primary_email": []string{"v@x.y", "w@x.y"}, "upn": "u@x.y"}, email: "u@x.y"},
		"A53 number is absent":                   {claims: claims{"email": 7, "upn": "u@x.y"}, email: "u@x.y"},
		"A53 null is absent":                     {claims: claims{"email": nil}},
		"B15 nothing said":                       {claims: claims{"email": "e@x.y"}, email: "e@x.y"},
		"B15 verified":                           {claims: claims{"email": "e@x.y", "email_verified": true}, email: "e@x.y", verified: true},
		"B15 verified as a string":               {claims: claims{"email": "e@x.y", "email_verified": "true"}, email: "e@x.y", verified: true},
		"B15 verified as a number":               {claims: claims{"email": "e@x.y", "email_verified": 1}, email: "e@x.y"},
		"B15 not verified":                       {claims: claims{"email": "e@x.y", "email_verified": false}, email: "e@x.y"},
		"B15 trusted":                            {claims: claims{"email": "e@x.y"}, change: trust, email: "e@x.y", verified: true},
		"B15 trusted, not verified":              {claims: claims{"email": "e@x.y", "email_verified": false}, change: trust, email: "e@x.y"},
		"B15 trusted, null":                      {claims: claims{"email": "e@x.y", "email_verified": nil}, change: trust, email: "e@x.y"},
		"B15 trusted preferred_username":         {claims: claims{"preferred_username": "p@x.y"}, change: trust, email: "p@x.y", verified: true},
		"B15 verified says nothing about others": {claims: claims{"upn": "u@x.y", "email_verified": true}, email: "u@x.y"},
		"B15 domain":                             {claims: claims{"email": "e@EXAMPLE.com"}, change: domains, email: "e@EXAMPLE.com", verified: true},
		"B15 other domain":                       {claims: claims{"email": "e@evil.com"}, change: domains, email: "e@evil.com"},
		"B15 subdomain":                          {claims: claims{"email": "e@a.example.com"}, change: domains, email: "e@a.example.com"},
		"B15 two at signs":                       {claims: claims{"email": "e@evil.com@example.com"}, change: domains, email: "e@evil.com@example.com"},
		"B15 domain, not verified":               {claims: claims{"email": "e@example.com", "email_verified": false}, change: domains, email: "e@example.com"},
		"B15 domain of a chosen name":            {claims: claims{"upn": "u@example.com"}, change: domains, email: "u@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *auth.OIDC) {
				if tc.change != nil {
					tc.change(&c.Issuers[0])
				}
			})
			id := w.mustAccept(t, w.sign(t, tc.claims))
			if id.Email != tc.email || id.EmailVerified != tc.verified {
				t.Errorf("email %q verified %v, want %q %v", id.Email, id.EmailVerified, tc.email, tc.verified)
			}
		})
	}
}

func TestA10AudiencesOfSeveralEntries(t *testing.T) {
	w := newWorld(t, func(c *auth.OIDC) {
		second := c.Issuers[0]
		second.Audiences = []string{"api"}
		second.RequiredClaims = map[string][]string{"org": {"acme"}}
		c.Issuers = append(c.Issuers, second)
	})
	if id := w.mustAccept(t, w.sign(t, nil)); id.Audience != authtest.DefaultAudience {
		t.Errorf("audience %q", id.Audience)
	}
	if id := w.mustAccept(t, w.sign(t, authtest.Claims{"aud": "api", "org": "acme"})); id.Audience != "api" {
		t.Errorf("audience %q", id.Audience)
	}
	w.mustRefuse(t, w.sign(t, authtest.Claims{"aud": "api"}), ErrRequiredClaim)
	if d, k := w.issuer.Requests(); d != 1 || k != 1 {
		t.Errorf("%d discoveries and %d key sets for one issuer", d, k)
	}
}

// TestA44KidCollision accepts a token when another key of the set has the same kid.
func TestA44KidCollision(t *testing.T) {
	w := newWorld(t, nil)
	a, b := authtest.NewKey("RS256", "same", 1), authtest.NewKey("RS256", "same", 2)
	w.issuer.Publish(a, b)
	w.mustAccept(t, w.sign(t, nil, authtest.With(a)))
	w.mustAccept(t, w.sign(t, nil, authtest.With(b)))
}

// TestA44NoKidTriesAtMost16 bounds the work that a token without kid can cause.
func TestA44NoKidTriesAtMost16(t *testing.T) {
	w := newWorld(t, nil)
	var keys []*authtest.Key
	for range 40 {
		keys = append(keys, authtest.NewKey("ES256", "", 1))
	}
	w.issuer.Publish(keys...)
	w.mustRefuse(t, w.sign(t, nil, authtest.With(authtest.NewKey("ES256", "", 2))), ErrSignature)
	if n := w.verifications.Load(); n != 16 {
		t.Errorf("%d signatures checked", n)
	}
}
