package sink

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
)

func env(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(k string) string { return m[k] }
}

// A128: the environment alone configures authentication; the server accepts what it makes.
func TestA128EnvironmentAlone(t *testing.T) {
	issuer := authtest.New(t)
	server := newIngestionServer(t, auth.EnvOIDCConfig, issuer.Config()).start()
	t.Cleanup(server.end)
	for name, vars := range map[string][]string{
		"API key": {EnvAPIKey, testKey},
		"client credentials": {
			EnvTokenEndpoint, issuer.TokenEndpoint(), EnvClientID, authtest.ClientID, EnvClientSecret, authtest.ClientSecret,
			EnvAudience, issuer.Audience, // A132: asked for in the form; the server refuses a token without it
		},
		"found through the issuer": { // A141
			EnvIssuer, issuer.URL(), EnvClientID, authtest.ClientID, EnvClientSecret, authtest.ClientSecret, EnvAudience, issuer.Audience,
		},
		"both, the key first": { // A129
			EnvAPIKey, testKey, EnvTokenEndpoint, "http://127.0.0.1:1/token", EnvClientID, "x", EnvClientSecret, "y",
		},
		"an empty key": { // A129
			EnvAPIKey, " ", EnvTokenEndpoint, issuer.TokenEndpoint(), EnvClientID, authtest.ClientID, EnvClientSecret, authtest.ClientSecret,
			EnvAudience, issuer.Audience,
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := FromEnv(env(append(vars, EnvURL, server.url())...), nil)
			if err != nil {
				t.Fatal(err)
			}
			s, _ := open(t, o)
			src := newSource()
			src.register(s)
			s.Block(src.block(Logs, 3))
			if err := s.Shutdown(within(t, long)); err != nil {
				t.Fatal(err)
			}
			if _, events := server.stored(src.process.ID); events != 3 {
				t.Errorf("%d events arrived", events)
			}
		})
	}
}

// A128, A129: no credential at all, or in part, sends none; the missing variable is named.
func TestA129NoCredential(t *testing.T) {
	for name, c := range map[string]struct {
		vars    []string
		missing string // "": no warning
	}{
		"nothing":             {nil, ""},
		"what the tools need": {[]string{EnvIssuer, "https://i", EnvClientID, "c"}, ""},
		"no secret":           {[]string{EnvTokenEndpoint, "https://i", EnvClientID, "c"}, EnvClientSecret},
		"no id":               {[]string{EnvTokenEndpoint, "https://i", EnvClientSecret, "c"}, EnvClientID},
		"no endpoint":         {[]string{EnvClientID, "x", EnvClientSecret, "c"}, EnvTokenEndpoint},
	} {
		j := &journal{}
		o, err := FromEnv(env(append(c.vars, EnvURL, "http://x")...), slog.New(slog.NewTextHandler(j, nil)))
		if err != nil || o.Decorator != nil {
			t.Errorf("%s: %v, a decorator: %v", name, err, o.Decorator != nil)
		}
		if (c.missing == "") != (j.all() == "") || !strings.Contains(j.all(), c.missing) {
			t.Errorf("%s: the log is %q", name, j.all())
		}
	}
}

// A130: each request carries the header.
func TestA130EachRequestCarriesTheHeader(t *testing.T) {
	d := newDoor(t)
	s, _ := open(t, Options{URL: d.srv.URL, Decorator: withKey(testKey)})
	src := newSource()
	src.register(s)
	s.Block(src.block(Logs, 1))
	if err := s.Shutdown(within(t, long)); err != nil {
		t.Fatal(err)
	}
	if len(d.tokens) != 3 {
		t.Errorf("%d requests", len(d.tokens))
	}
	for _, got := range d.tokens {
		if got != "Bearer "+testKey {
			t.Errorf("the header is %q", got)
		}
	}
}

