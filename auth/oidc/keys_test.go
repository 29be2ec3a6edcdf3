package oidc

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// mustBeUnavailable checks that the answer is "try again", never "invalid" (A57).
func (w *world) mustBeUnavailable(t *testing.T, token auth.Secret) {
	t.Helper()
	_, err := w.Authenticate(t.Context(), token)
	if fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("Authenticate = %v, want an unavailable issuer", err)
	}
	if fault.Of(err).RetryAfter <= 0 {
		t.Errorf("no time to try again in %+v", fault.Of(err))
	}
}

func TestA57Outages(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	for name, b := range map[string]authtest.Behaviour{
		"A57 discovery 500":               {Status: 500},
		"A57 discovery 404":               {Status: 404},
		"B11 discovery 203":               {Status: 203},
		"A57 keys 500":                    {KeysStatus: 500},
		"B11 keys 204":                    {KeysStatus: 204},
		"A43 discovery redirected":        {Redirect: "http://127.0.0.1:1/"},
		"A43 discovery of another issuer": {Issuer: "https://other.example.com"},
		"A43 issuer with a slash":         {Issuer: "https://other.example.com/"},
		"A57 discovery is not JSON":       {DiscoveryBody: "<html>"},
		"A57 discovery without keys":      {DiscoveryBody: `{"issuer": "x"}`},
		"B11 keys from http elsewhere":    {KeysURL: "http://192.0.2.1/keys"},
		"B11 keys from a file":            {KeysURL: "file:///etc/passwd"},
		"B11 keys URL with a user":        {KeysURL: "https://a:b@example.com/keys"},
		"B11 keys URL relative":           {KeysURL: "/keys"},
		"A57 keys not found":              {KeysURL: other.URL + "/keys"},
		"A57 keys are not JSON":           {KeysBody: "nope"},
		"A57 keys without keys":           {KeysBody: "{}"},
		"A57 keys is no array":            {KeysBody: `{"keys": {}}`},
		"B11 more than 100 keys":          {KeysBody: `{"keys": [` + strings.Repeat("{},", 100) + `{}]}`},
		"B11 huge":                        {ExtraBytes: 2 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.issuer.Behave(b)
			token := w.sign(t, nil)
			w.mustBeUnavailable(t, token)
			w.issuer.Behave(authtest.Behaviour{})
			w.clock.Advance(2 * time.Second)
			w.mustAccept(t, token) // an outage is never remembered as a refusal (B13)
		})
	}
}

// TestA85FailuresAreLogged looks for issuer and cause, so that "only one provider works" can be diagnosed.
func TestA85FailuresAreLogged(t *testing.T) {
	w := newWorld(t, nil)
	var out bytes.Buffer
	p := New(w.cfg, Options{Now: w.clock.Now, Log: slog.New(slog.NewTextHandler(&out, nil))})
	defer func() { _ = p.Close() }()
	w.issuer.Behave(authtest.Behaviour{KeysStatus: 503})
	_, _ = p.Authenticate(t.Context(), w.sign(t, nil))
	_, _ = p.Authenticate(t.Context(), w.sign(t, nil)) // within the back-off: no second line
	for _, part := range []string{"level=WARN", "issuer=" + w.issuer.URL(), "status 503", "/keys"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("no %q in %s", part, out.String())
		}
	}
	w.issuer.Behave(authtest.Behaviour{})
	w.clock.Advance(time.Minute)
	if _, err := p.Authenticate(t.Context(), w.sign(t, nil)); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != 2 || !strings.Contains(out.String(), "can be fetched again") {
		t.Errorf("log: %s", out.String())
	}
}

// TestB11Slow checks that an issuer that never answers ends by the fetch's own time limit.
func TestB11Slow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		is := newIssuer([]auth.Issuer{{Issuer: "https://issuer.example.com"}}, auth.OIDC{KeyRefresh: time.Hour}, Options{Now: time.Now, Log: discard})
		is.client = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
		begin := time.Now()
		if _, _, err := is.keys(t.Context()); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("keys: %v", err)
		}
		if took := time.Since(begin); took != fetchTimeout {
			t.Errorf("took %v", took)
		}
		is.close()
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestA63OneFetchForMany(t *testing.T) {
	w := newWorld(t, nil)
	release := make(chan struct{})
	w.issuer.Behave(authtest.Behaviour{Wait: release})
	tokens := make([]auth.Secret, 50)
	for n := range tokens { // first of all: the time that signing takes is none that the issuer may take to answer
		tokens[n] = w.sign(t, authtest.Claims{"jti": n})
	}
	var wg sync.WaitGroup
	for _, token := range tokens {
		wg.Go(func() {
			if _, err := w.Authenticate(t.Context(), token); err != nil {
				t.Errorf("Authenticate: %v", err)
			}
		})
	}
	close(release)
	wg.Wait()
	if d, k := w.issuer.Requests(); d != 1 || k != 1 {
		t.Errorf("%d discoveries, %d key sets", d, k)
	}
}

