package diagnose

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/apikey"
	"github.com/micromegas-go/micromegas/auth/authtest"
	"github.com/micromegas-go/micromegas/auth/storedkey"
)

const plainKey = "a-key-that-is-long-enough"

func TestB36ConfiguredKeys(t *testing.T) {
	for name, tc := range map[string]struct {
		members, token, client, failed string
		refusal                        error
		roles                          string
	}{
		"A36 good":         {``, plainKey, "", "", nil, "reader+writer"},
		"B19 admin":        {`, "admin": true`, plainKey, "", "", nil, "reader+writer+admin"},
		"B27 expired":      {`, "expires_at": "2020-01-01T00:00:00Z"`, plainKey, "", "key expiry", apikey.ErrExpired, ""},
		"B27 not begun":    {`, "not_before": "2099-01-01T00:00:00Z"`, plainKey, "", "key begun", apikey.ErrNotYetValid, ""},
		"B27 network":      {`, "allowed_cidrs": ["10.0.0.0/8"]`, plainKey, "192.0.2.1", "address", auth.ErrNetwork, ""},
		"B27 no address":   {`, "allowed_cidrs": ["10.0.0.0/8"]`, plainKey, "", "address", auth.ErrNetwork, ""},
		"B27 good address": {`, "allowed_cidrs": ["10.0.0.0/8"]`, plainKey, "10.1.2.3", "", nil, "reader+writer"},
		"A36 unknown":      {``, plainKey + "x", "", "key", apikey.ErrUnknown, ""},
		"B19 writer":       {`, "roles": ["writer"]`, plainKey, "", "", nil, "writer"},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{
				Getenv: variables(map[string]string{auth.EnvAPIKeys: `[{"name": "ci", "key": "` + plainKey + `"` + tc.members + `}]`}),
				Token:  auth.Secret(tc.token),
			}
			o.Client, _ = netip.ParseAddr(tc.client)
			tok := run(t, o).Token
			if tok.Failed != tc.failed || tc.refusal != nil && !errors.Is(tok.err, tc.refusal) || tok.Accepted != (tc.failed == "") {
				t.Fatalf("token = %+v, error %v", tok, tok.err)
			}
			switch {
			case !tok.Accepted:
				if tok.Fix == "" {
					t.Error("no fix")
				}
			case tok.Identity.Subject != "ci" || tok.Identity.Roles != tc.roles ||
				tok.decision("ingestion").Allowed != strings.Contains(tc.roles, "writer") ||
				tok.decision("analytics").Allowed != strings.Contains(tc.roles, "reader") ||
				tok.decision("administrator").Allowed != strings.Contains(tc.roles, "admin"):
				t.Errorf("identity = %+v, decisions %+v", tok.Identity, tok.Decisions)
			}
		})
	}
}

func TestB36StoredKeys(t *testing.T) {
	text := storedkey.Mint()
	mistyped := auth.Secret("mmk_A" + string(text)[5:])
	if mistyped == text {
		mistyped = auth.Secret("mmk_B" + string(text)[5:])
	}
	now := time.Now()
	for name, tc := range map[string]struct {
		key     storedkey.Key
		token   auth.Secret
		down    error
		failed  string
		refusal error
	}{
		"good":          {key: storedkey.Key{Roles: auth.RoleWriter}, token: text},
		"B28 revoked":   {key: storedkey.Key{Roles: auth.RoleWriter, Revoked: now}, token: text, failed: "revoked", refusal: storedkey.ErrRevoked},
		"B27 expired":   {key: storedkey.Key{Roles: auth.RoleWriter, Expires: now.Add(-time.Hour)}, token: text, failed: "key expiry", refusal: storedkey.ErrExpired},
		"B27 not begun": {key: storedkey.Key{Roles: auth.RoleWriter, NotBefore: now.Add(time.Hour)}, token: text, failed: "key begun", refusal: storedkey.ErrNotYetValid},
		"B19 no roles":  {token: text, failed: "roles", refusal: storedkey.ErrNoRoles},
		"B29 mistyped":  {key: storedkey.Key{Roles: auth.RoleWriter}, token: mistyped, failed: "checksum", refusal: storedkey.ErrMistyped},
		"B28 unknown":   {key: storedkey.Key{Roles: auth.RoleWriter}, token: storedkey.Mint(), failed: "stored key", refusal: storedkey.ErrUnknown},
		"A57 outage":    {token: text, down: errors.New("database is gone"), failed: "catalog"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.key.ID, tc.key.Name = uuid.New(), "build farm"
			s := &store{keys: map[storedkey.Hash]storedkey.Key{storedkey.HashOf(text): tc.key}, err: tc.down}
			r := run(t, Options{Getenv: variables(map[string]string{auth.EnvAPIKeys: `[{"name": "ci", "key": "` + plainKey + `"}]`}), Store: s, Token: tc.token})
			tok := r.Token
			if tok.Failed != tc.failed || tc.refusal != nil && !errors.Is(tok.err, tc.refusal) || tok.Accepted != (tc.failed == "") {
				t.Fatalf("token = %+v, error %v", tok, tok.err)
			}
			if tok.Accepted && (tok.Identity.Subject != "build farm" || tok.decision("analytics").Allowed || !tok.decision("ingestion").Allowed) {
				t.Errorf("identity = %+v, decisions %+v", tok.Identity, tok.Decisions)
			}
			if tc.down != nil && (!strings.HasPrefix(tok.decision("ingestion").Answer, "503") || r.find("catalog").Status != Problem) {
				t.Errorf("decisions %+v, catalog %+v", tok.Decisions, r.find("catalog"))
			}
		})
	}
}