// A131: from values, or from the environment, whose missing variables are named, all at once.
func TestA131ManualSetUp(t *testing.T) {
	if d, err := NewAPIKeyDecorator(" " + testKey + "\n"); err != nil || string(d.key) != testKey {
		t.Errorf("NewAPIKeyDecorator = %v, %v", d, err)
	}
	if d, err := APIKeyDecoratorFromEnv(env(EnvAPIKey, testKey)); err != nil || string(d.key) != testKey {
		t.Errorf("APIKeyDecoratorFromEnv = %v, %v", d, err)
	}
	full := []string{EnvTokenEndpoint, "https://i/token", EnvClientID, "c", EnvClientSecret, "s"}
	if d, err := OIDCClientCredentialsDecoratorFromEnv(env(append(full, EnvTokenBuffer, "7")...)); err != nil || d.config.Buffer != 7*time.Second {
		t.Errorf("OIDCClientCredentialsDecoratorFromEnv = %v, %v", d, err)
	}
	if d, err := OIDCClientCredentialsDecoratorFromEnv(env(full...)); err != nil || d.config.Buffer != 180*time.Second { // A133
		t.Errorf("OIDCClientCredentialsDecoratorFromEnv = %v, %v", d, err)
	}
	for name, c := range map[string]struct {
		f    func() error
		want []string
	}{
		"no key":     {func() error { _, err := APIKeyDecoratorFromEnv(env()); return err }, []string{EnvAPIKey}},
		"empty key":  {func() error { _, err := NewAPIKeyDecorator(" "); return err }, []string{"empty"}},
		"broken key": {func() error { _, err := APIKeyDecoratorFromEnv(env(EnvAPIKey, "s3cret\nx")); return err }, []string{EnvAPIKey}},
		"nothing":    {func() error { _, err := OIDCClientCredentialsDecoratorFromEnv(env()); return err }, []string{EnvTokenEndpoint, EnvIssuer, EnvClientID, EnvClientSecret}},
		"no values":  {func() error { _, err := NewOIDCClientCredentialsDecorator(OIDCClientCredentials{}); return err }, []string{"TokenEndpoint", "ClientID", "ClientSecret"}},
		"bad buffer": {func() error {
			_, err := OIDCClientCredentialsDecoratorFromEnv(env(append(full, EnvTokenBuffer, "3m")...))
			return err
		}, []string{EnvTokenBuffer, `"3m"`}},
		"bad values": {func() error {
			_, err := NewOIDCClientCredentialsDecorator(OIDCClientCredentials{TokenEndpoint: "ftp://x", ClientID: "c", ClientSecret: "s3cret", Buffer: -1})
			return err
		}, []string{"TokenEndpoint", "Buffer"}},
		"password": {func() error {
			_, err := NewOIDCClientCredentialsDecorator(OIDCClientCredentials{Issuer: "https://a:s3cret@x", ClientID: "c", ClientSecret: "s3cret"})
			return err
		}, []string{"Issuer", "password"}},
		"a bad sink": {func() error { _, err := New(Options{URL: "x", InFlight: -1, Decorator: withKey("")}); return err }, []string{"URL", "InFlight", "API key"}},
	} {
		err := c.f()
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: %v does not say %q", name, err, want)
			}
		}
	}
}

// provider is an identity provider for faults, without a network.
type provider struct {
	mu       sync.Mutex
	requests []url.Values
	at       []time.Time
	answer   func(n int) (code int, header http.Header, body string)
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	n := len(p.requests)
	p.requests = append(p.requests, form)
	p.at = append(p.at, time.Now())
	p.mu.Unlock()
	code, header, text := p.answer(n)
	if code == 0 {
		return nil, errors.New("connection refused")
	}
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: code, Status: fmt.Sprint(code), Header: header, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}

