package auth_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/auth"
)

// env makes a getenv of its arguments, name and value in turn.
func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

const oneIssuer = `{"issuers": [{"issuer": "https://accounts.google.com", "audience": "id.apps.googleusercontent.com"}]}`

func issuerWith(members string) string {
	return `{"issuers": [{"issuer": "https://accounts.google.com", "audience": "x", ` + members + `}]}`
}

func TestConfigLoads(t *testing.T) {
	// 512 random bytes in base64, the documented recipe: 684 characters with '+', '/' and '='.
	long := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xfb\xff\xfe\x01", 128)))
	for name, tc := range map[string]struct {
		env      func(string) string
		check    func(auth.Config) bool
		warnings []string // parts, in order
	}{
		"A2 keys alone": {
			env:   env(auth.EnvAPIKeys, `[{"name": "svc", "key": "0123456789abcdef"}]`),
			check: func(c auth.Config) bool { return len(c.APIKeys) == 1 && len(c.OIDC.Issuers) == 0 },
		},
		"A2 OIDC alone": {
			env:   env(auth.EnvOIDCConfig, oneIssuer),
			check: func(c auth.Config) bool { return len(c.APIKeys) == 0 && len(c.OIDC.Issuers) == 1 },
		},
		"A2 both": {
			env:   env(auth.EnvOIDCConfig, oneIssuer, auth.EnvAPIKeys, `[{"name": "svc", "key": "0123456789abcdef"}]`),
			check: func(c auth.Config) bool { return len(c.APIKeys) == 1 && len(c.OIDC.Issuers) == 1 },
		},
		"A9 defaults": {env: env(auth.EnvOIDCConfig, oneIssuer), check: func(c auth.Config) bool {
			return c.OIDC.KeyRefresh == time.Hour && c.OIDC.TokenCacheSize == 1000 && c.OIDC.TokenCacheTTL == 5*time.Minute &&
				c.OIDC.ClockSkew == time.Minute && c.OIDC.ExpiryLeeway == 0 && c.OIDC.KeyMaxStale == 24*time.Hour
		}},
		"A9 the documented example": {
			env: env(auth.EnvOIDCConfig, `{
			"issuers": [
				{"issuer": "https://accounts.google.com", "audience": "your-app-id.apps.googleusercontent.com"},
				{"issuer": "https://login.microsoftonline.com/{tenant}/v2.0", "audience": "api://your-api-id"}
			],
			"jwks_refresh_interval_secs": 1800, "token_cache_size": 500, "token_cache_ttl_secs": 60}`),
			check: func(c auth.Config) bool {
				return len(c.OIDC.Issuers) == 2 && c.OIDC.Issuers[1].Audiences[0] == "api://your-api-id" && // A148
					c.OIDC.KeyRefresh == 30*time.Minute && c.OIDC.TokenCacheSize == 500 && c.OIDC.TokenCacheTTL == time.Minute
			},
		},
		"A10 one issuer twice": {
			env:   env(auth.EnvOIDCConfig, `{"issuers": [{"issuer": "https://i", "audience": "a"}, {"issuer": "https://i", "audience": "b"}]}`),
			check: func(c auth.Config) bool { return len(c.OIDC.Issuers) == 2 },
		},
		"A15 blank variables": {
			env:   env(auth.EnvOIDCConfig, " \t\n", auth.EnvAdmins, "", auth.EnvAPIKeys, `[{"name": "svc", "key": "0123456789abcdef"}]`),
			check: func(c auth.Config) bool { return len(c.OIDC.Issuers) == 0 && len(c.Admins) == 0 },
		},
		"A16 zeros": {
			env: env(auth.EnvOIDCConfig, `{"issuers": [{"issuer": "https://i", "audience": "a"}], "jwks_refresh_interval_secs": 0, "token_cache_size": 0, "token_cache_ttl_secs": 0}`),
			check: func(c auth.Config) bool {
				return c.OIDC.KeyRefresh == time.Second && c.OIDC.TokenCacheSize == 0 && c.OIDC.TokenCacheTTL == 0
			},
		},
		"A14 unknown fields": {
			env:      env(auth.EnvOIDCConfig, `{"jwks_refresh_interval_sec": 1, "issuers": [{"issuer": "https://i", "audience": "a", "comment": "x"}]}`),
			check:    func(c auth.Config) bool { return c.OIDC.KeyRefresh == time.Hour },
			warnings: []string{"issuers[0].comment is unknown", "jwks_refresh_interval_sec is unknown"},
		},
		"A17 administrators": {
			env:   env(auth.EnvOIDCConfig, oneIssuer, auth.EnvAdmins, `["alice@example.com", "sub"]`),
			check: func(c auth.Config) bool { return len(c.Admins) == 2 },
		},
		"A22 long key": {
			env:   env(auth.EnvAPIKeys, `[{"name": "svc", "key": "`+long+`"}]`),
			check: func(c auth.Config) bool { return len(c.APIKeys[0].Key) == 684 },
		},
		"A22 short key": {
			env:   env(auth.EnvAPIKeys, `[{"name": "svc", "key": "my-secret-key1"}]`),
			check: func(c auth.Config) bool { return c.APIKeys[0].MayDelegate }, warnings: []string{"[0].key has only 14"},
		},
		"A23 extra fields": {
			env:   env(auth.EnvAPIKeys, `[{"name": "svc", "key": "0123456789abcdef", "owner": "me"}]`),
			check: func(c auth.Config) bool { return len(c.APIKeys) == 1 }, warnings: []string{"[0].owner is unknown"},
		},
		"A24 one name twice": {
			env:   env(auth.EnvAPIKeys, `[{"name": "svc", "key": "0123456789abcdef"}, {"name": "svc", "key": "0123456789abcdeg"}]`),
			check: func(c auth.Config) bool { return len(c.APIKeys) == 2 },
		},
		"B19 key that is an administrator": {
			env:   env(auth.EnvAPIKeys, `[{"name": "a", "key": "0123456789abcdef", "admin": true}, {"name": "b", "key": "0123456789abcdeg"}]`),
			check: func(c auth.Config) bool { return c.APIKeys[0].Admin && !c.APIKeys[1].Admin },
		},
		"A143 Google": {env: env(auth.EnvOIDCConfig, oneIssuer), check: func(c auth.Config) bool { return !c.OIDC.Issuers[0].TrustEmail }},
		"A147 Azure, concrete tenant": {
			env:   env(auth.EnvOIDCConfig, `{"issuers": [{"issuer": "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0", "audience": "a"}]}`),
			check: func(c auth.Config) bool { return c.OIDC.Issuers[0].TrustEmail },
		},
		"A148 Azure v1.0": {
			env:   env(auth.EnvOIDCConfig, `{"issuers": [{"issuer": "https://sts.windows.net/72f988bf-86f1-41af-91ab-2d7cd011db47/", "audience": "a"}]}`),
			check: func(c auth.Config) bool { return c.OIDC.Issuers[0].TrustEmail },
		},
		"B15 Azure, not trusted": {
			env:   env(auth.EnvOIDCConfig, `{"issuers": [{"issuer": "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0", "audience": "a", "trust_email": false}]}`),
			check: func(c auth.Config) bool { return !c.OIDC.Issuers[0].TrustEmail },
		},
		"B15 Azure, personal accounts": {
			env:   env(auth.EnvOIDCConfig, `{"issuers": [{"issuer": "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0", "audience": "a"}]}`),
			check: func(c auth.Config) bool { return !c.OIDC.Issuers[0].TrustEmail },
		},
		"B15 a host that looks like Azure": {
			env:   env(auth.EnvOIDCConfig, `{"issuers": [{"issuer": "https://login.microsoftonline.com.evil.example/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0", "audience": "a"}]}`),
			check: func(c auth.Config) bool { return !c.OIDC.Issuers[0].TrustEmail },
		},
		"B15 Azure, every tenant": {
			env:   env(auth.EnvOIDCConfig, `{"issuers": [{"issuer": "https://login.microsoftonline.com/common/v2.0", "audience": "a"}]}`),
			check: func(c auth.Config) bool { return !c.OIDC.Issuers[0].TrustEmail }, warnings: []string{"no concrete tenant"},
		},
		"A150 Auth0": {
			env:   env(auth.EnvOIDCConfig, `{"issuers": [{"issuer": "https://tenant.auth0.com/", "audience": "a"}]}`),
			check: func(c auth.Config) bool { return c.OIDC.Issuers[0].Issuer == "https://tenant.auth0.com/" },
		},
		"A152 Okta": {
			env:   env(auth.EnvOIDCConfig, `{"issuers": [{"issuer": "https://org.okta.com/oauth2/default", "audience": "api://default"}]}`),
			check: func(auth.Config) bool { return true }, warnings: []string{"many clients of the issuer share"},
		}, // B7
		"B7 Keycloak, narrowed": {
			env:   env(auth.EnvOIDCConfig, `{"issuers": [{"issuer": "https://k/realms/r", "audience": "account", "authorized_parties": ["cli"]}]}`),
			check: func(auth.Config) bool { return true },
		},
		"B11 loopback over http": {
			env:   env(auth.EnvOIDCConfig, `{"issuers": [{"issuer": "http://127.0.0.1:8080", "audience": "a"}, {"issuer": "http://[::1]:8080", "audience": "a"}, {"issuer": "http://localhost", "audience": "a"}]}`),
			check: func(c auth.Config) bool { return len(c.OIDC.Issuers) == 3 },
		},
		"B11 http permitted": {
			env:   env(auth.EnvOIDCConfig, `{"issuers": [{"issuer": "http://dex:5556", "audience": "a", "allow_http": true}]}`),
			check: func(c auth.Config) bool { return c.OIDC.Issuers[0].AllowHTTP }, warnings: []string{"allow_http"},
		},
		"A17 administrators without OIDC": {
			env:   env(auth.EnvAPIKeys, `[{"name": "svc", "key": "0123456789abcdef"}]`, auth.EnvAdmins, `["a"]`),
			check: func(auth.Config) bool { return true }, warnings: []string{"no effect without " + auth.EnvOIDCConfig},
		},
		"B16 a subject and two issuers": {
			env:   env(auth.EnvOIDCConfig, `{"issuers": [{"issuer": "https://i", "audience": "a"}, {"issuer": "https://j", "audience": "a"}]}`, auth.EnvAdmins, `["a@b", "sub"]`),
			check: func(auth.Config) bool { return true }, warnings: []string{"[1] is a subject"},
		},
		"B27 whole key object": {
			env: env(auth.EnvAPIKeys, `[{"name": "a", "sha256": "`+strings.ToUpper(auth.HashKey("0123456789abcdef"))+`", "not_before": "2026-01-01T00:00:00Z", "expires_at": "2027-01-01T00:00:00+01:00", "roles": ["writer"], "allowed_cidrs": ["10.0.0.0/8", "192.0.2.1"], "may_delegate": false}]`),
			check: func(c auth.Config) bool {
				k := c.APIKeys[0]
				return k.Hash == auth.HashKey("0123456789abcdef") && k.Key == "" && k.NotBefore.Year() == 2026 && k.ExpiresAt.UTC().Year() == 2026 &&
					k.Roles == auth.RoleWriter && len(k.Networks) == 2 && !k.MayDelegate && !k.Admin
			},
		},
		"B19 key with the role admin": {
			env:   env(auth.EnvAPIKeys, `[{"name": "a", "key": "0123456789abcdef", "roles": ["admin"]}]`),
			check: func(c auth.Config) bool { return c.APIKeys[0].Admin },
		},
		"B19 key admin by name": {
			env:   env(auth.EnvAPIKeys, `[{"name": "a", "key": "0123456789abcdef"}, {"name": "b", "key": "0123456789abcdeg"}]`, auth.EnvAllowKeyAdmin, "b"),
			check: func(c auth.Config) bool { return !c.APIKeys[0].Admin && c.APIKeys[1].Admin },
		},
		"A21 name and key": {
			env: env(auth.EnvAPIKeys, `[{"name": "svc", "key": "0123456789abcdef"}]`),
			check: func(c auth.Config) bool {
				return c.APIKeys[0].Name == "svc" && c.APIKeys[0].Key == "0123456789abcdef" && c.APIKeys[0].Roles == 0
			},
		},
		"A40 keys do not expire": {
			env:   env(auth.EnvAPIKeys, `[{"name": "svc", "key": "0123456789abcdef"}]`),
			check: func(c auth.Config) bool { return c.APIKeys[0].ExpiresAt.IsZero() && c.APIKeys[0].NotBefore.IsZero() },
		},
		"B25 defaults": {
			env:   env(auth.EnvOIDCConfig, oneIssuer),
			check: func(c auth.Config) bool { return c.Limits == auth.Limits{FailuresPerSecond: 20, FailureBurst: 100} },
		},
		"B25 configured": {
			env:   env(auth.EnvOIDCConfig, oneIssuer, auth.EnvFailureRate, " 0.5 ", auth.EnvFailureBurst, "7"),
			check: func(c auth.Config) bool { return c.Limits == auth.Limits{FailuresPerSecond: 0.5, FailureBurst: 7} },
		},
		"B26 proxies": {
			env:   env(auth.EnvOIDCConfig, oneIssuer, auth.EnvTrustedProxies, "10.0.0.0/8, 192.0.2.1\tfd00::/8"),
			check: func(c auth.Config) bool { return len(c.Proxies) == 3 },
		},
		"B26 proxies everywhere": {
			env:   env(auth.EnvOIDCConfig, oneIssuer, auth.EnvTrustedProxies, "0.0.0.0/0"),
			check: func(c auth.Config) bool { return len(c.Proxies) == 1 }, warnings: []string{"entry 1 is every address"},
		},
		"B18 issuer with everything": {
			env: env(auth.EnvOIDCConfig, issuerWith(`"audiences": ["y"], "algorithms": ["ES256"], "token_types": ["access"], "authorized_parties": ["p"],
				"required_claims": {"org": ["a", "b"], "env": "prod"}, "subject_claim": "oid", "name_claim": "profile.name", "groups_claim": "/realm_access/roles",
				"email_claims": ["mail"], "email_domains": ["example.com"], "trust_email": true, "max_token_age_secs": 60, "jwks_uri": "https://keys",
				"introspection": {"endpoint": "https://i/introspect", "client_id": "c", "client_secret": "s", "mode": "always", "cache_ttl_secs": 5, "auth_method": "client_secret_post"},
				"roles": {"reader": ["*"], "admin": ["group:ops", "user:a@b"]}`)),
			check: func(c auth.Config) bool {
				is := c.OIDC.Issuers[0]
				return len(is.Audiences) == 2 && is.SubjectClaim == "oid" && is.NameClaim == "profile.name" && is.GroupsClaim == "/realm_access/roles" &&
					is.TrustEmail && is.MaxTokenAge == time.Minute && len(is.Roles) == 3 && is.RequiredClaims["env"][0] == "prod" &&
					*is.Introspection == auth.Introspection{Endpoint: "https://i/introspect", ClientID: "c", ClientSecret: "s", Always: true, CacheTTL: 5 * time.Second, AuthMethod: "client_secret_post"}
			},
		},
		"B17 introspection by default": {
			env: env(auth.EnvOIDCConfig, issuerWith(`"introspection": {"client_id": "c", "client_secret": "s"}`)),
			check: func(c auth.Config) bool {
				return *c.OIDC.Issuers[0].Introspection == auth.Introspection{ClientID: "c", ClientSecret: "s", CacheTTL: 30 * time.Second}
			},
		},
		"B17 two issuers to ask": {
			env:   env(auth.EnvOIDCConfig, `{"issuers": [{"issuer": "https://i", "audience": "a", "introspection": {"client_id": "c", "client_secret": "s"}}, {"issuer": "https://j", "audience": "a", "introspection": {"client_id": "c", "client_secret": "s"}}]}`),
			check: func(auth.Config) bool { return true }, warnings: []string{"introspection for 2 issuers"},
		},
		"B18 a subject that users choose": {
			env:   env(auth.EnvOIDCConfig, issuerWith(`"subject_claim": "preferred_username"`)),
			check: func(auth.Config) bool { return true }, warnings: []string{"issuers[0].subject_claim is a claim that users"},
		},
		"B19 roles without reader and writer": {
			env:   env(auth.EnvOIDCConfig, issuerWith(`"roles": {"admin": ["group:ops"]}`)),
			check: func(auth.Config) bool { return true }, warnings: []string{`gives nobody "reader" or "writer"`},
		},
		"B19 everybody is an administrator": {
			env:   env(auth.EnvOIDCConfig, issuerWith(`"roles": {"admin": ["*"], "reader": ["*"]}`)),
			check: func(auth.Config) bool { return true }, warnings: []string{"makes every caller of this issuer an administrator"},
		},
		"B16 bound administrators": {
			env: env(auth.EnvOIDCConfig, oneIssuer, auth.EnvAdmins, `["a@b", {"issuer": "https://accounts.google.com", "subject": "1"}]`),
			check: func(c auth.Config) bool {
				return len(c.Admins) == 1 && c.AdminRules[0] == auth.AdminRule{Issuer: "https://accounts.google.com", Subject: "1"}
			},
		},
		"B16 bound to nobody": {
			env:   env(auth.EnvOIDCConfig, oneIssuer, auth.EnvAdmins, `[{"issuer": "https://accounts.google.com/", "group": "g"}]`),
			check: func(auth.Config) bool { return true }, warnings: []string{"not configured: it makes nobody an administrator"},
		},
		"A10 audiences": {
			env: env(auth.EnvOIDCConfig, `{"issuers": [{"issuer": "https://i", "audience": "a", "audiences": ["b", "c"]}, {"issuer": "https://j", "audiences": ["d"]}]}`),
			check: func(c auth.Config) bool {
				return len(c.OIDC.Issuers[0].Audiences) == 3 && len(c.OIDC.Issuers[1].Audiences) == 1
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, warnings, err := auth.LoadConfig(tc.env)
			if err != nil {
				t.Fatal(err)
			}
			if !tc.check(cfg) {
				t.Errorf("config %+v", cfg)
			}
			if len(warnings) != len(tc.warnings) {
				t.Fatalf("warnings %q", warnings)
			}
			for i, part := range tc.warnings {
				if !strings.Contains(warnings[i], part) {
					t.Errorf("warning %q, want %q", warnings[i], part)
				}
			}
		})
	}
}