func TestB36StoredKeysAlone(t *testing.T) {
	text := storedkey.Mint()
	s := &store{keys: map[storedkey.Hash]storedkey.Key{storedkey.HashOf(text): {ID: uuid.New(), Name: "a", Roles: auth.RoleAdmin, Expires: time.Now().Add(time.Hour)}}}
	r := run(t, Options{Getenv: variables(nil), Store: s, Token: text})
	if !r.Healthy || !r.Token.decision("administrator").Allowed {
		t.Errorf("report = %+v", r)
	}
	r.mustFind(t, "expiry", Warning, `"a" ends`)
	r = run(t, Options{Getenv: variables(nil), Store: &store{}})
	r.mustFind(t, "methods", Problem, auth.EnvAPIKeys) // A3
	r = run(t, Options{Getenv: variables(nil), NoStore: "there is none"})
	r.mustFind(t, "methods", Warning, "")
	r = run(t, Options{Getenv: variables(nil), StoreErr: errors.New("refused")})
	r.mustFind(t, "catalog", Problem, "refused")
}

// Why somebody is an administrator, and why not.
func TestB36Administrators(t *testing.T) {
	issuer := authtest.New(t)
	for name, tc := range map[string]struct {
		admins, members string
		claims          authtest.Claims
		allowed         bool
		why, fix        string
	}{
		"A17 email":      {`["x", "Alice@Example.com"]`, ``, authtest.Claims{"email": "Alice@example.com", "email_verified": true}, true, `"Alice@Example.com" of`, ""},
		"A17 subject":    {`["alice"]`, ``, nil, true, `"alice" of`, ""},
		"B15 unverified": {`["a@example.com"]`, ``, authtest.Claims{"email": "a@example.com"}, false, "verified", "trust_email"},
		"A18 case":       {`["Alice"]`, ``, nil, false, "differs by case", `"alice"`},
		"A17 nobody":     {``, ``, nil, false, "is not set", "list the email"},
		"A17 others":     {`["bob"]`, ``, nil, false, "no entry", `add "alice"; the token has no email`},
		"B16 group":      {`[{"issuer": "ISSUER", "group": "ops"}]`, ``, authtest.Claims{"groups": []string{"ops"}}, true, `the rule for "ops"`, ""},
		"B19 roles":      {``, `, "roles": {"reader": ["*"], "admin": ["subject:alice"]}`, nil, true, `"subject:alice"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			env := variables(map[string]string{
				auth.EnvOIDCConfig: entry(issuer, tc.members), auth.EnvAdmins: strings.ReplaceAll(tc.admins, "ISSUER", issuer.URL()),
			})
			r := run(t, Options{Getenv: env, Token: auth.Secret(issuer.Sign(t, tc.claims))})
			a := r.Token.decision("administrator")
			if a.Allowed != tc.allowed || !strings.Contains(a.Why, tc.why) || !strings.Contains(a.Fix, tc.fix) || !r.Healthy {
				t.Errorf("administrator = %+v", a)
			}
		})
	}
}

func TestB19Roles(t *testing.T) {
	issuer := authtest.New(t)
	o := Options{Getenv: oidcOnly(entry(issuer, `, "roles": {"writer": ["subject:agent"]}`)), Token: auth.Secret(issuer.Sign(t, nil))}
	r := run(t, o)
	if r.Healthy || !r.Token.Accepted || r.Token.Failed != "role" {
		t.Errorf("token = %+v", r.Token)
	}
	for server, why := range map[string]string{"ingestion": "no selector", "analytics": "to nobody"} {
		if a := r.Token.decision(server); a.Allowed || !strings.HasPrefix(a.Answer, "403") || !strings.Contains(a.Why, why) {
			t.Errorf("%s = %+v", server, a)
		}
	}
}

func TestB17Introspection(t *testing.T) {
	issuer := authtest.New(t)
	env := oidcOnly(issuer.IntrospectionConfig(""))
	r := run(t, Options{Getenv: env, Token: auth.Secret(issuer.Opaque(nil))})
	if !r.Healthy || !r.Token.Accepted {
		t.Errorf("token = %+v", r.Token)
	}
	r.mustFind(t, "introspection", OK, issuer.IntrospectionEndpoint())
	if r = run(t, Options{Getenv: env, Token: "opaque-but-unknown"}); r.Token.Failed != "active" {
		t.Errorf("unknown: %+v", r.Token)
	}
	if r = run(t, Options{Getenv: env, Token: auth.Secret(issuer.Opaque(authtest.Claims{"aud": "theirs"}))}); r.Token.Failed != "audience" {
		t.Errorf("audience: %+v", r.Token)
	}
	always := oidcOnly(issuer.IntrospectionConfig(`, "mode": "always"`))
	if r = run(t, Options{Getenv: always, Token: auth.Secret(issuer.Sign(t, nil))}); r.Token.Failed != "active" || r.Token.stepOf("binding").Result != Pass {
		t.Errorf("always: %+v", r.Token)
	}
	issuer.Behave(authtest.Behaviour{IntrospectionStatus: 503})
	r = run(t, Options{Getenv: always, Token: auth.Secret(issuer.Sign(t, nil))})
	if r.Token.Failed != "active" || !strings.HasPrefix(r.Token.decision("analytics").Answer, "503") {
		t.Errorf("outage: %+v", r.Token)
	}
	r.mustFind(t, "introspection", Problem, "503")
	issuer.Behave(authtest.Behaviour{IntrospectionAuth: "client_secret_post"})
	wrong := oidcOnly(strings.ReplaceAll(issuer.IntrospectionConfig(""), authtest.ClientSecret, "wrong"))
	if c := run(t, Options{Getenv: wrong}).mustFind(t, "introspection", Problem, "401"); !strings.Contains(c.Fix, "client_id") {
		t.Errorf("fix = %q", c.Fix)
	}
}

func TestB36Offline(t *testing.T) {
	issuer := authtest.New(t)
	r := run(t, Options{Getenv: oidcOnly(issuer.IntrospectionConfig(`, "mode": "always"`)), Offline: true, Token: auth.Secret(issuer.Sign(t, nil))})
	if r.Token.Failed != "keys" || r.Token.Accepted || r.Token.Status != Skipped || !r.Healthy || !strings.Contains(r.Token.decision("analytics").Answer, "offline") {
		t.Errorf("token = %+v", r.Token)
	}
	if d, k := issuer.Requests(); d+k+issuer.Introspections() != 0 {
		t.Errorf("%d requests", d+k)
	}
	r = run(t, Options{Getenv: oidcOnly(issuer.Config()), Offline: true, Token: auth.Secret(issuer.Sign(t, nil, authtest.Header("typ", "logout+jwt")))})
	if r.Healthy || r.Token.Failed != "type" {
		t.Errorf("token = %+v", r.Token)
	}
}

func TestA4Disabled(t *testing.T) {
	r := run(t, Options{Getenv: variables(map[string]string{auth.EnvOIDCConfig: "{"}), DisableAuth: true, Token: "anything"})
	if !r.Healthy || !r.Token.Accepted || !r.Token.decision("administrator").Allowed {
		t.Errorf("report = %+v", r)
	}
	r.mustFind(t, "off", Warning, "")
}

func TestA102ReadCredential(t *testing.T) {
	now := time.Now()
	for text, want := range map[string]string{
		" abc\n": "abc", "Bearer abc": "abc", "Authorization: bearer abc\r\n": "abc", `"abc"`: `"abc"`, "": "", "\n": "", "{": "", `{"token": {}}`: "",
	} {
		got, _, err := ReadCredential([]byte(text), 0, now)
		if string(got) != want || (err != nil) != (want == "") {
			t.Errorf("ReadCredential(%q) = %q, %v", text, string(got), err)
		}
	}
	issuer := authtest.New(t)
	file := `{"issuer": "` + issuer.URL() + `", "client_id": "c", "token": {"id_token": "` + issuer.Sign(t, nil) + `", "expires_at": 1700000000}}`
	got, checks, err := ReadCredential([]byte(file), 0o644, now)
	if err != nil || got == "" {
		t.Fatal(err)
	}
	r := Report{Sections: []Section{{Checks: checks}}}
	r.mustFind(t, "permissions", Problem, "0644")
	r.mustFind(t, "refresh", Warning, "browser")
	r.mustFind(t, "expires_at", Note, "2023-11-14T22:13:20Z")
}