func (p *provider) decorator(t *testing.T, buffer time.Duration) *OIDCClientCredentialsDecorator {
	t.Helper()
	d, err := NewOIDCClientCredentialsDecorator(OIDCClientCredentials{
		TokenEndpoint: "http://idp/token", ClientID: "c", ClientSecret: "s3cret", Buffer: buffer, Transport: p,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// bearer is what d puts on a request.
func bearer(t *testing.T, d Decorator) (string, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	err := d.Decorate(r)
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), err
}

func jwt(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

// A132, A133, A134: what is asked, and how long an answer is used.
func TestTokenLife(t *testing.T) {
	const buffer = 100 * time.Second
	for name, c := range map[string]struct {
		answer string
		life   time.Duration // it is renewed then
	}{
		"A133 the buffer":                    {`{"access_token":"a","expires_in":1000}`, 900 * time.Second},
		"A133 as text":                       {`{"access_token":"a","expires_in":"1000"}`, 900 * time.Second},
		"A134 no expires_in: exp":            {`{"access_token":"` + jwt(`{"exp":946685800}`) + `"}`, 900 * time.Second}, // 1000s after synctest's beginning
		"A134 neither: 300s":                 {`{"access_token":"a"}`, 200 * time.Second},
		"A134 no number":                     {`{"access_token":"a","expires_in":null}`, 200 * time.Second},
		"A134 a JWT without exp":             {`{"access_token":"` + jwt(`{}`) + `"}`, 200 * time.Second},
		"A134 a JWT that has ended":          {`{"access_token":"` + jwt(`{"exp":1}`) + `"}`, 200 * time.Second},
		"A134 what looks like one":           {`{"access_token":"a.?.c"}`, 200 * time.Second},
		"A134 shorter than the buffer: 80 %": {`{"access_token":"a","expires_in":50}`, 40 * time.Second},
		"too long to be true":                {`{"access_token":"a","expires_in":1e300}`, maxLife - buffer},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &provider{answer: func(int) (int, http.Header, string) { return 200, nil, c.answer }}
			d := p.decorator(t, buffer)
			defer d.Close()
			use := func() {
				if _, err := bearer(t, d); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			use()
			time.Sleep(c.life - time.Second)
			use()
			if len(p.requests) != 1 {
				t.Errorf("%s: %d requests before the end", name, len(p.requests))
			}
			time.Sleep(time.Second)
			use()
			if len(p.requests) != 2 {
				t.Errorf("%s: %d requests after it", name, len(p.requests))
			}
			// A132: no audience unless one is set.
			if got := p.requests[0].Encode(); got != "client_id=c&client_secret=s3cret&grant_type=client_credentials" {
				t.Errorf("%s: the form is %s", name, got)
			}
		})
	}
}

// A135: many senders, one request; one that stops waiting does not spoil it for the others.
func TestA135OneRequestForAll(t *testing.T) {
	issuer := authtest.New(t)
	d, err := NewOIDCClientCredentialsDecorator(OIDCClientCredentials{
		TokenEndpoint: issuer.TokenEndpoint(), ClientID: authtest.ClientID, ClientSecret: authtest.ClientSecret,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if token, err := bearer(t, d); err != nil || token == "" {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := issuer.TokenRequests(); n != 1 {
		t.Errorf("%d token requests", n)
	}
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p := &provider{answer: func(int) (int, http.Header, string) {
			<-release
			return 200, nil, `{"access_token":"a","expires_in":1000}`
		}}
		d := p.decorator(t, 0)
		defer d.Close()
		r := httptest.NewRequestWithContext(within(t, time.Second), http.MethodPost, "/", nil)
		if err := d.Decorate(r); err == nil {
			t.Error("no error after the time is over")
		}
		close(release)
		if token, err := bearer(t, d); err != nil || token != "a" || len(p.requests) != 1 {
			t.Errorf("token %q, %v, after %d requests", token, err, len(p.requests))
		}
	})
}

// sinkWith runs a sink with an identity provider for d and returns its log. The server takes everything that has a token.
func sinkWith(t *testing.T, p *provider, d time.Duration) (j *journal, st Stats) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var s *Sink
		s, j = open(t, Options{
			URL: "http://x", BlocksRetry: RetryPolicy{First: 250 * time.Millisecond, Max: 30 * time.Second},
			Decorator: func() (Decorator, error) { return p.decorator(t, 0), nil },
			Transport: fakeServer(func(r *http.Request) (int, http.Header, error) { return 200, nil, nil }),
		})
		src := newSource()
		src.register(s)
		for range 50 {
			s.Block(src.block(Logs, 1))
		}
		time.Sleep(d)
		synctest.Wait()
		st = s.Stats()
		s.stop()
	})
	return j, st
}

