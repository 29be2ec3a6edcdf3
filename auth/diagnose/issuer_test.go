package diagnose

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
)

func TestB36A85Issuers(t *testing.T) {
	never := make(chan struct{})
	defer close(never)
	small := authtest.NewRSAKey("small", 1024)
	for name, tc := range map[string]struct {
		behaviour     authtest.Behaviour
		keys          []*authtest.Key
		members       string
		check, detail string
		status        Status
	}{
		"good":                {check: "keys", status: OK, detail: "RSA 2048 for RS256"},
		"A43 wrong issuer":    {behaviour: authtest.Behaviour{Issuer: "https://other.example"}, check: "discovery", status: Problem, detail: `the document names the issuer "https://other.example"`},
		"A43 redirect":        {behaviour: authtest.Behaviour{Redirect: "https://other.example/x?secret=1"}, check: "discovery", status: Problem, detail: "redirect to https://other.example/x;"},
		"A43 keys over http":  {behaviour: authtest.Behaviour{KeysURL: "http://other.example/keys"}, check: "discovery", status: Problem, detail: "not an https URL"},
		"A43 no keys":         {behaviour: authtest.Behaviour{KeysURL: "nowhere"}, check: "discovery", status: Problem, detail: "jwks_uri"},
		"B11 huge":            {behaviour: authtest.Behaviour{ExtraBytes: 2 << 20}, check: "discovery", status: Problem, detail: "more than 1048576 bytes"},
		"B11 slow":            {behaviour: authtest.Behaviour{Wait: never}, check: "discovery", status: Problem, detail: "no answer within 1s"},
		"B10 outage":          {behaviour: authtest.Behaviour{Status: 503}, check: "discovery", status: Problem, detail: "503"},
		"B10 no such path":    {behaviour: authtest.Behaviour{Status: 404}, check: "discovery", status: Problem, detail: "404"},
		"B30 wants a bearer":  {behaviour: authtest.Behaviour{RequireBearer: "x"}, check: "discovery", status: Problem, detail: "401"},
		"A43 no JSON":         {behaviour: authtest.Behaviour{DiscoveryBody: "<html>"}, check: "discovery", status: Problem},
		"A57 keys fail":       {behaviour: authtest.Behaviour{KeysStatus: 500}, check: "keys", status: Problem, detail: "500"},
		"A57 keys no JSON":    {behaviour: authtest.Behaviour{KeysBody: "[]"}, check: "keys", status: Problem},
		"A44 no keys at all":  {behaviour: authtest.Behaviour{KeysBody: `{"keys": []}`}, check: "keys", status: Problem, detail: "none of 0 keys"},
		"B2 small key":        {keys: []*authtest.Key{small}, check: "keys", status: Problem, detail: "none of 1 key"},
		"B1 other algorithms": {members: `, "algorithms": ["ES256"]`, check: "keys", status: Problem, detail: "can verify ES256"},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := authtest.New(t)
			if tc.keys != nil {
				issuer.Publish(tc.keys...)
			}
			issuer.Behave(tc.behaviour)
			o := Options{Getenv: oidcOnly(entry(issuer, tc.members))}
			if tc.behaviour.Wait != nil {
				o.Timeout = time.Second
			}
			r := run(t, o)
			c := r.mustFind(t, tc.check, tc.status, tc.detail)
			if strings.Contains(c.Detail, "secret=1") {
				t.Error("the query of a redirect is shown")
			}
			if tc.status == OK && !r.Healthy {
				t.Errorf("report = %+v", r)
			}
		})
	}
}

func TestB3SkippedKeys(t *testing.T) {
	issuer := authtest.New(t)
	encryption := authtest.NewKey("RS256", "enc", 2)
	encryption.Members = map[string]any{"use": "enc"}
	issuer.Publish(encryption, authtest.NewRSAKey("small", 1024), authtest.NewKey("ES256", "ec", 3), issuer.Key())
	r := run(t, Options{Getenv: oidcOnly(issuer.Config())})
	r.mustFind(t, "keys", OK, "2 keys of 4 usable")
	var skipped []string
	for _, c := range r.Sections[2].Checks {
		if c.Status == Note && c.Name == "keys" {
			skipped = append(skipped, c.Detail)
		}
	}
	if s := strings.Join(skipped, "\n"); len(skipped) != 2 || !strings.Contains(s, "not for signatures") || !strings.Contains(s, "RSA key of 1024 bits") {
		t.Errorf("skipped = %q", skipped)
	}
}

func TestA85NoSuchHost(t *testing.T) {
	r := run(t, Options{
		Getenv: oidcOnly(`{"issuers": [{"issuer": "https://issuer.invalid", "audience": "a"}]}`), Timeout: 3 * time.Second,
		Token: "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5pbnZhbGlkIn0.AAAA",
	})
	r.mustFind(t, "dns", Problem, "issuer.invalid does not resolve")
	r.mustFind(t, "keys", Skipped, "not reached")
	if r.Token.Failed != "keys" || !strings.HasPrefix(r.Token.decision("analytics").Answer, "503") { // A57
		t.Errorf("token = %+v", r.Token)
	}
}