// TestConfigMistakes checks that each mistake is named with variable, path and reason, and that no value is shown.
func TestConfigMistakes(t *testing.T) {
	const needle = "s3cr3t-needle"
	oidc := func(text string) func(string) string { return env(auth.EnvOIDCConfig, text) }
	keys := func(text string) func(string) string { return env(auth.EnvAPIKeys, text) }
	admins := func(text string) func(string) string { return env(auth.EnvOIDCConfig, oneIssuer, auth.EnvAdmins, text) }
	for name, tc := range map[string]struct {
		env  func(string) string
		want []string
	}{
		"A3 nothing":                       {env(), []string{auth.EnvAPIKeys, auth.EnvOIDCConfig, "--disable-auth"}},
		"A15 only blanks":                  {env(auth.EnvAPIKeys, " ", auth.EnvOIDCConfig, ""), []string{auth.EnvAPIKeys}},
		"A25 empty list of keys":           {keys(`[]`), []string{auth.ErrNoMethod.Error()}},
		"A12 no issuers":                   {oidc(`{"issuers": []}`), []string{"MICROMEGAS_OIDC_CONFIG: issuers is empty"}},
		"A12 issuers missing":              {oidc(`{}`), []string{"MICROMEGAS_OIDC_CONFIG: issuers is missing"}},
		"A13 not JSON":                     {oidc(`{"issuers": ` + needle), []string{"MICROMEGAS_OIDC_CONFIG: not valid JSON", "line 1, column 13"}},
		"A13 cut off":                      {oidc(`{"issuers": [`), []string{"it ends too early"}},
		"A13 something follows":            {oidc(oneIssuer + ` {}`), []string{"something follows"}},
		"A13 an array":                     {oidc(`[]`), []string{"must be a JSON object, not an array"}},
		"A13 issuers is an object":         {oidc(`{"issuers": {}}`), []string{"issuers must be an array, not an object"}},
		"A13 an issuer is a string":        {oidc(`{"issuers": ["` + needle + `"]}`), []string{"issuers[0] must be a JSON object, not a string"}},
		"A13 issuer missing":               {oidc(`{"issuers": [{"audience": "a"}]}`), []string{"issuers[0].issuer is missing"}},
		"A13 issuer is a number":           {oidc(`{"issuers": [{"issuer": 7, "audience": "a"}]}`), []string{"issuers[0].issuer must be a string, not a number"}},
		"A13 issuer is relative":           {oidc(`{"issuers": [{"issuer": "accounts.google.com", "audience": "a"}]}`), []string{"issuers[0].issuer must be an absolute http or https URL"}},
		"A13 issuer is no web address":     {oidc(`{"issuers": [{"issuer": "file:///etc/passwd", "audience": "a"}]}`), []string{"absolute http or https URL"}},
		"A13 issuer with a password":       {oidc(`{"issuers": [{"issuer": "https://u:` + needle + `@i", "audience": "a"}]}`), []string{"neither user"}},
		"A13 issuer with a query":          {oidc(`{"issuers": [{"issuer": "https://i?x=1", "audience": "a"}]}`), []string{"neither user, query"}},
		"A13 audience missing":             {oidc(`{"issuers": [{"issuer": "https://i"}]}`), []string{"issuers[0].audience is missing; set it to the client id"}},
		"A13 audience empty":               {oidc(`{"issuers": [{"issuer": "https://i", "audience": ""}]}`), []string{"issuers[0].audience is empty"}},
		"A13 audience is an array":         {oidc(`{"issuers": [{"issuer": "https://i", "audience": ["a"]}]}`), []string{"issuers[0].audience must be a string, not an array"}},
		"A13 second issuer":                {oidc(`{"issuers": [{"issuer": "https://i", "audience": "a"}, {"issuer": "https://j"}]}`), []string{"issuers[1].audience"}},
		"A13 size is a string":             {oidc(`{"token_cache_size": "1", "issuers": [{"issuer": "https://i", "audience": "a"}]}`), []string{"token_cache_size must be an integer, not a string"}},
		"A13 size is negative":             {oidc(`{"token_cache_size": -1, "issuers": [{"issuer": "https://i", "audience": "a"}]}`), []string{"token_cache_size must be an integer from 0"}},
		"A13 size is a fraction":           {oidc(`{"token_cache_size": 1.5, "issuers": [{"issuer": "https://i", "audience": "a"}]}`), []string{"token_cache_size must be an integer from 0"}},
		"A13 TTL overflows":                {oidc(`{"token_cache_ttl_secs": 9223372036854775807, "issuers": [{"issuer": "https://i", "audience": "a"}]}`), []string{"token_cache_ttl_secs must be an integer from 0"}},
		"A13 duplicate member":             {oidc(`{"issuers": [{"issuer": "https://i", "issuer": "https://j", "audience": "a"}]}`), []string{"duplicate member name"}},
		"A13 nested deeply":                {oidc(strings.Repeat("[", 100) + strings.Repeat("]", 100)), []string{"nested too deeply"}},
		"B1 symmetric algorithm":           {oidc(issuerWith(`"algorithms": ["HS256"]`)), []string{"issuers[0].algorithms[0] is not supported"}},
		"B1 none":                          {oidc(issuerWith(`"algorithms": ["RS256", "none"]`)), []string{"issuers[0].algorithms[1] is not supported"}},
		"B4 token type":                    {oidc(issuerWith(`"token_types": ["refresh"]`)), []string{`issuers[0].token_types[0] must be "id" or "access"`}},
		"B5 skew too large":                {oidc(`{"clock_skew_leeway_secs": 301, "issuers": [{"issuer": "https://i", "audience": "a"}]}`), []string{"clock_skew_leeway_secs must be an integer from 0 to 300"}},
		"B11 http":                         {oidc(`{"issuers": [{"issuer": "http://idp.example.com", "audience": "a"}]}`), []string{"issuers[0].issuer must be an https URL", "allow_http"}},
		"B11 http to a name like loopback": {oidc(`{"issuers": [{"issuer": "http://localhost.evil.example", "audience": "a"}]}`), []string{"https URL"}},
		"B11 CA file":                      {oidc(issuerWith(`"ca_file": "/nonexistent"`)), []string{"issuers[0].ca_file cannot be read"}},
		"A10 entries disagree": {
			oidc(`{"issuers": [{"issuer": "https://i", "audience": "a"}, {"issuer": "https://i", "audience": "b", "algorithms": ["ES256"]}]}`),
			[]string{"issuers[1].algorithms differs from that of issuers[0]"},
		},
		"B18 required_claims":              {oidc(issuerWith(`"required_claims": []`)), []string{"issuers[0].required_claims must be an object"}},
		"A19 administrators are a string":  {admins(`alice@example.com`), []string{"MICROMEGAS_ADMINS: not valid JSON"}},
		"A19 administrators are quoted":    {admins(`"alice@example.com"`), []string{"MICROMEGAS_ADMINS: must be a JSON array"}},
		"A19 an administrator is empty":    {admins(`["a", ""]`), []string{"MICROMEGAS_ADMINS: [1] must be a non-empty string"}},
		"A19 an administrator is a number": {admins(`[7]`), []string{"MICROMEGAS_ADMINS: [0] must be a non-empty string, not a number"}},
		"A19 administrators are an object": {admins(`{}`), []string{"must be a JSON array"}},
		"A22 raw line break":               {keys("[{\"name\": \"svc\", \"key\": \"" + needle + "\nabc\"}]"), []string{"raw line break inside a string", "tr -d"}},
		"A23 not JSON":                     {keys(needle), []string{"MICROMEGAS_API_KEYS: not valid JSON"}},
		"A23 an object":                    {keys(`{"svc": "` + needle + `"}`), []string{"must be a JSON array"}},
		"A23 name missing":                 {keys(`[{"key": "` + needle + `-01234567"}]`), []string{"MICROMEGAS_API_KEYS: [0].name is missing"}},
		"A23 key missing":                  {keys(`[{"name": "svc"}]`), []string{"MICROMEGAS_API_KEYS: [0].key is missing"}},
		"A24 key empty":                    {keys(`[{"name": "svc", "key": ""}]`), []string{"[0].key is empty"}},
		"A24 key with a blank":             {keys(`[{"name": "svc", "key": "` + needle + ` x"}]`), []string{"[0].key has a character outside printable ASCII"}},
		"A24 key with an umlaut":           {keys(`[{"name": "svc", "key": "` + needle + `ü"}]`), []string{"[0].key has a character outside printable ASCII"}},
		"A24 key with a line break":        {keys(`[{"name": "svc", "key": "` + needle + `\n"}]`), []string{"[0].key has a character outside printable ASCII"}},
		"A24 one key twice":                {keys(`[{"name": "a", "key": "` + needle + `-1234"}, {"name": "b", "key": "` + needle + `-1234"}]`), []string{"[1].key is the same as that of [0]"}},
		"B27 a limit we do not know yet":   {keys(`[{"name": "a", "key": "` + needle + `-1234", "audience": "x"}]`), []string{"[0].audience is not supported"}},
		"B18 expressions come later":       {oidc(issuerWith(`"when": "true"`)), []string{"issuers[0].when is not supported by this version", "required_claims"}},
		"B18 groups_claim":                 {oidc(issuerWith(`"groups_claim": 7`)), []string{"issuers[0].groups_claim must be a non-empty string"}},
		"B18 broken pointer":               {oidc(issuerWith(`"groups_claim": "/a~2b"`)), []string{"issuers[0].groups_claim must be a JSON pointer"}},
		"B15 domain with an at sign":       {oidc(issuerWith(`"email_domains": ["@example.com"]`)), []string{"issuers[0].email_domains[0] must be a domain"}},
		"B15 domain with a wildcard":       {oidc(issuerWith(`"email_domains": ["*.example.com"]`)), []string{"issuers[0].email_domains[0] must be a domain"}},
		"B19 roles are an array":           {oidc(issuerWith(`"roles": ["reader"]`)), []string{"issuers[0].roles must be an object"}},
		"B19 no such role":                 {oidc(issuerWith(`"roles": {"root": ["*"]}`)), []string{"issuers[0].roles.root is no role; use reader, writer, key-manager, admin"}},
		"B19 no such selector":             {oidc(issuerWith(`"roles": {"reader": ["everybody"]}`)), []string{`issuers[0].roles.reader[0] must be "*", "user:<email>"`}},
		"B17 no client":                    {oidc(issuerWith(`"introspection": {"client_secret": "` + needle + `"}`)), []string{"issuers[0].introspection.client_id is missing"}},
		"B17 no secret":                    {oidc(issuerWith(`"introspection": {"client_id": "c"}`)), []string{"issuers[0].introspection.client_secret_file is missing"}},
		"B17 two secrets":                  {oidc(issuerWith(`"introspection": {"client_id": "c", "client_secret": "` + needle + `", "client_secret_file": "/x"}`)), []string{`has both "client_secret" and "client_secret_file"`}},
		"B17 secret file missing":          {oidc(issuerWith(`"introspection": {"client_id": "c", "client_secret_file": "/nonexistent"}`)), []string{"client_secret_file cannot be read"}},
		"B17 mode":                         {oidc(issuerWith(`"introspection": {"client_id": "c", "client_secret": "s", "mode": "jwt"}`)), []string{`introspection.mode must be "opaque"`}},
		"B17 auth_method":                  {oidc(issuerWith(`"introspection": {"client_id": "c", "client_secret": "s", "auth_method": "none"}`)), []string{"introspection.auth_method must be"}},
		"B17 endpoint over http":           {oidc(issuerWith(`"introspection": {"client_id": "c", "client_secret": "s", "endpoint": "http://i/x"}`)), []string{"introspection.endpoint must be an https URL"}},
		"B17 no object":                    {oidc(issuerWith(`"introspection": true`)), []string{"issuers[0].introspection must be a JSON object"}},
		"B30 keys file missing":            {oidc(issuerWith(`"jwks_file": "/nonexistent"`)), []string{"issuers[0].jwks_file cannot be read"}},
		"B30 two sources of keys":          {oidc(issuerWith(`"jwks_file": "/nonexistent", "jwks_uri": "https://k"`)), []string{`has both "jwks_uri" and "jwks_file"`}},
		"B30 token file missing":           {oidc(issuerWith(`"bearer_token_file": "/nonexistent"`)), []string{"issuers[0].bearer_token_file cannot be read"}},
		"B16 rule without issuer":          {admins(`[{"subject": "` + needle + `"}]`), []string{"MICROMEGAS_ADMINS: [0].issuer is missing"}},
		"B16 rule for everybody":           {admins(`[{"issuer": "https://i"}]`), []string{`[0] must have exactly one of "subject", "email" and "group"`}},
		"B16 rule with two":                {admins(`[{"issuer": "https://i", "subject": "a", "group": "b"}]`), []string{`[0] must have exactly one of`}},
		"B16 rule with another member":     {admins(`[{"issuer": "https://i", "group": "b", "domain": "x"}]`), []string{"[0].domain is unknown; use"}},
		"B16 rule with an empty group":     {admins(`[{"issuer": "https://i", "group": ""}]`), []string{"[0].group must be a non-empty string"}},
		"B19 key admin nobody has":         {env(auth.EnvAPIKeys, `[{"name": "a", "key": "0123456789abcdef"}]`, auth.EnvAllowKeyAdmin, needle), []string{"MICROMEGAS_ALLOW_KEY_ADMIN: names no key"}},
		"B19 roles of a key":               {keys(`[{"name": "a", "key": "0123456789abcdef", "roles": ["root"]}]`), []string{"[0].roles[0] must be one of reader"}},
		"B19 no roles of a key":            {keys(`[{"name": "a", "key": "0123456789abcdef", "roles": []}]`), []string{"[0].roles is empty"}},
		"B27 no time":                      {keys(`[{"name": "a", "key": "0123456789abcdef", "expires_at": "tomorrow"}]`), []string{"[0].expires_at must be a time such as"}},
		"B27 ends before it begins":        {keys(`[{"name": "a", "key": "0123456789abcdef", "not_before": "2027-01-01T00:00:00Z", "expires_at": "2026-01-01T00:00:00Z"}]`), []string{"[0].expires_at is not after not_before"}},
		"B27 host bits":                    {keys(`[{"name": "a", "key": "0123456789abcdef", "allowed_cidrs": ["10.0.0.1/8"]}]`), []string{"[0].allowed_cidrs[0] must be an address or a network"}},
		"B27 no networks":                  {keys(`[{"name": "a", "key": "0123456789abcdef", "allowed_cidrs": []}]`), []string{"[0].allowed_cidrs is empty"}},
		"B27 networks are a string":        {keys(`[{"name": "a", "key": "0123456789abcdef", "allowed_cidrs": "10.0.0.0/8"}]`), []string{"[0].allowed_cidrs must be an array"}},
		"B27 hash that is none":            {keys(`[{"name": "a", "sha256": "` + needle + `"}]`), []string{"[0].sha256 must be 64 hexadecimal digits"}},
		"B27 key and hash":                 {keys(`[{"name": "a", "key": "` + needle + `-1234", "sha256": "` + auth.HashKey("x") + `"}]`), []string{`[0] has both "key" and "sha256"`}},
		"B27 a key and its own hash":       {keys(`[{"name": "a", "key": "0123456789abcdef"}, {"name": "b", "sha256": "` + auth.HashKey("0123456789abcdef") + `"}]`), []string{"is the same as that of [0]"}},
		"B26 proxies":                      {env(auth.EnvOIDCConfig, oneIssuer, auth.EnvTrustedProxies, "10.0.0.0/8, proxy.example.com"), []string{"MICROMEGAS_TRUSTED_PROXIES: entry 2 must be"}},
		"B25 rate":                         {env(auth.EnvOIDCConfig, oneIssuer, auth.EnvFailureRate, "NaN"), []string{"MICROMEGAS_AUTH_FAILURE_RATE: must be a number"}},
		"B25 burst":                        {env(auth.EnvOIDCConfig, oneIssuer, auth.EnvFailureBurst, "0"), []string{"MICROMEGAS_AUTH_FAILURE_BURST: must be an integer"}},
		"B33 file missing":                 {env(auth.EnvFile(auth.EnvOIDCConfig), "/nonexistent"), []string{"MICROMEGAS_OIDC_CONFIG_FILE: cannot be read"}},
		"B33 both":                         {env(auth.EnvFile(auth.EnvAPIKeys), "/nonexistent", auth.EnvAPIKeys, "[]"), []string{"MICROMEGAS_API_KEYS_FILE: and MICROMEGAS_API_KEYS are both set; unset one"}},
		"A13 every mistake at once": {
			env(auth.EnvOIDCConfig, `{"issuers": [{"issuer": "x"}]}`, auth.EnvAdmins, `{}`, auth.EnvAPIKeys, `[{"name": "a"}, {"key": "k"}]`),
			[]string{"[0].key is missing", "[1].name is missing", "issuers[0].issuer must", "issuers[0].audience is missing", "MICROMEGAS_ADMINS: must"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := auth.LoadConfig(tc.env)
			if err == nil {
				t.Fatal("loaded")
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q, want %q", err, part)
				}
			}
			if strings.Contains(err.Error(), needle) {
				t.Errorf("the error shows a value: %v", err)
			}
		})
	}
}

