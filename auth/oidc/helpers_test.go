package oidc

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// t0 is when tests happen.
var t0 = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// world is a provider, its issuer and their clock.
type world struct {
	*Provider
	issuer *authtest.Issuer
	clock  *authtest.Clock
}

// newWorld returns a provider for one issuer with the defaults of the configuration, changed by change.
func newWorld(t testing.TB, change func(*auth.OIDC)) *world {
	t.Helper()
	issuer := authtest.New(t)
	issuer.Clock = authtest.NewClock(t0)
	return newWorldOf(t, issuer, change)
}

func newWorldOf(t testing.TB, issuer *authtest.Issuer, change func(*auth.OIDC)) *world {
	t.Helper()
	cfg, _, err := auth.LoadConfig(func(name string) string {
		if name == auth.EnvOIDCConfig {
			return issuer.Config()
		}
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&cfg.OIDC)
	}
	p := New(cfg.OIDC, Options{Now: issuer.Clock.Now, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	t.Cleanup(func() { _ = p.Close() })
	return &world{Provider: p, issuer: issuer, clock: issuer.Clock}
}

// sign returns a token of the world's issuer.
func (w *world) sign(t testing.TB, claims authtest.Claims, options ...authtest.SignOption) auth.Secret {
	t.Helper()
	return auth.Secret(w.issuer.Sign(t, claims, options...))
}

func (w *world) mustAccept(t testing.TB, token auth.Secret) *auth.Identity {
	t.Helper()
	v, err := w.Authenticate(t.Context(), token)
	if err != nil {
		t.Fatalf("Authenticate = %v, want success", err)
	}
	return v.Identity()
}

func (w *world) mustRefuse(t testing.TB, token auth.Secret, want error) {
	t.Helper()
	if _, err := w.Authenticate(t.Context(), token); !errors.Is(err, want) {
		t.Fatalf("Authenticate = %v, want %v", err, want)
	}
}

// requests returns how many requests the issuer has had.
func (w *world) requests() int {
	discovery, keys := w.issuer.Requests()
	return discovery + keys
}

// discard is a log for what is expected to complain.
var discard = slog.New(slog.DiscardHandler)
