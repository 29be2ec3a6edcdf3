package oidc

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// twoIssuers returns a provider with two issuers, and a token of each that it has accepted.
func twoIssuers(t *testing.T) (w *world, second *authtest.Issuer, tokens [2]auth.Secret) {
	t.Helper()
	second = authtest.New(t)
	w = newWorld(t, func(c *auth.OIDC) {
		c.Issuers = append(c.Issuers, auth.Issuer{Issuer: second.URL(), Audiences: []string{second.Audience}})
	})
	second.Clock = w.clock
	tokens = [2]auth.Secret{w.sign(t, nil), auth.Secret(second.Sign(t, nil))}
	for _, token := range tokens {
		w.mustAccept(t, token)
	}
	return w, second, tokens
}

// reconfigured returns the world with the next provider.
func (w *world) reconfigured(t *testing.T, change func(*auth.OIDC)) *world {
	t.Helper()
	cfg := w.cfg
	cfg.Issuers = slices.Clone(cfg.Issuers)
	change(&cfg)
	next := w.Reconfigure(cfg)
	t.Cleanup(func() { _ = next.Close() })
	return &world{Provider: next, issuer: w.issuer, clock: w.clock}
}

func TestB34UnchangedIssuersKeepEverything(t *testing.T) {
	w, second, tokens := twoIssuers(t)
	third := authtest.New(t)
	third.Clock = w.clock
	next := w.reconfigured(t, func(c *auth.OIDC) {
		c.Issuers = append(c.Issuers, auth.Issuer{Issuer: third.URL(), Audiences: []string{third.Audience}})
		c.Issuers[0].Roles = []auth.RoleRule{{Role: auth.RoleReader}} // rights are the policy's business
	})
	asked := w.requests()
	if n := next.verified(func() { next.mustAccept(t, tokens[0]); next.mustAccept(t, tokens[1]) }); n != 0 {
		t.Errorf("%d signatures checked for tokens of unchanged issuers", n)
	}
	if w.requests() != asked {
		t.Error("an unchanged issuer was asked again")
	}
	next.mustAccept(t, auth.Secret(third.Sign(t, nil)))
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	next.mustAccept(t, auth.Secret(second.Sign(t, authtest.Claims{"jti": "after"}))) // shared with what was closed
}

func TestB34RemovedIssuerEndsAtOnce(t *testing.T) {
	w, _, tokens := twoIssuers(t)
	next := w.reconfigured(t, func(c *auth.OIDC) { c.Issuers = c.Issuers[:1] })
	next.mustAccept(t, tokens[0])
	next.mustRefuse(t, tokens[1], ErrIssuer)
	w.mustAccept(t, tokens[1]) // requests under way end with what they began with
	_ = w.Close()
	// It comes back with nothing remembered.
	again := next.reconfigured(t, func(c *auth.OIDC) { *c = w.cfg })
	if n := again.verified(func() { again.mustAccept(t, tokens[1]) }); n != 1 {
		t.Errorf("%d signatures checked for an issuer that was gone", n)
	}
}

// TestB34ChangedRules forgets the tokens and keeps the keys: what was accepted by the old rules may not be by the new.
func TestB34ChangedRules(t *testing.T) {
	for name, change := range map[string]func(*auth.OIDC){
		"B34 audience":        func(c *auth.OIDC) { c.Issuers[0].Audiences = []string{"other"} },
		"B34 required claim":  func(c *auth.OIDC) { c.Issuers[0].RequiredClaims = map[string][]string{"org": {"acme"}} },
		"B34 token types":     func(c *auth.OIDC) { c.Issuers[0].TokenTypes = []string{"access"} },
		"B34 greatest age":    func(c *auth.OIDC) { c.Issuers[0].MaxTokenAge = time.Second },
		"B34 subject's claim": func(c *auth.OIDC) { c.Issuers[0].SubjectClaim = "oid" },
	} {
		t.Run(name, func(t *testing.T) {
			w, _, _ := twoIssuers(t)
			old := w.sign(t, authtest.Claims{"iat": t0.Add(-10 * time.Minute).Unix()})
			w.mustAccept(t, old)
			next := w.reconfigured(t, change)
			asked := w.requests()
			if _, err := next.Authenticate(t.Context(), old); fault.KindOf(err) == fault.Unavailable || err == nil {
				t.Errorf("Authenticate = %v", err)
			}
			if w.requests() != asked {
				t.Error("the keys were fetched again")
			}
		})
	}
}