func TestA3NothingConfigured(t *testing.T) {
	if _, _, err := auth.LoadConfig(env()); !errors.Is(err, auth.ErrNoMethod) {
		t.Errorf("LoadConfig = %v", err)
	}
}

func TestA23EntriesInheritNothing(t *testing.T) {
	cfg, _, err := auth.LoadConfig(env(auth.EnvAPIKeys,
		`[{"name": "a", "key": "0123456789abcdef", "admin": true, "may_delegate": false}, {"name": "b", "key": "0123456789abcdeg"}]`))
	if err != nil {
		t.Fatal(err)
	}
	if b := cfg.APIKeys[1]; b.Admin || !b.MayDelegate {
		t.Errorf("second key %+v", b)
	}
}

func TestB11CAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := auth.LoadConfig(env(auth.EnvOIDCConfig, issuerWith(fmt.Sprintf(`"ca_file": %q`, path))))
	if err == nil || !strings.Contains(err.Error(), "holds no PEM certificate") {
		t.Errorf("LoadConfig = %v", err)
	}
}

// TestB33Files reads the configuration from files, and names them in what it says.
func TestB33Files(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	vars := []string{
		auth.EnvFile(auth.EnvOIDCConfig), file("oidc.json", oneIssuer+"\n"),
		auth.EnvFile(auth.EnvAdmins), file("admins.json", `["a@b"]`),
		auth.EnvFile(auth.EnvAPIKeys), file("keys.json", " \n"), // A15: blank counts as unset
		auth.EnvAPIKeys, " ",
	}
	cfg, warnings, err := auth.LoadConfig(env(vars...))
	if err != nil || len(warnings) != 0 || len(cfg.OIDC.Issuers) != 1 || len(cfg.Admins) != 1 || len(cfg.APIKeys) != 0 || len(cfg.Files) != 3 {
		t.Errorf("LoadConfig = %+v, %q, %v", cfg, warnings, err)
	}
	file("oidc.json", "{")
	if _, _, err = auth.LoadConfig(env(vars...)); err == nil || !strings.Contains(err.Error(), "MICROMEGAS_OIDC_CONFIG_FILE: not valid JSON") || !strings.Contains(err.Error(), "jq empty "+dir) {
		t.Errorf("LoadConfig = %v", err)
	}
	file("oidc.json", strings.Repeat(" ", 16<<20+1))
	if _, _, err = auth.LoadConfig(env(vars...)); err == nil || !strings.Contains(err.Error(), "is larger than") {
		t.Errorf("LoadConfig = %v", err)
	}
}

