package diagnose

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
	"github.com/micromegas-go/micromegas/auth/oidc"
)

// broken is a token that breaks a rule.
type broken struct {
	name    string
	rule    string // that is named
	origin  string // of which requirement
	refusal error  // of the chain
	config  string // members of the issuer's entry
	claims  authtest.Claims
	options []authtest.SignOption
	token   string // instead of one that is signed
	alone   bool   // can't be combined with others
}

func brokenTokens() []broken {
	future := time.Now().Add(time.Hour).Unix()
	past := time.Now().Add(-time.Hour).Unix()
	h := func(name string, v any) []authtest.SignOption { return []authtest.SignOption{authtest.Header(name, v)} }
	return []broken{
		{name: "too long", rule: "length", origin: "B12", refusal: oidc.ErrTooLong, token: strings.Repeat("a.b.c", 4000), alone: true},
		{name: "garbage", rule: "form", origin: "A41", refusal: oidc.ErrNotJWT, token: "garbage", alone: true},
		{name: "Google access token", rule: "form", origin: "A145", refusal: oidc.ErrGoogleAccess, token: "ya29.a0AbCdEfGhIjKl", alone: true},
		{name: "JWE", rule: "form", origin: "B6", refusal: oidc.ErrEncrypted, token: "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwiaXNzIjoiaHR0cHM6Ly90LmF1dGgwLmNvbS8ifQ..a.b.c", alone: true},
		{name: "not base64url", rule: "encoding", origin: "A41", refusal: oidc.ErrEncoding, token: "a+.b.c", alone: true},
		{name: "header no JSON", rule: "header", origin: "A41", refusal: oidc.ErrHeader, options: []authtest.SignOption{authtest.RawHeader("nope")}, alone: true},
		{name: "crit", rule: "critical", origin: "B6", refusal: oidc.ErrCritical, options: h("crit", []string{"x"})},
		{name: "enc", rule: "readable", origin: "B6", refusal: oidc.ErrEncrypted, options: h("enc", "A256GCM")},
		{name: "nested", rule: "nested", origin: "B6", refusal: oidc.ErrNested, options: h("cty", "JWT")},
		{name: "none", rule: "signed", origin: "A46", refusal: oidc.ErrUnsigned, options: h("alg", "none"), alone: true},
		{name: "HS256", rule: "asymmetric", origin: "A46", refusal: oidc.ErrSymmetric, options: h("alg", "HS256"), alone: true},
		{name: "unknown algorithm", rule: "algorithm", origin: "B1", refusal: oidc.ErrAlgorithm, options: h("alg", "XY256")},
		{name: "logout token", rule: "type", origin: "B4", refusal: oidc.ErrType, options: h("typ", "logout+jwt")},
		{name: "payload no JSON", rule: "payload", origin: "A41", refusal: oidc.ErrPayload, options: []authtest.SignOption{authtest.RawPayload("nope")}, alone: true},
		{name: "issuer", rule: "issuer", origin: "A42", refusal: oidc.ErrIssuer, claims: authtest.Claims{"iss": "https://other.example"}, alone: true},
		{name: "algorithm not configured", rule: "algorithms", origin: "B1", refusal: oidc.ErrAlgorithm, config: `, "algorithms": ["ES256"]`},
		{name: "kid", rule: "kid", origin: "A44", refusal: oidc.ErrUnknownKey, options: h("kid", "nobody's")},
		{name: "algorithm not announced", rule: "announced", origin: "B1", refusal: oidc.ErrAlgorithm, options: []authtest.SignOption{authtest.Algorithm("PS256")}},
		{
			name: "signature", rule: "signature", origin: "A47", refusal: oidc.ErrSignature,
			options: []authtest.SignOption{authtest.With(authtest.NewKey("RS256", "key-1", 99))},
		},
		{name: "audience", rule: "audience", origin: "A49", refusal: oidc.ErrAudience, claims: authtest.Claims{"aud": []string{"theirs", "others"}}},
		{
			name: "party", rule: "party", origin: "B7", refusal: oidc.ErrParty, config: `, "authorized_parties": ["ours"]`,
			claims: authtest.Claims{"aud": []string{authtest.DefaultAudience, "other"}, "azp": "theirs"}, alone: true,
		},
		{name: "exp", rule: "expiry", origin: "A50", refusal: oidc.ErrExpired, claims: authtest.Claims{"exp": past, "iat": past - 60}, alone: true},
		{name: "no exp", rule: "expiry", origin: "A50", refusal: oidc.ErrExpiry, claims: authtest.Claims{"exp": authtest.Omit}},
		{name: "nbf", rule: "begun", origin: "B5", refusal: oidc.ErrNotYetValid, claims: authtest.Claims{"nbf": future}},
		{name: "iat", rule: "begun", origin: "B5", refusal: oidc.ErrIssuedLater, claims: authtest.Claims{"iat": future, "exp": future + 60}, alone: true},
		{name: "nbf no number", rule: "begun", origin: "B5", refusal: oidc.ErrTime, claims: authtest.Claims{"nbf": "soon"}, alone: true},
		{name: "too old", rule: "age", origin: "B5", refusal: oidc.ErrTooOld, config: `, "max_token_age_secs": 60`, claims: authtest.Claims{"iat": past}},
		{name: "sub", rule: "subject", origin: "A51", refusal: oidc.ErrSubject, claims: authtest.Claims{"sub": authtest.Omit}},
		{name: "refresh token", rule: "purpose", origin: "B4", refusal: oidc.ErrType, claims: authtest.Claims{"typ": "Refresh"}},
		{name: "at+jwt without jti", rule: "access token", origin: "B4", refusal: oidc.ErrAccessToken, options: h("typ", "at+jwt"), alone: true},
		{name: "token type", rule: "token type", origin: "B4", refusal: oidc.ErrTokenType, config: `, "token_types": ["access"]`},
		{name: "required claim", rule: "required", origin: "B18", refusal: oidc.ErrRequiredClaim, config: `, "required_claims": {"hd": ["example.com"]}`},
		{name: "DPoP", rule: "binding", origin: "B32", refusal: auth.ErrBound, claims: authtest.Claims{"cnf": map[string]any{"jkt": "x"}}},
		{name: "certificate", rule: "certificate", origin: "B31", refusal: auth.ErrBound, claims: authtest.Claims{"cnf": map[string]any{"x5t#S256": "x"}}, alone: true},
	}
}

