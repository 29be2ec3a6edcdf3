package auth_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/fault"
)

func TestB19Roles(t *testing.T) {
	for name, tc := range map[string]struct {
		has, wanted auth.Role
		ok          bool
	}{
		"B19 reader reads":                {auth.RoleReader, auth.RoleReader, true},
		"B19 reader writes not":           {auth.RoleReader, auth.RoleWriter, false},
		"B19 writer reads not":            {auth.RoleWriter, auth.RoleReader, false},
		"B19 default reads":               {auth.RoleDefault, auth.RoleReader, true},
		"B19 default writes":              {auth.RoleDefault, auth.RoleWriter, true},
		"B19 default manages no keys":     {auth.RoleDefault, auth.RoleKeyManager, false},
		"B19 default is no administrator": {auth.RoleDefault, auth.RoleAdmin, false},
		"B19 key manager is none either":  {auth.RoleKeyManager, auth.RoleAdmin, false},
		"B19 both are wanted":             {auth.RoleReader, auth.RoleReader | auth.RoleWriter, false},
		"B19 an administrator has all":    {auth.RoleAdmin, auth.RoleReader | auth.RoleWriter | auth.RoleKeyManager, true},
		"B19 none has none":               {0, auth.RoleReader, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := auth.Require(auth.With(t.Context(), &auth.Identity{Roles: tc.has}), tc.wanted, "sending blocks")
			if (err == nil) != tc.ok {
				t.Fatalf("Require = %v", err)
			}
			if err != nil && (fault.KindOf(err) != fault.PermissionDenied || !strings.Contains(err.Error(), "sending blocks needs")) {
				t.Errorf("Require = %v", err)
			}
		})
	}
	if err := auth.Require(t.Context(), auth.RoleReader, "x"); fault.KindOf(err) != fault.PermissionDenied {
		t.Errorf("nobody: %v", err) // A68: nothing opens implicitly
	}
	for _, name := range auth.RoleNames() {
		if role, ok := auth.ParseRole(name); !ok || role.String() != name {
			t.Errorf("role %q: %v", name, role)
		}
	}
	if _, ok := auth.ParseRole("Admin"); ok {
		t.Error("names of roles have one spelling")
	}
	if s := auth.RoleDefault.String() + " " + auth.Role(0).String(); s != "reader+writer none" {
		t.Error(s)
	}
}