func TestA85NoListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	r := run(t, Options{Getenv: oidcOnly(`{"issuers": [{"issuer": "http://` + l.Addr().String() + `", "audience": "a"}]}`)})
	r.mustFind(t, "connect", Problem, "refused")
}

// A11: of two issuers one fails, and the other is well.
func TestA11OneOfTwoIssuers(t *testing.T) {
	good := authtest.New(t)
	r := run(t, Options{
		Getenv: oidcOnly(`{"issuers": [{"issuer": "https://issuer.invalid", "audience": "a"}, {"issuer": "` + good.URL() + `", "audience": "` + good.Audience + `"}]}`),
		Token:  auth.Secret(good.Sign(t, nil)),
	})
	if !r.Token.Accepted || r.Healthy {
		t.Errorf("report = %+v", r)
	}
}

func TestB5Clock(t *testing.T) {
	issuer := authtest.New(t)
	for skew, want := range map[time.Duration]Status{0: OK, 20 * time.Second: Warning, -20 * time.Second: Warning, -2 * time.Minute: Problem, 2 * time.Minute: Problem} {
		r := run(t, Options{Getenv: oidcOnly(issuer.Config()), Now: func() time.Time { return time.Now().Add(skew) }})
		r.mustFind(t, "clock", want, "")
	}
}

// certificate makes a self-signed one.
func certificate(t *testing.T, name string, from, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestB36Certificates(t *testing.T) {
	now := time.Now()
	for name, tc := range map[string]struct {
		host        string
		from, until time.Time
		trusted     bool
		status      Status
		detail      string
	}{
		"good":         {"127.0.0.1", now.Add(-time.Hour), now.Add(90 * 24 * time.Hour), true, OK, "TLS 1.3; certificate for 127.0.0.1"},
		"ends soon":    {"127.0.0.1", now.Add(-time.Hour), now.Add(time.Hour), true, Warning, "issued by CN=127.0.0.1"},
		"expired":      {"127.0.0.1", now.Add(-2 * time.Hour), now.Add(-time.Hour), true, Problem, "has expired"},
		"not begun":    {"127.0.0.1", now.Add(time.Hour), now.Add(2 * time.Hour), true, Problem, "not valid yet"},
		"self-signed":  {"127.0.0.1", now.Add(-time.Hour), now.Add(time.Hour), false, Problem, "self-signed"},
		"another name": {"other.example", now.Add(-time.Hour), now.Add(time.Hour), true, Problem, "another name; it is for other.example"},
	} {
		t.Run(name, func(t *testing.T) {
			cert := certificate(t, tc.host, tc.from, tc.until)
			var server *httptest.Server
			server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "openid-configuration") {
					_, _ = io.WriteString(w, `{"issuer": "`+server.URL+`", "jwks_uri": "`+server.URL+`/keys"}`)
					return
				}
				_, _ = io.WriteString(w, `{"keys": []}`)
			}))
			server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
			server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes are meant to fail
			server.StartTLS()
			defer server.Close()
			ca := ""
			if tc.trusted {
				path := filepath.Join(t.TempDir(), "ca.pem")
				if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}), 0o600); err != nil {
					t.Fatal(err)
				}
				ca = `, "ca_file": "` + path + `"`
			}
			r := run(t, Options{Getenv: oidcOnly(`{"issuers": [{"issuer": "` + server.URL + `", "audience": "a"` + ca + `}]}`)})
			if c := r.mustFind(t, "tls", tc.status, tc.detail); tc.status != OK && c.Fix == "" {
				t.Error("no fix")
			}
		})
	}
}