// TestB34ChangedKeys forgets the keys too: they came from elsewhere.
func TestB34ChangedKeys(t *testing.T) {
	w, second, tokens := twoIssuers(t)
	next := w.reconfigured(t, func(c *auth.OIDC) { c.Issuers[0].KeysURL = second.URL() + "/keys" })
	second.Rotate("ES256") // not the first one's key
	next.mustRefuse(t, tokens[0], ErrUnknownKey)
	next.mustAccept(t, tokens[1])
}

// TestB34RefusalsAreForgotten: what one configuration refuses another may accept.
func TestB34RefusalsAreForgotten(t *testing.T) {
	w := newWorld(t, nil)
	third := authtest.New(t)
	third.Clock = w.clock
	token := auth.Secret(third.Sign(t, nil))
	w.mustRefuse(t, token, ErrIssuer)
	next := w.reconfigured(t, func(c *auth.OIDC) {
		c.Issuers = append(c.Issuers, auth.Issuer{Issuer: third.URL(), Audiences: []string{third.Audience}})
	})
	next.mustAccept(t, token)
	w.mustRefuse(t, token, ErrIssuer)
}

// TestB34LeewayChanges evaluates every token afresh.
func TestB34LeewayChanges(t *testing.T) {
	w := newWorld(t, func(c *auth.OIDC) { c.ExpiryLeeway = time.Minute })
	token := w.sign(t, authtest.Claims{"exp": t0.Add(-time.Second).Unix()})
	w.mustAccept(t, token)
	w.reconfigured(t, func(c *auth.OIDC) { c.ExpiryLeeway = 0 }).mustRefuse(t, token, ErrExpired)
}

// TestB34CacheSizes replaces the caches.
func TestB34CacheSizes(t *testing.T) {
	w := newWorld(t, nil)
	token := w.sign(t, nil)
	w.mustAccept(t, token)
	next := w.reconfigured(t, func(c *auth.OIDC) { c.TokenCacheSize = 1; c.NegativeCacheSize = 0 })
	if n := next.verified(func() { next.mustAccept(t, token); next.mustAccept(t, token) }); n != 1 {
		t.Errorf("%d signatures checked", n)
	}
}

// TestB34OutageIsInherited: a changed rule must not start the questions to a broken issuer anew.
func TestB34OutageIsInherited(t *testing.T) {
	w := newWorld(t, nil)
	w.issuer.Behave(authtest.Behaviour{Status: 500})
	w.mustBeUnavailable(t, w.sign(t, nil))
	next := w.reconfigured(t, func(c *auth.OIDC) { c.Issuers[0].TrustEmail = true })
	next.mustBeUnavailable(t, w.sign(t, nil))
	if n := w.requests(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// TestB34WhileRequestsRun changes the configuration again and again under load; a token of an issuer that never changes is
// never refused.
func TestB34WhileRequestsRun(t *testing.T) {
	w, _, tokens := twoIssuers(t)
	chain := auth.NewChain(nil, w.Provider)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := chain.Authenticate(t.Context(), []string{"Bearer " + string(tokens[0])}); err != nil {
					t.Errorf("Authenticate = %v", err)
					return
				}
				_, _ = chain.Authenticate(t.Context(), []string{"Bearer " + string(tokens[1])})
			}
		})
	}
	current := w.Provider
	for n := range 200 {
		cfg := w.cfg
		if n%2 == 0 {
			cfg.Issuers = cfg.Issuers[:1]
		}
		next := current.Reconfigure(cfg)
		chain.Swap(auth.Setup{Providers: []auth.Provider{next}})
		_ = current.Close()
		current = next
	}
	close(stop)
	wg.Wait()
	_ = current.Close()
}
