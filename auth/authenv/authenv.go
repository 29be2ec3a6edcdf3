// Package authenv builds the chain of a server from the environment: the one place that knows every kind of provider.
package authenv

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/apikey"
	"github.com/micromegas-go/micromegas/auth/oidc"
)

// Options are what a server adds to the variables. The zero value is authentication switched on.
type Options struct {
	Disabled bool     // --disable-auth: nothing is read, everybody is an administrator (A4, A5)
	Listen   []string // the addresses the server listens on, for the warning of Disabled

	// Unsetenv, usually os.Unsetenv, removes the variable with the keys from the process's environment once it has been
	// read, so that child processes do not inherit it (B24); /proc still shows what the process was started with.
	// nil leaves it, for a process that opens several chains.
	Unsetenv func(string) error

	Extra []auth.Provider // asked after the configured ones, such as keys in the database; kept when the configuration changes

	Poll time.Duration    // how often a [Reloader] looks at the files; 0 means 2 s
	Tick <-chan time.Time // in the place of Poll, for tests

	Log *slog.Logger     // nil discards
	Now func() time.Time // nil means time.Now
}

// Open reads the configuration, logs it, and returns the chain; Close it. It does not ask any issuer (A7). The error
// names every mistake, or that nothing is configured ([auth.ErrNoMethod]).
func Open(ctx context.Context, getenv func(string) string, o Options) (*auth.Chain, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Disabled {
		return auth.Disabled(o.Log, o.Listen...), nil
	}
	cfg, warnings, err := auth.LoadConfig(getenv)
	if err != nil {
		return nil, err
	}
	if o.Unsetenv != nil {
		if err := o.Unsetenv(auth.EnvAPIKeys); err != nil {
			return nil, fmt.Errorf("unset %s: %w", auth.EnvAPIKeys, err)
		}
	}
	auth.LogStart(ctx, o.Log, cfg, warnings)
	return New(cfg, o), nil
}

// New returns the chain of cfg: API keys first, then OpenID Connect (A32), then [Options.Extra].
func New(cfg auth.Config, o Options) *auth.Chain {
	var keys *apikey.Provider
	if len(cfg.APIKeys) > 0 {
		keys = newKeys(cfg, o)
	}
	var tokens *oidc.Provider
	if len(cfg.OIDC.Issuers) > 0 {
		tokens = oidc.New(cfg.OIDC, oidc.Options{Now: o.Now, Log: o.Log})
	}
	return auth.NewChainOf(setup(cfg, o, keys, tokens))
}

func newKeys(cfg auth.Config, o Options) *apikey.Provider {
	return apikey.NewWith(cfg.APIKeys, apikey.Options{Now: o.Now, Log: o.Log})
}

// setup puts the parts of a chain together; keys and tokens may be nil.
func setup(cfg auth.Config, o Options, keys *apikey.Provider, tokens *oidc.Provider) auth.Setup {
	s := auth.Setup{Policy: auth.PolicyOf(cfg), Proxies: cfg.Proxies, Limits: cfg.Limits, Now: o.Now, Log: o.Log}
	if keys != nil {
		s.Providers = append(s.Providers, keys)
	}
	if tokens != nil {
		s.Providers = append(s.Providers, tokens)
	}
	s.Providers = append(s.Providers, o.Extra...)
	return s
}