// What providers are known for (A142–A153).
func TestA142Providers(t *testing.T) {
	const tenant = "11111111-2222-3333-4444-555555555555"
	for name, tc := range map[string]struct {
		issuer, audience, check string
		status                  Status
		detail                  string
	}{
		"A143 A145 Google":       {"https://accounts.google.com", "1.apps.googleusercontent.com", "Google", Note, "only ID tokens"},
		"A143 Google slash":      {"https://accounts.google.com/", "1.apps.googleusercontent.com", "Google", Problem, "without a slash"},
		"A143 Google audience":   {"https://accounts.google.com", "x", "Google", Warning, "no Google client id"},
		"A147 Entra v2":          {"https://login.microsoftonline.com/" + tenant + "/v2.0", tenant, "Entra ID", Note, "accessTokenAcceptedVersion 2"},
		"A148 Entra api":         {"https://login.microsoftonline.com/" + tenant + "/v2.0", "api://x", "Entra ID", Warning, "GUID"},
		"A148 Entra v1":          {"https://sts.windows.net/" + tenant + "/", "api://x", "Entra ID", Note, "v1.0"},
		"A148 Entra v1 slash":    {"https://sts.windows.net/" + tenant, "api://x", "Entra ID", Problem, "slash"},
		"A147 Entra no version":  {"https://login.microsoftonline.com/" + tenant, "x", "Entra ID", Problem, "no token has this iss"},
		"A147 Entra common":      {"https://login.microsoftonline.com/common/v2.0", "x", "variables", Warning, "no concrete tenant"},
		"A150 Auth0":             {"https://t.auth0.com/", "x", "Auth0", Note, "opaque"},
		"A150 Auth0 slash":       {"https://t.eu.auth0.com", "x", "Auth0", Problem, "slash"},
		"A152 Okta org":          {"https://o.okta.com", "x", "Okta", Note, "only ID tokens"},
		"A152 Okta org, default": {"https://o.okta.com", "api://default", "Okta", Warning, "custom authorization servers"},
		"A152 Okta custom":       {"https://o.okta.com/oauth2/default", "api://default", "Okta", Note, "a custom server"},
		"B7 Keycloak":            {"https://k.example/realms/r", "account", "Keycloak", Warning, "every client"},
		"B7 Keycloak good":       {"https://k.example/realms/r", "mine", "Keycloak", Note, "audience mappers"},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, Options{Getenv: oidcOnly(`{"issuers": [{"issuer": "` + tc.issuer + `", "audience": "` + tc.audience + `"}]}`), Offline: true})
			if c := r.mustFind(t, tc.check, tc.status, tc.detail); tc.status == Problem && c.Fix == "" {
				t.Error("no fix")
			}
		})
	}
}

// What a token of the other kind is told (A148, A150, A152).
func TestA148TokenOfAnotherKind(t *testing.T) {
	const tenant = "11111111-2222-3333-4444-555555555555"
	issuer := authtest.New(t)
	for name, tc := range map[string]struct{ configured, iss, fix string }{
		"A148 v1 for v2":   {"https://login.microsoftonline.com/" + tenant + "/v2.0", "https://sts.windows.net/" + tenant + "/", "accessTokenAcceptedVersion"},
		"A150 slash":       {"https://t.auth0.com", "https://t.auth0.com/", "slash"},
		"A152 org, custom": {"https://o.okta.com/oauth2/default", "https://o.okta.com", "different issuers"},
		"A48 unknown":      {"https://o.okta.com", "https://x.example", `{"issuer": "https://x.example"`},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, Options{
				Getenv: oidcOnly(`{"issuers": [{"issuer": "` + tc.configured + `", "audience": "a"}]}`), Offline: true,
				Token: auth.Secret(issuer.Sign(t, authtest.Claims{"iss": tc.iss})),
			})
			if r.Token.Failed != "issuer" || !strings.Contains(r.Token.Fix, tc.fix) {
				t.Errorf("token = %+v", r.Token)
			}
		})
	}
}

// Every mistake of the configuration, with variable and place (A13, A19, A23, B34).
func TestB34A13Configuration(t *testing.T) {
	r := run(t, Options{Getenv: variables(map[string]string{
		auth.EnvOIDCConfig: `{"issuers": [{"issuer": "x", "audience": ""}]}`, auth.EnvAPIKeys: `[{"name": "k"}]`, auth.EnvAdmins: `"x"`,
	})})
	var places []string
	for _, c := range r.Sections[0].Checks {
		if c.Status == Problem {
			places = append(places, c.Detail)
		}
	}
	all := strings.Join(places, "\n")
	for _, want := range []string{"MICROMEGAS_OIDC_CONFIG: issuers[0].issuer ", "MICROMEGAS_OIDC_CONFIG: issuers[0].audience ", "MICROMEGAS_API_KEYS: [0].key ", "MICROMEGAS_ADMINS: "} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in:\n%s", want, all)
		}
	}
	if len(places) != 4 || r.Problems != 4 {
		t.Errorf("%d mistakes", len(places))
	}
	issuer := authtest.New(t)
	r = run(t, Options{Offline: true, Getenv: variables(map[string]string{
		auth.EnvOIDCConfig: entry(issuer, `, "tyop": 1`), "MICROMEGAS_OIDC_ISSUER": issuer.URL() + "/", "MICROMEGAS_INGESTION_API_KEYS": "x",
	})})
	r.mustFind(t, "clients", Warning, "no configured issuer")
	if !r.Healthy || r.Warnings != 3 { // A14
		t.Errorf("%d warnings", r.Warnings)
	}
	path := filepath.Join(t.TempDir(), "missing")
	r = run(t, Options{Getenv: variables(map[string]string{auth.EnvFile(auth.EnvAPIKeys): path})})
	r.mustFind(t, "mistake", Problem, "MICROMEGAS_API_KEYS_FILE: cannot be read") // B33
}
