package oidc

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
	"github.com/micromegas-go/micromegas/auth/internal/digest"
)

// verified counts the signatures checked while f runs.
func (w *world) verified(f func()) int64 {
	before := w.verifications.Load()
	f()
	return w.verifications.Load() - before
}

func TestA58CacheHits(t *testing.T) {
	w := newWorld(t, nil)
	token := w.sign(t, nil)
	w.mustAccept(t, token)
	asked := w.requests()
	w.issuer.Behave(authtest.Behaviour{Status: 500})
	w.clock.Advance(299 * time.Second)
	if n := w.verified(func() { w.mustAccept(t, token) }); n != 0 {
		t.Errorf("%d signatures checked for a cached token", n)
	}
	if w.requests() != asked {
		t.Error("a cached token needed the network")
	}
	w.clock.Advance(time.Second)
	if n := w.verified(func() { w.mustAccept(t, token) }); n != 1 {
		t.Errorf("%d signatures checked after the TTL", n)
	}
}

func TestA59NeverPastExp(t *testing.T) {
	w := newWorld(t, func(c *auth.OIDC) { c.ExpiryLeeway = 0 })
	token := w.sign(t, authtest.Claims{"exp": t0.Add(time.Minute).Unix()})
	w.mustAccept(t, token)
	w.clock.Advance(time.Minute - time.Nanosecond)
	w.mustAccept(t, token)
	w.clock.Advance(time.Nanosecond)
	w.mustRefuse(t, token, ErrExpired)
}

// TestA64WorstCase walks the promise of the documentation: token life + TTL at the most, and in fact token life.
func TestA64WorstCase(t *testing.T) {
	w := newWorld(t, nil)
	token := w.sign(t, nil) // an hour
	for range 12 {
		w.mustAccept(t, token)
		w.clock.Advance(5 * time.Minute)
	}
	w.mustRefuse(t, token, ErrExpired)
}

func TestA16CacheOff(t *testing.T) {
	for name, change := range map[string]func(*auth.OIDC){
		"A16 size 0": func(c *auth.OIDC) { c.TokenCacheSize = 0 },
		"A16 TTL 0":  func(c *auth.OIDC) { c.TokenCacheTTL = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, change)
			token := w.sign(t, nil)
			if n := w.verified(func() { w.mustAccept(t, token); w.mustAccept(t, token) }); n != 2 {
				t.Errorf("%d signatures checked, want 2", n)
			}
		})
	}
}

func TestA58Size(t *testing.T) {
	w := newWorld(t, func(c *auth.OIDC) { c.TokenCacheSize = 10 })
	var tokens []auth.Secret
	for n := range 30 {
		token := w.sign(t, authtest.Claims{"jti": n})
		w.mustAccept(t, token) // A60: a full cache evicts, it never refuses
		tokens = append(tokens, token)
		if got := w.accepted.len(); got > 10 {
			t.Fatalf("%d entries", got)
		}
	}
	// As many tokens as fit are all remembered, whatever their digests.
	if n := w.verified(func() {
		for _, token := range tokens[20:] {
			w.mustAccept(t, token)
		}
	}); n != 0 {
		t.Errorf("%d of the last 10 tokens were forgotten", n)
	}
}

func TestB13RefusalsAreRemembered(t *testing.T) {
	w := newWorld(t, nil)
	expired := w.sign(t, authtest.Claims{"exp": t0.Add(-time.Hour).Unix()})
	w.mustRefuse(t, expired, ErrExpired)
	if n := w.verified(func() { w.mustRefuse(t, expired, ErrExpired) }); n != 0 {
		t.Errorf("%d signatures checked", n)
	}
	w.clock.Advance(10 * time.Second)
	if n := w.verified(func() { w.mustRefuse(t, expired, ErrExpired) }); n != 1 {
		t.Errorf("%d signatures checked after 10 s", n)
	}
}