// identity authenticates id under the policy of a configuration.
func identity(t *testing.T, policy *auth.Policy, id auth.Identity) *auth.Identity {
	t.Helper()
	got, err := auth.NewChain(policy, &fake{id: &id}).Authenticate(t.Context(), []string{"Bearer x"})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func policyOf(t *testing.T, pairs ...string) *auth.Policy {
	t.Helper()
	cfg, _, err := auth.LoadConfig(env(pairs...))
	if err != nil {
		t.Fatal(err)
	}
	return auth.PolicyOf(cfg)
}

// TestB19Granted says what callers get by the roles of an issuer, of a key, and without any.
func TestB19Granted(t *testing.T) {
	const issuers = `{"issuers": [
		{"issuer": "https://open", "audience": "a"},
		{"issuer": "https://closed", "audience": "a", "roles": {"reader": ["group:dev"], "writer": ["subject:agent"], "admin": ["user:boss@Example.com"], "key-manager": ["group:ops"]}},
		{"issuer": "https://closed", "audience": "b", "roles": {"reader": ["*"]}},
		{"issuer": "https://shut", "audience": "a", "roles": {}}]}`
	p := policyOf(t, auth.EnvOIDCConfig, issuers, auth.EnvAdmins, `["root@example.com"]`)
	user := func(issuer, audience string, change func(*auth.Identity)) auth.Identity {
		id := auth.Identity{Subject: "s", Issuer: issuer, Audience: audience, Method: auth.MethodOIDC}
		if change != nil {
			change(&id)
		}
		return id
	}
	key := func(roles auth.Role, admin bool) auth.Identity {
		return auth.Identity{Subject: "k", Issuer: auth.IssuerAPIKey, Method: auth.MethodAPIKey, Roles: roles, Admin: admin}
	}
	for name, tc := range map[string]struct {
		id   auth.Identity
		want auth.Role
	}{
		"B19 nothing configured: read and write": {user("https://open", "a", nil), auth.RoleDefault},
		"B19 no rule matches":                    {user("https://closed", "a", nil), 0},
		"B19 by group":                           {user("https://closed", "a", func(id *auth.Identity) { id.Groups = []string{"x", "dev"} }), auth.RoleReader},
		"B19 by several groups":                  {user("https://closed", "a", func(id *auth.Identity) { id.Groups = []string{"ops", "dev"} }), auth.RoleReader | auth.RoleKeyManager},
		"B19 by subject":                         {user("https://closed", "a", func(id *auth.Identity) { id.Subject = "agent" }), auth.RoleWriter},
		"B19 by email, domain without case":      {user("https://closed", "a", func(id *auth.Identity) { id.Email, id.EmailVerified = "boss@EXAMPLE.com", true }), auth.RoleAdmin},
		"B15 by email, not verified":             {user("https://closed", "a", func(id *auth.Identity) { id.Email = "boss@example.com" }), 0},
		"B19 the entry of the audience decides":  {user("https://closed", "b", nil), auth.RoleReader},
		"B19 the group of another issuer":        {user("https://open", "a", func(id *auth.Identity) { id.Groups = []string{"ops"} }), auth.RoleDefault},
		"B19 roles that give nothing":            {user("https://shut", "a", nil), 0},
		"B19 administrator all the same":         {user("https://shut", "a", func(id *auth.Identity) { id.Email, id.EmailVerified = "root@example.com", true }), auth.RoleAdmin},
		"B19 an issuer that is not configured":   {user("https://other", "a", nil), 0},
		"B19 key: read and write":                {key(0, false), auth.RoleDefault},
		"B19 key, narrower":                      {key(auth.RoleWriter, false), auth.RoleWriter},
		"B19 key that is an administrator":       {key(0, true), auth.RoleDefault | auth.RoleAdmin},
		"A20 key with an administrator's name":   {auth.Identity{Subject: "root@example.com", Email: "root@example.com", EmailVerified: true, Method: auth.MethodAPIKey}, auth.RoleDefault},
	} {
		t.Run(name, func(t *testing.T) {
			if got := identity(t, p, tc.id); got.Roles != tc.want || got.Admin != tc.want.Has(auth.RoleAdmin) {
				t.Errorf("roles %v, admin %v; want %v", got.Roles, got.Admin, tc.want)
			}
		})
	}
}

// TestB16BoundAdministrators binds administrators to an issuer.
func TestB16BoundAdministrators(t *testing.T) {
	p := policyOf(t, auth.EnvOIDCConfig, `{"issuers": [{"issuer": "https://i", "audience": "a"}, {"issuer": "https://j", "audience": "a"}]}`,
		auth.EnvAdmins, `["plain@example.com", {"issuer": "https://i", "subject": "42"}, {"issuer": "https://i", "email": "Boss@example.com"}, {"issuer": "https://i", "group": "ops"}]`)
	for name, tc := range map[string]struct {
		id   auth.Identity
		want bool
	}{
		"B16 subject of the issuer":        {auth.Identity{Issuer: "https://i", Subject: "42"}, true},
		"B16 subject of another issuer":    {auth.Identity{Issuer: "https://j", Subject: "42"}, false},
		"B16 email of the issuer":          {auth.Identity{Issuer: "https://i", Subject: "x", Email: "Boss@Example.COM", EmailVerified: true}, true},
		"B16 email, local part exact":      {auth.Identity{Issuer: "https://i", Subject: "x", Email: "boss@example.com", EmailVerified: true}, false},
		"B16 email, not verified":          {auth.Identity{Issuer: "https://i", Subject: "x", Email: "Boss@example.com"}, false},
		"B16 email of another issuer":      {auth.Identity{Issuer: "https://j", Subject: "x", Email: "Boss@example.com", EmailVerified: true}, false},
		"B16 group of the issuer":          {auth.Identity{Issuer: "https://i", Subject: "x", Groups: []string{"ops"}}, true},
		"B16 group of another issuer":      {auth.Identity{Issuer: "https://j", Subject: "x", Groups: []string{"ops"}}, false},
		"B16 subject like the group":       {auth.Identity{Issuer: "https://i", Subject: "ops"}, false},
		"B16 subject like the email":       {auth.Identity{Issuer: "https://i", Subject: "Boss@example.com"}, false},
		"B16 plain, any issuer, verified":  {auth.Identity{Issuer: "https://j", Subject: "x", Email: "plain@EXAMPLE.com", EmailVerified: true}, true},
		"B16 plain, not verified":          {auth.Identity{Issuer: "https://j", Subject: "x", Email: "plain@example.com"}, false},
		"A69 nobody special":               {auth.Identity{Issuer: "https://i", Subject: "x"}, false},
		"B16 a key that claims the issuer": {auth.Identity{Issuer: "https://i", Subject: "42", Method: auth.MethodAPIKey}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.id.Method == "" {
				tc.id.Method = auth.MethodOIDC
			}
			tc.id.Audience = "a"
			if got := identity(t, p, tc.id); got.Admin != tc.want {
				t.Errorf("admin %v, want %v", got.Admin, tc.want)
			}
		})
	}
}

// TestA69AdministratorsPresentTokens: being an administrator replaces no credential.
func TestA69AdministratorsPresentTokens(t *testing.T) {
	chain := auth.NewChain(auth.NewPolicy([]string{"root"}), &fake{err: errors.New("expired")})
	if _, err := chain.Authenticate(t.Context(), []string{"Bearer root"}); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("Authenticate = %v", err)
	}
}

func TestA37KeyIdentityInTheLog(t *testing.T) {
	id := identity(t, nil, auth.Identity{Subject: "grafana", Issuer: auth.IssuerAPIKey, Method: auth.MethodAPIKey})
	text := id.LogValue().String()
	if !strings.Contains(text, "subject=grafana") || strings.Contains(text, "email") || !id.Expiry.IsZero() {
		t.Errorf("logged as %s", text)
	}
}

func TestSelectors(t *testing.T) {
	id := &auth.Identity{Subject: "s", Email: "a@b.c", EmailVerified: true, Groups: []string{"g:1"}}
	for text, want := range map[string]bool{"*": true, "user:a@B.c": true, "user:A@b.c": false, "subject:s": true, "group:g:1": true, "group:g": false} {
		s, err := auth.ParseSelector(text)
		if err != nil || s.Matches(id) != want || s.String() != text || s.Matches(nil) {
			t.Errorf("%q: %v, %v", text, s.Matches(id), err)
		}
	}
	for _, text := range []string{"", "user", "user:", "group:", "key:x", "a@b.c", " *", "**"} {
		if _, err := auth.ParseSelector(text); err == nil {
			t.Errorf("%q is a selector", text)
		}
	}
	if (auth.Selector{}).Matches(id) {
		t.Error("the zero selector matches")
	}
}
