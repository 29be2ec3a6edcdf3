package oidc

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
)

// TestB42Flood sends 10,000 different bad tokens, of every kind: the caches stay within their bounds and the issuer sees a
// handful of requests.
func TestB42Flood(t *testing.T) {
	w := newWorld(t, func(c *auth.OIDC) { c.NegativeCacheSize, c.TokenCacheSize = 100, 100 })
	good := w.sign(t, nil)
	w.mustAccept(t, good)
	before := w.requests()
	parts := strings.Split(string(good), ".")
	stranger := authtest.NewKey("ES256", "stranger", 99)
	bad := func(n int) auth.Secret {
		switch n % 6 {
		case 0: // opaque
			return auth.Secret(fmt.Sprintf("opaque-%d", n))
		case 1: // not base64url
			return auth.Secret(fmt.Sprintf("%s.%s.!%d", parts[0], parts[1], n))
		case 2: // another issuer
			return w.sign(t, authtest.Claims{"iss": fmt.Sprintf("https://%d.example.com", n)}, authtest.Unsigned(), authtest.Header("alg", "RS256"))
		case 3: // a key that the issuer does not have
			return w.sign(t, authtest.Claims{"jti": n}, authtest.With(stranger), authtest.Header("kid", fmt.Sprint(n)))
		case 4: // a signature of zeros
			payload := strings.Split(string(w.sign(t, authtest.Claims{"jti": n}, authtest.Unsigned(), authtest.Header("alg", "RS256"))), ".")
			return auth.Secret(payload[0] + "." + payload[1] + "." + strings.Repeat("A", 342))
		default: // expired
			return w.sign(t, authtest.Claims{"jti": n, "exp": t0.Unix()}, authtest.With(stranger), authtest.Header("kid", fmt.Sprint(n)))
		}
	}
	const total, senders = 10_000, 8
	tokens := make([]auth.Secret, total)
	for n := range tokens {
		tokens[n] = bad(n)
	}
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for n := s; n < total; n += senders {
				if _, err := w.Authenticate(t.Context(), tokens[n]); err == nil {
					t.Errorf("accepted token %d", n)
				}
			}
		})
	}
	wg.Wait()
	if n := w.requests() - before; n > 2 { // one refresh for unknown keys (B8): metadata and keys
		t.Errorf("%d requests to the issuer", n)
	}
	if a, r := w.accepted.len(), w.refused.len(); a > 100 || r > 100 {
		t.Errorf("%d accepted and %d refused tokens remembered", a, r)
	}
	w.calls.mu.Lock()
	if n := len(w.calls.running); n != 0 {
		t.Errorf("%d validations under way afterwards", n)
	}
	w.calls.mu.Unlock()
	w.mustAccept(t, good)
}

// TestB13Coalescing sends one new token from 1,000 callers at once: it is validated once.
func TestB13Coalescing(t *testing.T) {
	w := newWorld(t, nil)
	release := make(chan struct{})
	w.issuer.Behave(authtest.Behaviour{Wait: release})
	token := w.sign(t, nil)
	var ready, wg sync.WaitGroup
	for range 1000 {
		ready.Add(1)
		wg.Go(func() {
			ready.Done()
			if _, err := w.Authenticate(t.Context(), token); err != nil {
				t.Errorf("Authenticate: %v", err)
			}
		})
	}
	ready.Wait()
	close(release)
	wg.Wait()
	if v, n := w.validated.Load(), w.verifications.Load(); v != 1 || n != 1 {
		t.Errorf("%d validations, %d signatures checked", v, n)
	}
	if d, k := w.issuer.Requests(); d != 1 || k != 1 {
		t.Errorf("%d discoveries, %d key sets", d, k)
	}
}

// TestB10OutageFlood: 10,000 tokens of an issuer that is down cause a handful of requests.
func TestB10OutageFlood(t *testing.T) {
	w := newWorld(t, nil)
	w.issuer.Behave(authtest.Behaviour{Status: 503})
	parts := strings.Split(string(w.sign(t, nil)), ".")
	for n := range 10_000 {
		if n%1000 == 999 {
			w.clock.Advance(time.Second)
		}
		token := auth.Secret(fmt.Sprintf("%s.%s.%s%04d", parts[0], parts[1], parts[2][:len(parts[2])-6], n))
		if _, err := w.Authenticate(t.Context(), token); err == nil {
			t.Fatal("accepted")
		}
	}
	if n := w.requests(); n > 6 {
		t.Errorf("%d requests in 10 s of outage", n)
	}
	if n := w.refused.len(); n > w.cfg.NegativeCacheSize {
		t.Errorf("%d refusals remembered", n)
	}
}
