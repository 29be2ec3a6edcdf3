package oidc

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/internal/digest"
)

// Bounds on a token. Real ones have one to four kilobytes.
const (
	maxTokenBytes = 16 << 10
	maxDepth      = 16
	maxKeysTried  = 16 // keys tried for one token
)

// Options are what tests and programs may change.
type Options struct {
	Now func() time.Time // nil means time.Now
	Log *slog.Logger     // nil discards
}

// Provider is an [auth.Provider] for tokens of the configured issuers. Create one with [New]; Close it.
type Provider struct {
	cfg     auth.OIDC
	now     func() time.Time
	issuers map[string]*issuer

	digester *digest.Digester
	accepted *cache[*auth.Verified]
	refused  *cache[refusal]
	calls    calls

	verifications atomic.Int64 // signatures checked, for tests
}

// refusal is a remembered one. It holds as long as the issuer's key set is the one it was made with.
type refusal struct {
	err        error
	issuer     *issuer // nil when it does not depend on keys
	generation uint64
}

// New returns a provider. It does no I/O: an issuer is asked when its first token arrives (A7).
func New(cfg auth.OIDC, o Options) *Provider {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Provider{
		cfg:      cfg,
		now:      o.Now,
		issuers:  map[string]*issuer{},
		digester: digest.New(),
		accepted: newCache[*auth.Verified](cfg.TokenCacheSize, cfg.TokenCacheTTL),
		refused:  newCache[refusal](cfg.NegativeCacheSize, cfg.NegativeCacheTTL),
	}
	for _, entry := range cfg.Issuers {
		is := p.issuers[entry.Issuer]
		if is == nil {
			is = newIssuer(entry, cfg, o)
			p.issuers[entry.Issuer] = is
		}
		is.entries = append(is.entries, entry)
	}
	return p
}

// Method returns [auth.MethodOIDC].
func (p *Provider) Method() auth.Method { return auth.MethodOIDC }

// Authenticate accepts a token of a configured issuer. A refusal is an [*auth.Refusal] of one of this package's errors.
func (p *Provider) Authenticate(ctx context.Context, token auth.Secret) (*auth.Verified, error) {
	if len(token) > maxTokenBytes {
		return nil, &auth.Refusal{Err: ErrTooLong}
	}
	sum := p.digester.Sum(string(token))
	if v, err, ok := p.remembered(sum); ok {
		return v, err
	}
	if err := checkShape(string(token)); err != nil {
		return nil, &auth.Refusal{Err: err}
	}
	return p.calls.do(ctx, sum, func() (*auth.Verified, error) {
		// A call may have ended between the look above and this one.
		if v, err, ok := p.remembered(sum); ok {
			return v, err
		}
		return p.validate(ctx, sum, string(token))
	})
}

// remembered returns what is still known about a token.
func (p *Provider) remembered(sum digest.Sum) (*auth.Verified, error, bool) {
	now := p.now()
	if v, ok := p.accepted.get(sum, now); ok {
		return v, nil, true
	}
	if r, ok := p.refused.get(sum, now); ok && (r.issuer == nil || r.issuer.current() == r.generation) {
		return nil, r.err, true
	}
	return nil, nil, false
}

// checkShape refuses what cannot be a signed token before anything is parsed.
func checkShape(token string) error {
	switch dots := strings.Count(token, "."); {
	case strings.HasPrefix(token, "ya29."):
		return ErrGoogleAccess
	case dots == 4:
		return ErrEncrypted
	case dots != 2:
		return ErrNotJWT
	}
	return nil
}

// validate does the whole work for one token and remembers the result.
func (p *Provider) validate(ctx context.Context, sum digest.Sum, token string) (*auth.Verified, error) {
	t, err := parse(token)
	if err != nil {
		return nil, p.refuse(sum, t, nil, 0, err)
	}
	is := p.issuers[t.issuer]
	if is == nil {
		return nil, p.refuse(sum, t, nil, 0, ErrIssuer)
	}
	if configured := is.entries[0].Algorithms; len(configured) > 0 && !slices.Contains(configured, t.header.algorithm) {
		return nil, p.refuse(sum, t, nil, 0, ErrAlgorithm)
	}
	set, err := p.verify(ctx, is, t)
	if err != nil {
		if set == nil {
			return nil, err // no keys: nothing is known about the token
		}
		return nil, p.refuse(sum, t, is, set.generation, err)
	}
	now := p.now()
	id, err := checkClaims(t, is.entries, p.cfg, now)
	if err != nil {
		return nil, p.refuse(sum, t, is, set.generation, err)
	}
	v := auth.NewVerified(id)
	p.accepted.put(sum, v, now, id.Expiry)
	return v, nil
}

// refuse adds what is known about t to err, for the log, and remembers the refusal if nothing can change it.
func (p *Provider) refuse(sum digest.Sum, t *token, is *issuer, generation uint64, err error) error {
	r, ok := errors.AsType[*auth.Refusal](err)
	if !ok {
		r = &auth.Refusal{Err: err}
	}
	if t != nil {
		r.Issuer, r.KeyID = auth.Printable(t.issuer), auth.Printable(t.header.keyID)
	}
	if permanent(r) {
		p.refused.put(sum, refusal{err: r, issuer: is, generation: generation}, p.now(), time.Time{})
	}
	return r
}

// Run renews key sets that are in use before they expire, until ctx ends (B9).
func (p *Provider) Run(ctx context.Context) error {
	tick := time.NewTicker(min(max(p.cfg.KeyRefresh/20, time.Second), time.Minute))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			p.renew()
		}
	}
}

// renew starts a fetch for every issuer whose key set is in use and nears its end.
func (p *Provider) renew() {
	for _, is := range p.issuers {
		is.renew()
	}
}

// Close ends fetches under way and waits for them. Tokens that need keys are refused from then on. May be called twice.
func (p *Provider) Close() error {
	var wg sync.WaitGroup
	for _, is := range p.issuers {
		wg.Go(is.close)
	}
	wg.Wait()
	return nil
}