func TestA62KeySetsExpire(t *testing.T) {
	w := newWorld(t, func(c *auth.OIDC) { c.TokenCacheTTL = 0 })
	old := w.issuer.Key()
	token := w.sign(t, authtest.Claims{"exp": t0.Add(24 * time.Hour).Unix()})
	w.mustAccept(t, token)
	w.issuer.Rotate("RS256")
	w.clock.Advance(time.Hour - time.Second)
	w.mustAccept(t, token)
	w.clock.Advance(time.Second)
	w.mustRefuse(t, token, ErrUnknownKey) // removed by the issuer: refused after one life of the set
	w.issuer.Publish(old)
	w.clock.Advance(time.Hour)
	w.mustAccept(t, token)
}

func TestB8RotationWorksAtOnce(t *testing.T) {
	w := newWorld(t, nil)
	w.mustAccept(t, w.sign(t, nil))
	w.issuer.Rotate("RS256")
	w.mustAccept(t, w.sign(t, nil))
}

func TestB8UnknownKeysCostOneRefresh(t *testing.T) {
	w := newWorld(t, nil)
	w.mustAccept(t, w.sign(t, nil))
	stranger := authtest.NewKey("RS256", "", 99)
	unknown := func(n int) auth.Secret {
		return w.sign(t, authtest.Claims{"jti": n}, authtest.With(stranger), authtest.Header("kid", "x"))
	}
	_, before := w.issuer.Requests()
	for n := range 20 {
		w.mustRefuse(t, unknown(n), ErrUnknownKey)
	}
	if _, k := w.issuer.Requests(); k-before != 1 {
		t.Fatalf("%d fetches in the first window", k-before)
	}
	w.clock.Advance(29 * time.Second)
	w.mustRefuse(t, unknown(100), ErrUnknownKey)
	if _, k := w.issuer.Requests(); k-before != 1 {
		t.Fatalf("%d fetches after 29 s", k-before)
	}
	w.clock.Advance(time.Second)
	w.mustRefuse(t, unknown(101), ErrUnknownKey)
	if _, k := w.issuer.Requests(); k-before != 2 {
		t.Fatalf("%d fetches after 30 s", k-before)
	}
	// A token refused in the window is accepted once its key is known.
	k := w.issuer.Rotate("RS256")
	token := w.sign(t, nil, authtest.With(k))
	w.mustRefuse(t, token, ErrUnknownKey)
	w.clock.Advance(30 * time.Second)
	w.mustAccept(t, token)
}

func TestB8FirstTokenUnknownKey(t *testing.T) {
	w := newWorld(t, nil)
	w.mustRefuse(t, w.sign(t, nil, authtest.With(authtest.NewKey("RS256", "x", 99))), ErrUnknownKey)
	if _, k := w.issuer.Requests(); k != 1 {
		t.Errorf("%d fetches: a set fetched for this token is not fetched again", k)
	}
}

// TestB8KidReused rotates the key and keeps its kid.
func TestB8KidReused(t *testing.T) {
	w := newWorld(t, nil)
	a, b := authtest.NewKey("RS256", "same", 1), authtest.NewKey("RS256", "same", 2)
	w.issuer.Publish(a)
	w.mustAccept(t, w.sign(t, nil))
	w.issuer.Publish(b)
	early := w.sign(t, authtest.Claims{"jti": "early"})
	w.mustRefuse(t, early, ErrSignature) // the set is younger than a minute
	w.clock.Advance(time.Minute)
	w.mustAccept(t, w.sign(t, nil))
	w.mustAccept(t, early) // B13: the refusal was made with the old set
}

// TestB8ConcurrentUnknownKeys sends many tokens of a new key at once.
func TestB8ConcurrentUnknownKeys(t *testing.T) {
	w := newWorld(t, nil)
	w.mustAccept(t, w.sign(t, nil))
	_, before := w.issuer.Requests()
	w.issuer.Rotate("ES256") // which was not announced before either
	var wg sync.WaitGroup
	for n := range 50 {
		token := w.sign(t, authtest.Claims{"jti": n})
		wg.Go(func() {
			if _, err := w.Authenticate(t.Context(), token); err != nil {
				t.Errorf("Authenticate: %v", err)
			}
		})
	}
	wg.Wait()
	if _, k := w.issuer.Requests(); k-before != 1 {
		t.Errorf("%d fetches", k-before)
	}
}

