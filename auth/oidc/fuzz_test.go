package oidc

import (
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
)

// FuzzAuthenticate looks for a token that is accepted and was not signed.
func FuzzAuthenticate(f *testing.F) {
	w := newWorld(f, nil)
	good := w.issuer.Sign(f, nil)
	w.mustAccept(f, auth.Secret(good))
	f.Add(good)
	f.Add(w.issuer.Sign(f, authtest.Claims{"exp": "x"}))
	f.Add(w.issuer.Sign(f, nil, authtest.Unsigned()))
	f.Add(w.issuer.Sign(f, nil, authtest.Header("crit", []string{"x"})))
	f.Add("e30.e30.AAAA")
	f.Add("a.b.c.d.e")
	f.Fuzz(func(t *testing.T, token string) {
		v, err := w.Authenticate(t.Context(), auth.Secret(token))
		if err == nil && token != good {
			t.Fatalf("accepted %q as %+v", token, v.Identity())
		}
	})
}

// FuzzParse reads header and payload as they come.
func FuzzParse(f *testing.F) {
	f.Add(`{"alg":"RS256","kid":"k","typ":"JWT"}`, `{"iss":"i","aud":["a"],"exp":1.5}`)
	f.Add(`{"alg":"none"}`, `{}`)
	f.Fuzz(func(t *testing.T, head, body string) {
		enc := canonical.EncodeToString
		tok, err := parse(enc([]byte(head)) + "." + enc([]byte(body)) + ".AAAA")
		if err != nil {
			return
		}
		if !strings.Contains(strings.Join(auth.Algorithms(), " "), tok.header.algorithm) {
			t.Errorf("algorithm %q", tok.header.algorithm)
		}
		_, _ = checkClaims(tok, []auth.Issuer{{Issuer: tok.issuer, Audiences: []string{"a"}}}, auth.OIDC{}, t0)
	})
}

// FuzzParseKeySet reads what an issuer may publish.
func FuzzParseKeySet(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"","y":""}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, _, err := parseKeySet(body)
		if err != nil {
			return
		}
		for _, k := range keys {
			if k.public == nil {
				t.Error("a key without a key")
			}
		}
	})
}