// A136: an endpoint that is away is temporary: nothing is lost, delays grow, and it ends by itself.
func TestA136ProviderIsAway(t *testing.T) {
	for name, code := range map[string]int{"no answer": 0, "500": 500, "503": 503, "429": 429} {
		p := &provider{answer: func(n int) (int, http.Header, string) {
			if n < 8 {
				return code, nil, ""
			}
			return 200, nil, `{"access_token":"a","expires_in":10000}`
		}}
		_, st := sinkWith(t, p, 5*time.Minute)
		if st.Sent.Events != 50 || st.LostEvents() != 0 || len(p.requests) != 9 {
			t.Errorf("%s: %d token requests, Stats = %+v", name, len(p.requests), st)
		}
		for i := 2; i < 8; i++ {
			if gap, before := p.at[i].Sub(p.at[i-1]), p.at[i-1].Sub(p.at[i-2]); gap < before/2 {
				t.Errorf("%s: attempt %d came after %v, the one before after %v", name, i, gap, before)
			}
		}
	}
}

// A137, A140: a wrong secret is told, and tried again after a minute at the earliest, whatever waits.
func TestA137WrongSecret(t *testing.T) {
	for code, body := range map[int]string{
		401: `{"error":"invalid_client","error_description":"s3cret"}`, 400: `s3cret`, 403: `{"error":"s3cret Δ"}`, 200: `{"token":"s3cret"}`,
		302: "",
	} {
		p := &provider{answer: func(int) (int, http.Header, string) {
			return code, http.Header{"Location": {"http://elsewhere/token"}}, body
		}}
		j, st := sinkWith(t, p, 10*time.Minute)
		for i := 1; i < len(p.at); i++ {
			if gap := p.at[i].Sub(p.at[i-1]); gap < time.Minute {
				t.Errorf("%d: attempt %d came after %v", code, i, gap)
			}
		}
		if len(p.at) < 5 || len(p.at) > 10 || st.LostEvents() != 0 || st.State != "held" || st.Queued.Events != 50 {
			t.Errorf("%d: %d token requests, Stats = %+v", code, len(p.at), st)
		}
		if n := j.count("is refused and kept back"); n != len(p.at) {
			t.Errorf("%d: %d warnings for %d attempts", code, n, len(p.at))
		}
		if strings.Contains(j.all(), "s3cret") || (code == 401 && j.count("invalid_client; check "+EnvTokenEndpoint) == 0) {
			t.Errorf("%d: the log is %s", code, j.all())
		}
	}
}