func TestB9StaleWhileOutage(t *testing.T) {
	w := newWorld(t, func(c *auth.OIDC) { c.TokenCacheTTL = 0 })
	token := w.sign(t, authtest.Claims{"exp": t0.Add(100 * time.Hour).Unix()})
	w.mustAccept(t, token)
	w.issuer.Behave(authtest.Behaviour{Status: 500})
	w.clock.Advance(2 * time.Hour)
	w.mustAccept(t, token)
	w.clock.Advance(22 * time.Hour)
	w.mustAccept(t, token)
	w.clock.Advance(time.Hour)
	w.mustBeUnavailable(t, token) // 3600 + 86400 s are over
	w.issuer.Behave(authtest.Behaviour{})
	w.clock.Advance(time.Minute)
	w.mustAccept(t, token)
}

func TestB9StrictWithoutStaleness(t *testing.T) {
	w := newWorld(t, func(c *auth.OIDC) { c.TokenCacheTTL, c.KeyMaxStale = 0, 0 })
	token := w.sign(t, authtest.Claims{"exp": t0.Add(100 * time.Hour).Unix()})
	w.mustAccept(t, token)
	w.issuer.Behave(authtest.Behaviour{Status: 500})
	w.clock.Advance(time.Hour)
	w.mustBeUnavailable(t, token)
}

// TestB8UnknownKeyWhileOutage cannot tell whether the key is good: it must not say "invalid".
func TestB8UnknownKeyWhileOutage(t *testing.T) {
	w := newWorld(t, nil)
	w.mustAccept(t, w.sign(t, nil))
	w.issuer.Rotate("RS256")
	token := w.sign(t, nil)
	w.issuer.Behave(authtest.Behaviour{Status: 500})
	w.mustBeUnavailable(t, token)
	w.mustBeUnavailable(t, token)
	w.issuer.Behave(authtest.Behaviour{})
	w.clock.Advance(31 * time.Second)
	w.mustAccept(t, token)
}

func TestB9MaxAgeShortens(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"":                        time.Hour,
		"max-age=600":             10 * time.Minute,
		"public, MAX-AGE=\"600\"": 10 * time.Minute,
		"max-age=86400":           time.Hour,
		"max-age=0":               shortestLife,
		"no-store":                shortestLife,
		"max-age=x":               time.Hour,
	} {
		w := newWorld(t, func(c *auth.OIDC) { c.TokenCacheTTL = 0 })
		w.issuer.Behave(authtest.Behaviour{CacheControl: header})
		token := w.sign(t, authtest.Claims{"exp": t0.Add(100 * time.Hour).Unix()})
		w.mustAccept(t, token)
		_, before := w.issuer.Requests()
		w.clock.Advance(want - time.Second)
		w.mustAccept(t, token)
		if _, k := w.issuer.Requests(); k != before {
			t.Errorf("%q: fetched before %v", header, want)
		}
		w.clock.Advance(time.Second)
		w.mustAccept(t, token)
		if _, k := w.issuer.Requests(); k != before+1 {
			t.Errorf("%q: not fetched after %v", header, want)
		}
	}
}

func TestB9RenewedAhead(t *testing.T) {
	w := newWorld(t, nil)
	w.renew()
	if w.requests() != 0 {
		t.Error("an issuer nobody used was asked (A7)")
	}
	w.mustAccept(t, w.sign(t, nil))
	is := w.issuers[w.issuer.URL()]
	fetches := func() int { is.wg.Wait(); _, k := w.issuer.Requests(); return k }
	w.clock.Advance(48 * time.Minute)
	w.renew()
	if n := fetches(); n != 1 {
		t.Errorf("%d fetches although nobody used the set since it was fetched", n)
	}
	w.mustAccept(t, w.sign(t, nil))
	w.renew()
	if n := fetches(); n != 2 {
		t.Errorf("%d fetches at four fifths of the life", n)
	}
	w.clock.Advance(30 * time.Minute)
	w.mustAccept(t, w.sign(t, nil))
	if n := fetches(); n != 2 {
		t.Errorf("%d fetches: the renewed set should serve", n)
	}
}

