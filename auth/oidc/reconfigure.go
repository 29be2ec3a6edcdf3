package oidc

import (
	"bytes"
	"reflect"
	"slices"

	"github.com/micromegas-go/micromegas/auth"
)

// Reconfigure returns the provider of a new configuration. Issuers whose entries are unchanged go on with their key sets
// and validated tokens; those whose rules alone have changed keep their key sets; of the others, and of issuers that are
// gone, nothing is remembered. Refusals are forgotten.
//
// p goes on as before for requests under way; close it when it is not in use any more.
func (p *Provider) Reconfigure(cfg auth.OIDC) *Provider {
	next := &Provider{
		counters:   p.counters,
		cfg:        cfg,
		options:    p.options,
		now:        p.now,
		generation: p.generation + 1,
		digester:   p.digester,
		accepted:   p.accepted,
		refused:    p.refused,
	}
	if cfg.TokenCacheSize != p.cfg.TokenCacheSize || cfg.TokenCacheTTL != p.cfg.TokenCacheTTL {
		next.accepted = newCache[acceptance](cfg.TokenCacheSize, cfg.TokenCacheTTL)
	}
	if cfg.NegativeCacheSize != p.cfg.NegativeCacheSize || cfg.NegativeCacheTTL != p.cfg.NegativeCacheTTL {
		next.refused = newCache[refusal](cfg.NegativeCacheSize, cfg.NegativeCacheTTL)
	}
	unchanged := sameRules(p.cfg, cfg)
	next.setIssuers(func(entries []auth.Issuer) *issuer {
		old := p.issuers[entries[0].Issuer]
		if old != nil && unchanged && sameEntries(old.entries, entries) {
			return old
		}
		is := newIssuer(entries, cfg, p.options)
		is.from = next.generation
		if old != nil && sameKeys(old.entries[0], entries[0]) {
			is.inherit(old)
		}
		return is
	})
	for _, is := range p.order {
		if next.issuers[is.name] != is {
			is.until.Store(next.generation)
		}
	}
	p.replaced.Store(true)
	return next
}

// sameRules reports whether what holds for all issuers is the same in both.
func sameRules(a, b auth.OIDC) bool {
	return a.KeyRefresh == b.KeyRefresh && a.KeyMaxStale == b.KeyMaxStale && a.KeyMinRefresh == b.KeyMinRefresh &&
		a.ClockSkew == b.ClockSkew && a.ExpiryLeeway == b.ExpiryLeeway
}

// sameEntries compares entries but for the roles, which nothing here depends on.
func sameEntries(a, b []auth.Issuer) bool {
	return slices.EqualFunc(a, b, func(x, y auth.Issuer) bool {
		x.Roles, y.Roles = nil, nil
		return reflect.DeepEqual(x, y)
	})
}

// sameKeys reports whether two entries get the same keys in the same way.
func sameKeys(a, b auth.Issuer) bool {
	return a.KeysURL == b.KeysURL && a.KeysFile == b.KeysFile && a.AllowHTTP == b.AllowHTTP &&
		bytes.Equal(a.RootCAs, b.RootCAs) && slices.Equal(a.Algorithms, b.Algorithms)
}

// inherit takes over the key set of old and what is known about fetching it.
func (is *issuer) inherit(old *issuer) {
	old.mu.Lock()
	defer old.mu.Unlock()
	if old.set != nil {
		set := *old.set
		if end := set.fetched.Add(is.life); end.Before(set.expires) {
			set.expires = end
		}
		is.set, is.used = &set, old.used
	}
	is.forced, is.failures, is.lastErr, is.retry = old.forced, old.failures, old.lastErr, old.retry
}