func (b broken) make(t *testing.T, issuer *authtest.Issuer) auth.Secret {
	t.Helper()
	if b.token != "" {
		return auth.Secret(b.token)
	}
	return auth.Secret(issuer.Sign(t, b.claims, b.options...))
}

// Each rule that a token breaks is the step that is named, and the reason that the chain has for its log (A84).
func TestB36A84Rules(t *testing.T) {
	issuer := authtest.New(t)
	for _, b := range brokenTokens() {
		t.Run(b.origin+" "+b.name, func(t *testing.T) {
			r := run(t, Options{Getenv: oidcOnly(entry(issuer, b.config)), Token: b.make(t, issuer)})
			tok := r.Token
			if tok.Accepted || r.Healthy || tok.Failed != b.rule || !errors.Is(tok.err, b.refusal) {
				t.Fatalf("failed step %q, error %v; want %q, %v", tok.Failed, errors.Unwrap(tok.err), b.rule, b.refusal)
			}
			s := tok.stepOf(b.rule)
			if s.Result != Fail || s.Fix == "" || !strings.Contains(s.Origin, b.origin) || s.Detail == "" {
				t.Errorf("step = %+v", s)
			}
			if a := tok.decision("ingestion"); a.Allowed || !strings.HasPrefix(a.Answer, "401") {
				t.Errorf("ingestion = %+v", a)
			}
		})
	}
}

// The order of the table is that of the servers: of two rules that are broken the chain names the one that stands first.
func TestB36Order(t *testing.T) {
	issuer := authtest.New(t)
	order := map[string]int{}
	for i, r := range signedRules() {
		order[r.id] = i
	}
	var list []broken
	for _, b := range brokenTokens() {
		if !b.alone {
			list = append(list, b)
		}
	}
	for i, a := range list {
		for _, b := range list[i+1:] {
			if order[a.rule] >= order[b.rule] {
				t.Fatalf("%s does not stand before %s", a.rule, b.rule)
			}
			both := broken{config: a.config + b.config, claims: authtest.Claims{}, options: append(slices.Clip(b.options), a.options...)}
			maps.Copy(both.claims, b.claims)
			maps.Copy(both.claims, a.claims)
			r := run(t, Options{Getenv: oidcOnly(entry(issuer, both.config)), Token: both.make(t, issuer)})
			if r.Token.Failed != a.rule || !errors.Is(r.Token.err, a.refusal) {
				t.Errorf("%s and %s: %q is named; the chain: %v", a.name, b.name, r.Token.Failed, errors.Unwrap(r.Token.err))
			}
		}
	}
}

// Behind a rule that is broken the others are tried too, never behind the signature.
func TestB36Behind(t *testing.T) {
	issuer := authtest.New(t)
	past := time.Now().Add(-time.Hour).Unix()
	claims := authtest.Claims{"aud": "theirs", "exp": past, "iat": past - 60}
	config := oidcOnly(entry(issuer, `, "required_claims": {"hd": ["example.com"]}`))
	r := run(t, Options{Getenv: config, Token: auth.Secret(issuer.Sign(t, claims))})
	for id, want := range map[string]Result{"signature": Pass, "audience": Fail, "expiry": Fail, "begun": Pass, "subject": Pass, "required": Fail, "binding": Pass} {
		if s := r.Token.stepOf(id); s.Result != want {
			t.Errorf("%s = %+v, want %s", id, s, want)
		}
	}
	if r.Token.Failed != "audience" || r.Token.Otherwise == "" || r.Token.Accepted {
		t.Errorf("token = %+v", r.Token)
	}
	forged := issuer.Sign(t, claims, authtest.With(authtest.NewKey("RS256", "key-1", 98)))
	r = run(t, Options{Getenv: config, Token: auth.Secret(forged)})
	if s := r.Token.stepOf("audience"); s.Result != NotReached {
		t.Errorf("behind the signature: %+v", s)
	}
}

func TestB36HopelessTokens(t *testing.T) {
	issuer := authtest.New(t)
	for name, token := range map[string]string{
		"binary": "\x00\xff\x01", "line break": "abc\ndef", "dots": "....", "two dots": "..", "long": strings.Repeat("x", 200_000), "one": "x",
		"bidi": "\u202e.\u202e.x", "quoted": `"abc"`, "escape": "\x1b[2J.a.b",
	} {
		t.Run(name, func(t *testing.T) {
			for _, env := range []map[string]string{
				{auth.EnvOIDCConfig: issuer.Config()}, {auth.EnvAPIKeys: `[{"name": "k", "key": "` + plainKey + `"}]`}, {auth.EnvOIDCConfig: "{"},
			} {
				r := run(t, Options{Getenv: variables(env), Token: auth.Secret(token)})
				if r.Healthy || r.Token.Accepted || r.Token.Reason == "" || r.Token.Fix == "" {
					t.Errorf("token = %+v", r.Token)
				}
			}
		})
	}
}