func TestB10Backoff(t *testing.T) {
	w := newWorld(t, nil)
	w.issuer.Behave(authtest.Behaviour{Status: 500})
	for n := range 1000 {
		if n%100 == 0 {
			w.mustBeUnavailable(t, w.sign(t, authtest.Claims{"jti": n}))
		} else {
			_, _ = w.Authenticate(t.Context(), w.sign(t, authtest.Claims{"jti": n % 7}))
		}
	}
	if n := w.requests(); n != 1 {
		t.Fatalf("%d requests in no time", n)
	}
	is := w.issuers[w.issuer.URL()]
	for failures := 1; failures < 12; failures++ {
		is.mu.Lock()
		wait := is.retry.Sub(w.clock.Now())
		is.mu.Unlock()
		most := min(time.Second<<(failures-1), time.Minute)
		if wait < most*4/5 || wait > most {
			t.Errorf("after %d failures wait %v, want about %v", failures, wait, most)
		}
		w.clock.Advance(wait)
		w.mustBeUnavailable(t, w.sign(t, nil))
		if n := w.requests(); n != failures+1 {
			t.Fatalf("%d requests after %d waits", n, failures)
		}
	}
}

func TestA11IssuersAreIndependent(t *testing.T) {
	w := newWorld(t, nil)
	broken := authtest.New(t)
	broken.Clock = w.clock
	broken.Behave(authtest.Behaviour{Status: 500})
	cfg := w.cfg
	cfg.Issuers = append(cfg.Issuers, auth.Issuer{Issuer: broken.URL(), Audiences: []string{broken.Audience}})
	p := New(cfg, Options{Now: w.clock.Now})
	defer func() { _ = p.Close() }()
	for range 3 {
		if _, err := p.Authenticate(t.Context(), auth.Secret(broken.Sign(t, nil))); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("broken issuer: %v", err)
		}
		if _, err := p.Authenticate(t.Context(), w.sign(t, nil)); err != nil {
			t.Errorf("working issuer: %v", err)
		}
	}
}

// TestA42OneIssuersKeyForAnother signs with the key of one configured issuer in the name of another.
func TestA42OneIssuersKeyForAnother(t *testing.T) {
	w := newWorld(t, nil)
	second := authtest.New(t)
	second.Clock = w.clock
	second.Rotate("RS256") // key-2, a key the first does not have
	cfg := w.cfg
	cfg.Issuers = append(cfg.Issuers, auth.Issuer{Issuer: second.URL(), Audiences: []string{second.Audience}})
	p := New(cfg, Options{Now: w.clock.Now})
	defer func() { _ = p.Close() }()
	forged := auth.Secret(second.Sign(t, authtest.Claims{"iss": w.issuer.URL()}))
	if _, err := p.Authenticate(t.Context(), forged); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("Authenticate = %v", err)
	}
}

func TestCloseEndsFetches(t *testing.T) {
	w := newWorld(t, nil)
	release := make(chan struct{})
	w.issuer.Behave(authtest.Behaviour{Wait: release})
	defer close(release)
	done := make(chan error)
	token := w.sign(t, nil)
	go func() {
		_, err := w.Authenticate(t.Context(), token)
		done <- err
	}()
	for w.requests() == 0 { // until the fetch is under way
		select {
		case err := <-done:
			t.Fatalf("ended early: %v", err)
		default:
		}
	}
	_ = w.Close()
	_ = w.Close()
	if err := <-done; fault.KindOf(err) != fault.Unavailable {
		t.Errorf("Authenticate = %v", err)
	}
	w.mustBeUnavailable(t, token)
}

func TestB3SkippedKeysDoNotSpoilTheSet(t *testing.T) {
	w := newWorld(t, nil)
	odd := func(id string, members map[string]any) *authtest.Key {
		k := authtest.NewKey("RS256", id, 1)
		k.Members = members
		return k
	}
	k := authtest.NewKey("RS256", "good", 2)
	k.Members = map[string]any{"x5c": []string{"not a certificate"}, "x5t": 7, "key_ops": []string{"verify"}}
	w.issuer.Publish(
		odd("B3 symmetric", map[string]any{"kty": "oct", "k": "AAAA"}),
		odd("B3 unknown kind", map[string]any{"kty": "LMS"}),
		odd("B3 no kind", map[string]any{"kty": authtest.Omit}),
		odd("B3 broken modulus", map[string]any{"n": "!"}),
		odd("B3 no modulus", map[string]any{"n": authtest.Omit}),
		odd("B3 alg is a number", map[string]any{"alg": 1}),
		odd("B3 kid is a number", map[string]any{"kid": 1}),
		odd("B3 use is a number", map[string]any{"use": 1}),
		odd("B3 key_ops is a string", map[string]any{"key_ops": "verify"}),
		odd("B3 point off the curve", map[string]any{"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}),
		k)
	w.mustAccept(t, w.sign(t, nil))
	if n := len(w.issuers[w.issuer.URL()].set.keys); n != 1 {
		t.Errorf("%d keys usable, want 1", n)
	}
}