// TestNoMethodKeepsTheRest is for programs whose keys are in a database: the rest of the configuration counts.
func TestNoMethodKeepsTheRest(t *testing.T) {
	cfg, _, err := auth.LoadConfig(env(auth.EnvTrustedProxies, "10.0.0.0/8"))
	if !errors.Is(err, auth.ErrNoMethod) || len(cfg.Proxies) != 1 || cfg.Limits.FailureBurst != 100 {
		t.Errorf("LoadConfig = %+v, %v", cfg, err)
	}
	if cfg, _, err := auth.LoadConfig(env(auth.EnvTrustedProxies, "x")); errors.Is(err, auth.ErrNoMethod) || len(cfg.Proxies) != 0 || err == nil {
		t.Errorf("LoadConfig = %+v, %v", cfg, err)
	}
}

func TestB27HashKey(t *testing.T) {
	// printf %s abc | sha256sum
	if got := auth.HashKey("abc"); got != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Error(got)
	}
}

func FuzzLoadConfig(f *testing.F) {
	f.Add(oneIssuer, `[{"name": "svc", "key": "0123456789abcdef"}]`, `["a"]`)
	f.Add(`{"issuers": [{"issuer": "https://i", "audience": "a", "required_claims": {"a": ["b"]}}]}`, `[]`, ``)
	f.Fuzz(func(t *testing.T, oidc, keys, admins string) {
		cfg, _, err := auth.LoadConfig(env(auth.EnvOIDCConfig, oidc, auth.EnvAPIKeys, keys, auth.EnvAdmins, admins))
		if err != nil {
			return
		}
		if len(cfg.APIKeys) == 0 && len(cfg.OIDC.Issuers) == 0 {
			t.Error("loaded a configuration that accepts nobody")
		}
		for _, k := range cfg.APIKeys {
			if k.Key == "" && len(k.Hash) != 64 || k.Name == "" {
				t.Errorf("key %+v", k)
			}
		}
		for _, is := range cfg.OIDC.Issuers {
			if is.Issuer == "" || len(is.Audiences) == 0 || is.Audiences[0] == "" {
				t.Errorf("issuer %+v", is)
			}
		}
	})
}