// A138: after a 401 the token is dropped, another fetched, and the request repeated once; a second 401 holds.
func TestA138RefusedToken(t *testing.T) {
	issuer := authtest.New(t)
	server := newIngestionServer(t, auth.EnvOIDCConfig, issuer.Config()).start()
	t.Cleanup(server.end)
	decorator, err := NewOIDCClientCredentialsDecorator(OIDCClientCredentials{
		TokenEndpoint: issuer.TokenEndpoint(), ClientID: authtest.ClientID, ClientSecret: authtest.ClientSecret, Audience: issuer.Audience,
	})
	if err != nil {
		t.Fatal(err)
	}
	s, j := open(t, Options{URL: server.url(), Decorator: func() (Decorator, error) { return decorator, nil }, InFlight: 1})
	decorator.mu.Lock()
	decorator.token, decorator.renewAt = "revoked", time.Now().Add(time.Hour)
	decorator.mu.Unlock()
	src := newSource()
	src.register(s)
	s.Block(src.block(Logs, 1))
	if err := s.Flush(within(t, long)); err != nil {
		t.Fatal(err)
	}
	if n := issuer.TokenRequests(); n != 1 {
		t.Errorf("%d token requests", n)
	}

	// The provider's tokens are for somebody else: two attempts, then nothing for a minute.
	decorator.mu.Lock()
	decorator.config.Audience, decorator.token = "somebody else", ""
	decorator.mu.Unlock()
	s.Block(src.block(Logs, 1))
	await(t, func() bool { return j.count("is refused and kept back") == 1 })
	s.Block(src.block(Logs, 1))
	if st := s.Stats(); st.State != "held" || st.LostEvents() != 0 || st.Queued.Events != 2 {
		t.Errorf("Stats = %+v", st)
	}
	if n := issuer.TokenRequests(); n != 3 {
		t.Errorf("%d token requests", n)
	}
}

// A139: a decorator that fails, panics or hangs costs telemetry, not the program.
func TestA139NothingBreaksTheProgram(t *testing.T) {
	for name, f := range map[string]DecoratorFunc{
		"fails":  func(*http.Request) error { return errors.New("no token") },
		"panics": func(*http.Request) error { panic("no token") },
		"hangs":  func(r *http.Request) error { <-r.Context().Done(); return r.Context().Err() },
	} {
		d := newDoor(t)
		s, _ := open(t, Options{URL: d.srv.URL, Decorator: func() (Decorator, error) { return f, nil }, RequestTimeout: 20 * time.Millisecond})
		src := newSource()
		src.register(s)
		for range 1000 {
			s.Block(src.block(Logs, 1)) // waits for nobody
		}
		if err := s.Flush(within(t, 50*time.Millisecond)); err == nil {
			t.Errorf("%s: Flush did not fail", name)
		}
		if err := s.Shutdown(within(t, 50*time.Millisecond)); err == nil || s.Stats().Lost[Logs][CauseShutdown].Events != 1000 {
			t.Errorf("%s: Shutdown = %v, %+v", name, err, s.Stats())
		}
		if n, _ := d.seen(); n > 0 {
			t.Errorf("%s: %d requests without a credential", name, n)
		}
	}
}

