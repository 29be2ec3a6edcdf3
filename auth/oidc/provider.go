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
	"github.com/micromegas-go/micromegas/internal/fault"
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
//
// A provider's configuration never changes: [Provider.Reconfigure] makes the next one, which shares what is unchanged.
type Provider struct {
	*counters

	cfg        auth.OIDC
	options    Options
	now        func() time.Time
	issuers    map[string]*issuer
	order      []*issuer // as configured
	opaque     []*issuer // those that are asked about tokens that are no JWTs
	generation uint64    // counts the providers that came one from the other
	replaced   atomic.Bool

	digester *digest.Digester
	accepted *cache[acceptance]
	refused  *cache[refusal]
	calls    calls
}

// counters are shared by the providers that came one from the other.
type counters struct {
	validated     atomic.Uint64 // tokens
	verifications atomic.Int64  // signatures checked
}

// acceptance is a validated token.
type acceptance struct {
	verified *auth.Verified
	issuer   *issuer
}

// refusal is a remembered one. It holds for the provider that made it, as long as the issuer's key set is the same.
type refusal struct {
	err        error
	issuer     *issuer // nil when it does not depend on keys
	generation uint64  // of the key set
	provider   uint64  // generation
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
		counters: &counters{},
		cfg:      cfg,
		options:  o,
		now:      o.Now,
		digester: digest.New(),
		accepted: newCache[acceptance](cfg.TokenCacheSize, cfg.TokenCacheTTL),
		refused:  newCache[refusal](cfg.NegativeCacheSize, cfg.NegativeCacheTTL),
	}
	p.setIssuers(func(entries []auth.Issuer) *issuer { return newIssuer(entries, cfg, o) })
	return p
}

// setIssuers groups the entries of the configuration by issuer and lets get make an issuer of each group.
func (p *Provider) setIssuers(get func([]auth.Issuer) *issuer) {
	entries := map[string][]auth.Issuer{}
	var names []string
	for _, entry := range p.cfg.Issuers {
		if entries[entry.Issuer] == nil {
			names = append(names, entry.Issuer)
		}
		entries[entry.Issuer] = append(entries[entry.Issuer], entry)
	}
	p.issuers = make(map[string]*issuer, len(names))
	for _, name := range names {
		is := get(entries[name])
		p.issuers[name] = is
		p.order = append(p.order, is)
		if is.introspector != nil {
			p.opaque = append(p.opaque, is)
		}
	}
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
	work := p.validate
	if err := checkShape(string(token)); err != nil {
		if !p.asksAbout(token, err) {
			return nil, &auth.Refusal{Err: err}
		}
		work = p.introspect
	}
	return p.calls.do(ctx, sum, func() (*auth.Verified, error) {
		// A call may have ended between the look above and this one.
		if v, err, ok := p.remembered(sum); ok {
			return v, err
		}
		p.validated.Add(1)
		return work(ctx, sum, string(token))
	})
}

// remembered returns what is still known about a token.
func (p *Provider) remembered(sum digest.Sum) (*auth.Verified, error, bool) {
	now := p.now()
	if a, ok := p.accepted.get(sum, now); ok && a.issuer.belongsTo(p.generation) {
		return a.verified, nil, true
	}
	if r, ok := p.refused.get(sum, now); ok && r.provider == p.generation && (r.issuer == nil || r.issuer.current() == r.generation) {
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
	end := id.Expiry
	if in := is.introspector; in != nil && in.cfg.Always {
		if err := p.stillActive(ctx, is, t); err != nil {
			return nil, p.refuse(sum, t, is, set.generation, err)
		}
		end = earlier(end, now.Add(in.cfg.CacheTTL))
	}
	return p.accept(sum, is, id, t.claims, end), nil
}

// accept remembers a token that is good until end.
func (p *Provider) accept(sum digest.Sum, is *issuer, id auth.Identity, claims map[string]any, end time.Time) *auth.Verified {
	if id.Groups == nil && groupsUnknown(claims) {
		is.warnGroups()
	}
	thumbprint, _ := confirmation(claims) // checked
	v := auth.NewVerified(id).BoundTo(thumbprint)
	p.accepted.put(sum, acceptance{verified: v, issuer: is}, p.now(), end)
	return v
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// refuse adds what is known about t to err, for the log, and remembers the refusal if nothing can change it.
func (p *Provider) refuse(sum digest.Sum, t *token, is *issuer, generation uint64, err error) error {
	if fault.KindOf(err) == fault.Unavailable || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err // it says nothing about the token
	}
	r, ok := errors.AsType[*auth.Refusal](err)
	if !ok {
		r = &auth.Refusal{Err: err}
	}
	if t != nil {
		r.Known = p.issuers[t.issuer] != nil
		r.Issuer, r.KeyID = auth.Printable(t.issuer), auth.Printable(t.header.keyID)
	}
	if permanent(r) {
		p.refused.put(sum, refusal{err: r, issuer: is, generation: generation, provider: p.generation}, p.now(), time.Time{})
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
	for _, is := range p.order {
		is.renew()
	}
}

// Close ends fetches under way and waits for them. Tokens that need keys are refused from then on. May be called twice.
// A provider that [Provider.Reconfigure] has replaced leaves to the next one what they share.
func (p *Provider) Close() error {
	var wg sync.WaitGroup
	for _, is := range p.order {
		if !p.replaced.Load() || is.until.Load() != 0 {
			wg.Go(is.close)
		}
	}
	wg.Wait()
	return nil
}