func TestB13RefusalsAreBounded(t *testing.T) {
	w := newWorld(t, func(c *auth.OIDC) { c.NegativeCacheSize = 5 })
	for n := range 50 {
		w.mustRefuse(t, w.sign(t, authtest.Claims{"jti": n, "aud": "x"}), ErrAudience)
	}
	if n := w.refused.len(); n != 5 {
		t.Errorf("%d entries", n)
	}
	if n := w.accepted.len(); n != 0 {
		t.Errorf("%d refused tokens among the accepted (A60)", n)
	}
}

func TestB13TimeHeals(t *testing.T) {
	w := newWorld(t, nil)
	token := w.sign(t, authtest.Claims{"nbf": t0.Add(65 * time.Second).Unix()})
	w.mustRefuse(t, token, ErrNotYetValid)
	w.clock.Advance(5 * time.Second)
	w.mustAccept(t, token)
}

func TestB13OneVerificationForMany(t *testing.T) {
	w := newWorld(t, nil)
	release := make(chan struct{})
	w.issuer.Behave(authtest.Behaviour{Wait: release})
	token := w.sign(t, nil)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if _, err := w.Authenticate(t.Context(), token); err != nil {
				t.Errorf("Authenticate: %v", err)
			}
		})
	}
	close(release)
	wg.Wait()
	if n := w.verifications.Load(); n != 1 {
		t.Errorf("%d verifications", n)
	}
}

// TestB13LeaderLeaves cancels the request that does the work; the others must not be refused for it.
func TestB13LeaderLeaves(t *testing.T) {
	var c calls
	ctx, cancel := context.WithCancel(t.Context())
	started, followed := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := c.do(ctx, digest.Sum{}, func() (*auth.Verified, error) {
			close(started)
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("leader: %v", err)
		}
	})
	<-started
	want := auth.NewVerified(auth.Identity{})
	wg.Go(func() {
		close(followed)
		if v, err := c.do(t.Context(), digest.Sum{}, func() (*auth.Verified, error) { return want, nil }); v != want || err != nil {
			t.Errorf("follower: %v, %v", v, err)
		}
	})
	<-followed
	cancel()
	wg.Wait()
}

func TestB12CacheHoldsNoToken(t *testing.T) {
	w := newWorld(t, nil)
	token := w.sign(t, nil)
	w.mustAccept(t, token)
	if got := w.accepted.ring[0].sum; got != w.digester.Sum(string(token)) {
		t.Errorf("keyed by %x", got)
	}
	other := newWorldOf(t, w.issuer, nil)
	if w.digester.Sum(string(token)) == other.digester.Sum(string(token)) {
		t.Error("two providers agree on a digest: it is not keyed")
	}
}

func TestCacheSecondChance(t *testing.T) {
	c := newCache[int](3, time.Minute)
	sum := func(n byte) digest.Sum { return digest.Sum{n} }
	for n := range byte(3) {
		c.put(sum(n), int(n), t0, time.Time{})
	}
	c.get(sum(0), t0)
	c.put(sum(3), 3, t0, time.Time{}) // 0 was used: 1 goes
	for n, want := range map[byte]bool{0: true, 1: false, 2: true, 3: true} {
		if _, ok := c.get(sum(n), t0); ok != want {
			t.Errorf("entry %d: %v, want %v", n, ok, want)
		}
	}
	c.put(sum(2), 22, t0.Add(time.Second), time.Time{})
	if v, _ := c.get(sum(2), t0.Add(time.Minute)); v != 22 || c.len() != 3 {
		t.Errorf("replaced entry %d, length %d", v, c.len())
	}
}

func TestCacheConcurrent(t *testing.T) {
	c := newCache[int](50, time.Minute)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for n := range 2000 {
				k := (n*7 + g*13) % 200
				sum := digest.Sum{byte(k), byte(k >> 8)}
				if v, ok := c.get(sum, t0); ok && v != k {
					t.Errorf("%d under %d", v, k)
				}
				c.put(sum, k, t0, time.Time{})
			}
		})
	}
	wg.Wait()
	if n := c.len(); n != 50 {
		t.Errorf("%d entries", n)
	}
}