// A140: the secret goes nowhere but to the endpoint: not through a redirect, not into what is printed.
func TestA140SecretsStay(t *testing.T) {
	d, err := NewOIDCClientCredentialsDecorator(OIDCClientCredentials{TokenEndpoint: "https://i/token", ClientID: "c", ClientSecret: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	d.token = "s3cret"
	k, err := NewAPIKeyDecorator("s3cret")
	if err != nil {
		t.Fatal(err)
	}
	j := &journal{}
	slog.New(slog.NewJSONHandler(j, nil)).Info("x", "d", d, "k", k, "token", d.token)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
		_, _ = fmt.Fprintf(j, verb+" "+verb+" "+verb+" "+verb+" "+verb+"\n", d, k, d.config, d.token, Options{Decorator: func() (Decorator, error) { return d, nil }})
	}
	for _, bad := range []string{"s3cret", "733363726574", "115 51"} {
		if j.count(bad) > 0 {
			t.Errorf("printed: %s", j.all())
		}
	}
	elsewhere := newDoor(t)
	redirecting := httptest.NewServer(http.RedirectHandler(elsewhere.srv.URL, http.StatusTemporaryRedirect))
	defer redirecting.Close()
	r, err := NewOIDCClientCredentialsDecorator(OIDCClientCredentials{TokenEndpoint: redirecting.URL, ClientID: "c", ClientSecret: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := bearer(t, r); err == nil || !strings.Contains(err.Error(), "redirect") {
		t.Errorf("Decorate = %v", err)
	}
	if n, _ := elsewhere.seen(); n > 0 {
		t.Error("the redirect was followed")
	}
}

// A141: discovery that lies or fails gets no secret.
func TestA141Discovery(t *testing.T) {
	issuer := authtest.New(t)
	for name, c := range map[string]struct {
		b    authtest.Behaviour
		want string // "": it works
	}{
		"works":          {authtest.Behaviour{}, ""},
		"another issuer": {authtest.Behaviour{Issuer: "http://evil"}, "another issuer"},
		"no document":    {authtest.Behaviour{DiscoveryBody: "{}"}, "names no token_endpoint"},
		"no JSON":        {authtest.Behaviour{DiscoveryBody: "<html>"}, "names no token_endpoint"},
		"redirect":       {authtest.Behaviour{Redirect: "http://127.0.0.1:1/"}, "redirect"},
		"not there":      {authtest.Behaviour{Status: 404}, EnvIssuer},
		"away":           {authtest.Behaviour{Status: 503}, "503"},
	} {
		issuer.Behave(c.b)
		before := issuer.TokenRequests()
		d, err := OIDCClientCredentialsDecoratorFromEnv(env(EnvIssuer, issuer.URL()+"/", EnvClientID, authtest.ClientID, EnvClientSecret, authtest.ClientSecret))
		if err != nil {
			t.Fatal(err)
		}
		_, err = bearer(t, d)
		d.Close()
		if (c.want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
		if asked := issuer.TokenRequests() > before; asked != (c.want == "") {
			t.Errorf("%s: the token endpoint was asked: %v", name, asked)
		}
		refused, ok := errors.AsType[*CredentialError](err)
		if err != nil && (!ok || refused.Refused == (name == "away")) {
			t.Errorf("%s: %#v", name, err)
		}
	}
}

// Every variable that is wrong is named, at once.
func TestFromEnv(t *testing.T) {
	if o, err := FromEnv(env(EnvSoftBytes, "x"), nil); err != nil || o.URL != "" {
		t.Errorf("without a URL: %+v, %v", o, err)
	}
	o, err := FromEnv(env(EnvURL, " http://x/y/ ", EnvSoftBytes, "10", EnvHardBytes, "20", EnvInFlight, "4", EnvRequestTimeout, "5", EnvMaxAge, "6",
		EnvSpool, "/spool", EnvSpoolBytes, "7"), nil)
	if err != nil || o.URL != "http://x/y/" || o.SoftBytes != 10 || o.HardBytes != 20 || o.InFlight != 4 || o.RequestTimeout != 5*time.Second ||
		o.MaxAge != 6*time.Second || o.Spool != "/spool" || o.SpoolBytes != 7 {
		t.Errorf("FromEnv = %+v, %v", o, err)
	}
	_, err = FromEnv(env(EnvURL, "x", EnvSoftBytes, "-1", EnvHardBytes, "1e3", EnvInFlight, "0", EnvRequestTimeout, "5s", EnvMaxAge, "-", EnvSpoolBytes, "0",
		EnvTokenEndpoint, "x", EnvClientID, "c", EnvClientSecret, "s3cret", EnvTokenBuffer, "-1"), nil)
	for _, name := range []string{EnvURL, EnvSoftBytes, EnvHardBytes, EnvInFlight, EnvRequestTimeout, EnvMaxAge, EnvSpoolBytes, EnvTokenEndpoint, EnvTokenBuffer} {
		if err == nil || !strings.Contains(err.Error(), name+" ") {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
	if strings.Contains(fmt.Sprint(err), "s3cret") {
		t.Error(err)
	}
	if _, err := FromEnv(env(EnvURL, "http://x", EnvSoftBytes, "20", EnvHardBytes, "10"), nil); err == nil || !strings.Contains(err.Error(), "is below") {
		t.Errorf("hard below soft: %v", err)
	}
	for _, bad := range []string{"http://", "http://a:b@x", "http://x?y", "http://x#y", "://"} {
		if _, err := FromEnv(env(EnvURL, bad), nil); err == nil || !strings.Contains(err.Error(), EnvURL) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
